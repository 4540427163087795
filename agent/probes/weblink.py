"""The one conversation with a codec over HTTP, shared by probe and effector as in `agent.probes.link`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from agent.core.facts import Reading
from agent.devices.base import CommandDone, CommandFailed, Event, Facts, LoginNeeded, LoginRefused, ProtocolError, Ready
from agent.devices.web import HttpSession
from agent.exchange import HttpRequest
from agent.ports import Outcome
from agent.probes.families import Family
from agent.probes.lines import Access, Line
from agent.probes.link import InterruptedPoll, SettingsPause
from agent.probes.names import Resolver
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
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._give_way = threading.Event()
        self._hold = HoldOff()

    @property
    def opened(self) -> bool:
        """Whether the device took a connection."""
        return self._client.opened

    def observe(self, timeout_s: float) -> Mapping[str, Reading]:
        """One poll. Raises LinkFault, InterruptedPoll; blocks about `timeout_s` at most."""
        deadline_s = time.monotonic() + timeout_s
        with self._lock:
            session = self._ready(deadline_s)
            with self._settings.asked_of(session):
                session.poll()
                facts = self._run(session, lambda event: isinstance(event, Facts), deadline_s)
        assert isinstance(facts, Facts)
        return facts.readings

    def order(self, remedy: str, timeout_s: float) -> Outcome:
        """Give an order and wait for the codec's word. Blocks about `timeout_s` at most. Never raises."""
        deadline_s = time.monotonic() + timeout_s
        self._give_way.set()
        if not self._lock.acquire(timeout=timeout_s / 2):
            self._give_way.clear()
            return Outcome(False, "timeout", {"answer": "another exchange held the line"})
        try:
            self._give_way.clear()
            old = self._order(remedy, deadline_s)
            if "closed" not in old.proof or time.monotonic() > deadline_s - 1:
                return old
            # Either it restarts, or it had closed the connection before our order reached it: then it is there again.
            fresh = self._order(remedy, deadline_s)
            return fresh if fresh.ok else old
        finally:
            self._lock.release()

    def _order(self, remedy: str, deadline_s: float) -> Outcome:
        ordered = False
        try:
            session = self._ready(deadline_s)
            session.command(remedy)
            ordered = True
            event = self._run(session, lambda event: isinstance(event, CommandDone | CommandFailed), deadline_s)
        except LinkFault as fault:
            if ordered and fault.kind == "refused" and self._client.opened and remedy == "codec_restart":
                # It restarted before it could finish its answer.
                return Outcome(True, "", {"answer": "connection closed", "closed": True})
            return Outcome(False, fault.kind, {"answer": str(fault)[:200], "sent": ordered})
        except InterruptedPoll:
            return Outcome(False, "link", {"answer": "closing", "sent": ordered})
        if isinstance(event, CommandFailed):
            return Outcome(False, event.reason, {"answer": event.answer[:200]})
        if remedy == "codec_restart":
            self._session = None
        return Outcome(True, "", {"answer": event.answer[:200] if isinstance(event, CommandDone) else ""})

    def close(self) -> None:
        """End for good; from any thread."""
        self._stop.set()
        self._client.close()

    # -- the conversation; the lock is held

    def _ready(self, deadline_s: float) -> HttpSession[object]:
        if self._session is not None:
            return self._session
        if self._hold.holds(time.monotonic()):
            raise LinkFault("denied", "the codec refused our password; waiting before the next try")
        session = self._family.session(self._login, "")
        assert isinstance(session, HttpSession)
        session.volume_pct = self._volume_pct
        session.wanted = self._wanted
        self._run(session, lambda event: isinstance(event, Ready), deadline_s, session.open())
        self._hold.accepted()
        self._session = session
        return session

    def _run(
        self,
        session: HttpSession[object],
        wanted: Callable[[Event], bool],
        deadline_s: float,
        events: list[Event] | None = None,
    ) -> Event:
        """Carry requests and replies until the wanted event. A LinkFault or InterruptedPoll ends the session."""
        try:
            found = self._sift(events or [], wanted)
            for _ in range(REQUESTS_MAX):
                if found is not None:
                    return found
                if self._stop.is_set() or self._give_way.is_set():
                    raise InterruptedPoll
                request = session.request()
                left_s = deadline_s - time.monotonic()
                if request is None or left_s <= 0:
                    raise LinkFault("timeout", "no complete answer in time")
                found = self._sift(self._exchanged(session, request, min(session.patience_s, left_s)), wanted)
            raise LinkFault("garbled", "the device sends us in circles")
        except BaseException:
            self._session = None
            raise

    def _exchanged(self, session: HttpSession[object], request: HttpRequest, timeout_s: float) -> list[Event]:
        try:
            return session.reply(self._client.exchange(request, timeout_s))
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
