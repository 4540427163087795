"""What public clients of Huawei's terminals, of Yealink's and of SIP have met.

The sources stand in docs/devices.md, "Quirks of the field"; Cisco's and Poly's quirks have files of their own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest

from agent.core.exchange import HttpReply
from agent.core.facts import NoReading, Reading
from agent.devices.base import CommandDone, CommandFailed, Event, LoginFull, LoginRefused, ProtocolError, Ready
from agent.devices.codec.sip import Asking
from tests.devices.kit import RECORDINGS, Channel, Conversation, conversation, load
from tests.devices.webkit import WebConversation

# -- Huawei

SESSION, CERTIFICATE = "WEB_RequestSessionIDAPI", "WEB_RequestCertificateAPI"
FULL_CODE = 16781313
NOT_DONE = HttpReply(200, (), b'{"success": 0, "error": {"id": 100666995, "code": 33558532, "params": []}}')


def huawei(answers: Mapping[str, HttpReply] | None = None, name: str = "te20_idle") -> WebConversation:
    """A conversation with a recording that answers some actions otherwise."""
    told = load(RECORDINGS / f"huawei_te/{name}.txt")

    def spoilt(asked: str, said: HttpReply) -> HttpReply:
        return next((other for action, other in (answers or {}).items() if action in asked), said)

    return WebConversation(told, spoilt)


def saying(body: object, status: int = 200) -> HttpReply:
    return HttpReply(status, (), json.dumps(body).encode())


def logged_in(answers: Mapping[str, HttpReply] | None = None) -> list[Event]:
    talk = huawei(answers)
    talk.start()
    return talk.events


@pytest.mark.parametrize("action", [SESSION, CERTIFICATE])
@pytest.mark.parametrize(
    "body",
    [
        {"success": 0, "error": {"id": 1, "code": FULL_CODE, "params": []}}, {"code": FULL_CODE, "msg": "users"},
        {"success": 0, "data": "", "error": {"id": "", "code": str(FULL_CODE)}},
    ],
    ids=["error", "top", "text"],
)  # fmt: skip
def test_a_terminal_with_too_many_users_is_full(action: str, body: object) -> None:
    """It was no Huawei terminal to us, and dead; or our password was wrong."""
    events = logged_in({action: saying(body)})
    assert [type(event) for event in events] == [LoginFull]


def test_another_refusal_is_the_passwords() -> None:
    assert [type(event) for event in logged_in({CERTIFICATE: NOT_DONE})] == [LoginRefused]
    assert [type(event) for event in logged_in({SESSION: NOT_DONE})] == [ProtocolError]


def test_a_newer_family_that_logs_in_elsewhere_is_not_taken_for_one() -> None:
    """CloudLink 310: `/v1/login/session`; `action.cgi` knows no session there."""
    events = logged_in({SESSION: HttpReply(404, (), b"Not Found")})
    assert [type(event) for event in events] == [ProtocolError]


def test_a_session_number_that_changes_is_followed() -> None:
    """`WEB_ChangeSessionIDAPI`, and whatever else gives a new cookie."""
    talk = huawei()
    talk.spoil = lambda asked, said: (
        HttpReply(said.status, (("Set-Cookie", "SessionID=new; Path=/"),), said.body) if CERTIFICATE in asked else said
    )
    talk.start()
    assert talk.poll()["codec.in_call"] is False
    assert dict(talk.requests[-1].headers)["Cookie"] == "SessionID=new"


def test_a_session_without_a_cookie_is_named_in_the_body() -> None:
    body = saying({"success": 1, "data": json.dumps({"acSessionId": "5f3a", "szTermType": "Huawei TE20"})})
    talk = huawei({SESSION: body})
    talk.start()
    talk.poll()
    assert dict(talk.requests[-1].headers)["Cookie"] == "SessionID=5f3a"


def test_data_are_text_or_an_object() -> None:
    """One client meets JSON in a string, Extron's module an object."""
    plain = huawei()
    plain.start()
    talk = huawei()

    def unpacked(asked: str, said: HttpReply) -> HttpReply:
        tree = said.json()
        if isinstance(tree.get("data"), str) and tree["data"]:
            tree["data"] = json.loads(tree["data"])
        return saying(tree)

    talk.spoil = unpacked
    talk.start()
    assert talk.poll() == plain.poll()


@pytest.mark.parametrize("state", [1, 2, 3])
@pytest.mark.parametrize("name", ["callstate", "confstate", "conftype"])
def test_no_state_of_a_call_but_none_is_no_call(name: str, state: int) -> None:
    """2 is "disconnected" in Extron's list and "connected" in another's: nobody may be cut off by the first."""
    told = load(RECORDINGS / "huawei_te/te20_idle.txt")
    (question,) = (asked for asked in told.answers if "GetMailboxData" in asked)
    tree = json.loads(told.answers[question].partition(b"\r\n")[2])
    data = json.loads(tree["data"])
    data["state"][name] = state
    talk = huawei({"WEB_GetMailboxDataAPI": saying(tree | {"data": json.dumps(data)})})
    talk.start()
    assert talk.poll()["codec.in_call"] is True


