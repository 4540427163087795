"""The hub at the other end: its real reading, applying and acknowledging code over its real database."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from hub.core import leases
from hub.intake.apply import Applier
from hub.intake.ingest import Heard, interpret
from hub.intake.link import Received
from hub.store.db import hub_epoch, open_db, transaction
from tests.prove.sim.clock import EPOCH_S
from tests.prove.sim.seals import Seals
from wire import messages as m
from wire.envelope import Kind
from wire.event_kinds import EventKind
from wire.topics import FLEET, KEYS, Leaf, Topic

ROOM = "sim"
BEAT_S = 60.0
COMMIT_S = 0.25

Down = Callable[[str, bytes, bool], None]
"""Send a message to the room: topic, payload, whether the broker had kept it."""


class Hub:
    """One hub with one room. Commits in batches; may die before a commit, or between it and its word."""

    def __init__(
        self, folder: Path, dice: random.Random, down: Down, later: Callable[[float, Callable[[], None]], None]
    ) -> None:
        self._folder = folder
        self._dice = dice
        self._down = down
        self._later = later
        self._generation = 0
        self._queue: list[Received] = []
        self._due = False
        self.up = True
        self.crash_rate = 0.0
        self.crashes = 0
        self.kept: dict[str, bytes] = {}
        """The broker's retained messages of the room."""
        self.desired = m.Desired(room=ROOM, version=0)
        self.counter = 0
        self.seals: Seals | None = None
        """With them every document and order is signed."""
        self._robbed = False
        self._asked: set[tuple[str, int]] = set()
        """Events in which the room has asked for a lease, answered or not."""
        self.committed: dict[tuple[str, int], bytes] = {}
        """(epoch, seq) to the event as some database of a hub has it."""
        self._copy: sqlite3.Connection | None = None
        self._open()

    def _open(self) -> None:
        self._generation += 1
        path = self._folder / f"hub-{self._generation}.db"
        if self._copy is not None:
            with closing(sqlite3.connect(path)) as brought:
                self._copy.backup(brought)
        self.db = open_db(path)
        with transaction(self.db):
            # As `diemcau-hub restore` does; and not by chance, so that a seed gives the same bytes again.
            self.db.execute("UPDATE meta SET value = ? WHERE key = 'hub_epoch'", (f"hub-{self._generation}",))
            self.db.execute(
                "INSERT OR IGNORE INTO nodes (id, level, code, name, folded, sort_key)"
                " VALUES (1, 'site', '1', 'x', 'x', 'x')"
            )
            self.db.execute(
                "INSERT OR IGNORE INTO rooms (room, node, name, folded, sort_key) VALUES (?, 1, 'x', 'x', 'x')", (ROOM,)
            )
        self.applier = Applier(self.db, BEAT_S)
        self.epoch = hub_epoch(self.db)

    def copy(self) -> None:
        """Make the night's copy."""
        self._copy = sqlite3.connect(":memory:")
        self.db.backup(self._copy)

    def renew(self, now_s: float) -> None:
        """A new hub takes over, with the last copy; without one its database is empty."""
        self.db.close()
        self._open()
        for topic, payload in self.kept.items():
            self._take(topic, payload, True, now_s)
        self.greet()

    def restart(self, now_s: float) -> None:
        """It comes back after having been away: the broker still has what it had not confirmed."""
        self.up = True
        self.applier = Applier(self.db, BEAT_S)
        for topic, payload in self.kept.items():
            self._take(topic, payload, True, now_s)
        self.greet()
        self._arrange(now_s)

    def greet(self) -> None:
        """What a room gets when it subscribes: the kept documents."""
        fleet = m.Fleet(hub_epoch=self.epoch)
        self._down(FLEET, m.encode(fleet), True)
        if self.seals is not None:
            self._down(KEYS, self.seals.lists[-2 if self._robbed else -1], True)
        if self.desired.version:
            self._tell(True)

    def _tell(self, retained: bool) -> None:
        self._down(str(Topic(ROOM, Leaf.DESIRED)), self.sealed(Kind.DESIRED, m.encode(self.desired)), retained)

    def repeat(self) -> None:
        """The document in force comes once more."""
        self._tell(True)

    def sealed(self, kind: Kind, body: bytes, *, stolen: bool = False) -> bytes:
        """As it goes onto the wire; `stolen`: signed by the key that was revoked last."""
        return body if self.seals is None else self.seals.seal(kind, body, stolen=stolen)

    def renew_keys(self) -> None:
        """A key was stolen: another one signs from now on."""
        if self.seals is not None:
            self.seals.renew()
            self._down(KEYS, self.seals.lists[-1], True)

    def rob(self, robbed: bool) -> None:
        """A thief holds the broker: it hands out the list of keys of before."""
        self._robbed = robbed and self.seals is not None and len(self.seals.lists) > 1
        self.greet()

    def hear(self, topic: str, payload: bytes, retain: bool, now_s: float) -> None:
        """A message of the room has reached the broker."""
        if retain:
            self.kept[topic] = payload
        self._take(topic, payload, False, now_s)

    def _take(self, topic: str, payload: bytes, retained: bool, now_s: float) -> None:
        self._queue.append(Received(topic, payload, retained, EPOCH_S + now_s, lambda: None))
        self._arrange(now_s)

    def _arrange(self, now_s: float) -> None:
        if self.up and self._queue and not self._due:
            self._due = True
            self._later(COMMIT_S, lambda: self._commit(now_s + COMMIT_S))

    @property
    def idle(self) -> bool:
        """Whether nothing waits to be committed."""
        return not self._queue or not self.up

    def _commit(self, now_s: float) -> None:
        self._due = False
        if not self.up:
            return
        items = [interpret(message) for message in self._queue]
        dies = self._dice.random() < self.crash_rate
        before_commit = dies and self._dice.random() < 0.5
        try:
            with transaction(self.db):
                done = self.applier.apply(items, EPOCH_S + now_s)
                if before_commit:
                    raise _DiesError
        except _DiesError:
            self.crashes += 1
            self.applier.forget()
            self._arrange(now_s)  # nothing was confirmed: the broker hands all of it out again
            return
        self._queue.clear()
        for item in items:
            if isinstance(item, Heard) and isinstance(item.message, m.Event):
                stamp = item.message.stamp
                self.committed.setdefault((stamp.epoch, stamp.seq), item.source.payload)
                if item.message.kind == EventKind.LEASE_WANTED and (stamp.epoch, stamp.seq) not in self._asked:
                    self._asked.add((stamp.epoch, stamp.seq))
                    self._answer()
        if dies:
            self.crashes += 1
            self.applier.forget()
            return
        for (_, epoch), seq in done.acks.items():
            self._down(str(Topic(ROOM, Leaf.ACK)), m.encode(m.Ack(epoch=epoch, seq=seq, hub=self.epoch)), False)

    def _answer(self) -> None:
        """Grant or deny a lease after a moment; now and then nobody answers. Only a hub that signs is asked."""
        chance = self._dice.random()
        if self.seals is None or chance < 0.1:
            return
        action = leases.GRANTED if chance < 0.8 else leases.DENIED
        self._later(self._dice.uniform(0.1, 6.0), lambda: self._give(action))

    def _give(self, action: str) -> None:
        if self.up:
            self._down(*self.order(f"l{self.counter + 1}", action, by=leases.BY), False)

    def order(self, ident: str, action: str, *, stolen: bool = False, **changes: Any) -> tuple[str, bytes]:
        """A command in the envelope that the room asks for, as far as the hub knows it: topic and payload."""
        twin = self.applier.twin(ROOM)
        self.counter = max(self.counter, twin.counter) + 1
        command = m.Command(
            id=ident, room=ROOM, boot=twin.boot, nonce=twin.nonce, counter=self.counter, action=action, by="nguoitruc",
        )  # fmt: skip
        body = m.encode(msgspec.structs.replace(command, **changes))
        return str(Topic(ROOM, Leaf.COMMAND, ident)), self.sealed(Kind.COMMAND, body, stolen=stolen)

    def want(self, **changes: Any) -> None:
        """A newer desired document."""
        self.desired = msgspec.structs.replace(self.desired, version=self.desired.version + 1, **changes)
        self._tell(False)

    def plan(self, meeting: m.Meeting, now_wall_s: float) -> None:
        """One meeting more, besides those that are not over."""
        going = [one for one in self.desired.meetings if one.end_s > now_wall_s]
        self.want(meetings=[*going, meeting])

    def missing(self, epoch: str, held: set[int]) -> set[int]:
        """Those of these events of an epoch that the present database has not got."""
        rows = self.db.execute("SELECT seq FROM events WHERE room = ? AND epoch = ?", (ROOM, epoch))
        return held - {int(row[0]) for row in rows}

    def incidents(self, epoch: str) -> list[sqlite3.Row]:
        """The open incidents of one of the room's epochs."""
        return list(
            self.db.execute("SELECT * FROM incidents WHERE room = ? AND epoch = ? AND closed_s = 0", (ROOM, epoch))
        )


class _DiesError(Exception):
    pass
