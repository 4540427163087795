"""The conversation with a codec over HTTP. A poll gives way between two requests, and it stays as it is."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Any

from agent.core.exchange import HttpRequest
from agent.devices.base import Event, Facts, ProtocolError, Ready, Silent
from agent.devices.web import HttpSession
from agent.ports import InTime, Outcome, always
from agent.probes.families import Family
from agent.probes.lines import Access, Line
from agent.probes.link import Link
from agent.probes.names import Resolver
from agent.probes.turns import GaveWay, InterruptedPoll, OutOfTime
from agent.transports.errors import LinkFault
from agent.transports.http import HttpClient

REQUESTS_MAX = 200
"""Exchanges in one poll or order: a device that sends us in circles is garbled."""
PARTING_S = 1.0
"""How long the end of a session may take, and `close` with it: an agent that stops must not wait for a dead codec."""


class HttpLink(Link[HttpSession[Any]]):
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
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(family, access, volume_pct, wanted, clock_s)
        self._line_opened = False
        self._cut_off = False
        """The time was up in the midst of an exchange."""
        self._owed: HttpRequest | None = None
        """The farewell of a session that we have let go of: it is said before the next is begun."""
        login = (access.login.user, access.login.password) if family.http_login else ("", "")
        self._client = HttpClient(
            line.url, *login, trust=access.trust, resolve=resolver.address, own_login=not family.http_login
        )

    def close(self) -> None:
        """End for good; from any thread."""
        super().close()
        deadline_s = self._now_s() + PARTING_S
        with self._turns.urgent(PARTING_S / 2) as mine:
            if mine:
                self._drop()
                self._part(deadline_s)
        self._client.close()

    # -- looks and orders

    def _look_begins(self) -> None:
        self._line_opened = False

    def _has_opened(self) -> bool:
        """In any exchange of the look: where one was silent, the next has a connection of its own."""
        return self._line_opened or self._client.opened

    def _heard_s(self) -> float:
        return self._client.heard_s

    def _overdue(self, *, lives: bool, fruitless: bool) -> None:  # noqa: ARG002 - the log-in is kept anyway
        """Between two requests nothing is on its way, and what still comes is a sign of life: the log-in is kept."""
        if self._cut_off and not lives:
            self._broke(LinkFault("timeout"))

    def _try_again(self, first: Outcome, *, kept: bool) -> bool:  # noqa: ARG002
        """Either it restarts, or it had closed the connection before our order came: then it is there again."""
        return "closed" in first.proof

    def _hung_up(self, error: LinkFault | InterruptedPoll) -> bool:
        return super()._hung_up(error) and self._client.opened

    # -- the conversation; it is our turn

    def _drop(self) -> None:
        left, self._session = self._session, None
        if left is not None:
            self._owed = left.farewell() or self._owed

    def _restarted(self) -> None:
        self._session = self._owed = None

    def _broke(self, fault: BaseException) -> None:
        silent = isinstance(fault, LinkFault) and fault.kind == "timeout"
        if not (silent and self._session is not None and self._session.break_off()):
            self._drop()

    def _part(self, deadline_s: float) -> None:
        """End the session that a broken conversation has left in the device. Its answer does not matter."""
        owed, self._owed = self._owed, None
        left_s = min(PARTING_S, deadline_s - self._now_s())
        if owed is not None and left_s > 0:
            with contextlib.suppress(LinkFault):
                self._client.exchange(owed, left_s)

    def _ready(self, deadline_s: float) -> HttpSession[Any]:
        if self._session is not None and self._session.ready:
            return self._session
        events: list[Event] = []
        if self._session is None:
            self._hold.check(self._now_s(), f"the {self._family.kind}")
            self._part(deadline_s)
            fresh = self._session = self._new_session(HttpSession)  # type: ignore[type-abstract]
            events = fresh.open()
        session = self._session
        if self._sifted(events, (Ready,)) is None:
            self._carry(session, (Ready,), deadline_s)
            self._logged_in = True
        self._hold.accepted()
        return session

    def _carry(
        self, session: HttpSession[Any], ends: tuple[type[Event], ...], deadline_s: float, in_time: InTime = always
    ) -> Event:
        for _ in range(REQUESTS_MAX):
            if self._stop.is_set():
                raise InterruptedPoll
            if self._turns.must_give_way:
                raise GaveWay
            if self._now_s() >= deadline_s:
                self._cut_off = False
                raise OutOfTime
            if (request := session.request()) is None:
                raise LinkFault("timeout", "no complete answer in time")
            events = self._exchanged(session, request, deadline_s, in_time)
            if (found := self._sifted(events, ends)) is not None:
                return found
        raise LinkFault("garbled", "the device sends us in circles")

    def _exchanged(
        self, session: HttpSession[Any], request: HttpRequest, deadline_s: float, in_time: InTime
    ) -> list[Event]:
        self._cut_off = False
        try:
            reply = self._client.exchange(
                request, deadline_s - self._now_s(), lambda: self._leaving(session, in_time), session.patience_s
            )
        except LinkFault as fault:
            if fault.kind == "timeout" and self._now_s() >= deadline_s:
                self._cut_off = True
                if not session.lost():
                    self._drop()
                raise OutOfTime from fault
            done_without = session.failed(fault.kind)
            if done_without is None:
                raise
            return done_without
        finally:
            self._line_opened = self._line_opened or self._client.opened
        return session.reply(reply)

    def _sifted(self, events: list[Event], ends: tuple[type[Event], ...]) -> Event | None:
        found = self._found(events, ends)
        for event in events:
            if isinstance(event, ProtocolError) and found is None:
                raise LinkFault("garbled", event.text)
            if isinstance(event, Silent) and found is None:
                raise LinkFault("timeout", f"the {self._family.kind} does not answer")
        if any(isinstance(event, Silent) for event in events):
            self._broke(LinkFault("timeout"))
            if isinstance(found, Facts):  # a page or two may still be served by a codec that hangs
                found = Facts({**found.readings, self._api: False} if self._api in found.readings else found.readings)
        return found