def test_an_order_that_is_done_though_it_is_refused_shows_at_the_next_look() -> None:
    """`success` 0 to `WEB_OpenMicAPI`, and the microphone is open: a public client reads it back."""
    talk = huawei({"WEB_OpenMicAPI": NOT_DONE})
    talk.start()
    (event,) = talk.command("codec_unmute")
    assert isinstance(event, CommandFailed)
    assert event.reason == "refused"
    assert talk.poll()["codec.mic_muted"] is False


@pytest.mark.parametrize("status", [401, 403])
def test_the_same_number_is_a_refusal_before_and_an_end_after(status: int) -> None:
    talk = huawei()
    talk.start()
    left = [HttpReply(status)]
    talk.spoil = lambda _, said: left.pop() if left else said
    assert talk.poll()["codec.in_call"] is False
    assert [type(event) for event in logged_in({CERTIFICATE: HttpReply(status)})] == [LoginRefused]


# -- Yealink


def yealink(name: str = "vc800_idle", channel: Channel | None = None, **answers: str) -> Conversation:
    told = load(RECORDINGS / f"yealink_vc/{name}.txt")
    said = {question.replace("_", " "): text.replace("\n", "\r\n").encode() for question, text in answers.items()}
    talk = conversation(replace(told, answers={**told.answers, **said}))
    if channel is not None:
        talk.channel = channel
    talk.start()
    return talk


def told(name: str = "vc800_idle", channel: Channel | None = None, **answers: str) -> dict[str, Reading]:
    talk = yealink(name, channel, **answers)
    talk.poll()
    return talk.poll()


@pytest.mark.parametrize(
    ("word", "in_call"),
    [
        ("idle", False), ("sleeping", False), ("talking", True), ("talking max", True), ("finished", True),
        ("outgoing", True), ("ringing", True), ("updating", NoReading("garbled")),
    ],
)  # fmt: skip
def test_states_of_a_public_driver(word: str, in_call: Reading) -> None:
    assert told(sysstatus_get=f"sysstatus get {word}\n")["codec.in_call"] == in_call


@pytest.mark.parametrize("blanks", ["  ", "\t"])
def test_words_may_stand_wider_apart(blanks: str) -> None:
    """A public driver takes any blanks between them."""
    said = ("sysstatus get idle\n", "mute near get on\n", "volume get 6\n")
    answers = {text.rpartition(" ")[0].replace(" ", "_"): text.replace(" ", blanks) for text in said}
    facts = told("vc800_idle", None, **answers)
    assert (facts["codec.in_call"], facts["codec.mic_muted"], facts["codec.volume_pct"]) == (False, True, 60.0)


def test_letters_may_be_of_either_case() -> None:
    facts = told(sysstatus_get="SysStatus Get Talking\n", mute_near_get="Mute Near Get On\n")
    assert (facts["codec.in_call"], facts["codec.mic_muted"]) == (True, True)


@pytest.mark.parametrize(
    "unasked",
    [b"storage get available\r\n", b"donotdisturb talk get off\r\n", b'camera near getposition "960" "540" "0"\r\n'],
)
@pytest.mark.parametrize("name", ["vc800_idle", "vc800_in_call"])
def test_what_it_tells_of_other_things_is_no_answer(name: str, unasked: bytes) -> None:
    assert told(name, lambda said: unasked + said) == told(name)


@pytest.mark.parametrize("said", ["error: system busy\n", "error:unknown command\n"])
def test_a_codec_that_does_not_say_whether_it_sleeps_is_not_pressed(said: str) -> None:
    """Its power button would put one that is awake to sleep, in a call too."""
    talk = yealink("vc800_in_call")
    other = {**talk.player.recording.answers, "sysstatus get": said.encode()}
    talk.player.recording = replace(talk.player.recording, answers=other)
    talk.session.command("codec_wake")
    talk.run(lambda event: isinstance(event, CommandDone | CommandFailed))
    assert isinstance(talk.events[-1], CommandFailed)
    assert "button power" not in talk.player.heard


# -- SIP

ASKING = Asking("192.0.2.1", 5060, "192.0.2.9", 5060, "t0k3n")
VIA = b"Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKt0k3n\r\n"


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (b"SIP/2.0 405 Method Not Allowed\r\n" + VIA, 405), (b"SIP/2.0 404 Not Found\r\n" + VIA, 404),
        (b"SIP/2.0 503 Service Unavailable\r\n" + VIA, 503), (b"SIP/2.0 100 Trying\r\n" + VIA, 100),
        (b"\r\n\r\nSIP/2.0 200 OK\r\n" + VIA, 200), (b"SIP/2.0 200\r\n" + VIA, 200),
        (b"SIP/2.0 200 OK\r\nv: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKt0k3n;received=192.0.2.9\r\n", 200),
        (b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKother\r\n", None),
        (b"OPTIONS sip:diemcau@192.0.2.9 SIP/2.0\r\n" + VIA, None), (b"\r\n\r\n", None),
    ],
)  # fmt: skip
def test_whatever_answers_our_question_speaks_sip(reply: bytes, code: int | None) -> None:
    """405 (DoubangoTelecom/sipml5#182), 404 (OpenSIPS/opensips#2903), 503 (livekit/sip#770); keep-alives and short
    names by RFC 3261 and 5626. A question of its own, and an answer to somebody else, are no answer to ours."""
    assert ASKING.reply_code(reply + b"\r\n") == code


def test_ready_is_the_usual_end_of_a_log_in() -> None:
    assert [type(event) for event in logged_in()] == [Ready]
