"""Yealink VC110 to VC880: their control protocol over TCP 6024 or USB serial, 115200 8N1.

Source: device facts, "Yealink VC", all of it second-hand: lines end CR LF, nobody logs in, words are case sensitive. A
greeting `version "model:…" "firmware:…" …` comes by itself on TCP. `sysstatus` is one of sleeping, idle, outgoing,
ringing, talking, finished, and also comes unasked, as `incoming "number" "name"` does. **There is no order to
restart**: the relay is the only lever.

Unverified: every answer's exact words. So a word that is not known is never "no call"; `callinfo all` is read in the
ways that a Poly answers it, whose commands these are; an order counts as taken when anything but an error answers it.
The power button may put an awake codec to sleep: it is pressed only upon its own fresh word that it sleeps.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from agent.core.facts import NoReading, Reading
from agent.devices.about import About, Tested
from agent.devices.base import (
    Event,
    LineBuffer,
    Login,
    ProtocolError,
    Query,
    QuerySession,
    Ready,
    Session,
    Silent,
    number,
)

FAMILY = "yealink_vc"
PORT = 6024
BAUDS = (115200,)
ABOUT = About(
    "Yealink VC110, VC120, VC200, VC400, VC500, VC800, VC880",
    (
        Tested("TCP 6024", "our simulator; recordings", "tests/sim/test_yealink.py"),
        Tested("serial 115200", "our simulator over a pty; recordings", "tests/sim/test_yealink.py"),
    ),
    unseen="every answer's exact words, which are second-hand; the answer to `button power`",
)
KEYS = (
    "codec.api", "codec.in_call", "codec.standby", "codec.mic_muted", "codec.volume_pct", "codec.model",
    "codec.software",
)  # fmt: skip
REMEDIES = frozenset({"codec_wake", "codec_volume_restore", "codec_unmute"})

VOLUME_MAX = 10
CALLING = frozenset({"outgoing", "ringing", "talking", "finished"})
"""`finished` is a call being torn down."""
RESTING: Mapping[str, Reading] = {"idle": False, "sleeping": True}
"""Without a call, and whether it sleeps."""
NOT_IN_CALL = "system is not in a call"
STATUS, CALLS, MUTE, VOLUME = "sysstatus get", "callinfo all", "mute near get", "volume get"
ANSWER_HEADS = {STATUS: "sysstatus ", MUTE: "mute near ", VOLUME: "volume ", "volume set": "volume "}
GREETING = re.compile(r'"(model|firmware):([^"]{1,100})"', re.IGNORECASE)
LINES_MAX = 50
Lines = tuple[str, ...]


def session(login: Login, nonce: str = "") -> Session:  # noqa: ARG001 - this tongue has no place for a nonce
    """A fresh conversation."""
    return YealinkSession(login)


class YealinkSession(QuerySession[Lines]):
    """See the module."""

    gap_s = 0.1
    patience_s = 2.0

    def __init__(self, login: Login) -> None:
        super().__init__(login)
        self._lines = LineBuffer()
        self._answer: list[str] = []
        self._about: dict[str, str] = {}
        self._call_seen = False
        self._nudges = 0
        self._over = False

    @property
    def buffered(self) -> int:
        """Bytes kept of what arrived."""
        return len(self._lines) + sum(map(len, self._answer))

    def open(self) -> None:
        """The greeting comes by itself on TCP; a serial line is silent."""

    def poll(self) -> None:
        """Ask for all facts."""
        self._call_seen = False
        super().poll()

    def receive(self, data: bytes) -> list[Event]:
        """Take what arrived."""
        if self._over:
            return []
        overruns = self._lines.overruns
        events = [event for line in self._lines.feed(data) if line.strip() for event in self._line(line.strip())]
        return events + [ProtocolError("line too long")] * (self._lines.overruns - overruns)

    def silence(self) -> list[Event]:
        """Nothing arrived: before the first word ask who is there; later give the question up."""
        if not self.ready:
            self._nudges += 1
            if self._nudges <= 2:
                # The first may be swallowed by half a line that someone typed before.
                self._send(STATUS.encode() + b"\r\n")
                return []
            self._over = True
            return [*self._abandon("timeout"), Silent()]
        self._answer.clear()
        events = self._query_silence()
        self._over = not self.ready
        return events

    # -- answers

    def _line(self, line: str) -> list[Event]:
        if line.startswith("version "):
            return self._greeted(line)
        if line.startswith(("incoming ", "callinfo:")) or _status(line) in CALLING:
            self._call_seen = True
        if not self.ready:
            # Half a line that was under way is no proof of who is there; an answer to our question is.
            return self._first_word() if _status(line) in (*CALLING, *RESTING) else []
        query = self._asked
        if query is None or (line == query.text and not query.remedy) or line.startswith("incoming "):
            return []
        if line.startswith("error"):
            self._answer.clear()
            return self._answered(NoReading("absent" if "not found" in line or "invalid" in line else "refused"), line)
        return self._answer_line(query, line)

    def _greeted(self, line: str) -> list[Event]:
        if self.ready and self._about:
            # A second greeting on one line: it has started anew, and knows nothing of what was asked.
            self._over = True
            return [*self._abandon("timeout"), Silent()]
        self._about |= {key.lower(): value for key, value in GREETING.findall(line)}
        return self._first_word()

    def _first_word(self) -> list[Event]:
        if self.ready:
            return []
        self.ready = True
        return [Ready()]

    def _answer_line(self, query: Query, line: str) -> list[Event]:
        head = ANSWER_HEADS.get(query.key, "")
        if query.key == CALLS:
            if not line.startswith("callinfo") and line != NOT_IN_CALL:
                return []  # unasked
            if len(self._answer) < LINES_MAX:
                self._answer.append(line)
            if line not in ("callinfo end", NOT_IN_CALL):
                return []
        elif not line.startswith(head):
            return []
        else:
            self._answer = [line]
        answer, self._answer = tuple(self._answer), []
        if query.remedy and query.key == STATUS and _status(line) == "sleeping":
            # The wake order's first step: it sleeps, so the button follows.
            return self._answered(NoReading("refused"), line)
        return self._answered(answer, line)

    # -- questions

    def _queries(self) -> Sequence[Query]:
        return [Query(text, text) for text in (VOLUME, STATUS, CALLS, MUTE)]

    def _orders(self, remedy: str) -> Sequence[Query]:
        if remedy == "codec_wake":
            return [Query(STATUS, STATUS, remedy), Query("button", "button power", remedy)]
        if remedy == "codec_volume_restore":
            steps = max(0, min(VOLUME_MAX, round(self.volume_pct * VOLUME_MAX / 100)))
            return [Query("volume set", f"volume set {steps}", remedy)]
        return [Query("mute near off", "mute near off", remedy)] if remedy == "codec_unmute" else []

    def _render(self, query: Query) -> bytes:
        self._answer.clear()
        return query.text.encode() + b"\r\n"

    def _facts(self, answers: Mapping[str, Lines | NoReading]) -> Mapping[str, Reading]:
        return facts_of(answers, self._call_seen, self._about)


def _status(line: str) -> str:
    """The state a line speaks of, empty when it speaks of none."""
    head, _, word = line.partition(" ")
    return word.strip().strip('"') if head == "sysstatus" else ""


def facts_of(answers: Mapping[str, Lines | NoReading], call_seen: bool, about: Mapping[str, str]) -> dict[str, Reading]:
    """Every fact of the family."""
    return {
        "codec.api": any(isinstance(answer, tuple) or answer.reason == "absent" for answer in answers.values()),
        "codec.in_call": True if call_seen else in_call(answers),
        "codec.standby": _standby(answers.get(STATUS, NoReading("timeout"))),
        "codec.mic_muted": _word(answers.get(MUTE, NoReading("timeout")), {"on": True, "off": False}),
        "codec.volume_pct": _volume(answers.get(VOLUME, NoReading("timeout"))),
        "codec.model": about.get("model") or NoReading("absent"),
        "codec.software": about.get("firmware") or NoReading("absent"),
    }


def _standby(status: Lines | NoReading) -> Reading:
    if isinstance(status, NoReading):
        return status
    word = _status(status[-1])
    return False if word in CALLING else RESTING.get(word, NoReading("garbled"))


def in_call(answers: Mapping[str, Lines | NoReading]) -> Reading:
    """True as soon as one witness says so. False only when `sysstatus` rests, and `callinfo` denies or is not known."""
    status = answers.get(STATUS, NoReading("timeout"))
    if not isinstance(status, NoReading) and _status(status[-1]) in CALLING:
        return True
    calls = answers.get(CALLS, NoReading("timeout"))
    if isinstance(calls, tuple) and any(line.startswith("callinfo:") for line in calls):
        return True
    if isinstance(status, NoReading):
        return status
    if _status(status[-1]) not in RESTING:
        return NoReading("garbled")
    if isinstance(calls, NoReading):
        return False if calls.reason == "absent" else calls
    denied = calls == (NOT_IN_CALL,) or calls == ("callinfo begin", "callinfo end")
    return False if denied else NoReading("garbled")


def _word(lines: Lines | NoReading, words: Mapping[str, bool]) -> Reading:
    if isinstance(lines, NoReading):
        return lines
    found = words.get(lines[-1].split()[-1])
    return NoReading("garbled") if found is None else found


def _volume(lines: Lines | NoReading) -> Reading:
    if isinstance(lines, NoReading):
        return lines
    steps = number(lines[-1].split()[-1])
    return NoReading("garbled") if isinstance(steps, NoReading | str) else steps * 100 / VOLUME_MAX
