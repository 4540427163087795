"""What displays do otherwise than their makers' papers: inputs of public drivers, and of reports to their makers.

Each source stands in docs/devices.md, "Quirks of the field".
"""

from __future__ import annotations

import pytest

from agent.config.devices import DisplayConfig
from agent.core.facts import NoReading, Reading
from agent.devices.base import CommandFailed, Event, Facts, Login, LoginRefused, Ready, Silent
from agent.devices.display import cec, lg_serial, samsung_mdc
from agent.devices.display.cec import CecSession
from agent.devices.display.lg_serial import LgSession
from agent.devices.display.pjlink import PjlinkSession
from agent.devices.display.samsung_mdc import MdcSession
from agent.devices.setup import Setup
from agent.probes.controlled import display_probe

ABSENT = NoReading("absent")


def told(events: list[Event]) -> dict[str, Reading]:
    return {key: reading for event in events if isinstance(event, Facts) for key, reading in event.readings.items()}


def projector(greeting: str = "PJLINK 0\r", password: str = "") -> PjlinkSession:
    session = PjlinkSession(Setup(Login("", password)))
    session.open()
    session.receive(greeting.encode())
    session.output()
    return session


# -- PJLink


def test_a_projector_may_answer_in_small_letters_and_after_empty_lines() -> None:
    session = projector("pjlink 0\r\n\r\n")
    assert session.receive(b"\r\r%1clss=1\r") == [Ready()]
    session.poll()
    session.output()
    assert session.receive(b"\r%1powr=0\r") == []
    assert session.question == "INPT", "the power was taken"


@pytest.mark.parametrize("word", ["ERR1", "ERR3", "ERR4"])
def test_a_first_question_that_is_not_liked_still_proves_the_password(word: str) -> None:
    assert projector("PJLINK 1 498e4a67\r", "pw").receive(f"%1CLSS={word}\r".encode()) == [Ready()]


@pytest.mark.parametrize("line", ["PJLINK ERRA", "pjlink erra", "%1CLSS=ERRA", "%1clss=erra"])
def test_a_refused_password_in_every_dress(line: str) -> None:
    assert projector("PJLINK 1 498e4a67\r", "pw").receive(line.encode() + b"\r") == [LoginRefused()]


def test_one_that_locks_us_out_says_so_instead_of_greeting() -> None:
    assert projector("").receive(b"PJLINK ERRA\r") == [LoginRefused()]


def test_a_projector_that_is_dumb_in_standby_after_its_power() -> None:
    """What was answered counts, and it lives; what was not is no word about the projector."""
    session = projector()
    session.receive(b"%1CLSS=1\r")
    session.poll()
    session.output()
    session.receive(b"%1POWR=0\r")
    session.output()
    events = session.silence()
    facts = told(events)
    assert (facts["display.api"], facts["display.power"]) == (True, "off")
    assert facts["display.input"] == NoReading("timeout")
    assert any(isinstance(event, Silent) for event in events)


def test_a_power_that_is_not_to_be_had_just_now_is_no_power() -> None:
    session = projector()
    session.receive(b"%1CLSS=1\r")
    session.poll()
    for name in ("POWR", "INPT", "AVMT", "ERST", "LAMP", "INF1"):
        session.output()
        session.receive(f"%1{name}=ERR3\r".encode())
    session.output()
    facts = told(session.receive(b"%1INF2=ERR3\r"))
    assert facts == dict.fromkeys(facts, ABSENT) | {"display.api": True}


def test_an_order_while_it_cools_is_refused_and_not_unknown() -> None:
    session = projector()
    session.receive(b"%1CLSS=1\r")
    session.command("display_on")
    session.output()
    assert session.receive(b"%1POWR=ERR3\r") == [CommandFailed("display_on", "refused", "ERR3")]


# -- Samsung MDC


def test_no_input_yet_is_not_the_wrong_one() -> None:
    facts = samsung_mdc.facts_of({"11": b"\1", "14": b"\0"}, "hdmi1")
    assert facts["display.input"] == facts["display.input_right"] == ABSENT


def test_an_error_status_of_the_field() -> None:
    """The bytes of museumsvictoria/nodel-recipes: its sensor of brightness is none, its temperature 0x36."""
    session = MdcSession(Setup())
    session.open()
    session.receive(bytes.fromhex("AA FF 01 03 41 11 01 56"))
    session.poll()
    for answer in ("AA FF 01 03 41 11 01 56", "AA FF 01 03 41 14 21 79", "AA FF 01 03 41 F9 00 3D",
                   "AA FF 01 08 41 0D 00 00 02 00 36 00 8E"):  # fmt: skip
        session.output()
        session.receive(bytes.fromhex(answer))
    session.output()
    facts = told(session.receive(bytes.fromhex("AA FF 01 03 4E 8A 01 DC")))
    assert (facts["display.fault"], facts["display.temp_c"], facts["display.signal"]) == ("none", 54.0, True)
    assert facts["display.model"] == ABSENT, "turned down: not loaded, or not known to this model"


