"""Poly VideoOS beyond what every web interface has in common (`test_web_conformance`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from agent.core.exchange import HttpReply
from agent.core.facts import NoReading, Reading
from agent.devices.base import CommandFailed, Event, Login, LoginNeeded, LoginRefused, ProtocolError, Ready
from agent.devices.codec._json_web import TEXT_MAX
from agent.devices.codec._videoos_facts import STREAMS_MAX
from agent.devices.codec.poly_videoos import CONFERENCES_MAX, session
from tests.devices.kit import Recording
from tests.devices.webkit import WebConversation, recorded, web_recordings

ALL = {recording.name: recording for recording in web_recordings("poly_videoos")}
MEDIA = "GET /rest/conferences/0/mediastats"
LOG_IN = "POST /rest/current/session"


def said(body: object) -> HttpReply:
    """A reply with this JSON."""
    return HttpReply(200, (), json.dumps(body).encode())


def talking(name: str, replies: Mapping[str, HttpReply]) -> WebConversation:
    """A recording some of whose questions (without their bodies) are answered otherwise."""

    def spoil(asked: str, reply: HttpReply) -> HttpReply:
        return replies.get(" ".join(asked.split(" ")[:2]), reply)

    talk = WebConversation(ALL[name], spoil)
    talk.start()
    return talk


def polled(name: str, replies: Mapping[str, HttpReply]) -> dict[str, Reading]:
    return talking(name, replies).poll()


def stream(way: str, lost: object, share: object, jitter: object = 1.0) -> dict[str, Any]:
    return {
        "mediaDirection": way, "mediaType": "VIDEO", "jitter": jitter, "packetLoss": lost, "percentPacketLoss": share
    }  # fmt: skip


def test_loss_is_that_since_the_last_look() -> None:
    """A percentage of the device's that stays after the loss is over is not loss of now."""
    looks = iter([(5, 2.0), (5, 2.0), (9, 2.5), (9, 2.5), (1, 3.0)])

    def spoil(asked: str, reply: HttpReply) -> HttpReply:
        if asked != MEDIA:
            return reply
        lost, share = next(looks)
        return said([stream("RX", lost, share), stream("TX", 0, 0.0), stream("RX", 7, 0.1)])

    talk = WebConversation(ALL["x30_in_call"], spoil)
    talk.start()
    seen = [(facts["codec.rx_loss_pct"], facts["codec.tx_loss_pct"]) for facts in (talk.poll() for _ in range(4))]
    absent = NoReading("absent")
    assert seen == [(absent, absent), (0.0, 0.0), (2.5, 0.0), (0.0, 0.0)]
    # A counter that went back belongs to another call: it says nothing yet, and the other stream lost none.
    assert talk.poll()["codec.rx_loss_pct"] == 0.0


@pytest.mark.parametrize("odd", [None, "4", True, float("nan"), [], 10**400])
def test_numbers_of_streams_that_are_none_say_nothing(odd: object) -> None:
    talk = talking("x30_in_call", {MEDIA: said([stream("RX", odd, odd, odd), 7, {"mediaDirection": "UP"}])})
    for _ in range(2):
        facts = talk.poll()
        assert facts["codec.rx_loss_pct"] == facts["codec.jitter_ms"] == NoReading("absent")
        assert facts["codec.in_call"] is True


def test_streams_are_asked_for_in_a_call_only() -> None:
    idle, busy = talking("x30_idle", {}), talking("x30_in_call", {})
    idle.poll()
    busy.poll()
    assert MEDIA in busy.asked
    assert not any("mediastats" in asked for asked in idle.asked)
    assert not any("PENDING" in asked for asked in busy.asked)


@pytest.mark.parametrize("name", ["../../config", "0/../../system/reboot", "0?x=1", "0\r\nX: y", "ý", "", "PENDING"])
def test_a_conference_of_a_strange_name_is_a_call_that_is_not_asked_about(name: str) -> None:
    talk = talking("x30_idle", {"GET /rest/conferences": said([{"id": name}])})
    assert talk.poll()["codec.in_call"] is True
    assert not any("mediastats" in asked for asked in talk.asked)


