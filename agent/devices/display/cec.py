"""A television on the HDMI cable's control wire (CEC): the Pi's HDMI port is plugged into one of its sockets.

Source: HDMI 1.4, supplement 1 (CEC), tables of messages [M]. One message a line, bytes in hexadecimal: `40:8F` asks the
television (0) from us (4; `agent.transports.cec` puts our real address in) for its power, `04:90:01` answers. Many call
it Anynet+, SimpLink, Bravia Sync or EasyLink, and have it off in the menu; some say nothing in standby.

We speak to the kernel's /dev/cecN itself: `cec-ctl` would be one more package, and its words are made for people.

`display_on` is *Image View On*; `display_input` is *Active Source* in the name of the codec's socket. Neither has an
answer, so the television is asked for its power in the same breath: whoever answers has heard both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from agent.core.facts import NoReading, Reading
from agent.devices.about import About, Tested
from agent.devices.base import Event, ProtocolError, Session, for_want_of, is_heard
from agent.devices.inquiry import Query
from agent.devices.lines import LineBuffer
from agent.devices.proven import ProvenSession
from agent.devices.setup import Setup

FAMILY = "cec"
PORT = 0
BAUDS: tuple[int, ...] = ()
SCHEMES = ("cec",)
KEYS = ("display.api", "display.power", "display.input", "display.input_right", "display.model")
REMEDIES = frozenset({"display_on", "display_input"})
ABOUT = About(
    "televisions with HDMI-CEC (Anynet+, SimpLink, Bravia Sync, EasyLink), on the Pi's own HDMI port",
    (
        Tested(
            "HDMI, /dev/cec0", "recordings; the adapter by a stand-in of `linux/cec.h`", "tests/transports/test_cec.py"
        ),
    ),
    unseen="every television and the Pi's own adapter; whether an Active Source in the codec's name is believed",
)

INPUTS = "hdmi1 to hdmi9"
ASK_POWER, POWER = "40:8F", "90"
ASK_NAME, NAME = "40:46", "47"
ASK_SOURCE, SOURCE = "4F:85", "82"
ASKED_BY = {"8F": POWER, "46": NAME, "85": SOURCE}
"""Which answer a question that is turned down would have had."""
DECIDED_BY: Mapping[str, tuple[str, ...]] = {
    "display.power": (POWER,),
    **dict.fromkeys(("display.input", "display.input_right"), (POWER, SOURCE)),
    "display.model": (NAME,),
}
"""Which answers decide a fact."""
ABORT = "00"
POWERS = {"00": "on", "01": "off", "02": "warming", "03": "cooling"}
TELEVISION = "0"
MESSAGE = re.compile(r"^([0-9A-F])[0-9A-F]:([0-9A-F]{2})((?::[0-9A-F]{2}){0,14})$")
LINE_MAX = 64


def input_code(word: str) -> str:
    """The physical address of a socket, `10:00`; empty when there is no such input."""
    match = re.fullmatch(r"hdmi([1-9])", word.lower())
    return f"{match[1]}0:00" if match else ""


def session(setup: Setup, nonce: str = "") -> Session:  # noqa: ARG001 - this tongue has no place for a nonce
    """A fresh conversation."""
    return CecSession(setup)


class CecSession(ProvenSession[str]):
    """See the module."""

    decided_by = DECIDED_BY

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup.login)
        self._wanted = setup.input.lower()
        self._lines = LineBuffer(LINE_MAX)

    @property
    def buffered(self) -> int:
        """Bytes kept of what arrived."""
        return len(self._lines)

    def _forget(self) -> None:
        self._lines.clear()

    def receive(self, data: bytes) -> list[Event]:
        """Take what arrived."""
        overruns = self._lines.overruns
        events = [event for line in self._lines.feed(data) for event in self._message(line)]
        if self._lines.overruns > overruns:
            events.append(ProtocolError("line too long"))
        return events

    def _message(self, line: str) -> list[Event]:
        match = MESSAGE.match(line)
        if match is None:
            return [ProtocolError("no CEC message")] if line else []
        who, code, rest = match[1], match[2], match[3].removeprefix(":")
        if code == SOURCE:
            # Whoever shows a picture answers; at any other time it only tells.
            return self._heard(SOURCE, rest) if self._asked is not None and self._asked.key == SOURCE else []
        if who != TELEVISION:
            return []
        if code == ABORT:
            return self._heard(ASKED_BY.get(rest[:2], ""), NoReading("absent"), line)
        return self._heard(code, rest, line) if code in (POWER, NAME) else []

    # -- what it is asked

    def _queries(self) -> Sequence[Query]:
        return [Query(POWER, ASK_POWER), Query(NAME, ASK_NAME), Query(SOURCE, ASK_SOURCE)]

    def _orders(self, remedy: str) -> Sequence[Query]:
        if remedy == "display_on":
            return [Query(POWER, f"40:04\n{ASK_POWER}", remedy)]
        if remedy == "display_input" and (address := input_code(self._wanted)):
            return [Query(POWER, f"4F:82:{address}\n{ASK_POWER}", remedy)]
        return []

    def _render(self, query: Query) -> bytes:
        return query.text.encode() + b"\n"

    def _facts(self, answers: Mapping[str, str | NoReading]) -> Mapping[str, Reading]:
        return facts_of(answers, self._wanted)


def facts_of(answers: Mapping[str, str | NoReading], wanted: str) -> dict[str, Reading]:
    """The facts of one poll, by the answers' codes; `wanted` is the input it has to show, or empty."""
    said = answers.get(POWER, NoReading("absent"))
    power: Reading = said if isinstance(said, NoReading) else POWERS.get(said, NoReading("garbled"))
    shown = _socket(answers.get(SOURCE, NoReading("absent"))) if power == "on" else for_want_of(power)
    return {
        "display.api": is_heard(answers),
        "display.power": power,
        "display.input": shown,
        "display.input_right": shown == wanted if wanted and isinstance(shown, str) else for_want_of(shown),
        "display.model": _name(answers.get(NAME, NoReading("absent"))),
    }


def _socket(address: str | NoReading) -> Reading:
    """The television's socket on the way to whoever shows a picture; its own tuner is at 0.0.0.0.

    That nobody claims to show one is no fault: a source without CEC claims nothing.
    """
    if isinstance(address, NoReading):
        return NoReading("absent") if address.reason == "timeout" else address
    if not re.fullmatch(r"[0-9A-F]{2}:[0-9A-F]{2}", address):
        return NoReading("garbled")
    return "tv" if address[0] == "0" else f"hdmi{int(address[0], 16)}"


def _name(answer: str | NoReading) -> Reading:
    if isinstance(answer, NoReading):
        return answer
    text = bytes.fromhex(answer.replace(":", "")).split(b"\0")[0].decode("ascii", "replace")
    return "".join(letter for letter in text if letter.isprintable()).strip() or NoReading("absent")
