"""What clocks, resolvers, switches, sensors and PCs say otherwise than one would think: sources in docs/devices.md."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from agent.config.devices import SensorConfig
from agent.core.facts import NoReading, Reading
from agent.devices.base import Facts
from agent.devices.network import clock, codec_mib, dns, icmp, lldp, switch_port
from agent.devices.pc import linux, windows
from agent.devices.sensor import kernel, sound
from agent.devices.sensor.mhz19 import Mhz19, checksum
from agent.devices.snmp import Value
from agent.probes.sensor import SensorProbe
from tests.probes.fakes import write_files

ABSENT, GARBLED, STALE = NoReading("absent"), NoReading("garbled"), NoReading("stale")
REST = "1763860000.1,0.0,0.0,0.0,1.1,0.0,0.1,0.0,0.0,64.5,Normal"


@pytest.mark.parametrize(
    ("head", "synced"),
    [("7F7F0101,,10", False), ("7f7f0101,,1", False), ("A29FC87B,162.159.200.123,3", True), ("50505300,PPS,1", True)],
)
def test_a_clock_that_follows_only_itself_is_not_disciplined(head: str, synced: bool) -> None:
    said = clock.from_chronyc(f"{head},{REST}\n")
    assert said["net.clock_synced"] is synced
    assert said["net.clock_offset_s"] == (0.0 if synced else STALE)


@pytest.mark.parametrize("code", [1, 2, 4, 5])
def test_a_resolver_that_says_no_without_repeating_the_question(code: int) -> None:
    asked = dns.question("hub.example", 77)
    head = asked[:2] + bytes((0x81, 0x80 | code)) + bytes(8)
    assert dns.reply_of(head, asked) == dns.Reply(code, ())
    assert dns.reply_of(bytes((0, 78)) + head[2:], asked) is None, "another question's"


@pytest.mark.parametrize("code", [0, 3])
def test_an_answer_without_its_question_names_nobody(code: int) -> None:
    asked = dns.question("hub.example", 77)
    assert dns.reply_of(asked[:2] + bytes((0x81, 0x80 | code)) + bytes(8), asked) is None


def test_a_resolver_that_changes_the_case_of_a_name() -> None:
    asked = dns.question("hub.example", 77)
    answer = asked[:2] + b"\x81\x80\0\1\0\0\0\0\0\0" + asked[12:].upper()
    assert dns.reply_of(answer, asked) == dns.Reply(0, ())


def test_an_echo_that_is_filled_up_to_a_frame() -> None:
    token = b"12345678"
    assert icmp.is_reply(b"\0\0\0\0\0\1\0\7" + token + bytes(18), token)


@pytest.mark.parametrize(
    ("high_mbps", "low_bps", "mbps"),
    [
        (10_000, 10_000, 10_000.0), (10_000, 4_294_967_295, 10_000.0), (ABSENT, 4_294_967_295, ABSENT),
        (0, 4_294_967_295, ABSENT), (0, 10_000_000, 10.0), (ABSENT, 100_000_000, 100.0), (0, 0, ABSENT),
        ("1000", 0, ABSENT),
    ],
)  # fmt: skip
def test_the_speed_of_a_port(high_mbps: Value, low_bps: Value, mbps: Reading) -> None:
    """SG350X: both in Mbit/s; SONiC: the end of 32 bits for all that is faster; old ones without the newer table."""
    values = {f"{switch_port.HIGH_SPEED}.5": high_mbps, f"{switch_port.SPEED}.5": low_bps}
    assert switch_port.Port().facts("5", values)["net.port_speed_mbps"] == mbps


@pytest.mark.parametrize("said", ["Gi0/5", "GI0/5", " gi0/5 "])
def test_a_ports_name_in_any_case_and_padded(said: str) -> None:
    assert switch_port.index("gi0/5", {f"{switch_port.NAME}.10105": said}) == "10105"


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3.0), (" 12.5 ", 12.5), ("nan", GARBLED), ("1_0", GARBLED), ("", GARBLED), ("---", GARBLED)],
)
def test_a_number_as_text(text: str, value: Reading) -> None:
    assert codec_mib.facts("polycom_hdx", {codec_mib.JITTER_MS: text}, {})["codec.jitter_ms"] == value


def neighbour(chassis: object, port: object) -> Reading:
    return lldp.neighbour(json.dumps({"lldp": [{"interface": [{"chassis": [chassis], "port": [port]}]}]}))


def test_a_switch_that_advertises_no_name() -> None:
    mac = {"id": [{"type": "mac", "value": "00:1c:0f:5f:c7:c0"}]}
    assert neighbour(mac, {"id": [{"type": "local", "value": "g2"}]}) == "00:1c:0f:5f:c7:c0 port g2"
    assert neighbour(mac, {}) == "00:1c:0f:5f:c7:c0"
    assert neighbour({}, {"descr": [{"value": "PORT"}]}) == ABSENT


def test_a_port_that_is_told_by_its_address_is_named_by_its_description() -> None:
    said = {"id": [{"type": "mac", "value": "00:1c:0f:5f:c7:c1"}], "descr": [{"value": "SW PORT\r\n 24"}]}
    assert neighbour({"name": [{"value": "sw1"}]}, said) == "sw1 port SW PORT 24"


def heard(name: str, *abilities: str) -> object:
    able = [{"type": one, "enabled": True} for one in abilities]
    return {"chassis": [{"name": [{"value": name}], "capability": able}], "port": [{}]}


def test_a_telephone_with_a_socket_for_a_pc_is_no_switch_of_the_room() -> None:
    """It calls itself a bridge, and is heard through a switch that knows no LLDP."""
    phone, switch = heard("SEPC8F9F9D61BC2", "Bridge", "Tel"), heard("sw1", "Bridge")
    for order in ([phone, switch], [switch, phone]):
        assert lldp.neighbour(json.dumps({"lldp": [{"interface": order}]})) == "sw1"
    assert lldp.neighbour(json.dumps({"lldp": [{"interface": [phone]}]})) == "SEPC8F9F9D61BC2"


# -- sensors


def seen(folder: Path, chip: str, files: dict[str, str]) -> dict[str, Reading]:
    write_files(folder, files)
    return dict(SensorProbe(SensorConfig(chip, "room", sysfs_root=str(folder))).observe())


def test_a_si7020_has_an_offset_and_calls_itself_by_its_place(tmp_path: Path) -> None:
    """Without the offset 25 °C reads 72: "too hot"."""
    at = "bus/iio/devices/iio:device0"
    files = {
        f"{at}/name": "1-0040\n", f"{at}/in_temp_raw": "6699\n", f"{at}/in_temp_scale": "10.725097656\n",
        f"{at}/in_temp_offset": "-4368\n", f"{at}/in_humidityrelative_raw": "9960\n",
        f"{at}/in_humidityrelative_scale": "7.629394531\n", f"{at}/in_humidityrelative_offset": "-786\n",
    }  # fmt: skip
    said = seen(tmp_path, "si7020", files)
    assert said == {"env.temp_c": pytest.approx(25.0, abs=0.01), "env.humidity_pct": pytest.approx(69.99, abs=0.01)}


def test_a_raw_value_without_an_offset_is_taken_as_it_stands(tmp_path: Path) -> None:
    at = "bus/iio/devices/iio:device0"
    files = {f"{at}/name": "si7020\n", f"{at}/in_temp_raw": "2500\n", f"{at}/in_temp_scale": "10\n"}
    assert seen(tmp_path, "si7020", files)["env.temp_c"] == pytest.approx(25.0)


@pytest.mark.parametrize(
    ("raw", "pct"),
    [
        (100_350, 100.0), (118_999, 100.0), (-120, 0.0), (-6000, 0.0), (99_999, 99.999), (119_500, GARBLED),
        (-6500, GARBLED), (3_302_000, GARBLED),
    ],
)  # fmt: skip
def test_air_full_of_water_reads_a_little_more_than_all(raw: float, pct: Reading) -> None:
    found = kernel.reading("env.humidity_pct", kernel.HWMON[1], raw)
    assert found == (pct if isinstance(pct, NoReading) else pytest.approx(pct))


@pytest.mark.parametrize(
    ("raw", "reading"),
    [
        (0.0, STALE),
        (85_000.0, STALE),
        (127_937.0, GARBLED),
        (-62_000.0, GARBLED),
        (62.0, 0.062),
        (float("nan"), GARBLED),
    ],
)
def test_what_a_one_wire_line_gives_that_is_no_temperature(raw: float, reading: Reading) -> None:
    assert kernel.reading("env.temp_c", kernel.ONE_WIRE[0], raw) == reading


def test_a_chip_of_another_kind_may_be_at_nought() -> None:
    assert kernel.reading("env.temp_c", kernel.HWMON[0], 0.0) == 0.0


@pytest.mark.parametrize("other", ["FF 79 01 00 00 00 00 00", "FF 99 00 00 00 00 00 00", "FF 87 00 00 00 00 00 00"])
def test_an_answer_to_an_order_is_no_concentration(other: str) -> None:
    """Another program's calibration, or its change of range."""
    body = bytes.fromhex(other)
    assert Mhz19().receive(body + bytes((checksum(body),))) == []


