"""A UPS behind a NUT server (`upsd`, TCP 3493): one `LIST VAR` gives everything at one moment.

Sources: device facts, "Power" [R]; the network protocol chapter of the NUT developer guide (RFC 9271): lines end with
LF, values stand in quotes with `\\"` and `\\\\` escaped, every refusal is `ERR KIND`.

What real ones say is in nut-ddl, NUT's library of 718 dumps: four have `OL OFF` (on mains, and its output is off), 14
`ALARM` with a text in `ups.alarm`; 124 lack the charge, 316 the runtime. Santak's give neither: its MT-PRO tells the
voltage of the battery, its Castle that of one cell (2.28), with limits that are nonsense (-0.87, -1.08).

From networkupstools/nut: `OL DISCHRG` stands for the mains on an APC BK650M2 (#1970) and for the battery on a
CyberPower UT (`usbhid-ups` says so, #2565): the voltage of the mains decides, where it is told. A runtime of 0 on the
mains is none (ATEN OL2000LV, #2190).

What complains has the flag `ALARM`; some drivers keep a text in `ups.alarm` without one, which is no complaint:
Ablerex's a number (`0`), NHS's its state (`|CHARGER ON|`). A runtime of -1 (nut#983), or of 0 with a full battery
(nut#1072), is not known, and 65535 (nut#731, nut#1740) is the most that two bytes hold.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from agent.core.facts import NoReading, Reading
from agent.devices.about import About, Tested
from agent.devices.base import (
    CommandDone,
    CommandFailed,
    Event,
    Facts,
    Login,
    LoginRefused,
    ProtocolError,
    checked,
    number,
)
from agent.devices.lines import LineBuffer

ABOUT = About(
    "any UPS behind Network UPS Tools (`upsd`)",
    (Tested("TCP 3493", "a real upsd with `dummy-ups` (Debian); dumps of nut-ddl", "tests/probes/test_power.py"),),
)
PORT = 3493
KEYS = (
    "ups.on_battery",
    "ups.low_battery",
    "ups.replace_battery",
    "ups.output_on",
    "ups.fault",
    "ups.charge_pct",
    "ups.runtime_s",
    "ups.input_v",
)

REASONS = {
    "VAR-NOT-SUPPORTED": "absent",
    "UNKNOWN-UPS": "absent",
    "DATA-STALE": "stale",
    "DRIVER-NOT-CONNECTED": "link",
    "ACCESS-DENIED": "denied",
    "INVALID-USERNAME": "denied",
    "INVALID-PASSWORD": "denied",
    "USERNAME-REQUIRED": "denied",
    "PASSWORD-REQUIRED": "denied",
}
"""What an `ERR` kind means for the facts; any other is "refused". DRIVER-NOT-CONNECTED: the cable to the UPS, or its
driver; DATA-STALE: the UPS no longer answers the driver."""

ORDERS = {"ups_self_test": "test.battery.start.quick"}
"""Instant commands by remedy (NUT's appendix on commands): ten seconds on battery, on most UPSes."""
ORDER_REASONS = {"CMD-NOT-SUPPORTED": "absent", "INSTCMD-FAILED": "failed", "SET-FAILED": "failed"}

RUNTIME_ENDS_S = (65534, 65535)
"""Two bytes are full: it lasts so long or longer, or the UPS does not know."""
FAULT_MAX = 80
"""Characters kept of an alarm."""
EMPTY, FULL = 104 / 120, 130 / 120
"""Of the nominal voltage of a lead battery."""
VARIABLES_MAX = 500
MAINS_MIN_V = 80.0
"""Below this no UPS counts the mains as there, nor where it is 100 V [J]; most leave it far above."""
RUNTIME_MAX_S = 7 * 24 * 3600
"""A longer one is a driver's word for "unknown", such as a whole register of ones."""
VARIABLE = re.compile(r'^VAR (?P<ups>\S+) (?P<name>\S+) "(?P<value>(?:[^"\\]|\\.)*)"$')


LIST_UPSES, LIST_END = b"LIST UPS\n", b"END LIST UPS"
NAME = re.compile(r"^UPS (\S{1,60}) ", re.MULTILINE)
UPSES_MAX = 8


def names_of(answer: bytes) -> tuple[str, ...]:
    """The UPSes of an answer to `LIST_UPSES`."""
    return tuple(NAME.findall(answer.decode("utf-8", "replace").replace("\r", ""))[:UPSES_MAX])


def quoted(word: str) -> str:
    """A word as an argument of a request."""
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Nut:
    """One conversation with upsd about one UPS."""

    def __init__(self, name: str, login: Login) -> None:
        self.name = name
        self.login = login
        self._lines = LineBuffer()
        self._variables: dict[str, str] | None = None
        self._to_confirm = 0
        self._ordered = ""

    @property
    def buffered(self) -> int:
        """Bytes kept of what arrived."""
        return len(self._lines) + sum(len(k) + len(v) for k, v in (self._variables or {}).items())

    @property
    def logged_in(self) -> bool:
        """Whether name and password were taken, or none were sent."""
        return not self._to_confirm

    def hello(self) -> bytes:
        """What to send first. Reading needs no login on a usual upsd; empty without a user."""
        if not self.login.user:
            return b""
        self._to_confirm = 2
        return f"USERNAME {quoted(self.login.user)}\nPASSWORD {quoted(self.login.password)}\n".encode()

    def request(self) -> bytes:
        """The question. Ends in one `Facts`."""
        self._variables = None
        return f"LIST VAR {quoted(self.name)}\n".encode()

    def order(self, remedy: str) -> bytes:
        """The instant command that a remedy is, for a user whom upsd lets do it.

        Ends in one `CommandDone` or `CommandFailed`.
        """
        self._ordered = remedy
        return f"INSTCMD {quoted(self.name)} {ORDERS[remedy]}\n".encode()

    def receive(self, data: bytes) -> list[Event]:
        """Take what arrived."""
        overruns = self._lines.overruns
        events = [event for line in self._lines.feed(data) for event in self._line(line.strip())]
        if self._lines.overruns > overruns:
            events.append(ProtocolError("line too long"))
        return events

    def _line(self, line: str) -> list[Event]:
        words = line.split()
        if line.startswith("OK"):
            if self._to_confirm:
                self._to_confirm -= 1
            elif self._ordered:
                ordered, self._ordered = self._ordered, ""
                return [CommandDone(ordered)]
        elif line.startswith("ERR ") and len(words) > 1:
            return self._error(words[1])
        elif line.startswith("BEGIN LIST VAR "):
            self._variables = {}
        elif line.startswith("END LIST VAR ") and self._variables is not None:
            facts, self._variables = facts_of(self._variables), None
            return [Facts(facts)]
        elif match := VARIABLE.match(line):
            if self._variables is not None and len(self._variables) < VARIABLES_MAX:
                self._variables[match["name"]] = re.sub(r"\\(.)", r"\1", match["value"])[:200]
        elif line:
            return [ProtocolError("unexpected line")]
        return []

    def _error(self, kind: str) -> list[Event]:
        reason = REASONS.get(kind, "refused")
        if self._to_confirm and reason == "denied":
            self._to_confirm = 0
            return [LoginRefused()]
        if self._ordered:
            ordered, self._ordered = self._ordered, ""
            return [CommandFailed(ordered, ORDER_REASONS.get(kind, reason))]
        return [Facts(dict.fromkeys(KEYS, NoReading(reason)))]


def facts_of(variables: Mapping[str, str]) -> Mapping[str, Reading]:
    """The facts of one list of variables."""
    flags = set(variables.get("ups.status", "").split())
    on_battery = _on_battery(flags, _number(variables, "input.voltage"))
    known = not isinstance(on_battery, NoReading)
    return checked(
        {
            "ups.on_battery": on_battery,
            "ups.low_battery": "LB" in flags if known or "LB" in flags else NoReading("absent"),
            "ups.replace_battery": "RB" in flags if known or "RB" in flags else NoReading("absent"),
            "ups.output_on": _output_on(flags, on_battery),
            "ups.fault": _fault(flags, variables.get("ups.alarm", "")) if known or flags else NoReading("absent"),
            "ups.charge_pct": _charge_pct(variables, on_battery is True),
            "ups.runtime_s": _runtime_s(variables, on_battery is True, "LB" in flags),
            "ups.input_v": _number(variables, "input.voltage"),
        }
    )


def _on_battery(flags: set[str], mains_v: Reading) -> Reading:
    """OL is mains, OB is battery; a UPS in between (`OFF`, `BYPASS` or `WAIT` alone) is not guessed at.

    Nor is one that is on mains and discharges, where it does not tell the voltage of the mains.
    """
    if "OB" in flags:
        return True
    if {"OL", "DISCHRG"} <= flags:
        return mains_v < MAINS_MIN_V if isinstance(mains_v, int | float) else NoReading("absent")
    if "OL" in flags or "BYPASS" in flags:
        return False
    return NoReading("stale" if "WAIT" in flags else "absent")


def _output_on(flags: set[str], on_battery: Reading) -> Reading:
    """Whether it gives power; one that says nothing of its source may be starting."""
    if "OFF" in flags:
        return False
    return on_battery if isinstance(on_battery, NoReading) else True


def _fault(flags: set[str], text: str) -> str:
    """What it complains of, in its own words where it has some."""
    if not flags & {"ALARM", "OVER"}:
        return "none"
    words = " ".join(text.split())[:FAULT_MAX]
    return words or ("overload" if "OVER" in flags else "alarm")


def _charge_pct(variables: Mapping[str, str], on_battery: bool) -> Reading:
    """The charge as it says it; else, while it runs from its battery, an estimate from the battery's voltage.

    The estimate is that of NUT's own drivers (nutdrv_qx, blazer): empty at 104/120 and full at 130/120 of the nominal
    voltage, where the device gives no sound limits itself. A battery that is charged shows the charger's voltage
    instead, so then there is none.
    """
    said = _number(variables, "battery.charge")
    if not on_battery or said != NoReading("absent"):
        return said
    volts, nominal, low, high = (
        _number(variables, f"battery.voltage{which}") for which in ("", ".nominal", ".low", ".high")
    )
    if not isinstance(volts, float):
        return said
    limits = isinstance(low, float) and isinstance(high, float) and 0 < low < high
    if not limits and isinstance(nominal, float) and nominal > 0:
        low, high = nominal * EMPTY, nominal * FULL
    if not isinstance(low, float) or not isinstance(high, float) or not low * 0.8 <= volts <= high * 1.2:
        return said
    return round(100 * min(1.0, max(0.0, (volts - low) / (high - low))))


def _runtime_s(variables: Mapping[str, str], on_battery: bool, nearly_empty: bool) -> Reading:
    """How long it will last; a runtime that cannot be is none, and no time at all only where it says so itself."""
    said = _number(variables, "battery.runtime")
    if not isinstance(said, int | float):
        return said
    if said in RUNTIME_ENDS_S:
        return NoReading("end_of_range")
    unknown = said > RUNTIME_MAX_S or (said == 0 and not nearly_empty) or (said <= 0 and not on_battery)
    return NoReading("absent") if unknown else said


def _number(variables: Mapping[str, str], name: str) -> Reading:
    return number(variables[name]) if name in variables else NoReading("absent")
