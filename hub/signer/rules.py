"""What the signer signs, whoever asks: the shape of an order, and how many of them in a while. Pure; time comes in.

The hub's web process may be captured one day. It can then ask for orders, but not for more than these bounds allow, and
each of them stands in the signer's own journal.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field

from wire.envelope import Kind
from wire.messages import BadMessageError, Command, Desired, decode
from wire.topics import valid_id

ACTION = re.compile(r"[a-z][a-z_]{1,39}\Z")
WINDOW_S = 600.0
ROOM_MAX = 12
"""Orders to one room within ten minutes: an operator with a difficult room needs fewer."""
FLEET_MAX = 120
"""Orders of people to all rooms within ten minutes."""
ANSWERS = frozenset({"lease_granted", "lease_denied"})
ANSWERS_MAX = 4000
"""Answers to rooms that ask for a lease: they only ever bound what a room does by itself."""
DOCUMENTS_MAX = 20_000
"""Desired documents within ten minutes: every room several times."""
EXPIRES_MAX_S = 120.0


@dataclass(slots=True)
class Rules:
    """Counts what was signed lately. Every queue is bounded by its own limit."""

    _rooms: dict[str, deque[float]] = field(default_factory=dict)
    _people: deque[float] = field(default_factory=deque)
    _answers: deque[float] = field(default_factory=deque)
    _documents: deque[float] = field(default_factory=deque)

    def judge(self, kind: str, body: bytes, now_s: float) -> tuple[str, str]:
        """The reason why this is not signed, empty when it may be; and what it is, for the journal. Counts it."""
        try:
            if kind == Kind.COMMAND:
                return self._command(decode(Command, body), now_s)
            if kind == Kind.DESIRED:
                desired = decode(Desired, body)
                if not valid_id(desired.room) or desired.version < 1:
                    return "malformed", ""
                return _counted(self._documents, DOCUMENTS_MAX, now_s), f"desired {desired.version} for {desired.room}"
        except BadMessageError:
            return "malformed", ""
        return "wrong_kind", ""

    def _command(self, command: Command, now_s: float) -> tuple[str, str]:
        what = f"{command.action} {command.id} for {command.room} by {command.by[:64]}"
        sound = (
            valid_id(command.room)
            and valid_id(command.id)
            and ACTION.match(command.action) is not None
            and bool(command.by)
            and bool(command.nonce)
            and command.counter > 0
            and 0 < command.expires_s <= EXPIRES_MAX_S
        )
        if not sound:
            return "malformed", what
        if command.action in ANSWERS:
            return _counted(self._answers, ANSWERS_MAX, now_s), what
        if len(self._rooms) > FLEET_MAX:
            self._rooms = {room: at for room, at in self._rooms.items() if at and now_s - at[-1] < WINDOW_S}
        room = self._rooms.setdefault(command.room, deque())
        if _full(room, ROOM_MAX, now_s):
            return "room_rate", what
        refused = _counted(self._people, FLEET_MAX, now_s)
        if not refused:
            room.append(now_s)
        return refused, what


def _full(times_s: deque[float], limit: int, now_s: float) -> bool:
    while times_s and now_s - times_s[0] >= WINDOW_S:
        times_s.popleft()
    return len(times_s) >= limit


def _counted(times_s: deque[float], limit: int, now_s: float) -> str:
    if _full(times_s, limit, now_s):
        return "fleet_rate"
    times_s.append(now_s)
    return ""
