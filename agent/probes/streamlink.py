"""The conversation with a device over a stream of bytes: a serial line, TCP, SSH, a WebSocket, datagrams.

A poll that gives way leaves an answer on its way: it is waited for and dropped. An order takes a fresh connection when
the present one is stuck.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping

from agent.devices.base import CommandFailed, Event, Ready, Session, Silent
from agent.devices.telnet import TelnetFilter
from agent.ports import InTime, Outcome, always
from agent.probes.families import Family
from agent.probes.lines import CONNECT_S, Access, Line
from agent.probes.link import Link
from agent.probes.names import Resolver
from agent.probes.turns import GaveWay, InterruptedPoll, OutOfTime
from agent.transports.errors import LinkFault
from agent.transports.stream import Stream

SLICE_S = 0.2
"""Longest wait in one go: how soon an interruption or `close` is noticed."""
SEND_S = 2.0
DRAIN_QUIET_S, DRAIN_MAX_S = 0.3, 1.0
"""A serial line is drained before a conversation: what the device still said to the one before is no answer to us."""
ORDER_S = 6.0
"""How long an order may go unanswered before the conversation counts as stuck."""
LOG_IN_LOOKS_MAX = 3
"""Looks that one log-in may take where each of its answers is slow."""
OVERHEARD_MAX = 64
"""Chunks that are read before a question leaves: whoever babbles is asked all the same."""
KEPT_S = 15.0
"""How long a conversation is kept whose order came too late: the next try finds it open."""
STUCK = frozenset({"timeout", "link", "garbled"})
"""Reasons that speak of the conversation rather than of the order: a fresh one may do better."""


class StreamLink(Link[Session]):
    """A codec's, a display's or a camera's session on its line."""

    def __init__(
        self,
        family: Family,
        line: Line,
        access: Access,
        resolver: Resolver,
        volume_pct: float = 50.0,
        wanted: Mapping[str, str] | None = None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(family, access, volume_pct, wanted, clock_s)
        self._line = line
        self._resolver = resolver
        self._stream: Stream | None = None
        self._telnet = TelnetFilter()
        self._sent_at_s = 0.0
        self._last_byte_s = float("-inf")
        self._opened_s = 0.0
        """When the present line was opened."""
        self._unread = b""
        """What came before anybody waited for it."""
        self._log_in_looks = 0
        self._kept_until_s = 0.0
        self._tries = 0
        self._baud = self._good_baud = 0
        self._line_opened = False

    @property
    def speed_known(self) -> bool:
        """Whether silence may be blamed on the device: the speed is right, or every speed has been tried in vain."""
        return not self._line.is_serial or bool(self._good_baud) or self._tries >= len(self._line.bauds)

    def close(self) -> None:
        """End for good; from any thread."""
        super().close()
        stream = self._stream
        if stream is not None:
            stream.close()

    # -- looks and orders

    def _look_begins(self) -> None:
        self._line_opened = self._stream is not None and self._line.opening_proves

    def _has_opened(self) -> bool:
        return self._line_opened

    def _look_ends(self) -> None:
        if not self._keeps_line and self._now_s() >= self._kept_until_s:
            self._drop()

    def _heard_s(self) -> float:
        return self._last_byte_s

    def _overdue(self, *, lives: bool, fruitless: bool) -> None:
        """The conversation goes on where it lives. A log-in does for a few looks: at a wrong speed bytes come too.

        One that is not kept between looks is, until it has borne fruit: its log-in may take most of a look.
        """
        session = self._session
        if session is None or not session.ready:
            self._log_in_looks += 1
            seeks_speed = len(self._line.bauds) > 1 and self._baud != self._good_baud
            lives = lives and not seeks_speed and self._log_in_looks < LOG_IN_LOOKS_MAX
        if not lives or not (self._keeps_line or fruitless):
            self._drop()

    @property
    def _keeps_line(self) -> bool:
        """Some devices talk to one client at a time: between two looks another may have them."""
        return self._line.is_serial or self._family.keeps_line

    def _first_try_until_s(self, deadline_s: float) -> float:
        return min(deadline_s, self._now_s() + ORDER_S) if self.is_open() else deadline_s

    def _try_again(self, first: Outcome, *, kept: bool) -> bool:
        """When the old one was stuck, half open, or had been closed before our order reached the device."""
        answered = first.ok and "closed" not in first.proof
        return kept and not answered and not self.is_open()

    def _came_late(self) -> None:
        self._kept_until_s = self._now_s() + KEPT_S

    def _refused(self, failed: CommandFailed) -> None:
        if failed.reason in STUCK:
            self._drop()

    # -- the conversation; it is our turn

    @property
    def _has_telnet(self) -> bool:
        return self._family.telnet and not self._line.is_serial

    def _drop(self) -> None:
        stream, self._stream, self._session = self._stream, None, None
        self._log_in_looks, self._unread = 0, b""
        if stream is not None:
            stream.close()

    def _end_if_closed(self) -> None:
        if self._stop.is_set():
            raise InterruptedPoll

    def _ready(self, deadline_s: float) -> Session:
        self._drop_if_ended()
        session = self._session if self._session is not None else self._begin(deadline_s)
        if not session.ready:
            self._carry(session, (Ready,), deadline_s)
            self._tries, self._good_baud, self._log_in_looks, self._logged_in = 0, self._baud, 0, True
            self._hold.accepted()
        return session

    def _drop_if_ended(self) -> None:
        """A device that serves one client at a time may have ended what was kept: that is no word about it."""
        if self._keeps_line or self._stream is None or self._session is None:
            return
        try:
            self._unread += self._stream.recv(0.0)
        except LinkFault:
            self._drop()

    def _begin(self, deadline_s: float) -> Session:
        self._hold.check(self._now_s(), f"the {self._family.kind}")
        self._baud = self._next_baud()
        self._tries += 1
        self._stream, self._opened_s = self._open(self._baud, self._connect_s(deadline_s)), self._now_s()
        self._line_opened = self._line.opening_proves
        self._end_if_closed()
        self._drain(deadline_s)
        # Where the line has logged in, the device asks for nothing more; if it does, that is a question of its own.
        session = self._new_session(Session, os.urandom(4).hex())  # type: ignore[type-abstract]
        self._session, self._telnet = session, TelnetFilter()
        session.open()
        return session

    def _connect_s(self, deadline_s: float) -> float:
        return max(0.5, min(CONNECT_S, deadline_s - self._now_s()))

    def _open(self, baud: int, timeout_s: float) -> Stream:
        try:
            return self._line.open(baud, self._resolver, timeout_s, self._access)
        except LinkFault as fault:
            if fault.kind == "denied" and self._line.logs_in:
                self._hold.refused(self._now_s())
            raise

    def _next_baud(self) -> int:
        """The speed that worked, every other time; else the list in turn: an SX20 changes its own during boot."""
        bauds = self._line.bauds or (0,)
        if self._good_baud and self._tries % 2 == 0:
            return self._good_baud
        return bauds[(self._tries // 2 if self._good_baud else self._tries) % len(bauds)]

    def _drain(self, deadline_s: float) -> None:
        if not self._line.is_serial or self._stream is None:
            return
        end_s = min(deadline_s, self._now_s() + DRAIN_MAX_S)
        while self._now_s() < end_s and self._stream.recv(DRAIN_QUIET_S):
            self._end_if_closed()

    def _carry(
        self, session: Session, ends: tuple[type[Event], ...], deadline_s: float, in_time: InTime = always
    ) -> Event:
        quiet_since_s = self._now_s()
        while True:
            self._end_if_closed()
            if self._turns.must_give_way:
                raise GaveWay
            self._pause_between(session)
            if (found := self._sifted(self._overheard(session, deadline_s), ends)) is not None:
                return found
            if self._flush(session, in_time):
                quiet_since_s = self._now_s()
            now_s = self._now_s()
            if now_s >= deadline_s:
                raise OutOfTime
            patience_left_s = quiet_since_s + session.patience_s - now_s
            data, self._unread = self._unread, b""
            data = data or self._received(session, min(SLICE_S, patience_left_s, deadline_s - now_s), deadline_s)
            events: list[Event] = []
            if data:
                events = self._taken(session, data)
                quiet_since_s = self._last_byte_s
            elif patience_left_s <= 0 and session.busy:
                quiet_since_s = self._now_s()
                events = session.silence()
            if (found := self._sifted(events, ends)) is not None:
                return found

    def _pause(self, seconds: float) -> None:
        """Wait, but not after `close`."""
        self._stop.wait(seconds)

    def _received(self, session: Session, timeout_s: float, deadline_s: float) -> bytes:
        """What arrived; nothing where the device has hung up and the line has been opened anew."""
        assert self._stream is not None
        try:
            return self._stream.recv(max(0.0, timeout_s))
        except LinkFault as fault:
            # One that hangs up without a word upon a fresh line is no such device.
            hung_up = fault.kind == "refused" and self._last_byte_s >= self._opened_s
            if not hung_up or not session.outlives_line or not session.reopened():
                raise
        self._stream.close()
        self._stream, self._opened_s = self._open(self._baud, self._connect_s(deadline_s)), self._now_s()
        return b""

    def _taken(self, session: Session, data: bytes) -> list[Event]:
        self._last_byte_s = self._now_s()
        return session.receive(self._telnet.feed(data) if self._has_telnet else data)

    def _pause_between(self, session: Session) -> None:
        if session.unsent:
            self._pause(max(0.0, self._sent_at_s + session.gap_s - self._now_s()))

    def _overheard(self, session: Session, deadline_s: float) -> list[Event]:
        """What came before the question that is about to leave: it is no answer to that, though it may look like one.

        An order would be lost in a line that the device has closed: now is the time to notice.
        """
        events: list[Event] = []
        for _ in range(OVERHEARD_MAX):
            if not session.unsent:
                break
            data, self._unread = self._unread or self._received(session, 0.0, deadline_s), b""
            if not data:
                break
            events += self._taken(session, data)
        return events

    def _flush(self, session: Session, in_time: InTime) -> bool:
        telnet = self._telnet.output()
        if not telnet and not session.unsent:
            return False
        if session.unsent:
            self._leaving(session, in_time)
        assert self._stream is not None
        self._stream.send(telnet + session.output(), SEND_S)
        self._sent_at_s = self._now_s()
        return True

    def _sifted(self, events: list[Event], ends: tuple[type[Event], ...]) -> Event | None:
        found = self._found(events, ends)
        if any(isinstance(event, Silent) for event in events):
            if found is None:
                raise LinkFault("timeout", f"the {self._family.kind} does not answer")
            # What was gathered still counts, the conversation does not.
            self._drop()
        return found
