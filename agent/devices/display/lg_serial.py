"""LG's displays and hotel televisions: two letters, the set id and a value, on a serial line or the same over TCP 9761.

Source: device facts, "Displays and cameras": 9600 8N1, `ka 01 01` CR is answered by `a 01 OK01x`: the command's second
letter, the set id, OK or NG, the value, and an `x`. FF asks. From LG's manuals of the LS and UH series [M]: the codes
of `xb`, `kd`, `dn`, `dp` and `dw`, and the port. Spaces, letter case and what stands around an answer are tolerated;
more or fewer than two digits of a value are not, since nothing else protects it. Set id 0 speaks to all sets, and none
answers. The set id has two digits, or three on newer sets (museumsvictoria/nodel-recipes, "LG monitor": `001`, and
"sometimes this is 01"): a set that is dumb upon two is asked with three. Over TCP a set may hang up after an answer
(PlaceOS/drivers, `ls5.cr`): then the next question has a connection of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from agent.core.facts import NoReading, Reading
from agent.devices.about import About, Tested
from agent.devices.base import Event, ProtocolError, Session, for_want_of, is_heard
from agent.devices.inquiry import Query
from agent.devices.proven import ProvenSession
from agent.devices.setup import Setup

FAMILY = "lg_serial"
PORT = 9761
BAUDS = (9600,)
KEEPS_LINE = False
NUMBERS = range(1, 100)
KEYS = (
    "display.api",
    "display.power",
    "display.input",
    "display.input_right",
    "display.picture_muted",
    "display.fault",
    "display.temp_c",
)
REMEDIES = frozenset({"display_on", "display_input"})
ABOUT = About(
    "LG professional displays and hotel televisions with a serial port (set id, RS-232C)",
    (
        Tested(
            "serial 9600",
            "PyPI lgtv-rs232-zcline91 judges our simulator over a pty; recordings",
            "tests/sim/test_public_clients.py",
        ),
        Tested("TCP 9761", "our simulator; recordings", "tests/sim/test_lg.py"),
    ),
    unseen="every display: the TCP port, the codes of its inputs, what it answers while it is off",
)

POWER, INPUT, PANEL, TEMPERATURE, LAMP, FAN = "ka", "xb", "kd", "dn", "dp", "dw"
DECIDED_BY: Mapping[str, tuple[str, ...]] = {
    "display.power": (POWER[1],),
    **dict.fromkeys(("display.input", "display.input_right"), (POWER[1], INPUT[1])),
    "display.picture_muted": (POWER[1], PANEL[1]),
    "display.fault": (LAMP[1], FAN[1]),
    "display.temp_c": (TEMPERATURE[1],),
}
"""Which commands, by their second letter, decide a fact."""
POWERS = {0: "off", 1: "on"}
INPUT_CODES = {
    "hdmi1": (0x90, 0xA0), "hdmi2": (0x91, 0xA1), "hdmi3": (0x92, 0xA2, 0x96, 0xA6, 0xC2, 0xD2),
    "displayport": (0xC0, 0xD0, 0xC1, 0xD1), "ops": (0x98, 0xA8, 0x95, 0xA5),
    "dvi": (0x80, 0x70), "rgb": (0x60,), "component": (0x40,), "av": (0x20,), "tv": (0x00, 0x01, 0x10),
}  # fmt: skip
"""By name: the code that chooses it, then those by which the set also names it (the same socket fed by a computer, or
as other series number it: the list of museumsvictoria/nodel-recipes, "LG monitor")."""
INPUTS = ", ".join(INPUT_CODES)
BROKEN = 0
"""What `dp` and `dw` say of a lamp or fan that has failed; 1 is fine, 2 not fitted or off."""

ANSWER = re.compile(r"(?:^|[^0-9a-z])([a-z]) +([0-9a-f]{2,3}) +(OK|NG)([0-9a-f]*)$", re.IGNORECASE)
ANSWER_MAX = 64
END = b"x"


def input_code(word: str) -> str:
    """The byte that chooses an input, in hexadecimal; empty when there is no such input."""
    codes = INPUT_CODES.get(word.lower())
    return f"{codes[0]:02x}" if codes else ""


def session(setup: Setup, nonce: str = "") -> Session:  # noqa: ARG001 - this tongue has no place for a nonce
    """A fresh conversation."""
    return LgSession(setup)


class LgSession(ProvenSession[int]):
    """See the module."""

    gap_s = 0.1
    outlives_line = True
    first_tries = 3
    """With two digits, with three, and once more with two: the first may have been lost."""
    decided_by = DECIDED_BY

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup.login)
        self._number = setup.number
        self._wanted = setup.input.lower()
        self._rest = b""
        self._digits = 2
        """Of the set id in what we ask."""

    @property
    def buffered(self) -> int:
        """Bytes kept of what arrived."""
        return len(self._rest)

    def open(self) -> None:
        """Ask first; the second try is in the manner of newer sets."""
        self._digits = 3 if self._tries == 1 else 2
        super().open()

    def _forget(self) -> None:
        self._rest = b""

    def reopened(self) -> bool:
        """As in `Session`: nobody logs in, so a fresh line is as good as the old one."""
        self._forget()
        if self._asked is None or self.unsent:
            return True
        if not self._asked.remedy:
            self._send(self._render(self._asked))
        return self.unsent

    def receive(self, data: bytes) -> list[Event]:
        """Take what arrived."""
        # Its letter case is anybody's guess, and no hexadecimal digit is an X.
        *parts, rest = (self._rest + data).replace(b"X", END).split(END)
        self._rest = rest[-ANSWER_MAX:]
        return [event for part in parts for event in self._part(part[-ANSWER_MAX:].decode("ascii", "replace"))]

    def _part(self, text: str) -> list[Event]:
        match = ANSWER.search(text)
        if match is None:
            return [ProtocolError("no answer of an LG display")]
        letter, number, word, digits = match[1].lower(), int(match[2], 16), match[3].upper(), match[4]
        if number != self._number:
            return [ProtocolError(f"an answer from set {number} instead of {self._number}")]
        asked = self._asked
        is_order = asked is not None and bool(asked.remedy)
        if word == "NG":
            return self._heard(letter, NoReading("refused" if is_order else "absent"), text.strip())
        if len(digits) != 2:
            return self._heard(letter, NoReading("garbled"), text.strip())
        if asked is not None and is_order and digits.lower() != asked.text[-2:]:
            return [ProtocolError("an answer to an earlier question")]
        return self._heard(letter, int(digits, 16), text.strip())

    # -- what it is asked

    def _queries(self) -> Sequence[Query]:
        return [Query(name[1], f"{name} ff") for name in (POWER, INPUT, PANEL, TEMPERATURE, LAMP, FAN)]

    def _orders(self, remedy: str) -> Sequence[Query]:
        if remedy == "display_on":
            # Somebody may have blanked it instead of switching it off.
            return [Query(POWER[1], f"{POWER} 01", remedy), Query(PANEL[1], f"{PANEL} 00", remedy, also=True)]
        if remedy == "display_input" and (code := input_code(self._wanted)):
            return [Query(INPUT[1], f"{INPUT} {code}", remedy)]
        return []

    def _render(self, query: Query) -> bytes:
        name, value = query.text.split()
        return f"{name} {self._number:0{self._digits}x} {value}\r".encode()

    def _facts(self, answers: Mapping[str, int | NoReading]) -> Mapping[str, Reading]:
        return facts_of(answers, self._wanted)


def facts_of(answers: Mapping[str, int | NoReading], wanted: str) -> dict[str, Reading]:
    """The facts of one poll, by each command's second letter; `wanted` is the input it has to show, or empty."""

    def read(name: str) -> int | NoReading:
        return answers.get(name[1], NoReading("absent"))

    power = _word(read(POWER), POWERS)
    on = power == "on"
    shown = _input(read(INPUT)) if on else for_want_of(power)
    temperature = read(TEMPERATURE)
    return {
        "display.api": is_heard(answers),
        "display.power": power,
        "display.input": shown,
        "display.input_right": shown == wanted if wanted and isinstance(shown, str) else for_want_of(shown),
        "display.picture_muted": _word(read(PANEL), {0: False, 1: True}) if on else for_want_of(power),
        "display.fault": _complaints(read(LAMP), read(FAN)),
        "display.temp_c": temperature if isinstance(temperature, NoReading) else float(temperature),
    }


def _word(answer: int | NoReading, words: Mapping[int, str] | Mapping[int, bool]) -> Reading:
    return answer if isinstance(answer, NoReading) else words.get(answer, NoReading("garbled"))


def _input(answer: int | NoReading) -> Reading:
    if isinstance(answer, NoReading):
        return answer
    return next((name for name, codes in INPUT_CODES.items() if answer in codes), f"0x{answer:02x}")


def _complaints(lamp: int | NoReading, fan: int | NoReading) -> Reading:
    """Of what it can tell; nothing when it can tell neither. While one is unread only the other's error is known."""
    broken = ", ".join(f"{part} error" for part, said in (("lamp", lamp), ("fan", fan)) if said == BROKEN)
    silent = [said for said in (lamp, fan) if isinstance(said, NoReading)]
    unread = [said for said in silent if said.reason not in ("absent", "refused")]
    return broken or next(iter(unread), silent[0] if len(silent) > 1 else "none")
