"""Network, sensors and board below a temporary root; and the factory."""

from __future__ import annotations

import json
import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from agent.config.devices import (
    CodecConfig,
    CodecSnmpConfig,
    McuConfig,
    MeterConfig,
    NetworkConfig,
    RoomConfig,
    SelfConfig,
    SensorConfig,
    SoundConfig,
    SwitchConfig,
    UpsConfig,
)
from agent.core.facts import FACTS, NoReading
from agent.probes.board import SelfProbe, throttled_now
from agent.probes.build import build_probes
from agent.probes.families import load, names
from agent.probes.lines import Line, parse_line
from agent.probes.network import NetworkProbe, NetworkSlowProbe, default_gateway, link_reading
from agent.probes.sensor import SensorProbe
from tests.probes.fakes import write_files
from tests.transports.places import in_quiet_network

ROUTES = """Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0101A8C0\t0003\t0\t0\t202\t00000000\t0\t0\t0
wlan0\t00000000\t01010A0A\t0003\t0\t0\t303\t00000000\t0\t0\t0
eth0\t0001A8C0\t00000000\t0001\t0\t0\t202\t00FFFFFF\t0\t0\t0
"""
NETWORK = NetworkConfig(gateway="icmp:127.0.0.1", hub=(), clock=False, timeout_s=0.5)


def test_default_gateway(tmp_path: Path) -> None:
    assert default_gateway(tmp_path) == ""
    write_files(tmp_path, {"net/route": ROUTES})
    assert default_gateway(tmp_path) == "192.168.1.1"


def test_carrier(tmp_path: Path) -> None:
    write_files(tmp_path, {"class/net/eth0/carrier": "1\n", "class/net/eth1/carrier": "0\n"})
    assert link_reading(tmp_path, "eth0") is True
    assert link_reading(tmp_path, "eth1") is False
    assert link_reading(tmp_path, "eth9") == NoReading("link")


def test_carrier_of_real_ports() -> None:
    """A port that is down refuses to be read."""
    said = in_quiet_network(
        """
import json, subprocess
from pathlib import Path
from agent.probes.network import link_reading
subprocess.run(["mount", "-t", "sysfs", "none", "/sys"], check=False)
up = link_reading(Path("/sys"), "quiet0")
subprocess.run(["ip", "link", "set", "quiet0", "down"], check=True)
print(json.dumps([up, link_reading(Path("/sys"), "quiet0")]))
""",
        mounts=True,
    )
    assert json.loads(said) == [True, False]


def test_one_hub_target_that_answers_is_enough() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    probe = NetworkProbe(replace(NETWORK, hub=("icmp:127.0.0.1", f"tcp:127.0.0.1:{port}")))
    assert probe.observe() == {"net.gateway": True, "net.hub": True}
    probe.close()


def test_a_second_target_beyond_the_converter() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        refuses = f"tcp:127.0.0.1:{gone.getsockname()[1]}"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.1", 0))
        silent = f"dns:127.0.0.1:{mute.getsockname()[1]}"
        inside = replace(NETWORK, gateway="")
        probe = NetworkProbe(replace(inside, beyond=(silent, refuses)))
        assert probe.keys == ("net.beyond",)
        assert probe.observe() == {"net.beyond": True}, "one is enough, and a refusal came from the far end"
        assert NetworkProbe(replace(inside, beyond=(silent,))).observe() == {"net.beyond": False}
        # The gateway stands in the room: it would answer for ever, and a hung converter would never be cycled.
        assert NetworkProbe(replace(NETWORK, beyond=(refuses,))).observe() == {"net.gateway": True, "net.beyond": False}


