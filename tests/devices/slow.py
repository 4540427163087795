"""A device that takes its time: the agent's own conversation with a recording, on a clock that only waiting moves.

Nothing here sleeps. A look of eight seconds over a line of 9,600 baud takes as long as its bytes take to be copied.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest

from agent.core.exchange import HttpReply, HttpRequest
from agent.core.facts import NoReading, Reading
from agent.devices.base import IN_CALL
from agent.devices.inquiry import Inquiry
from agent.devices.setup import Setup
from agent.ports import Outcome
from agent.probes.families import Family, load
from agent.probes.lines import Access, Line, parse_line
from agent.probes.link import Link, api_reading
from agent.probes.names import Resolver
from agent.probes.streamlink import StreamLink
from agent.probes.weblink import HttpLink
from agent.transports.errors import LinkFault
from agent.transports.stream import Stream
from tests.devices.kit import WANTED, Player, Recording, by_name, one_of_each, recordings, screens
from tests.devices.webkit import asked_of, recorded, web_recordings

TICK_S = 0.001
PERIOD_S = 10.0
"""From look to look."""
LOOK_S = {"codec": 8.0, "display": 6.0, "camera": 6.0}
"""How long one may take, as the settings have it."""
ATTEST_S = 4.5
ORDER_S = 18.0
ANEW = frozenset({"visca_ip"})
"""Families whose recording has the answers of one look only: the questions are numbered."""
COMPARED = frozenset({"codec.rx_loss_pct", "codec.tx_loss_pct", "codec.jitter_ms"})
"""Asked for once a look has found a call, and compared with the look before."""
CASES = [
    *(("codec", one) for one in one_of_each([*recordings(), *web_recordings()])),
    *((kind, one) for kind in ("display", "camera") for one in one_of_each(screens(kind))),
]
LINES = [
    (kind, recording, serial)
    for kind, recording in CASES
    for serial in (False, True)
    if not serial or "serial" in load(recording.family, kind).schemes
]
"""Every family, idle and in a call, over every kind of line."""


def over(lines: list[tuple[str, Recording, bool]]) -> pytest.MarkDecorator:
    """Gives a test `kind`, `recording` and `serial`, one line after the other."""
    names = [f"{by_name(recording)} {'serial' if serial else 'network'}" for _, recording, serial in lines]
    return pytest.mark.parametrize(("kind", "recording", "serial"), lines, ids=names)


@dataclass
class Time:
    """The clock of one test."""

    s: float = 1000.0

    def __call__(self) -> float:
        return self.s


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a device is; without figures at once."""

    thinks_s: float = 0.0
    """Before every answer."""
    bytes_per_s: float = 0.0

    def lasts_s(self, data: bytes) -> float:
        """How long it says this."""
        return len(data) / self.bytes_per_s if self.bytes_per_s else 0.0


class SlowStream:
    """The device's end of a line: a recording that is played at a pace, one answer after the other."""

    def __init__(self, recording: Recording, time: Time, pace: Pace) -> None:
        self.player = Player(recording)
        self.pace = pace
        self.said: list[int] = []
        """Bytes of each answer."""
        self.asked_at_s: list[float] = []
        self.ended = False
        """The device has closed its end."""
        self.closed = False
        """We have closed ours."""
        self._time = time
        self._due: deque[tuple[float, bytes]] = deque()
        self._free_s = time()
        self._say(self.player.opened(), 0.0)

    def send(self, data: bytes, timeout_s: float) -> None:
        del timeout_s
        self.asked_at_s.append(self._time())
        self._say(self.player.feed(data), self.pace.thinks_s)

    def _say(self, data: bytes, after_s: float) -> None:
        if not data:
            return
        self.said.append(len(data))
        at_s = max(self._time(), self._free_s) + after_s
        step = max(1, round(self.pace.bytes_per_s / 20)) if self.pace.bytes_per_s else len(data)
        for place in range(0, len(data), step):
            piece = data[place : place + step]
            at_s += self.pace.lasts_s(piece)
            self._due.append((at_s, piece))
        self._free_s = at_s

    def recv(self, timeout_s: float) -> bytes:
        if self.ended:
            raise LinkFault("refused", "the device closed the connection")
        until_s = self._time() + timeout_s
        if not self._due or self._due[0][0] > until_s:
            self._time.s = max(until_s, self._time() + (TICK_S if timeout_s > 0 else 0.0))
            return b""
        self._time.s = max(self._time(), self._due[0][0])
        came = b""
        while self._due and self._due[0][0] <= self._time():
            came += self._due.popleft()[1]
        return came

    def close(self) -> None:
        self.closed = True
        self._due.clear()


