"""A rule made for tests of the ladder: its symptom, its reason and its room are the test's to choose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from agent.core.engine import initial
from agent.core.events import Tick
from agent.core.facts import View
from agent.core.policy import WAITS, Policy, Waits, make_policy
from agent.core.remedies import Load
from agent.core.rule import Diagnosis, Rule, Severity, Words, faulty, healthy, unknown
from agent.core.state import Fault
from tests.agent.core.world import ALL_RELAYS, APIS, IDLE, World

ILL, WELL = {**IDLE, "codec.registered": False}, IDLE
UNSEEN = {key: value for key, value in IDLE.items() if key != "codec.registered"}


def diagnose(view: View, _: Policy) -> Diagnosis:
    """The codec's registration is the symptom, its software version stands for what the reason is."""
    if view.value("codec.registered") is None:
        return unknown(view, "silent")
    if view.is_true("codec.registered"):
        return healthy(view, "registered", "codec.registered")
    return faulty(view, str(view.value("codec.software") or "gone"), "codec.registered")


WORDS = {
    "vi": Words("Đăng ký", "Mất đăng ký", ("Gọi trung tâm",)),
    "en": Words("Registration", "Not registered", ("Call the centre",)),
}
RULE = Rule(
    "toy", Severity.MAJOR, "codec.registered", ("codec.registered",), diagnose, WORDS,
    "cause", "consequence", "action", "10 min", ladder=("codec_restart",), loads=("codec",),
)  # fmt: skip


def room(rule: Rule = RULE, *, load: Mapping[str, Load] | None = None, waits: Waits = WAITS, **fault: object) -> World:
    """A room at rest with this one rule; `fault` gives the fault it begins with."""
    made = replace(make_policy(load, relays=ALL_RELAYS, apis=APIS), waits=waits)
    world = World(state=initial(made, (rule,)))
    world.see(UNSEEN)
    if fault:
        begun = replace(Fault("toy", fault_id=7, reason="gone", struck_s=world.mono_s), **fault)  # type: ignore[arg-type]
        world.state = replace(world.state, faults={"toy": begun}, next_id=8)
    return world


def later(world: World, seconds: float, seen: Mapping[str, object] = UNSEEN) -> tuple[object, ...]:
    """So much later: a look, then a tick."""
    world.mono_s += seconds
    return (*world.see(seen), *world.feed(Tick()))  # type: ignore[arg-type]


def toy(world: World) -> Fault:
    return world.state.fault("toy")
