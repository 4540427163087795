"""What public clients of Cisco's codecs have met: other shapes of an error, counts of calls, echoes and banners.

The sources stand in docs/devices.md, "Quirks of the field".
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from agent.core.exchange import HttpReply
from agent.core.facts import NoReading, Reading
from agent.devices.base import CommandDone, CommandFailed
from agent.transports.websocket import REFUSALS
from tests.devices.kit import RECORDINGS, Conversation, Recording, conversation, load, two_polls
from tests.devices.webkit import WebConversation

TEAMS_WS = "xGet Status/MicrosoftTeams/Calling/InCall"
CALL_WS = "xGet Status/Call"
TEAMS = "xStatus MicrosoftTeams Calling InCall"


def recording(name: str, **answers: str) -> Recording:
    """A recording with other answers, by question; a blank is `_`."""
    told = load(RECORDINGS / f"{name}.txt")
    said = {question.replace("_", " "): text.encode() for question, text in answers.items()}
    assert set(said) <= set(told.answers) | {"xStatus MicrosoftTeams Calling InCall"}, "nobody asks that"
    return replace(told, answers={**told.answers, **said})


def changed(name: str, question: str, answer: str) -> dict[str, Reading]:
    """What the second look of a recording says when one answer of it is another."""
    told = load(RECORDINGS / f"{name}.txt")
    return two_polls(conversation(replace(told, answers={**told.answers, question: answer.encode() + b"\r\n"})))


def ws_error(code: int, message: str) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": "ID", "error": {"code": code, "message": message}}).replace(
        '"ID"', "$ID"
    )


# -- a path that a model does not have

UNKNOWN_PATH = [
    (1, "No match on address expression"), (3, "No match on address expression"), (3, "No match on Path argument"),
    (-32602, "No match on Path argument"),
]  # fmt: skip
"""Code and words, as jsxapi (3 is its INVALID_PATH) and the simulators of RoomOS' macros have them."""


@pytest.mark.parametrize(("code", "message"), UNKNOWN_PATH)
def test_a_model_without_teams_denies_a_call_of_teams(code: int, message: str) -> None:
    """Else nothing would ever be known of calls on a codec that cannot have one."""
    facts = changed("cisco_ws/idle", TEAMS_WS, ws_error(code, message))
    assert facts["codec.in_call"] is False
    assert changed("cisco_ws/in_call", TEAMS_WS, ws_error(code, message))["codec.in_call"] is True


@pytest.mark.parametrize(("code", "message"), [(3, "Something else"), (-32602, "Bad usage"), (-32603, "No idea")])
def test_another_error_about_calls_denies_none(code: int, message: str) -> None:
    for question in (TEAMS_WS, CALL_WS):
        assert isinstance(changed("cisco_ws/idle", question, ws_error(code, message))["codec.in_call"], NoReading)


@pytest.mark.parametrize(
    "answer",
    [
        '{"CommandResponse":{"Status":{"status":"Error","Reason":{"Value":"No match on address expression."},'
        '"XPath":{"Value":"Status/MicrosoftTeams"}}},"ResultId":"$ID"}',
        '{"Status":{"status":"Error","Reason":{"Value":"No match on address expression"},'
        '"XPath":{"Value":"Status/MicrosoftTeams"}},"ResultId":"$ID"}',
    ],
    ids=["old", "new"],
)
def test_the_error_of_a_status_has_two_shapes(answer: str) -> None:
    """In a `CommandResponse` before, alone today."""
    assert changed("cisco_xapi/json_idle", TEAMS, answer)["codec.in_call"] is False


def test_a_setting_that_is_not_known_is_told_in_a_command_response() -> None:
    answer = (
        '{"CommandResponse":{"Configuration":{"status":"Error","id":"1","Reason":{"Value":"No match on address '
        'expression"},"XPath":{"Value":"Configuration/Audio/Foo"}}},"ResultId":"$ID"}'
    )
    facts = changed("cisco_xapi/json_idle", "xConfiguration Audio DefaultVolume", answer)
    assert facts["codec.settings_ok"] == NoReading("absent")