@pytest.mark.parametrize(("number", "answers_as"), [(0, 0), (254, 3), (255, 3), (255, 0)])
def test_a_display_called_by_nobodys_name_answers_by_its_own(number: int, answers_as: int) -> None:
    assert display_probe(DisplayConfig("samsung_mdc", "tcp://10.0.0.9", number=number)).name == "display"
    session = MdcSession(Setup(number=number))
    session.open()
    assert session.output()[2] == number
    frame = bytes((0xFF, answers_as, 3, 0x41, 0x11, 1))
    assert session.receive(b"\xaa" + frame + bytes((sum(frame) % 256,))) == [Ready()]


def test_an_answer_with_more_data_than_the_paper_has() -> None:
    """A QM55B-T adds a byte (vgavro/samsung-mdc#15): what is asked for stands first."""
    assert samsung_mdc.facts_of({"11": b"\1\x86", "14": b"\x21\0"}, "hdmi1")["display.input_right"] is True


# -- LG


def test_a_set_that_knows_three_digits_only_is_asked_with_three() -> None:
    session = LgSession(Setup(number=1))
    session.open()
    assert session.output() == b"ka 01 ff\r"
    assert session.silence() == []
    assert session.output() == b"ka 001 ff\r"
    assert session.receive(b"a 001 OK01x") == [Ready()]
    session.command("display_on")
    assert session.output() == b"ka 001 01\r"


def test_a_set_that_has_lost_the_first_question_is_asked_in_its_own_manner_again() -> None:
    session = LgSession(Setup(number=1))
    session.open()
    session.silence()
    session.output()
    assert session.silence() == []
    assert session.output() == b"ka 01 ff\r"
    assert session.receive(b"a 01 OK01x") == [Ready()]
    session.command("display_on")
    assert session.output() == b"ka 01 01\r"


@pytest.mark.parametrize("answer", [b"a 01 OK01x", b"a 001 OK01x", b"A  01 ok01X", b"\r\na 01 OK01x\r\n"])
def test_a_set_id_of_two_or_three_digits(answer: bytes) -> None:
    session = LgSession(Setup(number=1))
    session.open()
    assert session.receive(answer) == [Ready()]


def test_a_third_digit_makes_no_other_set_ours() -> None:
    session = LgSession(Setup(number=1))
    session.open()
    assert Ready() not in session.receive(b"a 101 OK01xa 011 OK01x")


@pytest.mark.parametrize(
    ("code", "name"),
    [(0x90, "hdmi1"), (0xA0, "hdmi1"), (0x92, "hdmi3"), (0xC2, "hdmi3"), (0xD2, "hdmi3"), (0x96, "hdmi3"),
     (0xC1, "displayport"), (0xD1, "displayport"), (0x98, "ops"), (0xA5, "ops"), (0xE0, "0xe0")],
)  # fmt: skip
def test_one_socket_has_other_codes_in_other_series(code: int, name: str) -> None:
    assert lg_serial.facts_of({"a": 1, "b": code}, "hdmi3")["display.input"] == name


def test_a_set_that_is_dumb_but_for_its_power_while_it_is_off() -> None:
    session = LgSession(Setup(number=1))
    session.open()
    session.receive(b"a 01 OK00x")
    session.poll()
    session.output()
    session.receive(b"a 01 OK00x")
    session.output()
    assert session.silence() == []
    session.output()
    facts = told(session.silence())
    assert (facts["display.api"], facts["display.power"], facts["display.input"]) == (True, "off", ABSENT)


# -- CEC


def screen() -> CecSession:
    session = CecSession(Setup(input="hdmi1"))
    session.open()
    session.output()
    return session


def test_a_television_that_answers_only_the_second_question() -> None:
    session = screen()
    assert session.silence() == []
    assert session.output() == b"40:8F\n"
    assert session.receive(b"04:90:01\n") == [Ready()]


def test_what_a_player_says_of_itself_is_not_the_televisions() -> None:
    session = screen()
    assert session.receive(b"4F:90:00\n4F:87:00:1A:11\n0F:87:00:E0:91\n45:7D\n") == []
    assert session.receive(b"04:90:01\n") == [Ready()]


def test_a_question_for_its_power_that_is_turned_down() -> None:
    session = screen()
    session.receive(b"04:90:00\n")
    session.poll()
    session.output()
    session.receive(b"04:00:8F:01\n")
    session.output()
    session.receive(b"04:47:54:56\n")
    session.output()
    facts = told(session.receive(b"4F:82:10:00\n"))
    assert (facts["display.api"], facts["display.power"]) == (True, ABSENT)


@pytest.mark.parametrize(
    ("name", "model"), [("54:56:00:00", "TV"), ("54:56:20:20", "TV"), ("00", ABSENT), ("1B:54:56", "TV")]
)
def test_a_name_is_cut_at_its_end_and_holds_nothing_that_disturbs_a_line(name: str, model: Reading) -> None:
    assert cec.facts_of({"90": "00", "47": name}, "")["display.model"] == model
