"""`diemcau-agent probe TARGET`: which of the device families answers at a host or on a serial line, and its settings.

Every family asks with its own session, as it would at work: it only reads. No name and no password is sent unless the
technician gives them together with the family they are for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from agent.commands.doctor import EVERYBODY_KNOWS, WHY, say
from agent.config.devices import CameraConfig, CodecConfig, DisplayConfig, MeterConfig, SensorConfig, UpsConfig
from agent.core.facts import NoReading, Reading
from agent.devices import snmp
from agent.devices.power import nut
from agent.devices.sensor import mhz19
from agent.ports import Probe
from agent.probes import families, outlet
from agent.probes.co2 import Co2Probe
from agent.probes.codec import CodecProbe
from agent.probes.controlled import camera_probe, display_probe
from agent.probes.lines import PORTS
from agent.probes.meter import MeterProbe
from agent.probes.names import Resolver, split_host_port
from agent.probes.outlet import OutletMeterProbe
from agent.probes.reach import H323_PORT, Target, check
from agent.probes.snmp import SnmpClient
from agent.probes.ups import UpsProbe, names_at
from agent.transports.errors import LinkFault

KINDS = ("codec", "display", "camera")
NUT = "nut"
SNMP_S = 1.5
METERS = (("pzem004t", 0xF8), ("sdm120", 1))
OTHER_PORTS = {"poly_cli": (23,)}
"""Further ports a family is known to listen on."""
REACH_S = 3.0
SHOWN = 4
"""Facts that are shown of a device, to know it by."""


@dataclass(frozen=True, slots=True)
class Account:
    """Name and password for one family."""

    family: str = ""
    user: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Guess:
    """A family that may be what is there."""

    kind: str
    """`codec`, `display`, `camera`, `meter`, `outlet`, `sensor` or `ups` (its name is the `family`)."""
    family: str
    uri: str
    tries: int = 1
    """Looks it takes to go through the line's speeds."""
    address: int = 1
    """Of a meter."""
    old_tls: bool = False
    """Whether TLS below 1.2 is taken: only after it was found to speak nothing else."""

    def probe(self, account: Account) -> Probe:
        """What asks it."""
        user, password = (account.user, account.password) if account.family == self.family else ("", "")
        match self.kind:
            case "codec":
                config = CodecConfig(self.family, self.uri, user=user, password=password, old_tls=self.old_tls)
                return CodecProbe(config)
            case "display":
                return display_probe(DisplayConfig(self.family, self.uri, password=password))
            case "camera":
                return camera_probe(CameraConfig(self.family, self.uri))
            case "ups":
                return UpsProbe(self._ups)
            case "sensor":
                return Co2Probe(SensorConfig(self.family, uri=self.uri))
            case "outlet":
                return OutletMeterProbe(MeterConfig("room", self.family, self.uri, user=user, password=password))
            case _:
                return MeterProbe(MeterConfig("room", self.family, self.uri, address=self.address))

    @property
    def _ups(self) -> UpsConfig:
        host, port = split_host_port(self.uri.removeprefix("nut://"), nut.PORT)
        return UpsConfig(self.family, host, port)

    def stanza(self, account: Account) -> str:
        """Its lines of `room.toml`."""
        if self.kind == "sensor":
            return f'[[sensors]]\nchip = "{self.family}"\nuri = "{self.uri}"'
        if self.kind == "ups":
            ups = self._ups
            port = f"\nport = {ups.port}" if ups.port != nut.PORT else ""
            return f'[ups]\nname = "{ups.name}"\nhost = "{ups.host}"{port}'
        head = "[[meters]]" if self.kind in ("meter", "outlet") else f"[{self.kind}]"
        lines = [head, f'family = "{self.family}"', f'uri = "{self.uri}"']
        if self.kind == "outlet":
            lines.append('role = "codec"')
        if self.kind == "meter":
            lines += ['role = "room"', f"address = {self.address}"]
        if self.old_tls:
            lines.append("old_tls = true")
        if account.family == self.family and account.user:
            lines.append(f'user = "{account.user}"')
        if account.family == self.family and account.password:
            lines.append('password_file = "/etc/diemcau/secrets/' + f'{self.kind}.pw"')
        return "\n".join(lines)


