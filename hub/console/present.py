"""What is told of an incident at this moment: its title, the line under it, and what somebody in the room can do.

How the fault stands now is told by the room's newest state, and where that says nothing of it by the incident's own
events. Which sentence and which steps fit is decided in `wire.telling`; here they get their words.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil

from hub.console.words import Words, short_time
from hub.core.liveness import EPOCH
from hub.store.read import standing
from hub.store.read.read_incidents import Incident
from wire import messages as m
from wire.telling import Caution, Moment, Stance, Telling, tell


@dataclass(frozen=True, slots=True)
class Present:
    """What is told of one incident now."""

    title: str
    """The fault, and nothing else."""
    line: str
    """What happens about it."""
    steps: tuple[str, ...] = ()
    question: str = ""
    """What the room is asked before it is told to take power away from something; empty: it is not told to."""
    power: tuple[str, ...] = ()
    """Those steps. With a question, they are for when the answer is that there is neither picture nor sound."""


def present(t: Words, incident: Incident, now_s: float) -> Present:
    """What is told of an incident, by its room's last word."""
    state = incident.last.state if incident.is_open else None
    fault = standing.fault_now(incident, state)
    words = t.told(fault.words if fault is not None and fault.words else incident.words)
    title = words.title or t("incident.nameless")
    if incident.lingers(now_s):
        return Present(title, t("now.lingers", time=short_time(incident.closed_s, now_s)), tuple(words.steps))
    if not incident.is_open:
        return Present(title, t("now.over"))
    if incident.epoch == EPOCH:  # the hub's own: no machine of the room's has a part in it
        return Present(title, t("now.hub_person" if incident.needs_person else "now.hub"), tuple(words.steps))
    now = standing.moment(incident, state, fault, now_s)
    return replace(said_at(t, words, now, now_s, incident.last.silent_since_s), title=title)


def said_at(t: Words, words: m.Words, now: Moment, now_s: float, silent_since_s: float = 0.0) -> Present:
    """What is told of a fault with these words at this moment. `silent_since_s`: since when its room is not heard."""
    said = tell(words, now)
    return Present(words.title, _line(t, said, now_s, silent_since_s), *_script(t, words, now, said))


def _line(t: Words, said: Telling, now_s: float, silent_since_s: float) -> str:
    act = lower_first(t.name("remedy", said.act)) if t.has(f"remedy.{said.act}") else t("now.heal")
    match said.stance:
        case Stance.WORKING:
            long = t("now.takes", age=_about(t, said.takes_s)) if said.takes_s else ""
            ends = t("now.until", time=until(said.left_s, now_s)) if said.left_s else ""
            span = ", ".join(part for part in (long, ends) if part)
            return t("now.working_for", act=act, span=span) if span else t("now.working", act=act)
        case Stance.AWAITING if said.left_s:
            return t("now.awaiting_until", act=act, time=until(said.left_s, now_s))
        case Stance.WAITING:
            ends = t("now.again_at", time=until(said.left_s, now_s)) if said.left_s else t("now.when_it_may")
            return f"{t('now.waiting', act=act, why=t.why(said.refused))} {ends}"
        case Stance.REFUSED:
            first = t("now.not_before", time=until(said.left_s, now_s)) if said.left_s else ""
            parts = (t("now.refused", act=act, why=t.why(said.refused)), first, t("now.by_hand"))
            return " ".join(part for part in parts if part)
        case Stance.UNHEARD:
            when = short_time(silent_since_s, now_s) if silent_since_s else ""
            return t("now.unheard_since", time=when) if when else t("now.unheard")
        case _:
            return t(f"now.{said.stance}", act=act)


def until(left_s: float, now_s: float) -> str:
    """A time of day that stays true while the page stands, in whole minutes."""
    return short_time(60 * ceil((now_s + left_s) / 60), now_s)


def _about(t: Words, seconds: float) -> str:
    """A length of time as one says it: tens of seconds, or minutes from a minute and a half on."""
    return t.age(10 * ceil(seconds / 10)) if seconds <= 50 else t.age(60 * max(1, round(seconds / 60)))


def _script(
    t: Words, words: m.Words, now: Moment, said: Telling
) -> tuple[tuple[str, ...], str, tuple[str, ...]]:  # fmt: skip
    """Steps, the question before those that take power away, and those."""
    match said.caution:
        case Caution.CALL:
            return (t("now.ask_centre"), *said.steps), "", ()
        case Caution.HANDS_OFF:
            return (t("now.hands_off", why=t.why(said.why)), *said.steps), "", ()
        case Caution.ASK:
            power = tell(words, replace(now, dark=True)).power
            return said.steps, t("now.ask_dark"), (t("now.dry"), *power)
        case _:
            return said.steps, "", (t("now.dry"), *said.power) if said.power else ()


def lower_first(text: str) -> str:
    """The text as it reads in the middle of a sentence; abbreviations such as UPS and TV stay."""
    return text[:1].lower() + text[1:] if text[1:2].islower() or text[1:2] == " " else text
