"""Yealink VC110 to VC880: their control protocol over TCP 6024 or USB serial, 115200 8N1.

Sources: device facts, "Yealink VC"; the maker's "API Commands Introduction" (1.06 and 1.08) as public catalogues of
control protocols give it, and a public driver for these models. Lines end CR LF, words are case sensitive. An answer
repeats the question (`sysstatus get idle`, `mute near get on`, `volume get 6`), and changes come unasked in the same
words, as `incoming "num:…" "name:…"` does. `version "model:…" "firmware:…" …` comes by itself at a first connection.
Nobody logs in, but some firmware asks for a password. **There is no order to restart**: the relay is the only lever.

Unverified [M]: how `callinfo all` ends, and what it answers without a call: it is asked during one only, and silence
ends it; the units of its jitter and loss; the prompt for the password; the answer to `button power`. A word that is not
known is never "no call"; an order counts as taken when anything but an error answers it. The power button may put an
awake codec to sleep: it is pressed only upon its own fresh word that it sleeps.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from agent.core.facts import NoReading, Reading
from agent.devices.about import About, Tested
from agent.devices.base import Event, Login, LoginNeeded, LoginRefused, ProtocolError, Ready, Session, Silent
from agent.devices.codec._baseline import KEYS as SETTINGS_KEYS
from agent.devices.codec._baseline import REMEDY, Baseline
from agent.devices.codec._call_loss import LossSinceLook
from agent.devices.codec._yealink_facts import (
    CALLING,
    CALLS,
    DECIDED_BY,
    FIELD,
    MUTE,
    NAMING,
    QUALITY_KEYS,
    RESTING,
    STATUS,
    VERSION,
    VOLUME,
    VOLUME_MAX,
    Lines,
    facts_of,
    quality_of,
    settings_read,
    state_of,
)
from agent.devices.inquiry import Query, QuerySession, in_turn
from agent.devices.lines import LineBuffer

FAMILY = "yealink_vc"
PORT = 6024
BAUDS = (115200,)
SETTINGS = NAMING
ABOUT = About(
    "Yealink VC110, VC120, VC200, VC400, VC500, VC800, VC880",
    (
        Tested("TCP 6024", "our simulator; recordings", "tests/sim/test_yealink.py"),
        Tested("serial 115200", "our simulator over a pty; recordings", "tests/sim/test_yealink.py"),
    ),
    unseen="every device: how `callinfo all` ends, the units of loss and jitter, the prompt for a password, the answer "
    "to `button power`",
)
KEYS = (*facts_of({}, False, {}), *QUALITY_KEYS, *SETTINGS_KEYS)
REMEDIES = frozenset({"codec_wake", "codec_volume_restore", "codec_unmute", REMEDY})

PASSWORD_PROMPT = re.compile(r"password: ?", re.IGNORECASE)
ANSWER_HEADS = {STATUS: "sysstatus ", MUTE: "mute near ", VOLUME: "volume ", "volume set": "volume "}
CALLS_END = ("callinfo end", "system is not in a call")
LINES_MAX = 50


def tidied(line: str) -> str:
    """A line with single blanks, its words in small letters; what stands in quotes stays as it is."""
    words = " ".join(line.split())
    return words if '"' in words else words.lower()


def session(login: Login, nonce: str = "") -> Session:  # noqa: ARG001 - this tongue has no place for a nonce
    """A fresh conversation."""
    return YealinkSession(login)


class YealinkSession(QuerySession[Lines]):
    """See the module."""

    gap_s = 0.1
    patience_s = 2.0
    decided_by = DECIDED_BY

    def __init__(self, login: Login) -> None:
        super().__init__(login)
        self._lines = LineBuffer()
        self._answer: list[str] = []
        self._about: dict[str, str] = {}
        self._version_asked = False
        self._password_sent = False
        self._call_seen = False
        self._nudges = 0
        self._over = False
        self._loss = LossSinceLook()
        self._baseline = Baseline()

    @property
    def buffered(self) -> int:
        """Bytes kept of what arrived."""
        return len(self._lines) + sum(map(len, self._answer))

    def open(self) -> None:
        """A prompt or a greeting may come by itself on TCP; a serial line is silent."""

    def _begin(self) -> None:
        self._call_seen = False

    def _left_out(self, keys: Sequence[str]) -> None:
        self._version_asked = self._version_asked and VERSION not in keys

    def receive(self, data: bytes) -> list[Event]:
        """Take what arrived."""
        if self._over:
            return []
        overruns = self._lines.overruns
        lines = [tidied(line) for line in self._lines.feed(data)]
        events = [event for line in lines if line for event in self._line(line)]
        events += [ProtocolError("line too long")] * (self._lines.overruns - overruns)
        if PASSWORD_PROMPT.fullmatch(self._lines.tail):
            self._lines.clear()
            events += self._prompt()
        return events

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
        if self._asked is not None and self._asked.key == CALLS and self._answer:
            return self._finish("")
        self._answer.clear()
        if self._asked is not None and self._asked.key == STATUS:
            # An answer does not name its moment: a late one would be taken for the next, and may be of before a call.
            self._over = True
            return [*self._abandon("timeout"), Silent()]
        events = self._query_silence()
        self._over = not self.ready
        return events

    # -- answers

    def _prompt(self) -> list[Event]:
        if not self.ready and not self._password_sent and self.login.password:
            self._password_sent = True
            self._send(self.login.password.encode() + b"\r\n")
            return []
        self._over = True
        if self.ready:  # it has started anew, and knows nothing of what was asked
            return [*self._abandon("timeout"), Silent()]
        return [*self._abandon("denied"), LoginRefused() if self._password_sent else LoginNeeded()]

    def _line(self, line: str) -> list[Event]:
        query = self._asked
        if line.startswith("version "):
            return self._greeted(line, asked=query is not None and query.key == VERSION)
        if line.startswith(("incoming ", "callinfo:", "callinfo audio", "callinfo video")) or state_of(line) in CALLING:
            self._call_seen = True
        if not self.ready:
            # Half a line that was under way is no proof of who is there; an answer to our question is.
            return self._first_word() if state_of(line) in (*CALLING, *RESTING) else []
        if query is None or self.unsent or (line == query.text and not query.remedy) or line.startswith("incoming "):
            return []
        if line.startswith("error"):
            self._answer.clear()
            reason = "absent" if "not found" in line or "invalid" in line else "refused"
            if query.remedy and query.key == STATUS:
                reason = "failed"  # it does not say that it sleeps: the button must not follow
            return self._answered(NoReading(reason), line)
        return self._answer_line(query, line)

    def _greeted(self, line: str, *, asked: bool) -> list[Event]:
        if self.ready and self._about and not asked:
            # A second greeting on one line: it has started anew, and knows nothing of what was asked.
            self._over = True
            return [*self._abandon("timeout"), Silent()]
        self._about |= {name.lower(): value for name, value in FIELD.findall(line)}
        return self._answered((line,), line) if asked else self._first_word()

    def _first_word(self) -> list[Event]:
        if self.ready:
            return []
        self.ready = True
        return [Ready()]

    def _answer_line(self, query: Query, line: str) -> list[Event]:
        if query.key == CALLS:
            if not line.startswith("callinfo") and line not in CALLS_END:
                return []  # unasked
            if len(self._answer) < LINES_MAX:
                self._answer.append(line)
            return self._finish(line) if line in CALLS_END or "all done" in line else []
        if not line.startswith(self._head(query)):
            return []
        self._answer = [line]
        in_call = query.key == STATUS and state_of(line) in CALLING
        if in_call and self._whole and self.question and CALLS not in self.asked_first:
            self._queue.append(Query(CALLS, CALLS))
        if query.remedy and query.key == STATUS and state_of(line) == "sleeping":
            # The wake order's first step: it sleeps, so the button follows.
            self._answer.clear()
            return self._answered(NoReading("refused"), line)
        return self._finish(line)

    def _head(self, query: Query) -> str:
        """How an answer begins."""
        if query.key in ANSWER_HEADS:
            return ANSWER_HEADS[query.key]
        words = query.text.rsplit(" ", 1)[0] if query.key == REMEDY else query.key.removesuffix(" get")
        return words + " " if query.key.endswith(" get") or query.key == REMEDY else ""

    def _finish(self, line: str) -> list[Event]:
        answer, self._answer = tuple(self._answer), []
        return self._answered(answer, line)

    # -- questions

    def _queries(self) -> Sequence[Query]:
        unknown = () if self._about or self._version_asked else (VERSION,)
        self._version_asked = True
        settings = [f"{name} get" for name in self._baseline.due(self._settings_now)]
        return [
            *(Query(text, text) for text in (*unknown, VOLUME, MUTE, STATUS)),
            *(Query(text, text) for text in self.asked_first if text == CALLS),
            *(Query(text, text, optional=True) for text in settings),
        ]

    def _call_queries(self) -> Sequence[Query]:
        return [Query(STATUS, STATUS)]

    def _orders(self, remedy: str) -> Sequence[Query]:
        if remedy == "codec_wake":
            return [Query(STATUS, STATUS, remedy), Query("button", "button power", remedy)]
        if remedy == "codec_volume_restore":
            steps = max(0, min(VOLUME_MAX, round(self.volume_pct * VOLUME_MAX / 100)))
            return [Query("volume set", f"volume set {steps}", remedy)]
        if remedy == REMEDY:
            return in_turn(remedy, [f"{name} {value}" for name, value in self._baseline.orders(self.wanted).items()])
        return [Query("mute near off", "mute near off", remedy)] if remedy == "codec_unmute" else []

    def _render(self, query: Query) -> bytes:
        self._answer.clear()
        return query.text.encode() + b"\r\n"

    def _facts(self, answers: Mapping[str, Lines | NoReading]) -> Mapping[str, Reading]:
        return facts_of(answers, self._call_seen, self._about)

    def _compared(
        self,
        facts: Mapping[str, Reading],  # noqa: ARG002
        answers: Mapping[str, Lines | NoReading],
    ) -> Mapping[str, Reading]:
        settings = self._baseline.completed(self.wanted, settings_read(self.wanted, answers))
        return quality_of(answers, self._loss) | settings
