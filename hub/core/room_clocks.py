"""What the rooms' clocks say of the hub's. Pure.

A hub whose clock was set cannot know by itself which time is the right one. Hundreds of rooms with a time server of
their own can: the median of what they say is moved by no single room.
"""

from __future__ import annotations

from dataclasses import dataclass, field

ROOMS_MIN = 3
"""With fewer the clocks say nothing: one wrong one would decide."""
FRESH_S = 300.0
"""A room's word counts for so long: five beats."""
AGAIN_S = 120.0
"""Of one room's words within this the one that came fastest counts."""
OFF_S = 60.0
"""So far from the rooms' clocks the hub's is called wrong [J]: nothing of ours needs it closer."""
BACKLOG_S = 30.0
"""What comes so soon after a connection may be what the broker has kept for hours, and says nothing of now. Each room
speaks once more before `WITNESS_WAIT_S` is over."""
WITNESS_WAIT_S = 120.0
"""So long after a step the rooms are waited for: two beats."""
CONTRADICTED_S = 86_400.0
"""A step that the rooms contradicted is not taken for so long, when no room speaks any more: by then the monotonic
clock alone is some seconds off."""


@dataclass(slots=True)
class RoomClocks:
    """How far each room's disciplined clock is ahead of the hub's. Times are Unix seconds of the hub's."""

    _heard: dict[str, tuple[float, float]] = field(default_factory=dict)
    _connected_s: float = float("-inf")

    def connected(self, now_s: float) -> None:
        """The broker hands out now what it has kept."""
        self._connected_s = now_s

    def hear(self, room: str, room_s: float, now_s: float) -> None:
        """Take in a message made at `room_s` by the room's clock. It comes late, never early."""
        if 0 <= now_s - self._connected_s < BACKLOG_S:
            return
        ahead_s = room_s - now_s
        before = self._heard.get(room)
        if before is None or ahead_s > before[0] or not 0 <= now_s - before[1] < AGAIN_S:
            self._heard[room] = (ahead_s, now_s)

    def ahead_s(self, now_s: float) -> float | None:
        """How far the rooms are ahead of the hub, their median; None while too few have spoken."""
        fresh = sorted(ahead_s for ahead_s, at_s in self._heard.values() if 0 <= now_s - at_s <= FRESH_S)
        return fresh[len(fresh) // 2] if len(fresh) >= ROOMS_MIN else None

    def moved(self, by_s: float) -> None:
        """The hub's clock was set by so much: what was heard before counts against the new one."""
        self._heard = {room: (ahead_s - by_s, at_s + by_s) for room, (ahead_s, at_s) in self._heard.items()}
        self._connected_s += by_s


def is_off(ahead_s: float | None) -> bool:
    """Whether the rooms call the hub's clock wrong."""
    return ahead_s is not None and abs(ahead_s) > OFF_S


def takes(step_s: float, ahead_s: float | None, waited_s: float, *, contradicted: bool) -> bool | None:
    """Whether the hub follows its machine's clock, which was set by `step_s`; None: not yet decided.

    The rooms decide where they can. Without them the machine is believed after a while: somebody has set it.
    """
    if ahead_s is None:
        return True if waited_s >= (CONTRADICTED_S if contradicted else WITNESS_WAIT_S) else None
    return abs(ahead_s - step_s) < abs(ahead_s)
