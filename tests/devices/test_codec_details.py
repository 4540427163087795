"""What the recordings alone do not show: single answers, wrong answers, echoes."""

from __future__ import annotations

import pytest

from agent.core.facts import NoReading, Reading
from agent.devices.base import CommandDone, CommandFailed, Login, LoginNeeded, Silent
from agent.devices.codec import _poly_facts as poly
from agent.devices.codec import _xapi_facts as xapi
from agent.devices.codec._xapi_replies import Values
from agent.devices.codec.cisco_xapi import XapiSession
from agent.devices.codec.poly_cli import PolySession
from tests.devices.kit import Conversation, Player, Recording, recordings

TIMEOUT, GARBLED, ABSENT = NoReading("timeout"), NoReading("garbled"), NoReading("absent")


def values(*rows: str, tainted: bool = False) -> Values:
    found = Values(tainted=tainted)
    for row in rows:
        path, _, value = row.partition(": ")
        found.put(tuple(path.split()), value)
    return found


IDLE_UNIT = values("SystemUnit State NumberOfActiveCalls: 0", "SystemUnit State System: Initialized")
NO_CALL = values()
NO_TEAMS = ABSENT


@pytest.mark.parametrize(
    ("unit", "calls", "teams", "in_call"),
    [
        (IDLE_UNIT, NO_CALL, NO_TEAMS, False),
        (IDLE_UNIT, ABSENT, NO_TEAMS, False),
        (IDLE_UNIT, values("Call 1 Status: Idle"), NO_TEAMS, False),
        (IDLE_UNIT, values("Call 1 Status: Disconnecting"), NO_TEAMS, True),
        (IDLE_UNIT, values("Call 1 Status: Whatever"), NO_TEAMS, True),
        (IDLE_UNIT, values("Call 1 Duration: 5"), NO_TEAMS, GARBLED),
        (IDLE_UNIT, values("Call 1 (attributes): ghost=True"), NO_TEAMS, False),
        (IDLE_UNIT, values(tainted=True), NO_TEAMS, GARBLED),
        (IDLE_UNIT, values("Cal 1 Status: Connected"), NO_TEAMS, GARBLED),
        (IDLE_UNIT, TIMEOUT, NO_TEAMS, TIMEOUT),
        (IDLE_UNIT, NO_CALL, TIMEOUT, TIMEOUT),
        (IDLE_UNIT, NO_CALL, values("MicrosoftTeams Calling InCall: True"), True),
        (IDLE_UNIT, NO_CALL, values("MicrosoftTeams Calling InCall: False"), False),
        (IDLE_UNIT, NO_CALL, values("MicrosoftTeams Calling InCall: Fals"), GARBLED),
        (TIMEOUT, NO_CALL, NO_TEAMS, TIMEOUT),
        (TIMEOUT, values("Call 2 Status: Connected"), NO_TEAMS, True),
        (values("SystemUnit State System: InCall"), TIMEOUT, TIMEOUT, True),
        (values("SystemUnit State NumberOfActiveCalls: 2"), TIMEOUT, TIMEOUT, True),
        (values("SystemUnit State NumberOfActiveCalls: "), NO_CALL, NO_TEAMS, GARBLED),
        (values("SystemUnit State System: Initialized"), NO_CALL, NO_TEAMS, ABSENT),
        (
            values("SystemUnit State NumberOfActiveCalls: 0", "SystemUnit State System: Unheard"),
            NO_CALL,
            NO_TEAMS,
            GARBLED,
        ),
    ],
)
def test_xapi_in_call(
    unit: Values | NoReading, calls: Values | NoReading, teams: Values | NoReading, in_call: Reading
) -> None:
    answers = {"SystemUnit": unit, "Call": calls, "MicrosoftTeams Calling InCall": teams}
    assert xapi.in_call(answers) == in_call


@pytest.mark.parametrize(
    ("sip", "h323", "registered"),
    [
        ("Registered", "Inactive", True),
        ("Inactive", "Registered", True),
        ("Failed", "Inactive", False),
        ("Inactive", "Rejected", False),
        ("Inactive", "Inactive", ABSENT),
    ],
)
def test_xapi_registered(sip: str, h323: str, registered: Reading) -> None:
    answers = {
        "SIP": values("SIP Proxy 1 Status: Active", f"SIP Registration 1 Status: {sip}"),
        "H323 Gatekeeper": values(f"H323 Gatekeeper Status: {h323}"),
    }
    assert xapi.facts_of(answers, False)["codec.registered"] == registered


@pytest.mark.parametrize("recording", recordings("cisco_xapi"), ids=lambda recording: str(recording.name))
def test_not_recognized_never_denies_a_call(recording: Recording) -> None:
    """Noise made the codec misread our question about calls: its plain text does not say which question it means."""
    talk = Conversation(XapiSession(recording.login, "t"), Player(recording))

    def misread(data: bytes) -> bytes:
        return b"Command not recognized.\r\n" if talk.player.heard[-1:] == ["xStatus Call"] else data

    talk.channel = misread
    talk.start()
    for _ in range(3):
        assert talk.poll()["codec.in_call"] is not False


def test_a_codec_without_prompt_answer_is_left_alone() -> None:
    session = XapiSession(Login())
    assert session.receive(b"lab login: ") == [LoginNeeded()]
    assert session.output() == b""


def test_last_login_is_no_prompt() -> None:
    session = XapiSession(Login("admin", "secret"))
    for letter in b"Last login: Mon Nov 23":
        session.receive(bytes((letter,)))
    assert session.output() == b""


