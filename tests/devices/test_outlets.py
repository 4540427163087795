"""Outlets of the network: what their replies mean, and that no reply whatever raises or passes for power."""

from __future__ import annotations

import json
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.exchange import HttpReply
from agent.core.facts import NoReading
from agent.devices.power._outlets import OutletState, Rest, WebOutlet
from agent.devices.power.shelly import Shelly
from agent.devices.power.tasmota import DELAY_MAX, Tasmota

OUTLETS: list[WebOutlet] = [Shelly(0), Tasmota(1), Tasmota(2, "admin", "p&w;d?")]

SHELLY_ON = {
    "id": 0, "source": "WS_in", "output": True, "apower": 8.9, "voltage": 237.5, "current": 0.125, "freq": 50,
    "aenergy": {"total": 6.532, "by_minute": [45.199, 47.141, 88.397], "minute_ts": 1626935779},
    "temperature": {"tC": 23.5, "tF": 74.4},
}  # fmt: skip
TASMOTA_METER = {"StatusSNS": {"Time": "2026-11-23T08:00:00", "ENERGY": {
    "Total": 3.185, "Power": 31, "ApparentPower": 44, "Factor": 0.7, "Voltage": 229, "Current": 0.194}}}  # fmt: skip


def said(*bodies: object, status: int = 200) -> tuple[HttpReply, ...]:
    return tuple(HttpReply(status, body=json.dumps(body).encode()) for body in bodies)


def test_a_shelly_tells_state_draw_and_what_it_will_do_by_itself() -> None:
    assert Shelly(0).state(said(SHELLY_ON)) == OutletState(True, 8.9, 237.5, 50.0)
    flips = SHELLY_ON | {"output": False, "timer_started_at": 1626935739.79, "timer_duration": 15}
    assert Shelly(0).state(said(flips)) == OutletState(False, 8.9, 237.5, 50.0, timer_s=15.0)
    assert Shelly(0).state(said({"id": 0, "output": True})) == OutletState(True), "a relay without a meter"


def test_a_shelly_that_does_not_know_the_switch_has_refused() -> None:
    error = {"code": -105, "message": "Argument 'id', value 3 not found!"}
    assert Shelly(3).state(said(error, status=500)) == NoReading("refused")
    assert Shelly(3).refusal(said(error, status=500)[0]) == "refused"


def test_a_tasmota_tells_state_and_draw() -> None:
    assert Tasmota(1).state(said({"POWER": "ON"}, TASMOTA_METER)) == OutletState(True, 31.0, 229.0)
    assert Tasmota(1).state(said({"POWER1": "OFF"}, {"StatusSNS": {}})) == OutletState(False)
    assert Tasmota(2).state(said({"POWER2": "ON"})) == OutletState(True)
    assert Tasmota(2).state(said({"POWER": "ON"})) == NoReading("garbled"), "that is another relay's word"


def test_who_answers_has_mains() -> None:
    """Tasmota tells 0 V while its relay is off (`SetOption21 0`): that read as a power cut in the room."""
    dark = {"StatusSNS": {"ENERGY": {"Power": 0, "Voltage": 0, "Frequency": 0}}}
    assert Tasmota(1).state(said({"POWER": "OFF"}, dark)) == OutletState(False, 0.0)
    assert Shelly(0).state(said(SHELLY_ON | {"voltage": 0.0, "freq": 0})) == OutletState(True, 8.9)


def test_a_tasmota_without_its_password_has_denied_though_it_answers_200() -> None:
    warning = {"WARNING": "Need user=<username>&password=<password>"}
    assert Tasmota(1).state(said(warning)) == NoReading("denied")
    assert Tasmota(1).refusal(said(warning)[0]) == "denied"
    assert Tasmota(1).refusal(said({"Command": "Unknown"})[0]) == "refused"
    assert Tasmota(1).refusal(said({})[0]) == "", "the answer to a backlog"
    old = {"WARNING": "Enable weblog 2 if response expected"}
    assert Tasmota(1).refusal(said(old)[0]) == "", "it was done (arendst/Tasmota#4553)"
    assert Tasmota(1).state(said(old)) == NoReading("garbled"), "but says nothing"


def test_a_cycle_carries_its_own_end_and_a_lasting_cut_does_not() -> None:
    assert Shelly(0).cut(30.0).target == "/rpc/Switch.Set?id=0&on=false&toggle_after=30"
    assert Shelly(0).cut(None).target == "/rpc/Switch.Set?id=0&on=false"
    assert unquote(Tasmota(1).cut(30.0).target) == "/cm?cmnd=Backlog Power1 OFF; Delay 300; Power1 ON"
    assert unquote(Tasmota(1).cut(None).target) == "/cm?cmnd=Power1 OFF"
    assert f"Delay {DELAY_MAX};" in unquote(Tasmota(1).cut(9999).target)
    assert "Delay 2;" in unquote(Tasmota(1).cut(0.01).target), "the firmware's shortest"


