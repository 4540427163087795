"""Settings of a codec against its baseline: read in every tongue, told, written, and read again."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.exchange import HttpReply, parsed_json
from agent.core.facts import NoReading, Reading
from agent.devices.base import CommandDone, CommandFailed, Login
from agent.devices.codec import cisco_http, cisco_ws
from agent.devices.codec._baseline import EVERY, REMEDY, SETTINGS_MAX, Baseline, problem
from agent.devices.codec._json_web import typed, written
from agent.devices.codec._videoos_facts import config_of
from agent.devices.codec._xapi_replies import Values
from agent.devices.codec._xapi_settings import NAMING
from agent.devices.codec._xapi_web import xml_setting
from agent.probes.families import load, names
from tests.devices.kit import WANTED, Recording, conversation, recordings
from tests.devices.webkit import WebConversation, web_recordings

OFF = {
    "poly_cli": "autoanswer = no (yes)",
    "yealink_vc": "donotdisturb global = on (off)",
    "poly_videoos": "comm.callpreference.h239enable = false (true)",
    "huawei_te": "enabletelnet = 1 (0)",
}
LAST = {
    "cisco_http": "<Configuration><Audio><DefaultVolume>70</DefaultVolume></Audio></Configuration>",
    "poly_videoos": '{"vars": [{"name": "comm.callpreference.h239enable", "value": true}]}',
    "huawei_te": '[{"CfgItemID": "enabletelnet", "CfgItemInfo": 0}], "CfgItemString": [], "acCSRFToken": "',
}
"""In the request that writes: the setting in the type that the device itself gave it."""
ASKED = (
    "xConfiguration Audio DefaultVolume", "xGet Configuration/Audio/DefaultVolume", "autoanswer get",
    "donotdisturb global get",
)  # fmt: skip
STREAMS = [recording for recording in recordings() if any(asked in recording.answers for asked in ASKED)]
WEB = [
    recording
    for recording in web_recordings()
    if not recording.family.startswith("cisco_ws") and "failing" not in recording.name
]


def told(facts: dict[str, Reading]) -> tuple[Reading, Reading]:
    return facts["codec.settings_ok"], facts["codec.settings_off"]


def off(recording: Recording) -> tuple[Reading, Reading]:
    return False, OFF.get(recording.family, "Audio DefaultVolume = 50 (70)")


def test_every_tongue_is_here() -> None:
    families = {recording.family for recording in (*STREAMS, *WEB)}
    assert families == set(WANTED) == {name for name in names() if load(name).settings is not None}


@pytest.mark.parametrize("recording", STREAMS, ids=lambda r: f"{r.family}/{r.name}")
def test_a_stream_tells_what_differs_and_writes_it(recording: Recording) -> None:
    talk = conversation(recording)
    talk.session.wanted = WANTED[recording.family]
    talk.start()
    assert told(talk.poll()) == off(recording)
    talk.session.command(REMEDY)
    talk.run(lambda event: isinstance(event, CommandDone | CommandFailed))
    assert [type(event) for event in talk.events if isinstance(event, CommandDone | CommandFailed)] == [CommandDone]


@pytest.mark.parametrize("recording", WEB, ids=lambda r: f"{r.family}/{r.name}")
def test_a_web_interface_tells_what_differs_and_writes_it(recording: Recording) -> None:
    talk = WebConversation(recording)
    talk.session.wanted = WANTED[recording.family]
    talk.start()
    assert told(talk.poll()) == off(recording)
    assert [type(event) for event in talk.command(REMEDY)] == [CommandDone]
    assert LAST[recording.family] in talk.asked[-1]


def test_it_is_read_seldom_and_at_once_after_it_was_written() -> None:
    baseline = Baseline()
    wanted = {"Delay": "480"}
    looks = []
    for look in range(EVERY + 2):
        if baseline.due(wanted):
            looks.append(look)
            baseline.completed(wanted, {"Delay": "480"})
    assert looks == [0, EVERY]
    assert baseline.orders(wanted) == wanted
    assert baseline.due(wanted) == ["Delay"]


def test_between_two_readings_it_says_what_it_knew() -> None:
    baseline = Baseline()
    assert set(baseline.completed({}, {}).values()) == {NoReading("absent")}
    assert told(baseline.completed({"Delay": "480"}, {"Delay": "10"})) == (False, "Delay = 10 (480)")
    assert told(baseline.completed({"Delay": "480"}, {})) == (False, "Delay = 10 (480)")
    assert baseline.differing == {"Delay": "480"}
    assert told(baseline.completed({"Delay": "480"}, {"Delay": " 480"})) == (True, "none")
    assert baseline.differing == {}


def test_one_that_differs_outweighs_one_that_is_silent_and_silence_is_asked_again() -> None:
    baseline, wanted = Baseline(), {"Delay": "480", "Control": "On"}
    baseline.due(wanted)
    found = baseline.completed(wanted, {"Delay": NoReading("timeout"), "Control": "on"})
    assert set(found.values()) == {NoReading("timeout")}
    assert baseline.due(wanted) == ["Delay", "Control"], "at once"
    found = baseline.completed(wanted, {"Delay": NoReading("timeout"), "Control": "Off"})
    assert told(found) == (False, "Control = Off (On)")


def test_many_are_read_over_several_looks_and_judged_when_all_are() -> None:
    baseline, wanted = Baseline(at_once=2), {"A": "1", "B": "1", "C": "1"}
    assert baseline.due(wanted) == ["A", "B"]
    assert baseline.due(wanted) == ["A", "B"], "a poll that came to nothing is made up for"
    assert set(baseline.completed(wanted, {"A": "1", "B": "0"}).values()) == {NoReading("absent")}
    assert baseline.due(wanted) == ["C"]
    assert told(baseline.completed(wanted, {"C": "0"})) == (False, "B = 0 (1); C = 0 (1)")
    assert baseline.orders(wanted) == {"B": "1", "C": "1"}
    assert baseline.due(wanted) == ["A", "B"]
    assert told(baseline.completed(wanted, {"A": "1", "B": "1"})) == (False, "B = 0 (1); C = 0 (1)"), "not yet known"
    assert baseline.due(wanted) == ["C"]
    assert told(baseline.completed(wanted, {"C": "1"})) == (True, "none")


def test_a_setting_that_the_codec_does_not_know_is_told_and_not_asked_at_every_look() -> None:
    baseline, wanted = Baseline(), {"A": "1", "B": "1"}
    baseline.due(wanted)
    found = baseline.completed(wanted, {"A": "1", "B": NoReading("absent")})
    assert set(found.values()) == {NoReading("absent")}
    assert baseline.due(wanted) == []


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"Audio DefaultVolume": "70", "Standby Delay": "480"}, ""),
        ({"audio/volume": "70"}, "must be a name such as"),
        ({"Audio DefaultVolume: 3\nxCommand Boot": "x"}, "must be a name such as"),
        ({"Audio Input Microphone 1 Level": "14"}, ""),
        ({"Audio 1x": "14"}, "must be a name such as"),
        ({"Standby Delay": "480", "Standby delay": "10"}, "stands here twice"),
        ({"SIP Authentication Password": "x"}, "a secret does not belong here"),
        ({"H323 Gatekeeper Pin": "x"}, "a secret does not belong here"),
        ({"Video Spinning Keyboard": "x"}, ""),
        ({"SystemUnit Name": 'a"b'}, "plain text"),
        ({"SystemUnit Name": "a\nxCommand SystemUnit Boot"}, "plain text"),
        ({"SystemUnit Name": "a | resultId"}, "plain text"),
        ({f"Audio Input{n}": "1" for n in range(SETTINGS_MAX + 1)}, "at most"),
    ],
)
def test_a_baseline_that_cannot_be_is_one_sentence(wanted: dict[str, str], words: str) -> None:
    said = problem(wanted, NAMING)
    assert (words in said) if words else said == ""


@pytest.mark.parametrize(
    ("family", "name"),
    [
        ("poly_cli", "reboot"), ("poly_cli", "hangup"), ("poly_cli", "sleep"), ("poly_cli", "telnetenabled"),
        ("yealink_vc", "button"), ("yealink_vc", "mute near"), ("poly_videoos", "reboot"),
        ("poly_videoos", "../system/reboot"), ("huawei_te", "sip serv"),
    ],
)  # fmt: skip
def test_an_order_is_no_setting(family: str, name: str) -> None:
    naming = load(family).settings
    assert naming is not None
    assert "must be" in problem({name: "now"}, naming)


@pytest.mark.parametrize(
    ("family", "name"),
    [
        ("huawei_te", "sip_pwd"), ("huawei_te", "wifi_psk"), ("huawei_te", "pincode"), ("huawei_te", "ldap_token"),
        ("huawei_te", "key_1"), ("poly_videoos", "sec.adminpin1"), ("poly_videoos", "comm.sip.pwd"),
    ],
)  # fmt: skip
def test_a_secret_is_refused_however_it_is_abbreviated(family: str, name: str) -> None:
    naming = load(family).settings
    assert naming is not None
    assert "a secret does not belong here" in problem({name: "x"}, naming)


@given(st.dictionaries(st.text(max_size=30), st.text(max_size=30), max_size=5))
def test_nothing_that_passes_ends_a_line_or_a_tag(wanted: dict[str, str]) -> None:
    if problem(wanted, NAMING) == "":
        text = "".join([*wanted, *wanted.values()])
        assert not set(text) & set('\r\n"<>&|')


@pytest.mark.parametrize(
    ("text", "like", "value"),
    [
        ("True", False, True), ("0", 1, 0), ("480", "60", "480"), ("true", "off", "true"), ("off", True, "off"),
        ("1e3", 5, "1e3"), ("true", None, True), ("-7", NoReading("timeout"), -7), ("Ha Noi", None, "Ha Noi"),
        ("0241234", None, "0241234"), ("07", 5, 7), ("0", None, 0), ("²", None, "²"),
    ],
)  # fmt: skip
def test_a_setting_is_written_in_the_type_that_the_device_gave_it(text: str, like: object, value: object) -> None:
    made = typed(text, like)
    assert (made, type(made)) == (value, type(value))


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (480, "480"), (0.5, "0.5"), ("Ha Noi", "Ha Noi"), ([1], NoReading("garbled"))],
)
def test_a_setting_is_read_as_a_technician_writes_it(value: object, text: object) -> None:
    assert written(value) == text


def test_half_a_character_and_names_that_are_none_are_survived() -> None:
    answer = parsed_json(b'{"vars": [{"name": ["x"], "value": 1}, {"name": {}}, {"name": "a.b", "value": "\\ud800"}]}')
    assert config_of(answer, ["a.b", "c.d"]) == {"a.b": "?", "c.d": NoReading("absent")}
    assert parsed_json('"S\\u1ed1 \\ud83d\\ude00"') == "Số \U0001f600"
    for text in (b'"\xed\xa0\x80"', b"[" * 100_000, b"\xff", b""):
        with pytest.raises(ValueError, match=r".+"):
            parsed_json(text)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner)))
def test_what_was_read_as_json_can_be_sent_on(tree: object) -> None:
    assert json.dumps(parsed_json(json.dumps(tree)), ensure_ascii=False).encode()


@pytest.mark.parametrize(("value", "written"), [("14", 14), ("014", "014"), ("²", "²"), ("On", "On")])
def test_a_websocket_writes_a_number_where_the_codec_has_given_no_text(value: str, written: object) -> None:
    path = "Audio Input Microphone 1 Level"
    talk = cisco_ws.session(Login())
    talk.wanted = {path: value}
    talk.open()
    talk.receive(b'{"jsonrpc":"2.0","id":1,"result":{"State":"Off"}}\n')
    talk.output()
    talk.command(REMEDY)
    assert json.loads(talk.output())["params"] == {
        "Path": ["Configuration", "Audio", "Input", "Microphone", 1, "Level"], "Value": written,
    }  # fmt: skip


def test_a_document_with_a_list_gives_the_one_that_was_asked_for() -> None:
    body = b'<Configuration><Audio><Microphone item="1"><Level>3</Level></Microphone>'
    body += b'<Microphone item="2"><Level>14</Level></Microphone></Audio></Configuration>'
    reply = HttpReply(200, (), body)
    found = xml_setting(reply, "Configuration", ["Audio", "Microphone", "2", "level"])
    assert isinstance(found, Values)
    assert found.get("Configuration", "Audio", "Microphone", "2", "Level") == "14"
    assert xml_setting(reply, "Configuration", ["Audio", "Microphone", "3", "Level"]) == NoReading("absent")
    assert xml_setting(reply, "Configuration", ["Audio", "Microphone", "Level"]) == NoReading("garbled")
    sent = cisco_http.setting_xml("Audio Microphone 2 Level", "1 < 2")
    assert sent == (
        '<Configuration><Audio><Microphone item="2"><Level>1 &lt; 2</Level></Microphone></Audio></Configuration>'
    )
