"""Poly (Polycom) HDX and RealPresence Group: the command line over TCP 24 or 23, or a serial port in mode Control.

Source: device facts, "Poly / Polycom HDX and Group". Commands end with CR, go one at a time and at least 200 ms apart,
and none while a call is being set up. The codec echoes what is typed, invalid commands too: an echo ends LF CR, an
acknowledgement CR LF, and only the acknowledgement is believed. `reboot now` acts at once and says nothing. The line
may drop when the codec restarts or falls asleep.

Some Groups ask `Username:` before `Password:`, neither with a line end (ICD.Connect.Conferencing,
PolycomGroupSeriesSerialBuffer). Whatever was wrong, one of them is asked again.

A Group's shell may say `-> ` before an answer, and behind it, sooner or later, what it was told; and it may introduce
itself at any time, with all of `whoami`'s lines (DevCoreDXI76/codec_control_center, seen at a Group 700): neither is an
answer. `info: …` turns an order down there.

Unverified: the echo's line end on hardware (a line that equals the command is also dropped, unless it may be its
acknowledgement), and whether `getcallstate` gives one line or one per call (all are taken).
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping, Sequence

from agent.core.facts import SLOW, NoReading, Reading
from agent.devices.about import About, Tested
from agent.devices.base import Event, Login, LoginNeeded, LoginRefused, ProtocolError, Ready, Session, Silent
from agent.devices.codec._baseline import KEYS as SETTINGS_KEYS
from agent.devices.codec._baseline import REMEDY, Baseline
from agent.devices.codec._poly_facts import (
    ABOUT_ITSELF,
    ADVNETSTATS,
    DECIDED_BY,
    LINES_OF_CALLS,
    NETSTATS,
    NOT_IN_CALL,
    QUALITY_KEYS,
    REFUSED,
    SET_UP,
    VOLUME_MAX,
    facts_of,
    quality_of,
    speaks_of_call,
    state_of,
)
from agent.devices.codec._poly_settings import NAMING, order, question, settings_read
from agent.devices.inquiry import Query, QuerySession, in_turn
from agent.devices.lines import LINE_BYTES_MAX

FAMILY = "poly_cli"
PORT = 24
BAUDS = (9600, 115200, 57600, 38400, 19200)
"""An HDX leaves the factory at 9600, a Group at 115200 [M]; any between can be set."""
ABOUT = About(
    "Poly (Polycom) HDX and RealPresence Group",
    (
        Tested("TCP 24 or 23", "our simulator, and recordings over real lines", "tests/probes/test_codec.py"),
        Tested(
            "serial 9600 … 115200, mode Control",
            "our simulator, and recordings over real lines",
            "tests/probes/test_codec.py",
        ),
    ),
    unseen="line end of an echo, how many lines `getcallstate` gives, the answer to `sleep register`, the words for "
    "a call being set up",
)
KEYS = (*facts_of({}, False, {}, None), *QUALITY_KEYS, *SETTINGS_KEYS)
REMEDIES = frozenset({"codec_restart", "codec_wake", "codec_volume_restore", "codec_unmute", REMEDY})
SETTINGS = NAMING

CALLS = ("callinfo all", "getcallstate", "status")
QUERIES = (*CALLS, "mute near get", "volume get")
"""The calls first: while one is being set up the rest is not asked. `status` has an end of its own, so it also shows
that all lines of `getcallstate` have arrived."""

ORDERS = {"codec_restart": ("reboot now",), "codec_wake": ("wake",), "codec_unmute": ("mute near off",)}

REGISTER = Query("sleep register", "sleep register")
"""Only after this do sleep and waking come as notifications."""
REFUSALS = ("error:", "command is not available", "this command is not supported", "this setting is controlled")
"""The last: by a provisioning service."""
LINES_MAX = 200
PROMPT = re.compile(r"^(?P<asks>username|password): ?$", re.IGNORECASE)
SHELL_PROMPT = "->"
TURNED_DOWN = "info:"
WHOAMI_FIRST = "hi, my name is"
WHOAMI_LAST = "snmp enabled:"
EVENT_HEADS = (
    "notification:",
    "listen ",
    "control event:",
    "notify ",
    "sleep register",
    "vcbutton ",
    "popupinfo",
    *LINES_OF_CALLS,
)


class EndedLine:
    """Cuts the stream into lines and says of each whether it was an echo (LF CR) or an acknowledgement (CR LF)."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._skipping = False
        self.overruns = 0

    def __len__(self) -> int:
        return len(self._rest)

    @property
    def tail(self) -> str:
        """The unfinished line."""
        return "" if self._skipping else self._rest[:256].decode("utf-8", "replace").strip("\r\n")

    def clear(self) -> None:
        """Forget the unfinished line."""
        self._rest.clear()
        self._skipping = False

    def feed(self, data: bytes) -> list[tuple[str, bool]]:
        """Complete lines, and whether each ended like an echo. The second byte of an end may be still to come.

        A codec that restarts sends NUL on a serial line (Extron's module for a Group waits for it).
        """
        self._rest += data.replace(b"\0", b"")
        lines = []
        while (end := self._end()) is not None:
            raw, ending = self._rest[: end[0]], self._rest[end[0] : end[1]]
            self._rest = self._rest[end[1] :]
            if self._skipping or len(raw) > LINE_BYTES_MAX:
                self._skipping = False
            elif raw:
                lines.append((raw.decode("utf-8", "replace"), bytes(ending) == b"\n\r"))
        if len(self._rest) > LINE_BYTES_MAX:
            self.overruns += 1
            self._rest.clear()
            self._skipping = True
        return lines

    def flush(self) -> list[str]:
        """The last line, when only the second byte of its end is missing."""
        if not self._rest.endswith((b"\r", b"\n")):
            return []
        line = bytes(self._rest).strip(b"\r\n").decode("utf-8", "replace")
        self.clear()
        return [line] if line else []

    def _end(self) -> tuple[int, int] | None:
        """Where the first line end begins and stops."""
        at = min((i for i in (self._rest.find(b"\r"), self._rest.find(b"\n")) if i >= 0), default=-1)
        if at < 0 or at + 1 == len(self._rest):
            return None
        other = b"\n" if self._rest[at] == 13 else b"\r"
        return (at, at + 2) if self._rest[at + 1 : at + 2] == other else (at, at + 1)


