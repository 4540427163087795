"""Sessions of web interfaces: the proof that orders carry, why a log-in is refused, and that every session is ended."""

from __future__ import annotations

import json

import pytest

from agent.core.exchange import HttpReply
from agent.devices.base import (
    CommandDone,
    Event,
    Facts,
    Login,
    LoginFull,
    LoginRefused,
    ProtocolError,
    Ready,
)
from agent.devices.codec.poly_videoos import VideoOsSession, session
from tests.devices.kit import Recording
from tests.devices.webkit import WebConversation, web_recordings

ACCOUNT = Login("admin", "secret")
ALL = {f"{recording.family}/{recording.name}": recording for recording in web_recordings()}
ENDS = {
    "poly_videoos/x30_idle": ("DELETE /rest/current/session", "session_id=PS6UmUeGR0123456789"),
    "poly_videoos/g7500_asleep": (
        "DELETE /rest/session",
        "session_id=PS6UmUeGR0123456789; XSRF-TOKEN=c0ffee0123456789",
    ),
    "cisco_http/ce_idle": ("POST /xmlapi/session/end", "SessionId=0123456789abcdef"),
    "huawei_te/te20_idle": ("POST /action.cgi?ActionID=WEB_LogoutAPI", "SessionID"),
}
"""What ends a session of each family, and the cookie that names it."""


def said(status: int, body: object, *cookies: str) -> HttpReply:
    """A reply with this JSON."""
    return HttpReply(
        status, tuple(("Set-Cookie", f"{one}; Path=/; Secure") for one in cookies), json.dumps(body).encode()
    )


BEGUN = {"success": True, "session": {"sessionId": "PS1", "userId": "admin"}}


def logged_in(*cookies: str) -> VideoOsSession:
    talk = session(ACCOUNT)
    talk.open()
    talk.request()
    assert talk.reply(said(200, BEGUN, *cookies)) == [Ready()]
    return talk


def headers_of(talk: VideoOsSession, remedy: str = "") -> dict[str, str]:
    if remedy:
        talk.command(remedy)
    else:
        talk.poll()
    request = talk.request()
    assert request is not None
    return dict(request.headers)


# -- the proof against forged requests


@pytest.mark.parametrize("name", ["XSRF-TOKEN", "xsrf-token", "Xsrf-Token"])
@pytest.mark.parametrize("remedy", ["codec_unmute", "codec_restart", "codec_volume_restore"])
def test_an_order_carries_the_value_of_the_cookie(name: str, remedy: str) -> None:
    """It was the session's id that we sent: a device that checks refused every order."""
    headers = headers_of(logged_in("session_id=PS1", f"{name}=tok1"), remedy)
    assert headers["x-xsrf-token"] == "tok1"
    assert headers["Cookie"] == f"session_id=PS1; {name}=tok1"


def test_a_question_carries_it_too() -> None:
    assert headers_of(logged_in("session_id=PS1", "XSRF-TOKEN=tok1"))["x-xsrf-token"] == "tok1"


def test_a_proof_that_the_device_changes_is_followed() -> None:
    talk = logged_in("session_id=PS1", "XSRF-TOKEN=tok1")
    talk.poll()
    talk.request()
    talk.reply(said(200, {"model": "X"}, "XSRF-TOKEN=tok2"))
    request = talk.request()
    assert request is not None
    assert dict(request.headers)["x-xsrf-token"] == "tok2"


@pytest.mark.parametrize("cookies", [("session_id=PS1",), ("session_id=PS1", "XSRF-TOKEN=")])
def test_without_such_a_cookie_the_session_is_the_proof(cookies: tuple[str, ...]) -> None:
    assert headers_of(logged_in(*cookies), "codec_unmute")["x-xsrf-token"] == "PS1"


def test_the_recorded_order_is_proven() -> None:
    talk = WebConversation(ALL["poly_videoos/g7500_asleep"])
    talk.start()
    assert [type(event) for event in talk.command("codec_unmute")] == [CommandDone]
    assert dict(talk.requests[-1].headers)["x-xsrf-token"] == "c0ffee0123456789"


# -- why a log-in is refused