def at_host(host: str, port: int, only: str = "") -> Iterator[Guess]:
    """What may answer at a host; `port` 0: each family at its own."""
    named = f"[{host}]" if ":" in host else host
    for kind in KINDS:
        for name in families.names(kind):
            family = families.load(name, kind)
            if only not in ("", name) or not family.keys:
                continue
            for scheme in family.schemes:
                if scheme not in ("tcp", "udp", *PORTS) or scheme == "ssh":
                    continue  # SSH needs an account and a key to compare: `doctor` looks at that
                own = (PORTS.get(scheme, family.port), *OTHER_PORTS.get(name, ())) if scheme in ("tcp", "udp") else ()
                for number in (port,) if port else own or (PORTS[scheme],):
                    yield Guess(kind, name, f"{scheme}://{named}:{number}")

    for name in outlet.WEB:
        if only in ("", name):
            yield Guess("outlet", name, f"http://{named}:{port or PORTS['http']}")


def on_line(path: str, only: str = "") -> Iterator[Guess]:
    """What may answer on a serial line."""
    for kind in KINDS:
        for name in families.names(kind):
            family = families.load(name, kind)
            if only in ("", name) and family.keys and "serial" in family.schemes:
                yield Guess(kind, name, f"serial://{path}", tries=len(family.bauds) + 1)
    for name, address in METERS:
        if only in ("", name):
            yield Guess("meter", name, f"serial://{path}", tries=2, address=address)
    if only in ("", mhz19.CHIP):
        yield Guess("sensor", mhz19.CHIP, f"serial://{path}", tries=2)


def impossible(target: str, only: str) -> str:
    """Why nothing needs to be asked, in one sentence; empty when something can be."""
    by_network = {guess.family for guess in at_host("host", 0)} | {NUT}
    by_serial = {guess.family for guess in on_line("/dev/line")}
    if only and only not in by_network | by_serial:
        known = ", ".join(sorted(by_network | by_serial))
        return f"--family {only}: không dò được họ này / is none that can be looked for: {known}"
    if not target.startswith("/"):
        wrong = only and only not in by_network
        return f"--family {only}: chỉ nối tiếp / speaks over a serial line only: /dev/serial/by-path/…" if wrong else ""
    if only and only not in by_serial:
        return f"--family {only}: chỉ qua mạng / speaks over the network only: HOST, HOST:PORT"
    if not Path(target).is_char_device():
        return f"{target}: không phải cổng nối tiếp / is no serial line: xem / see ls -l /dev/serial/by-path"
    return ""


def judged(readings: Mapping[str, Reading]) -> str:
    """`answers`, also while it warms up; `denied` when it wants an account; else why it is silent."""
    reasons = {value.reason for value in readings.values() if isinstance(value, NoReading)}
    known = [key for key, value in readings.items() if not isinstance(value, NoReading) and value is not False]
    if "warming" in reasons or any(not key.endswith((".ping", ".tcp", ".sip")) for key in known):
        return "answers"
    return "denied" if "denied" in reasons else next(iter(sorted(reasons)), "refused")


def asked(guess: Guess, account: Account) -> tuple[str, Mapping[str, Reading]]:
    """Ask it, as often as its line has speeds."""
    probe = guess.probe(account)
    readings: Mapping[str, Reading] = {}
    try:
        for _ in range(guess.tries):
            readings = probe.observe()
            if judged(readings) in ("answers", "denied"):
                break
    finally:
        probe.close()
    return judged(readings), readings


