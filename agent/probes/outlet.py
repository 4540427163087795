"""An outlet of the network, spoken to: a smart plug or a switched power strip. One exchange at a time."""

from __future__ import annotations

import importlib
import threading
import time
from collections.abc import Callable, Mapping
from typing import Protocol

from agent.config.channel import RelayConfig
from agent.config.devices import MeterConfig
from agent.core.exchange import HttpReply, HttpRequest
from agent.core.facts import NoReading, Reading
from agent.devices import snmp
from agent.devices.base import checked
from agent.devices.power import _apc
from agent.devices.power._apc import ApcOutlet
from agent.devices.power._outlets import OutletState, Rest, WebOutlet
from agent.probes.names import Resolver, split_host_port
from agent.probes.snmp import SnmpClient
from agent.transports.errors import Kind, LinkFault
from agent.transports.holdoff import HoldOff
from agent.transports.http import HttpClient, parse_url

WEB = {"shelly": "Shelly", "tasmota": "Tasmota"}
"""Families of outlets with a web interface, files of `agent/devices/power/`, and the class in it."""
SNMP = ("apc_rpdu", "apc_rpdu2")
"""Families of outlets by SNMP."""
FAMILIES = (*WEB, *SNMP)
METERING = tuple(WEB)
"""Those that measure."""
CUT_LAG_S = 1.0
"""A cut may last so much longer than it was told: the plug's clock, and its pause between two commands (0.2 s)."""
KINDS: Mapping[str, Kind] = {"busy": "busy", "denied": "denied", "refused": "refused"}


class Outlet(Protocol):
    """What every outlet can do. All calls block about `timeout_s` at most, and raise LinkFault."""

    gives_back: bool
    """Whether it can end a cycle by itself."""

    def look(self, timeout_s: float) -> OutletState:
        """Its state."""
        ...

    def give(self, timeout_s: float) -> None:
        """Give power and leave it on."""
        ...

    def cut(self, give_back_s: float | None, timeout_s: float) -> None:
        """Take power; it gives it back by itself after `give_back_s`, where it can."""
        ...

    def rests(self, timeout_s: float) -> Rest:
        """What it does by itself, such as when its own power comes back."""
        ...

    def close(self) -> None:
        """End for good; from any thread."""
        ...


