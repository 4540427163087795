"""The conformance kit for web interfaces: a recording answers requests, and the replies between can go wrong.

Recordings are those of `tests.devices.kit`. A request is written `METHOD TARGET` and, when it has a body, the body
behind it; the first line of an answer is the status and what cookies it sets, the rest is the body. `refuses login`
marks a recording of a log-in that fails.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from agent.core.exchange import HttpReply, HttpRequest
from agent.core.facts import Reading
from agent.devices.base import CommandDone, CommandFailed, Event, Facts, Ready
from agent.devices.web import HttpSession
from agent.probes.families import load as load_family
from tests.devices.kit import RECORDINGS, Recording, _with, load

TURNS_MAX = 200
Spoiler = Callable[[str, HttpReply], HttpReply | None]
"""What becomes of the reply to a request; None: it never arrives, and the shell ends the conversation."""


def web_recordings(family: str = "*") -> list[Recording]:
    """All recordings of a web interface, or of all of them."""
    return [recording for recording in _with("codec.in_call", family) if load_family(recording.family).is_web]


def refusals(family: str = "*") -> list[Recording]:
    """Recordings of a log-in that the device refuses (`refuses login`)."""
    paths = [path for path in sorted(RECORDINGS.glob(f"{family}/*.txt")) if "# refuses login\n" in path.read_text()]
    return [load(path) for path in paths]


def untouched(asked: str, reply: HttpReply) -> HttpReply:
    """A perfect line."""
    return reply


def asked_of(request: HttpRequest) -> str:
    """A request as recordings write it."""
    return " ".join([request.method, request.target, request.body.decode()]).strip()


def recorded(recording: Recording, asked: str) -> HttpReply:
    """The device's reply."""
    head, _, body = recording.answers.get(asked, b"404\r\n").partition(b"\r\n")
    status, *cookies = head.decode().split()
    return HttpReply(int(status), tuple(("Set-Cookie", f"{cookie}; Path=/") for cookie in cookies), body)


@dataclass
class WebConversation:
    """A session and a recording joined."""

    recording: Recording
    spoil: Spoiler = untouched
    asked: list[str] = field(default_factory=list)
    requests: list[HttpRequest] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        session = load_family(self.recording.family).session(self.recording.login, "")
        assert isinstance(session, HttpSession)
        self.session: HttpSession[Any] = session

    def start(self) -> None:
        """Log in."""
        self.events += self.session.open()
        self.run(Ready)

    def poll(self) -> dict[str, Reading]:
        """One poll; empty when the conversation ended without facts."""
        return self._polled(self.session.poll)

    def poll_call(self) -> dict[str, Reading]:
        """The same of the call alone."""
        return self._polled(self.session.poll_call)

    def give_way(self, asked: int) -> dict[str, Reading]:
        """A poll that gives way when so many requests were answered."""
        self.session.poll()
        for _ in range(asked):
            request = self.session.request()
            assert request is not None
            self.events += self.session.reply(recorded(self.recording, asked_of(request)))
        return dict(self.session.give_way())

    def _polled(self, ask: Callable[[], None]) -> dict[str, Reading]:
        if not self.session.ready:
            return {}
        ask()
        before = len(self.events)
        self.run(Facts)
        facts = [event for event in self.events[before:] if isinstance(event, Facts)]
        return dict(facts[-1].readings) if facts else {}

    def command(self, remedy: str) -> list[Event]:
        """One order; how it ended."""
        before = len(self.events)
        self.session.command(remedy)
        self.run(CommandDone, CommandFailed)
        return [event for event in self.events[before:] if isinstance(event, CommandDone | CommandFailed)]

    def run(self, *wanted: type[Event]) -> None:
        """Request after request until a wanted event, or the end."""
        for _ in range(TURNS_MAX):
            request = self.session.request()
            if request is None:
                return
            self.requests.append(request)
            self.asked.append(asked_of(request))
            reply = self.spoil(self.asked[-1], recorded(self.recording, self.asked[-1]))
            if reply is None:
                return
            new = self.session.reply(reply)
            self.events += new
            if any(isinstance(event, wanted) for event in new):
                return
        raise AssertionError("the session neither went on nor gave up")
