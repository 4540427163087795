"""The small vocabulary all device families share. Sans-IO: bytes in, events out; no clock, no socket, no thread.

A shell holds the line and the time. It drives a `Session` like this (see `agent.probes.streamlink` for the real one):

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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from agent.core.facts import SLOW, NoReading, Reading, plausible

IN_CALL = "codec.in_call"
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
class LoginFull:
    """The device has no session left for us, whatever name and password are: others, or we ourselves, hold them all."""


@dataclass(frozen=True, slots=True)
class DeviceBusy:
    """The device says that it has no time for anybody now: its log-in has neither been taken nor refused."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What one poll gave. Holds every fact of the family, as a value or as the reason why there is none.

    That of `poll_call` holds `codec.in_call` alone.
    """

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


Event = (
    Ready | LoginNeeded | LoginRefused | LoginFull | DeviceBusy | Facts
    | CommandDone | CommandFailed | ProtocolError | Silent
)  # fmt: skip


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
    asked_first: tuple[str, ...] = ()
    """Keys of the questions that the look before had no time for. The shell writes it before every whole poll."""
    unanswered: tuple[str, ...] = ()
    """The same of the poll that has run out, in the order in which they would have been asked."""
    optional_silent: bool = False
    """Something that can be done without got no answer; the shell takes it back."""

    ready: bool = False
    """Whether `poll`, `poll_call` and `command` are allowed."""

    @property
    def waits_for_optional(self) -> bool:
        """Whether what is outstanding can be done without."""
        return False


class Progress(abc.ABC):
    """How far a poll has come, for the shell that has the clock: what is about to leave, and what it decides."""

    @property
    @abc.abstractmethod
    def unsent(self) -> bool:
        """Whether something is still to be handed to the shell."""

    @property
    @abc.abstractmethod
    def question(self) -> str:
        """Key of the question that is on its way; empty for an order, and for what nobody waits for any more."""

    @property
    @abc.abstractmethod
    def orders(self) -> bool:
        """Whether what is on its way is an order that is still to be given: its last moment to be withdrawn."""

    @abc.abstractmethod
    def questions_of(self, fact: str) -> Sequence[str] | None:
        """Keys of the questions that decide a fact; None: perhaps all of the poll."""

    @abc.abstractmethod
    def poll_call(self) -> None:
        """Ask whether a call is up, and nothing else; ends in one `Facts` that holds `codec.in_call` alone."""

    @abc.abstractmethod
    def give_way(self) -> Mapping[str, Reading]:
        """End the poll: the facts that are decided by now. What still comes is an answer to nobody."""

    @abc.abstractmethod
    def run_out(self, missing: NoReading) -> Mapping[str, Reading]:
        """End the poll, since its time is up: every fact of it, `missing` where an answer lacks that decides it.

        Empty where nothing was answered and no call was told of. What still comes is an answer to nobody.
        """

    @abc.abstractmethod
    def withdraw(self) -> None:
        """The order that was about to leave is not given. Only before its bytes were sent."""


class Session(Told, Progress):
    """One conversation with one device over a byte stream."""

    gap_s: float = 0.0
    """Least time between two sendings."""
    patience_s: float = 2.0
    """How long the line may be silent before `silence` is to be called. Counted from the last byte either way."""
    outlives_line = False
    """Whether it goes on, over a fresh line, where the device hangs up after it has answered: see `reopened`."""

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

    def reopened(self) -> bool:
        """The device has hung up, and the line can be opened anew: whether we go on. Only where `outlives_line`.

        What was asked is then asked again; an order that is on its way never is.
        """
        return self.outlives_line

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


def is_heard(answers: Mapping[str, object]) -> Reading:
    """Whether a control line answers, by all that one poll was answered: True also where a device says that it cannot.

    `slow` where nothing has been answered yet, and not all was waited for.
    """
    silent = ("timeout", SLOW.reason)
    if any(not isinstance(answer, NoReading) or answer.reason not in silent for answer in answers.values()):
        return True
    return SLOW if SLOW in answers.values() else False


def for_want_of(reading: Reading) -> NoReading:
    """Why a fact that hangs on this one has no reading: for the same reason, or because there is no such thing now."""
    return reading if isinstance(reading, NoReading) else NoReading("absent")


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
