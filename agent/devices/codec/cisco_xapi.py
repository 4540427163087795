"""Cisco and Tandberg codecs (C, SX, MX, DX, Room): xAPI over serial or TCP, terminal text or JSON.

Sources: device facts, "Cisco / Tandberg xAPI". The codec is asked for JSON, where every reply names its question; old
software (TC) does not know JSON and goes on in text, where a reply is known by its path and ends with `** end`. `OK`
may stand before or after a block and therefore means nothing here. Restart: `xCommand SystemUnit Boot Action: Restart`
(CE, RoomOS), and where that is not known `xCommand Boot` (TC). Boot takes 2 to 5 min [M].

Unverified [M]: `xCommand Audio Volume Set` and `Unmute`, the wording of text-mode errors and of the failed login,
`xStatus SystemUnit State` alone (where it does not say how many calls are up, all of `SystemUnit` is asked). An
MXP speaks an older tongue (no `Standby`, no `NumberOfActiveCalls`): give its room the family `generic`.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping, Sequence

from agent.core.facts import NoReading, Reading
from agent.devices.about import About, Tested
from agent.devices.base import (
    BLOCK_BYTES_MAX,
    Event,
    Login,
    LoginNeeded,
    LoginRefused,
    ProtocolError,
    Ready,
    Session,
    Silent,
)
from agent.devices.codec import _xapi_session
from agent.devices.codec._baseline import REMEDY
from agent.devices.codec._xapi_facts import CALLS, STATUSES, TEAMS, facts_of, speaks_of_call
from agent.devices.codec._xapi_replies import NOT_RECOGNIZED, JsonBlock, Reply, TerminalBlock, Values
from agent.devices.codec._xapi_session import XapiInquiry
from agent.devices.codec._xapi_settings import HEAD, NAMING
from agent.devices.inquiry import Query, QuerySession
from agent.devices.lines import LineBuffer

FAMILY = "cisco_xapi"
PORT = 23
SCHEMES = ("tcp", "serial", "ssh")
BAUDS = (115200, 38400, 9600)
"""SX80 and SX20 on TC 115200, SX10 and SX80 on CE 38400, MXP 9600. An SX20 speaks 38400 for a moment at boot."""
ABOUT = About(
    "Cisco and Tandberg codecs (C, SX, MX, DX, Room): TC, CE, RoomOS",
    (
        Tested("TCP (Telnet 23)", "npm jsxapi 6 judges our simulator; recordings", "tests/sim/test_jsxapi.py"),
        Tested(
            "serial 115200, 38400, 9600 (found by trying)",
            "our simulator, and recordings over real lines",
            "tests/probes/test_codec.py",
        ),
    ),
    unseen="wording of text-mode errors and of a failed login, `Audio Volume Set` and `Unmute`, boot time",
)
KEYS = _xapi_session.KEYS
SETTINGS = NAMING
REMEDIES = _xapi_session.REMEDIES

STATE = "SystemUnit State"
"""The part of `SystemUnit` that speaks of calls."""
LOGIN_PROMPT = re.compile(r"^(?!last )(?:[\w.\-]+ )?(?:login|user ?name): ?$", re.IGNORECASE)
PASSWORD_PROMPT = re.compile(r"^password(?: for \S+)?: ?$", re.IGNORECASE)
REFUSED = re.compile(r"login incorrect|permission denied|access denied|authentication fail|login failed", re.IGNORECASE)


class Phase(enum.Enum):
    """How far the conversation has come."""

    LOGIN = "waits for a prompt or a greeting"
    SETUP = "`echo off` is on its way"
    MODE = "JSON was asked for; the next reply shows whether it was understood"
    READY = "asks and orders"
    OVER = "said all it will ever say"


def quoted(value: str) -> str:
    """A setting's value as the command line takes it."""
    return value if value.isascii() and value.isalnum() else f'"{value}"'


def session(login: Login, nonce: str = "") -> Session:
    """A fresh conversation. `nonce` tells its questions from those of earlier conversations on the same serial line."""
    return XapiSession(login, nonce)