class Cuts:
    """Until when which device may be asked nothing, since a question would end a cut that it ends by itself later.

    One for the whole process: a plug's relay and its meter are spoken to apart.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._lines: dict[str, threading.Lock] = {}
        self._until_s: dict[str, float] = {}

    def line(self, device: str) -> threading.Lock:
        """Held by whoever speaks to the device; the other methods are called with it."""
        with self._lock:
            return self._lines.setdefault(device, threading.Lock())

    def begin(self, device: str, lasts_s: float) -> None:
        """A cut is about to be ordered: the answer may be lost. Raises LinkFault when another one runs there."""
        self.check(device)
        self._until_s[device] = self._monotonic() + lasts_s + CUT_LAG_S

    def end(self, device: str) -> None:
        """It is about to be told to give power: whatever runs ends now."""
        self._until_s.pop(device, None)

    def check(self, device: str) -> None:
        """Raises LinkFault while a cut runs."""
        if self._monotonic() < self._until_s.get(device, float("-inf")):
            raise LinkFault("busy", "it is asked nothing while a cut lasts: that would end it")


CUTS = Cuts()


def open_outlet(config: RelayConfig | MeterConfig) -> Outlet:
    """The outlet that the settings name; nothing is sent yet. Raises ValueError with one sentence."""
    if config.family not in FAMILIES:
        raise ValueError(f"outlet family {config.family!r} is not known; there are: {', '.join(sorted(FAMILIES))}")
    module = importlib.import_module(f"agent.devices.power.{config.family}")
    number = module.NUMBERS[0] if config.number < 0 else config.number
    if number not in module.NUMBERS:
        raise ValueError(f"outlet number {number} of {config.family} must be {module.NUMBERS[0]}..{module.NUMBERS[-1]}")
    if config.family in SNMP:
        return _snmp(module.outlet(number), config.uri, config.password)
    if parse_url(config.uri)[0]:
        raise ValueError(f"{config.uri!r}: {config.family} is spoken to by http://HOST")
    dialect: WebOutlet = getattr(module, WEB[config.family])(number, config.user, config.password)
    user = (config.user or "admin") if config.password else ""
    return HttpOutlet(dialect, config.uri, user, config.password, gives_back=module.GIVES_BACK)


def _snmp(outlet: ApcOutlet, uri: str, community: str) -> Outlet:
    scheme, _, authority = uri.partition("://")
    if scheme != "snmp":
        raise ValueError(f"{uri!r} must be snmp://HOST")
    host, port = split_host_port(authority.rstrip("/"), snmp.PORT)
    return SnmpOutlet(outlet, SnmpClient(host, port, community or "private", "1", Resolver().address))


class SnmpOutlet:
    """An outlet of a power strip by SNMP. It ends no cycle by itself."""

    gives_back = False

    def __init__(self, outlet: ApcOutlet, client: SnmpClient) -> None:
        self._outlet = outlet
        self._client = client

    def look(self, timeout_s: float) -> OutletState:
        oid = self._outlet.state_oid
        state = self._outlet.state(self._client.get([oid], timeout_s)[oid])
        if isinstance(state, NoReading):
            raise LinkFault("refused" if state.reason == "absent" else "garbled", "no outlet of this number answers")
        return state

    def give(self, timeout_s: float) -> None:
        self._client.set(self._outlet.command_oid, _apc.ON, timeout_s)

    def cut(self, give_back_s: float | None, timeout_s: float) -> None:
        del give_back_s
        self._client.set(self._outlet.command_oid, _apc.OFF, timeout_s)

    def rests(self, timeout_s: float) -> Rest:
        """A strip says so in a menu only."""
        del timeout_s
        return Rest.UNSAID

    def close(self) -> None:
        self._client.close()


class HttpOutlet:
    """An outlet with a web interface."""

    def __init__(
        self, dialect: WebOutlet, uri: str, user: str = "", password: str = "", *, gives_back: bool = True
    ) -> None:
        self.gives_back = gives_back
        self._dialect = dialect
        self._client = HttpClient(uri, user, password, resolve=Resolver().address)
        self._device = uri.rstrip("/").lower() if dialect.asking_ends_a_cut else ""
        self._lock = CUTS.line(self._device) if self._device else threading.Lock()
        self._hold = HoldOff()

    def look(self, timeout_s: float) -> OutletState:
        state = self._dialect.state(self._exchange(self._dialect.look(), timeout_s))
        if isinstance(state, NoReading):
            self._note(state.reason)
            raise LinkFault(KINDS.get(state.reason, "garbled"), f"the outlet's state is not to be had: {state.reason}")
        self._hold.accepted()
        return state

    def give(self, timeout_s: float) -> None:
        self._order(self._dialect.give(), timeout_s, CUTS.end)

    def cut(self, give_back_s: float | None, timeout_s: float) -> None:
        def begins(device: str) -> None:
            if give_back_s is not None:
                CUTS.begin(device, timeout_s + give_back_s)

        self._order(self._dialect.cut(give_back_s), timeout_s, begins)

    def rests(self, timeout_s: float) -> Rest:
        return self._dialect.rests(self._exchange(self._dialect.rest(), timeout_s))

    def close(self) -> None:
        self._client.close()

    def _order(self, request: HttpRequest, timeout_s: float, notes: Callable[[str], None]) -> None:
        reason = self._dialect.refusal(self._exchange((request,), timeout_s, notes)[0])
        if reason:
            self._note(reason)
            raise LinkFault(KINDS.get(reason, "garbled"), f"the outlet does not take the order: {reason}")
        self._hold.accepted()

    def _exchange(
        self, requests: tuple[HttpRequest, ...], timeout_s: float, notes: Callable[[str], None] = CUTS.check
    ) -> tuple[HttpReply, ...]:
        deadline_s = time.monotonic() + timeout_s
        if not self._lock.acquire(timeout=timeout_s):
            raise LinkFault("timeout", "another exchange holds the outlet")
        try:
            self._hold.check(time.monotonic(), "the outlet")
            if self._device:
                notes(self._device)
            return tuple(
                self._client.exchange(request, max(0.1, deadline_s - time.monotonic())) for request in requests
            )
        finally:
            self._lock.release()

    def _note(self, reason: str) -> None:
        if reason == "denied":
            self._hold.refused(time.monotonic())


def meter_keys(role: str) -> tuple[str, ...]:
    """The facts of an outlet that measures, by what hangs on it."""
    return (f"{role}.draw_w", *(("mains.voltage_v", "mains.frequency_hz") if role == "room" else ()))


class OutletMeterProbe:
    """The draw of what hangs on an outlet, by the outlet's own meter."""

    def __init__(self, config: MeterConfig) -> None:
        """Raises ValueError with one sentence for the technician."""
        self._outlet = open_outlet(config)
        self._role = config.role
        self.name = "mains" if config.role == "room" else f"meter-{config.role}"
        self.keys = meter_keys(config.role)
        self.period_s = config.period_s
        self.deadline_s = config.timeout_s + 5.0
        self._timeout_s = config.timeout_s

    def observe(self) -> Mapping[str, Reading]:
        """Look once."""
        try:
            state = self._outlet.look(self._timeout_s)
        except LinkFault as fault:
            return dict.fromkeys(self.keys, NoReading(fault.kind))
        said: dict[str, Reading | None] = {
            f"{self._role}.draw_w": state.draw_w,
            "mains.voltage_v": state.voltage_v,
            "mains.frequency_hz": state.frequency_hz,
        }
        return checked({key: NoReading("absent") if (found := said[key]) is None else found for key in self.keys})

    def close(self) -> None:
        """Let go."""
        self._outlet.close()
