"""What a room said last of itself, as far as it tells how an open incident stands now."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from wire.bounds import CONFIRMED_MAX_S
from wire.messages import BadMessageError, State, decode


@dataclass(frozen=True, slots=True)
class LastWord:
    """A room's newest state, and whether it is heard now. Times are Unix seconds by the hub's clock."""

    raw: bytes = b""
    """Its state message as it came; empty: none, or none that has a say in this incident."""
    state_s: float = 0.0
    heard: bool = True
    silent_since_s: float = 0.0
    """Since when it is lost; 0: it is heard, or nobody knows."""
    confirmed_s: float = 0.0
    """When an order last carried somebody's word, from the room, that there is neither picture nor sound; 0: never."""

    @property
    def state(self) -> State | None:
        """The state; None when there is none that can be read."""
        return read_state(self.raw)

    def dark(self, now_s: float) -> bool:
        """Whether that word still goes."""
        return 0 <= now_s - self.confirmed_s < CONFIRMED_MAX_S


NEVER = LastWord()
"""Of a room that has never said anything."""


@lru_cache(maxsize=1024)
def read_state(raw: bytes) -> State | None:
    """A room's own state message, or None when there is none that can be read. Nothing ever changes it."""
    try:
        return decode(State, raw) if raw else None
    except BadMessageError:
        return None
