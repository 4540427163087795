"""What a rule is. The rules themselves stand one a file in `agent/rules/`."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field, replace

from agent.core.facts import Evidence, View
from agent.core.policy import Policy


class Verdict(enum.Enum):
    """Three-valued on purpose: what is not known is neither faulty nor healthy."""

    FAULTY = "faulty"
    HEALTHY = "healthy"
    UNKNOWN = "unknown"


class Severity(enum.StrEnum):
    """ISA-18.2 wants at most 5 % of the alarms critical."""

    CRITICAL = "critical"
    MAJOR = "major"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A verdict with its reason, a short snake_case name, and the facts it rests on."""

    verdict: Verdict
    reason: str
    evidence: tuple[Evidence, ...] = ()


_OPTIONAL = re.compile(r"\[([^][]*)\]")
_PLACE = re.compile(r"{(\w+)}")


def _filled(text: str, values: Mapping[str, str]) -> str:
    def said(found: re.Match[str]) -> str:
        known = all(values.get(name) for name in _PLACE.findall(found[1]))
        return found[1].format_map(values) if known else ""

    return _OPTIONAL.sub(said, text)


@dataclass(frozen=True, slots=True)
class Words:
    """What people are told in one language. Which of it at which moment, `wire.telling` decides.

    Title and steps may use placeholders that the rule fills, each within square brackets, `[ ({v} V)]`: what stands in
    brackets is left out while a value in it is not known.
    """

    name: str
    """The fault's own name, two or three words: what lists and stories call it."""
    title: str
    """The fault as a sentence and nothing else: what is done about it changes from minute to minute."""
    steps: tuple[str, ...]
    """What a person in the room does by hand while the machine may not act. None of them takes power away."""
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Every reason with which the rule says faulty or healthy, in words that go on after a colon."""
    working: tuple[str, ...] = ()
    """What they do while the room acts by itself; a rule without a ladder has none."""
    power: tuple[str, ...] = ()
    """Steps that take power away: told where certainly no call is up, and the room has neither picture nor sound."""
    on: tuple[str, ...] = ()
    """Those of `steps` that switch equipment on: left out while it is wet, or its mains too weak."""

    def filled(self, values: Mapping[str, str]) -> Words:
        """The same with its placeholders filled. An empty value is one that is not known."""
        title, *others = (_filled(text, values) for text in (self.title, *self.steps, *self.working, *self.power))
        steps, working = len(self.steps), len(self.steps) + len(self.working)
        return replace(
            self,
            title=title,
            on=tuple(_filled(text, values) for text in self.on),
            steps=tuple(others[:steps]),
            working=tuple(others[steps:working]),
            power=tuple(others[working:]),
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """One fault of the catalogue."""

    name: str
    severity: Severity
    symptom: str
    """The fact whose fresh reading (or fresh silence) counts: one strike or one pass an observation."""
    watches: tuple[str, ...]
    """Every fact the diagnosis consults."""
    diagnose: Callable[[View, Policy], Diagnosis]
    words: Mapping[str, Words]
    """By language: `vi` and `en`."""
    cause: str
    consequence: str
    action: str
    """What the operator does about it (ISA-18.2: no action, no alarm)."""
    time_available: str
    otherwise: tuple[str, ...] = ()
    """Symptoms that count instead, in this order, in a room that lacks the ones before."""
    ladder: tuple[str, ...] = ()
    """Names of remedies, tried in this order. Empty: a person at once."""
    strikes: int = 3
    passes: int = 2
    confirm_s: float = 0.0
    """The symptom must have lasted at least this long, besides the strikes."""
    loads: tuple[str, ...] = ()
    """Loads whose cycling or settling explains the symptom away: it is not judged then."""
    inhibited_by: tuple[str, ...] = ()
    """Rules that are a cause of this one: while one of them is suspected or open, this one is not judged."""
    on_clear: str = ""
    """A remedy that puts back what the ladder switched, once the fault is gone."""
    power_loss: bool = False
    """While it is open the mains is lost: extras are switched off; when it clears the room returns in stages."""
    leaves_no_meeting: bool = False
    """While it is open no meeting can be held: its ladder may act shortly before one, if it is done in time."""
    act_after_s: Callable[[View, Policy], float] | None = None
    """How long the fault must have lasted without a good look before a rung may act, in seconds.

    Infinity while an act would be for nothing, or nobody can tell. It delays the act, never the telling. None: at once.
    """
    act_after: str = ""
    """The same in a sentence, for the fault's page."""
    fill: Callable[[View, Policy], Mapping[str, str]] | None = None
    """Values for the placeholders of the words."""

    def symptom_in(self, fitted: Container[str]) -> str:
        """The symptom that counts in a room with these facts."""
        return next((key for key in (self.symptom, *self.otherwise) if key in fitted), self.symptom)

    def told(self, view: View, policy: Policy) -> dict[str, Words]:
        """The words in each language with the placeholders filled; what needs an unknown value is left out."""
        values = self.fill(view, policy) if self.fill else {}
        return {language: text.filled(values) for language, text in self.words.items()}


def faulty(view: View, reason: str, *keys: str) -> Diagnosis:
    """FAULTY, with the named facts as evidence."""
    return Diagnosis(Verdict.FAULTY, reason, view.evidence(*keys))


def healthy(view: View, reason: str, *keys: str) -> Diagnosis:
    """HEALTHY, with the named facts as evidence."""
    return Diagnosis(Verdict.HEALTHY, reason, view.evidence(*keys))


def unknown(view: View, reason: str, *keys: str) -> Diagnosis:
    """UNKNOWN, with the named facts as evidence."""
    return Diagnosis(Verdict.UNKNOWN, reason, view.evidence(*keys))
