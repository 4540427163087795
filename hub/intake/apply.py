"""What a batch of messages does to the database. Runs within the writer's transaction; touches neither clock nor net.

Keeps twins and acknowledgements in memory between batches; after a transaction that failed the writer calls `forget`,
and all is read again from the database, which alone is the truth.
"""

from __future__ import annotations

import logging
import re
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, replace

from hub.core import own as kinds
from hub.core.acks import Contiguity
from hub.core.liveness import Silent, group_keys, silent_since_s
from hub.core.room_clocks import RoomClocks, is_off
from hub.core.twin import Twin, apply_state, apply_status, heard, verdict
from hub.core.when import BACKFILLED_S, BootClock
from hub.history import chunks
from hub.intake.applied import Applied
from hub.intake.boards import Boards
from hub.intake.ingest import Heard, Unread, interpret
from hub.intake.link import Received
from hub.store import incidents, kept, orders, own, tables
from hub.store.db import hub_epoch
from hub.store.kept import Kept
from wire.event_kinds import EventKind
from wire.messages import PAYLOAD_MAX_BYTES, Event, MetricBatch, Reply, State, Status
from wire.topics import Leaf, Topic

log = logging.getLogger(__name__)

HISTORY_BACK_S = 31 * 86_400.0
"""Older samples come from a clock that was wrong, not from a room that was away."""
HISTORY_AHEAD_S = 300.0
ACKS_KEPT = 20_000
"""Epochs whose count is held in memory. A room may name as many as it likes; what is let go is read again."""
_QUOTED = re.compile(r"'[^']*'")
RETRIED_AT_ONCE = 500
"""Kept events that a new release tries in one transaction."""


