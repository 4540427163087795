"""Cisco codecs (CE 9.7 and later, RoomOS) over their WebSocket: JSON-RPC 2.0, one message a line.

Source: device facts, "WebSocket" [R], and the public clients `jsxapi` and `xows`. The line has logged in. Every reply
names its question; events do not, and come only for what was subscribed to.

**Feedback instead of polling.** What moves seldom (cameras, connectors, registration, sound) is asked whole once, and
then followed by events; `WHOLE_EVERY` polls later it is asked whole again, since a lost event would never be noticed.
What speaks of calls is always asked: "not in a call" is never taken from the absence of an event.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from agent.core.exchange import parsed_json
from agent.core.facts import NoReading, Reading
from agent.devices.about import About, Tested
from agent.devices.base import BLOCK_BYTES_MAX, Event, Login, ProtocolError, Ready, Session, Silent
from agent.devices.codec import _xapi_session
from agent.devices.codec._baseline import REMEDY
from agent.devices.codec._xapi_facts import CRITICAL, STATUSES, facts_of, speaks_of_call
from agent.devices.codec._xapi_mirror import Mirror
from agent.devices.codec._xapi_replies import Values
from agent.devices.codec._xapi_session import ORDERS, RESTART, XapiInquiry
from agent.devices.codec._xapi_settings import HEAD, NAMING
from agent.devices.codec._xapi_web import plain_status
from agent.devices.inquiry import Query, QuerySession
from agent.devices.lines import LineBuffer

FAMILY = "cisco_ws"
PORT = 443
SCHEMES = ("wss", "ws")
BAUDS = ()
KEYS = _xapi_session.KEYS
SETTINGS = NAMING
REMEDIES = _xapi_session.REMEDIES
ABOUT = About(
    "Cisco codecs (CE 9.7 and later, RoomOS), WebSocket, with feedback",
    (
        Tested("WSS 443", "our simulator over TLS", "tests/sim/test_cisco_web.py"),
        Tested("WS 80", "PyPI xows judges our simulator; recordings", "tests/sim/test_cisco_web.py"),
    ),
    unseen="every device over TLS, the message of an unknown path, its limit of subscriptions",
)

ERRORS = {-31999: "denied", -31998: "refused", -31997: "busy"}
"""What an error's number means: no right to it, too many subscriptions, not ready yet (xows); 1 is told by its message,
any other is garbled: our fault or the line's."""
COMMAND_FAILED, NO_COMMAND = 1, 3
NO_PATH = frozenset({COMMAND_FAILED, 3, -32602})
"""Numbers that a path which the codec does not have is told with; the words "no match" are in each. By xows 1 is a
failed command, by jsxapi 3 an invalid path, and simulators of RoomOS' macros have 3 and -32602."""
NO_METHOD = -32601
"""Said of a command that the codec does not have. Said of a question it means nothing: every codec has `xGet`."""
SUBSCRIBE = "subscribe "
WHOLE = re.compile(r"0|[1-9][0-9]{0,8}")


def session(login: Login, nonce: str = "") -> Session:  # noqa: ARG001 - a connection is never shared
    """A fresh conversation."""
    return WsSession(login)


