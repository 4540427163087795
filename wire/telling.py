"""What is told of a fault at this moment: by its phase, by why the room may not act, and by whether a call may be up.

Pure, and the same for whoever tells it: the console's rows, a room's page, what is read out on the phone. The steps are
the rule's own and come with its words; here it is decided which of them fit, and what the line under the title is
about. What is not known is never taken for permission: a call that nobody can rule out is taken for a call.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from wire.messages import Words


class Stance(enum.StrEnum):
    """What happens about a fault: what the line under its title is about."""

    WORKING = "working"  # an act of the room's own is under way
    AWAITING = "awaiting"  # the act is done, its effect is awaited
    LATE = "late"  # the act is under way for longer than such an act takes
    OVERDUE = "overdue"  # the act is done, and its effect should have been there
    CHOOSING = "choosing"  # it is certain, and the room is about to act or to say why it may not
    WAITING = "waiting"  # something forbids the act, and may soon pass
    REFUSED = "refused"  # something forbids the act, and has done so for too long: a person is needed
    GIVEN_UP = "given_up"  # what the room could do has not helped
    PERSON = "person"  # the room can do nothing about it
    UNHEARD = "unheard"  # the room is silent: what stands here is its last word
    OVER = "over"  # nothing is to be done


class Caution(enum.StrEnum):
    """Why nobody is told to take power away from anything, although it might help."""

    NONE = ""
    CALL = "call"  # a call is up or may be: the central site is asked first
    HANDS_OFF = "hands_off"  # what forbids the act to the machine forbids it to people, too; so it is for switching on
    ASK = "ask"  # certainly no call: whether there is a picture or sound has to be asked in the room


class Need(enum.StrEnum):
    """Who has to do something about a fault: what lists are grouped by, and what counters count."""

    PERSON = "person"  # the machine cannot, or has tried all it can
    HAND = "hand"  # the machine may not: what it would do is done by hand
    MACHINE = "machine"  # the machine is at it, or about to be
    WATCH = "watch"  # nobody has to do anything
    NONE = ""  # it is over


ACTING = frozenset({Stance.WORKING, Stance.AWAITING, Stance.LATE, Stance.OVERDUE})
"""Where the machine is at it, and people leave it alone."""
_ACTED = {"remedying": (Stance.WORKING, Stance.LATE), "settling": (Stance.AWAITING, Stance.OVERDUE)}
"""By phase: the stance, and the one when its time is up."""
HAND_STANCES = frozenset({Stance.REFUSED, Stance.GIVEN_UP, Stance.PERSON, Stance.UNHEARD})
"""Where a person acts in the machine's place."""
CALL_REASONS = frozenset({"in_call", "call_unknown", "call_witnesses_disagree"})
"""Refusals for the sake of a call."""
NO_MEANS = frozenset({"not_fitted", "unknown_action"})
"""Refusals that only say that the room has no such act to offer."""
OWN_CLOCK = frozenset({
    "stagger", "min_off", "load_busy", "upstream_down", "settling", "hold_on", "returning", "lease", "looking",
    "not_yet", "no_evidence", "flapping",
})  # fmt: skip
"""Refusals that end by the room's own clock, or by what it sees next: while it waits for them the machine is at it."""
HAND_MAY_CUT = NO_MEANS | {
    "", "meeting_near", "clock_unknown", "safe_mode", "no_journal", "budget_hour", "budget_day", "fleet_budget",
}  # fmt: skip
"""Refusals that bind the machine alone. Any other one, and one that is new here, goes for people as well: what takes
firmware, is wet or hangs on weak mains is not unplugged by hand either."""


@dataclass(frozen=True, slots=True)
class Moment:
    """How a fault stands. Fields as in `FaultNow`, with `left_s` counted from now."""

    phase: str
    refused: str = ""
    act: str = ""
    acts: int = 0
    takes_s: float = 0.0
    left_s: float = 0.0
    call: bool | None = None
    """Whether a call is up; None: nobody knows."""
    dark: bool = False
    """Whether somebody in the room has just said that there is neither picture nor sound."""
    heard: bool = True
    """Whether the room is heard at all."""
    hands_off: str = ""
    """As in `State`: why people should neither take power from anything nor switch it on."""


@dataclass(frozen=True, slots=True)
class Telling:
    """What is told. Fields that do not fit the stance are empty: no line says two things at once."""

    stance: Stance
    act: str = ""
    refused: str = ""
    takes_s: float = 0.0
    """How long the act takes in all; 0: not known, and nothing is said of it."""
    left_s: float = 0.0
    """Until the act should have had its effect, or the refusal may end; 0: likewise."""
    steps: tuple[str, ...] = ()
    power: tuple[str, ...] = ()
    caution: Caution = Caution.NONE
    why: str = ""
    """The refusal that `HANDS_OFF` rests on."""


def stance_of(now: Moment) -> Stance:
    """What happens about the fault."""
    if now.phase in ("clear", "suspected"):
        return Stance.OVER
    if not now.heard:
        return Stance.UNHEARD
    if now.phase in ("remedying", "settling"):
        begun, beyond = _ACTED[now.phase]
        return beyond if now.left_s < 0 else begun
    if now.phase == "confirmed":
        return Stance.WAITING if now.refused else Stance.CHOOSING
    if now.refused and now.refused not in NO_MEANS:
        return Stance.REFUSED
    return Stance.GIVEN_UP if now.acts else Stance.PERSON


def need_of(now: Moment) -> Need:
    """Who has to do something about the fault. Whatever forbids the act and may last is a hand's, from the start."""
    match stance_of(now):
        case Stance.OVER:
            return Need.NONE
        case Stance.GIVEN_UP | Stance.PERSON | Stance.UNHEARD:
            return Need.PERSON
        case Stance.REFUSED:
            return Need.HAND
        case Stance.WAITING:
            return Need.MACHINE if now.refused in OWN_CLOCK else Need.HAND
        case _:
            return Need.MACHINE


def tell(words: Words, now: Moment) -> Telling:
    """What is told of a fault with these words at this moment."""
    stance = stance_of(now)
    if stance is Stance.OVER:
        return Telling(stance)
    if stance in ACTING:
        takes_s = now.takes_s if stance is Stance.WORKING else 0.0
        left_s = max(0.0, now.left_s)
        return Telling(stance, now.act, takes_s=takes_s, left_s=left_s, steps=tuple(words.working))
    refused = now.refused if stance in (Stance.WAITING, Stance.REFUSED) else ""
    caution = _caution(words, now, stance)
    forbids = now.refused if words.power and now.refused not in HAND_MAY_CUT else now.hands_off
    return Telling(
        stance,
        now.act if refused else "",
        refused,
        left_s=max(0.0, now.left_s) if refused else 0.0,
        steps=tuple(step for step in words.steps if not (now.hands_off and step in words.on)),
        power=tuple(words.power) if stance in HAND_STANCES and caution is Caution.NONE else (),
        caution=caution,
        why=forbids if caution is Caution.HANDS_OFF else "",
    )


def _caution(words: Words, now: Moment, stance: Stance) -> Caution:
    if stance not in HAND_STANCES:
        return Caution.NONE
    if stance is Stance.REFUSED and now.refused in CALL_REASONS:
        return Caution.CALL
    if not words.power:
        return Caution.HANDS_OFF if words.on and now.hands_off else Caution.NONE
    if now.call is not False or not now.heard:
        return Caution.CALL
    if now.refused not in HAND_MAY_CUT or now.hands_off:
        return Caution.HANDS_OFF
    return Caution.NONE if now.dark else Caution.ASK
