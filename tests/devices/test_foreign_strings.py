"""What devices have said to others: dumps and consoles that were published, read by our code: `tests.devices.kit`."""

from __future__ import annotations

import re

import pytest

from agent.core.exchange import HttpReply
from agent.core.facts import NoReading, Reading
from agent.devices.base import Facts, Login
from agent.devices.network import switch_port
from agent.devices.network.switch_port import Port
from agent.devices.power._outlets import OutletState, WebOutlet
from agent.devices.power.nut import Nut
from agent.devices.power.shelly import Shelly
from agent.devices.power.tasmota import Tasmota
from agent.devices.snmp import Value
from tests.devices.kit import OF_FOREIGN_STRINGS, RECORDINGS, Recording, by_name, load

OUTLETS: dict[str, type[Shelly | Tasmota]] = {"shelly": Shelly, "tasmota": Tasmota}


def told(*families: str) -> list[Recording]:
    return [load(path) for family in families for path in sorted(RECORDINGS.glob(f"{family}/*.txt"))]


def expected(recording: Recording) -> dict[str, Reading]:
    assert recording.expected, "it expects nothing"
    return recording.expected


def test_every_folder_of_foreign_strings_is_read_here() -> None:
    assert {"nut", "switch_port", *OUTLETS} == OF_FOREIGN_STRINGS


@pytest.mark.parametrize("recording", told("nut"), ids=by_name)
def test_a_ups_of_others(recording: Recording) -> None:
    device = Nut("ups", Login())
    device.request()
    (event,) = device.receive(recording.answers["LIST VAR ups"])
    assert isinstance(event, Facts)
    assert event.readings == expected(recording)


def replies(recording: Recording, outlet: WebOutlet, questions: tuple[str, ...]) -> tuple[HttpReply, ...]:
    return tuple(HttpReply(200, body=recording.answers.get(question, b"")) for question in questions)


@pytest.mark.parametrize("recording", told(*OUTLETS), ids=by_name)
def test_an_outlet_of_others(recording: Recording) -> None:
    outlet = OUTLETS[recording.family](recording.number)
    wanted = dict(expected(recording))
    if "refusal" in wanted:
        assert outlet.refusal(replies(recording, outlet, ("Backlog",))[0]) == wanted["refusal"]
        return
    look, rest = ("Power1", "Status 8"), ("PowerOnState", "PulseTime1")
    if recording.family == "shelly":
        look, rest = (f"GET {outlet.look()[0].target}",), (f"GET {outlet.rest()[0].target}",)  # type: ignore[assignment]
    assert outlet.rests(replies(recording, outlet, rest)).name == wanted.pop("rest")
    state = outlet.state(replies(recording, outlet, look))
    assert isinstance(state, OutletState)
    assert {name: getattr(state, name) for name in wanted} == {
        name: None if isinstance(value, NoReading) else value for name, value in wanted.items()
    }


@pytest.mark.parametrize("recording", told("switch_port"), ids=by_name)
def test_a_switch_of_others(recording: Recording) -> None:
    def value(text: bytes) -> Value:
        words = text.decode().strip()
        return int(words) if re.fullmatch(r"\d+", words) else words

    rows = {oid: value(text) for oid, text in recording.answers.items()}
    row = recording.wanted
    if not row.isdigit():
        for column in (switch_port.NAME, switch_port.DESCRIPTION):
            names = {oid: name for oid, name in rows.items() if oid.startswith(f"{column}.")}
            row = switch_port.index(recording.wanted, names)
            if row:
                break
    assert Port().facts(row, rows) == expected(recording)
