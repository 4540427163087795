"""The MCU or registrar that every room of the province calls, watched from the centre: is it there, does it signal?

It is only read. Nobody signs in, no question changes anything, and one question goes out at a time: a look asks the
next of its targets, so that the one device all rooms depend on is never asked more often than `gap_s` allows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from agent.config.devices import McuConfig
from agent.core.exchange import HttpRequest
from agent.core.facts import NoReading, Reading
from agent.devices.network import codec_mib
from agent.probes.names import Resolver
from agent.probes.reach import Target, check, device_reading, parse
from agent.probes.snmp import SnmpClient
from agent.probes.snmp_probes import TIMEOUT_S, open_client
from agent.transports.errors import LinkFault
from agent.transports.http import HttpClient, parse_url
from agent.transports.trust import Trust

KINDS = {"icmp": "mcu.ping", "tcp": "mcu.tcp", "sip": "mcu.sip", "h323": "mcu.h323"}
GAP_MIN_S = 10.0


class McuProbe:
    """Asks one target a look, in turn."""

    name = "mcu"

    def __init__(self, config: McuConfig) -> None:
        """Raises ValueError with one sentence for the technician."""
        if config.gap_s < GAP_MIN_S:
            raise ValueError(f"mcu: gap_s must be at least {GAP_MIN_S:g}: every room of the province depends on it")
        if not TIMEOUT_S[0] <= config.timeout_s <= TIMEOUT_S[1]:
            raise ValueError(f"mcu: timeout_s must be {TIMEOUT_S[0]:g}..{TIMEOUT_S[1]:g}")
        self._timeout_s = config.timeout_s
        self._resolver = Resolver()
        self._turns: list[tuple[str, Callable[[], Reading]]] = []
        for text in config.targets:
            self._add(text, parse(text))
        self._snmp: SnmpClient | None = None
        if config.web:
            parse_url(config.web)
            self._turns.append(("mcu.web", partial(self._ask_web, config.web)))
        if config.snmp:
            self._snmp = open_client("mcu", config.snmp, config.password, config.version, config.timeout_s)
            self._turns.append(("mcu.snmp", partial(self._ask_snmp, self._snmp)))
        if not self._turns:
            raise ValueError("mcu: nothing to ask: give targets, web or snmp")
        self.keys = tuple(key for key, _ in self._turns)
        self.period_s = config.gap_s
        self.deadline_s = 2 * config.timeout_s + 4.0

    def _add(self, text: str, target: Target) -> None:
        key = KINDS.get(text.partition(":")[0])
        if key is None:
            raise ValueError(f"mcu: target {text!r} must begin with icmp:, tcp:, sip: or h323:")
        if key in (known for known, _ in self._turns):
            raise ValueError(f"mcu: a second target for {key}, {text!r}: one of each kind is enough")
        self._turns.append((key, partial(self._reach, target)))

    def observe(self) -> Mapping[str, Reading]:
        """Ask whoever's turn it is."""
        key, question = self._turns[0]
        self._turns = [*self._turns[1:], self._turns[0]]
        return {key: question()}

    def _reach(self, target: Target) -> Reading:
        return device_reading(check({"mcu": target}, self._timeout_s, self._resolver)["mcu"])

    def _ask_web(self, url: str) -> Reading:
        """Whatever it answers counts. Nothing is told to it, so any certificate will do; no connection is kept."""
        client = HttpClient(url, trust=Trust("any", old_tls=True), resolve=self._resolver.address, own_login=True)
        try:
            client.exchange(HttpRequest("GET", "/"), self._timeout_s)
        except LinkFault as fault:
            return False if fault.kind in ("timeout", "refused") else NoReading(fault.kind)
        finally:
            client.close()
        return True

    def _ask_snmp(self, client: SnmpClient) -> Reading:
        """Silence is not told from a wrong community, so it never says that the MCU is dead."""
        try:
            client.get(codec_mib.asked(""), self._timeout_s)
        except LinkFault as fault:
            return NoReading(fault.kind)
        return True

    def close(self) -> None:
        """Let go."""
        if self._snmp is not None:
            self._snmp.close()
