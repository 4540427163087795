"""Projectors and panels that speak PJLink, class 1 or 2: TCP 4352, lines that end with CR.

Source: device facts, "Displays and cameras"; JBMIA, PJLink specifications 2.10 (class 2), chapters 4 and 5. On
connection the projector says `PJLINK 0`, or `PJLINK 1 TOKEN`: then the first command carries md5(TOKEN + password)
before it, and `PJLINK ERRA` refuses it. `ERR1`: no such command; `ERR2`: no such parameter; `ERR3`: not now (standby,
warming, cooling); `ERR4`: the projector has failed. Answers repeat the command; letters of either case are equal. What
projectors say otherwise is in OpenLP's `pjlinkcommands`: a class in words (`Class 1`, Optoma; `Version1`, BenQ), and
`AVMT` of one half alone (`10`, `11`: the picture; `20`, `21`: the sound).

Many projectors serve one client at a time and hang up after 30 s without a command: every look has a connection of its
own, so that a teacher's remote program finds the projector free.

A projector has a lamp that must cool: what speaks PJLink is never cut by a relay (`DisplayConfig.never_cut`).
"""

from __future__ import annotations

import enum
import hashlib
import re
from collections.abc import Mapping, Sequence

from agent.core.facts import SLOW, NoReading, Reading
from agent.devices.about import About, Tested
from agent.devices.base import Event, LoginNeeded, LoginRefused, ProtocolError, Ready, Session, Silent, is_heard, number
from agent.devices.inquiry import Query, QuerySession
from agent.devices.lines import LineBuffer
from agent.devices.setup import Setup

FAMILY = "pjlink"
PORT = 4352
BAUDS: tuple[int, ...] = ()
SCHEMES = ("tcp",)
KEEPS_LINE = False
KEYS = (
    "display.api",
    "display.power",
    "display.input",
    "display.input_right",
    "display.picture_muted",
    "display.signal",
    "display.fault",
    "display.lamp_h",
    "display.model",
)
REMEDIES = frozenset({"display_on", "display_input"})
ABOUT = About(
    "projectors and panels that speak PJLink, class 1 or 2 (Epson, Panasonic, Sony, NEC, Hitachi, BenQ)",
    (Tested("TCP 4352", "PyPI aiopjlink judges our simulator; recordings", "tests/sim/test_pjlink.py"),),
    unseen="every projector: what it answers in standby differs from maker to maker",
)

INPUTS = "rgb1, video1, digital1 (HDMI), storage1, network1, internal1; also with 2 to 9"
INPUT_KINDS = {"1": "rgb", "2": "video", "3": "digital", "4": "storage", "5": "network", "6": "internal"}
"""First character of an input; the second is its number, 1 to 9 and in class 2 also A to Z."""

POWERS = {"0": "off", "1": "on", "2": "cooling", "3": "warming"}
PARTS = ("fan", "lamp", "temperature", "cover", "filter", "other")
"""What the six digits of `ERST` speak of: 0 fine, 1 a warning, 2 an error."""
REASONS = {"ERR1": "absent", "ERR2": "refused", "ERR3": "refused", "ERR4": "failed"}
BLANKED = {"10": False, "11": True, "20": False, "21": False, "30": False, "31": True}
"""What `AVMT` says of the picture: first digit the half it speaks of (1 picture, 2 sound, 3 both), second its mute."""
TAKEN = "OK"
NOT_NOW = NoReading("absent")
"""What `ERR3` to a question means: in standby there is no such quantity."""

GREETING = re.compile(r"^PJLINK (?:0|1 (?P<token>[0-9A-Za-z]{1,32}))$", re.IGNORECASE)
NO_ENTRY = "ERRA"
REFUSED = f"PJLINK {NO_ENTRY}"
"""OpenLP's `pjlinkcommands` also takes the word alone, as the value of an answer, for a refused password."""
ANSWER = re.compile(r"^%[12](?P<command>[0-9A-Z]{4})=(?P<value>.*)$", re.IGNORECASE)
DECIDED_BY: Mapping[str, tuple[str, ...]] = {
    "display.power": ("POWR",),
    "display.input": ("INPT",),
    "display.input_right": ("POWR", "INPT"),
    "display.picture_muted": ("AVMT",),
    "display.signal": ("IRES",),
    "display.lamp_h": ("LAMP",),
    "display.model": ("INF1", "INF2"),
}
"""Which commands decide a fact. Any of them may say that the projector has failed."""
LINE_MAX = 256
"""The longest answer is 136 bytes."""


