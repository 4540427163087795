"""A conversation over HTTP: a request goes out, a reply comes back, and the next request follows. Sans-IO as the rest.

A shell drives it like this (`agent.probes.weblink`):

    events = session.open()
    while (request := session.request()) is not None:
        events = session.reply(exchange(request))     # or `failed`, or `lost`

Name and password of HTTP's own kind (Basic, Digest) are the transport's; a family whose device has a log-in of its own
implements `_log_in`.

A session that the device keeps for us is ended by us (`farewell`): devices have few, and refuse everybody once all are
taken.
"""

from __future__ import annotations

import abc
from dataclasses import replace
from typing import TypeVar

from agent.core.exchange import HttpReply, HttpRequest
from agent.core.facts import BUSY, NoReading
from agent.devices.base import DeviceBusy, Event, Login, LoginFull, LoginNeeded, LoginRefused, ProtocolError, Ready
from agent.devices.inquiry import Inquiry, Query

A = TypeVar("A")
COOKIES_MAX = 20
"""More names are not kept: a device that makes up new ones would fill the memory."""
Step = HttpRequest | Ready | LoginRefused | LoginNeeded | LoginFull | DeviceBusy | ProtocolError
"""What follows in a log-in: the next request, or how it ended. A ProtocolError: what answers is not the device."""
LOG_IN_ENDS = (LoginRefused, LoginNeeded, ProtocolError)
"""Ends that a family reads out of a reply whose status says more."""
REASONS = {LoginFull: "full", DeviceBusy: "busy", ProtocolError: "garbled"}
"""Why what was asked has no answer, by how the log-in ended; else it was denied."""


def sendable(text: str) -> bool:
    """Whether what a device says can go back in a header: a line end in it would make two headers of one."""
    return text.isascii() and text.isprintable()


class HttpSession(Inquiry[A]):
    """See the module. Cookies that the device sets are sent back."""

    patience_s = 4.0
    """How long an exchange may be silent."""
    outlives_silence = False
    """Whether the log-in is gone on with after an exchange came to nothing. Only where the device says by itself when
    it has forgotten us: a hung one that still logs in would fill itself with sessions of ours."""

    def __init__(self, login: Login) -> None:
        super().__init__(login)
        self._request: HttpRequest | None = None
        self._logging_in = False
        self._logged_in = False
        self._parting: HttpRequest | None = None
        """The farewell that is under way, before the next log-in."""
        self._again = 0
        self._cookies: dict[str, str] = {}

    @abc.abstractmethod
    def _log_in(self, reply: HttpReply | None) -> Step:
        """The next step of the log-in; `reply` is None at its beginning. Without one: `Ready()` at once."""

    @abc.abstractmethod
    def _make(self, query: Query) -> HttpRequest:
        """The request of a query."""

    @abc.abstractmethod
    def _read(self, query: Query, reply: HttpReply) -> A | NoReading:
        """What a reply says."""

    def _farewell(self) -> HttpRequest | None:
        """What ends our session in the device; None where the family begins none, or does not know how."""
        return None

    def _expired(self, reply: HttpReply) -> bool:
        """Whether the device has forgotten our log-in."""
        return reply.status in (401, 403)

    def open(self) -> list[Event]:
        """Begin. To be called once."""
        self._logging_in, self._logged_in = True, False
        return self._step(self._log_in(None))

    @property
    def unsent(self) -> bool:
        """Whether `request` has something."""
        return self._request is not None

    def _unsay(self) -> None:
        self._request = None

    def request(self) -> HttpRequest | None:
        """The request to carry out now, handed out once; None: nothing is outstanding."""
        request, self._request = self._request, None
        return None if request is None else self._with_cookies(request)

    def _with_cookies(self, request: HttpRequest) -> HttpRequest:
        if not self._cookies:
            return request
        cookie = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        return replace(request, headers=(*request.headers, ("Cookie", cookie)))

    def farewell(self) -> HttpRequest | None:
        """The request that ends our session in the device, whatever its reply; None where there is none to end."""
        if self._parting is not None:
            return self._parting
        request = self._farewell() if self._logged_in else None
        return None if request is None else self._with_cookies(request)

    def break_off(self) -> bool:
        """The exchange under way came to nothing: forget all that was asked. Whether the conversation can go on."""
        self._asked = self._forsaken = self._request = None
        self._queue.clear()
        self._polling = False
        return self.outlives_silence and self.ready

    def reply(self, reply: HttpReply) -> list[Event]:
        """Take the reply to the request. Never raises, whatever it holds."""
        if self._parting is not None:
            self._parting = None
            return self.open()
        fresh = {name: value for name, value in reply.cookies().items() if sendable(f"{name}{value}")}
        self._cookies = dict(list((self._cookies | fresh).items())[:COOKIES_MAX])
        if self._logging_in:
            step = self._log_in(reply)
            # Whoever has no time has not judged our name and password.
            return self._step(DeviceBusy() if reply.is_busy and isinstance(step, LOG_IN_ENDS) else step)
        query = self._asked
        if query is None:
            return []
        if self._expired(reply):
            return self._log_in_again(query)
        self._again = 0
        answer = BUSY if reply.is_busy else self._read(query, reply)
        return self._answered(answer, "" if isinstance(answer, NoReading) else reply.text()[:200])

    def failed(self, kind: str) -> list[Event] | None:
        """The exchange came to nothing: `kind` as in `NoReading`. None: that ends the conversation.

        A question that stays silent is given up, as on any other line, and so is one that can be done without.
        """
        if self._logging_in or self._asked is None or self._asked.remedy:
            return None
        if kind == "timeout":
            events = self._query_silence()
            self.ready = True  # whether the log-in outlives it, `break_off` says
            return events
        return self._do_without() if kind == "garbled" and self.waits_for_optional else None

    def lost(self) -> bool:
        """Our time was up in the midst of an exchange: its question is as good as unasked. False: a log-in is not."""
        if self._logging_in or self._parting is not None:
            return False
        asked, self._asked = self._asked, None
        if asked is not None and not asked.remedy:
            self._queue.appendleft(asked)
        return True

    def _log_in_again(self, query: Query) -> list[Event]:
        """The query was not taken, an order neither: it comes again after the log-in, once."""
        self._again += 1
        if self._again > 1:
            return [*self._abandon("denied"), LoginRefused()]
        self._asked = None
        self._queue.appendleft(query)
        self.ready = False
        self._parting = self._request = self.farewell()
        self._cookies.clear()
        # It is told to forget what may be there still: a refusal is not always a session that has lapsed.
        return [] if self._parting else [event for event in self.open() if not isinstance(event, Ready)]

    def _step(self, step: Step) -> list[Event]:
        if isinstance(step, HttpRequest):
            self._request = step
            return []
        self._logging_in = False
        if isinstance(step, Ready):
            self.ready = self._logged_in = True
            self._ask_next()
            return [step]
        return [*self._abandon(REASONS.get(type(step), "denied")), step]

    def _ask(self, query: Query) -> None:
        self._request = self._make(query)
