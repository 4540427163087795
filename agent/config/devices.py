"""What the probes need to know of a room. Plain data: whoever reads the room's file fills it in.

Transport URIs (`uri`):

* `tcp://HOST:PORT`
* `serial:///dev/serial/by-path/NAME?baud=115200` — `baud` may be a list (`115200,38400,9600`), tried in turn;
  left out, the family's own list is tried.
* `ssh://HOST[:22]`, by the system's SSH client; `ws://HOST[:80][/PATH]` and `wss://HOST[:443][/PATH]`;
* `udp://HOST:PORT`; `cec:///dev/cec0`, the control wire of an HDMI port;
* `http://HOST[:80]` and `https://HOST[:443]`. Which of them a family takes stands in `docs/devices.md`.

Reachability targets (`ping`, `tcp`, `sip`, `gateway`, `hub`, `beyond`, `targets`), since many networks block ICMP:

* `icmp:HOST`
* `tcp:HOST:PORT`
* `sip:HOST[:PORT]`, and `sip:HOST[:PORT];transport=tcp`
* `h323:HOST[:PORT]`: the connection of H.323's call signalling is taken
* `dns:HOST[:PORT]`: a resolver, which is asked for `localhost`; any reply counts

HOST is an address, or a name that `/etc/hosts` or the resolver of `resolv.conf` knows; IPv6 stands in brackets.
An empty string means "not fitted": the fact is not reported at all. Periods follow the freshness of the catalogue
(`agent.core.facts`): three polls and a margin. Every field is checked by `agent.probes.build`, which
raises `ValueError` with one sentence for the technician.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Role = Literal["room", "codec", "display", "amp"]
Place = Literal["room", "rack"]


@dataclass(frozen=True, slots=True)
class CodecConfig:
    """The video-conference codec."""

    family: str = "generic"
    """A file of `agent/devices/codec/`: `cisco_xapi`, `poly_cli`, or `generic` (reachability only, no `uri`)."""
    uri: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    ping: str = ""
    """Target of `codec.ping`, any kind of target: `icmp:10.0.0.5`."""
    tcp: str = ""
    """Target of `codec.tcp`."""
    sip: str = ""
    """Target of `codec.sip`."""
    ignore: tuple[str, ...] = ()
    """Facts this room does not want judged, e.g. `codec.registered` in a room that dials by address."""
    certificate: str = "first"
    """Which TLS certificate the codec may show: `first` (kept once seen), `any`, or a SHA-256 fingerprint."""
    old_tls: bool = False
    """Whether TLS 1.0 and 1.1 are taken, where a codec speaks nothing newer (Huawei TE20, Cisco TC)."""
    trust_dir: str = ""
    """Where keys and certificates seen first are kept; the room's state folder."""
    baseline: dict[str, str] = field(default_factory=dict)
    """Settings as they should be, by the codec's own names: `{"Audio DefaultVolume" = "70"}`. Never a secret."""
    volume_pct: float = 50.0
    """What the remedy `codec_volume_restore` sets. 0..100."""
    period_s: float = 10.0
    api_timeout_s: float = 8.0
    """How long one observation may take over the control interface, login included. 2..20."""
    reach_timeout_s: float = 2.0
    """How long ping, tcp and sip may take together. 0.2..5."""


@dataclass(frozen=True, slots=True)
class CodecSnmpConfig:
    """The codec's SNMP agent, beside its control interface or in its place."""

    uri: str
    """`snmp://HOST[:161]`."""
    password: str = field(default="", repr=False)
    """The community that may read; empty: `public`."""
    version: str = "2c"
    """`1` or `2c`."""
    mib: Literal["", "polycom_hdx", "cisco_cts"] = ""
    """A maker's table to read besides: see `agent.devices.network.codec_mib`."""
    ignore: tuple[str, ...] = ()
    """Facts that the control interface reports already, e.g. `codec.uptime_s`."""
    period_s: float = 30.0
    timeout_s: float = 2.0
    """For one question, 0.5 to 10."""


@dataclass(frozen=True, slots=True)
class McuConfig:
    """The MCU or registrar that all rooms call: in the `room.toml` of the centre, and nowhere else. It is only read."""

    targets: tuple[str, ...] = ()
    """Targets of its signalling, one of a kind: `sip:HOST`, `tcp:HOST:5061`, `h323:HOST`, `icmp:HOST`."""
    web: str = ""
    """Its web page, `https://HOST`; nobody signs in. Empty: not asked."""
    snmp: str = ""
    """`snmp://HOST[:161]`; empty: not asked."""
    password: str = field(default="", repr=False)
    """The community that may read; empty: `public`."""
    version: str = "2c"
    """`1` or `2c`."""
    gap_s: float = 10.0
    """From one question to the next; the targets are asked in turn. At least 10."""
    timeout_s: float = 3.0
    """For one question, 0.5 to 10."""


