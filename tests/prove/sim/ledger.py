"""What really happened, as far as the invariants need it: told by the harness, never by the agent."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import msgspec

from agent.core.events import StartRemedy
from agent.core.facts import NoReading, Reading, Value
from tests.prove.promised import CALL_PATH, DEW_MARGIN_C, FACTS, HUMID_PCT, dew_point_c
from wire import messages as m

NEVER = NoReading("never")


@dataclass(slots=True)
class Said:
    """What was last delivered to this run of the agent of one fact, by true time."""

    at_s: float = float("-inf")
    value: Reading = NEVER
    good: Value | None = None
    good_at_s: float = float("-inf")


@dataclass(slots=True)
class Episode:
    """A device stopped serving: when, when the agent acted on it, when it served again."""

    fault: str
    load: str
    began_s: float
    boot_s: float
    in_call: bool
    acted_s: float | None = None
    ended_s: float | None = None


@dataclass(slots=True)
class Ledger:
    """One room's account."""

    said: dict[str, Said] = field(default_factory=dict)
    """By fact; forgotten with the process that was told."""
    supply_bad_s: float = float("-inf")
    """When this run of the agent was last told of bad mains, or has read so in its journal."""
    supply_bad_kept: tuple[str, float] = ("", float("-inf"))
    """Boot and time as of the newest commit."""
    call_shown: bool = False
    """Whether an honest look has shown the call that is up now."""
    alive_since_s: float = 0.0
    dead_s: float = 0.0
    """How long no agent has been running, in all."""
    died_at_s: float | None = None
    committed: dict[tuple[str, int], bytes] = field(default_factory=dict)
    """(epoch, seq) to event: what some commit of the room has put into its outbox."""
    card_lost: set[tuple[str, int]] = field(default_factory=set)
    """Of these, what a card that lied about flushing, or a ruined file, took away."""
    seen_acts: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    deaths: Counter[str] = field(default_factory=Counter)
    ordered: dict[str, bool] = field(default_factory=dict)
    """Command id to whether it was good when it was given."""
    confirmed: dict[str, bool] = field(default_factory=dict)
    """Command id to whether a person has confirmed that there is no picture and no sound."""
    obeyed: Counter[str] = field(default_factory=Counter)
    counted: Counter[str] = field(default_factory=Counter)
    """Looks, turns, commits, messages: what a simulated day consists of."""
    blind_cuts: int = 0
    """Calls cut so young that no look had shown them."""
    in_call: Counter[str] = field(default_factory=Counter)
    """Restarts in a call's path while a call was up, whether it could be known of or not."""
    needless: Counter[str] = field(default_factory=Counter)
    """Restarts of the room's own of what truly was healthy, by what they were for."""
    happened: Counter[str] = field(default_factory=Counter)
    """Troubles that came, by kind."""
    notes: list[str] = field(default_factory=list)

    def dead_for_s(self, now_s: float) -> float:
        """How long no agent has been running, in all, up to now."""
        return self.dead_s + (now_s - self.died_at_s if self.died_at_s is not None else 0.0)

    def restarted(self, order: StartRemedy, call_up_s: float, *, healthy: bool, lied: bool) -> None:
        """A load is taken out of service."""
        if order.load.name in CALL_PATH and call_up_s >= 0:
            self.in_call[order.remedy.name] += 1
        if healthy and not order.act.command:
            # Acts of no fault are stages of the whole room's restart.
            why = f"{order.remedy.name} for {order.act.fault or 'the whole room'}"
            self.needless[f"{why}, while a sensor lied" if lied else why] += 1

    def told(self, readings: dict[str, Reading], now_s: float) -> None:
        """The agent has been told this, asked at that true moment. A value out of its range counts as no reading."""
        for key in readings.keys() & FACTS.keys():
            spec, value = FACTS[key], readings[key]
            outside = isinstance(value, int | float) and not spec.low <= value <= spec.high
            if outside and not isinstance(value, bool):
                value = NoReading("garbled")
            said = self.said.setdefault(key, Said())
            if now_s < said.at_s:
                continue  # the answer to a later question was quicker
            said.at_s, said.value = now_s, value
            if not isinstance(value, NoReading):
                said.good, said.good_at_s = value, now_s

    def fresh(self, key: str, now_s: float) -> Reading:
        """What the agent may still believe of a fact at this moment."""
        said = self.said.get(key)
        if said is None or now_s - said.at_s > FACTS[key].fresh_s:
            return NoReading("old")
        return said.value

    def number(self, key: str, now_s: float) -> float | None:
        """The same as a number."""
        value = self.fresh(key, now_s)
        return None if isinstance(value, NoReading | bool | str) else float(value)

    def wet(self, now_s: float) -> bool:
        """Whether water may form, as far as sensors tell."""
        return _wet(self, now_s)


def _wet(ledger: Ledger, now_s: float) -> bool:
    keys = ("env.temp_c", "env.humidity_pct", "env.rack_temp_c")
    air_c, humid_pct, rack_c = (ledger.number(key, now_s) for key in keys)
    if air_c is not None and humid_pct is not None and rack_c is not None:
        return rack_c - dew_point_c(air_c, humid_pct) < DEW_MARGIN_C
    return humid_pct is not None and humid_pct > HUMID_PCT


def same_event(one: bytes, other: bytes) -> bool:
    """Whether two payloads are the same event; its floor, and what that stands for, are put in when it is sent."""
    return one == other or _without_floor(one) == _without_floor(other)


def _without_floor(payload: bytes) -> m.Event:
    return msgspec.structs.replace(m.decode(m.Event, payload), floor=0, hub="")