def test_blind_setup_taken_for_a_name() -> None:
    """A silent line whose `echo off` was read as a name: an empty password brings the prompt back, once."""
    session = XapiSession(Login("admin", "secret"))
    session.silence()
    session.silence()
    session.output()
    session.receive(b"Password: ")
    assert session.output() == b"\n"
    assert session.receive(b"\r\nLogin incorrect\r\nlogin: ") == []
    assert session.output() == b"admin\n"
    session.receive(b"Password: ")
    assert session.output() == b"secret\n"


@pytest.mark.parametrize(
    ("rows", "overheated", "temp_c"),
    [
        (("Hardware Monitoring Temperature Status: Normal",), False, ABSENT),
        (("Hardware Monitoring Temperature Status: High",), True, ABSENT),
        (("Hardware Monitoring Temperature Status: Critical",), True, ABSENT),
        (("Hardware Monitoring Temperature Status: Unknown",), ABSENT, ABSENT),
        (("Hardware Monitoring Temperature Status: Hig",), GARBLED, ABSENT),
        (("Hardware Temperature: 64.0", "Hardware TemperatureThreshold: 85"), ABSENT, 64.0),
        (("Hardware Temperature: 64.0", "Hardware Monitoring Temperature Status: Normal"), False, 64.0),
    ],
)
def test_a_temperature_in_degrees_or_in_a_word(rows: tuple[str, ...], overheated: Reading, temp_c: Reading) -> None:
    """RoomOS tells a word alone: its heat was seen by nobody."""
    unit = values(*(f"SystemUnit {row}" for row in rows))
    facts = xapi.facts_of({"SystemUnit": unit}, call_seen=False)
    assert (facts["codec.overheated"], facts["codec.temp_c"]) == (overheated, temp_c)


CALL_ROW = "callinfo:43:So: Y te: phong 2:192.168.1.101:384:connected:notmuted:outgoing:videocall"


@pytest.mark.parametrize(
    ("line", "state"),
    [
        (CALL_ROW, "connected"),
        (CALL_ROW.replace("connected", "disconnected"), "disconnected"),
        ("callinfo:43:x:connected", "unreadable"),
        ("cs: call[34] speed[384] dialstr[192.168.1.101] state[connected]", "connected"),
        ("cs: call[0] inactive", "inactive"),
        ("cs: call[0", "unreadable"),
        ("notification:callstatus:outgoing:34:A: b:192.168.1.101:connected:384:0:videocall", "connected"),
        ("status end", None),
    ],
)
def test_poly_call_state(line: str, state: str | None) -> None:
    assert poly.state_of(line) == state


IDLE_INFO = ("system is not in a call",)
IDLE_STATUS = ("inacall offline", "status end")


@pytest.mark.parametrize(
    ("info", "state", "status", "in_call"),
    [
        (IDLE_INFO, ("cs: call[0] inactive",), IDLE_STATUS, False),
        (("callinfo begin", "callinfo end"), ABSENT, ABSENT, False),
        (("callinfo begin", CALL_ROW.replace("connected", "disconnected"), "callinfo end"), ABSENT, ABSENT, False),
        (("callinfo begin", CALL_ROW, "callinfo end"), TIMEOUT, TIMEOUT, True),
        (("callinfo begin", "calXinfo:43:x:y:384:connected:a:b:c", "callinfo end"), ABSENT, ABSENT, GARBLED),
        (("callinfo begin", "callinfo:43", "callinfo end"), ABSENT, ABSENT, GARBLED),
        (ABSENT, ("cs: call[0] inactive",), IDLE_STATUS, ABSENT),
        (TIMEOUT, ("cs: call[0] inactive",), IDLE_STATUS, TIMEOUT),
        (IDLE_INFO, TIMEOUT, IDLE_STATUS, TIMEOUT),
        (IDLE_INFO, ("cs: call[1] state[ringing]",), IDLE_STATUS, True),
        (IDLE_INFO, ABSENT, ("inacall online", "status end"), True),
        (IDLE_INFO, ABSENT, ("inacall onl", "status end"), GARBLED),
    ],
)
def test_poly_in_call(
    info: tuple[str, ...] | NoReading,
    state: tuple[str, ...] | NoReading,
    status: tuple[str, ...] | NoReading,
    in_call: Reading,
) -> None:
    assert poly.in_call({"callinfo all": info, "getcallstate": state, "status": status}) == in_call


def ready_poly() -> PolySession:
    session = PolySession(Login())
    session.receive(b"Hi, my name is : x\r\nModel: Group 500\r\nSNMP Enabled: True\r\n")
    session.output()
    session.receive(b"sleep registered\r\n")
    return session


def test_an_echo_is_no_acknowledgement() -> None:
    session = ready_poly()
    session.command("codec_wake")
    assert session.output() == b"wake\r"
    assert session.receive(b"wake\n\r") == []
    assert session.receive(b"wake\r\n") == [CommandDone("codec_wake", "wake")]


def test_an_invalid_command_is_echoed_and_then_refused() -> None:
    session = ready_poly()
    session.command("codec_wake")
    session.output()
    events = session.receive(b"wake\n\rerror: command not found\r\n")
    assert [type(event) for event in events] == [CommandFailed]


def test_sleep_is_known_from_notifications_only() -> None:
    session = ready_poly()
    session.receive(b"listen going to sleep\r\n")
    assert session.asleep is True
    session.receive(b"Control event: listen waking up\r\n")
    assert session.asleep is False


def test_nothing_is_asked_while_a_call_is_set_up() -> None:
    session = ready_poly()
    session.poll()
    assert session.output() == b"callinfo all\r"
    session.receive(b"notification:callstatus:incoming:34:A:192.168.1.101:ringing:384:0:videocall\r\n")
    session.receive(b"system is not in a call\r\n")
    assert session.output() == b""
    assert not session.busy


def test_a_poly_that_stops_answering_is_given_up() -> None:
    session = ready_poly()
    session.poll()
    session.silence()
    assert Silent() in session.silence()