class Phase(enum.Enum):
    """How far the conversation has come."""

    LOGIN = "waits for a prompt or the `whoami` block"
    READY = "asks and orders"
    OVER = "said all it will ever say"


def session(login: Login, nonce: str = "") -> Session:  # noqa: ARG001 - this tongue has no place for a nonce
    """A fresh conversation."""
    return PolySession(login)


class PolySession(QuerySession[tuple[str, ...]]):
    """See the module."""

    gap_s = 0.2
    patience_s = 2.0
    decided_by = DECIDED_BY

    def __init__(self, login: Login) -> None:
        super().__init__(login)
        self.phase = Phase.LOGIN
        self.whoami: dict[str, str] = {}
        self.asleep: bool | None = None
        self._lines = EndedLine()
        self._answer: list[str] = []
        self._sent: set[str] = set()
        """What it has been told of name and password."""
        self._call_seen = False
        self._was_in_call = False
        self._nudges = 0
        self._baseline = Baseline()
        self._typed: set[str] = set()
        """What it was told in this conversation, in small letters."""

    @property
    def buffered(self) -> int:
        """Bytes kept of what arrived."""
        return len(self._lines) + sum(map(len, self._answer))

    def open(self) -> None:
        """A prompt or the `whoami` block comes by itself on TCP; a serial line is silent."""

    def _begin(self) -> None:
        self._call_seen = False

    def _left_out(self, keys: Sequence[str]) -> None:
        if REGISTER.key in keys and self._forsaken is not REGISTER:
            self._queue.append(REGISTER)

    def receive(self, data: bytes) -> list[Event]:
        """Take what arrived."""
        if self.phase is Phase.OVER:
            return []
        overruns = self._lines.overruns
        events: list[Event] = []
        for line, echo in self._lines.feed(data):
            events += self._line(line.strip(), echo)
        if self._lines.overruns > overruns:
            events.append(ProtocolError("line too long"))
        if (prompt := PROMPT.match(self._lines.tail)) and LoginRefused() not in events:
            self._lines.clear()
            events += self._prompt(prompt["asks"].lower())
        return events

    def silence(self) -> list[Event]:
        """Nothing arrived: during login ask who is there; later give the question up."""
        # A device that ends its last line with a single CR or LF.
        if flushed := self._lines.flush():
            return [event for line in flushed for event in self._line(line.strip(), echo=False)]
        if self.phase is Phase.LOGIN:
            self._nudges += 1
            if self._nudges <= 2:
                # The first may be swallowed by half a line that someone typed before.
                self._send(b"whoami\r")
                return []
            self.phase = Phase.OVER
            return [*self._abandon("timeout"), Silent()]
        if self._asked is not None and self._asked.text == "reboot now":
            # It says nothing, and acts at once.
            return self._answered(())
        if self._asked is not None and self._asked.key == "getcallstate" and self._answer:
            return self._finish()
        self._answer.clear()
        events = self._query_silence()
        if not self.ready:
            self.phase = Phase.OVER
        return events

    # -- login

    def _prompt(self, asks: str) -> list[Event]:
        if self.phase is Phase.READY:
            self.phase = Phase.OVER
            return [*self._abandon("timeout"), Silent()]
        refused = asks in self._sent or "password" in self._sent
        word = self.login.user if asks == "username" else self.login.password
        if refused or not word:
            self.phase = Phase.OVER
            return [*self._abandon("denied"), LoginRefused() if refused else LoginNeeded()]
        self._sent.add(asks)
        self._send(word.encode() + b"\r")
        return []

    def _login_line(self, line: str) -> list[Event]:
        if line.lower().startswith(REFUSED) and self._sent:
            self.phase = Phase.OVER
            return [LoginRefused()]
        head, colon, value = line.partition(":")
        if colon and len(self.whoami) < 50:
            self.whoami[head.strip().lower()[:50]] = value.strip()[:100]
        if not line.lower().startswith(WHOAMI_LAST) or WHOAMI_FIRST not in self.whoami:
            return []
        self.phase = Phase.READY
        self.ready = True
        self._queue.append(REGISTER)
        self._ask_next()
        return [Ready()]

    # -- answers

    def _line(self, line: str, echo: bool) -> list[Event]:
        if line.startswith(SHELL_PROMPT):
            line = line[len(SHELL_PROMPT) :].strip()
            echo = echo or line.lower() in self._typed
        if not line:
            return []
        if self.phase is Phase.LOGIN:
            return self._login_line(line)
        if line.partition(":")[0].strip().lower() in ABOUT_ITSELF or (echo and line.lower() in self._typed):
            return []
        lowered = line.lower()
        if lowered.startswith("control event:"):
            line = line[len("control event:") :].strip()
            lowered = line.lower()
        self._note_call(line)
        if self._is_event(lowered):
            return self._event(lowered)
        return self._answer_line(line, lowered)

    def _note_call(self, line: str) -> None:
        self._call_seen = self._call_seen or speaks_of_call(line)

    def _is_event(self, lowered: str) -> bool:
        own = self._asked is not None and lowered.startswith(self._asked.key)
        return lowered.startswith(EVENT_HEADS) and not own

    def _event(self, lowered: str) -> list[Event]:
        if lowered.startswith("listen going to sleep"):
            self.asleep = True
        elif lowered.startswith(("listen waking up", "listen wake up")):
            self.asleep = False
        state = state_of(lowered)
        if state in SET_UP:
            self._drop_rest()
        return []

    def _drop_rest(self) -> None:
        """A call is being set up: ask nothing more in this poll. Orders stay."""
        for query in list(self._queue):
            if not query.remedy:
                self._queue.remove(query)
                self._answers[query.key] = NoReading("stale")

    def _answer_line(self, line: str, lowered: str) -> list[Event]:
        query = self._asked
        if query is None or self.unsent or (lowered == query.text and not query.remedy):
            return []
        if lowered.startswith(REFUSALS):
            self._answer.clear()
            return self._answered(NoReading("absent" if "command not found" in lowered else "refused"), line)
        if query.remedy and lowered.startswith(TURNED_DOWN):
            return self._answered(NoReading("refused"), line)
        if len(self._answer) < LINES_MAX:
            self._answer.append(line)
        if self._is_complete(query, lowered):
            return self._finish()
        return []

    def _is_complete(self, query: Query, lowered: str) -> bool:
        if query.key == "callinfo all":
            return lowered in ("callinfo end", NOT_IN_CALL)
        if query.key == "status":
            return lowered == "status end"
        if query.key == "getcallstate":
            return lowered.startswith("cs:")
        if query.key in (NETSTATS, ADVNETSTATS):
            return lowered.startswith("call:")
        if query.key == "volume":
            return lowered.startswith("volume ") and lowered != query.text
        if query.remedy == REMEDY:
            return lowered.startswith(query.text.partition(" ")[0] + " ")
        if query.remedy:
            return lowered == query.text
        if query.key == "sleep register":
            return True
        return lowered.startswith(query.key.removesuffix(" get"))

    def _finish(self) -> list[Event]:
        answer = tuple(self._answer)
        self._answer.clear()
        if any(state_of(line) in SET_UP for line in answer):
            self._drop_rest()
        return self._answered(answer, answer[-1] if answer else "")

    # -- questions

    def _queries(self) -> Sequence[Query]:
        more = (NETSTATS, ADVNETSTATS) if self._was_in_call else ()
        settings = [question(name) for name in self._baseline.due(self._settings_now)]
        return [
            *(Query(text, text) for text in (*QUERIES, *more)),
            *(Query(text, text, optional=True) for text in settings),
        ]

    def _call_queries(self) -> Sequence[Query]:
        return [Query(text, text) for text in CALLS]

    def _orders(self, remedy: str) -> Sequence[Query]:
        if remedy == "codec_volume_restore":
            steps = max(0, min(VOLUME_MAX, round(self.volume_pct * VOLUME_MAX / 100)))
            return [Query("volume", f"volume set {steps}", remedy)]
        if remedy == REMEDY:
            return in_turn(remedy, [order(name, value) for name, value in self._baseline.orders(self.wanted).items()])
        return [Query(remedy, text, remedy) for text in ORDERS.get(remedy, ())]

    def _render(self, query: Query) -> bytes:
        self._answer.clear()
        self._typed.add(query.text.lower())
        return query.text.encode() + b"\r"

    def _facts(self, answers: Mapping[str, tuple[str, ...] | NoReading]) -> Mapping[str, Reading]:
        return facts_of(answers, self._call_seen, self.whoami, self.asleep) | quality_of(answers)

    def _compared(
        self, facts: Mapping[str, Reading], answers: Mapping[str, tuple[str, ...] | NoReading]
    ) -> Mapping[str, Reading]:
        if facts["codec.in_call"] != SLOW:
            self._was_in_call = facts["codec.in_call"] is True
        return self._baseline.completed(self.wanted, settings_read(self.wanted, answers))