@dataclass(frozen=True, slots=True)
class SwitchConfig:
    """The port of a managed switch that the room hangs on."""

    uri: str
    """`snmp://HOST[:161]`."""
    port: str
    """Its name as the switch calls it (`Gi0/5`, `ether3`), or its number (ifIndex)."""
    password: str = field(default="", repr=False)
    """The community that may read; empty: `public`."""
    version: str = "2c"
    period_s: float = 30.0
    timeout_s: float = 2.0


@dataclass(frozen=True, slots=True)
class PcConfig:
    """A PC with conference software, in place of a codec or beside one."""

    uri: str
    """`ssh://HOST[:22]`."""
    process: str
    """The program as the system lists it: `Zoom.exe`, `zoom`."""
    system: str = "windows"
    """`windows` or `linux`."""
    user: str = ""
    """The account that the meetings run under."""
    password: str = field(default="", repr=False)
    restart: str = ""
    """The scheduled task (Windows) or the user's unit (Linux) that opens the program anew. Empty: never."""
    trust_dir: str = ""
    """Where host keys seen first are kept; the room's state folder."""
    period_s: float = 30.0
    timeout_s: float = 8.0
    """For one look, after the log-in. 2 to 20."""


PROJECTORS = frozenset({"pjlink"})
"""Families of displays that count as projectors, since nothing in their protocol says whether there is a lamp."""


@dataclass(frozen=True, slots=True)
class DisplayConfig:
    """The display that people look at: a television, a panel or a projector."""

    family: str = "pjlink"
    """A file of `agent/devices/display/`."""
    uri: str = ""
    """`tcp://HOST[:PORT]` or a serial URI, whichever the family speaks."""
    password: str = field(default="", repr=False)
    number: int = 1
    """The display's own number on its line, where the family has one. 0..255."""
    input: str = ""
    """The input the codec is on, in the words of the family (`docs/devices.md`). Empty: any, and it is never chosen."""
    projector: bool = False
    """No relay ever cuts it: its lamp has to cool. A display that speaks PJLink counts as one whatever stands here."""
    period_s: float = 10.0
    timeout_s: float = 6.0
    """For one look, login included. 2..20."""

    @property
    def never_cut(self) -> bool:
        """Whether a relay must leave it alone."""
        return self.projector or self.family in PROJECTORS


@dataclass(frozen=True, slots=True)
class CameraConfig:
    """The camera, where it has a control line of its own."""

    family: str = "visca_ip"
    """A file of `agent/devices/camera/`."""
    uri: str = ""
    """`udp://HOST[:PORT]`, `tcp://HOST[:PORT]` or a serial URI, whichever the family speaks."""
    number: int = 1
    """The camera's own number on a serial line. 1..7."""
    period_s: float = 10.0
    timeout_s: float = 6.0
    """For one look. 2..20."""


@dataclass(frozen=True, slots=True)
class MeterConfig:
    """A power meter; `role` says which draw it measures. Every meter of role `room` also reports the mains."""

    role: Role = "room"
    family: str = "pzem004t"
    """`pzem004t` or `sdm120`; or an outlet of the network that measures: `shelly`, `tasmota`."""
    uri: str = ""
    """A serial URI, or `tcp://` to a transparent serial server; of an outlet `http://HOST`."""
    number: int = -1
    """Of an outlet that measures: which of its outlets; -1: its first."""
    user: str = ""
    password: str = field(default="", repr=False)
    """Of an outlet that measures."""
    address: int = 0xF8
    """Modbus address 1..247; 0xF8 (248) is the PZEM's general address, right when it is alone on its line.
    An SDM120 has none: it is delivered as 1."""
    period_s: float = 10.0
    timeout_s: float = 2.0