# -- calls that are not counted as active


def with_counts(name: str, question: str, **counts: int) -> dict[str, Reading]:
    told = load(RECORDINGS / f"{name}.txt")
    text = told.answers[question].decode()
    assert '"NumberOfActiveCalls"' in text
    for count, value in counts.items():
        shape = '{"Value": "%d"}' if "xapi" in name else "%d"
        text = text.replace(f'"{count}": 0, ', "")
        text = text.replace('"NumberOfActiveCalls"', f'"{count}": {shape % value}, "NumberOfActiveCalls"', 1)
    return two_polls(conversation(replace(told, answers={**told.answers, question: text.encode()})))


@pytest.mark.parametrize("count", ["NumberOfInProgressCalls", "NumberOfSuspendedCalls"])
@pytest.mark.parametrize(
    ("name", "question"),
    [("cisco_xapi/json_idle", "xStatus SystemUnit"), ("cisco_ws/idle", "xGet Status/SystemUnit")],
)
def test_a_call_that_rings_or_is_on_hold_is_one(name: str, question: str, count: str) -> None:
    assert with_counts(name, question, **{count: 1})["codec.in_call"] is True
    assert with_counts(name, question, **{count: 0})["codec.in_call"] is False


def test_the_counts_of_a_web_page_too() -> None:
    told = load(RECORDINGS / "cisco_http/ce_idle.txt")
    question = "GET /getxml?location=/Status/SystemUnit"
    page = told.answers[question].replace(
        b"</NumberOfActiveCalls>", b"</NumberOfActiveCalls><NumberOfInProgressCalls>1</NumberOfInProgressCalls>"
    )
    talk = WebConversation(replace(told, answers={**told.answers, question: page}))
    talk.start()
    assert talk.poll()["codec.in_call"] is True


def test_a_count_that_is_no_number_denies_nothing() -> None:
    told = load(RECORDINGS / "cisco_ws/idle.txt")
    question = "xGet Status/SystemUnit"
    said = told.answers[question].replace(b'"NumberOfInProgressCalls": 0', b'"NumberOfInProgressCalls": "some"')
    assert said != told.answers[question]
    facts = two_polls(conversation(replace(told, answers={**told.answers, question: said})))
    assert isinstance(facts["codec.in_call"], NoReading)


def test_a_call_that_has_gone_leaves_a_ghost_behind() -> None:
    """A Board 55S, RoomOS 10.3, by xows: `Idle`, and then `ghost`, a text."""
    gone = '{"jsonrpc": "2.0", "id": $ID, "result": [{"ghost": "True", "id": 3}]}'
    assert changed("cisco_ws/idle", CALL_WS, gone)["codec.in_call"] is False
    idle = '{"jsonrpc": "2.0", "id": $ID, "result": [{"Status": "Idle", "id": 3}]}'
    assert changed("cisco_ws/idle", CALL_WS, idle)["codec.in_call"] is False
    ending = '{"jsonrpc": "2.0", "id": $ID, "result": [{"Status": "Disconnecting", "id": 3}]}'
    assert changed("cisco_ws/idle", CALL_WS, ending)["codec.in_call"] is True


# -- what stands around the answers


def spoken(name: str, channel: object = None) -> Conversation:
    talk = conversation(load(RECORDINGS / f"{name}.txt"))
    if channel is not None:
        talk.channel = channel  # type: ignore[assignment]
    return talk


def test_a_banner_may_go_on_behind_the_log_in() -> None:
    """RoomOS 11.23 over SSH tells of the last log-in behind the `OK` of this one; it is no prompt."""
    told = load(RECORDINGS / "cisco_xapi/ce_text_in_call.txt")
    more = b"\r\nLast login from <unknown> at 2025-03-12 11:27:11\r\n\r\n"
    answers = {**told.answers, told.login.password: told.answers[told.login.password] + more}
    talk = conversation(replace(told, answers=answers))
    facts = two_polls(talk)
    assert facts["codec.in_call"] is True
    assert talk.player.heard.count(told.login.user) == 1