def test_the_camera_of_a_pc_cannot_deny_a_call() -> None:
    mode = {"GET /rest/system/mode/device": said({"result": True})}
    assert polled("x30_idle", mode)["codec.in_call"] == NoReading("absent")
    assert polled("x30_in_call", mode)["codec.in_call"] is True


def test_firmware_without_apps_cannot_deny_a_call() -> None:
    gone = {"GET /rest/system/apps/state": HttpReply(404)}
    assert polled("x30_idle", gone)["codec.in_call"] == NoReading("refused")
    assert polled("x50_ringing", gone)["codec.in_call"] is True


@pytest.mark.parametrize(("word", "in_call"), [("on", True), ("up", True), ("off", False), ("down", False)])
def test_the_status_list_is_a_witness_too(word: str, in_call: bool) -> None:
    status = {"GET /rest/system/status": said([{"name": "system.status.inacall", "state": [word]}])}
    assert polled("x30_idle", status)["codec.in_call"] is in_call


@pytest.mark.parametrize(
    ("part", "word", "camera"),
    [
        ("mr.camera", "all_up", True), ("mr.camera", "some_up", True), ("trackablecamera", "up", True),
        ("mr.camera", "none_up", False), ("trackablecamera", "down", False), ("camera", "off", NoReading("absent")),
    ],
)  # fmt: skip
def test_what_the_status_list_says_of_cameras(part: str, word: str, camera: Reading) -> None:
    status = {"GET /rest/system/status": said([{"name": f"system.status.{part}", "stateList": [word]}])}
    assert polled("x30_idle", status)["codec.camera"] == camera


def test_one_conference_instead_of_a_list_is_a_call() -> None:
    assert polled("x30_idle", {"GET /rest/conferences": said({"id": "0"})})["codec.in_call"] is True
    assert polled("x30_idle", {"GET /rest/conferences": said({})})["codec.in_call"] == NoReading("garbled")


def test_a_conference_without_end_is_bounded() -> None:
    """A device that lists thousands, or thousands of streams, is not asked thousands of times."""
    many = said([{"id": str(number)} for number in range(300)])
    streams = said([stream("RX", 1, 1.0) for _ in range(STREAMS_MAX)] + [stream("RX", 1, 1.0, 99.0)])
    talk = talking("x30_idle", {"GET /rest/conferences": many, "GET /rest/conferences/0/mediastats": streams})
    facts = talk.poll()
    assert sum("mediastats" in asked for asked in talk.asked) == CONFERENCES_MAX
    assert facts["codec.jitter_ms"] == 1.0


def test_a_name_without_end_is_cut() -> None:
    assert polled("x30_idle", {"GET /rest/system": said({"model": "X" * 5000})})["codec.model"] == "X" * TEXT_MAX


def test_a_redirect_is_no_answer_whatever_it_carries() -> None:
    moved = HttpReply(302, (("Location", "/"),), b"[]")
    assert polled("x30_idle", {"GET /rest/conferences": moved})["codec.in_call"] == NoReading("refused")


def test_a_stream_that_was_away_begins_anew() -> None:
    """What was lost while nobody looked is not loss of now."""
    looks = iter([[stream("RX", 5, 1.0)], [], [stream("RX", 9, 1.0)], [stream("RX", 10, 1.5)]])
    talk = WebConversation(ALL["x30_in_call"], lambda asked, reply: said(next(looks)) if asked == MEDIA else reply)
    talk.start()
    absent = NoReading("absent")
    assert [talk.poll()["codec.rx_loss_pct"] for _ in range(4)] == [absent, absent, absent, 1.5]


@pytest.mark.parametrize(
    ("word", "ready", "asleep", "upgrading"),
    [
        ("READY", True, False, False), ("ASLEEP", True, True, False), ("INITIALIZING", False, False, False),
        ("UPDATING", NoReading("absent"), False, True), ("SHUTTING_DOWN", False, False, False),
        ("NEW_WORD", NoReading("garbled"), NoReading("garbled"), NoReading("garbled")),
    ],
)  # fmt: skip
def test_words_of_the_state(word: str, ready: Reading, asleep: Reading, upgrading: Reading) -> None:
    facts = polled("x30_idle", {"GET /rest/system": said({"model": "X", "state": word})})
    assert (facts["codec.app_ready"], facts["codec.standby"]) == (ready, asleep)
    assert facts["codec.upgrading"] == upgrading


