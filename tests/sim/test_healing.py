"""Every fault against the agent's own engine, in simulated time: what the catalogue expects of it comes true."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

import agent.rules
from agent.core.events import DesiredChanged, Observed, RemedyDone, StartRemedy, Tick
from agent.core.facts import Instant, Observation, Reading
from agent.core.phases import OPEN, Phase
from agent.core.policy import Meeting
from agent.core.remedies import Method
from agent.runtime.room import Room
from agent.store.memory import MemoryStore
from sim import observe
from sim.fault_kind import expected
from sim.faults import FAULTS
from sim.fitout import without
from sim.light import Shared
from sim.physics import Fitting, RoomPhysics

START_S = 1_000_000.0
WALL_S = 1_795_390_000.0
CALM_S = 120.0
"""How long a room is watched before its fault: every probe has looked twice."""
PATIENCE_S = 3500.0
FOUND_S = 180.0
"""Every rule is certain by then: six strikes of a probe that looks every ten seconds, or two of one every thirty."""

BOOT_S = 160.0
"""A power that is back clears `codec_no_power` at once; the codec then still starts and registers."""

GIVEN_UP_S = 1500.0
"""Every ladder that ends with a person has come to its end by then."""

WHOLE = Fitting()
FITTINGS = {
    "pinged": replace(WHOLE, codec="pinged"),
    "unwatched": replace(WHOLE, codec="unwatched"),
    "no meters": replace(WHOLE, meters=False),
    "no UPS": replace(WHOLE, ups_runtime_s=0.0),
    "bare": replace(without(WHOLE, "amplifier", "pc", "splitter"), sound_meter=False),
}
BY_ITSELF = sorted(name for name, kind in FAULTS.items() if kind.expect == "healed")
NOT_OURS = sorted(name for name, kind in FAULTS.items() if kind.expect == "recovers")
FOR_PEOPLE = [(name, "whole") for name, kind in sorted(FAULTS.items()) if kind.expect == "escalated"] + [
    (name, fitted)
    for name, kind in sorted(FAULTS.items())
    for fitted, fitting in FITTINGS.items()
    if kind.expect != "escalated" and expected(kind, fitting) == "escalated"
]
UNSEEN = [(name, "whole") for name, kind in sorted(FAULTS.items()) if kind.expect == "unseen"] + [
    (name, fitted)
    for name, kind in sorted(FAULTS.items())
    for fitted, fitting in FITTINGS.items()
    if kind.expect != "unseen" and expected(kind, fitting) == "unseen"
]
ORDER_S = 2
"""How long an order over the control interface takes."""


class Run:
    """One room: physics below, the agent's engine above, and nothing but this loop in between, second by second."""

    def __init__(
        self, seed: int = 7, fitting: Fitting = WHOLE, meeting_in_s: float = PATIENCE_S, *, trial: bool = False
    ) -> None:
        self.physics = RoomPhysics("r", fitting, START_S)
        self.passed_s = 0
        policy = Shared(1.0).policy(fitting)
        self.room = Room(agent.rules.load(), policy, MemoryStore("epoch"), "0" * 32, "0.1.0", "r")
        self.room.restore(self.now)
        # Near enough for the room to be wanted, far enough not to forbid anything.
        soon_s = WALL_S + meeting_in_s
        meetings = (Meeting("m", "Giao ban", soon_s, soon_s + 3600, trial=trial),) if meeting_in_s else ()
        self.room.feed(DesiredChanged(1, meetings), self.now)
        self.done: list[str] = []
        """Remedies, in order."""
        self._chance = random.Random(seed)
        self._doing: list[tuple[int, StartRemedy]] = []

    @property
    def now(self) -> Instant:
        return Instant(START_S + self.passed_s, WALL_S + self.passed_s, True)

    @property
    def now_s(self) -> float:
        return START_S + self.passed_s

    def pass_s(self, seconds: float) -> None:
        for _ in range(int(seconds)):
            self.passed_s += 1
            self._second()

    def _second(self) -> None:
        self.physics.advance(self.now_s)
        if not self.physics.board_on():
            return
        for end_s, order in [doing for doing in self._doing if self.passed_s >= doing[0]]:
            self._doing.remove((end_s, order))
            self._finish(order)
        if self.passed_s % 10 == 0:
            self._look("codec", observe.codec(self.physics))
            self._look("display", observe.display(self.physics))
            self._look("power", observe.power(self.physics, self._chance))
            self._look("network", observe.network(self.physics))
            self._look("sound", observe.sound(self.physics, self._chance))
        if self.passed_s % 30 == 0:
            self._look("air", observe.air(self.physics, self._chance))
            self._look("network-slow", observe.line(self.physics, self._chance))
            self._look("pc", observe.pc(self.physics))
        self.room.feed(Tick(), self.now)
        for order in self.room.commit(self.now):
            self._begin(order)

    def _look(self, source: str, readings: dict[str, Reading]) -> None:
        self.room.feed(Observed(Observation(source, readings)), self.now)

    def _begin(self, order: StartRemedy) -> None:
        method, load = order.remedy.method, order.load
        self.done.append(order.remedy.name)
        lasts_s = ORDER_S
        if method is not Method.API:
            self.physics.relay(load.name, method is Method.ON, self.now_s)
            lasts_s = round(load.off_s) if method is Method.CYCLE else 0
        self._doing.append((self.passed_s + lasts_s, order))

    def _finish(self, order: StartRemedy) -> None:
        taken = True
        if order.remedy.method is Method.API:
            taken = self.physics.gateway_up() and self.physics.command(order.remedy.name, self.now_s)
        elif order.remedy.method is Method.CYCLE:
            self.physics.relay(order.load.name, True, self.now_s)
        self.room.feed(RemedyDone(order.act.act_id, taken, "" if taken else "timeout"), self.now)

    def open_faults(self) -> dict[str, Phase]:
        return {rule: fault.phase for rule, fault in self.room.state.faults.items() if fault.phase in OPEN}

    def until_clear(self) -> None:
        """Wait until no fault is open, within the time of one settling on each rung of the longest ladder."""
        began_s = self.passed_s
        while self.open_faults():
            assert self.passed_s - began_s < 1000, (self.open_faults(), self.done)
            self.pass_s(1)