@pytest.mark.parametrize(
    ("status", "reason", "event"),
    [
        (403, "SessionInvalidUserNamePassword", LoginRefused), (403, "SessionMaxActiveSessionsReached", LoginFull),
        (400, "SessionRequestInvalid", LoginRefused), (400, "SessionPortLockout", LoginRefused),
        (403, "SomethingNew", LoginRefused), (400, "SomethingNew", ProtocolError),
        (200, "SessionMaxActiveSessionsReached", LoginFull), (403, 7, LoginRefused), (403, None, LoginRefused),
    ],
)  # fmt: skip
def test_a_full_device_is_no_wrong_password(status: int, reason: object, event: type[Event]) -> None:
    """An unknown reason of a 403 may be the password's: it is not sent again soon."""
    talk = session(ACCOUNT)
    talk.open()
    talk.request()
    events = talk.reply(said(status, {"success": False, "reason": reason} if reason else {"success": False}))
    assert [type(one) for one in events] == [event]
    assert talk.request() is None
    assert talk.farewell() is None, "no session was begun"


# -- the end of a session


@pytest.mark.parametrize("name", sorted(ENDS))
def test_a_session_that_was_begun_can_be_ended(name: str) -> None:
    talk = WebConversation(ALL[name])
    assert talk.session.farewell() is None
    talk.start()
    talk.poll()
    asked, cookie = ENDS[name]
    request = talk.session.farewell()
    assert request is not None
    assert f"{request.method} {request.target}" == asked
    assert dict(request.headers)["Cookie"].startswith(cookie)


def test_where_no_session_is_begun_none_is_ended() -> None:
    talk = WebConversation(ALL["cisco_http/tc_asleep"])
    talk.start()
    talk.poll()
    assert talk.session.farewell() is None
    open_to_all = session(Login())
    open_to_all.open()
    open_to_all.request()
    assert open_to_all.reply(said(200, {"model": "X"})) == [Ready()]
    assert open_to_all.farewell() is None


@pytest.mark.parametrize("recording", [ALL[name] for name in sorted(ENDS)], ids=sorted(ENDS))
def test_before_a_log_in_is_repeated_the_old_session_is_ended(recording: Recording) -> None:
    """A 403 may mean something else than a session that has lapsed; then ours is still there, and they are few."""
    talk = WebConversation(recording)
    talk.start()
    talk.poll()
    before, left = len(talk.asked), 1

    def forgets(_: str, reply: HttpReply) -> HttpReply:
        nonlocal left
        left -= 1
        return HttpReply(403, (("Set-Cookie", "session_id=; Path=/"),)) if left >= 0 else reply

    talk.spoil = forgets
    facts = talk.poll()
    assert facts["codec.in_call"] is False
    end = ENDS[f"{recording.family}/{recording.name}"][0]
    assert [asked.startswith(end) for asked in talk.asked[before:]].index(True) == 1
    assert sum(asked.startswith(end) for asked in talk.asked) == 1


def test_a_farewell_that_never_arrived_is_still_owed() -> None:
    talk = logged_in("session_id=PS1", "XSRF-TOKEN=tok1")
    talk.poll()
    talk.request()
    talk.reply(HttpReply(403))
    assert talk.request() == talk.farewell()
    assert talk.farewell() is not None
    talk.reply(HttpReply(403))
    assert talk.farewell() is None


# -- an exchange that came to nothing


def test_a_log_in_outlives_silence_where_the_device_says_that_it_has_forgotten_us() -> None:
    """A hung codec that still logs in would fill itself with our sessions, and refuse the order to restart."""
    talk = logged_in("session_id=PS1", "XSRF-TOKEN=tok1")
    talk.poll()
    assert talk.request() is not None
    assert talk.break_off()
    assert headers_of(talk, "codec_restart")["Cookie"] == "session_id=PS1; XSRF-TOKEN=tok1"
    (done,) = talk.reply(said(200, {"success": True}))
    assert isinstance(done, CommandDone)
    talk.poll()
    while (request := talk.request()) is not None:
        events = talk.reply(said(200, [] if "conferences" in request.target else {"model": "X", "result": False}))
    assert isinstance(events[-1], Facts)


def test_a_log_in_that_was_not_over_is_begun_anew() -> None:
    talk = session(ACCOUNT)
    talk.open()
    talk.request()
    assert not talk.break_off()


@pytest.mark.parametrize("name", ["cisco_http/ce_idle", "huawei_te/te20_idle"])
def test_others_begin_anew(name: str) -> None:
    """What a session that they have forgotten is told to an order is in no source."""
    talk = WebConversation(ALL[name])
    talk.start()
    assert not talk.session.break_off()
