"""Poly G7500, Studio X30, X50, X52, X70 (VideoOS) over their REST interface.

Sources: device facts, "VideoOS REST" [S]; the public reference guide (VideoOS 3.1 to 4.4) and public drivers for the
words of `state` and of the status list, `rest/session` on firmware without `rest/current/session`, meetings of Teams
and Zoom (`system/apps/state`), and the device mode (`system/mode/device`); a public management server for the settings:
`config` answers `{"names": [...]}` with `{"vars": [{"name", "value", "result": "NOERROR"}]}`, and takes such `vars`.

A session is begun with name and password; its id comes as the cookie `session_id` and in the body, and goes back as
cookie. From VideoOS 4.6.2 (the maker's forum, "Rest API for G7500 and Studio X") orders also carry the proof against
forged requests: the value of a second cookie, `XSRF-TOKEN`, as the header `x-xsrf-token` (AVISPL's driver, and Extron's
module for X30 and G7500, which compares the cookie's name without case). Where there is no such cookie, a header of
that name in the log-in's reply counts, else the session's id, as older drivers send it.

A refused log-in says why in `reason`: `SessionInvalidUserNamePassword`, `SessionMaxActiveSessionsReached` (403,
Extron's module); `SessionRequestInvalid`, `SessionPortLockout` and `SessionAlreadyActive` (400,
sifuas/PolyVideoOSRestAPI), where a session that has ended is told as `SessionNoActiveSession`, a 400 too. Sessions that
nobody ends pile up (AVISPL's recording of an X30 has eight), and the device locks up with them (sifuas' readme):
`DELETE` of the path of the log-in ends one. 403 to anything else means log in again, but also "not in this mode": what
is refused right after a log-in stays refused, and only `rest/system`, which every administrator may read, tells a
refused account.
The certificate may change with a restart (`agent.transports.trust`).

Unverified [M]: everything on hardware; how many sessions it has; whether it wants the proof of questions too (it gets
it); what old firmware answers for `apps/state` (a 404 is no denial: then nothing is known of calls); over which time
`percentPacketLoss` is reckoned. No way to wake it is published.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from agent.core.exchange import HttpReply, HttpRequest, json_request
from agent.core.facts import NoReading, Reading
from agent.devices.about import About, Tested
from agent.devices.base import Login, LoginFull, LoginNeeded, LoginRefused, ProtocolError, Ready
from agent.devices.codec._baseline import KEYS as SETTINGS_KEYS
from agent.devices.codec._baseline import REMEDY, SETTINGS_MAX, Baseline, Naming
from agent.devices.codec._json_web import entry, json_of, text, typed, written
from agent.devices.codec._videoos_facts import (
    APPS,
    AUDIO,
    CALLS,
    CONFERENCES,
    CONFIG,
    DECIDED_BY,
    DEVICE_MODE,
    MEDIA_END,
    STATUS,
    SYSTEM,
    Quality,
    all_written,
    conference_ids,
    config_of,
    facts_of,
)
from agent.devices.inquiry import Query
from agent.devices.web import HttpSession, Step, sendable

FAMILY = "poly_videoos"
PORT = 443
SCHEMES = ("https", "http")
BAUDS = ()
KEYS = (*facts_of({}), *Quality().look({}), *SETTINGS_KEYS)
REMEDIES = frozenset({"codec_restart", "codec_volume_restore", "codec_unmute", REMEDY})
SETTINGS = Naming(
    re.compile(r"[A-Za-z0-9_-]{1,40}(\.[A-Za-z0-9_-]{1,60}){1,9}"), "comm.callsetting.callfeatures.maxtimeincall"
)
ABOUT = About(
    "Poly G7500, Studio X30, X50, X52, X70 (VideoOS)",
    (Tested("HTTPS 443", "our simulator over TLS; recordings", "tests/sim/test_json_web.py"),),
    unseen="every device: how many sessions it has, what old firmware answers for `system/apps/state` (after a 404 "
    "nothing is known of calls), over which time a loss in percent is reckoned",
)

LOG_INS = ("/rest/current/session", "/rest/session")
FULL = frozenset({"SessionMaxActiveSessionsReached", "SessionAlreadyActive"})
"""The second: a session of before is in the way."""
ENDED = "SessionNoActiveSession"
WRONG = frozenset({"SessionInvalidUserNamePassword", "SessionRequestInvalid", "SessionPortLockout"})
"""Reasons after which the password must not be sent again soon. The last: it was wrong too often, maybe elsewhere."""
CONFERENCES_MAX = 4
"""Conferences whose streams are asked for in one poll."""


def session(login: Login, nonce: str = "") -> VideoOsSession:  # noqa: ARG001 - every reply belongs to its request
    """A fresh conversation."""
    return VideoOsSession(login)


class VideoOsSession(HttpSession[Any]):
    """See the module. An answer is its JSON."""

    decided_by = DECIDED_BY
    outlives_silence = True

    def __init__(self, login: Login) -> None:
        super().__init__(login)
        self._token = ""
        """The proof where no cookie is it."""
        self._log_ins: list[str] = []
        self._entrance = ""
        """The path of the log-in that was taken last."""
        self._forbidden: set[str] = set()
        """Queries that were refused right after a log-in: asking for one again is no reason for another."""
        self._quality = Quality()
        self._baseline = Baseline(SETTINGS_MAX)
        self._settings: dict[str, Any] = {}
        """Those read in this conversation, as the device types them."""

    def _log_in(self, reply: HttpReply | None) -> Step:
        if reply is None:
            self._token, self._log_ins = "", list(LOG_INS)
            return self._knock() if self._has_account() else HttpRequest("GET", SYSTEM)
        if not self._has_account():
            return self._without_account(reply)
        if reply.status == 404 and self._log_ins:
            return self._knock()
        return self._judged(reply)

    def _has_account(self) -> bool:
        return bool(self.login.user or self.login.password)

    def _knock(self) -> HttpRequest:
        account = {"user": self.login.user, "password": self.login.password}
        self._entrance = self._log_ins.pop(0)
        return json_request("POST", self._entrance, account)

    def _without_account(self, reply: HttpReply) -> Step:
        if reply.status in (401, 403) and not reply.header("www-authenticate"):
            return LoginNeeded()  # HTTP's own log-in would be another maker's
        known = isinstance(text(entry(json_of(reply), "model")), str)
        return Ready() if known else ProtocolError("this is no VideoOS")

    def _judged(self, reply: HttpReply) -> Step:
        answer, reason = json_of(reply), _reason(reply)
        if reason in FULL:
            return LoginFull()
        if reply.status in (401, 403) or reason in WRONG or entry(answer, "success") is False:
            return LoginRefused()
        number = text(entry(entry(answer, "session"), "sessionId"))
        if isinstance(number, NoReading):
            number = text(entry(answer, "sessionId"))
        name = number if isinstance(number, str) else self._cookies.get("session_id", "")
        if isinstance(answer, NoReading) or not name or not sendable(name):
            return ProtocolError(f"no session was begun: status {reply.status}")
        self._cookies.setdefault("session_id", name)
        token = reply.header("x-xsrf-token")
        self._token = token if token and sendable(token) else name
        return Ready()

    def _farewell(self) -> HttpRequest | None:
        return HttpRequest("DELETE", self._entrance, self._proof) if self._has_account() else None

    @property
    def _proof(self) -> tuple[tuple[str, str], ...]:
        """The header that shows that a request is ours."""
        cookies = (value for name, value in self._cookies.items() if name.lower() == "xsrf-token" and value)
        token = next(cookies, self._token)
        return (("x-xsrf-token", token),) if token else ()

    def _expired(self, reply: HttpReply) -> bool:
        query = self._asked
        lapsed = super()._expired(reply) or (reply.status == 400 and _reason(reply) == ENDED)
        if not lapsed or query is None or query.text == SYSTEM:
            return lapsed
        if self._again:
            self._forbidden.add(query.text)
        return query.text not in self._forbidden

    def _queries(self) -> Sequence[Query]:
        queries = [Query(path, path) for path in (SYSTEM, STATUS, AUDIO, CONFERENCES, APPS, DEVICE_MODE)]
        names = self._baseline.due(self._settings_now)
        config = Query(CONFIG, f"{CONFIG} {json.dumps({'names': names})}", optional=True)
        overdue = [Query(path, path) for path in self.asked_first if path.endswith(MEDIA_END)]
        return [*queries, *overdue, config] if names else [*queries, *overdue]

    def _call_queries(self) -> Sequence[Query]:
        return [Query(path, path) for path in CALLS]

    def _orders(self, remedy: str) -> Sequence[Query]:
        match remedy:
            case "codec_restart":
                return [Query(remedy, '/rest/system/reboot {"action": "reboot"}', remedy)]
            case "codec_volume_restore":
                level = max(0, min(100, round(self.volume_pct)))
                return [Query(remedy, f"/rest/audio/volume {level}", remedy)]
            case "codec_unmute":
                return [Query(remedy, "/rest/audio/muted false", remedy)]
            case "codec_settings_restore":
                changes = [
                    {"name": name, "value": typed(value, self._settings.get(name))}
                    for name, value in self._baseline.orders(self.wanted).items()
                ]
                return [Query(remedy, f"{CONFIG} {json.dumps({'vars': changes})}", remedy)] if changes else []
            case _:
                return []

    def _make(self, query: Query) -> HttpRequest:
        proof = self._proof
        path, _, body = query.text.partition(" ")
        return json_request("POST", path, json.loads(body), proof) if body else HttpRequest("GET", path, proof)

    def _read(self, query: Query, reply: HttpReply) -> Any | NoReading:
        if query.remedy:
            return _taken(reply)
        answer = json_of(reply)
        if query.text == CONFERENCES and self._whole:
            for name in reversed(conference_ids(answer)[:CONFERENCES_MAX]):
                path = f"{CONFERENCES}/{name}{MEDIA_END}"
                if path not in self._answers and path not in {other.key for other in self._queue}:
                    self._queue.appendleft(Query(path, path))
        return answer

    def _facts(self, answers: Mapping[str, Any]) -> Mapping[str, Reading]:
        return facts_of(answers)

    def _compared(self, facts: Mapping[str, Reading], answers: Mapping[str, Any]) -> Mapping[str, Reading]:  # noqa: ARG002
        found = config_of(answers[CONFIG], self.wanted) if CONFIG in answers else {}
        self._settings |= {name: value for name, value in found.items() if not isinstance(value, NoReading)}
        read = {name: written(value) for name, value in found.items()}
        return self._quality.look(answers) | self._baseline.completed(self.wanted, read)


def _reason(reply: HttpReply) -> str:
    """Why a log-in was refused, in the device's own word; empty where it gives none."""
    try:
        word = text(entry(reply.json(), "reason"))
    except ValueError:
        return ""
    return word if isinstance(word, str) else ""


def _taken(reply: HttpReply) -> Any | NoReading:
    """What became of an order: taken with an empty reply, or with JSON that does not say otherwise."""
    if 200 <= reply.status < 300 and not reply.body.strip():
        return {}
    answer = json_of(reply)
    return NoReading("refused") if entry(answer, "success") is False or not all_written(answer) else answer
