"""The small vocabulary all device families share. Sans-IO: bytes in, events out; no clock, no socket, no thread.

A shell holds the line and the time. It drives a `Session` like this (see `agent.probes.link` for the real one):

    session.open()
    while waiting:
        data = session.output()          # send it, at least `gap_s` after the previous sending
        events = session.receive(bytes)  # whatever arrived, cut anywhere
        events = session.silence()       # nothing arrived for `patience_s`

What the device does wrong is an event (`ProtocolError`, a `NoReading` inside `Facts`); what *we* do wrong is the
exception `MisuseError`. No bytes whatever may raise.
"""

from __future__ import annotations

import abc
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Generic, TypeVar

from agent.core.facts import NoReading, Reading, plausible

BLOCK_BYTES_MAX = 256 * 1024
"""Longer blocks (a JSON object, a list of variables) are garbled; a whole Cisco status tree is about 100 kB [M]."""


class MisuseError(RuntimeError):
    """Our own bug: e.g. a poll was asked for before the session was ready."""


@dataclass(frozen=True, slots=True)
class Ready:
    """Logged in (or no login was asked for) and set up: `poll` and `command` are allowed from now on."""


@dataclass(frozen=True, slots=True)
class LoginNeeded:
    """The device asks for a name or password and the configuration has none."""


@dataclass(frozen=True, slots=True)
class LoginRefused:
    """The device refused the name or password. The session sends nothing more: trying again may lock us out."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What one poll gave. Holds every fact of the family, as a value or as the reason why there is none."""

    readings: Mapping[str, Reading]


@dataclass(frozen=True, slots=True)
class CommandDone:
    """The device took the order. `answer` is its word, for the record."""

    remedy: str
    answer: str = ""


@dataclass(frozen=True, slots=True)
class CommandFailed:
    """The device refused the order or did not answer it. `reason` as in `NoReading`."""

    remedy: str
    reason: str
    answer: str = ""


@dataclass(frozen=True, slots=True)
class ProtocolError:
    """Their fault: bytes that the protocol does not allow. The session resynchronises by itself."""

    text: str


@dataclass(frozen=True, slots=True)
class Silent:
    """The device stopped answering: this conversation is over, open a new one."""


Event = Ready | LoginNeeded | LoginRefused | Facts | CommandDone | CommandFailed | ProtocolError | Silent


@dataclass(frozen=True, slots=True)
class Login:
    """Name and password; empty where the device needs none."""

    user: str = ""
    password: str = field(default="", repr=False)


class Told:
    """What the shell tells a session, and is told by it beside events."""

    volume_pct: float = 50.0
    """What `codec_volume_restore` sets. The shell writes it before the first order."""
    wanted: Mapping[str, str] = MappingProxyType({})
    """What the device's settings should be, where the family can read them. The shell writes it at the beginning."""
    asks_settings: bool = True
    """Whether they are asked for in the next poll."""
    optional_silent: bool = False
    """Something that can be done without got no answer; the shell takes it back."""

    @property
    def waits_for_optional(self) -> bool:
        """Whether what is outstanding can be done without."""
        return False


class Session(Told, abc.ABC):
    """One conversation with one device over a byte stream."""

    gap_s: float = 0.0
    """Least time between two sendings."""
    patience_s: float = 2.0
    """How long the line may be silent before `silence` is to be called. Counted from the last byte either way."""

    def __init__(self, login: Login) -> None:
        self.login = login
        self.ready = False
        self._out = bytearray()

    def output(self) -> bytes:
        """The bytes to send now; each is handed out once."""
        data = bytes(self._out)
        self._out.clear()
        return data

    def _send(self, data: bytes) -> None:
        self._out += data

    @property
    @abc.abstractmethod
    def busy(self) -> bool:
        """Whether an answer is outstanding, so that silence means something."""

    @property
    @abc.abstractmethod
    def buffered(self) -> int:
        """Bytes kept of what arrived: bounded, and a test says so."""

    @abc.abstractmethod
    def open(self) -> None:
        """The line has just been opened. To be called once, before anything else."""

    @abc.abstractmethod
    def receive(self, data: bytes) -> list[Event]:
        """Take what arrived. Never raises, whatever the bytes."""

    @abc.abstractmethod
    def silence(self) -> list[Event]:
        """Nothing arrived for `patience_s`."""

    @abc.abstractmethod
    def poll(self) -> None:
        """Ask for all facts; ends in one `Facts`."""

    @abc.abstractmethod
    def command(self, remedy: str) -> None:
        """Give an order; ends in one `CommandDone` or `CommandFailed`. Raises MisuseError for an unknown remedy."""


@dataclass(frozen=True, slots=True)
class Query:
    """One command to the device. A `remedy` makes it an order, else `key` says what it asks for.

    An order with `also` follows the one before it when that was taken, and its own outcome does not count. Silence upon
    an `optional` question says nothing of the device: it and the others of its kind are given up in this poll.
    """

    key: str
    text: str
    remedy: str = ""
    also: bool = False
    optional: bool = False


A = TypeVar("A")


