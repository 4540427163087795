"""SIP OPTIONS, Telnet, ICMP, DNS, clock and quality; and the chips of the kernel."""

from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.facts import NoReading
from agent.devices.base import number
from agent.devices.codec.sip import Asking, retransmissions
from agent.devices.lines import LineBuffer
from agent.devices.network import clock, dns, icmp
from agent.devices.network.quality import Quality
from agent.devices.sensor import kernel
from agent.devices.telnet import TelnetFilter

ASKING = Asking("10.0.0.5", 5060, "10.0.0.2", 40000, "abc123")

REPLY = b"SIP/2.0 404 Not Found\r\nVia: SIP/2.0/UDP 10.0.0.2:40000;branch=z9hG4bKabc123;rport\r\n\r\n"


def test_any_reply_means_alive() -> None:
    assert ASKING.reply_code(REPLY) == 404
    assert ASKING.reply_code(REPLY.replace(b"404 Not Found", b"200 OK")) == 200
    assert ASKING.reply_code(b"\r\n\r\n" + REPLY) == 404


def test_what_is_no_reply_to_us() -> None:
    assert ASKING.reply_code(REPLY.replace(b"abc123", b"old")) is None
    assert ASKING.reply_code(b"OPTIONS sip:abc123 SIP/2.0\r\n\r\n") is None
    assert ASKING.reply_code(REPLY[:12]) is None


def test_the_request_is_complete() -> None:
    text = ASKING.request().decode()
    assert text.startswith("OPTIONS sip:10.0.0.5:5060 SIP/2.0\r\n")
    assert text.endswith("Content-Length: 0\r\n\r\n")
    for head in ("Via", "Max-Forwards", "From", "To", "Call-ID", "CSeq"):
        assert f"\r\n{head}: " in text


def test_retransmissions_double_to_four_seconds() -> None:
    assert list(islice(retransmissions(), 5)) == [0.5, 1, 2, 4, 4]


@given(st.binary(max_size=300))
def test_sip_noise(data: bytes) -> None:
    assert ASKING.reply_code(data) is None


@pytest.mark.parametrize("cut", range(13))
def test_telnet_options_are_refused(cut: int) -> None:
    wire = b"\xff\xfd\x18lo\xff\xfb\x01gin\xff\xff: "[:13]
    telnet = TelnetFilter()
    text = telnet.feed(wire[:cut]) + telnet.feed(wire[cut:])
    assert text == b"login\xff"
    assert telnet.output() == b"\xff\xfc\x18\xff\xfe\x01"
    assert telnet.output() == b""


def test_telnet_subnegotiation_is_dropped() -> None:
    assert TelnetFilter().feed(b"a\xff\xfa\x18\x01\xff\xf0b") == b"ab"


@given(st.lists(st.binary(max_size=50), max_size=10))
def test_telnet_noise(noise: list[bytes]) -> None:
    telnet = TelnetFilter()
    for part in noise:
        telnet.feed(part)
    assert len(telnet.output()) < 400


def test_echo_checksum_adds_up() -> None:
    assert icmp.checksum(icmp.echo_request(b"12345678", 7)) == 0


def test_echo_replies() -> None:
    token = b"12345678"
    reply = b"\x00\x00\x00\x00\x00\x01\x00\x07" + token
    assert icmp.is_reply(reply, token)
    assert icmp.is_reply(b"\x45" + bytes(19) + reply, token, raw=True)
    assert icmp.is_reply(b"\x81" + reply[1:], token, v6=True)
    assert not icmp.is_reply(icmp.echo_request(token, 7), token)
    assert not icmp.is_reply(reply[:-1], token)
    assert not icmp.is_reply(b"", token, raw=True)


def reply_to(question: bytes, records: bytes, count: int, code: int = 0) -> bytes:
    return (
        question[:2]
        + bytes((0x81, 0x80 | code))
        + b"\0\1"
        + count.to_bytes(2, "big")
        + bytes(4)
        + question[12:]
        + records
    )


def test_dns_addresses() -> None:
    question = dns.question("hub.example", 77)
    alias = b"\xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x3c\x00\x02\xc0\x0c"
    address = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x0a\x00\x00\x07"
    assert dns.reply_of(reply_to(question, alias + address, 2), question) == dns.Reply(0, ("10.0.0.7",))
    assert dns.reply_of(reply_to(question, b"", 0, 3), question) == dns.Reply(3, ())