@dataclass(frozen=True, slots=True)
class UpsConfig:
    """A UPS behind a NUT server (`upsd`)."""

    name: str = "ups"
    """The UPS's name in `ups.conf`."""
    host: str = "127.0.0.1"
    port: int = 3493
    user: str = ""
    password: str = field(default="", repr=False)
    period_s: float = 10.0
    timeout_s: float = 4.0


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """The room's own way out."""

    interface: str = ""
    """e.g. `eth0`; empty: not reported."""
    gateway: str = "auto"
    """A target; `auto` = `icmp:` to the default route's gateway; empty: not reported."""
    hub: tuple[str, ...] = ()
    """Targets; one that answers is enough. Loss, round trip and jitter are measured to the first."""
    dns_name: str = ""
    """A name that must resolve; empty: not reported."""
    dns_servers: tuple[str, ...] = ()
    """`HOST` or `HOST:PORT`; empty: those of `resolv_conf`."""
    resolv_conf: str = "/etc/resolv.conf"
    beyond: tuple[str, ...] = ()
    """Targets beyond the media converter that are neither the hub nor its machine: the carrier's node at the far end of
    the fibre, the MCU, the carrier's DNS. While one of them answers the converter is not power-cycled. Empty: not
    reported, and a silent hub alone is what the room goes by."""
    clock: bool = True
    """Whether `net.clock_synced` and `net.clock_offset_s` are reported."""
    clock_command: tuple[str, ...] = ("chronyc", "-c", "tracking")
    clock_fallback: tuple[str, ...] = ("timedatectl", "show", "-p", "NTPSynchronized", "--value")
    """Asked when `clock_command` does not exist or chronyd does not run. Gives no offset."""
    neighbour: bool = False
    """Whether `net.neighbour` is reported: which switch and port `interface` leads to. lldpd must run."""
    neighbour_command: tuple[str, ...] = ("lldpcli", "-f", "json0", "show", "neighbors", "ports")
    """Asks lldpd; `interface` is added."""
    samples: int = 5
    """Echoes per observation for loss and jitter."""
    window: int = 20
    """Echoes over which loss and jitter are computed: 20 makes one lost echo 5 %."""
    timeout_s: float = 2.0
    """Per target."""
    period_s: float = 10.0
    slow_period_s: float = 30.0
    """Period of loss, jitter, round trip, names and clock."""
    sysfs_root: str = "/sys"
    proc_root: str = "/proc"


@dataclass(frozen=True, slots=True)
class SensorConfig:
    """An environment sensor: one that the kernel's own driver serves in sysfs, or an `mhz19` on a serial line."""

    chip: str
    """What its `name` file says: `bme280`, `bh1750`, `sht3x`, `sht4x`, `aht10`, …; `ds18b20` for 1-wire; `mhz19`."""
    place: Place = "room"
    """`rack` reports its temperature as `env.rack_temp_c` and nothing else."""
    serial: str = ""
    """1-wire only: `28-0316a2f0b1ff`; needed when several sensors share the wire."""
    uri: str = ""
    """`mhz19` only: a serial URI, or `tcp://` to a transparent serial server."""
    timeout_s: float = 2.0
    """`mhz19` only: for one answer. 0.1..20."""
    period_s: float = 30.0
    sysfs_root: str = "/sys"


@dataclass(frozen=True, slots=True)
class SoundConfig:
    """A microphone whose level is measured; the sound itself is never kept. Off while a secret meeting may be on."""

    device: str
    """ALSA's name, e.g. `plughw:CARD=Microphone`: `arecord -L` lists them."""
    calibration_dbc: float = 120.0
    """The level of a sine wave that just fits. 60..160; 120 is that of common digital microphones [M]."""
    command: tuple[str, ...] = ("arecord",)
    """What records; arguments are added."""
    period_s: float = 10.0
    timeout_s: float = 4.0
    """For one look, which listens for a second. 2..20."""


@dataclass(frozen=True, slots=True)
class SelfConfig:
    """The board the agent runs on."""

    state_path: str = "/var/lib/diemcau"
    """A folder on the state partition: its space and whether it fell back to read-only."""
    vcgencmd: tuple[str, ...] = ("vcgencmd", "get_throttled")
    """Asked for under-voltage when the kernel has no `rpi_volt`; empty: never."""
    period_s: float = 60.0
    sysfs_root: str = "/sys"
    proc_root: str = "/proc"
    reboot: tuple[str, ...] = ()
    """Starts the board anew, e.g. `["systemctl", "reboot"]`; empty: the room never does."""


@dataclass(frozen=True, slots=True)
class RoomConfig:
    """Everything a room can watch; what is None or empty is not fitted."""

    codec: CodecConfig | None = None
    codec_snmp: CodecSnmpConfig | None = None
    switch: SwitchConfig | None = None
    display: DisplayConfig | None = None
    camera: CameraConfig | None = None
    pc: PcConfig | None = None
    meters: tuple[MeterConfig, ...] = ()
    ups: UpsConfig | None = None
    network: NetworkConfig | None = field(default_factory=NetworkConfig)
    mcu: McuConfig | None = None
    sensors: tuple[SensorConfig, ...] = ()
    sound: SoundConfig | None = None
    board: SelfConfig | None = field(default_factory=SelfConfig)