class Echoing:
    """Says again what is typed until it is told not to, as a terminal does; `for_ever`: afterwards, too."""

    def __init__(self, talk: Conversation, *, for_ever: bool) -> None:
        self._talk, self._for_ever, self._seen = talk, for_ever, 0

    def __call__(self, said: bytes) -> bytes:
        typed = self._talk.player.heard[self._seen :]
        self._seen = len(self._talk.player.heard)
        off = "echo off" in self._talk.player.heard[: self._seen - len(typed)]
        session = self._talk.session
        if off and not self._for_ever:
            return said
        named = f' | resultId="{session._result_id}"'  # type: ignore[attr-defined]
        lines = [f"{text}{named if text.startswith('xStatus') else ''}\r\n" for text in typed if text != "(empty)"]
        return "".join(lines).encode() + said


@pytest.mark.parametrize("name", ["cisco_xapi/json_idle", "cisco_xapi/json_in_call"])
@pytest.mark.parametrize("for_ever", [False, True])
def test_an_echo_is_no_answer(name: str, for_ever: bool) -> None:
    """PlaceOS sends `echo off` twice, since the codec begins to echo again when the log-in is over."""
    plain = two_polls(spoken(name))
    talk = spoken(name)
    talk.channel = Echoing(talk, for_ever=for_ever)
    assert two_polls(talk) == plain


@pytest.mark.parametrize("name", ["ce_text_idle", "ce_text_in_call", "ok_before_dialling", "tc_old_ends_ringing"])
def test_events_in_text_stand_between_answers(name: str) -> None:
    """`*e …` and its end, RoomOS 11.23: an event's end was an empty answer, and "no call" where we asked for calls."""
    event = b"*e PresentationPreviewStopped Cause: userRequested\r\n** end\r\n"
    plain = two_polls(spoken(f"cisco_xapi/{name}"))
    for told in (event, event.replace(b"** end", b"*e/end")):
        assert two_polls(spoken(f"cisco_xapi/{name}", lambda said, told=told: told + said)) == plain


@pytest.mark.parametrize(("word", "asleep"), [("Off", False), ("Halfwake", False), ("Standby", True), ("On", True)])
def test_words_of_standby(word: str, asleep: bool) -> None:
    """`On` is in the tests of ICD's module."""
    answer = f'{{"StatusResponse":{{"Status":{{"Standby":{{"State":{{"Value":"{word}"}}}}}}}},"ResultId":"$ID"}}'
    assert changed("cisco_xapi/json_idle", "xStatus Standby", answer)["codec.standby"] is asleep


@pytest.mark.parametrize("word", ["Registered", "Registering", "Discovering", "Authenticating", "Rejected", "Inactive"])
def test_words_of_a_gatekeeper(word: str) -> None:
    """ICD's list; one that is still at it has not registered, and one that is off is none."""
    told = load(RECORDINGS / "cisco_xapi/json_idle.txt")
    sip = b'{"StatusResponse":{"Status":{"SIP":{"Registration":[{"id":"1","Status":{"Value":"Inactive"}}]}}},'
    keeper = f'{{"StatusResponse":{{"Status":{{"H323":{{"Gatekeeper":{{"Status":{{"Value":"{word}"}}}}}}}}}},'.encode()
    end = b'"ResultId":"$ID"}\r\n'
    answers = {**told.answers, "xStatus SIP": sip + end, "xStatus H323 Gatekeeper": keeper + end}
    said = two_polls(conversation(replace(told, answers=answers)))["codec.registered"]
    assert said == {"Registered": True, "Inactive": NoReading("absent")}.get(word, False)


# -- orders