@pytest.mark.parametrize(
    ("sip", "gatekeeper", "registered"),
    [
        ("up", "down", True), ("down", "up", True), ("down", "off", False), ("off", "unknown", NoReading("absent")),
        ("strange", "words", NoReading("absent")),
    ],
)  # fmt: skip
def test_one_registrar_is_enough(sip: str, gatekeeper: str, registered: Reading) -> None:
    rows = [
        {"name": "system.status.sipserver", "stateList": [sip]},
        {"name": "system.status.gatekeeper", "stateList": [gatekeeper]},
    ]
    assert polled("x30_idle", {"GET /rest/system/status": said(rows)})["codec.registered"] == registered


# -- the log-in


def begun(login: Login, *replies: HttpReply) -> tuple[list[str], list[Event]]:
    """What a log-in asks, and how it ends."""
    talk = session(login)
    asked, events = [], talk.open()
    for reply in replies:
        request = talk.request()
        if request is None:
            break
        asked.append(f"{request.method} {request.target}")
        events += talk.reply(reply)
    return asked, events


ACCOUNT = Login("admin", "secret")


@pytest.mark.parametrize(
    "reply",
    [HttpReply(403), HttpReply(401), said({"success": False, "loginStatus": {"loginResult": "LOCKOUT"}})],
    ids=["403", "401", "success false"],
)
def test_a_wrong_password_is_sent_once(reply: HttpReply) -> None:
    asked, events = begun(ACCOUNT, reply, reply, reply)
    assert asked == [LOG_IN]
    assert events == [LoginRefused()]


@pytest.mark.parametrize(
    "reply",
    [HttpReply(500), HttpReply(200), HttpReply(200, (), b"<html>"), said([]), said({"success": True}), HttpReply(302)],
    ids=["500", "empty", "page", "list", "without a session", "redirect"],
)
def test_what_is_no_log_in_says_nothing_of_the_password(reply: HttpReply) -> None:
    _, events = begun(ACCOUNT, reply)
    assert [type(event) for event in events] == [ProtocolError]


def test_the_log_in_of_other_firmware_is_tried_where_the_first_is_not_there() -> None:
    asked, events = begun(ACCOUNT, HttpReply(404), HttpReply(404), HttpReply(404))
    assert asked == [LOG_IN, "POST /rest/session"]
    assert [type(event) for event in events] == [ProtocolError]


@pytest.mark.parametrize("number", ["a\r\nX-Evil: 1", "a\x00", "ý", "\ufffd", " "])
def test_a_session_that_cannot_stand_in_a_header_is_none(number: str) -> None:
    _, events = begun(ACCOUNT, said({"success": True, "session": {"sessionId": number}}))
    assert [type(event) for event in events] == [ProtocolError]


@pytest.mark.parametrize("odd", ["ý", "a\x7f", "\ufffd"])
def test_a_token_or_cookie_that_cannot_stand_in_a_header_is_left_out(odd: str) -> None:
    talk = session(ACCOUNT)
    talk.open()
    talk.request()
    headers = (
        ("X-XSRF-Token", odd),
        ("Set-Cookie", f"k={odd}"),
        ("Set-Cookie", f"{odd}=1"),
        ("Set-Cookie", "session_id=N1"),
    )
    talk.reply(HttpReply(200, headers, b'{"success": true}'))
    talk.poll()
    request = talk.request()
    assert request is not None
    assert dict(request.headers) == {"x-xsrf-token": "N1", "Cookie": "session_id=N1"}


def test_without_an_account_no_log_in_is_tried() -> None:
    assert begun(Login(), HttpReply(403)) == (["GET /rest/system"], [LoginNeeded()])
    basic = HttpReply(401, (("WWW-Authenticate", 'Basic realm="codec"'),))
    assert [type(event) for event in begun(Login(), basic)[1]] == [ProtocolError], "that is a Cisco codec"
    assert begun(Login(), said({"model": "X", "state": "READY"}))[1] == [Ready()]
    assert [type(event) for event in begun(Login(), HttpReply(404))[1]] == [ProtocolError]


