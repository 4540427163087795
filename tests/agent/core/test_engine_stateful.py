"""Whatever happens to a room and in whatever order, the promises of docs/safety.md hold.

Hypothesis makes up the stories. The promises are those of `make prove` (`tests/prove/invariants.py`), judged by an
account of what really happened; what the engine believes of the past is never asked.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

import agent.rules
from agent.core.events import DesiredChanged, Event, Observed, OrderReceived, RemedyDone, StartRemedy, Tick
from agent.core.facts import Instant, NoReading, Observation, Reading
from agent.core.leases import DENIED, GRANTED
from agent.core.policy import Meeting
from agent.core.remedies import OFF_MAX_S, REMEDIES, REPORT_S, Method
from agent.runtime.room import Room
from agent.store.memory import MemoryStore
from tests.agent.core.test_codec_hung_story import HUNG
from tests.agent.core.test_properties import look
from tests.agent.core.world import IDLE, policy
from tests.effort import examples
from tests.prove.invariants import INVARIANTS, Moment
from tests.prove.mutants import MUTANTS
from tests.prove.sim.clock import EPOCH_S
from tests.prove.sim.ledger import Ledger
from tests.prove.sim.place import Restart
from wire import messages as m

PROMISES = (
    "unknown_never_authorises",
    "meeting_undisturbed",
    "maintenance_respected",
    "one_remedy_per_load",
    "hold_on_held",
    "budget_held",
    "stagger_held",
    "supply_respected",
)
"""Those that can be judged without the physics of devices and cards."""
LOOK_S = 10.0
A_DAY_S = 86_400.0
SWITCHED = ["light_on", "light_off", "fan_on", "fan_off", "camera_power_cycle"]
BOUNDED = settings(
    max_examples=examples(100), stateful_step_count=30, derandomize=True, deadline=None, database=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


class RoomMachine(RuleBasedStateMachine):
    """A room over its journal, as the loop drives it, and the account of what has really happened."""

    def __init__(self) -> None:
        super().__init__()
        self.true_s = 1000.0
        self.up_since_s = 0.0
        self.boot = 1
        self.clock_error_s: float | None = None
        """How far the wall clock is off; None: it is disciplined, and right."""
        self.readings: dict[str, Reading] = dict(IDLE)
        self.store = MemoryStore("e")
        self.read_seq = 0
        self.ordered = 0
        self.desired: DesiredChanged | None = None
        self.under_way: dict[int, StartRemedy] = {}
        self.account = Ledger()
        self.restarts: list[Restart] = []
        self.relay_act_s = float("-inf")
        self.start_agent()

    # -- time

    @property
    def now(self) -> Instant:
        return Instant(
            self.true_s - self.up_since_s, EPOCH_S + self.true_s + (self.clock_error_s or 0.0),
            self.clock_error_s is None,
        )  # fmt: skip

    def pass_time(self, seconds: float) -> None:
        """Probes look every ten seconds, the loop turns twice between."""
        end_s = self.true_s + seconds
        while self.true_s < end_s:
            self.probes_look()
            for _ in range(2):
                self.true_s += LOOK_S / 2
                self.turn(Tick())

    def probes_look(self) -> None:
        self.account.told(self.readings, self.true_s)
        voltage_v = self.readings["mains.voltage_v"]
        if isinstance(voltage_v, float) and not 198.0 <= voltage_v <= 242.0:
            self.account.supply_bad_s = self.true_s
        self.turn(Observed(Observation("test", self.readings)))

    # -- the loop

    def start_agent(self) -> None:
        self.under_way.clear()  # what an ended agent had begun is over: its relays have gone back to rest
        self.account.said.clear()
        self.room = Room(agent.rules.load(), policy(), self.store, f"b{self.boot}", "0.1", "r-1")
        self.room.restore(self.now)
        self.commit()
        if self.desired is not None:
            self.turn(self.desired)

    def turn(self, event: Event) -> None:
        mono_s = self.now.mono_s  # an actuator gives up before its deadline, and its word may be lost
        self.under_way = {n: start for n, start in self.under_way.items() if mono_s <= start.act.deadline_s}
        self.room.feed(event, self.now)
        self.commit()

    def commit(self) -> None:
        for start in self.room.commit(self.now):
            self.judge(start)
            self.under_way[start.act.act_id] = start

    def judge(self, start: StartRemedy) -> None:
        """Hold one act that begins now against every promise, and put it into the account."""
        intents = {act.act_id for act in self.store.remember(self.room.who.boot).open_acts}
        assert start.act.act_id in intents, "intent_before_act"
        # What is read here is the truth: without these there is no meeting to be lost.
        whole = all(self.readings.get(key) is True for key in ("codec.api", "net.gateway", "net.hub"))
        truth = {"lied_s": float("-inf"), "no_meeting_s": float("-inf") if whole else self.true_s}
        world: Any = SimpleNamespace(
            now_s=self.true_s,
            ledger=self.account,
            clock=SimpleNamespace(lied=False),
            place=SimpleNamespace(restarts=self.restarts, useless=lambda _now_s: not whole),
            board=SimpleNamespace(acts=self.under_way, room=self.room),
            judge=SimpleNamespace(force=self.desired, ruined_s=float("-inf"), relay_act_s=self.relay_act_s, **truth),
        )
        for name in PROMISES:
            if INVARIANTS[name].when == "restart" and not start.remedy.restarts:
                continue
            broken = INVARIANTS[name].check(world, Moment(order=start))
            assert not broken, f"{name}: {broken}"
        assert start.load.off_s <= OFF_MAX_S, "off_time_bounded"
        assert start.remedy.method is not Method.OFF or start.load.may_stay_off, "off_time_bounded"
        if start.remedy.restarts:
            cycled = start.remedy.method is Method.CYCLE
            began = (start.load.name, start.act.act_id, self.true_s)
            self.restarts.append(Restart(*began, ended_s=self.true_s, ready_s=self.true_s, cycled=cycled))
        if start.remedy.method is not Method.API:
            self.relay_act_s = self.true_s

    # -- what may happen

    @initialize(connected=st.booleans())
    def a_room_at_rest(self, connected: bool) -> None:
        self.readings["hub.session"] = connected
        self.pass_time(150)

    @rule(seconds=st.sampled_from([10, 30, 60, 120, 300]))
    def time_passes(self, seconds: int) -> None:
        self.pass_time(seconds)

    @rule(gap_s=st.integers(1, 4000))
    def nobody_looks_for_a_while(self, gap_s: int) -> None:
        self.true_s += gap_s
        self.turn(Tick())

    @rule(changed=look, humidity_pct=st.sampled_from([70.0, 70.0, 99.0]), connected=st.booleans())
    def facts_change(self, changed: dict[str, Reading], humidity_pct: float, connected: bool) -> None:
        self.readings |= changed | {"env.humidity_pct": humidity_pct, "hub.session": connected}
        self.probes_look()

    @rule(calm_s=st.sampled_from([0, 130]))
    def all_is_well(self, calm_s: int) -> None:
        self.readings |= IDLE
        self.pass_time(calm_s)

    @rule(draw_w=st.sampled_from([31.0, 46.0, NoReading("timeout")]), seconds=st.sampled_from([40, 200, 500]))
    def the_codec_hangs(self, draw_w: Reading, seconds: int) -> None:
        self.readings |= HUNG | {"codec.draw_w": draw_w}
        self.pass_time(seconds)

    @rule(error_s=st.sampled_from([-A_DAY_S, -3600.0, 3600.0, A_DAY_S, None]))
    def the_clock_steps(self, error_s: float | None) -> None:
        self.clock_error_s = error_s
        self.turn(Tick())

    @rule(action=st.sampled_from([*REMEDIES, "recheck", "clear_latches", "nonsense"]), looked=st.booleans())
    def an_order_comes(self, action: str, looked: bool) -> None:
        if looked:
            self.probes_look()
        self.ordered += 1
        self.turn(OrderReceived(f"c{self.ordered}", action, "lan"))

    @rule(actions=st.lists(st.sampled_from(SWITCHED), min_size=2, max_size=3, unique=True))
    def orders_come_in_haste(self, actions: list[str]) -> None:
        for action in actions:
            self.an_order_comes(action, looked=True)

    @rule(answer=st.sampled_from([GRANTED, DENIED]))
    def the_hub_answers(self, answer: str) -> None:
        self.ordered += 1
        self.turn(OrderReceived(f"c{self.ordered}", answer, "hub"))

    @rule(start_in_s=st.sampled_from([-60.0, 600.0, 7200.0]), maintained=st.booleans(), planned=st.booleans())
    def a_desired_document_comes(self, start_in_s: float, maintained: bool, planned: bool) -> None:
        start_s = EPOCH_S + self.true_s + start_in_s
        meetings = (Meeting("m", "giao ban", start_s, start_s + 1800.0),) if planned else ()
        version = self.desired.version + 1 if self.desired else 1
        self.desired = DesiredChanged(version, meetings, EPOCH_S + self.true_s + 900.0 if maintained else 0.0)
        self.turn(self.desired)

    @rule(ok=st.booleans(), sent=st.booleans(), newest=st.booleans())
    def an_act_ends(self, ok: bool, sent: bool, newest: bool) -> None:
        if not self.under_way:
            return
        act_id = (max if newest else min)(self.under_way)
        del self.under_way[act_id]
        if not ok and not sent:  # the order never reached the device, which therefore has not restarted
            self.restarts = [one for one in self.restarts if one.act_id != act_id]
        self.turn(RemedyDone(act_id, ok, "" if ok else "timeout", {} if sent else {"sent": False}))

    @rule(turn_lost=st.booleans(), rebooted=st.booleans(), away_s=st.sampled_from([3, 60, 5000]))
    def the_agent_starts_again(self, turn_lost: bool, rebooted: bool, away_s: int) -> None:
        if turn_lost:
            self.room.feed(Tick(), self.now)  # stepped, and never committed
        self.true_s += away_s
        if rebooted:
            self.boot += 1
            self.up_since_s = self.true_s - 20.0
        self.start_agent()

    # -- what holds between any two of them

    @invariant()
    def every_refusal_has_a_reason(self) -> None:
        for seq, payload in self.store.outbox(self.read_seq, 1000):
            self.read_seq = seq
            event = m.decode(m.Event, payload)
            assert event.reason or not event.kind.endswith("_refused"), event

    @invariant()
    def what_the_engine_takes_to_be_under_way_is(self) -> None:
        acts = self.room.state.acts
        assert set(acts) <= set(self.under_way)
        for act in acts.values():
            longest_s = REPORT_S + OFF_MAX_S
            assert REMEDIES[act.remedy].method is Method.STAGED or act.deadline_s - act.started_s <= longest_s, act


@pytest.mark.sampled
def test_the_promises_hold_in_every_story() -> None:
    run_state_machine_as_test(RoomMachine, settings=BOUNDED)


@pytest.mark.parametrize(
    ("bug", "promise"),
    [("unknown_call_counts_as_idle", "unknown_never_authorises"), ("stagger_is_dropped", "stagger_held")],
)
def test_a_broken_interlock_is_caught(bug: str, promise: str) -> None:
    """The search is no formality: the same stories find bugs made by hand."""
    # Which stories come first depends on every constant in the code: enough of them, and it ends with the first one.
    only_found = settings(
        BOUNDED, max_examples=1000, phases=[Phase.generate], report_multiple_bugs=False, print_blob=False
    )
    with MUTANTS[bug].at_work(), pytest.raises(AssertionError, match=promise):
        run_state_machine_as_test(RoomMachine, settings=only_found)
