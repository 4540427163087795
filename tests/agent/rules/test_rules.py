"""The contract every rule keeps, and what each of them sees."""

from __future__ import annotations

import re
import string
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import agent.rules
from agent.core.events import DesiredChanged
from agent.core.facts import FACTS, NoReading, Reading
from agent.core.policy import Meeting
from agent.core.remedies import REMEDIES
from agent.core.rule import Rule, Severity, Verdict, Words
from tests.agent.core.world import FULL, IDLE, WALL_S, World

RULES = {rule.name: rule for rule in agent.rules.load()}
RECORDINGS = Path(__file__).parent / "recordings"


def _texts(words: Words) -> tuple[str, ...]:
    return (words.title, *words.steps, *words.working, *words.power)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
class TestContract:
    def test_watches_known_facts_and_climbs_known_remedies(self, rule: Rule) -> None:
        assert set(rule.watches) <= set(FACTS)
        assert set(rule.ladder) <= set(REMEDIES)

    def test_states_cause_consequence_action_and_time(self, rule: Rule) -> None:
        assert all(len(text) > 10 for text in (rule.cause, rule.consequence, rule.action, rule.time_available))

    def test_speaks_both_languages_alike(self, rule: Rule) -> None:
        assert set(rule.words) == {"vi", "en"}
        fields = [
            {name for text in _texts(w) for _, name, _, _ in string.Formatter().parse(text) if name}
            for w in rule.words.values()
        ]
        assert fields[0] == fields[1]
        for text in (text for w in rule.words.values() for text in _texts(w)):
            assert "{" not in re.sub(r"\[[^][]*\]", "", text), f"put what needs a value in brackets: {text!r}"
        assert all(1 <= len(w.steps) <= 4 for w in rule.words.values())
        assert all(set(w.on) < set(w.steps) for w in rule.words.values()), "some step is left where nothing may be on"
        assert all(0 < len(w.name) <= 40 for w in rule.words.values())
        assert rule.words["vi"].reasons.keys() == rule.words["en"].reasons.keys()

    def test_nothing_known_is_unknown(self, rule: Rule) -> None:
        world = World()
        assert rule.diagnose(world.state.view(world.now), world.state.policy).verdict is Verdict.UNKNOWN

    def test_a_good_room_is_healthy(self, rule: Rule) -> None:
        world = World()
        world.see(FULL)
        diagnosis = rule.diagnose(world.state.view(world.now), world.state.policy)
        assert diagnosis.verdict is Verdict.HEALTHY, (
            f"{diagnosis.reason}: in agent/core/facts.py `good` of {rule.symptom} says what a good room reads"
        )
        assert diagnosis.reason in rule.words["vi"].reasons, f"say {diagnosis.reason!r} in the reasons of its words"

    def test_stale_facts_are_unknown(self, rule: Rule) -> None:
        world = World()
        world.see(FULL)
        world.mono_s += 1000
        assert rule.diagnose(world.state.view(world.now), world.state.policy).verdict is Verdict.UNKNOWN

    def test_tells_without_any_fact(self, rule: Rule) -> None:
        world = World()
        told = rule.told(world.state.view(world.now), world.state.policy)
        assert not [text for words in told.values() for text in _texts(words) if re.search(r"[{}\[\]]", text)]


def test_few_alarms_are_critical() -> None:
    """ISA-18.2 wants at most 5 % critical alarms. The hub adds one of its own, a room that is not heard, as major."""
    critical = [rule for rule in RULES.values() if rule.severity is Severity.CRITICAL]
    assert len(critical) <= 0.05 * (len(RULES) + 1)


def test_every_alarm_asks_for_an_action() -> None:
    for rule in RULES.values():
        assert rule.ladder or all(words.steps for words in rule.words.values()), rule.name


def test_no_cause_is_its_own_consequence() -> None:
    seen: set[str] = set()
    while ready := {n for n, rule in RULES.items() if n not in seen and set(rule.inhibited_by) <= seen}:
        seen |= ready
    assert seen == set(RULES), "a circle of causes would hold each other back for ever"


def _recorded() -> Iterator[tuple[str, Verdict, str, dict[str, Reading]]]:
    """Every look of `recordings/`: the rule, what it must say and why, and what differs from a good room."""
    for path in sorted(RECORDINGS.glob("*.toml")):
        for verdict, looks in tomllib.loads(path.read_text("utf-8")).items():
            for look in looks:
                reason = look.pop("reason")
                readings = {k: NoReading(v["none"]) if isinstance(v, dict) else v for k, v in look.items()}
                yield path.stem, Verdict(verdict), reason, readings


