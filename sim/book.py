"""The book of faults: what was put into which room when, and when it was truly over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sim.fault_kind import Args, Expect, FaultKind, expected, has_part
from sim.faults import FAULTS
from sim.physics import RoomPhysics


class UnknownFaultError(ValueError):
    """There is no such fault or room, or it cannot strike there. The text is one sentence that says what would do."""


@dataclass(slots=True)
class Entry:
    """One fault in one room. Times are monotonic; `wall_s` is the moment of injection for people."""

    id: int
    room: str
    fault: str
    at_s: float
    wall_s: float
    boot_s: float
    """What one plain boot of the device concerned takes; 0 when none is."""
    expect: Expect
    """What must come of it in this room."""
    lift_at_s: float = float("inf")
    """When its cause ends by itself."""
    gone_s: float = 0.0
    """When the symptom had gone, by the physics; 0 while it lasts."""
    lifted: bool = False
    """Its cause was taken away while it lasted: what anybody did to the room has not ended it."""

    @property
    def ended_by(self) -> str:
        """What ended it, by the physics: `cause`, `act`, or empty while it lasts."""
        return "" if not self.gone_s else "cause" if self.lifted else "act"

    def row(self) -> dict[str, Any]:
        """For the report."""
        return {
            "id": self.id, "room": self.room, "fault": self.fault, "injected_wall_s": self.wall_s,
            "boot_s": self.boot_s, "expect": self.expect, "ended_by": self.ended_by,
            "outage_s": round(self.gone_s - self.at_s, 2) if self.gone_s else None,
        }  # fmt: skip


@dataclass(slots=True)
class Book:
    """All rooms of one process and their faults."""

    rooms: Mapping[str, RoomPhysics]
    entries: list[Entry] = field(default_factory=list)
    _open: list[Entry] = field(default_factory=list)

    def inject(
        self, room: str, fault: str, now_s: float, wall_s: float, args: Args | None = None, lasts_s: float = 0.0
    ) -> Entry:
        """Put a fault into a room. `lasts_s` 0: until something heals it. Raises UnknownFaultError."""
        kind, physics = self._find(room, fault)
        if not has_part(kind, physics.fitting):
            raise UnknownFaultError(f"{fault} strikes the {kind.part}, and {room} has none; choose another room")
        physics.advance(now_s)
        kind.put(physics, now_s, args or {})
        boot_s = physics.devices[kind.load].profile.boot_s if kind.load in physics.devices else 0.0
        entry = Entry(
            len(self.entries) + 1, room, fault, now_s, wall_s, boot_s, expected(kind, physics.fitting),
            now_s + lasts_s if lasts_s > 0 else float("inf"),
        )  # fmt: skip
        self.entries.append(entry)
        self._open.append(entry)
        return entry

    def lift(self, room: str, fault: str, now_s: float) -> None:
        """Take a fault's cause away, as a technician would. Raises UnknownFaultError."""
        kind, physics = self._find(room, fault)
        self._lift(kind, physics, now_s)

    def _lift(self, kind: FaultKind, physics: RoomPhysics, now_s: float) -> None:
        """What an act has ended by now is not ended by its cause."""
        physics.advance(now_s)
        for entry in self._open:
            here = entry.room == physics.room and entry.fault == kind.name
            if here and not entry.gone_s and kind.present(physics):
                entry.lifted = True
        kind.lift(physics, now_s)

    def watch(self, now_s: float) -> None:
        """End the causes whose time has come, and note the symptoms that have gone. A few times a second."""
        for entry in self._open:
            kind, physics = FAULTS[entry.fault], self.rooms[entry.room]
            if now_s >= entry.lift_at_s:
                self._lift(kind, physics, now_s)
                entry.lift_at_s = float("inf")
            physics.advance(now_s)
            if not entry.gone_s and not kind.present(physics):
                entry.gone_s = self._gone_s(kind, physics, entry, now_s)
        # A cause may outlive its symptom: a fan cools a room whose air conditioner stands still.
        self._open = [entry for entry in self._open if not entry.gone_s or entry.lift_at_s < float("inf")]

    def truth(self, now_s: float) -> dict[str, dict[str, Any]]:
        """How each room that was ever struck truly is: its faults that are present, the equipment that is cut or
        starting, whether a call is up, whether the room can be heard, and how warm it is."""
        found = {}
        for name in {entry.room for entry in self.entries}:
            room = self.rooms[name]
            room.advance(now_s)
            kinds = {entry.fault for entry in self.entries if entry.room == name}
            found[name] = _truth(room, sorted(kind for kind in kinds if FAULTS[kind].present(room)))
        return found

    @staticmethod
    def _gone_s(kind: FaultKind, physics: RoomPhysics, entry: Entry, now_s: float) -> float:
        """The device's own moment where it is known: later looks must not make an outage longer."""
        if kind.load not in physics.devices:
            return now_s
        since_s = physics.devices[kind.load].serving_from_s()
        return since_s if entry.at_s < since_s <= now_s else now_s

    def _find(self, room: str, fault: str) -> tuple[FaultKind, RoomPhysics]:
        if room not in self.rooms:
            known = ", ".join(sorted(self.rooms)[:8])
            raise UnknownFaultError(f"there is no room {room!r} here; there are {known}{', …' * (len(self.rooms) > 8)}")
        if fault not in FAULTS:
            raise UnknownFaultError(f"there is no fault {fault!r}; there are {', '.join(sorted(FAULTS))}")
        return FAULTS[fault], self.rooms[room]

    def report(self) -> dict[str, Any]:
        """The faults, and what the witnesses saw."""
        return {
            "faults": [entry.row() for entry in self.entries],
            "actions_in_call": sum(room.witness.harmed for room in self.rooms.values()),
            "needless_acts": sum(room.witness.needless for room in self.rooms.values()),
            "calls_lost": sum(room.witness.calls_lost for room in self.rooms.values()),
            "acts": sum(len(room.witness.acts) for room in self.rooms.values()),
            "cut": sorted(f"{name}/{load}" for name, room in self.rooms.items() for load in _cut(room)),
        }


def _truth(room: RoomPhysics, faults: list[str]) -> dict[str, Any]:
    boots = [name for name, device in room.devices.items() if device.booting(room.now_s)]
    return {
        "faults": faults,
        "out": sorted({*_cut(room), *boots}),
        "in_call": room.codec.in_call,
        "heard": room.hub_up() and room.board_on(),
        "temp_c": room.climate.temp_c,
    }


def _cut(room: RoomPhysics) -> list[str]:
    """Equipment whose relay keeps it without power at this moment."""
    return [load for load, closed in room.closed.items() if not closed and load not in ("light", "fan")]