class WsSession(XapiInquiry, QuerySession[Values]):
    """See the module."""

    patience_s = 3.0
    orders_by_remedy = MappingProxyType({**ORDERS, "codec_restart": (RESTART,)})

    def __init__(self, login: Login) -> None:
        super().__init__(login)
        self._lines = LineBuffer(BLOCK_BYTES_MAX)
        self._count = 0
        self._asked_as: dict[int, Query] = {}
        """The questions of the present poll, by the number that their answer has."""
        self._call_seen = False
        self._over = False
        self._mirror = Mirror(critical=CRITICAL)
        self._texts: set[str] = set()
        """Settings, as their questions write them, that the codec gave as text: they are not written as numbers."""

    @property
    def buffered(self) -> int:
        """Bytes kept of what arrived."""
        return len(self._lines) + self._mirror.size

    def open(self) -> None:
        """Say hello: the first question that is answered makes the session ready."""
        self._asked = Query("hello", "Standby")
        self._ask(self._asked)

    def poll(self) -> None:
        """Ask for all facts."""
        self._mirror.begin()
        super().poll()

    def _begin(self) -> None:
        self._call_seen = False
        self._asked_as.clear()

    def _left_out(self, keys: Sequence[str]) -> None:
        self._mirror.forget(keys)

    def receive(self, data: bytes) -> list[Event]:
        """Take what arrived."""
        if self._over:
            return []
        overruns = self._lines.overruns
        events: list[Event] = []
        for line in self._lines.feed(data):
            events += self._line(line)
        if self._lines.overruns > overruns:
            events.append(ProtocolError("message too long"))
        return events

    def silence(self) -> list[Event]:
        """Nothing arrived in time."""
        if not self.ready:
            self._over = True
            return [*self._abandon("timeout"), Silent()]
        events = self._query_silence()
        self._over = not self.ready
        return events

    # -- messages

    def _line(self, line: str) -> list[Event]:
        if not line.strip():
            return []
        try:
            message = parsed_json(line)
        except ValueError:
            return [ProtocolError("broken JSON")]
        if not isinstance(message, dict):
            return [ProtocolError("JSON without object")]
        if message.get("method") == "xFeedback/Event":
            return self._event(message.get("params"))
        if self._asked is None or message.get("id") != self._count:
            return (
                self._overdue(self._asked_as.get(number), message)
                if isinstance(number := message.get("id"), int)
                else []
            )
        return self._take(self._asked, message)

    def _overdue(self, query: Query | None, message: dict[str, Any]) -> list[Event]:
        """A late answer, or one to nobody."""
        if query is not None and not query.remedy:
            self._late_answer(query.key, self._answer_of(query, message))
        return []

    def _event(self, params: Any) -> list[Event]:
        status = params.get("Status") if isinstance(params, dict) else None
        if isinstance(status, dict):
            values = plain_status(status, ())
            self._call_seen = self._call_seen or speaks_of_call(values)
            self._mirror.event(values)
        return []

    def _take(self, query: Query, message: dict[str, Any]) -> list[Event]:
        answer = self._answer_of(query, message)
        if query.key == "hello":
            self._asked = None
            self.ready = True
            self._silences = 0
            return [Ready()]
        return self._answered(answer, str(message.get("error", message.get("result")))[:200])

    def _answer_of(self, query: Query, message: dict[str, Any]) -> Values | NoReading:
        if "error" in message:
            answer: Values | NoReading = NoReading(_reason(message["error"], of_order=bool(query.remedy)))
        elif "result" not in message:
            answer = NoReading("garbled")
        elif query.remedy or query.key.startswith(SUBSCRIBE):
            answer = Values()
        else:
            answer = plain_status(message["result"], tuple(query.text.split()))
            if isinstance(message["result"], str) and query.text.startswith(HEAD):
                self._texts.add(query.text)
        if query.key != "hello":
            self._mirror.answer(query.key, answer)
        return answer

    # -- questions

    def _queries(self) -> Sequence[Query]:
        # In a poll rather than before it: an order to a codec that hangs must not wait behind a subscription.
        queries = []
        for path in self._mirror.to_ask(STATUSES):
            if self._mirror.has_to_follow(path):
                queries.append(Query(SUBSCRIBE + path, path))
            queries.append(Query(path, path))
        settings = [f"{HEAD} {path}" for path in self._baseline.due(self._settings_now)]
        queries += [Query(path, path) for path in self._media.queries]
        return queries + [Query(path, path, optional=True) for path in settings]

    def _render(self, query: Query) -> bytes:
        self._count += 1
        self._asked_as[self._count] = query
        if query.remedy == REMEDY:
            path, _, value = query.text.partition("\n")
            is_text = f"{HEAD} {path}" in self._texts
            return self._message("xSet", {"Path": _place(HEAD, path), "Value": value if is_text else _typed(value)})
        if query.remedy:
            path, _, rest = query.text.partition(" ")
            given = dict(word.partition("=")[::2] for word in rest.split())
            return self._message("xCommand/" + path, {name: _typed(value) for name, value in given.items()})
        path_ = _place(query.text) if query.text.startswith(HEAD) else _place("Status", query.text)
        if query.key.startswith(SUBSCRIBE):
            return self._message("xFeedback/Subscribe", {"Query": path_, "NotifyCurrentValue": False})
        return self._message("xGet", {"Path": path_})

    def _message(self, method: str, params: Mapping[str, object]) -> bytes:
        body = {"jsonrpc": "2.0", "method": method, "id": self._count, "params": params}
        return json.dumps(body, ensure_ascii=False).encode() + b"\n"

    def _facts(self, answers: Mapping[str, Values | NoReading]) -> Mapping[str, Reading]:
        return facts_of(self._mirror.complete(answers), self._call_seen)


def _typed(word: str) -> int | str:
    """A number where it is written as one; `0241234` is a text, and its zero has to stay."""
    return int(word) if WHOLE.fullmatch(word) else word


def _place(*texts: str) -> list[int | str]:
    """The path of these words; places in a list are numbers, as the public clients send them."""
    return [_typed(word) for text in texts for word in text.split()]


def _reason(error: Any, *, of_order: bool) -> str:
    if not isinstance(error, dict):
        return "garbled"
    code, text = error.get("code"), f"{error.get('message', '')} {error.get('data', '')}".lower()
    if of_order and code == NO_METHOD:
        return "absent"
    if not of_order and code in NO_PATH and "no match" in text:
        return "absent"
    if code in (COMMAND_FAILED, NO_COMMAND) and of_order:
        return "absent" if "unknown command" in text else "refused"
    if code == COMMAND_FAILED:
        return "refused"
    return ERRORS.get(code, "garbled") if isinstance(code, int) else "garbled"