class Phase(enum.Enum):
    """How far the conversation has come."""

    GREETING = "waits for the projector's first line"
    LOGIN = "has sent the first command, with the password's digest if one is wanted"
    READY = "asks and orders"
    OVER = "says nothing more"


def input_code(word: str) -> str:
    """`digital1` as it stands on the wire, `31`; empty when there is no such input."""
    kind, place = word[:-1].lower(), word[-1:].upper()
    first = next((code for code, name in INPUT_KINDS.items() if name == kind), "")
    return first + place if first and place and place in "123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ" else ""


def session(setup: Setup, nonce: str = "") -> Session:  # noqa: ARG001 - this tongue has no place for a nonce
    """A fresh conversation."""
    return PjlinkSession(setup)


class PjlinkSession(QuerySession[str]):
    """See the module."""

    patience_s = 4.0
    """A projector that is starting takes its time [M]; the specification asks for an answer within 2 s."""
    silences_max = 1
    decided_by = DECIDED_BY

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup.login)
        self._phase = Phase.GREETING
        self._wanted = setup.input
        self._class = "1"
        self._lines = LineBuffer(LINE_MAX)

    @property
    def buffered(self) -> int:
        """Bytes kept of what arrived."""
        return len(self._lines)

    def open(self) -> None:
        """The projector speaks first."""

    def receive(self, data: bytes) -> list[Event]:
        """Take what arrived."""
        overruns = self._lines.overruns
        events: list[Event] = []
        for line in self._lines.feed(data.replace(b"\r", b"\n")):
            if line.strip():
                events += self._line(line.strip())
        if self._lines.overruns > overruns:
            events.append(ProtocolError("line too long"))
        return events

    def silence(self) -> list[Event]:
        """Nothing arrived."""
        login_over = [] if self._phase is Phase.READY else [*self._abandon("timeout"), Silent()]
        events = login_over or self._query_silence()
        if not self.ready:
            self._phase = Phase.OVER
        return events

    # -- what it says

    def _line(self, line: str) -> list[Event]:
        if self._phase is Phase.OVER:
            return []
        if line.upper() == REFUSED:
            self._phase = Phase.OVER
            return [*self._abandon("denied"), LoginRefused()]
        if self._phase is Phase.GREETING:
            return self._greeted(line)
        match = ANSWER.match(line)
        if match is None:
            return [ProtocolError("no PJLink answer")]
        command, value = match["command"].upper(), match["value"].strip()
        if value.upper() == NO_ENTRY:
            self._phase = Phase.OVER
            return [*self._abandon("denied"), LoginRefused()]
        if self._phase is Phase.LOGIN:
            return self._logged_in(command, value)
        if self._asked is None or self._asked.key != command:
            return [ProtocolError(f"an answer to {command}, which was not asked")]
        if self._asked.remedy and value.upper() not in (TAKEN, *REASONS):
            return [ProtocolError("an answer to an earlier question")]
        reason = REASONS.get(value.upper())
        if value.upper() == "ERR3" and not self._asked.remedy:
            return self._answered(NOT_NOW, value)
        return self._answered(NoReading(reason) if reason else value, value)

    def _greeted(self, line: str) -> list[Event]:
        match = GREETING.match(line)
        if match is None:
            return [ProtocolError("no PJLink greeting")]
        digest = ""
        if match["token"] is not None:
            if not self.login.password:
                self._phase = Phase.OVER
                return [LoginNeeded()]
            salted = (match["token"] + self.login.password).encode()
            digest = hashlib.md5(salted, usedforsecurity=False).hexdigest()
        self._phase = Phase.LOGIN
        self._send(f"{digest}%1CLSS ?\r".encode())
        return []

    def _logged_in(self, command: str, value: str) -> list[Event]:
        if command != "CLSS":
            return [ProtocolError(f"an answer to {command}, which was not asked")]
        digits = re.findall(r"[0-9]", "" if value.upper() in REASONS else value)
        self._class = "2" if digits[:1] == ["2"] else "1"
        self._phase = Phase.READY
        self.ready = True
        return [Ready()]

    # -- what it is asked

    def _queries(self) -> Sequence[Query]:
        texts = ["%1POWR ?", f"%{self._class}INPT ?", "%1AVMT ?", "%1ERST ?", "%1LAMP ?", "%1INF1 ?", "%1INF2 ?"]
        if self._class == "2":
            texts.append("%2IRES ?")
        return [Query(text[2:6], text) for text in texts]

    def _orders(self, remedy: str) -> Sequence[Query]:
        if remedy == "display_on":
            # Somebody may have blanked it instead of switching it off.
            return [Query("POWR", "%1POWR 1", remedy), Query("AVMT", "%1AVMT 30", remedy, also=True)]
        if remedy == "display_input" and (code := input_code(self._wanted)):
            return [Query("INPT", f"%{self._class}INPT {code}", remedy)]
        return []

    def _render(self, query: Query) -> bytes:
        return query.text.encode() + b"\r"

    def _facts(self, answers: Mapping[str, str | NoReading]) -> Mapping[str, Reading]:
        return facts_of(answers, self._wanted)


