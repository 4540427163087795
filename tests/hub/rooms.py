"""Rooms for the hub's tests: an inventory of a few clusters, and honest rooms that make messages."""

from __future__ import annotations

import sqlite3
from typing import Any

from hub.intake.ingest import Heard, interpret
from hub.intake.link import Received
from wire.event_kinds import EventKind
from wire.messages import Event, FactNow, FaultNow, MetricBatch, Reply, Stamp, State, Status, encode
from wire.topics import Leaf, Topic

T0 = 1_780_000_000.0
"""When these rooms booted, Unix seconds."""


def fill_inventory(db: sqlite3.Connection, clusters: int = 2, rooms: int = 5) -> list[str]:
    """Clusters c1, c2 … with rooms p1-1, p1-2 …; the rooms' ids."""
    ids = []
    db.execute("INSERT INTO nodes VALUES (1, NULL, 'province', '38', 'Thanh Hóa', 'thanh hoa', 't', '[]')")
    for c in range(1, clusters + 1):
        db.execute("INSERT INTO nodes VALUES (?, 1, 'cluster', ?, ?, ?, ?, '[]')", (10 + c, f"c{c}", f"C{c}", "", ""))
        for r in range(1, rooms + 1):
            ids.append(f"p{c}-{r}")
            db.execute(
                "INSERT INTO rooms (room, node, name, folded, sort_key) VALUES (?, ?, ?, '', '')",
                (ids[-1], 10 + c, f"Phòng {r}"),
            )
    return ids


class Room:
    """One room's voice. Each message is later than the one before."""

    def __init__(self, room: str = "p1-1", epoch: str = "e1", boot: str = "b1", start_s: float = T0) -> None:
        self.room = room
        self.epoch = epoch
        self.boot = boot
        self.start_s = start_s
        self.mono_s = 10.0
        self.seq = 0
        self.connection = 1
        self.nonces = 0

    def stamp(self, seq: int = 0, synced: bool = True) -> Stamp:
        """The stamp of a message made now; a second passes."""
        self.mono_s += 1.0
        return Stamp(
            epoch=self.epoch, seq=seq, boot=self.boot, mono_s=self.mono_s, wall_s=self.start_s + self.mono_s,
            synced=synced,
        )  # fmt: skip

    @property
    def now_s(self) -> float:
        """The room's wall clock."""
        return self.start_s + self.mono_s

    def status(self, **fields: Any) -> Status:
        """A status with a fresh nonce."""
        self.nonces += 1
        given: dict[str, Any] = {"online": True, "connection": self.connection, "nonce": f"n{self.nonces}"} | fields
        return Status(stamp=self.stamp(), **given)

    def state(self, *faults: tuple[int, str, str], **fields: Any) -> State:
        """A state with faults of (fault_id, phase, severity), of a room whose codec answers."""
        now = [
            FaultNow(fault_id=number, rule="codec_hung", phase=phase, severity=severity, since_s=self.now_s)
            for number, phase, severity in faults
        ]
        stamp = self.stamp()
        given: dict[str, Any] = {"facts": {"codec.api": FactNow(True, stamp.wall_s)}} | fields
        return State(stamp=stamp, faults=now, **given)

    def event(self, kind: str = EventKind.AGENT_STARTED, **fields: Any) -> Event:
        """The next event of the epoch."""
        self.seq += 1
        return Event(stamp=self.stamp(self.seq), kind=kind, **fields)

    def metric(self, **samples: float) -> MetricBatch:
        """One sample a fact, made now."""
        return MetricBatch(stamp=self.stamp(), samples={fact: [(0.0, value)] for fact, value in samples.items()})

    def topic(self, message: Any, id_: str = "") -> str:
        """The topic of a message of this room."""
        leaf: dict[Any, Leaf] = {
            Status: Leaf.STATUS,
            State: Leaf.STATE,
            Event: Leaf.EVENT,
            MetricBatch: Leaf.METRIC,
            Reply: Leaf.REPLY,
        }
        return str(Topic(self.room, leaf[type(message)], id_))

    def heard(self, message: Any, received_s: float = 0.0, *, retained: bool = False, id_: str = "") -> Heard:
        """The message as the hub reads it, received a tenth of a second after it was made unless told otherwise."""
        at_s = received_s or message.stamp.wall_s + 0.1
        found = interpret(Received(self.topic(message, id_), encode(message), retained, at_s, lambda: None))
        assert isinstance(found, Heard), found
        return found