def test_a_path_that_is_gone() -> None:
    said = in_quiet_network(
        """
import json
from agent.config.devices import NetworkConfig
from agent.probes.network import NetworkProbe, NetworkSlowProbe
config = NetworkConfig("", "auto", ("icmp:10.99.0.9", "tcp:192.0.2.1:1883"), "hub.example", ("10.99.0.9",),
    beyond=("icmp:10.99.0.10", "dns:10.99.0.11"), clock=False, timeout_s=0.3)
seen = NetworkProbe(config).observe() | NetworkSlowProbe(config).observe()
print(json.dumps({key: getattr(value, "reason", value) for key, value in seen.items()}))
"""
    )
    assert json.loads(said) == {
        "net.gateway": False,
        "net.hub": False,
        "net.beyond": False,
        "net.dns": False,
        "net.loss_pct": 100.0,
        "net.rtt_ms": "timeout",
        "net.jitter_ms": "timeout",
    }


def test_quality_to_loopback() -> None:
    readings = NetworkSlowProbe(replace(NETWORK, hub=("icmp:127.0.0.1",))).observe()
    assert readings["net.loss_pct"] == 0.0
    assert isinstance(readings["net.rtt_ms"], float)
    assert isinstance(readings["net.jitter_ms"], float)


def test_quality_over_tcp_counts_a_refusal_as_a_round_trip() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    assert NetworkSlowProbe(replace(NETWORK, hub=(f"tcp:127.0.0.1:{port}",))).observe()["net.loss_pct"] == 0.0


def test_clock_commands() -> None:
    chronyc = "A,1.2.3.4,3,1.0,0.5,0,0,0,0,0,0,0,0,Normal"
    config = replace(NETWORK, clock=True, clock_command=("echo", chronyc))
    assert NetworkSlowProbe(config).observe() == {"net.clock_synced": True, "net.clock_offset_s": 0.5}
    config = replace(config, clock_command=("false",), clock_fallback=("echo", "no"))
    assert NetworkSlowProbe(config).observe()["net.clock_synced"] is False
    config = replace(config, clock_fallback=("no-such-program-here",))
    assert NetworkSlowProbe(config).observe()["net.clock_synced"] == NoReading("absent")


def test_sensors_are_found_by_name(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {
            "bus/iio/devices/iio:device0/name": "bh1750\n",
            "bus/iio/devices/iio:device0/in_illuminance_raw": "300\n",
            "bus/iio/devices/iio:device0/in_illuminance_scale": "0.5\n",
            "bus/iio/devices/iio:device1/name": "bme280\n",
            "bus/iio/devices/iio:device1/in_temp_input": "23450\n",
            "bus/iio/devices/iio:device1/in_humidityrelative_input": "61000\n",
            "class/hwmon/hwmon0/name": "cpu_thermal\n",
            "class/hwmon/hwmon0/temp1_input": "70000\n",
            "class/hwmon/hwmon1/name": "sht3x\n",
            "class/hwmon/hwmon1/temp1_input": "31000\n",
            "class/hwmon/hwmon1/humidity1_input": "not a number\n",
            "bus/w1/devices/28-01/temperature": "85000\n",
            "bus/w1/devices/28-02/temperature": "41250\n",
        },
    )

    def seen(chip: str, place: str = "room", serial: str = "") -> dict[str, object]:
        return dict(SensorProbe(SensorConfig(chip, place, serial, sysfs_root=str(tmp_path))).observe())  # type: ignore[arg-type]

    assert seen("bh1750") == {"env.light_lx": 150.0}
    assert seen("bme280") == {"env.temp_c": pytest.approx(23.45), "env.humidity_pct": pytest.approx(61.0)}
    assert seen("sht3x") == {"env.temp_c": pytest.approx(31.0), "env.humidity_pct": NoReading("garbled")}
    assert seen("sht3x", "rack") == {"env.rack_temp_c": pytest.approx(31.0)}
    assert seen("ds18b20", "rack", "28-02") == {"env.rack_temp_c": pytest.approx(41.25)}
    assert seen("ds18b20", "rack", "28-01") == {"env.rack_temp_c": NoReading("stale")}
    assert seen("aht10") == {"env.temp_c": NoReading("link"), "env.humidity_pct": NoReading("link")}


