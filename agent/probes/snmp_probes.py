"""Two looks over SNMP: at the codec, and at the switch's port that the room hangs on."""

from __future__ import annotations

from collections.abc import Mapping

from agent.config.devices import CodecSnmpConfig, SwitchConfig
from agent.core.facts import NoReading, Reading
from agent.devices import snmp
from agent.devices.network import codec_mib, switch_port
from agent.probes.names import Resolver, split_host_port
from agent.probes.snmp import SnmpClient
from agent.transports.errors import LinkFault

TIMEOUT_S = (0.5, 10.0)
VERSIONS: Mapping[str, snmp.Version] = {"1": "1", "2c": "2c"}


def open_client(place: str, uri: str, community: str, version: str, timeout_s: float) -> SnmpClient:
    """A client out of settings. Raises ValueError with one sentence for the technician."""
    scheme, _, authority = uri.partition("://")
    if scheme != "snmp":
        raise ValueError(f"{place}: {uri!r} must be snmp://HOST")
    if version not in VERSIONS:
        raise ValueError(f"{place}: version {version!r} must be one of {', '.join(VERSIONS)}")
    if not TIMEOUT_S[0] <= timeout_s <= TIMEOUT_S[1]:
        raise ValueError(f"{place}: timeout_s must be {TIMEOUT_S[0]:g}..{TIMEOUT_S[1]:g}")
    try:
        host, port = split_host_port(authority.rstrip("/"), snmp.PORT)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from error
    return SnmpClient(host, port, community or "public", VERSIONS[version], Resolver().address)


class CodecSnmpProbe:
    """Asks the codec over SNMP. Silence is not told from a wrong community, so it never says that the codec is dead."""

    name = "codec-snmp"

    def __init__(self, config: CodecSnmpConfig) -> None:
        """Raises ValueError with one sentence for the technician."""
        if config.mib not in ("", "polycom_hdx", "cisco_cts"):
            raise ValueError(f"codec_snmp: mib {config.mib!r} is not known; there are: polycom_hdx, cisco_cts")
        place = "codec_snmp"
        self._client = open_client(place, config.uri, config.password, config.version, config.timeout_s)
        self._mib = config.mib
        self.keys = tuple(key for key in codec_mib.keys(config.mib) if key not in config.ignore)
        self.period_s = config.period_s
        self._timeout_s = config.timeout_s
        self.deadline_s = config.timeout_s * 3 + 3.0

    def observe(self) -> Mapping[str, Reading]:
        """Look once."""
        try:
            values = self._client.get(codec_mib.asked(self._mib), self._timeout_s)
            rows = {column: self._client.walk(column, self._timeout_s) for column in codec_mib.tables(self._mib)}
        except LinkFault as fault:
            return dict.fromkeys(self.keys, NoReading(fault.kind))
        found = codec_mib.facts(self._mib, values, rows)
        return {key: found[key] for key in self.keys}

    def close(self) -> None:
        """Let go."""
        self._client.close()


class SwitchProbe:
    """Asks the switch about one port. The port's row is looked up by its name, again after every fault."""

    name = "switch-port"
    keys = switch_port.KEYS

    def __init__(self, config: SwitchConfig) -> None:
        """Raises ValueError with one sentence for the technician."""
        if not config.port:
            raise ValueError("switch: port is missing; give its name as the switch calls it, or its number")
        self._client = open_client("switch", config.uri, config.password, config.version, config.timeout_s)
        self._name = config.port
        self._row = ""
        self._port = switch_port.Port()
        self.period_s = config.period_s
        self._timeout_s = config.timeout_s
        self.deadline_s = config.timeout_s * 3 + 3.0

    def observe(self) -> Mapping[str, Reading]:
        """Look once."""
        try:
            self._row = self._row or self._look_up()
            if not self._row:
                return dict.fromkeys(self.keys, NoReading("absent"))
            return self._port.facts(self._row, self._client.get(switch_port.asked(self._row), self._timeout_s))
        except LinkFault as fault:
            self._row = ""  # a switch that comes back may count its ports anew
            return dict.fromkeys(self.keys, NoReading(fault.kind))

    def _look_up(self) -> str:
        if self._name.isdigit():
            return self._name
        for column in (switch_port.NAME, switch_port.DESCRIPTION):
            if row := switch_port.index(self._name, self._client.walk(column, self._timeout_s)):
                return row
        return ""

    def close(self) -> None:
        """Let go."""
        self._client.close()