def test_a_frame_whose_first_byte_was_lost_does_not_spoil_the_next() -> None:
    sensor = Mhz19()
    sensor.request()
    whole = bytes.fromhex("FF 86 02 60 47 00 00 00 D1")
    events = sensor.receive(whole[1:] + whole)
    assert [event.readings["env.co2_ppm"] for event in events if isinstance(event, Facts)] == [608.0]


@pytest.mark.parametrize(
    ("frame", "reading"),
    [
        ("FF 86 01 84 3E 00 3A 98", NoReading("warming")), ("FF 86 02 2B 3E 00 3A 98", NoReading("warming")),
        ("FF 86 01 8B 3E 00 00 00", 395.0), ("FF 86 0D E5 3D 40 42 CF", 3557.0),
    ],
)  # fmt: skip
def test_a_sensor_that_says_that_it_boots(frame: str, reading: Reading) -> None:
    body = bytes.fromhex(frame)
    events = Mhz19().receive(body + bytes((checksum(body),)))
    assert [event.readings["env.co2_ppm"] for event in events if isinstance(event, Facts)] == [reading]


def test_a_sensor_that_streams_in_another_tongue_is_noise() -> None:
    """The bytes of an MH-Z19C that was not asked: they begin with BM."""
    stream = bytes((66, 77, 9, 129, 8, 200, 3, 52, 1)) * 30
    assert not any(isinstance(event, Facts) for event in Mhz19().receive(stream))


