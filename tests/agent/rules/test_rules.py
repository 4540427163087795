"""The contract every rule keeps, and what each of them sees."""

from __future__ import annotations

import string

import pytest

import agent.rules
from agent.core.events import DesiredChanged
from agent.core.facts import FACTS, NoReading, Reading
from agent.core.policy import Meeting
from agent.core.remedies import REMEDIES
from agent.core.rule import Rule, Severity, Verdict
from tests.agent.core.world import IDLE, WALL_S, World

RULES = {rule.name: rule for rule in agent.rules.load()}


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
            {name for text in (w.title, *w.steps) for _, name, _, _ in string.Formatter().parse(text) if name}
            for w in rule.words.values()
        ]
        assert fields[0] == fields[1]
        assert all(1 <= len(w.steps) <= 4 for w in rule.words.values())
        assert all(0 < len(w.name) <= 40 for w in rule.words.values())
        assert rule.words["vi"].reasons.keys() == rule.words["en"].reasons.keys()

    def test_nothing_known_is_unknown(self, rule: Rule) -> None:
        world = World()
        assert rule.diagnose(world.state.view(world.now), world.state.policy).verdict is Verdict.UNKNOWN

    def test_a_good_room_is_healthy(self, rule: Rule) -> None:
        world = World()
        world.see(IDLE)
        diagnosis = rule.diagnose(world.state.view(world.now), world.state.policy)
        assert diagnosis.verdict is Verdict.HEALTHY
        assert diagnosis.reason in rule.words["vi"].reasons, f"say {diagnosis.reason!r} in the reasons of its words"

    def test_stale_facts_are_unknown(self, rule: Rule) -> None:
        world = World()
        world.see(IDLE)
        world.mono_s += 1000
        assert rule.diagnose(world.state.view(world.now), world.state.policy).verdict is Verdict.UNKNOWN

    def test_tells_without_any_fact(self, rule: Rule) -> None:
        world = World()
        told = rule.told(world.state.view(world.now), world.state.policy)
        assert all("{" not in text for words in told.values() for text in (words.title, *words.steps))


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