def facts_of(answers: Mapping[str, str | NoReading], wanted: str) -> dict[str, Reading]:
    """The facts of one poll, by the command's four letters; `wanted` is the input it has to show, or empty."""

    def read(command: str) -> str | NoReading:
        return answers.get(command, NoReading("absent"))

    power, shown = _word(read("POWR"), POWERS), _input(read("INPT"))
    right = power == "on" and wanted and not isinstance(shown, NoReading)
    return {
        "display.api": _answers(answers),
        "display.power": power,
        "display.input": shown,
        "display.input_right": shown == wanted.lower() if right else _why(shown, power),
        "display.picture_muted": _word(read("AVMT"), BLANKED),
        "display.signal": _signal(read("IRES")),
        "display.fault": _fault(answers),
        "display.lamp_h": _lamp(read("LAMP")),
        "display.model": _model(read("INF1"), read("INF2")),
    }


def _answers(answers: Mapping[str, str | NoReading]) -> Reading:
    """It answers properly also when it says that it cannot."""
    power = answers.get("POWR", NoReading("absent"))
    return is_heard(answers) if isinstance(power, NoReading) or power in POWERS else NoReading("garbled")


def _word(answer: str | NoReading, words: Mapping[str, str] | Mapping[str, bool]) -> Reading:
    return answer if isinstance(answer, NoReading) else words.get(answer, NoReading("garbled"))


def _input(answer: str | NoReading) -> Reading:
    if isinstance(answer, NoReading):
        return answer
    if not re.fullmatch(r"[1-6][1-9A-Za-z]", answer):
        return NoReading("garbled")
    return INPUT_KINDS[answer[0]] + answer[1].lower()


def _why(*readings: Reading) -> NoReading:
    return next((reading for reading in readings if isinstance(reading, NoReading)), NoReading("absent"))


def _signal(answer: str | NoReading) -> Reading:
    """`1920x1080`; `-`: no signal; `*`: it cannot tell."""
    if isinstance(answer, NoReading):
        return answer
    if answer in ("-", "*"):
        return False if answer == "-" else NoReading("absent")
    return True if re.fullmatch(r"\d{2,5}[xX]\d{2,5}", answer) else NoReading("garbled")


def _fault(answers: Mapping[str, str | NoReading]) -> Reading:
    if any(answer == NoReading("failed") for answer in answers.values()):
        return "failure"
    answer = answers.get("ERST", NoReading("absent"))
    if isinstance(answer, NoReading):
        return answer
    if not re.fullmatch(r"[0-2]{6}", answer):
        return NoReading("garbled")
    words = {"1": "warning", "2": "error"}
    return ", ".join(f"{part} {words[d]}" for part, d in zip(PARTS, answer, strict=True) if d in words) or "none"


def _lamp(answer: str | NoReading) -> Reading:
    """Hours and whether it burns, for each lamp: the oldest counts."""
    if isinstance(answer, NoReading):
        return answer
    if not re.fullmatch(r"\d{1,6} [01](?: \d{1,6} [01])*", answer):
        return NoReading("garbled")
    return max((hours for hours in map(number, answer.split()[::2]) if isinstance(hours, float)), default=0.0)


def _model(maker: str | NoReading, product: str | NoReading) -> Reading:
    unread = [said for said in (maker, product) if said in (SLOW, NoReading("timeout"))]
    words = [word for word in (maker, product) if isinstance(word, str) and word]
    return _why(*unread) if unread else " ".join(words)[:80] if words else _why(product, maker)
