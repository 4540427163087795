"""What lay in the line before we asked is no answer to what we ask, though it may look like one."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from agent.core.facts import BUSY, NoReading
from agent.devices.base import IN_CALL, Facts, Login, Session, Silent
from agent.devices.codec import poly_cli, yealink_vc
from agent.ports import Asked
from agent.probes.families import load
from agent.probes.lines import Access, parse_line
from agent.probes.link import BUSY_LOOKS_MAX
from agent.probes.names import Resolver
from agent.probes.streamlink import StreamLink
from agent.probes.turns import cut_short

GREETING = b'version "model:VC800" "firmware:63.345.0.30"\r\n'
AWAKE = {
    "volume get": b"volume 5\r\n", "mute near get": b"mute near get off\r\n", "callinfo all": b"callinfo end\r\n",
}  # fmt: skip


class Wire:
    """A line with a device at its other end; `pending` is what it has said and nobody has read."""

    def __init__(self, answers: Mapping[str, bytes]) -> None:
        self.answers = dict(answers)
        self.pending = GREETING
        self.heard: list[str] = []

    def recv(self, timeout_s: float) -> bytes:
        data, self.pending = self.pending, b""
        return data

    def send(self, data: bytes, timeout_s: float) -> None:
        for text in data.decode().splitlines():
            self.heard.append(text)
            self.pending += self.answers.get(text, b"")

    def close(self) -> None:
        """As a stream."""


def linked(monkeypatch: pytest.MonkeyPatch, wire: Wire) -> StreamLink:
    family = load("yealink_vc")
    line = parse_line("tcp://192.0.2.1", family.port, family.bauds, family.schemes)
    link = StreamLink(family, line, Access(Login()), Resolver())
    monkeypatch.setattr(link, "_open", lambda *_: wire)
    return link


def test_what_a_codec_told_between_two_looks_is_not_whether_a_call_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """One call has ended and another begun since the last look: its first line is no denial of the second."""
    wire = Wire({**AWAKE, "sysstatus get": b"sysstatus get talking\r\n"})
    link = linked(monkeypatch, wire)
    assert link.observe(2)[IN_CALL] is True
    wire.pending = b"sysstatus idle\r\nsysstatus talking\r\n"
    assert link.attest(2)[IN_CALL] is True
    wire.pending = b"sysstatus get idle\r\n"
    assert link.attest(2)[IN_CALL] is True


def test_a_codec_that_slept_a_while_ago_has_its_button_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The button would put it to sleep in the midst of a call."""
    wire = Wire({**AWAKE, "sysstatus get": b"sysstatus get talking\r\n"})
    link = linked(monkeypatch, wire)
    link.observe(2)
    wire.pending = b"sysstatus sleeping\r\n"
    link.order("codec_wake", 2)
    link.observe(2)
    assert "button power" not in wire.heard


YEALINK_IDLE = b"sysstatus get idle\r\n"
POLY_IDLE = b"system is not in a call\r\n", b"cs: call[0] inactive\r\n", b"inacall offline\r\nstatus end\r\n"
POLY_GREETING = b"Hi, my name is : x\r\nModel: Group 500\r\nSNMP Enabled: True\r\n", b"sleep registered\r\n"


@pytest.mark.parametrize(
    ("session", "greeting", "answers"),
    [
        (yealink_vc.session(Login()), (GREETING,), (YEALINK_IDLE,)),
        (poly_cli.session(Login()), POLY_GREETING, POLY_IDLE),
    ],
    ids=["yealink_vc", "poly_cli"],
)
def test_a_question_that_has_not_left_has_no_answer(
    session: Session, greeting: tuple[bytes, ...], answers: tuple[bytes, ...]
) -> None:
    session.open()
    for line in greeting:
        session.receive(line)
        session.output()
    session.poll_call()
    events = [event for answer in answers for event in session.receive(answer)]
    assert events == []
    for answer in answers:
        assert session.output()
        events = session.receive(answer)
    assert events == [Facts({IN_CALL: False})]


def test_what_it_told_before_is_no_part_of_an_answer() -> None:
    session = poly_cli.session(Login())
    for line in POLY_GREETING:
        session.receive(line)
        session.output()
    session.poll_call()
    for answer in POLY_IDLE[:2]:
        session.output()
        session.receive(answer)
    session.receive(b"inacall offline\r\n")
    session.output()
    assert session.receive(b"inacall online\r\nstatus end\r\n") == [Facts({IN_CALL: True})]


def test_a_question_about_calls_that_stays_silent_ends_a_conversation_whose_answers_have_no_name() -> None:
    """Its answer may come behind the next question, and be of before a call."""
    session = yealink_vc.session(Login())
    session.receive(GREETING)
    session.poll_call()
    session.output()
    assert session.silence() == [Facts({IN_CALL: NoReading("timeout")}), Silent()]
    assert session.receive(YEALINK_IDLE) == []


def test_a_look_that_gave_way_says_nothing_of_a_codec_that_is_always_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else whoever is asked apart at every look would never count as one that hangs."""
    link = linked(monkeypatch, Wire(AWAKE))
    said = []
    for number in range(1, BUSY_LOOKS_MAX + 1):
        monkeypatch.setattr(link, "_swept", lambda _: cut_short())
        assert link.observe(2).cut_short
        monkeypatch.setattr(link, "_swept", lambda _: Asked({"codec.api": BUSY}))
        said.append(link.observe(2)["codec.api"])
        assert said[-1] == (BUSY if number < BUSY_LOOKS_MAX else False)


def test_of_all_that_was_asked_the_moment_of_the_last_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device names its conferences, and each name is a question."""
    link = linked(monkeypatch, Wire({**AWAKE, "sysstatus get": b"sysstatus get idle\r\n"}))
    link.observe(2)
    assert list(link._sent_s) == ["sysstatus get"]
