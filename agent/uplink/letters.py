"""What goes between a room's session and the connection that carries it."""

from __future__ import annotations

from dataclasses import dataclass, field

from agent.core.events import CommandReceived, DesiredChanged, Record
from wire import messages as m

DOUBTED = -1


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to publish with QoS 1. `token` comes back in `puback`."""

    topic: str
    payload: bytes
    retain: bool = False
    token: int = 0


@dataclass(slots=True)
class Incoming:
    """What a received message amounts to, for the loop."""

    events: list[CommandReceived | DesiredChanged] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    meta: dict[str, str] = field(default_factory=dict)
    """Values that must be kept with the same commit: the counter, the desired document."""
    fleet: m.Fleet | None = None
    told_in: int = 0
    """The connection in which the hub has said which desired document is in force. 0: this message did not say it;
    `DOUBTED`: it did, in a way that cannot be used or believed."""
