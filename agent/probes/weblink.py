"""The one conversation with a codec over HTTP, shared by probe, witness and effector as in `agent.probes.link`.

A poll gives way between two requests, and the conversation stays as it is.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from agent.core.exchange import HttpRequest
from agent.devices.base import CommandDone, CommandFailed, Event, Facts, LoginNeeded, LoginRefused, ProtocolError, Ready
from agent.devices.web import HttpSession
from agent.ports import BUSY, LATE, Asked, InTime, LateError, Outcome, always
from agent.probes.families import Family
from agent.probes.lines import Access, Line
from agent.probes.moments import Moments
from agent.probes.names import Resolver
from agent.probes.settings_pause import SettingsPause
from agent.probes.turns import GaveWay, InterruptedPoll, OutOfTime, Turns, cut_short
from agent.transports.errors import LinkFault
from agent.transports.holdoff import HoldOff
from agent.transports.http import HttpClient

REQUESTS_MAX = 200
"""Exchanges in one poll or order: a device that sends us in circles is garbled."""


class HttpLink:
    """A codec's session over its web interface."""

    speed_known = True

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
        self._login = access.login
        self._volume_pct = volume_pct
        self._wanted = dict(wanted or {})
        self._settings = SettingsPause()
        login = (access.login.user, access.login.password) if family.http_login else ("", "")
        self._client = HttpClient(
            line.url, *login, trust=access.trust, resolve=resolver.address, own_login=not family.http_login
        )
        self._session: HttpSession[object] | None = None
        self._turns = Turns()
        self._stop = threading.Event()
        self._moments = Moments()
        self._ordered = False
        """The present order has left."""
        self._hold = HoldOff()
        self.opened = False

    def observe(self, timeout_s: float) -> Asked:
        """As in `agent.probes.link.Link`. Blocks about `timeout_s`, and before that for the turn of an order."""
        with self._turns.sweep():
            deadline_s = time.monotonic() + timeout_s
            try:
                session = self._ready(deadline_s)
                with self._settings.asked_of(session):
                    session.poll()
                    return self._answered(session, deadline_s)
            except GaveWay:
                self._turns.leave_early()
                left = self._session
                return cut_short(self._moments.stamped(left, left.give_way()) if left is not None else None)
            finally:
                self.opened = self._client.opened

    def attest(self, timeout_s: float) -> Asked:
        """As in `agent.probes.link.Link`. Blocks at most `timeout_s`, and 2 s more where a name has to be looked up."""
        deadline_s = time.monotonic() + timeout_s
        with self._turns.urgent(timeout_s / 2) as mine:
            if not mine:
                raise InterruptedPoll
            try:
                session = self._ready(deadline_s)
                session.poll_call()
                return self._answered(session, deadline_s)
            except OutOfTime:
                if self._session is not None:
                    self._session.give_way()
                raise

    def _answered(self, session: HttpSession[object], deadline_s: float) -> Asked:
        """The poll that has just been asked for."""
        self._moments = Moments()
        facts = self._run(session, lambda event: isinstance(event, Facts), deadline_s)
        assert isinstance(facts, Facts)
        return self._moments.stamped(session, facts.readings)

    def order(self, remedy: str, timeout_s: float, in_time: InTime = always) -> Outcome:
        """Give an order and wait for the codec's word. Blocks about `timeout_s` at most. Never raises."""
        deadline_s = time.monotonic() + timeout_s
        with self._turns.urgent(timeout_s / 2) as mine:
            if not mine:
                return Outcome(False, BUSY, {"answer": "another exchange held the line", "sent": False})
            old = self._order(remedy, deadline_s, in_time)
            if "closed" not in old.proof or time.monotonic() > deadline_s - 1:
                return old
            # Either it restarts, or it had closed the connection before our order reached it: then it is there again.
            fresh = self._order(remedy, deadline_s, in_time)
            return fresh if fresh.ok else old

    def _order(self, remedy: str, deadline_s: float, in_time: InTime) -> Outcome:
        self._ordered = False
        try:
            session = self._ready(deadline_s)
            session.command(remedy)
            event = self._run(
                session, lambda event: isinstance(event, CommandDone | CommandFailed), deadline_s, in_time=in_time
            )
        except LateError:
            return Outcome(False, LATE, {"sent": False})
        except LinkFault as fault:
            if self._ordered and fault.kind == "refused" and self._client.opened and remedy == "codec_restart":
                # It restarted before it could finish its answer.
                return Outcome(True, "", {"answer": "connection closed", "closed": True, "sent": True})
            return Outcome(False, fault.kind, {"answer": str(fault)[:200], "sent": self._ordered})
        except InterruptedPoll:
            return Outcome(False, "link", {"answer": "closing", "sent": self._ordered})
        if isinstance(event, CommandFailed):
            return Outcome(False, event.reason, {"answer": event.answer[:200], "sent": self._ordered})
        if remedy == "codec_restart":
            self._session = None
        return Outcome(True, "", {"answer": event.answer[:200] if isinstance(event, CommandDone) else ""})

    def close(self) -> None:
        """End for good; from any thread."""
        self._stop.set()
        self._client.close()

    # -- the conversation; it is our turn

    def _ready(self, deadline_s: float) -> HttpSession[object]:
        """A conversation that has logged in: the kept one, one whose log-in gave way, or a new one."""
        if self._session is not None and self._session.ready:
            return self._session
        events: list[Event] = []
        if self._session is None:
            if self._hold.holds(time.monotonic()):
                raise LinkFault("denied", "the codec refused our password; waiting before the next try")
            fresh = self._family.session(self._login, "")
            assert isinstance(fresh, HttpSession)
            fresh.volume_pct = self._volume_pct
            fresh.wanted = self._wanted
            self._session, events = fresh, fresh.open()
        session = self._session
        self._run(session, lambda event: isinstance(event, Ready), deadline_s, events)
        self._hold.accepted()
        return session

    def _run(
        self,
        session: HttpSession[object],
        wanted: Callable[[Event], bool],
        deadline_s: float,
        events: list[Event] | None = None,
        in_time: InTime = always,
    ) -> Event:
        """Carry requests and replies until the wanted event. A LinkFault or InterruptedPoll ends the session."""
        try:
            found = self._sift(events or [], wanted)
            for _ in range(REQUESTS_MAX):
                if found is not None:
                    return found
                if self._stop.is_set():
                    raise InterruptedPoll
                if self._turns.must_give_way:
                    raise GaveWay
                left_s = deadline_s - time.monotonic()
                if left_s <= 0:
                    raise OutOfTime
                if (request := session.request()) is None:
                    raise LinkFault("timeout", "no complete answer in time")
                timeout_s = min(session.patience_s, left_s)
                found = self._sift(self._exchanged(session, request, timeout_s, in_time), wanted)
            raise LinkFault("garbled", "the device sends us in circles")
        except (GaveWay, LateError, OutOfTime):
            raise
        except BaseException:
            self._session = None
            raise

    def _exchanged(
        self, session: HttpSession[object], request: HttpRequest, timeout_s: float, in_time: InTime
    ) -> list[Event]:
        def leaving() -> None:
            """The connection is there, and the request is about to leave."""
            if session.orders:
                if not in_time():
                    session.withdraw()
                    raise LateError
                self._ordered = True
            self._moments.sent(session.question)

        try:
            return session.reply(self._client.exchange(request, timeout_s, leaving))
        except LinkFault as fault:
            done_without = session.failed() if fault.kind in ("timeout", "garbled") else None
            if done_without is None:
                raise
            return done_without

    def _sift(self, events: list[Event], wanted: Callable[[Event], bool]) -> Event | None:
        found = next((event for event in events if wanted(event)), None)
        if any(isinstance(event, LoginNeeded | LoginRefused) for event in events):
            self._hold.refused(time.monotonic())
            raise LinkFault("denied", "the codec refuses the name and password that we have")
        for event in events:
            if isinstance(event, ProtocolError) and found is None:
                raise LinkFault("garbled", event.text)
        return found
