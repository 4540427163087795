"""Makes the probes and effectors of a room out of its configuration. Opens nothing: the first `observe` does."""

from __future__ import annotations

from agent.config.devices import CodecConfig, MeterConfig, RoomConfig, SensorConfig
from agent.devices.codec._baseline import REMEDY
from agent.devices.sensor import mhz19
from agent.ports import Effector, Probe
from agent.probes.board import BoardEffector, SelfProbe
from agent.probes.co2 import Co2Probe
from agent.probes.codec import CodecProbe
from agent.probes.controlled import camera_probe, display_orders, display_probe
from agent.probes.families import load
from agent.probes.meter import MeterProbe
from agent.probes.network import NetworkProbe, NetworkSlowProbe
from agent.probes.orders import DeviceEffector
from agent.probes.sensor import SensorProbe
from agent.probes.snmp_probes import CodecSnmpProbe, SwitchProbe
from agent.probes.sound import SoundProbe
from agent.probes.ups import UpsProbe
from agent.uplink.gate import MeteringGate


def build_probes(room: RoomConfig, gate: MeteringGate | None = None) -> tuple[list[Probe], list[Effector]]:
    """All probes and effectors of a room. Without a gate of the loop's, no sound is ever measured.

    Raises ValueError with one sentence for the technician: unknown family, bad URI, two probes reporting one fact.
    """
    probes: list[Probe] = []
    effectors: list[Effector] = []
    if room.codec is not None:
        _check_codec(room.codec)
        codec = CodecProbe(room.codec)
        probes.append(codec)
        if codec.link is not None:
            effectors.append(DeviceEffector(codec.link, _orders(room.codec)))
    if room.codec_snmp is not None:
        probes.append(CodecSnmpProbe(room.codec_snmp))
    if room.switch is not None:
        probes.append(SwitchProbe(room.switch))
    if room.display is not None:
        display = display_probe(room.display)
        probes.append(display)
        effectors.append(DeviceEffector(display.link, display_orders(room.display)))
    if room.camera is not None:
        camera = camera_probe(room.camera)
        probes.append(camera)
        effectors.append(DeviceEffector(camera.link, camera.family.remedies))
    if room.pc is not None:
        from agent.probes.pc import PcProbe

        pc = PcProbe(room.pc, witness=room.codec is None)
        probes.append(pc)
        if pc.remedies:
            effectors.append(pc)
    probes += [_meter(meter) for meter in room.meters]
    if room.ups is not None:
        ups = UpsProbe(room.ups)
        probes.append(ups)
        if room.ups.user:  # without one, upsd takes no orders
            effectors.append(ups)
    if room.network is not None:
        probes += [NetworkProbe(room.network), NetworkSlowProbe(room.network)]
    if room.mcu is not None:
        from agent.probes.mcu import McuProbe

        probes.append(McuProbe(room.mcu))
    probes += [_sensor(sensor) for sensor in room.sensors]
    if room.sound is not None:
        probes.append(SoundProbe(room.sound, gate or MeteringGate()))
    if room.board is not None:
        probes.append(SelfProbe(room.board))
        if room.board.reboot:
            effectors.append(BoardEffector(room.board.reboot))
    probes = [probe for probe in probes if probe.keys]
    _check_once(probes)
    return probes, effectors


def _sensor(config: SensorConfig) -> Probe:
    if config.chip == mhz19.CHIP:
        return Co2Probe(config)
    if config.uri:
        raise ValueError(
            f"sensors: a {config.chip} is read from the kernel and has no uri; only a {mhz19.CHIP} has one"
        )
    return SensorProbe(config)


def _meter(config: MeterConfig) -> Probe:
    from agent.probes import outlet

    return outlet.OutletMeterProbe(config) if config.family in outlet.METERING else MeterProbe(config)


def _orders(config: CodecConfig) -> frozenset[str]:
    """What the codec can be told: its settings only where the room says what they should be."""
    remedies = load(config.family).remedies
    return remedies if config.baseline else remedies - {REMEDY}


def _check_codec(config: CodecConfig) -> None:
    if not 2 <= config.api_timeout_s <= 20 or not 0.2 <= config.reach_timeout_s <= 5:
        raise ValueError("codec: api_timeout_s must be 2..20 and reach_timeout_s 0.2..5")


def _check_once(probes: list[Probe]) -> None:
    """Two sources of one fact would overwrite each other's last good value."""
    source: dict[str, str] = {}
    for probe in probes:
        if not probe.period_s > 0:
            raise ValueError(f"{probe.name}: period_s must be above 0")
        for key in probe.keys:
            if key in source:
                raise ValueError(f"{key} is reported by both {source[key]} and {probe.name}")
            source[key] = probe.name
