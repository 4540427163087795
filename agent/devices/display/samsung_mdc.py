"""Samsung's displays: Multiple Display Control (MDC), on TCP 1515 or a serial line.

Source: device facts, "Displays and cameras"; Samsung's MDC protocol 15.0, and PyPI `python-samsung-mdc`, which
follows it. A question is `AA CMD ID LEN DATA… SUM`, an answer `AA FF ID LEN 'A' CMD DATA… SUM` or `… 'N' CMD ERROR
SUM`; SUM is of all bytes but the first, modulo 256. ID is the display's own number, 0 on many; 0xFE means "whoever is
there", on some displays 0xFF does (the README of vgavro/samsung-mdc), and both are good for one display on a line.

A display set to *Secured Protocol* greets with `MDCSTART<<TLS>>` and wants a PIN inside TLS: it is told apart
("denied") and not served; switch it off in the menu, or take the serial line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent.core.facts import NoReading, Reading
from agent.devices.about import About, Tested
from agent.devices.base import Event, LoginNeeded, ProtocolError, Session, for_want_of, is_heard
from agent.devices.inquiry import Query
from agent.devices.proven import ProvenSession
from agent.devices.setup import Setup

FAMILY = "samsung_mdc"
PORT = 1515
BAUDS = (9600,)
KEEPS_LINE = False
HANGS_UP = frozenset({"display_on"})
"""As it wakes its network may start anew: clients of vgavro/samsung-mdc close after the order and wait, or take the
closed connection for its answer."""
KEYS = (
    "display.api",
    "display.power",
    "display.input",
    "display.input_right",
    "display.picture_muted",
    "display.signal",
    "display.fault",
    "display.temp_c",
    "display.model",
)
REMEDIES = frozenset({"display_on", "display_input"})
ABOUT = About(
    "Samsung professional displays (QB, QM, QE, DB, DM, LH series) and hotel televisions with MDC",
    (
        Tested("TCP 1515", "PyPI python-samsung-mdc judges our simulator; recordings", "tests/sim/test_mdc.py"),
        Tested("serial 9600", "PyPI python-samsung-mdc judges our simulator over a pty", "tests/sim/test_mdc.py"),
    ),
    unseen="every display: which commands it answers while it is off",
)

HEAD, ANSWERS = 0xAA, 0xFF
ACK, NAK = ord("A"), ord("N")
ANYBODY = frozenset({0xFE, 0xFF})
NUMBERS = range(256)
SHORTEST_BYTES = 7
"""An answer without data."""
FRAME_BYTES_MAX = 5 + 255
TLS = b"MDCSTART<<TLS>>"

POWER, INPUT, PANEL, ERRORS, MODEL = "11", "14", "F9", "0D", "8A"
DECIDED_BY: Mapping[str, tuple[str, ...]] = {
    "display.power": (POWER,),
    **dict.fromkeys(("display.input", "display.input_right"), (POWER, INPUT)),
    "display.picture_muted": (PANEL,),
    "display.signal": (POWER, ERRORS),
    **dict.fromkeys(("display.fault", "display.temp_c"), (ERRORS,)),
    "display.model": (MODEL,),
}
"""Which commands decide a fact."""
POWERS = {0: "off", 1: "on", 2: "warming"}
INPUT_CODES = {
    "hdmi1": (0x21, 0x22), "hdmi2": (0x23, 0x24), "hdmi3": (0x31, 0x32), "hdmi4": (0x33, 0x34),
    "displayport1": (0x25,), "displayport2": (0x26,), "displayport3": (0x27,), "dvi": (0x18, 0x1F), "vga": (0x14,),
    "component": (0x08,), "av": (0x0C,), "tv": (0x40, 0x30), "hdbaset": (0x55,), "magicinfo": (0x20, 0x60),
    "screen_mirroring": (0x61,), "usb": (0x62,),
}  # fmt: skip
"""By name: the code that chooses it, then those by which the display also names it (an HDMI fed by a computer)."""
INPUTS = ", ".join(INPUT_CODES)
NO_INPUT = 0x00
"""`NONE` of vgavro/samsung-mdc: none is chosen, as while it starts. None is then the wrong one."""
COMPLAINTS = ((0, "lamp"), (1, "temperature"), (2, "brightness sensor"), (5, "fan"))
"""Places in the answer to ERRORS where 1 is an error."""
SIGNALS: dict[int, Reading] = {0: True, 1: False, 2: NoReading("absent")}
"""Place 3: no synchronisation is an error, and an application has no signal at all."""


def input_code(word: str) -> str:
    """The byte that chooses an input, in hexadecimal; empty when there is no such input."""
    codes = INPUT_CODES.get(word.lower())
    return f"{codes[0]:02X}" if codes else ""


def framed(payload: bytes, number: int) -> bytes:
    """A question: its first byte is the command, the rest its data."""
    body = bytes((payload[0], number, len(payload) - 1)) + payload[1:]
    return bytes((HEAD,)) + body + bytes((sum(body) % 256,))


@dataclass(frozen=True, slots=True)
class Answer:
    """A good frame from a display."""

    number: int
    ack: bool
    command: str
    data: bytes


class Frames:
    """Finds good answers in a stream, whatever stands between them; bounded."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def __len__(self) -> int:
        return len(self._buffer)

    def greets_with_tls(self) -> bool:
        """Whether what arrived so far holds the greeting of a secured display."""
        return TLS in self._buffer

    def clear(self) -> None:
        """Forget an unfinished frame."""
        self._buffer.clear()

    def feed(self, data: bytes) -> list[Answer]:
        """The answers that are complete now."""
        self._buffer += data
        found: list[Answer] = []
        at = 0
        while at + SHORTEST_BYTES <= len(self._buffer):
            answer = _answer_at(self._buffer, at)
            if answer is None:
                at += 1
                continue
            found.append(answer)
            del self._buffer[: at + SHORTEST_BYTES + len(answer.data)]
            at = 0
        # What is unfinished begins at most one frame before the end.
        del self._buffer[:-FRAME_BYTES_MAX]
        return found


