"""Events, losses, repeats, disorder, power cuts, copies and hubs brought back, in any order: each event ends up once.

The real session, the real store and the real applier, with nothing between them but two lists of messages.
"""

from __future__ import annotations

import random
import sqlite3
import tempfile
from contextlib import closing
from itertools import count
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.facts import Instant
from agent.store.base import Batch
from agent.store.sqlite import SqliteStore
from agent.uplink import report
from agent.uplink.session import REWIND_EVERY_S, Session
from agent.uplink.trust import Trust
from hub.intake.apply import Applier
from hub.intake.ingest import interpret
from hub.intake.link import Received
from hub.store.db import open_db, transaction
from tests.effort import examples
from wire import messages as m
from wire.event_kinds import EventKind
from wire.topics import FLEET, Leaf, Topic

ROOM = "r-1"
WALL_S = 1.79e9
STEPS = ("event", "tick", "hear", "told", "lose", "mute", "repeat", "calm", "copy", "restore", "power cut", "reconnect")


class World:
    """One room and the hub's present database."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.now_s = folder, 10.0
        self.up: list[tuple[str, bytes]] = []
        self.down: list[tuple[str, bytes]] = []
        self.made: set[int] = set()
        self.copied: Path | None = None
        self._numbers = count(1)
        self.open_hub()
        self.start()

    @property
    def now(self) -> Instant:
        return Instant(self.now_s, WALL_S + self.now_s)

    def start(self) -> None:
        self.store = SqliteStore(self.folder / "room.db")
        self.who = report.Identity(ROOM, self.store.epoch, f"b{next(self._numbers)}", "0")
        known = self.store.remember("").meta.get("hub_epoch", "")
        self.session = Session(self.who, self.store, lambda: f"n{next(self._numbers)}", trust=Trust(), hub_epoch=known)
        self.connect()

    def connect(self) -> None:
        self.session.disconnected()
        self.session.connected(self.now)
        self.greet()

    def greet(self) -> None:
        self.down.append((FLEET, m.encode(m.Fleet(hub_epoch=self.hub_epoch))))

    def open_hub(self) -> None:
        """A hub with the last copy, without one with nothing."""
        path = self.folder / f"hub-{next(self._numbers)}.db"
        self.hub_epoch = path.stem
        if self.copied is not None:
            path.write_bytes(self.copied.read_bytes())
        self.db = open_db(path)
        with transaction(self.db):
            self.db.execute("UPDATE meta SET value = ? WHERE key = 'hub_epoch'", (self.hub_epoch,))
            self.db.execute(
                "INSERT OR IGNORE INTO nodes (id, level, code, name, folded, sort_key) VALUES (1, 's', '1', '', '', '')"
            )
            self.db.execute(
                "INSERT OR IGNORE INTO rooms (room, node, name, folded, sort_key) VALUES (?, 1, '', '', '')", (ROOM,)
            )
        self.applier = Applier(self.db, 60.0)

    def event(self) -> None:
        seq = self.store.reserve_seq()
        event = m.Event(stamp=report.stamp(self.who, self.now, seq), kind=EventKind.AGENT_STARTED)
        self.store.commit(Batch(events=[(seq, m.encode(event))]))
        self.made.add(seq)

    def tick(self, seconds: float) -> None:
        self.now_s += seconds
        self.up += [(out.topic, out.payload) for out in self.session.due(self.now)]

    def hear(self, messages: list[tuple[str, bytes]]) -> None:
        at_s = WALL_S + self.now_s
        read = [interpret(Received(topic, payload, False, at_s, lambda: None)) for topic, payload in messages]
        if read:
            with transaction(self.db):
                done = self.applier.apply(read, at_s)
            for (_, epoch), seq in done.acks.items():
                ack = m.Ack(epoch=epoch, seq=seq, hub=self.hub_epoch)
                self.down.append((str(Topic(ROOM, Leaf.ACK)), m.encode(ack)))

    def tell(self, messages: list[tuple[str, bytes]]) -> None:
        for topic, payload in messages:
            self.session.received(topic, payload, False, self.now)

    def calm(self) -> None:
        """Nothing is lost any more; long enough for a room that may not go back yet."""
        self.connect()
        for _ in range(int(REWIND_EVERY_S)):
            self.tick(2.0)
            up, self.up = self.up, []
            self.hear(up)
            down, self.down = self.down, []
            self.tell(down)

    def do(self, step: str, dice: random.Random) -> None:
        match step:
            case "event":
                self.event()
            case "tick":
                self.tick(dice.choice((1.0, 31.0, REWIND_EVERY_S + 1.0)))
            case "hear":
                self.hear(_some(self.up, dice))
            case "told":
                self.tell(_some(self.down, dice))
            case "lose" if self.up:
                self.up.pop(dice.randrange(len(self.up)))
            case "mute" if self.down:
                self.down.pop(dice.randrange(len(self.down)))
            case "repeat":
                self.up += self.up[-5:]
                self.down += self.down[:5]
            case "calm":
                self.calm()
            case "copy":
                self.copied = self.folder / f"copy-{next(self._numbers)}.db"
                with closing(sqlite3.connect(self.copied)) as copy:
                    self.db.backup(copy)
            case "restore":
                self.db.close()
                self.open_hub()
                self.greet()
            case "power cut":
                self.store.close()
                self.start()
            case "reconnect":
                self.connect()

    def close(self) -> None:
        self.store.close()
        self.db.close()


def _some(messages: list[tuple[str, bytes]], dice: random.Random) -> list[tuple[str, bytes]]:
    """The first few of them, taken, now and then in another order."""
    taken = [messages.pop(0) for _ in range(dice.randint(0, len(messages)))]
    if dice.random() < 0.3:
        dice.shuffle(taken)
    return taken


@settings(max_examples=examples(40), derandomize=True, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 2**16)), max_size=60))
def test_in_the_end_the_hub_has_every_event_once(steps: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        try:
            for step, seed in steps:
                world.do(step, random.Random(seed))
            world.calm()
            rows = [seq for (seq,) in world.db.execute("SELECT seq FROM events")]
            assert sorted(rows) == sorted(world.made)
            assert world.store.pending() == 0
        finally:
            world.close()