@pytest.mark.parametrize("samples", [[0] * 48_000, [-1] * 48_000, [117] * 48_000, [-32768] * 48_000, []])
def test_a_microphone_that_gives_one_value_for_ever_is_none(samples: list[int]) -> None:
    """An input that is muted or not plugged in: zeros, or a constant of the converter."""
    assert sound.level(samples, 94.0) == NoReading("failed")


def test_an_input_that_only_moves_to_its_value_is_none() -> None:
    """Without a microphone: an offset of half the scale, which is reached within 0.3 s."""
    moving = [-round(16_000 * n / 14_400) for n in range(14_400)]
    assert sound.level([*moving, *[-16_000] * 33_600], 94.0) == NoReading("failed")
    hiss = [-16_000 + n % 2 for n in range(33_600)]
    assert isinstance(sound.level([*moving, *hiss], 94.0), float), "with one there is always a little"


def test_zeros_at_the_beginning_change_no_level() -> None:
    """Recordings begin with up to 512 of them."""
    hum = [round(3000 * math.sin(2 * math.pi * 200 * n / sound.RATE_HZ)) for n in range(sound.RATE_HZ)]
    assert sound.level([0] * 512 + hum[512:], 94.0) == pytest.approx(sound.level(hum, 94.0), abs=0.1)


# -- PCs


@pytest.mark.parametrize("state", ["XRUN", "SUSPENDED", "SETUP", "PREPARED", "OPEN", "DISCONNECTED"])
def test_a_sound_card_in_between_denies_no_call(state: str) -> None:
    assert linux.facts("zoom", [["app 1"], ["closed", f"state: {state}"]])["codec.in_call"] == GARBLED


TASKS = [f'"p{n}.exe","{n}","Console","1","10 K"' for n in range(8)]
ENDED = ["LastUsedTimeStop    REG_QWORD    0x1db3c2a55f1e2b0"]
IN_USE = "LastUsedTimeStop    REG_QWORD    0x0"
PLACE = r"HKEY_CURRENT_USER\Software\Microsoft\Windows\CurrentVersion\CapabilityAccessManager\ConsentStore\microphone"


@pytest.mark.parametrize(
    ("key", "called"),
    [
        (r"\NonPackaged\C:#Program Files#Zoom#bin#Zoom.exe", False), (r"\NonPackaged\D:#VNPT#Meeting (2).exe", False),
        (r"\NonPackaged\C:#tools#p3.exe", True), (r"\NonPackaged\C:#tools#P3.EXE", True),
        (r"\MSTeams_8wekyb3d8bbwe", True), (r"\NonPackaged\C:#Users#Hòa#Họp.exe", True),
        (r"\NonPackaged\C:#tools#player", True), ("", True),
    ],
)  # fmt: skip
def test_a_program_that_died_in_a_meeting_uses_its_microphone_no_more(key: str, called: bool) -> None:
    """Windows keeps its use for ever. Who cannot be looked for in the list of programs, may still run."""
    used = [PLACE + key, IN_USE]
    assert windows.facts("Zoom.exe", [used, ENDED, TASKS]) == {"pc.app_running": False, "codec.in_call": called}
    assert windows.facts("Zoom.exe", [used, ENDED, TASKS[:2]])["codec.in_call"] is True, "no whole list"


def test_one_of_two_uses_is_enough() -> None:
    both = [PLACE + r"\NonPackaged\C:#Zoom.exe", IN_USE, PLACE + r"\NonPackaged\C:#p3.exe", IN_USE]
    assert windows.facts("Zoom.exe", [both, ENDED, TASKS])["codec.in_call"] is True
    assert windows.facts("Zoom.exe", [both[::-1], ENDED, TASKS])["codec.in_call"] is True


def test_the_programs_are_asked_for_after_their_uses() -> None:
    assert windows.look("Zoom.exe").index(b"tasklist") > windows.look("Zoom.exe").rindex(b"reg query")


@pytest.mark.parametrize(
    "row", ['"System Idle Process","0","Services","0","8 K"', '"Zoom.exe","4","Console","1","1.234.567 K"',
            '"Zoom.exe","4","Console","1","1 234 K"', '"ZOOM.EXE","4","RDP-Tcp#3","2","N/A"'],
)  # fmt: skip
def test_rows_in_the_manner_of_any_country(row: str) -> None:
    assert windows.facts("zoom.exe", [[], [], [*TASKS, row]])["pc.app_running"] is ("zoom" in row.lower())
