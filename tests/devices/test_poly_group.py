"""A Poly Group's ways: a name before the password, and calls whose far end has none."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from agent.config.devices import CodecConfig
from agent.core.facts import NoReading, Reading
from agent.devices.base import CommandDone, Event, Facts, Login, LoginNeeded, LoginRefused, Ready
from agent.devices.codec import _poly_facts as poly
from agent.devices.codec.poly_cli import PolySession
from agent.probes.codec import CodecProbe
from sim.servers.poly import PolyConversation
from tests.sim.line import served

WHOAMI = b"\r\r\nHi, my name is : Demo\r\r\nModel: RealPresence Group 500\r\r\nSNMP Enabled: False\r\r\n"
ROW = "callinfo:43:192.168.1.101:384:connected:notmuted:outgoing:videocall"


def told(login: Login, *said: bytes) -> tuple[list[bytes], list[Event]]:
    """What a session answers to each thing said, and all its events."""
    session = PolySession(login)
    answers: list[bytes] = []
    events: list[Event] = []
    for data in said:
        events += session.receive(data)
        answers.append(session.output())
    return answers, events


ACCOUNT = Login("admin", "secret")


def test_name_and_password_go_to_their_prompts() -> None:
    """It was `whoami` that went to the first: the right password was refused, and held back for up to half an hour."""
    answers, events = told(ACCOUNT, b"Username: ", b"\r\nPassword: ", WHOAMI)
    assert answers[:2] == [b"admin\r", b"secret\r"]
    assert events == [Ready()]


@pytest.mark.parametrize("cut", range(1, 10))
def test_a_prompt_may_come_in_two_pieces(cut: int) -> None:
    answers, _ = told(ACCOUNT, b"Username: "[:cut], b"Username: "[cut:])
    assert b"".join(answers) == b"admin\r"


@pytest.mark.parametrize("again", [b"\r\nUsername: ", b"\r\nPassword: "])
def test_a_wrong_account_is_sent_once(again: bytes) -> None:
    answers, events = told(ACCOUNT, b"Username: ", b"\r\nPassword: ", again)
    assert answers == [b"admin\r", b"secret\r", b""]
    assert events == [LoginRefused()]


def test_a_name_that_is_asked_for_again_is_not_known() -> None:
    assert told(ACCOUNT, b"Username: ", b"\r\nUsername: ") == ([b"admin\r", b""], [LoginRefused()])


@pytest.mark.parametrize("login", [Login("", "secret"), Login()])
def test_a_name_that_we_do_not_have_is_not_made_up(login: Login) -> None:
    assert told(login, b"Username: ") == ([b""], [LoginNeeded()])


def test_a_password_alone_is_enough_where_no_name_is_asked_for() -> None:
    answers, events = told(Login("", "1234"), b"Password: ", WHOAMI)
    assert answers[0] == b"1234\r"
    assert events == [Ready()]


@pytest.mark.parametrize(
    ("line", "state"),
    [
        (ROW, "connected"),
        (ROW.replace("connected", "disconnected"), "disconnected"),
        ("callinfo:36:192.168.1.102:256:connected:muted:outgoing:videocall", "connected"),
        ("notification:callstatus:outgoing:34:192.168.1.101:connected:384:0:videocall", "connected"),
        ("notification:callstatus:34:192.168.1.101:connected:384:0:videocall", "unreadable"),
        ("active: call[34] speed[384]", "active"),
        ("active: call[34] speed [384]", "active"),
        ("cleared: call[34]", "cleared"),
        ("ended: call[34]", "ended"),
        ("notification:linestatus:outgoing:32:0:0:disconnected", "disconnected"),
        ("notification:linestatus:outgoing:32:0:0:connected", "connected"),
        ("notification:linestatus:32:0", "unreadable"),
        ("cs: call[34] chan[0] dialstr[192.168.1.103] state[COMPLETE]", "complete"),
    ],
)
def test_call_state(line: str, state: str) -> None:
    assert poly.state_of(line) == state
    assert poly.speaks_of_call(line) is (state in ("connected", "active", "complete"))


@pytest.mark.parametrize("over", ["disconnected", "inactive", "ended"])
def test_a_far_end_that_is_called_so_is_no_call_that_is_over(over: str) -> None:
    """A row that lost its end: what is then the fourth from the right is the name or the number of the far end."""
    row = f"callinfo:43:a:b:{over}:384:connected:notmuted"
    assert poly.state_of(row) == "unreadable"


@pytest.mark.parametrize(("row", "in_call"), [(ROW, True), (ROW.replace("connected", "disconnected"), False)])
def test_a_call_without_a_name_is_one(row: str, in_call: Reading) -> None:
    absent = NoReading("absent")
    info = ("callinfo begin", row, "callinfo end")
    assert poly.in_call({"callinfo all": info, "getcallstate": absent, "status": absent}) is in_call


@pytest.mark.parametrize("at", range(len(ROW)))
@pytest.mark.parametrize("noise", ["", " ", "x"])
def test_a_row_that_is_spoilt_is_no_row_that_is_over(at: int, noise: str) -> None:
    """No other witness is there to say so: a model may know neither `getcallstate` nor `status`."""
    absent = NoReading("absent")
    info = ("callinfo begin", ROW[:at] + noise + ROW[at + 1 :], "callinfo end")
    assert poly.in_call({"callinfo all": info, "getcallstate": absent, "status": absent}) is not False


@pytest.mark.parametrize("line", [b"active: call[34] speed[384]", b"notification:linestatus:outgoing:32:0:0:connected"])
def test_a_call_that_is_told_of_unasked_is_noted(line: bytes) -> None:
    session = PolySession(Login())
    session.receive(WHOAMI)
    session.output()
    session.receive(b"sleep registered\r\n")
    session.poll_call()
    events: list[Event] = []
    for answer in (b"system is not in a call", b"cs: call[0] inactive", b"inacall offline\r\nstatus end"):
        session.output()
        events += session.receive(line + b"\r\n" + answer + b"\r\n")
    assert events == [Facts({"codec.in_call": True})]


def test_the_simulated_group_lets_the_probe_in(tmp_path: Path) -> None:
    with served(tmp_path, lambda room, clock: PolyConversation(room, clock, user="admin", password="secret")) as (
        room,
        uri,
        _,
    ):
        probe = CodecProbe(CodecConfig("poly_cli", uri, user="admin", password="secret", api_timeout_s=8))
        try:
            seen = probe.observe()
            assert (seen["codec.in_call"], seen["codec.model"]) == (False, "RealPresence Group 500")
            assert room.start_call(600.0, time.monotonic())
            assert probe.observe()["codec.in_call"] is True
        finally:
            probe.close()


READY = (b"Password: ", WHOAMI, b"sleep registered\r\n")


def ordered(remedy: str, *said: bytes) -> list[Event]:
    """What comes of an order when the codec says this."""
    session = PolySession(ACCOUNT)
    for data in READY:
        session.receive(data)
        session.output()
    session.command(remedy)
    session.output()
    return [event for data in said for event in session.receive(data)]


def test_an_echo_behind_a_prompt_is_no_acknowledgement() -> None:
    """A Group 700 puts `-> ` before what it was told: that it has heard is not that it has obeyed."""
    assert ordered("codec_wake", b"-> wake\r\n") == []
    assert ordered("codec_wake", b"-> wake\r\n", b"wake\r\n") == [CommandDone("codec_wake", "wake")]


def test_an_event_behind_a_prompt_is_one() -> None:
    session = PolySession(ACCOUNT)
    for data in READY:
        session.receive(data)
        session.output()
    session.receive(b"-> notification:callstatus:outgoing:34:Name:192.0.2.1:connecting:384:0:videocall\r\n")
    assert session._call_seen