class Applier:
    """Applies messages and time to the database."""

    def __init__(
        self, db: sqlite3.Connection, beat_s: float, version: str = "", room_clocks: RoomClocks | None = None
    ) -> None:
        """`beat_s`: how often a room lets itself be heard at least, in seconds. `version` of this program: it tries
        once what an earlier one could not read. `room_clocks` is told what time the rooms have."""
        self._db = db
        self._room_clocks = room_clocks or RoomClocks()
        self._version = version
        self._boards: dict[str, Boards] = {}
        self._beat_s = beat_s
        self._clocks: dict[str, BootClock] = {}
        self._told_kinds: set[str] = set()
        self._read()

    def forget(self) -> None:
        """Trust nothing in memory: it is read again before the next use. Call after a rollback; never raises.

        Else an event whose insertion was undone could be acknowledged as committed.
        """
        self._stale = True

    def clock_set(self) -> None:
        """The hub's clock was set, and what stands in the database was moved: estimates made by the old one go."""
        self._clocks.clear()
        self.forget()

    def refresh(self) -> None:
        """Read what `forget` has given up. `apply` and `tick` do so by themselves."""
        if self._stale:
            self._read()

    def _read(self) -> None:
        self._epoch = hub_epoch(self._db)
        self._listed = tables.inventory(self._db)
        self._twins = tables.load_twins(self._db)
        self._acks: dict[tuple[str, str], Contiguity] = {}
        self._lost = incidents.lost_rooms(self._db)
        self._verdicts = {row["room"]: row["verdict"] for row in self._db.execute("SELECT room, verdict FROM twins")}
        self._sizes: dict[str, int] = {}
        for listed in self._listed.values():
            if listed.installed:
                self._sizes[listed.cluster] = self._sizes.get(listed.cluster, 0) + 1
        self._stale = False

    def inventory_changed(self) -> bool:
        """Whether the inventory in the database is another than the one in memory."""
        return not self._stale and tables.inventory(self._db) != self._listed

    def twin(self, room: str) -> Twin:
        """The room's twin as of the last commit."""
        return self._twins.get(room) or Twin(room)

    def listed(self, room: str) -> tables.Listed | None:
        """The room's entry in the inventory, or None."""
        return self._listed.get(room)

    def is_lost(self, room: str) -> bool:
        """Whether the room counts as lost."""
        return room in self._lost

    @property
    def heard_count(self) -> int:
        """Installed rooms that are online and not lost."""
        return sum(
            1 for room, listed in self._listed.items()
            if listed.installed and room not in self._lost and (twin := self._twins.get(room)) and twin.online
        )  # fmt: skip

    @property
    def expected_count(self) -> int:
        """Installed rooms of the inventory."""
        return sum(self._sizes.values())

    def apply(self, batch: Iterable[Heard | Unread], now_s: float) -> Applied:
        """Apply messages in the order they came."""
        self.refresh()
        work = _Work({}, set(), {}, self._ahead_s(now_s))
        done = Applied()
        for item in batch:
            if isinstance(item, Unread):
                self.set_aside(item, now_s, done)
            elif item.topic.room not in self._listed:
                reason = f"room {item.topic.room} is not in the inventory"
                self.set_aside(Unread("unknown_room", reason, item.source), now_s, done)
            else:
                self._one(item, now_s, done, work)
        self._settle(work, done)
        return done

    def _ahead_s(self, now_s: float) -> float:
        ahead_s = self._room_clocks.ahead_s(now_s)
        return ahead_s if ahead_s is not None and is_off(ahead_s) else 0.0

    def _settle(self, work: _Work, done: Applied) -> None:
        """Write what a batch has gathered."""
        for room, epoch, fault_id in sorted(work.folds):
            incident = incidents.refold(self._db, room, epoch, fault_id)
            if incident is not None:
                done.incidents.add(incident)
                done.rooms.add(room)
        for (room, fact), samples in work.samples.items():
            chunks.put(self._db, room, fact, samples)
        self._finish(work.twins, done)
        for (room, epoch), seq in done.acks.items():
            tables.save_acked(self._db, room, epoch, seq)

    def retry_kept(self) -> tuple[Applied, bool]:
        """Apply events that an earlier release could not read. What was done, and whether there may be more."""
        self.refresh()
        work, done = _Work({}, set(), {}), Applied()
        waiting = kept.untried(self._db, self._version, RETRIED_AT_ONCE)
        for event in waiting:
            self._db.execute("SAVEPOINT kept")
            try:
                applied = self._retry(event, done, work)
            except Exception:  # as it was with the release before: it stays kept
                log.exception("a kept event of room %s still trips over a defect", event.room)
                self._db.execute("ROLLBACK TO kept")
                self._acks.pop((event.room, event.epoch), None)
                applied = False
            self._db.execute("RELEASE kept")
            if applied:
                kept.forget(self._db, event)
            else:
                kept.tried(self._db, event, self._version)
        self._settle(work, done)
        return done, len(waiting) == RETRIED_AT_ONCE

    def _retry(self, event: Kept, done: Applied, work: _Work) -> bool:
        source = Received(str(Topic(event.room, Leaf.EVENT)), event.raw, True, event.received_s, lambda: None)
        item = interpret(source)
        if not isinstance(item, Heard) or not isinstance(item.message, Event):
            return False
        stamp = item.message.stamp
        if (stamp.epoch, stamp.seq) != (event.epoch, event.seq):
            return False
        at_s = stamp.wall_s if stamp.synced else event.received_s
        self._event(event.room, item.message, event.raw, at_s, event.received_s, done, work, late=True)
        return True

    def set_aside(self, item: Unread, now_s: float, done: Applied) -> None:
        """Keep a message that could not be used, and say so once a kind."""
        reason = _QUOTED.sub("…", item.reason) if item.kind == "topic" else item.reason  # one row, whatever is made up
        tables.set_aside(self._db, now_s, _shown(item), reason, item.source.payload)
        done.health = True
        if item.room in self._listed:
            self._keep(item, now_s, done)
        if item.kind not in self._told_kinds:
            self._told_kinds.add(item.kind)
            topic, reason = tables.clean(item.source.topic), tables.clean(item.reason)
            log.warning("set aside (%s), told once: %s: %s", item.kind, topic[:120], reason[:200])

    def _keep(self, item: Unread, now_s: float, done: Applied) -> None:
        """Keep an event that has a number, which then counts as committed, and open an incident."""
        room = item.room
        if item.seq:
            event = Kept(room, item.epoch, item.seq, item.source.received_s, item.source.payload[:PAYLOAD_MAX_BYTES])
            if kept.keep(self._db, event, item.kind, tables.clean(item.reason), self._version):
                contiguity = self._contiguity(room, item.epoch)
                contiguity.add(item.seq)
                done.acks[(room, item.epoch)] = contiguity.acked
        if item.kind == kept.NEWER:
            self.notice(room, kinds.VERSION_NEWER, "newer", now_s, done)
        elif item.kind == kept.DEADLY:
            self.notice(room, kinds.DEADLY, "deadly", now_s, done)
        elif item.leaf is Leaf.EVENT or item.kind == "defect":
            self.notice(room, kinds.EVENTS_UNREAD, "unread" if item.seq else "unnumbered", now_s, done)

    def notice(self, room: str, own_kind: kinds.Own, reason: str, now_s: float, done: Applied, count: int = 1) -> None:
        """Note a sign of one of the hub's own incidents."""
        opened = own.notice(self._db, room, own_kind, reason, now_s, count)
        if opened:
            done.incidents.add(opened)
            done.rooms.add(room)

    def _contiguity(self, room: str, epoch: str) -> Contiguity:
        key = (room, epoch)
        if key not in self._acks:
            if len(self._acks) >= ACKS_KEPT:
                self._acks.clear()
            self._acks[key] = tables.load_contiguity(self._db, room, epoch)
        return self._acks[key]

    def _one(self, item: Heard, now_s: float, done: Applied, work: _Work) -> None:
        room, message, source = item.topic.room, item.message, item.source
        twin = work.twins.get(room) or self.twin(room)
        present = not source.retained
        clock = self._clocks.setdefault(room, BootClock())
        will = isinstance(message, Status) and not message.online
        true_s = source.received_s + work.ahead_s
        if present and not will:
            clock.hear(message.stamp, true_s)
            twin = heard(twin, source.received_s)
            if message.stamp.synced and isinstance(message, Status | State):
                self._room_clocks.hear(room, message.stamp.wall_s, source.received_s)
        at_s = clock.at_s(message.stamp, true_s)
        if present and not will and isinstance(message, Status | State):
            twin = self._board(twin, message, now_s, done)
        match message:
            case Status():
                twin = apply_status(twin, message, source.received_s, leftover=source.retained)
            case State():
                twin = self._state(twin, message, source.payload, at_s, now_s, done)
            case Event():
                self._event(room, message, source.payload, at_s, true_s, done, work)
            case MetricBatch():
                self._metric(room, message, at_s, now_s + work.ahead_s, work)
            case Reply():
                if orders.apply_reply(self._db, room, item.topic.id, message, now_s):
                    done.rooms.add(room)
        work.twins[room] = twin

    def _board(self, twin: Twin, message: Status | State, now_s: float, done: Applied) -> Twin:
        """A start of a board that was over speaks on: two boards are running, and the twin is that of who speaks."""
        boot = message.stamp.boot
        if not self._boards.setdefault(twin.room, Boards()).hear(message.stamp):
            return twin
        self.notice(twin.room, kinds.TWO_BOARDS, "two_boards", now_s, done)
        return replace(twin, past_boots=tuple(past for past in twin.past_boots if past != boot))

    def _state(self, twin: Twin, state: State, raw: bytes, at_s: float, now_s: float, done: Applied) -> Twin:
        newer = apply_state(twin, state, raw, at_s)
        if newer is not twin:
            closed = incidents.close_missing(
                self._db, twin.room, state.stamp.epoch, {fault.fault_id for fault in state.faults},
                drained=state.outbox == 0, state_s=at_s, now_s=now_s,
                two_boards=own.is_open(self._db, twin.room, kinds.TWO_BOARDS),
            )  # fmt: skip
            done.incidents |= set(closed)
        return newer

    def _event(
        self, room: str, event: Event, raw: bytes, at_s: float, received_s: float, done: Applied, work: _Work,
        *, late: bool = False,
    ) -> None:  # fmt: skip
        stamp = event.stamp
        key = (room, stamp.epoch)
        contiguity = self._contiguity(room, stamp.epoch)
        late = late or received_s - at_s > BACKFILLED_S
        new = incidents.insert_event(self._db, room, event, raw, at_s=at_s, received_s=received_s, backfilled=late)
        # A floor of another database of this hub's says nothing about what this one has.
        contiguity.add(stamp.seq, event.floor if event.hub == self._epoch else 1)
        # Also for an event that is known: the room sends it again because it has not got our word.
        done.acks[key] = contiguity.acked
        if not new:
            return
        done.rooms.add(room)
        if event.kind == EventKind.LEASE_WANTED and not late:
            done.asking.add(room)
        if event.fault_id:
            work.folds.add((room, stamp.epoch, event.fault_id))
        orders.apply_event(self._db, room, event, received_s - work.ahead_s)

    def _metric(self, room: str, batch: MetricBatch, at_s: float, now_s: float, work: _Work) -> None:
        for fact, samples in batch.samples.items():
            good = [
                (at_s + offset_s, value) for offset_s, value in samples
                if now_s - HISTORY_BACK_S <= at_s + offset_s <= now_s + HISTORY_AHEAD_S
            ]  # fmt: skip
            work.samples.setdefault((room, fact), []).extend(good)

    def tick(self, now_s: float, listening_s: float | None) -> Applied:
        """Let time pass: find rooms that fell silent (`listening_s` None: the hub itself hears nothing), end orders."""
        self.refresh()
        done = Applied()
        for row in orders.expire(self._db, now_s):
            done.rooms.add(row["room"])
            done.incidents |= {row["incident"]} if row["incident"] else set()
        for room, incident in own.settle(self._db, now_s):
            done.rooms.add(room)
            done.incidents.add(incident)
        for room, lost in list(self._lost.items()):
            listed = self._listed.get(room)
            if listed is None or not listed.installed:  # taken out of service: nobody need go and look
                incidents.close_lost(self._db, room, lost, now_s)
                del self._lost[room]
                done.incidents.add(lost.id)
        if listening_s is None:
            return done
        silent: dict[str, Twin] = {}
        for room, twin in self._twins.items():
            listed = self._listed.get(room)
            if listed is None or not listed.installed or room in self._lost:
                continue
            since_s = silent_since_s(twin, now_s, listening_s, self._beat_s)
            if since_s is not None:
                self._lost[room] = incidents.open_lost(self._db, room, since_s, now_s)
                silent[room] = replace(twin, lost_since_s=twin.lost_since_s or since_s)
                done.incidents.add(self._lost[room].id)
        if silent:
            self._group(done)
            self._finish(silent, done)
        return done

    def _group(self, done: Applied) -> None:
        lost = [
            Silent(room, self._listed[room].cluster, one.since_s, one.group)
            for room, one in self._lost.items() if room in self._listed
        ]  # fmt: skip
        for room, key in group_keys(lost, self._sizes).items():
            incidents.set_group(self._db, self._lost[room].id, key)
            self._lost[room] = replace(self._lost[room], group=key)
            done.incidents.add(self._lost[room].id)

    def _finish(self, changed: dict[str, Twin], done: Applied) -> None:
        """Write twins with their verdicts, and end the incidents of rooms that are heard again."""
        rows = []
        for room, twin in changed.items():
            lost = self._lost.get(room)
            if lost is not None and twin.online and twin.heard_s > lost.since_s:
                incidents.close_lost(self._db, room, lost, twin.heard_s)
                del self._lost[room]
                done.incidents.add(lost.id)
            word = verdict(twin, installed=self._listed[room].installed, lost=room in self._lost)
            if _looks(twin) != _looks(self.twin(room)) or word != self._verdicts.get(room):
                done.rooms.add(room)
                done.health = True
            rows.append((twin, word))
            self._verdicts[room] = word
            self._twins[room] = twin
        tables.save_twins(self._db, rows)


@dataclass
class _Work:
    """What a batch gathers before it is written once."""

    twins: dict[str, Twin]
    folds: set[tuple[str, str, int]]
    samples: dict[tuple[str, str], list[chunks.Sample]]
    ahead_s: float = 0.0
    """How far the rooms' clocks are ahead of the hub's; 0 while they agree or nobody knows."""


def _shown(item: Unread) -> str:
    """The topic as the list of what was set aside names it: one row a room, leaf and reason, whatever it invents."""
    parts = item.source.topic.split("/")
    if item.leaf is Leaf.REPLY:
        return "/".join([*parts[:5], "+"])
    if item.kind == "topic" and len(parts) in (5, 6):
        return "/".join([*parts[:2], "+", parts[3], parts[4], *["+"][: len(parts) - 5]])
    return item.source.topic


def _looks(twin: Twin) -> Twin:
    """The twin without what changes at every beat and no page shows by itself."""
    return replace(twin, heard_s=0.0, nonce="", nonce_heard_s=0.0, status_mono_s=0.0, counter=0)
