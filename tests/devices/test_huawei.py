"""Huawei terminals beyond what every web interface has in common (`test_web_conformance`)."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from agent.core.exchange import HttpReply
from agent.core.facts import NoReading, Reading
from agent.devices.base import CommandFailed, Event, Login, LoginNeeded, LoginRefused, ProtocolError
from agent.devices.codec._huawei_facts import data_of
from agent.devices.codec.huawei_te import session
from tests.devices.webkit import WebConversation, web_recordings

ALL = {recording.name: recording for recording in web_recordings("huawei_te")}
FAILED = HttpReply(200, (), b'{"success":0,"error":{"id":100666995,"code":33558532,"params":[]}}')
BEGUN = HttpReply(200, (("Set-Cookie", "SessionID=aa; Path=/; Secure"),), b'{"success":1,"data":{"szTermType":"TE20"}}')
MAILBOX, CALL, CERTIFICATE = "WEB_GetMailboxDataAPI", "WEB_GetCallStatusInfoAPI", "WEB_RequestCertificateAPI"
ACCOUNT = Login("api", "secret12")


def said(data: object) -> HttpReply:
    """A success with these data, as JSON inside a JSON string."""
    return HttpReply(200, (), json.dumps({"success": 1, "data": json.dumps(data)}).encode())


def action_of(asked: str) -> str:
    return asked.partition("ActionID=")[2].partition(" ")[0]


def talking(name: str, replies: Mapping[str, HttpReply]) -> WebConversation:
    """A recording some of whose actions are answered otherwise."""
    talk = WebConversation(ALL[name], lambda asked, reply: replies.get(action_of(asked), reply))
    talk.start()
    return talk


def polled(name: str, replies: Mapping[str, HttpReply]) -> dict[str, Reading]:
    return talking(name, replies).poll()


def actions(talk: WebConversation) -> list[str]:
    return [action_of(asked) for asked in talk.asked]


IDLE = {"callstate": 0, "isInConf": 0, "conftype": 0, "sitecall": 0, "pstnstate": 0, "mic": 1, "speaker": 1, "sip": 1}


@pytest.mark.parametrize(
    ("state", "in_call"),
    [
        (IDLE, False), (IDLE | {"callstate": 1}, True), (IDLE | {"callstate": 2}, True), (IDLE | {"isInConf": 1}, True),
        (IDLE | {"conftype": 3}, True), (IDLE | {"sitecall": 1}, True), (IDLE | {"pstnstate": 1}, True),
        ({"Callstate": 0}, False), ({"CallState": 2}, True), (IDLE | {"callstate": 9}, True),
        (IDLE | {"confState": ""}, False), (IDLE | {"confState": "talking"}, True), (IDLE | {"callstate": "0"}, False),
        ({"isInConf": 0}, NoReading("garbled")), (IDLE | {"callstate": None}, NoReading("garbled")),
        ([], NoReading("garbled")), (None, NoReading("absent")),
    ],
)  # fmt: skip
def test_what_the_mailbox_says_of_calls(state: object, in_call: Reading) -> None:
    assert polled("te20_idle", {MAILBOX: said({"state": state})})["codec.in_call"] == in_call


@pytest.mark.parametrize("rate", ["65.64k", "1.2M", 733.0, 5])
def test_what_flows_is_a_call_whatever_the_mailbox_says(rate: object) -> None:
    assert polled("te20_idle", {CALL: said({"revRate": rate})})["codec.in_call"] is True
    assert polled("te20_idle", {CALL: said({"revRate": rate}), MAILBOX: FAILED})["codec.in_call"] is True


@pytest.mark.parametrize("rate", ["--", "", "0.00k", 0, None, "Unknown", "k", True, []])
def test_what_does_not_flow_neither_proves_nor_denies(rate: object) -> None:
    quiet = {CALL: said({"revRate": rate, "sendRate": rate})}
    assert polled("te20_idle", quiet)["codec.in_call"] is False
    assert polled("te20_in_call", quiet)["codec.in_call"] is True
    assert isinstance(polled("te20_idle", quiet | {MAILBOX: HttpReply(500)})["codec.in_call"], NoReading)


def test_loss_is_that_since_the_last_look() -> None:
    looks = iter([(3, "0.30%"), (3, "0.30%"), (7, "0.60%"), (7, "0.60%"), (1, "4.00%")])

    def spoil(asked: str, reply: HttpReply) -> HttpReply:
        if action_of(asked) != CALL:
            return reply
        lost, share = next(looks)
        streams = {"videoLossNumRev": lost, "videoLossPerRev": share, "audioLossNumSend": 0, "audioLossPerSend": "--"}
        return said(streams | {"auxVideoLossNumRev": 0, "AuxVideoLossPerRev": "--"})

    talk = WebConversation(ALL["te20_in_call"], spoil)
    talk.start()
    seen = [(facts["codec.rx_loss_pct"], facts["codec.tx_loss_pct"]) for facts in (talk.poll() for _ in range(5))]
    absent = NoReading("absent")
    assert seen == [(absent, absent), (0.0, 0.0), (0.6, 0.0), (0.0, 0.0), (0.0, 0.0)]


@pytest.mark.parametrize(
    ("sip", "gk", "registered"),
    [(1, 0, True), (0, 1, True), (0, 0, False), (None, 0, NoReading("absent")), (7, 0, NoReading("garbled"))],
)
def test_one_registrar_is_enough(sip: object, gk: object, registered: Reading) -> None:
    facts = polled("te20_idle", {MAILBOX: said({"state": IDLE | {"sip": sip, "gk": gk}})})
    assert facts["codec.registered"] == registered


@pytest.mark.parametrize(
    "body",
    [
        b'{"success":true,"data":"{}"}', b'{"success":2}', b'{"data":"{}"}', b'"success"', b"[1]", b"",
        b'{"success":1,"data":"{"}', b'{"success":1,"data":"' + b"[" * 5000 + b'"}',
    ],
)  # fmt: skip
def test_what_is_no_answer_of_a_terminal(body: bytes) -> None:
    assert data_of(HttpReply(200, (), body)) == NoReading("garbled")


def test_data_in_every_wrapping() -> None:
    assert data_of(HttpReply(200, (), b'{"success":1,"data":""}')) == {}
    assert data_of(HttpReply(200, (), b'{"success":1}')) == {}
    assert data_of(HttpReply(200, (), b'{"success":1,"data":{"isSystemSleep":"sleep"}}')) == {"issystemsleep": "sleep"}
    assert data_of(said({"State": {"CallState": 1}})) == {"state": {"callstate": 1}}
    assert data_of(FAILED) == NoReading("refused")


# -- the log-in


def begun(login: Login, *replies: HttpReply) -> tuple[list[str], list[Event]]:
    """What a log-in asks, and how it ends."""
    talk = session(login)
    asked, events = [], talk.open()
    for reply in replies:
        request = talk.request()
        if request is None:
            break
        asked.append(request.target.partition("=")[2])
        events += talk.reply(reply)
    return asked, events


@pytest.mark.parametrize("reply", [FAILED, HttpReply(403), HttpReply(401)], ids=["success 0", "403", "401"])
def test_a_wrong_password_is_sent_once(reply: HttpReply) -> None:
    asked, events = begun(ACCOUNT, BEGUN, reply, reply, reply)
    assert asked == ["WEB_RequestSessionIDAPI", CERTIFICATE]
    assert events == [LoginRefused()]


def test_nothing_but_a_terminal_hears_the_password() -> None:
    for reply in (HttpReply(200, (), b"<html>"), HttpReply(404), HttpReply(500), said({}), FAILED):
        asked, events = begun(ACCOUNT, reply, reply)
        assert asked == ["WEB_RequestSessionIDAPI"]
        assert [type(event) for event in events] == [ProtocolError]


def test_a_log_in_without_token_says_nothing_of_the_password() -> None:
    for reply in (said({}), HttpReply(500), HttpReply(200)):
        assert [type(event) for event in begun(ACCOUNT, BEGUN, reply)[1]] == [ProtocolError]


def test_without_an_account_a_terminal_is_known_by_its_session() -> None:
    assert begun(Login(), BEGUN) == (["WEB_RequestSessionIDAPI"], [LoginNeeded()])


def test_cookie_and_token_go_with_every_request() -> None:
    talk = WebConversation(ALL["te20_idle"])
    talk.start()
    talk.poll()
    assert len(talk.requests) == 7
    for request in talk.requests[1:]:
        assert dict(request.headers)["Cookie"] == "SessionID=aUbs6GWHrBPeYZ4m"
    assert all(b'"acCSRFToken"' in request.body for request in talk.requests[2:])


@pytest.mark.parametrize(("number", "cookie"), [("aUbs6G", "SessionID=aUbs6G"), (" ", ""), ("a\r\nb", ""), ("ý", "")])
def test_a_session_that_stands_in_the_body_alone_is_sent_back(number: str, cookie: str) -> None:
    talk = session(ACCOUNT)
    talk.open()
    talk.request()
    talk.reply(said({"acSessionId": number, "szTermType": "TE10"}))
    request = talk.request()
    assert request is not None
    assert dict(request.headers).get("Cookie", "") == cookie


@pytest.mark.parametrize("odd", [True, False, 2, "1", 1.5, []])
def test_a_switch_that_is_neither_on_nor_off_says_nothing(odd: object) -> None:
    facts = polled("te20_idle", {MAILBOX: said({"state": IDLE | {"mic": odd, "speaker": odd, "upgrade": odd}})})
    assert facts["codec.mic_muted"] == facts["codec.output_muted"] == facts["codec.upgrading"] == NoReading("garbled")


def test_a_session_that_lapsed_is_begun_anew_once() -> None:
    """Whatever its error is: a failing mailbox is the sign of it."""
    left = 1

    def spoil(asked: str, reply: HttpReply) -> HttpReply:
        nonlocal left
        if action_of(asked) == MAILBOX and left:
            left -= 1
            return FAILED
        return reply

    talk = WebConversation(ALL["te20_idle"], spoil)
    talk.start()
    assert talk.poll()["codec.in_call"] is False
    assert actions(talk).count(CERTIFICATE) == 2


def test_a_mailbox_that_fails_for_good_costs_one_log_in_and_denies_nothing() -> None:
    talk = talking("te20_idle", {MAILBOX: FAILED})
    for _ in range(4):
        facts = talk.poll()
        assert facts["codec.in_call"] == NoReading("refused")
        assert facts["codec.standby"] is False
    assert actions(talk).count(CERTIFICATE) == 2
    # Once it answered again, its next failure counts anew.
    talk.spoil = lambda _, reply: reply
    assert talk.poll()["codec.in_call"] is False
    talk.spoil = lambda asked, reply: FAILED if action_of(asked) == MAILBOX else reply
    talk.poll()
    assert actions(talk).count(CERTIFICATE) == 3


def test_what_the_account_may_not_do_costs_no_more_than_one_log_in() -> None:
    forbidden = {"WEB_GetVersionInfoAPI": HttpReply(403), "WEB_OpenMicAPI": HttpReply(403)}
    talk = talking("te20_idle", forbidden)
    for _ in range(3):
        assert talk.poll()["codec.model"] == NoReading("refused")
    assert actions(talk).count(CERTIFICATE) == 1
    (event,) = talk.command("codec_unmute")
    assert isinstance(event, CommandFailed)
    assert event.reason == "refused"
    assert actions(talk).count(CERTIFICATE) == 2
    assert talk.poll()["codec.in_call"] is False


@pytest.mark.parametrize(("pct", "steps"), [(0, 0), (50, 10), (100, 21), (-5, 0), (300, 21)])
def test_volume_in_the_terminals_steps(pct: float, steps: int) -> None:
    talk = talking("te20_idle", {})
    talk.session.volume_pct = pct
    talk.command("codec_volume_restore")
    assert json.loads(talk.requests[-1].body)["speakerValue"] == steps


def test_an_order_that_was_not_taken() -> None:
    (event,) = talking("te20_idle", {"WEB_OpenMicAPI": FAILED}).command("codec_unmute")
    assert isinstance(event, CommandFailed)
    assert event.reason == "refused"


def test_no_password_and_no_token_show_themselves() -> None:
    talk = talking("te20_idle", {})
    assert "secret12" not in repr(talk.session.login)


@pytest.mark.parametrize(
    "answer", [HttpReply(200, (), b'{"success": 1, "data": "{'), said({"revRate": "1,920 kbit/s"})]
)
def test_a_call_status_that_is_not_understood_may_speak_of_a_call(answer: HttpReply) -> None:
    assert polled("te20_idle", {CALL: answer})["codec.in_call"] == NoReading("garbled")
    assert polled("te20_in_call", {CALL: answer})["codec.in_call"] is True
