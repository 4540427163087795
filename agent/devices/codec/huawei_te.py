"""Huawei TE10, TE20 and IdeaHub over `action.cgi`.

Sources: device facts, "Huawei TE10/TE20, IdeaHub" [D]; the maker's public HTTP API reference (TE10 and TE20
V600R019C00, IdeaHub) for the mailbox's `state`, the call's status, sleep, sound, version; public drivers for the
settings (`WEB_GetCfgParamAPI` takes names; its answer is an object of them, or lists of `CfgItemID` and `CfgItemInfo`;
`WEB_SaveCfgParamAPI` takes such lists, TE20 to TE60), for the restart (`WEB_RequestRebootAPI`, IdeaHub and others) and
for the end of a session (`WEB_LogoutAPI` with the token).

A session is a cookie; name and password then bring a token that goes into every later body. Answers are JSON inside a
JSON string. What a lapsed session answers is not documented: when the mailbox, which every account may read, fails,
the log-in is repeated, once. Code 16781313 of a refused log-in is a terminal with too many users
(Mihail-R-cdx/diag-module-ref, a client of TE20). CloudLink 310 logs in elsewhere (`/v1/login/session`): it is not
served.

Unverified [M]: everything on hardware; the error of a lapsed session; whether `gk` and `sip` are 0 where none is set
up; which models restart when told.
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
from agent.devices.codec._call_loss import LossSinceLook
from agent.devices.codec._huawei_facts import (
    AUDIO,
    CALL,
    CONFIG,
    DECIDED_BY,
    MAILBOX,
    SLEEP,
    VERSION,
    VOLUME_MAX,
    config_of,
    data_of,
    facts_of,
    is_failure,
    is_full,
    loss_of,
)
from agent.devices.codec._json_web import entry, text, typed, written
from agent.devices.inquiry import Query
from agent.devices.web import HttpSession, Step

FAMILY = "huawei_te"
PORT = 443
SCHEMES = ("https", "http")
BAUDS = ()
DEFAULT_PASSWORDS = ("12345678",)
KEYS = (*facts_of({}), *loss_of({}, LossSinceLook()), *SETTINGS_KEYS)
REMEDIES = frozenset({"codec_restart", "codec_wake", "codec_volume_restore", "codec_unmute", REMEDY})
SETTINGS = Naming(re.compile(r"[A-Za-z][A-Za-z0-9_]{0,60}"), "sipserv_addr")
ABOUT = About(
    "Huawei TE10, TE20, IdeaHub",
    (Tested("HTTPS 443", "our simulator over TLS; recordings", "tests/sim/test_json_web.py"),),
    unseen="every device: what a session that has lapsed answers, whether `gk` and `sip` are 0 where none is set up. "
    "A model that takes no order to restart refuses it; then the relay is next",
)

SESSION, CERTIFICATE = "WEB_RequestSessionIDAPI", "WEB_RequestCertificateAPI"
WHOLE_SYSTEM = 255
"""`siteHandle` of the call's status: the system's, not that of one far end."""


def session(login: Login, nonce: str = "") -> HuaweiSession:  # noqa: ARG001 - every reply belongs to its request
    """A fresh conversation."""
    return HuaweiSession(login)


def action(name: str, body: Mapping[str, object]) -> HttpRequest:
    """The request of an action."""
    return json_request("POST", f"/action.cgi?ActionID={name}", dict(body))


class HuaweiSession(HttpSession[Any]):
    """See the module. An answer is its `data`."""

    decided_by = DECIDED_BY

    def __init__(self, login: Login) -> None:
        super().__init__(login)
        self._token = ""
        self._knocked = False
        self._useless = False
        """The last log-in did not mend what it was repeated for."""
        self._loss = LossSinceLook()
        self._baseline = Baseline(SETTINGS_MAX)
        self._settings: dict[str, Any] = {}
        """Those read in this conversation, as the terminal types them."""

    def _log_in(self, reply: HttpReply | None) -> Step:
        if reply is None:
            self._token, self._knocked = "", False
            return action(SESSION, {})
        data = data_of(reply)
        if is_full(reply):
            return LoginFull()
        if reply.status in (401, 403) and self._has_account():
            return LoginRefused()
        if not self._knocked:
            return self._begun(data)
        if is_failure(reply):
            return LoginRefused()
        token = text(entry(data, "accsrftoken"))
        if not isinstance(token, str):
            return ProtocolError(f"no token came: status {reply.status}")
        self._token = token
        return Ready()

    def _farewell(self) -> HttpRequest | None:
        return action("WEB_LogoutAPI", {"acCSRFToken": self._token})

    def _begun(self, data: Any) -> Step:
        """The session's cookie has come, or not."""
        if not any(isinstance(entry(data, name), str) for name in ("sztermtype", "acsessionid")):
            return ProtocolError("no session was begun: this is no Huawei terminal")
        if not self._has_account():
            return LoginNeeded()
        number = text(entry(data, "acsessionid"))
        if isinstance(number, str) and number.isascii() and number.isalnum():
            # Older firmware says it in the body alone.
            self._cookies.setdefault("SessionID", number)
        self._knocked = True
        return action(CERTIFICATE, {"user": self.login.user, "password": self.login.password})

    def _has_account(self) -> bool:
        return bool(self.login.user or self.login.password)

    def _expired(self, reply: HttpReply) -> bool:
        query = self._asked
        if query is None or (query.key != MAILBOX and not query.remedy):
            return False  # the mailbox has just been read in this session
        lapsed = super()._expired(reply)
        if not query.remedy:
            lapsed = lapsed or is_failure(reply)
            self._useless = lapsed and (self._useless or self._again > 0)
        return lapsed and not self._again and not self._useless

    def _queries(self) -> Sequence[Query]:
        names = self._baseline.due(self._settings_now)
        queries = [*self._call_queries(), *(Query(name, name) for name in (SLEEP, AUDIO, VERSION))]
        config = Query(CONFIG, f"{CONFIG} {json.dumps({'CfgIDString': names})}", optional=True)
        return [*queries, config] if names else queries

    def _call_queries(self) -> Sequence[Query]:
        return [Query(MAILBOX, MAILBOX), Query(CALL, f"{CALL} " + json.dumps({"siteHandle": WHOLE_SYSTEM}))]

    def _orders(self, remedy: str) -> Sequence[Query]:
        match remedy:
            case "codec_restart":
                return [Query(remedy, "WEB_RequestRebootAPI", remedy)]
            case "codec_wake":
                return [Query(remedy, "WEB_SystemWakeUpAPI", remedy)]
            case "codec_unmute":
                return [Query(remedy, "WEB_OpenMicAPI", remedy)]
            case "codec_volume_restore":
                steps = max(0, min(VOLUME_MAX, round(self.volume_pct * VOLUME_MAX / 100)))
                order = json.dumps({"speaker": 1, "speakerValue": steps})
                return [Query(remedy, f"WEB_SetSpeakVolumeAPI {order}", remedy)]
            case "codec_settings_restore":
                changes = self._changes()
                return [Query(remedy, f"WEB_SaveCfgParamAPI {json.dumps(changes)}", remedy)] if changes else []
            case _:
                return []

    def _changes(self) -> dict[str, list[dict[str, Any]]]:
        """What to write: numbers and texts go in lists of their own."""
        lists: dict[str, list[dict[str, Any]]] = {"CfgItemInt": [], "CfgItemString": []}
        for name, value in self._baseline.orders(self.wanted).items():
            new = typed(value, self._settings.get(name))
            lists["CfgItemInt" if isinstance(new, int) else "CfgItemString"].append(
                {"CfgItemID": name, "CfgItemInfo": new}
            )
        return lists if any(lists.values()) else {}

    def _make(self, query: Query) -> HttpRequest:
        name, _, body = query.text.partition(" ")
        return action(name, {**json.loads(body or "{}"), "acCSRFToken": self._token})

    def _read(self, query: Query, reply: HttpReply) -> Any | NoReading:  # noqa: ARG002 - all answers have one shape
        return data_of(reply)

    def _facts(self, answers: Mapping[str, Any]) -> Mapping[str, Reading]:
        return facts_of(answers)

    def _compared(self, facts: Mapping[str, Reading], answers: Mapping[str, Any]) -> Mapping[str, Reading]:  # noqa: ARG002
        found = config_of(answers[CONFIG], self.wanted) if CONFIG in answers else {}
        self._settings |= {name: value for name, value in found.items() if not isinstance(value, NoReading)}
        read = {name: written(value) for name, value in found.items()}
        return loss_of(answers, self._loss) | self._baseline.completed(self.wanted, read)