def scan(target: str, account: Account) -> int:
    """Look and say what was found. 0: something answers; 1: nothing does; 2: there is no such target."""
    if problem := impossible(target, account.family):
        say(problem)
        return 2
    try:
        guesses = list(on_line(target, account.family)) if target.startswith("/") else _at(target, account.family)
    except ValueError as error:
        say(str(error))
        return 2
    found: list[Guess] = []
    wants_account = ""
    for guess in guesses:
        if target.startswith("/") and (found or wants_account not in ("", guess.kind)):
            break  # one device a line
        word, readings = asked(guess, account)
        if word == "old_tls":
            guess = replace(guess, old_tls=True)
            word, readings = asked(guess, account)
        wants_account = guess.kind if word == "denied" else wants_account
        if word == "answers":
            facts = [f"{k} = {v}" for k, v in readings.items() if not isinstance(v, NoReading) and v is not False]
            say(f"  ● {guess.kind:8} {guess.family:12} {guess.uri}   {', '.join(facts[:SHOWN])}")
            found.append(guess)
        else:
            say(f"  ✕ {guess.kind:8} {guess.family:12} {guess.uri}   {WHY.get(word, word)}")
    if not found and wants_account:
        say("→ Có thiết bị, cần tài khoản / something is there and wants an account: --family, --user, --password-file")
        return 1
    if not found:
        say(
            "→ Không thiết bị nào trả lời / nothing answers: kiểm tra dây, địa chỉ, nguồn / check cable, address, power"
        )
        return 1
    for guess in found:
        known = families.load(guess.family, guess.kind).default_passwords if guess.kind in KINDS else ()
        if guess.family == account.family and account.password in known:
            say(EVERYBODY_KNOWS.format(guess.kind))
    say("→ room.toml:\n")
    seen: set[str] = set()
    for guess in found:
        if guess.kind not in seen:
            say(guess.stanza(account) + "\n")
            seen.add(guess.kind)
    return 0


def _at(target: str, only: str) -> list[Guess]:
    """The guesses whose port is open. Raises ValueError."""
    host, port = split_host_port(re.sub("^(tcp|udp|https?|wss?)://", "", target), 0)
    _known(host)
    guesses = list(at_host(host, port, only))
    ports = sorted({_port(guess) for guess in guesses if not guess.uri.startswith("udp")})
    targets = {f"tcp {number}": Target("tcp", host, number) for number in ports} | {"ping": Target("icmp", host)}
    targets |= {"H.323 (tcp 1720)": Target("tcp", host, H323_PORT)}
    if only in ("", NUT):
        targets |= {f"tcp {port or nut.PORT}": Target("tcp", host, port or nut.PORT)}
    answers = check(targets, REACH_S, Resolver())
    for name, answer in answers.items():
        say(f"  {'●' if answer.ok else '✕'} {name}")
    _snmp(host)
    upses = _upses(host, port or nut.PORT) if only in ("", NUT) else []
    return upses + [
        guess for guess in guesses
        if guess.uri.startswith("udp") or answers[f"tcp {_port(guess)}"].ok
    ]  # fmt: skip


def _known(host: str) -> None:
    """Raises ValueError for a name without an address: no cable is to blame for that."""
    try:
        Resolver().address(host)
    except LinkFault as fault:
        raise ValueError(
            f"{host}: tên này không có địa chỉ, kiểm tra tên và máy chủ DNS, hoặc ghi địa chỉ IP / no address is known "
            f"for this name ({fault}): check the name and the DNS server, or give the IP address"
        ) from None


def _upses(host: str, port: int) -> list[Guess]:
    named = f"[{host}]" if ":" in host else host
    return [Guess("ups", name, f"nut://{named}:{port}") for name in names_at(host, port, REACH_S)]


def _snmp(host: str) -> None:
    """Whether it can be read over SNMP by everybody, and what it calls itself."""
    client = SnmpClient(host, resolve=Resolver().address)
    try:
        words = client.get([snmp.SYS_DESCR], SNMP_S)[snmp.SYS_DESCR]
        say(f"  ● SNMP, public: {str(words)[:80]}")
        say(f'      [codec_snmp] uri = "snmp://{host}"')
    except LinkFault:
        say("  ✕ SNMP, public")
    finally:
        client.close()


def _port(guess: Guess) -> int:
    return int(guess.uri.rpartition(":")[2])