@pytest.mark.parametrize(
    ("headers", "proof"),
    [((), "N1"), ((("X-XSRF-Token", "T2"),), "T2")],
    ids=["the session's id", "a token of its own"],
)
def test_cookie_and_token_go_with_every_request(headers: tuple[tuple[str, str], ...], proof: str) -> None:
    talk = session(ACCOUNT)
    talk.open()
    talk.request()
    talk.reply(HttpReply(200, headers, b'{"success": true, "session": {"sessionId": "N1"}}'))
    talk.poll()
    request = talk.request()
    assert request is not None
    assert {"Cookie": "session_id=N1", "x-xsrf-token": proof}.items() <= dict(request.headers).items()
    talk = session(ACCOUNT)
    talk.open()
    talk.request()
    talk.reply(HttpReply(200, headers, b'{"success": true, "session": {"sessionId": "N1"}}'))
    talk.command("codec_unmute")
    request = talk.request()
    assert request is not None
    assert (request.body, dict(request.headers)["x-xsrf-token"]) == (b"false", proof)


def log_ins(talk: WebConversation) -> int:
    return sum(asked.startswith(LOG_IN) for asked in talk.asked)


def test_what_the_mode_forbids_costs_one_log_in_and_is_no_wrong_password() -> None:
    talk = talking("x30_idle", {"GET /rest/audio": HttpReply(403), "POST /rest/audio/muted": HttpReply(403)})
    for _ in range(3):
        facts = talk.poll()
        assert facts["codec.mic_muted"] == NoReading("refused")
        assert facts["codec.in_call"] is False
    assert log_ins(talk) == 2
    for _ in range(2):
        (event,) = talk.command("codec_unmute")
        assert isinstance(event, CommandFailed)
        assert event.reason == "refused"
    assert log_ins(talk) == 3


def test_an_account_that_may_not_even_see_the_system_is_refused() -> None:
    talk = talking("x30_idle", {"GET /rest/system": HttpReply(403)})
    talk.poll()
    assert isinstance(talk.events[-1], LoginRefused)
    assert log_ins(talk) == 2


@pytest.mark.parametrize("body", [b"", b'{"success": true}', b"true"])
def test_an_order_is_taken_with_an_empty_reply_too(body: bytes) -> None:
    talk = talking("x30_idle", {"POST /rest/system/reboot": HttpReply(200, (), body)})
    assert not isinstance(talk.command("codec_restart")[0], CommandFailed)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (said({"success": False}), "refused"), (HttpReply(409), "refused"), (HttpReply(404), "absent"),
        (HttpReply(200, (), b"<html>"), "garbled"),
    ],
)  # fmt: skip
def test_an_order_that_was_not_taken(reply: HttpReply, reason: str) -> None:
    (event,) = talking("x30_idle", {"POST /rest/system/reboot": reply}).command("codec_restart")
    assert isinstance(event, CommandFailed)
    assert event.reason == reason


def test_no_password_shows_itself() -> None:
    recording: Recording = ALL["x30_idle"]
    talk = WebConversation(recording)
    talk.start()
    assert "secret" not in repr(vars(talk.session))
    assert recorded(recording, talk.asked[0]).status == 200


@pytest.mark.parametrize(
    ("page", "answer"),
    [
        ("status", {}), ("status", [{"name": "system.status.inacall", "stateList": ["partial"]}]),
        ("status", [{"name": "system.status.inacall"}]), ("mode/device", {"result": "true"}), ("mode/device", {}),
        ("mode/device", True),
    ],
)  # fmt: skip
def test_a_page_in_words_that_are_not_known_denies_no_call(page: str, answer: object) -> None:
    odd = {f"GET /rest/system/{page}": said(answer)}
    assert polled("x30_idle", odd)["codec.in_call"] == NoReading("garbled")
    assert polled("x30_in_call", odd)["codec.in_call"] is True