def put(run: Run, fault: str) -> None:
    FAULTS[fault].put(run.physics, run.now_s, {})


def struck(fault: str, fitting: Fitting = WHOLE) -> Run:
    """A room at the time at which the rules of this fault look for it, just as it comes."""
    kind = FAULTS[fault]
    trial = kind.when == "trial"
    run = Run(fitting=fitting, meeting_in_s=-60.0 if trial else PATIENCE_S, trial=trial)
    run.pass_s(CALM_S)
    if kind.when in ("call", "trial"):
        assert run.physics.start_call(PATIENCE_S, run.now_s)
        run.pass_s(30)
    assert not run.open_faults()
    put(run, fault)
    assert kind.present(run.physics) or fitting is not WHOLE, "it is not put where it could not be"
    return run


def fitting_of(name: str) -> Fitting:
    return FITTINGS.get(name, WHOLE)


@pytest.mark.parametrize("fitted", ["whole", *FITTINGS])
def test_a_sound_room_has_no_faults_and_is_left_alone(fitted: str) -> None:
    run = Run(fitting=fitting_of(fitted))
    run.pass_s(1800)
    assert not run.open_faults()
    assert not run.physics.witness.acts


@pytest.mark.parametrize("fault", BY_ITSELF)
def test_the_room_heals_itself(fault: str) -> None:
    run, kind = struck(fault), FAULTS[fault]
    run.pass_s(FOUND_S)
    assert run.done or set(run.open_faults()) & set(kind.rules), f"{fault} was not found"
    run.until_clear()
    run.pass_s(BOOT_S if kind.load else 0)
    assert run.done
    assert not kind.present(run.physics)
    assert run.physics.witness.harmed == 0


@pytest.mark.parametrize("fault", NOT_OURS)
def test_what_is_not_the_room_s_fault_is_told_and_ends_with_its_cause(fault: str) -> None:
    run, kind = struck(fault), FAULTS[fault]
    run.pass_s(FOUND_S)
    assert set(run.open_faults()) & set(kind.rules)
    kind.lift(run.physics, run.now_s)
    run.pass_s(FOUND_S)
    assert not run.open_faults()
    assert not any(act.load == "codec" for act in run.physics.witness.acts), "a codec that was well was touched"
    assert run.physics.witness.needless == 0


@pytest.mark.parametrize(("fault", "fitted"), FOR_PEOPLE)
def test_what_no_room_can_mend_becomes_a_person_s_and_ends_with_its_cause(fault: str, fitted: str) -> None:
    run, kind = struck(fault, fitting_of(fitted)), FAULTS[fault]
    run.pass_s(GIVEN_UP_S)
    assert [run.open_faults().get(rule) for rule in kind.rules if rule in run.open_faults()] == [Phase.ESCALATED]
    assert kind.present(run.physics)
    kind.lift(run.physics, run.now_s)
    run.pass_s(400)
    assert not run.open_faults()
    assert not kind.present(run.physics)
    assert run.physics.witness.harmed == 0


@pytest.mark.parametrize(("fault", "fitted"), UNSEEN)
def test_what_no_rule_can_find_is_not_told_under_another_name(fault: str, fitted: str) -> None:
    """Whoever teaches a rule to find it changes what is expected of the fault."""
    run, kind = struck(fault, fitting_of(fitted)), FAULTS[fault]
    run.pass_s(GIVEN_UP_S)
    assert not run.open_faults()
    assert not run.physics.witness.acts
    kind.lift(run.physics, run.now_s)
    run.pass_s(FOUND_S)
    assert not run.open_faults()
    assert not kind.present(run.physics)


@pytest.mark.parametrize("fault", ["codec_hang_soft", "codec_hang_hard"])
def test_a_hang_in_a_call_waits_for_its_end(fault: str) -> None:
    run = Run()
    run.pass_s(CALM_S)
    FAULTS[fault].put(run.physics, run.now_s, {"call_s": 600.0})
    # In a call the draw is the only witness that is left: nothing may be touched while it says so.
    run.pass_s(590)
    assert not run.physics.witness.acts
    run.pass_s(11 + FOUND_S)
    assert run.done, "the end of the call was not noticed"
    run.until_clear()
    assert run.physics.codec.serving(run.now_s)
    assert run.physics.witness.harmed == 0
    assert run.physics.witness.calls_lost == 0
