"""Cisco and Tandberg codecs over their web interface: `getxml` asks, `putxml` orders.

Source: device facts, "HTTP". Basic credentials, or from CE 8.0 a session: every request without one opens a session of
its own in the codec, and there are few, so one is begun where it is offered (TC answers 404 and goes on with Basic),
and ended with `xmlapi/session/end` and its cookie, `SessionId` or `SecureSessionId` (public drivers). HTTP 200 may
carry a failure. The facts are those of the command line.

Unverified [M]: what an empty `getxml` answers (an empty `Status`, `EmptyResult`, and "No match" are taken; 404 is not:
then nothing is known of calls), the wording of errors, `Audio Volume Set` and `Unmute` as XML.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote
from xml.sax.saxutils import escape

from agent.core.exchange import HttpReply, HttpRequest
from agent.core.facts import NoReading, Reading
from agent.devices.about import About, Tested
from agent.devices.base import Login, Ready
from agent.devices.codec import _xapi_session
from agent.devices.codec._baseline import REMEDY
from agent.devices.codec._xapi_facts import STATUSES, TEAMS, facts_of
from agent.devices.codec._xapi_replies import Values
from agent.devices.codec._xapi_session import XapiInquiry
from agent.devices.codec._xapi_settings import HEAD, NAMING
from agent.devices.codec._xapi_web import xml_result, xml_setting, xml_status, xml_taken
from agent.devices.inquiry import Query
from agent.devices.web import HttpSession, Step

FAMILY = "cisco_http"
PORT = 443
SCHEMES = ("https", "http")
HTTP_LOGIN = True
BAUDS = ()
KEYS = _xapi_session.KEYS
SETTINGS = NAMING
REMEDIES = _xapi_session.REMEDIES
ABOUT = About(
    "Cisco and Tandberg codecs (TC, CE, RoomOS), web interface",
    (
        Tested("HTTPS 443", "recordings over TLS", "tests/probes/test_weblink.py"),
        Tested("HTTP 80", "our simulator; recordings", "tests/sim/test_cisco_web.py"),
    ),
    unseen="what an empty `getxml` answers (after a 404 nothing is known of calls), wording of errors, "
    "`Audio Volume Set` and `Unmute` as XML",
)

SESSION_BEGIN = HttpRequest("POST", "/xmlapi/session/begin")
SESSION_END = HttpRequest("POST", "/xmlapi/session/end")
XML = (("Content-Type", "text/xml"),)


def session(login: Login, nonce: str = "") -> CiscoHttpSession:  # noqa: ARG001 - every reply belongs to its request
    """A fresh conversation."""
    return CiscoHttpSession(login)


class CiscoHttpSession(XapiInquiry, HttpSession[Values]):
    """See the module."""

    def _log_in(self, reply: HttpReply | None) -> Step:
        return SESSION_BEGIN if reply is None else Ready()

    def _farewell(self) -> HttpRequest | None:
        return SESSION_END if any(name.lower().endswith("sessionid") for name in self._cookies) else None

    def _queries(self) -> Sequence[Query]:
        settings = [f"{HEAD} {path}" for path in self._baseline.due(self._settings_now)]
        return [
            *(Query(path, path) for path in (*STATUSES, *self._media.queries)),
            *(Query(path, path, optional=True) for path in settings),
        ]

    def _make(self, query: Query) -> HttpRequest:
        if not query.remedy:
            place = _above_lists(query.text) if query.text.startswith(HEAD) else "Status " + query.text
            return HttpRequest("GET", "/getxml?location=" + quote("/" + place.replace(" ", "/")))
        if query.remedy == REMEDY:
            return HttpRequest("POST", "/putxml", XML, setting_xml(*query.text.split("\n")).encode())
        return HttpRequest("POST", "/putxml", XML, command_xml(query.text).encode())

    def _read(self, query: Query, reply: HttpReply) -> Values | NoReading:
        if query.remedy == REMEDY:
            return xml_taken(reply)
        if query.key.startswith(HEAD):
            return xml_setting(reply, HEAD, query.text.split()[1:])
        if not query.remedy:
            answer = xml_status(reply)
            # Whatever else answers 404 (a proxy, a page that moved) must not pass for a codec without calls.
            return NoReading("refused") if reply.status == 404 and query.key in ("Call", TEAMS) else answer
        result = xml_result(reply)
        if isinstance(result, NoReading):
            return result
        return Values() if result.ok else NoReading(result.reason)

    def _facts(self, answers: Mapping[str, Values | NoReading]) -> Mapping[str, Reading]:
        # "No such path" in XML is an answer, but any web server at all says 404.
        understood = any(isinstance(answer, Values) for answer in answers.values())
        return {**facts_of(answers, False), "codec.api": understood}


def setting_xml(path: str, value: str) -> str:
    """`Audio DefaultVolume` and its value as a document; a place in a list is its node's `item`."""
    out = escape(value)
    item = ""
    for name in reversed([HEAD, *path.split(" ")]):
        if name.isdigit():
            item = f' item="{name}"'
        else:
            out, item = f"<{name}{item}>{out}</{name}>", ""
    return out


def _above_lists(path: str) -> str:
    """What can be asked for of it: how `location` names a place in a list is in no source, so the whole list is."""
    return re.split(r" [0-9]", path, maxsplit=1)[0]


def command_xml(text: str) -> str:
    """`Audio/Volume/Set Level=50` as a document."""
    path, *parameters = text.split(" ")
    names = path.split("/")
    inside = "".join(
        f"<{name}>{escape(value)}</{name}>" for name, _, value in (word.partition("=") for word in parameters)
    )
    out = f'<{names[-1]} command="True">{inside}</{names[-1]}>'
    for name in reversed(names[:-1]):
        out = f"<{name}>{out}</{name}>"
    return f"<Command>{out}</Command>"
