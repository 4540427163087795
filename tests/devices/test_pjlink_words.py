"""What projectors say otherwise than the specification has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.config.devices import DisplayConfig
from agent.core.facts import NoReading, Reading
from agent.devices.base import Login, Ready
from agent.devices.display.pjlink import PjlinkSession, facts_of
from agent.devices.setup import Setup
from agent.probes.controlled import display_probe
from sim.servers.pjlink import PjlinkConversation
from tests.sim.line import served


@pytest.mark.parametrize(
    ("word", "asked"),
    [
        ("1", "%1"), ("2", "%2"), ("Class 1", "%1"), ("Class 2", "%2"), ("class2", "%2"), ("Version1", "%1"),
        ("Version 2.0", "%2"), ("", "%1"), ("Class", "%1"), ("ERR2", "%1"), ("ERR1", "%1"), ("3", "%1"), ("12", "%1"),
    ],
)  # fmt: skip
def test_the_class_is_the_first_digit(word: str, asked: str) -> None:
    """Class 2 tells whether a picture arrives, and names more inputs. An error has a digit of its own."""
    talk = PjlinkSession(Setup(Login(), input="digital1"))
    talk.receive(b"PJLINK 0\r")
    assert talk.receive(f"%1CLSS={word}\r".encode()) == [Ready()]
    talk.output()
    talk.command("display_input")
    assert talk.output().decode().startswith(f"{asked}INPT 31")


@pytest.mark.parametrize(
    ("word", "blanked"),
    [
        ("10", False), ("11", True), ("20", False), ("21", False), ("30", False), ("31", True),
        ("00", NoReading("garbled")), ("1", NoReading("garbled")), ("32", NoReading("garbled")),
    ],
)  # fmt: skip
def test_a_mute_of_one_half_tells_of_the_picture(word: str, blanked: Reading) -> None:
    assert facts_of({"AVMT": word}, "")["display.picture_muted"] == blanked


@pytest.mark.parametrize("word", ["Class ", "Version"])
def test_the_simulated_optoma_and_benq(tmp_path: Path, word: str) -> None:
    with served(tmp_path, lambda room, clock: PjlinkConversation(room, clock, class_word=word)) as (room, uri, _):
        room.display.on = True
        probe = display_probe(DisplayConfig("pjlink", uri, input="digital1"))
        assert isinstance(probe.observe()["display.signal"], bool), "asked of class 2 alone"
        probe.close()