def test_dns_replies_that_are_not_ours() -> None:
    question = dns.question("hub.example", 77)
    other = dns.question("hub.example", 78)
    assert dns.reply_of(reply_to(other, b"", 0), question) is None
    assert dns.reply_of(question, question) is None


@given(st.binary(max_size=100))
def test_dns_noise(records: bytes) -> None:
    question = dns.question("hub.example", 77)
    reply = dns.reply_of(reply_to(question, records, 9), question)
    assert reply is not None
    assert all(dns.is_address(address) for address in reply.addresses)
    dns.reply_of(records, question)


@pytest.mark.parametrize("name", ["", "a..b", "x" * 64, ".".join(["x" * 60] * 5)])
def test_impossible_names(name: str) -> None:
    with pytest.raises(ValueError, match=r"host name|label"):
        dns.question(name, 1)


def test_resolv_conf_and_hosts() -> None:
    assert dns.servers_in("# x\nnameserver 10.0.0.1\nsearch a\nnameserver fe80::1%eth0\nnameserver bad\n") == (
        "10.0.0.1",
        "fe80::1%eth0",
    )
    assert dns.address_in("127.0.0.1 localhost\n10.0.0.9\thub.example hub # here\n", "HUB") == "10.0.0.9"
    assert dns.address_in("10.0.0.9 hub", "other") is None


CHRONYC = "A29FC87B,162.159.200.123,3,1763860000.1,0.000123,-0.0001,0.0002,1.1,0.0,0.1,0.02,0.001,64.5,Normal\n"


def test_clock() -> None:
    assert clock.from_chronyc(CHRONYC) == {"net.clock_synced": True, "net.clock_offset_s": 0.000123}
    unsynced = "00000000,,0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,1.0,1.0,0.0,Not synchronised\n"
    assert clock.from_chronyc(unsynced)["net.clock_synced"] is False
    assert clock.from_chronyc("506 Cannot talk to daemon")["net.clock_synced"] == NoReading("garbled")
    assert clock.from_timedatectl("yes\n")["net.clock_synced"] is True
    assert clock.from_timedatectl("no\n")["net.clock_synced"] is False
    assert clock.from_timedatectl("?")["net.clock_synced"] == NoReading("garbled")


def test_quality() -> None:
    quality = Quality(20)
    assert quality.readings()["net.loss_pct"] == NoReading("timeout")
    quality.add([0.010, 0.014, None, 0.020, 0.018])
    readings = quality.readings()
    assert readings["net.loss_pct"] == pytest.approx(20.0)
    assert readings["net.rtt_ms"] == pytest.approx(15.5)
    assert readings["net.jitter_ms"] == pytest.approx(3.0)


def test_quality_forgets() -> None:
    quality = Quality(4)
    quality.add([None] * 4)
    assert quality.readings() == {
        "net.loss_pct": 100.0,
        "net.rtt_ms": NoReading("timeout"),
        "net.jitter_ms": NoReading("timeout"),
    }
    quality.add([0.01] * 4)
    assert quality.readings()["net.loss_pct"] == 0.0


def test_a_power_up_value_is_no_temperature() -> None:
    channel = kernel.ONE_WIRE[0]
    assert kernel.reading("env.temp_c", channel, 85000.0) == NoReading("stale")
    assert kernel.reading("env.temp_c", channel, 23125.0) == pytest.approx(23.125)
    assert kernel.reading("env.temp_c", channel, 900000.0) == NoReading("garbled")


def test_lines_are_bounded_and_found_again() -> None:
    lines = LineBuffer(10)
    assert lines.feed(b"x" * 50) == []
    assert len(lines) <= 10
    assert lines.feed(b"yy\nOK\r\n") == ["OK"]
    assert lines.overruns == 1


@pytest.mark.parametrize(("text", "value"), [('"64.0"', 64.0), (" 5 ", 5.0), ("-1.5e1", -15.0)])
def test_numbers(text: str, value: float) -> None:
    assert number(text) == value


@pytest.mark.parametrize("text", ["", "1_0", "nan", "inf", "0x10", "٣", "1 2", "--"])
def test_what_is_no_number(text: str) -> None:
    assert number(text) == NoReading("garbled")