LOOKS = list(_recorded())


def _diagnose(name: str, readings: dict[str, Reading]) -> tuple[Verdict, str]:
    world = World()
    start_s = WALL_S + world.mono_s + 1800
    world.feed(DesiredChanged(1, (Meeting("m", "Giao ban", start_s, start_s + 3600),)))
    world.see({**FULL, **readings})
    diagnosis = RULES[name].diagnose(world.state.view(world.now), world.state.policy)
    return diagnosis.verdict, diagnosis.reason


@pytest.mark.parametrize(
    ("name", "verdict", "reason", "readings"), LOOKS, ids=[f"{name}-{reason}" for name, _, reason, _ in LOOKS]
)
def test_says_what_was_recorded(name: str, verdict: Verdict, reason: str, readings: dict[str, Reading]) -> None:
    assert readings.keys() <= FACTS.keys(), f"recordings/{name}.toml: no such fact in agent/core/facts.py"
    assert _diagnose(name, readings) == (verdict, reason)
    if verdict is not Verdict.UNKNOWN:
        assert reason in RULES[name].words["vi"].reasons, f"say {reason!r} in the reasons of its words"


@pytest.mark.parametrize("name", ["uplink_lost", "room_network_lost"])
def test_whatever_answers_beyond_proves_the_line_and_the_switch(name: str) -> None:
    silent: dict[str, Reading] = {"net.hub": False, "net.gateway": False}
    assert _diagnose(name, {**silent, "net.beyond": True})[0] is Verdict.HEALTHY
    assert _diagnose(name, {**silent, "net.beyond": False})[0] is not Verdict.HEALTHY


@pytest.mark.parametrize("rule", [rule for rule in RULES.values() if rule.act_after_s], ids=lambda rule: rule.name)
def test_a_rule_that_waits_before_it_acts_says_so(rule: Rule) -> None:
    assert rule.ladder
    assert len(rule.act_after) > 20


def test_every_rule_is_seen_faulty() -> None:
    seen = {name for name, verdict, _, _ in LOOKS if verdict is Verdict.FAULTY}
    unseen, strange = sorted(RULES.keys() - seen), sorted(seen - RULES.keys())
    assert not unseen, f"record a look that shows it: tests/agent/rules/recordings/{unseen[0]}.toml with a [[faulty]]"
    assert not strange, f"no rule has this name: remove tests/agent/rules/recordings/{strange[0]}.toml"


@pytest.mark.parametrize(
    ("power", "told"), [("off", (Verdict.FAULTY, "display_off")), ("on", (Verdict.HEALTHY, "picture_possible"))]
)
def test_where_the_codec_cannot_be_asked_the_display_s_word_does(power: str, told: tuple[Verdict, str]) -> None:
    world = World()
    start_s = WALL_S + world.mono_s + 1800
    world.feed(DesiredChanged(1, (Meeting("m", "Giao ban", start_s, start_s + 3600),)))
    world.see({"display.power": power, "display.input_right": True})
    diagnosis = RULES["display_asleep"].diagnose(world.state.view(world.now), world.state.policy)
    assert (diagnosis.verdict, diagnosis.reason) == told
    assert RULES["display_asleep"].symptom_in({"display.power"}) == "display.power"


def test_a_display_s_warning_is_no_alarm() -> None:
    assert _diagnose("display_complains", {"display.fault": "filter warning"})[0] is Verdict.HEALTHY


def test_a_camera_that_is_alive_or_sleeps_with_its_codec_is_fine() -> None:
    fine: list[dict[str, Reading]] = [
        {"camera.api": False},
        {"camera.power": "off", "codec.standby": True},
        {"codec.camera": NoReading("absent"), "camera.api": True},
    ]
    assert [_diagnose("camera_missing", readings)[0] for readings in fine] == [Verdict.HEALTHY] * 3


@pytest.mark.parametrize("name", ["display_asleep", "room_dark"])
def test_outside_meetings_a_sleeping_room_is_fine(name: str) -> None:
    world = World()
    world.see({**IDLE, "codec.standby": True, "env.light_lx": 3.0})
    assert RULES[name].diagnose(world.state.view(world.now), world.state.policy).verdict is Verdict.HEALTHY
