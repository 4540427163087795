"""What a batch of messages, or the passing of time, did to the database."""

from __future__ import annotations

from dataclasses import dataclass, field

from hub.port import Change


@dataclass
class Applied:
    """What a batch did, to be told once it is committed."""

    rooms: set[str] = field(default_factory=set)
    incidents: set[int] = field(default_factory=set)
    health: bool = False
    acks: dict[tuple[str, str], int] = field(default_factory=dict)
    """(room, epoch) to the sequence number that is safe."""
    asking: set[str] = field(default_factory=set)
    """Rooms that want a share of the fleet's budget, now."""

    def change(self) -> Change:
        """For those who watch."""
        return Change(frozenset(self.rooms), frozenset(self.incidents), self.health)

    def add(self, more: Applied) -> None:
        """What was done after this, within the same transaction."""
        self.rooms |= more.rooms
        self.incidents |= more.incidents
        self.health = self.health or more.health
        self.acks |= more.acks
        self.asking |= more.asking