@pytest.mark.parametrize(
    ("answer", "done"),
    [
        ('{"CommandResponse":{"MicrophonesUnmuteResult":{"status":"OK"}},"ResultId":"$ID"}', True),
        ('{"CommandResponse":{"AudioMicrophonesUnmuteResult":{"status":"OK"}},"ResultId":"$ID"}', True),
        ('{"CommandResponse":{"Result":{"status":"Error","Reason":{"Value":"Not now"}}},"ResultId":"$ID"}', False),
    ],
    ids=["last two words", "all words", "Result"],
)
def test_the_name_of_a_result_is_made_of_the_last_words_or_is_none(answer: str, done: bool) -> None:
    talk = conversation(recording("cisco_xapi/json_idle", xCommand_Audio_Microphones_Unmute=answer + "\r\n"))
    talk.start()
    talk.session.command("codec_unmute")
    talk.run(lambda event: isinstance(event, CommandDone | CommandFailed))
    assert isinstance(talk.events[-1], CommandDone) is done


@pytest.mark.parametrize("status", [302, 303, 307])
def test_a_web_interface_that_is_too_old_for_sessions_sends_us_elsewhere(status: int) -> None:
    """The log-in page is not followed: name and password go with each question."""
    told = load(RECORDINGS / "cisco_http/tc_asleep.txt")

    def moved(asked: str, said: HttpReply) -> HttpReply:
        return HttpReply(status, (("Location", "/web/signin"),)) if "session/begin" in asked else said

    plain, talk = WebConversation(told), WebConversation(told, moved)
    plain.start()
    talk.start()
    assert talk.poll() == plain.poll()
    assert talk.session.farewell() is None


def test_an_upgrade_that_comes_too_often_is_not_refused_for_good() -> None:
    """By xows 503 is its rate limit, and 502 a restart."""
    assert REFUSALS[503][0] == REFUSALS[429][0] == "busy"
    assert REFUSALS[502][0] == "refused"


def test_a_system_that_is_not_ready_is_busy() -> None:
    told = load(RECORDINGS / "cisco_ws/idle.txt")
    said = ws_error(-31997, "System not ready to accept requests").encode() + b"\n"
    talk = conversation(replace(told, answers={**told.answers, CALL_WS: said}))
    facts = two_polls(talk)
    assert facts["codec.in_call"] == NoReading("busy")
    assert facts["codec.api"] is True


def test_a_subscription_too_many_is_asked_for_instead() -> None:
    """-31998 by xows: what cannot be followed is asked at every look."""
    told = load(RECORDINGS / "cisco_ws/idle.txt")
    said = ws_error(-31998, "Global subscription count exceeded").encode() + b"\n"
    answers = {asked: said if asked.startswith("xFeedback") else answer for asked, answer in told.answers.items()}
    plain, talk = two_polls(conversation(told)), conversation(replace(told, answers=answers))
    assert two_polls(talk) == plain
    assert talk.player.heard.count("xGet Status/Audio/Volume") == 2


def wrapped(leaf: object) -> object:
    return {"Value": leaf}


def alone(node: object) -> object:
    """A list of one is the one."""
    return node[0] if isinstance(node, list) and len(node) == 1 else node


def as_text(leaf: object) -> object:
    return str(leaf) if isinstance(leaf, int) else leaf


def reshaped(node: Any, of_leaf: Callable[[object], object], of_node: Callable[[object], object]) -> Any:
    if isinstance(node, dict):
        return {name: reshaped(part, of_leaf, of_node) for name, part in node.items()}
    if isinstance(node, list):
        return of_node([reshaped(part, of_leaf, of_node) for part in node])
    return of_leaf(node)


def in_shape(name: str, of_leaf: Callable[[object], object], of_node: Callable[[object], object]) -> dict[str, Reading]:
    told = load(RECORDINGS / f"cisco_ws/{name}.txt")
    answers = {}
    for asked, said in told.answers.items():
        message = json.loads(said.replace(b"$ID", b'"$ID"'))
        if isinstance(message.get("result"), dict | list):
            message["result"] = reshaped(message["result"], of_leaf, of_node)
        answers[asked] = json.dumps(message).replace('"$ID"', "$ID").encode() + b"\n"
    return two_polls(conversation(replace(told, answers=answers)))


def same(node: object) -> object:
    return node


@pytest.mark.parametrize("name", ["idle", "in_call", "teams_call"])
def test_numbers_may_be_text(name: str) -> None:
    assert in_shape(name, as_text, same) == in_shape(name, same, same)