class Inquiry(Told, abc.ABC, Generic[A]):
    """Asks one thing at a time, whatever carries it; `A` is what the family keeps of an answer.

    The family implements the dialogue before it sets `ready`, feeds `_answered`, and computes its facts from the
    answers. A query that stays without answer is `NoReading("timeout")`, and after `silences_max` of them in a row the
    conversation is over.
    """

    silences_max = 2

    def __init__(self, login: Login) -> None:
        self.login = login
        self.ready = False
        self._asked: Query | None = None
        self._queue: deque[Query] = deque()
        self._answers: dict[str, A | NoReading] = {}
        self._polling = False
        self._silences = 0

    @abc.abstractmethod
    def _ask(self, query: Query) -> None:
        """Put a query on its way."""

    @abc.abstractmethod
    def _queries(self) -> Sequence[Query]:
        """What one poll asks, in order."""

    @abc.abstractmethod
    def _orders(self, remedy: str) -> Sequence[Query]:
        """What to send for a remedy. Several are alternatives: the next is tried when one is not known or refused."""

    @abc.abstractmethod
    def _facts(self, answers: Mapping[str, A | NoReading]) -> Mapping[str, Reading]:
        """The facts of a finished poll. A query without entry was never asked."""

    def poll(self) -> None:
        """Ask for all facts."""
        if not self.ready or self._polling:
            raise MisuseError("poll before ready, or twice")
        self._polling = True
        self._answers = {}
        self._queue.extend(self._queries())
        self._ask_next()

    def command(self, remedy: str) -> None:
        """Give an order. One at a time."""
        orders = self._orders(remedy)
        if not self.ready or not orders or any(query.remedy for query in self._outstanding()):
            raise MisuseError(f"order {remedy} before ready, unknown, or twice")
        self._queue.extend(orders)
        self._ask_next()

    def _outstanding(self) -> list[Query]:
        return [*([self._asked] if self._asked else []), *self._queue]

    def _ask_next(self) -> None:
        if self.ready and self._asked is None and self._queue:
            self._asked = self._queue.popleft()
            self._ask(self._asked)

    def _answered(self, answer: A | NoReading, text: str = "") -> list[Event]:
        """The outstanding query got its answer, or got none."""
        query, self._asked = self._asked, None
        if query is None:
            return []
        if not isinstance(answer, NoReading) or answer.reason != "timeout":
            self._silences = 0
        events: list[Event] = []
        if query.remedy:
            events += self._order_answered(query, answer, text)
        else:
            self._answers[query.key] = answer
        return events + self._advance()

    def _order_answered(self, query: Query, answer: A | NoReading, text: str) -> list[Event]:
        not_taken = isinstance(answer, NoReading) and answer.reason in ("absent", "refused") and not query.also
        if not_taken and any(other.remedy == query.remedy and not other.also for other in self._queue):
            return []
        if query.also or not isinstance(answer, NoReading):
            self._queue = deque(other for other in self._queue if other.remedy != query.remedy or other.also)
            if any(other.remedy == query.remedy for other in self._queue):
                return []
            return [CommandDone(query.remedy, text)]
        self._queue = deque(other for other in self._queue if other.remedy != query.remedy)
        return [CommandFailed(query.remedy, answer.reason, text)]

    def _advance(self) -> list[Event]:
        """Close the poll when its last query is done, and ask the next thing."""
        events: list[Event] = []
        if self._polling and not any(not query.remedy for query in self._outstanding()):
            self._polling = False
            events.append(Facts(checked(self._facts(self._answers))))
        self._ask_next()
        return events

    @property
    def waits_for_optional(self) -> bool:
        """As in `Told`."""
        return self._asked is not None and self._asked.optional

    @property
    def _settings_now(self) -> Mapping[str, str]:
        return self.wanted if self.asks_settings else {}

    def _do_without(self) -> list[Event]:
        """Nobody answers what can be done without: the poll goes on to its end."""
        self.optional_silent = True
        for query in [query for query in self._queue if query.optional]:
            self._queue.remove(query)
            self._answers[query.key] = NoReading("timeout")
        return self._answered(NoReading("timeout"))

    def _query_silence(self) -> list[Event]:
        """No answer came in time."""
        if self.waits_for_optional:
            return self._do_without()
        self._silences += 1
        if self._silences < self.silences_max:
            return self._answered(NoReading("timeout"))
        return [*self._abandon("timeout"), Silent()]

    def _abandon(self, reason: str) -> list[Event]:
        """Nothing outstanding will be answered any more. Leaves the session not ready."""
        self.ready = False
        self.optional_silent = self.optional_silent or self.waits_for_optional
        events: list[Event] = []
        left, self._asked = self._outstanding(), None
        self._queue.clear()
        for remedy in dict.fromkeys(query.remedy for query in left if query.remedy):
            events.append(CommandFailed(remedy, reason))
        for query in left:
            if not query.remedy:
                self._answers[query.key] = NoReading(reason)
        return events + self._advance()


class QuerySession(Inquiry[A], Session):
    """An inquiry over a byte stream."""

    def __init__(self, login: Login) -> None:
        Session.__init__(self, login)
        Inquiry.__init__(self, login)

    @property
    def busy(self) -> bool:
        """Before the session is ready, silence is what drives the login forward."""
        return not self.ready or self._asked is not None

    @abc.abstractmethod
    def _render(self, query: Query) -> bytes:
        """The bytes of a query."""

    def _ask(self, query: Query) -> None:
        self._send(self._render(query))


def checked(readings: Mapping[str, Reading]) -> dict[str, Reading]:
    """The readings with values outside the catalogue's ranges turned into `NoReading("garbled")`."""
    return {key: plausible(key, reading) for key, reading in readings.items()}


def number(text: str, parse: Callable[[str], float] = float) -> Reading:
    """A number out of a device's text, `NoReading("garbled")` when it is none. Python's own extras (`1_0`) are none."""
    cleaned = text.strip().strip('"').strip()
    if not cleaned or not cleaned.isascii() or any(letter not in "0123456789.+-eE" for letter in cleaned):
        return NoReading("garbled")
    try:
        return parse(cleaned)
    except (ValueError, OverflowError):
        return NoReading("garbled")