class SlowWeb:
    """The device's web interface, in place of the agent's client of it."""

    opened = True
    heard_s = float("-inf")

    def __init__(self, recording: Recording, time: Time, pace: Pace) -> None:
        self.recording = recording
        self.pace = pace
        self.asked: list[str] = []
        self.said: list[int] = []
        self.mute: tuple[str, ...] = ()
        """Words of what it never answers."""
        self._time = time

    def exchange(
        self,
        request: HttpRequest,
        timeout_s: float,
        leaving: Callable[[], object] = lambda: None,
        quiet_s: float = float("inf"),
    ) -> HttpReply:
        leaving()
        self.asked.append(asked_of(request))
        reply = recorded(self.recording, self.asked[-1])
        self.said.append(len(reply.body))
        if self.pace.thinks_s > min(quiet_s, timeout_s) or any(word in self.asked[-1] for word in self.mute):
            self._time.s += min(quiet_s, timeout_s)
            raise LinkFault("timeout", "no complete answer in time")
        lasts_s = self.pace.thinks_s + self.pace.lasts_s(reply.body)
        self._time.s += min(lasts_s, timeout_s) + TICK_S
        self.heard_s = self._time()
        if lasts_s > timeout_s:
            raise LinkFault("timeout", "no complete answer in time")
        return reply

    def close(self) -> None:
        """Nothing is held."""


class TimelessLink(StreamLink):
    """The agent's own, but that it waits on the clock of the test."""

    def _pause(self, seconds: float) -> None:
        cast(Time, self._now_s).s += seconds


class Device:
    """One recorded device, and the agent's conversation with it."""

    def __init__(self, kind: str, recording: Recording, pace: Pace, *, serial: bool = False) -> None:
        self.kind = kind
        self.recording = recording
        self.time = Time()
        self.pace = pace
        self.family = _family(kind, recording)
        self.streams: list[SlowStream] = []
        self.stream: Callable[[Recording, Time, Pace], SlowStream] = SlowStream
        """What is at the other end when a line is opened."""
        self.looks_s: list[float] = []
        """How long each look took."""
        self.web: SlowWeb | None = None
        self.link = self._link(serial)

    def _link(self, serial: bool) -> Link[Any]:
        wanted = WANTED.get(self.recording.family, {})
        access = Access(self.recording.login)
        if self.family.is_web:
            line = parse_line("http://codec", schemes=self.family.schemes)
            link = HttpLink(self.family, line, access, Resolver(), wanted=wanted, clock_s=self.time)
            self.web = SlowWeb(self.recording, self.time, self.pace)
            link._client = self.web  # type: ignore[assignment]
            return link
        return TimelessLink(self.family, _line(serial, self._open), access, Resolver(), 50.0, wanted, self.time)

    def _open(self) -> Stream:
        self.streams.append(self.stream(self.recording, self.time, self.pace))
        return self.streams[-1]

    @property
    def said(self) -> list[int]:
        """Bytes of each of its answers so far."""
        return self.web.said if self.web is not None else [size for stream in self.streams for size in stream.said]

    @property
    def heard(self) -> list[str]:
        """What it was asked so far."""
        texts = [text for stream in self.streams for text in stream.player.heard]
        return list(self.web.asked) if self.web is not None else [text for text in texts if text != "(empty)"]

    def decided(self, besides: int) -> frozenset[str]:
        """Facts that one question alone decides, `besides` so many of those that every look begins with."""
        session = self.family.session(self.recording.login, "t")
        assert isinstance(session, Inquiry)
        first = {query.key for query in session._queries()[:besides]}
        return frozenset(key for key, asked in session.decided_by.items() if len(set(asked) - first) < 2)

    @property
    def patience_s(self) -> float:
        """How long it may say nothing before it counts as silent."""
        session = self.family.session(self.recording.login, "t")
        assert session is not None
        return session.patience_s

    def looked(self) -> dict[str, Reading]:
        """One look, as a probe tells of it."""
        began_s, api = self.time(), f"{self.kind}.api"
        found: Mapping[str, Reading]
        try:
            found = self.link.observe(LOOK_S[self.kind])
        except LinkFault as fault:
            silent: dict[str, Reading] = dict.fromkeys(self.family.keys, NoReading(fault.kind))
            found = silent | {api: api_reading(self.link, fault, host_is_up=True)}
        self.looks_s.append(self.time() - began_s)
        self.time.s = max(self.time(), began_s + PERIOD_S)
        return dict(found)

    def looks(self, count: int) -> list[dict[str, Reading]]:
        """So many looks."""
        looks = []
        for _ in range(count):
            looks.append(self.looked())
            if self.recording.family in ANEW:
                self.link._drop()
        return looks

    def attested(self) -> Reading:
        """The question about calls alone."""
        try:
            return self.link.attest(ATTEST_S)[IN_CALL]
        except LinkFault as fault:
            return NoReading(fault.kind)

    def told(self, remedy: str) -> Outcome:
        """One order."""
        return self.link.order(remedy, ORDER_S)


def _family(kind: str, recording: Recording) -> Family:
    family = load(recording.family, kind)
    setup = Setup(recording.login, recording.number, recording.wanted)
    if kind == "codec":
        return replace(family, session=lambda login, _: family.session(login, "t"))
    return replace(family, session=lambda _login, _nonce: family.session(setup, "t"))


def _line(serial: bool, opened: Callable[[], Stream]) -> Line:
    """A line to the device that is opened without a wire."""

    class Wireless(Line):
        __slots__ = ()

        def open(self, *_: object, **__: object) -> Stream:
            return opened()

    return cast(Line, Wireless(path="/dev/slow", bauds=(9600,), scheme="serial") if serial else Wireless("codec", 1))
