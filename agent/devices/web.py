"""A conversation over HTTP: a request goes out, a reply comes back, and the next request follows. Sans-IO as the rest.

A shell drives it like this (`agent.probes.weblink`):

    events = session.open()
    while (request := session.request()) is not None:
        events = session.reply(exchange(request))     # a failed exchange ends the conversation

Name and password of HTTP's own kind (Basic, Digest) are the transport's; a family whose device has a log-in of its own
implements `_log_in`.
"""

from __future__ import annotations

import abc
from dataclasses import replace
from typing import TypeVar

from agent.core.exchange import HttpReply, HttpRequest
from agent.core.facts import NoReading
from agent.devices.base import Event, Login, LoginNeeded, LoginRefused, ProtocolError, Ready
from agent.devices.inquiry import Inquiry, Query

A = TypeVar("A")
COOKIES_MAX = 20
"""More names are not kept: a device that makes up new ones would fill the memory."""
Step = HttpRequest | Ready | LoginRefused | LoginNeeded | ProtocolError
"""What follows in a log-in: the next request, or how it ended. A ProtocolError: what answers is not the device."""


def sendable(text: str) -> bool:
    """Whether what a device says can go back in a header: a line end in it would make two headers of one."""
    return text.isascii() and text.isprintable()


class HttpSession(Inquiry[A]):
    """See the module. Cookies that the device sets are sent back."""

    patience_s = 4.0
    """How long one exchange may take."""

    def __init__(self, login: Login) -> None:
        super().__init__(login)
        self._request: HttpRequest | None = None
        self._logging_in = False
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

    def _expired(self, reply: HttpReply) -> bool:
        """Whether the device has forgotten our log-in."""
        return reply.status in (401, 403)

    def open(self) -> list[Event]:
        """Begin. To be called once."""
        self._logging_in = True
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
        if request is None or not self._cookies:
            return request
        cookie = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        return replace(request, headers=(*request.headers, ("Cookie", cookie)))

    def reply(self, reply: HttpReply) -> list[Event]:
        """Take the reply to the request. Never raises, whatever it holds."""
        fresh = {name: value for name, value in reply.cookies().items() if sendable(f"{name}{value}")}
        self._cookies = dict(list((self._cookies | fresh).items())[:COOKIES_MAX])
        if self._logging_in:
            return self._step(self._log_in(reply))
        query = self._asked
        if query is None:
            return []
        if self._expired(reply):
            return self._log_in_again(query)
        self._again = 0
        answer = self._read(query, reply)
        return self._answered(answer, "" if isinstance(answer, NoReading) else reply.text()[:200])

    def failed(self) -> list[Event] | None:
        """The exchange came to nothing. None: that ends the conversation; else it can be done without, and goes on."""
        return self._do_without() if self.waits_for_optional and not self._logging_in else None

    def _log_in_again(self, query: Query) -> list[Event]:
        """The query was not taken, an order neither: it comes again after the log-in, once."""
        self._again += 1
        if self._again > 1:
            return [*self._abandon("denied"), LoginRefused()]
        self._asked = None
        self._queue.appendleft(query)
        self.ready = False
        self._cookies.clear()
        return [event for event in self.open() if not isinstance(event, Ready)]

    def _step(self, step: Step) -> list[Event]:
        if isinstance(step, HttpRequest):
            self._request = step
            return []
        self._logging_in = False
        if isinstance(step, Ready):
            self.ready = True
            self._ask_next()
            return [step]
        reason = "garbled" if isinstance(step, ProtocolError) else "denied"
        return [*self._abandon(reason), step]

    def _ask(self, query: Query) -> None:
        self._request = self._make(query)