@pytest.mark.parametrize("name", ["idle", "in_call", "teams_call"])
def test_a_list_of_one_may_be_the_one(name: str) -> None:
    """A module for Home Assistant is ready for a single call that is no list."""
    plain, seen = in_shape(name, same, same), in_shape(name, same, alone)
    lost = {key for key in plain if plain[key] != seen[key]}
    assert lost <= {"codec.camera", "codec.jitter_ms"}
    assert all(seen[key] == NoReading("absent") for key in lost)


@pytest.mark.parametrize("name", ["idle", "in_call", "teams_call"])
def test_words_in_a_wrap_of_their_own_deny_no_call(name: str) -> None:
    """The same module is ready for `{"Value": …}` here, too. Nobody has shown such an answer: it is not understood."""
    assert in_shape(name, wrapped, same)["codec.in_call"] == (True if name == "teams_call" else NoReading("absent"))


# -- a tree that speaks of a call in another shape


def json_status(tree: object) -> str:
    return json.dumps({"StatusResponse": {"Status": tree}, "ResultId": "ID"}).replace('ID"', '$ID"')


def ws_status(tree: object) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": "ID", "result": tree}).replace('"ID"', "$ID")


@pytest.mark.parametrize(
    ("calls", "in_call"),
    [
        ([{"id": "3"}], NoReading("garbled")), ([{"id": "3", "Status": None}], NoReading("garbled")), ([], False),
        ([{"id": "2", "Status": "Connected"}, {"Status": "Idle"}], NoReading("garbled")),
        ([{"id": "2", "Status": "Idle"}, {"id": "2", "Status": "Idle"}], NoReading("garbled")),
    ],
)  # fmt: skip
def test_a_row_of_calls_that_says_little_denies_none(calls: list[dict[str, object]], in_call: Reading) -> None:
    """Without a word of its own, or under the name of another, which it would hide."""
    assert changed("cisco_ws/idle", CALL_WS, ws_status(calls))["codec.in_call"] == in_call
    rows = [{name: word if name == "id" else {"Value": word} for name, word in call.items()} for call in calls]
    said = json_status({"Call": rows})
    assert changed("cisco_xapi/json_idle", "xStatus Call", said)["codec.in_call"] == in_call


@pytest.mark.parametrize(
    ("leaf", "in_call"), [({"Value": True}, True), ({"Value": False}, False), ({}, NoReading("garbled"))]
)
def test_a_word_of_teams_may_be_no_text(leaf: object, in_call: Reading) -> None:
    said = json_status({"MicrosoftTeams": {"Calling": {"InCall": leaf}}})
    told = recording("cisco_xapi/json_idle", xStatus_MicrosoftTeams_Calling_InCall=said + "\r\n")
    assert two_polls(conversation(told))["codec.in_call"] == in_call


def test_a_count_may_be_no_text() -> None:
    state = {"NumberOfActiveCalls": {"Value": 0}, "NumberOfSuspendedCalls": {"Value": 1}}
    said = json_status({"SystemUnit": {"State": state}})
    assert changed("cisco_xapi/json_idle", "xStatus SystemUnit", said)["codec.in_call"] is True


@pytest.mark.parametrize("question", ["xStatus SystemUnit", "xStatus Call", "xStatus SIP", "xStatus Cameras"])
def test_a_word_that_belongs_to_nothing_is_garbled(question: str) -> None:
    facts = changed("cisco_xapi/json_idle", question, json_status({"Value": "x"}))
    assert facts["codec.api"] is True
    assert facts["codec.in_call"] in (False, NoReading("garbled"))


def test_a_system_that_says_nothing_else_than_that_it_is_not_ready_is_not_alive_for_that() -> None:
    """Busy at every look: the link counts such looks, and takes the codec for one that hangs at the sixth."""
    told = load(RECORDINGS / "cisco_ws/idle.txt")
    said = ws_error(-31997, "System not ready to accept requests").encode() + b"\n"
    facts = two_polls(conversation(replace(told, answers=dict.fromkeys(told.answers, said))))
    assert facts["codec.api"] == facts["codec.in_call"] == NoReading("busy")
