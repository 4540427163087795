"""How much an order or a desired document may ask. The hub looks before it asks for a signature, the signer before it
signs, and the room before it obeys. Pure: the moment comes in, in Unix seconds by the clock of the one who looks.

Each reason is a word of its own, which both catalogues of the console know.
"""

from __future__ import annotations

from wire.messages import Confirmed, Desired, Has, Meeting
from wire.topics import valid_id

DAY_S = 86_400.0

NO_PICTURE_NO_SOUND = "no_picture_no_sound"
"""The one thing that a person in the room can confirm."""
CONFIRMABLE = frozenset(
    {
        "camera_power_cycle", "codec_power_cycle", "codec_restart", "converter_power_cycle", "display_power_cycle",
        "pc_app_restart", "room_staged_boot", "splitter_power_cycle", "switch_power_cycle",
    }
)  # fmt: skip
"""Orders that a confirmation may come with: they restart something in the way of picture or sound. The board and the
battery test are not among them, since neither brings a picture back."""
PERSON_MAX = 64
"""Letters of the name of the person in the room."""
CONFIRMED_MAX_S = 180.0
"""A confirmation goes for so long after it was heard: the picture may come back by itself."""
AHEAD_MAX_S = 5.0
"""How far two disciplined clocks may lie apart."""

MAINTENANCE_MAX_S = 7 * DAY_S
"""How far ahead a maintenance may end. A room in maintenance helps itself no more, so a forgotten one has to end by
itself; a building site of more than a week is told anew each week."""
MEETINGS_MAX = 100
"""As many as a room keeps: a fortnight with seven meetings a day [J]."""
MEETING_MAX_S = 24 * 3600.0
"""The longest meeting. One without an end would forbid every restart for ever."""
MEETING_AHEAD_MAX_S = 400 * DAY_S
"""A year's plan and a month."""
MEETING_AGE_MAX_S = 7 * DAY_S
"""A meeting that has been over for longer needs no signature any more."""
TITLE_MAX = 200
"""Letters of a meeting's title: longer than the subject of any invitation [J]."""
ID_MAX = 64
SEQ_MAX = 2**53
"""The greatest number that JSON of every language holds."""
VERSION_AHEAD_MAX_S = 400 * DAY_S
"""Versions are Unix seconds, or one above the last. A room takes none below its last one, so that one from the end of
all numbers would be its last document for ever."""


def unfit_confirmation(confirmed: Confirmed, action: str, now_s: float) -> str:
    """Why a confirmation is not believed; empty when it is."""
    person = confirmed.person
    named = bool(person.strip()) and len(person) <= PERSON_MAX and person.isprintable()
    if not named or confirmed.what != NO_PICTURE_NO_SOUND:
        return "confirmation_malformed"
    if action not in CONFIRMABLE:
        return "confirmation_useless"
    if confirmed.at_s > now_s + AHEAD_MAX_S:
        return "confirmation_ahead"
    return "confirmation_old" if now_s - confirmed.at_s > CONFIRMED_MAX_S else ""


def unfit_meeting(meeting: Meeting) -> str:
    """Why nobody can hold this meeting, by what needs no clock; empty when it can be held."""
    if not 0 < len(meeting.id) <= ID_MAX or len(meeting.title) > TITLE_MAX:
        return "meeting_malformed"
    return "" if 0 < meeting.end_s - meeting.start_s <= MEETING_MAX_S and meeting.start_s > 0 else "meeting_length"


def _sound(has: Has, now_s: float) -> bool:
    named = all(0 < len(name) <= ID_MAX and name.isprintable() for name in (has.hub, has.epoch))
    return named and 0 <= has.seq <= SEQ_MAX and 0 <= has.at_s <= now_s + DAY_S


def unfit_document(desired: Desired, now_s: float) -> str:
    """Why this document is not signed; empty when it may be."""
    if not valid_id(desired.room) or desired.version < 1:
        return "malformed"
    if desired.version > now_s + VERSION_AHEAD_MAX_S:
        return "version_ahead"
    if not 0 <= desired.maintenance_until_s <= now_s + MAINTENANCE_MAX_S:
        return "maintenance_long"
    if len(desired.meetings) > MEETINGS_MAX:
        return "too_many_meetings"
    if desired.has is not None and not _sound(desired.has, now_s):
        return "has_malformed"
    for meeting in desired.meetings:
        if unfit := unfit_meeting(meeting):
            return unfit
        if not now_s - MEETING_AGE_MAX_S <= meeting.end_s or meeting.start_s > now_s + MEETING_AHEAD_MAX_S:
            return "meeting_far"
    return ""