def _answer_at(buffer: bytearray, at: int) -> Answer | None:
    """The whole, good frame that begins there."""
    if buffer[at] != HEAD or buffer[at + 1] != ANSWERS or buffer[at + 3] < 2:
        return None
    end = at + 4 + buffer[at + 3]
    if end >= len(buffer) or sum(buffer[at + 1 : end]) % 256 != buffer[end] or buffer[at + 4] not in (ACK, NAK):
        return None
    return Answer(buffer[at + 2], buffer[at + 4] == ACK, f"{buffer[at + 5]:02X}", bytes(buffer[at + 6 : end]))


def session(setup: Setup, nonce: str = "") -> Session:  # noqa: ARG001 - this tongue has no place for a nonce
    """A fresh conversation."""
    return MdcSession(setup)


class MdcSession(ProvenSession[bytes]):
    """See the module."""

    decided_by = DECIDED_BY

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup.login)
        self._number = setup.number
        self._wanted = setup.input.lower()
        self._frames = Frames()

    @property
    def buffered(self) -> int:
        """Bytes kept of what arrived."""
        return len(self._frames)

    def _forget(self) -> None:
        self._frames.clear()

    def receive(self, data: bytes) -> list[Event]:
        """Take what arrived."""
        events: list[Event] = []
        for answer in self._frames.feed(data):
            events += self._frame(answer)
        if not self.ready and not self._over and self._frames.greets_with_tls():
            self._over = True
            events += [*self._abandon("denied"), LoginNeeded()]
        return events

    def _frame(self, answer: Answer) -> list[Event]:
        if self._number not in ANYBODY | {answer.number}:
            return [ProtocolError(f"an answer from display {answer.number} instead of {self._number}")]
        asked = self._asked
        if asked is not None and asked.remedy and answer.ack and answer.data != bytes.fromhex(asked.text)[1:]:
            return [ProtocolError("an answer to an earlier question")]
        text = answer.data.hex(" ")
        if answer.ack:
            return self._heard(answer.command, answer.data, text)
        return self._heard(answer.command, NoReading("refused" if asked and asked.remedy else "absent"), text)

    # -- what it is asked

    def _queries(self) -> Sequence[Query]:
        return [Query(command, command) for command in (POWER, INPUT, PANEL, ERRORS, MODEL)]

    def _orders(self, remedy: str) -> Sequence[Query]:
        if remedy == "display_on":
            # Somebody may have put only the panel to sleep.
            return [Query(POWER, f"{POWER} 01", remedy), Query(PANEL, f"{PANEL} 00", remedy, also=True)]
        if remedy == "display_input" and (code := input_code(self._wanted)):
            return [Query(INPUT, f"{INPUT} {code}", remedy)]
        return []

    def _render(self, query: Query) -> bytes:
        return framed(bytes.fromhex(query.text), self._number)

    def _facts(self, answers: Mapping[str, bytes | NoReading]) -> Mapping[str, Reading]:
        return facts_of(answers, self._wanted)


def facts_of(answers: Mapping[str, bytes | NoReading], wanted: str) -> dict[str, Reading]:
    """The facts of one poll; `wanted` is the input it has to show, or empty."""

    def read(command: str, size: int = 1) -> bytes | NoReading:
        answer = answers.get(command, NoReading("absent"))
        return answer if isinstance(answer, NoReading) or len(answer) >= size else NoReading("garbled")

    power = _power(read(POWER))
    on = power == "on"
    shown = _input(read(INPUT)) if on else for_want_of(power)
    panel, errors = read(PANEL), read(ERRORS, 6)
    return {
        "display.api": is_heard(answers),
        "display.power": power,
        "display.input": shown,
        "display.input_right": shown == wanted if wanted and isinstance(shown, str) else for_want_of(shown),
        "display.picture_muted": panel if isinstance(panel, NoReading) else panel[0] == 1,
        "display.signal": _place(errors, 3, SIGNALS) if on else for_want_of(power),
        "display.fault": _complaints(errors),
        "display.temp_c": errors if isinstance(errors, NoReading) else float(errors[4]),
        "display.model": _text(read(MODEL)),
    }


def _power(answer: bytes | NoReading) -> Reading:
    return answer if isinstance(answer, NoReading) else POWERS.get(answer[0], NoReading("garbled"))


def _input(answer: bytes | NoReading) -> Reading:
    if isinstance(answer, NoReading):
        return answer
    if answer[0] == NO_INPUT:
        return NoReading("absent")
    name = next((name for name, codes in INPUT_CODES.items() if answer[0] in codes), "")
    return name or f"0x{answer[0]:02x}"


def _place(answer: bytes | NoReading, place: int, words: Mapping[int, Reading]) -> Reading:
    return answer if isinstance(answer, NoReading) else words.get(answer[place], NoReading("garbled"))


def _complaints(errors: bytes | NoReading) -> Reading:
    if isinstance(errors, NoReading):
        return errors
    return ", ".join(f"{part} error" for place, part in COMPLAINTS if errors[place] == 1) or "none"


def _text(answer: bytes | NoReading) -> Reading:
    if isinstance(answer, NoReading):
        return answer
    return answer.split(b"\0")[0].decode("ascii", "replace").strip()[:80] or NoReading("absent")