def test_a_password_of_any_letters_stays_in_its_place() -> None:
    assert OUTLETS[2].give().target == "/cm?user=admin&password=p%26w%3Bd%3F&cmnd=Power2%20ON"


def test_what_they_do_when_their_own_power_comes_back() -> None:
    config = {"id": 0, "initial_state": "on", "auto_off": False}
    assert Shelly(0).rests(said(config)) is Rest.ON
    assert Shelly(0).rests(said(config | {"auto_off": True})) is Rest.MOVES, "it would cut by itself"
    assert Shelly(0).rests(said(config | {"auto_on": True})) is Rest.MOVES, "it would end a cut by itself"
    assert Shelly(0).rests(said(config | {"initial_state": "restore_last"})) is Rest.DARK
    page = HttpReply(200, body=b"<html>")
    for outlet in OUTLETS:
        assert outlet.rests(said({}, {})) is outlet.rests((page, page)) is Rest.UNSAID


def pulse(number: int, steps: object) -> dict[str, object]:
    return {f"PulseTime{number}": {"Set": steps, "Remaining": 0}}


@pytest.mark.parametrize(
    ("state", "steps", "rest"),
    [
        (1, 0, Rest.ON), (1, 50, Rest.MOVES), (3, 0, Rest.DARK), (0, 0, Rest.DARK), (2, 0, Rest.DARK),
        (3, 64900, Rest.MOVES), (4, 0, Rest.LOCKED), (4, 50, Rest.LOCKED), (5, 0, Rest.MOVES), (5, 50, Rest.MOVES),
        (1, None, Rest.UNSAID), (1, "50", Rest.UNSAID), (1, True, Rest.UNSAID), (True, 0, Rest.UNSAID),
        ("1", 0, Rest.UNSAID),
    ],
)  # fmt: skip
def test_what_a_tasmota_does_by_itself(state: object, steps: object, rest: Rest) -> None:
    """With `PulseTime` whatever gives power, the plug takes it away: the doctor said that all was well."""
    for number in (1, 2):
        assert Tasmota(number).rests(said({"PowerOnState": state}, pulse(number, steps))) is rest
    assert unquote(Tasmota(2).rest()[1].target) == "/cm?cmnd=PulseTime2"


def test_a_pulse_of_another_relay_says_nothing() -> None:
    assert Tasmota(2).rests(said({"PowerOnState": 1}, pulse(1, 0))) is Rest.UNSAID


TWO = {"StatusSNS": {"Time": "2024-01-01T00:00:00", "ENERGY": {
    "Total": [3.1, 1.2], "Power": [120, 7], "Voltage": 231, "Frequency": 50, "Current": [0.52, 0.03]}}}  # fmt: skip


def test_a_meter_of_each_relay_tells_of_its_own() -> None:
    """Power and current come as lists; the voltage is one."""
    assert Tasmota(1).state(said({"POWER1": "ON"}, TWO)) == OutletState(True, 120.0, 231.0, 50.0)
    assert Tasmota(2).state(said({"POWER2": "ON"}, TWO)) == OutletState(True, 7.0, 231.0, 50.0)
    assert Tasmota(3).state(said({"POWER3": "ON"}, TWO)) == OutletState(True, None, 231.0, 50.0), "it has none"


@pytest.mark.parametrize("odd", [[], ["120"], [None], [True], [[120]], {"1": 120}])
def test_a_list_that_holds_no_number_is_no_draw(odd: object) -> None:
    meter = {"StatusSNS": {"ENERGY": {"Power": odd, "Voltage": [230, 229]}}}
    assert Tasmota(1).state(said({"POWER": "ON"}, meter)) == OutletState(True, None, 230.0)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["output", "apower", "POWER", "POWER1", "StatusSNS", "ENERGY", "Power", "initial_state",
                         "PowerOnState", "timer_duration", "WARNING"]) | st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip
bodies = st.binary(max_size=60) | json_values.map(lambda value: json.dumps(value).encode())


@pytest.mark.parametrize("outlet", OUTLETS)
@given(first=bodies, second=bodies, status=st.sampled_from([200, 204, 301, 400, 401, 404, 500, 503]))
def test_no_reply_raises_and_none_but_a_clear_word_is_power(
    outlet: WebOutlet, first: bytes, second: bytes, status: int
) -> None:
    replies = (HttpReply(status, body=first), HttpReply(status, body=second))
    state = outlet.state(replies)
    if isinstance(state, OutletState):
        assert status == 200
        assert state.on in (True, False)
        text = first.decode()
        assert ('"output"' in text) if isinstance(outlet, Shelly) else ('"ON"' in text or '"OFF"' in text)
        assert state.draw_w is None or abs(state.draw_w) < float("inf")
    assert isinstance(outlet.refusal(replies[0]), str)
    assert outlet.rests(replies) in Rest