class XapiSession(XapiInquiry, QuerySession[Values]):
    """See the module."""

    patience_s = 2.0

    def __init__(self, login: Login, nonce: str = "") -> None:
        super().__init__(login)
        self.phase = Phase.LOGIN
        self.json_mode = False
        self._nonce = nonce
        self._lines = LineBuffer(BLOCK_BYTES_MAX)
        self._text = TerminalBlock(BLOCK_BYTES_MAX)
        self._json = JsonBlock(BLOCK_BYTES_MAX)
        self._count = 0
        self._asked_as: dict[str, str] = {}
        """By result id, the questions of the present poll: keys of their answers."""
        self._call_seen = False
        self._password_sent = False
        self._blind = False
        self._nudges = 0
        self._heard = False
        self._teams_unknown = 0
        self._knows_state = True
        """Whether it is asked for the unit's state alone. Its whole answer takes 2 s at 9,600 baud."""

    @property
    def buffered(self) -> int:
        """Bytes kept of what arrived."""
        return len(self._lines) + len(self._json) + len(self._text)

    def open(self) -> None:
        """The codec greets by itself on TCP; a serial line stays silent until nudged."""

    def receive(self, data: bytes) -> list[Event]:
        """Take what arrived."""
        if self.phase is Phase.OVER:
            return []
        overruns = self._lines.overruns
        events: list[Event] = []
        for line in self._lines.feed(data):
            events += self._line(line)
        if self._lines.overruns > overruns:
            events += self._garbled("line too long")
        tail = self._lines.tail
        if LOGIN_PROMPT.match(tail) or PASSWORD_PROMPT.match(tail):
            self._lines.clear()
            events += self._prompt(is_password=PASSWORD_PROMPT.match(tail) is not None)
        return events

    def _begin(self) -> None:
        self._call_seen = False
        self._asked_as.clear()

    # -- login and set-up

    def _prompt(self, is_password: bool) -> list[Event]:
        events: list[Event] = []
        if self.phase is Phase.READY:
            # The codec restarted or threw us out: whatever was asked will not be answered.
            events += self._abandon("timeout")
            self._password_sent = False
        self.phase = Phase.LOGIN
        if is_password:
            return events + self._password_prompt()
        if self._password_sent:
            return [*events, *self._over(LoginRefused())]
        if not self.login.user:
            return [*events, *self._over(LoginNeeded())]
        self._send(self.login.user.encode() + b"\n")
        return events

    def _password_prompt(self) -> list[Event]:
        if self._blind:
            # Our `echo off` was taken for a name. An empty password brings the name prompt back.
            self._blind = False
            self._send(b"\n")
            return []
        if self._password_sent:
            return self._over(LoginRefused())
        if not self.login.password and not self.login.user:
            return self._over(LoginNeeded())
        self._password_sent = True
        self._send(self.login.password.encode() + b"\n")
        return []

    def _over(self, event: Event) -> list[Event]:
        self.phase = Phase.OVER
        return [*self._abandon("denied"), event]

    def _login_line(self, line: str) -> list[Event]:
        if REFUSED.search(line) and self._password_sent:
            return self._over(LoginRefused())
        if line == "OK" or line.startswith("{"):
            self._set_up()
        return []

    def _set_up(self) -> None:
        self.phase = Phase.SETUP
        self._send(b"echo off\n")

    def _ask_mode(self) -> None:
        self.phase = Phase.MODE
        self._text.clear()
        self._json.clear()
        self._send(b"xPreferences outputmode json\n")
        self._send(self._render(Query("mode", "xStatus Standby")))

    def _mode_reply(self, reply: Reply) -> list[Event]:
        if not reply.status.starts_with(("Standby",)) and (not reply.from_json or reply.result_id != self._result_id):
            return []
        self.json_mode = reply.from_json
        self.phase = Phase.READY
        self.ready = True
        self._silences = 0
        return [Ready()]

    def silence(self) -> list[Event]:
        """Nothing arrived: nudge during login, give a question up later."""
        self._nudges += self.phase in (Phase.LOGIN, Phase.SETUP, Phase.MODE)
        if self.phase is Phase.READY:
            return self._question_lost()
        if self.phase is Phase.LOGIN and self._nudges == 1:
            self._send(b"\n")
        elif self.phase is Phase.LOGIN and self._nudges == 2:
            self._blind = True
            self._set_up()
        elif self.phase is Phase.SETUP and self._nudges < 3:
            self._ask_mode()
        elif self.phase is Phase.MODE and self._nudges < 3:
            self._send(b"xStatus Standby\n")
        else:
            self.phase = Phase.OVER
            return [*self._abandon("timeout"), Silent()]
        return []

    def _question_lost(self) -> list[Event]:
        self._json.clear()
        if self.json_mode:
            events = self._query_silence()
        elif self._heard:
            # A bare OK or ERROR: the codec lives and has nothing to say that we understand.
            events = self._answered(NoReading("garbled"))
        else:
            # Text replies do not name their question: a late one would be taken for the next. Start over.
            events = [*self._abandon("timeout"), Silent()]
        if not self.ready:
            self.phase = Phase.OVER
        return events

    # -- replies

    def _line(self, line: str) -> list[Event]:
        self._nudges = min(self._nudges, 1)
        if self.phase is Phase.LOGIN:
            return self._login_line(line.strip())
        if self.phase is Phase.SETUP:
            if line.strip() == "OK":
                self._blind = False
                self._ask_mode()
            return []
        if line.startswith("{") or (self._json.open and line[:1] not in ("*", "")):
            return self._json_line(line)
        if self._json.open:
            self._json.clear()
        return self._text_line(line)

    def _json_line(self, line: str) -> list[Event]:
        events: list[Event] = []
        if line.startswith("{") and self._json.open:
            # Objects start in the first column and nowhere else: the one before was cut off.
            self._json.clear()
            events += self._garbled("JSON object cut off")
        reply = self._json.line(line)
        if isinstance(reply, str):
            events += self._garbled(reply)
        elif reply is not None:
            events += self._reply(reply)
        return events

    def _text_line(self, line: str) -> list[Event]:
        stripped = line.strip()
        if stripped.lower() == NOT_RECOGNIZED:
            return self._not_recognized(stripped) if self.phase is Phase.READY else []
        if stripped in ("OK", "ERROR"):
            self._heard = True
            return []
        if not stripped or self._is_echo(stripped):
            return []
        if not stripped.startswith("*") and not stripped.lower().startswith("resultid"):
            self._text.line(line)
            return self._garbled("unexpected text")
        reply = self._text.line(stripped)
        return self._reply(reply) if reply is not None else []

    def _not_recognized(self, line: str) -> list[Event]:
        """The text does not say what was not recognized: noise on the line looks the same as an unknown path.

        Where "absent" would speak for "no call", it is believed only of Teams, and only the second time.
        """
        key = self._asked.key if self._asked else ""
        self._doubt_state()
        self._teams_unknown += key == TEAMS
        doubtful = key in ("SystemUnit", "Call") or (key == TEAMS and self._teams_unknown < 2)
        return self._answered(NoReading("garbled" if doubtful else "absent"), line)

    def _is_echo(self, line: str) -> bool:
        return self._asked is not None and line == self._render_text(self._asked)

    def _reply(self, reply: Reply) -> list[Event]:
        if self.phase is Phase.MODE:
            return self._mode_reply(reply)
        if not self._is_ours(reply):
            self._call_seen = self._call_seen or speaks_of_call(reply.status)
            if reply.from_json and (key := self._asked_as.get(reply.result_id or "")) is not None:
                failed = reply.result is not None and not reply.result.ok
                self._late_answer(key, NoReading(reply.result.reason) if failed and reply.result else reply.status)
            return []
        if reply.status.get("SystemUnit", "State", "NumberOfActiveCalls") is None:
            self._doubt_state()
        if reply.result is not None and not reply.result.ok:
            return self._answered(NoReading(reply.result.reason), reply.result.text)
        return self._answered(reply.status, reply.result.text if reply.result else "")

    def _is_ours(self, reply: Reply) -> bool:
        """Whether a reply answers the outstanding question; else it is an event, or a late answer."""
        if self._asked is None:
            return False
        if self.json_mode:
            return reply.from_json and reply.result_id == self._result_id
        if self._asked.remedy == REMEDY and reply.result is None:
            return not reply.status.values  # settings are taken without a word
        if self._asked.remedy or reply.result is not None:
            return reply.result is not None
        return not reply.status.values or reply.status.starts_with(tuple(self._asked.key.split()))

    def _garbled(self, text: str) -> list[Event]:
        return [ProtocolError(text)]

    # -- questions

    @property
    def _result_id(self) -> str:
        return f"dc{self._nonce}-{self._count}"

    def _queries(self) -> Sequence[Query]:
        statuses = [Query(path, f"xStatus {path}") for path in (*STATUSES, *self._media.queries)]
        return statuses + [
            Query(f"{HEAD} {path}", f"xConfiguration {path}", optional=True)
            for path in self._baseline.due(self._settings_now)
        ]

    def _call_queries(self) -> Sequence[Query]:
        texts = {path: path for path in CALLS} | ({"SystemUnit": STATE} if self._knows_state else {})
        return [Query(path, f"xStatus {text}") for path, text in texts.items()]

    def _doubt_state(self) -> None:
        """It does not take the shorter question: the whole one is asked from now on."""
        self._knows_state = self._knows_state and (self._asked is None or self._asked.text != f"xStatus {STATE}")

    def _order_text(self, order: str) -> str:
        return "xCommand " + order.replace("/", " ").replace("=", ": ")

    def _setting_text(self, path: str, value: str) -> str:
        return f"xConfiguration {path}: {quoted(value)}"

    def _render(self, query: Query) -> bytes:
        self._count += 1
        self._heard = False
        if not query.remedy:
            self._asked_as[self._result_id] = query.key
        return self._render_text(query).encode() + b"\n"

    def _render_text(self, query: Query) -> str:
        named = self.json_mode or self.phase is Phase.MODE
        return f'{query.text} | resultId="{self._result_id}"' if named else query.text

    def _facts(self, answers: Mapping[str, Values | NoReading]) -> Mapping[str, Reading]:
        return facts_of(answers, self._call_seen)