FAULTY: list[tuple[str, dict[str, Reading], str]] = [
    ("codec_hung", {"codec.api": False}, "api_silent_codec_reachable"),
    ("codec_hung", {"codec.api": False, "codec.ping": False}, "api_silent_codec_draws_power"),
    (
        "codec_no_power",
        {"codec.api": False, "codec.ping": False, "codec.tcp": False, "codec.draw_w": 0.4},
        "no_draw_no_answer",
    ),
    ("room_network_lost", {"net.link": False, "net.gateway": False, "net.hub": False}, "no_carrier"),
    ("room_network_lost", {"net.gateway": False, "net.hub": False}, "gateway_silent"),
    ("uplink_lost", {"net.hub": False}, "gateway_answers_hub_silent"),
    ("uplink_lost", {"net.hub": False, "net.beyond": False}, "gateway_answers_hub_silent"),
    ("uplink_lost", {"net.hub": False, "net.beyond": NoReading("denied")}, "gateway_answers_hub_silent"),
    ("hub_unreachable", {"net.hub": False, "net.beyond": True}, "hub_silent_line_works"),
    ("mains_lost", {"mains.voltage_v": NoReading("timeout"), "ups.on_battery": True}, "ups_on_battery"),
    ("mains_lost", {"mains.voltage_v": 3.0}, "voltage_near_zero"),
    ("mains_weak", {"mains.voltage_v": 197.9}, "voltage_low"),
    ("mains_weak", {"mains.voltage_v": 242.1}, "voltage_high"),
    ("codec_unregistered", {"codec.registered": False}, "not_registered"),
    ("codec_settings_changed", {"codec.settings_ok": False}, "settings_differ"),
    ("display_asleep", {"codec.standby": True}, "codec_in_standby"),
    ("display_asleep", {"display.draw_w": 0.5}, "display_draws_nothing"),
    ("display_asleep", {"display.power": "off", "display.draw_w": 95.0}, "display_off"),
    ("display_asleep", {"display.power": "on", "display.input_right": False}, "display_wrong_input"),
    ("display_asleep", {"display.power": "on", "display.picture_muted": True}, "display_blanked"),
    ("display_complains", {"display.fault": "lamp warning, filter error"}, "display_names_an_error"),
    ("display_complains", {"display.fault": "failure"}, "display_names_an_error"),
    ("room_dark", {"env.light_lx": 149.0}, "too_dark"),
    ("overheating", {"env.temp_c": 35.1}, "room_hot"),
    ("overheating", {"codec.temp_c": 79.0}, "codec_hot"),
    ("ups_weak", {"ups.replace_battery": True}, "replace_battery"),
    ("ups_weak", {"ups.runtime_s": 240.0}, "short_runtime"),
    ("picture_choppy", {"net.loss_pct": 5.0}, "loss_high"),
    ("picture_choppy", {"net.jitter_ms": 41.0}, "jitter_high"),
    ("picture_choppy", {"net.rtt_ms": 151.0}, "rtt_high"),
    ("picture_choppy", {"codec.rx_loss_pct": 5.0}, "call_loss_high"),
    ("picture_choppy", {"codec.tx_loss_pct": 5.0}, "call_loss_high"),
    ("picture_choppy", {"codec.jitter_ms": 41.0}, "call_jitter_high"),
    ("camera_missing", {"codec.camera": False}, "no_camera"),
    ("camera_missing", {"codec.camera": False, "camera.api": False}, "no_camera"),
    ("camera_missing", {"codec.camera": False, "camera.api": True}, "camera_not_found"),
    ("camera_missing", {"camera.power": "off"}, "camera_off"),
    ("camera_missing", {"codec.camera": NoReading("absent"), "camera.api": False}, "camera_silent"),
    ("far_sound_lost", {"codec.volume_pct": 0.0}, "volume_zero"),
    ("far_sound_lost", {"codec.output_muted": True}, "output_muted"),
    ("far_sound_lost", {"amp.draw_w": 0.4}, "amplifier_off"),
    ("near_sound_lost", {"codec.mic_connected": False}, "no_microphone"),
    ("howling", {"sound.level_dbc": 92.0, "codec.in_call": True}, "level_high"),
    ("condensation", {"env.rack_temp_c": 22.0, "env.humidity_pct": 90.0}, "dew_point_near"),
    ("condensation", {"env.rack_temp_c": NoReading("link"), "env.humidity_pct": 88.0}, "air_very_humid"),
    ("pc_app_gone", {"pc.app_running": False}, "software_gone"),
    ("board_supply_weak", {"self.undervoltage": True}, "undervoltage"),
    ("card_failing", {"self.disk_readonly": True}, "read_only"),
    ("card_failing", {"self.disk_pct": 95.0}, "card_full"),
    ("board_exhausted", {"self.mem_pct": 95.5}, "memory_used_up"),
]
NOT_FAULTY: list[tuple[str, dict[str, Reading], str]] = [
    ("codec_hung", {"codec.api": False, "net.link": False}, "own_link_down"),
    ("codec_hung", {"codec.api": False, "net.gateway": False}, "gateway_down"),
    ("codec_hung", {"codec.api": False, "codec.draw_w": 0.4}, "no_power"),
    ("card_failing", {"self.disk_pct": 93.0}, "between_limits"),
    ("board_exhausted", {"self.mem_pct": 90.0}, "between_limits"),
    ("codec_hung", {"codec.api": False, "codec.ping": False, "codec.draw_w": NoReading("x")}, "no_second_symptom"),
    ("codec_hung", {"codec.api": NoReading("link")}, "api_not_asked"),
    ("codec_no_power", {"codec.draw_w": 0.4}, "meter_contradicts_network"),
    (
        "codec_no_power",
        {"codec.api": False, "codec.ping": False, "codec.draw_w": 0.4, "mains.voltage_v": NoReading("timeout")},
        "mains_not_sure",
    ),
    ("uplink_lost", {"net.hub": False, "net.gateway": False}, "gateway_not_sure"),
    ("hub_unreachable", {"net.hub": False}, "line_not_sure"),
    ("hub_unreachable", {"net.hub": False, "net.beyond": False}, "line_not_sure"),
    ("mains_lost", {"mains.voltage_v": NoReading("timeout"), "ups.on_battery": NoReading("link")}, "no_witness"),
    ("mains_weak", {"mains.voltage_v": 203.0}, "voltage_between_limits"),
    ("codec_unregistered", {"codec.registered": False, "net.hub": False}, "line_not_sure"),
    ("codec_settings_changed", {"codec.settings_ok": NoReading("timeout")}, "settings_not_read"),
    ("codec_unregistered", {"codec.registered": False, "codec.app_ready": False}, "still_starting"),
    ("display_asleep", {"display.power": "warming", "display.draw_w": 0.5}, "display_changing"),
    ("display_asleep", {"display.input_right": False, "codec.in_call": True}, "display_wrong_input"),
    ("display_asleep", {"display.picture_muted": True, "codec.in_call": True}, "display_blanked"),
    ("display_complains", {"display.fault": NoReading("timeout")}, "not_told"),
    ("room_dark", {"env.light_lx": 170.0}, "light_between_limits"),
    ("overheating", {"env.temp_c": 33.0}, "temperature_between_limits"),
    ("ups_weak", {"ups.charge_pct": 40.0, "ups.runtime_s": 100.0}, "not_charged_or_not_asked"),
    ("picture_choppy", {"net.loss_pct": 2.0}, "between_limits"),
    ("camera_missing", {"codec.camera": False, "codec.app_ready": False}, "still_starting"),
    (
        "camera_missing",
        {"codec.camera": NoReading("absent"), "camera.api": NoReading("link")},
        "camera_answers_or_not_asked",
    ),
    ("howling", {"sound.level_dbc": 92.0}, "not_in_call"),
    ("near_sound_lost", {"codec.mic_connected": False, "codec.api": False}, "codec_not_asked"),
    ("pc_app_gone", {"pc.app_running": False, "pc.alive": False}, "pc_not_asked"),
]


def _diagnose(name: str, readings: dict[str, Reading]) -> tuple[Verdict, str]:
    world = World()
    start_s = WALL_S + world.mono_s + 1800
    world.feed(DesiredChanged(1, (Meeting("m", "Giao ban", start_s, start_s + 3600),)))
    world.see({**IDLE, **readings})
    diagnosis = RULES[name].diagnose(world.state.view(world.now), world.state.policy)
    return diagnosis.verdict, diagnosis.reason


@pytest.mark.parametrize(("name", "readings", "reason"), FAULTY)
def test_sees_the_fault(name: str, readings: dict[str, Reading], reason: str) -> None:
    assert _diagnose(name, readings) == (Verdict.FAULTY, reason)
    assert reason in RULES[name].words["vi"].reasons, f"say {reason!r} in the reasons of its words"


@pytest.mark.parametrize(("name", "readings", "reason"), NOT_FAULTY)
def test_does_not_see_what_is_not_certain(name: str, readings: dict[str, Reading], reason: str) -> None:
    assert _diagnose(name, readings) == (Verdict.UNKNOWN, reason)


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
    assert {name for name, _, _ in FAULTY} == set(RULES)


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
