"""The room's own way out: port, gateway, hub and a second target beyond; more slowly names, quality and the clock."""

from __future__ import annotations

import errno
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from agent.config.devices import NetworkConfig
from agent.core.facts import NoReading, Reading
from agent.devices.network import clock, dns, lldp
from agent.devices.network.quality import KEYS as QUALITY_KEYS
from agent.devices.network.quality import Quality
from agent.probes.names import Resolver, ask, split_host_port
from agent.probes.reach import Target, attempt_for, check, host_lives, parse, path_reading, ping
from agent.transports.attempts import Answer, run
from agent.transports.command import run_command
from agent.transports.errors import LinkFault
from agent.transports.sysfs import read_text

ECHO_GAP_S = 0.05
CLOCK_S = 3.0
NEIGHBOUR_S = 3.0


class NetworkProbe:
    """Looks at port, gateway, hub, and whether anything else beyond the media converter answers."""

    name = "network"

    def __init__(self, config: NetworkConfig) -> None:
        self._config = config
        self._resolver = Resolver(config.resolv_conf)
        self._hub = {text: parse(text) for text in config.hub}
        self._beyond = {text: parse(text) for text in config.beyond}
        inside = [text for text in config.beyond if text in (*config.hub, config.gateway)]
        if inside:
            raise ValueError(f"network: beyond: {inside[0]!r} is the hub or the gateway already; name something else")
        self._gateway = parse(config.gateway) if config.gateway not in ("", "auto") else None
        wanted = {
            "net.link": bool(config.interface),
            "net.gateway": bool(config.gateway),
            "net.hub": bool(config.hub),
            "net.beyond": bool(config.beyond),
        }
        self.keys = tuple(key for key, is_wanted in wanted.items() if is_wanted)
        self.period_s = config.period_s
        self.deadline_s = config.timeout_s + 2.0 * (len(config.hub) + len(config.beyond)) + 6.0

    def observe(self) -> Mapping[str, Reading]:
        """Look once."""
        readings: dict[str, Reading] = {}
        if self._config.interface:
            readings["net.link"] = link_reading(Path(self._config.sysfs_root), self._config.interface)
        gateway = self._gateway or self._auto_gateway()
        # The gateway stands in the room: its answer says nothing of what lies beyond.
        beyond = {text: target for text, target in self._beyond.items() if not _same_machine(target, gateway)}
        targets = self._hub | beyond | ({"gateway": gateway} if gateway else {})
        answers = check(targets, self._config.timeout_s, self._resolver)
        if self._config.gateway:
            # Without a default route there is no gateway that could answer.
            readings["net.gateway"] = path_reading(answers["gateway"]) if gateway else False
        if self._hub:
            readings["net.hub"] = any_path([answers[text] for text in self._hub])
        if self._beyond:
            readings["net.beyond"] = any_path([answers[text] for text in beyond])
        return readings

    def _auto_gateway(self) -> Target | None:
        if self._config.gateway != "auto":
            return None
        address = default_gateway(Path(self._config.proc_root))
        return Target("icmp", address) if address else None

    def close(self) -> None:
        """Nothing is kept open."""