def board(tmp_path: Path) -> SelfProbe:
    return SelfProbe(
        SelfConfig(str(tmp_path), ("no-such-program-here",), 60, str(tmp_path / "sys"), str(tmp_path / "proc"))
    )


def test_board(tmp_path: Path) -> None:
    probe = board(tmp_path)
    silent = probe.observe()
    assert silent["self.cpu_pct"] == NoReading("link")
    assert silent["self.soc_temp_c"] == NoReading("absent")
    assert silent["self.undervoltage"] == NoReading("absent")
    files = {
        "proc/stat": "cpu  100 0 100 700 100 0 0 0 0 0\n",
        "proc/meminfo": "MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable: 250 kB\n",
        "proc/self/statm": "9000 2500 100 1 0 100 0\n",
        "sys/class/thermal/thermal_zone0/temp": "48312\n",
        "sys/class/hwmon/hwmon2/name": "rpi_volt\n",
        "sys/class/hwmon/hwmon2/in0_lcrit_alarm": "1\n",
    }
    write_files(tmp_path, files)
    assert probe.observe()["self.cpu_pct"] == NoReading("stale")
    write_files(tmp_path, {"proc/stat": "cpu  125 0 100 750 125 0 0 0 0 0\n"})
    readings = probe.observe()
    assert readings["self.cpu_pct"] == pytest.approx(25.0)
    assert readings["self.mem_pct"] == pytest.approx(75.0)
    assert readings["self.rss_mb"] == pytest.approx(2500 * os.sysconf("SC_PAGE_SIZE") / 1e6)
    assert readings["self.soc_temp_c"] == pytest.approx(48.312)
    assert readings["self.undervoltage"] is True
    assert readings["self.disk_readonly"] is False
    assert 0 <= float(str(readings["self.disk_pct"])) <= 100


def test_board_of_this_machine() -> None:
    probe = SelfProbe(SelfConfig("/"))
    probe.observe()
    readings = probe.observe()
    assert not isinstance(readings["self.mem_pct"], NoReading)
    assert not isinstance(readings["self.rss_mb"], NoReading)


def test_a_card_that_fell_back_to_read_only() -> None:
    said = in_quiet_network(
        """
import json, subprocess, tempfile
from agent.probes.board import SelfProbe
from agent.config.devices import SelfConfig
folder = tempfile.mkdtemp()
subprocess.run(["mount", "-t", "tmpfs", "none", folder], check=True)
before = SelfProbe(SelfConfig(folder, ())).observe()["self.disk_readonly"]
subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
print(json.dumps([before, SelfProbe(SelfConfig(folder, ())).observe()["self.disk_readonly"]]))
""",
        mounts=True,
    )
    assert json.loads(said) == [False, True]


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("throttled=0x0\n", False),
        ("throttled=0x50005\n", True),
        ("throttled=0x50000\n", False),
        ("error", NoReading("garbled")),
        ("throttled=0xZZ", NoReading("garbled")),
    ],
)
def test_vcgencmd(text: str, reading: object) -> None:
    assert throttled_now(text) == reading


FULL = RoomConfig(
    codec=CodecConfig(
        "cisco_xapi",
        "tcp://10.0.0.5:23",
        ping="icmp:10.0.0.5",
        tcp="tcp:10.0.0.5:5060",
        sip="sip:10.0.0.5",
        baseline={"Audio DefaultVolume": "70"},
    ),
    codec_snmp=CodecSnmpConfig("snmp://10.0.0.5", ignore=("codec.uptime_s",)),
    switch=SwitchConfig("snmp://10.0.0.2", "Gi0/5"),
    meters=(MeterConfig("room", uri="serial:///dev/a"), MeterConfig("codec", uri="serial:///dev/b")),
    ups=UpsConfig(),
    network=NetworkConfig(
        "eth0", "auto", ("tcp:hub.example:8883",), "hub.example", beyond=("dns:10.9.0.53",), neighbour=True
    ),
    mcu=McuConfig(
        ("sip:10.8.0.1", "h323:10.8.0.1", "tcp:10.8.0.1:5061", "icmp:10.8.0.1"), "https://10.8.0.1", "snmp://10.8.0.1"
    ),
    sensors=(
        SensorConfig("bme280"),
        SensorConfig("bh1750"),
        SensorConfig("ds18b20", "rack"),
        SensorConfig("mhz19", uri="serial:///dev/c"),
    ),
    sound=SoundConfig("plughw:CARD=Microphone"),
)


