"""The one conversation with a device: kept open between polls, shared by probe and effector.

Only one of them speaks at a time. Whoever is in a hurry goes first (`agent.probes.turns`): an order, and the question
of a witness whether a call is up. The poll under way then ends with what it knows, and the conversation goes on: the
answer that is still on its way is waited for and dropped. An order takes a fresh connection when the present one is
stuck, and asks whether it is still wanted in the moment before its first byte leaves.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Protocol

from agent.core.facts import NoReading, Reading
from agent.devices.base import (
    CommandDone,
    CommandFailed,
    Event,
    Facts,
    LoginNeeded,
    LoginRefused,
    Ready,
    Session,
    Silent,
)
from agent.devices.telnet import TelnetFilter
from agent.ports import BUSY, LATE, Asked, InTime, LateError, Outcome, always
from agent.probes.families import Family
from agent.probes.lines import CONNECT_S, Access, Line
from agent.probes.moments import Moments
from agent.probes.names import Resolver
from agent.probes.settings_pause import SettingsPause
from agent.probes.turns import GaveWay, InterruptedPoll, OutOfTime, Turns, cut_short
from agent.transports.errors import LinkFault
from agent.transports.holdoff import HoldOff
from agent.transports.stream import Stream

SLICE_S = 0.2
"""Longest wait in one go: how soon an interruption or `close` is noticed."""
SEND_S = 2.0
DRAIN_QUIET_S, DRAIN_MAX_S = 0.3, 1.0
"""A serial line is drained before a conversation: what the device still said to the one before is no answer to us."""
ORDER_S = 6.0
"""How long an order may go unanswered before the conversation counts as stuck."""
KEPT_S = 15.0
"""How long a conversation is kept whose order came too late: the next try finds it open."""
STUCK = frozenset({"timeout", "link", "garbled"})
"""Reasons that speak of the conversation rather than of the order: a fresh one may do better."""


class Link(Protocol):
    """A conversation with a device: over a stream of bytes (`DeviceLink`) or over HTTP (`agent.probes.weblink`)."""

    @property
    def opened(self) -> bool:
        """Whether the line itself could be opened in the last `observe`."""
        ...

    @property
    def speed_known(self) -> bool:
        """Whether silence may be blamed on the device."""
        ...

    def observe(self, timeout_s: float) -> Asked:
        """One poll, or what is known of it when it gave way. Raises LinkFault, InterruptedPoll."""
        ...

    def attest(self, timeout_s: float) -> Asked:
        """`codec.in_call` alone. Raises LinkFault, and InterruptedPoll when it could not be asked for."""
        ...

    def order(self, remedy: str, timeout_s: float, in_time: InTime = always) -> Outcome:
        """Give an order; never raises."""
        ...

    def close(self) -> None:
        """End for good; from any thread."""
        ...


class DeviceLink:
    """A codec's, a display's or a camera's session on its line."""

    def __init__(
        self,
        family: Family,
        line: Line,
        access: Access,
        resolver: Resolver,
        volume_pct: float = 50.0,
        wanted: Mapping[str, str] | None = None,
    ) -> None:
        self._family = family
        self._line = line
        self._access = access
        self._volume_pct = volume_pct
        self._wanted = dict(wanted or {})
        self._settings = SettingsPause()
        self._resolver = resolver
        self._turns = Turns()
        self._stop = threading.Event()
        self._stream: Stream | None = None
        self._session: Session | None = None
        self._telnet = TelnetFilter()
        self._sent_at_s = 0.0
        self._moments = Moments()
        self._talks = False
        """Something came in the last exchange."""
        self._ordered = False
        """Bytes of the present order have left."""
        self._kept_until_s = 0.0
        self._tries = 0
        self._baud = self._good_baud = 0
        self._hold = HoldOff()
        self._line_opened = False
        self.opened = False

    def is_open(self) -> bool:
        """Whether a conversation is kept."""
        return self._session is not None

    @property
    def speed_known(self) -> bool:
        """Whether silence may be blamed on the device: the speed is right, or every speed has been tried in vain."""
        return not self._line.is_serial or bool(self._good_baud) or self._tries >= len(self._line.bauds)

    def observe(self, timeout_s: float) -> Asked:
        """As in `Link`. Blocks at most `timeout_s`, and before that for the turn of an order."""
        with self._turns.sweep():
            self._line_opened = self._stream is not None and self._line.opening_proves
            try:
                return self._swept(time.monotonic() + timeout_s)
            finally:
                self.opened = self._line_opened

    def _swept(self, deadline_s: float) -> Asked:
        try:
            with self._dropping_on_fault():
                session = self._ensure(deadline_s)
                with self._settings.asked_of(session):
                    session.poll()
                    found = self._answered(session, deadline_s)
        except GaveWay:
            self._turns.leave_early()
            left = self._session
            return cut_short(self._moments.stamped(left, left.give_way()) if left is not None else None)
        self._end_of_look()
        return found

    def attest(self, timeout_s: float) -> Asked:
        """As in `Link`. Blocks at most `timeout_s`, and 2 s more where a name has to be looked up.

        When the time is up the conversation is kept where it lives: a slow line would never come to an end otherwise.
        """
        deadline_s = time.monotonic() + timeout_s
        with self._turns.urgent(timeout_s / 2) as mine:
            if not mine:
                raise InterruptedPoll
            try:
                with self._dropping_on_fault(but=OutOfTime):
                    session = self._ensure(deadline_s)
                    session.poll_call()
                    found = self._answered(session, deadline_s)
            except OutOfTime:
                if self._session is not None and self._talks:
                    self._session.give_way()
                else:
                    self._drop()
                raise
            self._end_of_look()
            return found

    def _answered(self, session: Session, deadline_s: float) -> Asked:
        """The poll that has just been asked for."""
        self._moments = Moments()
        facts = self._pump(lambda event: isinstance(event, Facts), deadline_s)
        assert isinstance(facts, Facts)
        return self._moments.stamped(session, facts.readings)

    def order(self, remedy: str, timeout_s: float, in_time: InTime = always) -> Outcome:
        """Give an order and wait for the device's word. Blocks about `timeout_s` at most. Never raises."""
        deadline_s = time.monotonic() + timeout_s
        with self._turns.urgent(timeout_s / 2) as mine:
            if not mine:
                return Outcome(False, BUSY, {"answer": "another exchange held the line", "sent": False})
            if not self.is_open():
                return self._order(remedy, deadline_s, in_time)
            old = self._order(remedy, min(deadline_s, time.monotonic() + ORDER_S), in_time)
            answered = old.ok and "closed" not in old.proof
            if answered or self.is_open() or time.monotonic() > deadline_s - 1:
                return old
            # The old conversation was stuck, half open, or had been closed before our order reached the device.
            fresh = self._order(remedy, deadline_s, in_time)
            if old.proof.get("sent") and fresh.proof.get("sent") is False:
                if fresh.reason == LATE:
                    return old
                fresh = replace(fresh, proof={**fresh.proof, "sent": True})  # the first try may have been obeyed
            return old if old.ok and not fresh.ok else fresh

    def _order(self, remedy: str, deadline_s: float, in_time: InTime) -> Outcome:
        self._ordered = False
        try:
            with self._dropping_on_fault(but=LateError):
                session = self._ensure(deadline_s)
                session.command(remedy)
                event = self._pump(lambda event: isinstance(event, CommandDone | CommandFailed), deadline_s, in_time)
        except LateError:
            self._kept_until_s = time.monotonic() + KEPT_S
            return Outcome(False, LATE, {"sent": False})
        except LinkFault as fault:
            if self._ordered and fault.kind == "refused" and remedy == "codec_restart":
                # It restarted before it could finish its answer.
                return Outcome(True, "", {"answer": "connection closed", "closed": True, "sent": True})
            return Outcome(False, fault.kind, {"answer": str(fault)[:200], "sent": self._ordered})
        except InterruptedPoll:
            return Outcome(False, "link", {"answer": "closing", "sent": self._ordered})
        if isinstance(event, CommandFailed):
            if event.reason in STUCK:
                self._drop()
            return Outcome(False, event.reason, {"answer": event.answer[:200], "sent": self._ordered})
        if remedy == "codec_restart":
            self._drop()
        self._end_of_look()
        return Outcome(True, "", {"answer": event.answer[:200] if isinstance(event, CommandDone) else ""})

    def close(self) -> None:
        """End for good; from any thread."""
        self._stop.set()
        stream = self._stream
        if stream is not None:
            stream.close()

    # -- the conversation; the lock is held

    def _end_if_closed(self) -> None:
        if self._stop.is_set():
            raise InterruptedPoll

    @contextlib.contextmanager
    def _dropping_on_fault(self, but: type[Exception] = GaveWay) -> Iterator[None]:
        """What breaks a conversation off, `but` this, leaves it in the midst of an answer: the next begins afresh."""
        try:
            yield
        except but:
            raise
        except BaseException:
            self._drop()
            raise

    @property
    def _has_telnet(self) -> bool:
        return self._family.telnet and not self._line.is_serial

    def _drop(self) -> None:
        stream, self._stream, self._session = self._stream, None, None
        if stream is not None:
            stream.close()

    def _end_of_look(self) -> None:
        """Some devices talk to one client at a time: between two looks another may have them."""
        if not self._line.is_serial and not self._family.keeps_line and time.monotonic() >= self._kept_until_s:
            self._drop()

    def _ensure(self, deadline_s: float) -> Session:
        """A conversation that has logged in: the kept one, one whose log-in gave way, or a new one."""
        session = self._session if self._session is not None else self._begin(deadline_s)
        if not session.ready:
            self._pump(lambda event: isinstance(event, Ready), deadline_s)
            self._tries, self._good_baud = 0, self._baud
            self._hold.accepted()
        return session

    def _begin(self, deadline_s: float) -> Session:
        if self._hold.holds(time.monotonic()):
            raise LinkFault("denied", f"the {self._family.kind} refused our password; waiting before the next try")
        self._baud = self._next_baud()
        self._tries += 1
        self._stream = self._open(self._baud, max(0.5, min(CONNECT_S, deadline_s - time.monotonic())))
        self._line_opened = self._line.opening_proves
        self._end_if_closed()
        self._drain(deadline_s)
        # Where the line has logged in, the device asks for nothing more; if it does, that is a question of its own.
        session = self._family.session(self._access.login, os.urandom(4).hex())
        if not isinstance(session, Session):
            raise LinkFault("refused", f"{self._family.name} has no control interface on such a line")
        self._session, self._telnet = session, TelnetFilter()
        session.volume_pct = self._volume_pct
        session.wanted = self._wanted
        session.open()
        return session

    def _open(self, baud: int, timeout_s: float) -> Stream:
        try:
            return self._line.open(baud, self._resolver, timeout_s, self._access)
        except LinkFault as fault:
            if fault.kind == "denied" and self._line.logs_in:
                self._hold.refused(time.monotonic())
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
        end_s = min(deadline_s, time.monotonic() + DRAIN_MAX_S)
        while time.monotonic() < end_s and self._stream.recv(DRAIN_QUIET_S):
            self._end_if_closed()

    def _pump(self, wanted: Callable[[Event], bool], deadline_s: float, in_time: InTime = always) -> Event:
        """Carry bytes both ways until the wanted event. Raises LinkFault, InterruptedPoll, GaveWay, LateError."""
        session, stream = self._session, self._stream
        assert session is not None
        assert stream is not None
        quiet_since_s = time.monotonic()
        self._talks = False
        while True:
            self._end_if_closed()
            if self._turns.must_give_way:
                raise GaveWay
            if self._flush(session, stream, in_time):
                quiet_since_s = time.monotonic()
            now_s = time.monotonic()
            if now_s >= deadline_s:
                raise OutOfTime
            patience_left_s = quiet_since_s + session.patience_s - now_s
            data = stream.recv(max(0.0, min(SLICE_S, patience_left_s, deadline_s - now_s)))
            events: list[Event] = []
            if data:
                quiet_since_s, self._talks = time.monotonic(), True
                events = session.receive(self._telnet.feed(data) if self._has_telnet else data)
            elif patience_left_s <= 0 and session.busy:
                quiet_since_s = time.monotonic()
                events = session.silence()
            if (found := self._sift(events, wanted)) is not None:
                return found

    def _flush(self, session: Session, stream: Stream, in_time: InTime) -> bool:
        telnet = self._telnet.output()
        if not telnet and not session.unsent:
            return False
        self._stop.wait(max(0.0, self._sent_at_s + session.gap_s - time.monotonic()))
        if session.unsent and session.orders:
            if not in_time():
                session.withdraw()
                raise LateError
            self._ordered = True
        self._moments.sent(session.question if session.unsent else "")
        stream.send(telnet + session.output(), SEND_S)
        self._sent_at_s = time.monotonic()
        return True

    def _sift(self, events: list[Event], wanted: Callable[[Event], bool]) -> Event | None:
        found = next((event for event in events if wanted(event)), None)
        if any(isinstance(event, LoginNeeded | LoginRefused) for event in events):
            self._hold.refused(time.monotonic())
            raise LinkFault("denied", f"the {self._family.kind} asks for a name or password that we do not have")
        if any(isinstance(event, Silent) for event in events):
            if found is None:
                raise LinkFault("timeout", f"the {self._family.kind} does not answer")
            # What was gathered still counts, the conversation does not.
            self._drop()
        return found


def api_reading(link: Link, fault: LinkFault, *, host_is_up: bool) -> Reading:
    """What a fault says of the device: False only when it is surely the device's own.

    That is so when our own line worked, or its host is there. See the table in `docs/devices.md`.
    """
    if fault.kind in ("denied", "link", "certificate_changed", "host_key_changed", "old_tls"):
        return NoReading(fault.kind)
    if link.opened:
        return False if link.speed_known else NoReading(fault.kind)
    return False if fault.kind == "refused" or host_is_up else NoReading(fault.kind)