class NetworkSlowProbe:
    """Looks at names, quality of the path and the clock."""

    name = "network-slow"

    def __init__(self, config: NetworkConfig) -> None:
        self._config = config
        self._resolver = Resolver(config.resolv_conf)
        self._target = parse(config.hub[0]) if config.hub else None
        self._quality = Quality(config.window)
        if config.dns_name:
            dns.question(config.dns_name, 0)
        for server in config.dns_servers:
            split_host_port(server, dns.PORT)
        self.keys = (
            *(("net.dns",) if config.dns_name else ()),
            *(QUALITY_KEYS if self._target else ()),
            *(clock.KEYS if config.clock else ()),
            *((lldp.KEY,) if config.neighbour else ()),
        )
        if config.neighbour and not config.interface:
            raise ValueError("network: neighbour needs interface: name the port, e.g. eth0")
        self.period_s = config.slow_period_s
        self.deadline_s = config.timeout_s * (config.samples + 1) + 2 * CLOCK_S + NEIGHBOUR_S + 4.0

    def observe(self) -> Mapping[str, Reading]:
        """Look once."""
        readings: dict[str, Reading] = {}
        if self._config.dns_name:
            readings["net.dns"] = self._dns()
        if self._target:
            readings |= self._measure(self._target)
        if self._config.clock:
            readings |= self._clock()
        if self._config.neighbour:
            readings[lldp.KEY] = self._neighbour()
        return readings

    def _dns(self) -> Reading:
        """Names resolve when a resolver gives an address. No answer and no resolver at all are both a plain False."""
        try:
            servers = self._config.dns_servers or self._resolver.servers()
            return bool(ask(self._config.dns_name, servers, self._config.timeout_s).addresses)
        except LinkFault as fault:
            return NoReading("denied") if fault.kind == "denied" else False

    def _measure(self, target: Target) -> Mapping[str, Reading]:
        """One echo after the other: what several at once would queue up is not the path's round trip."""
        try:
            address = self._resolver.address(target.host)
            self._quality.add([self._round_trip(target, address, i) for i in range(self._config.samples)])
        except LinkFault as fault:
            if fault.kind == "denied":
                return dict.fromkeys(QUALITY_KEYS, NoReading("denied"))
            self._quality.add([None] * self._config.samples)
        return self._quality.readings()

    def _round_trip(self, target: Target, address: str, sequence: int) -> float | None:
        if sequence:
            time.sleep(ECHO_GAP_S)
        began_s = time.monotonic()
        attempt = ping(address, sequence, again=False) if target.kind == "icmp" else attempt_for(target, address)
        answer = run({"echo": attempt}, self._config.timeout_s)["echo"]
        if answer.ok:
            return answer.rtt_s
        # A refusal took the way there and back as well.
        return time.monotonic() - began_s if host_lives(answer) else None

    def _neighbour(self) -> Reading:
        """lldpcli fails without a word where lldpd does not run or does not let us in: both are our own side's."""
        try:
            return lldp.neighbour(run_command((*self._config.neighbour_command, self._config.interface), NEIGHBOUR_S))
        except LinkFault as fault:
            return NoReading("link" if fault.kind == "refused" else fault.kind)

    def _clock(self) -> Mapping[str, Reading]:
        try:
            return clock.from_chronyc(run_command(self._config.clock_command, CLOCK_S))
        except LinkFault as fault:
            first = fault
        if not self._config.clock_fallback:
            return dict.fromkeys(clock.KEYS, NoReading(first.kind))
        try:
            return clock.from_timedatectl(run_command(self._config.clock_fallback, CLOCK_S))
        except LinkFault as fault:
            return dict.fromkeys(clock.KEYS, NoReading("absent" if fault.kind == "link" else fault.kind))

    def close(self) -> None:
        """Nothing is kept open."""


def _same_machine(target: Target, gateway: Target | None) -> bool:
    """Whether a target is the gateway itself. Two ports of one address may be two machines, behind a translator."""
    if gateway is None or target.host != gateway.host:
        return False
    return not (target.port and gateway.port) or target.port == gateway.port


def any_path(answers: Sequence[Answer]) -> Reading:
    """Whether one of several targets answers; not known while one of them could not be asked and none answers."""
    paths = [path_reading(answer) for answer in answers]
    unsure = [path for path in paths if isinstance(path, NoReading)]
    return True if True in paths else unsure[0] if unsure else False


def link_reading(sysfs_root: Path, interface: str) -> Reading:
    """Carrier of a port. A port that is down refuses to be read (EINVAL): no carrier either."""
    file = sysfs_root / "class" / "net" / interface / "carrier"
    try:
        return read_text(file) == "1"
    except LinkFault as fault:
        cause = fault.__cause__
        is_down = isinstance(cause, OSError) and cause.errno == errno.EINVAL
        return False if is_down else NoReading(fault.kind)


def default_gateway(proc_root: Path) -> str:
    """The default route's gateway, empty when there is none. Source: `/proc/net/route`, little-endian hex [M]."""
    try:
        rows = [line.split() for line in read_text(proc_root / "net" / "route").splitlines()[1:]]
    except LinkFault:
        return ""
    routes = [
        (int(row[6]), row[2])
        for row in rows
        if len(row) > 7 and row[1] == "00000000" and row[7] == "00000000" and row[6].isdigit() and row[2] != "00000000"
    ]
    if not routes:
        return ""
    try:
        return ".".join(str(byte) for byte in reversed(bytes.fromhex(min(routes)[1])))
    except ValueError:
        return ""
