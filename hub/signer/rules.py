"""What the signer signs, whoever asks: the shape of an order or document, how much it asks, and how many of them in a
while. Pure; time comes in.

The hub's web process may be captured one day. It can then ask for orders, but not for more than these bounds allow, and
each of them stands in the signer's own journal. What one document may ask stands in `wire.bounds`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from wire import bounds
from wire.envelope import Kind
from wire.messages import BadMessageError, Command, Desired, decode, encode
from wire.topics import valid_id

ANSWERS = frozenset({"lease_granted", "lease_denied"})
ACTIONS = ANSWERS | {
    "amplifier_off", "amplifier_on", "board_reboot", "camera_on", "camera_power_cycle", "clear_latches",
    "codec_power_cycle", "codec_restart", "codec_settings_restore", "codec_unmute", "codec_volume_restore",
    "codec_wake", "converter_power_cycle",
    "display_input", "display_on", "display_power_cycle", "fan_off", "fan_on", "light_off", "light_on",
    "pc_app_restart", "recheck", "room_staged_boot", "splitter_power_cycle", "switch_power_cycle", "ups_self_test",
}  # fmt: skip
"""All that a room can be ordered. Another word is not signed, whatever a room of a later release would make of it."""
COUNTER_MAX = 2**53
"""The greatest number that the hub's ingest takes from a room: above it the room would fall silent for the hub."""
WINDOW_S = 600.0
ROOM_MAX = 12
"""Orders to one room within ten minutes: an operator with a difficult room needs fewer."""
FLEET_MAX = 120
"""Orders of people to all rooms within ten minutes."""
ANSWERS_MAX = 4000
"""Answers to rooms that ask for a lease: they only ever bound what a room does by itself."""
DOCUMENTS_MAX = 20_000
"""Desired documents within ten minutes: every room several times."""
EXPIRES_MAX_S = 120.0
BY_MAX, REASON_MAX, BOOT_MAX, NONCE_MAX = 100, 500, 64, 64
"""Letters of what an order says besides its action."""
CONFIRMED_MAX = 12
"""Orders with a confirmation to all rooms within ten minutes. Where more rooms lose picture and sound at once the
centre has failed, and no restart in a room helps."""
MAINTAINED_MAX = 60
"""Rooms that may be in maintenance at a time, a tenth of a province: a captured console must not keep all rooms from
helping themselves."""


@dataclass(slots=True)
class Rules:
    """Counts what was signed lately. Every queue is bounded by its own limit."""

    _rooms: dict[str, deque[float]] = field(default_factory=dict)
    _people: deque[float] = field(default_factory=deque)
    _confirmed: deque[float] = field(default_factory=deque)
    _answers: deque[float] = field(default_factory=deque)
    _documents: deque[float] = field(default_factory=deque)
    _maintained: dict[str, float] = field(default_factory=dict)
    """By room: Unix seconds of the end of the maintenance that was signed for it."""

    def judge(self, kind: str, body: bytes, now_s: float, wall_s: float) -> tuple[str, str]:
        """The reason why this is not signed, empty when it may be; and what it is, for the journal. Counts it.

        `now_s` is monotonic, for counting; `wall_s` is Unix seconds, for what names a time of day.
        """
        try:
            if kind == Kind.COMMAND:
                command = decode(Command, body)
                # A field that stands twice, or that we do not know: no judgement of such an order would hold.
                if body != encode(command):
                    return "malformed", ""
                return self._command(command, now_s, wall_s)
            if kind == Kind.DESIRED:
                desired = decode(Desired, body)
                if body != encode(desired):
                    return "malformed", ""
                return self._desired(desired, now_s, wall_s)
        except BadMessageError:
            return "malformed", ""
        return "wrong_kind", ""

    def _desired(self, desired: Desired, now_s: float, wall_s: float) -> tuple[str, str]:
        what = f"desired {desired.version} for {desired.room[:64]}"
        refused = bounds.unfit_document(desired, wall_s) or self._full_of_maintenance(desired, wall_s)
        refused = refused or _counted(self._documents, DOCUMENTS_MAX, now_s)
        if not refused:
            self._maintained[desired.room] = desired.maintenance_until_s
            if desired.maintenance_until_s > wall_s:
                what += f" maintenance until {desired.maintenance_until_s:.0f}"
        return refused, what

    def _full_of_maintenance(self, desired: Desired, wall_s: float) -> str:
        self._maintained = {room: end_s for room, end_s in self._maintained.items() if end_s > wall_s}
        if desired.maintenance_until_s <= wall_s or desired.room in self._maintained:
            return ""
        return "maintenance_rooms" if len(self._maintained) >= MAINTAINED_MAX else ""

    def _command(self, command: Command, now_s: float, wall_s: float) -> tuple[str, str]:
        what = f"{command.action} {command.id} for {command.room} by {command.by[:64]}"
        if command.confirmed is not None:
            what += f" confirmed by {command.confirmed.person[: bounds.PERSON_MAX]}"
        sound = (
            valid_id(command.room)
            and valid_id(command.id)
            and 0 < len(command.by) <= BY_MAX
            and len(command.reason) <= REASON_MAX
            and 0 < len(command.boot) <= BOOT_MAX
            and 0 < len(command.nonce) <= NONCE_MAX
            and 0 < command.counter <= COUNTER_MAX
            and 0 < command.expires_s <= EXPIRES_MAX_S
        )
        if not sound:
            return "malformed", what
        if command.action not in ACTIONS:
            return "unknown_action", what
        if command.confirmed is not None:
            unfit = bounds.unfit_confirmation(command.confirmed, command.action, wall_s)
            if unfit:
                return unfit, what
        if command.action in ANSWERS:
            return _counted(self._answers, ANSWERS_MAX, now_s), what
        return self._by_people(command, now_s), what

    def _by_people(self, command: Command, now_s: float) -> str:
        if len(self._rooms) > FLEET_MAX:
            self._rooms = {room: at for room, at in self._rooms.items() if at and now_s - at[-1] < WINDOW_S}
        room = self._rooms.setdefault(command.room, deque())
        if _full(room, ROOM_MAX, now_s):
            return "room_rate"
        if command.confirmed is not None and _full(self._confirmed, CONFIRMED_MAX, now_s):
            return "confirmed_rate"
        refused = _counted(self._people, FLEET_MAX, now_s)
        if not refused:
            room.append(now_s)
            if command.confirmed is not None:
                self._confirmed.append(now_s)
        return refused


def _full(times_s: deque[float], limit: int, now_s: float) -> bool:
    while times_s and now_s - times_s[0] >= WINDOW_S:
        times_s.popleft()
    return len(times_s) >= limit


def _counted(times_s: deque[float], limit: int, now_s: float) -> str:
    if _full(times_s, limit, now_s):
        return "fleet_rate"
    times_s.append(now_s)
    return ""