def test_a_full_room() -> None:
    probes, effectors = build_probes(FULL)
    keys = [key for probe in probes for key in probe.keys]
    assert len(keys) == len(set(keys))
    assert set(keys) <= set(FACTS)
    of_other_devices = (
        "hub.", "room.attended", "display.", "camera.", "amp.", "pc.",
    )  # fmt: skip
    assert {key for key in set(FACTS) - set(keys) if not key.startswith(of_other_devices)} == set()
    assert len({probe.name for probe in probes}) == len(probes)
    assert [effector.remedies for effector in effectors] == [
        frozenset({"codec_restart", "codec_wake", "codec_volume_restore", "codec_unmute", "codec_settings_restore"})
    ]
    for probe in probes:
        assert probe.deadline_s > 0
        probe.close()


def test_an_empty_room() -> None:
    assert build_probes(RoomConfig(network=None, board=None)) == ([], [])


def test_a_room_of_the_generic_family() -> None:
    probes, effectors = build_probes(RoomConfig(codec=CodecConfig(ping="icmp:127.0.0.1"), network=None, board=None))
    assert [probe.observe() for probe in probes] == [{"codec.ping": True}]
    assert effectors == []


@pytest.mark.parametrize(
    "room",
    [
        RoomConfig(codec=CodecConfig("nokia", "tcp://h:1")),
        RoomConfig(codec=CodecConfig("sip", "tcp://h:1")),
        RoomConfig(codec=CodecConfig("cisco_xapi", "")),
        RoomConfig(codec=CodecConfig("cisco_xapi", "telnet://h")),
        RoomConfig(codec=CodecConfig("cisco_xapi", "serial:///dev/x?baud=12")),
        RoomConfig(codec=CodecConfig(ping="10.0.0.5")),
        RoomConfig(codec=CodecConfig("cisco_xapi", "tcp://h:1", api_timeout_s=600)),
        RoomConfig(meters=(MeterConfig(uri="serial:///dev/a"), MeterConfig(uri="serial:///dev/b"))),
        RoomConfig(sensors=(SensorConfig("bme280"), SensorConfig("ds18b20"))),
        RoomConfig(sensors=(SensorConfig("bh1750", "rack"),)),
        RoomConfig(ups=UpsConfig("my ups")),
        RoomConfig(network=NetworkConfig(dns_name="a..b")),
        RoomConfig(network=NetworkConfig(period_s=0)),
        RoomConfig(network=NetworkConfig(beyond=("10.9.0.1",))),
        RoomConfig(network=NetworkConfig(hub=("tcp:h:1",), beyond=("tcp:h:1",))),
        RoomConfig(network=NetworkConfig(gateway="icmp:10.0.0.1", beyond=("icmp:10.0.0.1",))),
    ],
)
def test_impossible_rooms(room: RoomConfig) -> None:
    with pytest.raises(ValueError, match=r"\w+ .*"):
        build_probes(room)


def test_families_and_lines() -> None:
    assert {"cisco_xapi", "generic", "poly_cli"} <= set(names())
    assert load("poly_cli").port == 24
    assert parse_line("tcp://10.0.0.5", 24) == Line(host="10.0.0.5", port=24)
    assert parse_line("serial:///dev/x", bauds=(9600,)) == Line(scheme="serial", path="/dev/x", bauds=(9600,))
    assert parse_line("serial:///dev/x?baud=115200,9600") == Line(scheme="serial", path="/dev/x", bauds=(115200, 9600))


def test_passwords_are_not_shown() -> None:
    assert "secret" not in repr(CodecConfig(password="secret")) + repr(UpsConfig(password="secret"))
