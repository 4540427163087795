"""What a room takes of a desired document. No signer of ours signs more; a room looks all the same. Pure.

One bad meeting does not lose the others: it alone is left out, and told. A maintenance that is too long is told, and
bounded where it is asked for (`agent.core.maintenance`): people may be at work at this moment, and the wrong clock may
be the room's. Whether a meeting is far away or long over is not asked here either: a clock that is wrong would then
lose meetings that are to come.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import msgspec

from agent.core.events import DesiredChanged, Record, RecordKind
from agent.core.facts import Instant
from agent.core.policy import Meeting
from agent.store.reading import WALL_MAX_S
from wire import bounds
from wire import messages as m


@dataclass(frozen=True, slots=True)
class Fitted:
    """A document as it may be obeyed."""

    document: m.Desired
    told: tuple[Record, ...] = ()
    """One for each kind of thing that was left out or is too long."""
    doubtful: bool = False
    """A secret meeting was left out: nobody knows when it is, so the room does not know that none is on."""

    @property
    def change(self) -> DesiredChanged:
        """The event that puts it in force."""
        return _change(self.document)


def fitted(desired: m.Desired, now: Instant) -> Fitted:
    """The document within bounds."""
    told: list[Record] = []
    meetings, reasons, secret = _meetings(desired)
    if reasons:
        detail: dict[str, m.Value] = {"version": desired.version, "meetings": sum(reasons.values())}
        told.append(
            Record(RecordKind.DESIRED_REFUSED, reason=max(reasons, key=lambda one: reasons[one]), detail=detail)
        )
    until_s = desired.maintenance_until_s
    if now.synced and until_s > now.wall_s + bounds.MAINTENANCE_MAX_S + bounds.AHEAD_MAX_S:
        told.append(Record(RecordKind.DESIRED_REFUSED, reason="maintenance_long", detail={"version": desired.version}))
    until_s = min(max(0.0, until_s), WALL_MAX_S)
    document = msgspec.structs.replace(desired, meetings=meetings, maintenance_until_s=until_s)
    return Fitted(document, tuple(told), secret)


AHEAD = "version_ahead"
"""Why a document is refused that comes from the future by a disciplined clock."""


def newest(now: Instant) -> float:
    """The highest version that a document may have now: a higher one would be the last for ever."""
    return now.wall_s + bounds.VERSION_AHEAD_MAX_S if now.synced else math.inf


def leaps(last: int, version: int) -> bool:
    """Whether a version is so far above the last one that one of the two clocks behind them may be wrong."""
    return 0 < last < version - bounds.VERSION_AHEAD_MAX_S


def judged(version: int, last: int, floor: int, now: Instant) -> tuple[str, bool]:
    """Why a document of this version is not taken, or empty; and whether it is taken though it is below the last one.

    A last one that itself comes from the future is not the last one for ever: then what counts is `floor`, the last one
    before the leap to it.
    """
    most = newest(now)
    anew = last > most and version != last
    if anew:
        last = floor if floor <= most else 0
    if version < last:
        return "outdated", anew
    return (AHEAD if version > max(last, most) else ""), anew


def _meetings(desired: m.Desired) -> tuple[list[m.Meeting], dict[str, int], bool]:
    """Those that can be held, how many were left out by reason, and whether a secret one was among them."""
    kept: list[m.Meeting] = []
    reasons: dict[str, int] = {}
    secret = False
    for meeting in desired.meetings:
        named = msgspec.structs.replace(meeting, title=meeting.title[: bounds.TITLE_MAX])
        reason = bounds.unfit_meeting(named)
        if not reason and len(kept) >= bounds.MEETINGS_MAX:
            reason = "too_many_meetings"
        if reason:
            reasons[reason] = reasons.get(reason, 0) + 1
            secret = secret or meeting.secret
        else:
            kept.append(named)
    return kept, reasons, secret


def kept(text: str) -> DesiredChanged | None:
    """The document that the store kept, as the event that puts it in force again; None when there is none.

    Its meetings are looked at once more: a card may give back others than it was given.
    """
    try:
        desired = m.decode(m.Desired, text.encode())
    except m.BadMessageError:
        return None
    return _change(msgspec.structs.replace(desired, meetings=_meetings(desired)[0]))


def _change(desired: m.Desired) -> DesiredChanged:
    meetings = tuple(Meeting(x.id, x.title, x.start_s, x.end_s, x.trial, x.secret) for x in desired.meetings)
    return DesiredChanged(desired.version, meetings, desired.maintenance_until_s)
