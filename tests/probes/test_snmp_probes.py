"""A codec and a switch asked over SNMP: a real agent (snmpsim) says what their tables hold."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agent.config.devices import CodecSnmpConfig, SwitchConfig
from agent.core.facts import NoReading
from agent.devices.network import codec_mib, switch_port
from agent.devices.snmp import SYS_UPTIME, Value
from agent.probes.reach import Target, parse
from agent.probes.snmp_probes import CodecSnmpProbe, SwitchProbe
from tests.snmp_peer import UPTIME_ROW, snmp_agent

CTS = "1.3.6.1.4.1.9.9.643.1.2.1.1"
HDX = "1.3.6.1.4.1.2684.1.1"
IF, IF_X = "1.3.6.1.2.1.2.2.1", "1.3.6.1.2.1.31.1.1.1"
CISCO = "\n".join([
    UPTIME_ROW,
    f"{CTS}.2.1|4|Main Camera", f"{CTS}.3.1|2|0", f"{CTS}.2.2|4|Microphone 1", f"{CTS}.3.2|2|2",
    f"{CTS}.2.3|4|Microphone 2", f"{CTS}.3.3|2|3", f"{CTS}.2.4|4|Left Display", f"{CTS}.3.4|2|9",
])  # fmt: skip
POLYCOM = "\n".join([UPTIME_ROW, f"{HDX}.21.0|2|3", f"{HDX}.22.0|4|12.5", f"{HDX}.23.0|2|80"])


def switch(errors: int, packets: int, status: int = 1) -> str:
    return "\n".join([
        UPTIME_ROW, f"{IF}.2.10101|4|GigabitEthernet0/1", f"{IF_X}.1.10101|4|Gi0/1", f"{IF}.8.10101|2|{status}",
        f"{IF}.5.10101|66|100000000", f"{IF_X}.15.10101|66|100", f"{IF}.14.10101|65|{errors}", f"{IF}.20.10101|65|0",
        f"{IF}.11.10101|65|{packets}", f"{IF}.17.10101|65|0",
        f"{IF}.2.10102|4|GigabitEthernet0/2", f"{IF_X}.1.10102|4|Gi0/2", f"{IF}.8.10102|2|2",
        f"{IF}.5.10102|66|1000000000",
    ])  # fmt: skip


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    devices = {"cisco": CISCO, "hdx": POLYCOM, "switch": switch(0, 1000), "bare": UPTIME_ROW}
    with snmp_agent(tmp_path_factory.mktemp("snmp"), devices) as made:
        yield made


def codec(port: int, community: str, mib: codec_mib.Mib = "", version: str = "2c") -> CodecSnmpProbe:
    return CodecSnmpProbe(CodecSnmpConfig(f"snmp://127.0.0.1:{port}", community, version, mib, timeout_s=5.0))


def test_any_codec_says_that_it_lives_and_since_when(port: int) -> None:
    assert codec(port, "bare").observe() == {"codec.snmp": True, "codec.uptime_s": 86400.0}


@pytest.mark.parametrize("version", ["1", "2c"])
def test_cisco_names_its_parts(port: int, version: str) -> None:
    found = codec(port, "cisco", "cisco_cts", version).observe()
    assert found["codec.camera"] is True
    assert found["codec.mic_connected"] is False, "one has no cable, the other no power"
    assert found["codec.display_out"] == NoReading("garbled"), "a state that nobody has written down"


def test_polycom_tells_loss_and_jitter_as_number_or_text(port: int) -> None:
    found = codec(port, "hdx", "polycom_hdx").observe()
    assert (found["codec.rx_loss_pct"], found["codec.jitter_ms"]) == (3.0, 12.5)


def test_a_table_that_is_not_there_is_absent_and_the_codec_lives(port: int) -> None:
    for mib in ("polycom_hdx", "cisco_cts"):
        found = dict(codec(port, "bare", mib).observe())
        assert found.pop("codec.snmp") is True
        assert found.pop("codec.uptime_s") == 86400.0
        assert set(found.values()) == {NoReading("absent")}


def test_silence_is_no_word_about_the_codec(port: int) -> None:
    probe = CodecSnmpProbe(CodecSnmpConfig(f"snmp://127.0.0.1:{port}", "khac", timeout_s=0.5))
    assert set(probe.observe().values()) == {NoReading("timeout")}
    probe.close()
    assert set(probe.observe().values()) == {NoReading("link")}


def test_facts_that_somebody_else_reports_are_left_to_him(port: int) -> None:
    config = CodecSnmpConfig(f"snmp://127.0.0.1:{port}", "bare", ignore=("codec.uptime_s",))
    assert CodecSnmpProbe(config).observe() == {"codec.snmp": True}


def ask(port: int, name: str) -> SwitchProbe:
    return SwitchProbe(SwitchConfig(f"snmp://127.0.0.1:{port}", name, "switch", timeout_s=5.0))


@pytest.mark.parametrize("name", ["Gi0/1", "gi0/1", "GigabitEthernet0/1", "10101"])
def test_a_port_is_found_by_either_name_or_number(port: int, name: str) -> None:
    probe = ask(port, name)
    first = {"net.port_up": True, "net.port_speed_mbps": 100.0, "net.port_error_pct": NoReading("stale")}
    assert probe.observe() == first
    assert probe.observe() == first | {"net.port_error_pct": 0.0}


def test_a_port_that_is_down_and_one_that_is_not_there(port: int) -> None:
    down = ask(port, "Gi0/2").observe()
    assert (down["net.port_up"], down["net.port_speed_mbps"]) == (False, 1000.0)
    assert set(ask(port, "Gi0/9").observe().values()) == {NoReading("absent")}
    assert ask(port, "999").observe()["net.port_up"] == NoReading("absent")


def counters(errors: int, packets: int, status: int = 1) -> dict[str, Value]:
    zero: dict[str, Value] = dict.fromkeys(switch_port.asked("1"), 0)
    return zero | {f"{IF}.8.1": status, f"{IF}.14.1": errors, f"{IF}.11.1": packets}


def test_what_a_port_loses_is_a_difference_also_across_a_wrap() -> None:
    seen = switch_port.Port()
    told = [
        seen.facts("1", counters(*pair))["net.port_error_pct"]
        for pair in [(0, 2**32 - 10), (5, 2**32 - 5), (5, 15), (5, 15), (0, 3), (1, 4)]
    ]
    assert told == [NoReading("stale"), 50.0, 0.0, 0.0, NoReading("stale"), 50.0]


@pytest.mark.parametrize(("status", "up"), [(1, True), (2, False), (7, False), (3, None), (4, None), (99, None)])
def test_a_state_that_is_neither_up_nor_down_is_none(status: int, up: bool | None) -> None:
    found = switch_port.Port().facts("1", counters(0, 0, status))["net.port_up"]
    assert found == (NoReading("garbled") if up is None else up)


def test_values_of_the_wrong_kind_are_garbled() -> None:
    assert codec_mib.facts("", {SYS_UPTIME: "vài ngày"}, {})["codec.uptime_s"] == NoReading("garbled")
    text = codec_mib.facts("polycom_hdx", {codec_mib.LOSS_PCT: "ba", codec_mib.JITTER_MS: "1e999"}, {})
    assert text["codec.rx_loss_pct"] == text["codec.jitter_ms"] == NoReading("garbled")


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (CodecSnmpConfig("udp://10.0.0.5"), r"codec_snmp: .*must be snmp://HOST"),
        (CodecSnmpConfig("snmp://10.0.0.5:x"), r"codec_snmp: .*not a host and port"),
        (CodecSnmpConfig("snmp://10.0.0.5", version="3"), r"codec_snmp: version '3' must be one of 1, 2c"),
        (CodecSnmpConfig("snmp://10.0.0.5", timeout_s=60), r"codec_snmp: timeout_s must be 0.5..10"),
        (CodecSnmpConfig("snmp://10.0.0.5", mib="sony"), r"codec_snmp: mib 'sony' is not known"),  # type: ignore[arg-type]
    ],
)
def test_every_mistake_is_one_sentence(config: CodecSnmpConfig, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        CodecSnmpProbe(config)
    with pytest.raises(ValueError, match="switch: port is missing"):
        SwitchProbe(SwitchConfig("snmp://10.0.0.5", ""))


def test_h323_is_the_connection_of_its_signalling() -> None:
    assert parse("h323:10.0.0.5") == Target("tcp", "10.0.0.5", 1720)
    assert parse("h323:10.0.0.5:1721") == Target("tcp", "10.0.0.5", 1721)
    with pytest.raises(ValueError, match="h323:"):
        parse("h324:10.0.0.5")
