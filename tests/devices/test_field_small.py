"""Outlets, meters, SNMP, the UPS, the PC and SIP when they are throttled, full, lag behind, or greet otherwise.

See `tests.devices.field`. Each is looked at by the agent's own probe, over a line that is made of bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from agent.config.channel import RelayConfig
from agent.config.devices import CodecSnmpConfig, MeterConfig, PcConfig, SwitchConfig, UpsConfig
from agent.core.exchange import HttpReply, HttpRequest
from agent.core.facts import BUSY, NoReading, Reading
from agent.devices import ber
from agent.devices.base import IN_CALL
from agent.devices.codec.sip import Asking
from agent.devices.modbus import crc16
from agent.devices.pc import _shell
from agent.probes import ups as ups_probe
from agent.probes.meter import MeterProbe
from agent.probes.outlet import HttpOutlet, OutletMeterProbe, SnmpOutlet, open_outlet
from agent.probes.pc import PcProbe
from agent.probes.snmp_probes import CodecSnmpProbe, SwitchProbe
from agent.probes.ups import UpsProbe
from agent.transports.errors import LinkFault
from tests.devices.field import PROMPTS, SESSION_FULL, THROTTLED, Without
from tests.devices.kit import RECORDINGS, Recording

REPLIES = {
    "shelly": b'{"id": 0, "output": true, "apower": 31.0, "voltage": 229.0, "freq": 50.0}',
    "tasmota": b'{"POWER": "ON", "StatusSNS": {"ENERGY": {"Power": 31, "Voltage": 229, "Frequency": 50}}}',
}
SNMP_FAMILIES = ("apc_rpdu", "apc_rpdu2", "codec_mib", "switch_port")
every_web_outlet = pytest.mark.parametrize("family", REPLIES)
every_system = pytest.mark.parametrize("system", ["linux", "windows"])


class Wire:
    """A line whose other end answers whatever is sent, by a function that the test may change."""

    def __init__(self, answer: Callable[[bytes], bytes], opening: bytes = b"") -> None:
        self.answer = answer
        self.sent: list[bytes] = []
        self.closed = False
        self._said = [opening] if opening else []

    def send(self, data: bytes, timeout_s: float) -> None:
        if data:
            self.sent.append(data)
            self._said.append(self.answer(data))

    def recv(self, timeout_s: float) -> bytes:
        return self._said.pop(0) if self._said else b""

    def close(self) -> None:
        self.closed = True


# -- outlets of the web


class Page:
    """The client of an outlet's web interface."""

    def __init__(self, reply: HttpReply) -> None:
        self.reply = reply
        self.asked: list[str] = []

    def exchange(self, request: HttpRequest, *more: object) -> HttpReply:
        self.asked.append(request.target)
        return self.reply


def metered(family: str) -> tuple[OutletMeterProbe, Page, HttpReply]:
    probe = OutletMeterProbe(MeterConfig("room", family, "http://192.0.2.1", password="mat-khau"))
    plain = HttpReply(200, (), REPLIES[family])
    page = Page(plain)
    probe._outlet._client = page  # type: ignore[attr-defined]
    return probe, page, plain


def replies_of(family: str) -> tuple[HttpReply, ...]:
    busy = THROTTLED[family]
    assert isinstance(busy, tuple)
    return busy


BUSY_OUTLETS = [(family, reply) for family in REPLIES for reply in replies_of(family)]


@pytest.mark.parametrize(("family", "busy"), BUSY_OUTLETS, ids=[f"{name} {said.status}" for name, said in BUSY_OUTLETS])
def test_a_throttled_outlet_is_busy(family: str, busy: HttpReply) -> None:
    """It is not unreadable for ever, nor is its password refused: nothing is held off."""
    probe, page, plain = metered(family)
    known = dict(probe.observe())
    assert known["room.draw_w"] == 31.0
    usual = len(page.asked)
    for _ in range(3):
        page.reply, before = busy, len(page.asked)
        assert set(probe.observe().values()) == {BUSY}
        with pytest.raises(LinkFault) as fault:
            probe._outlet.give(1.0)
        assert fault.value.kind == "busy"
        assert len(page.asked) - before <= usual + 1
        page.reply = plain
        assert probe.observe() == known
        probe._outlet.give(1.0)


@every_web_outlet
def test_an_outlet_that_lags_behind_its_order_is_read_as_it_says(family: str) -> None:
    outlet = open_outlet(RelayConfig("room", family=family, uri="http://192.0.2.1"))
    assert isinstance(outlet, HttpOutlet)
    page = Page(HttpReply(200, (), REPLIES[family]))
    outlet._client = page  # type: ignore[assignment]
    outlet.cut(None, 1.0)  # while one that ends by itself runs, a Tasmota is not asked
    given = page.asked[-1]
    for _ in range(2):
        assert outlet.look(1.0).on is True, "it still says so"
    assert page.asked.count(given) == 1
    page.reply = HttpReply(200, (), REPLIES[family].replace(b"true", b"false").replace(b'"ON"', b'"OFF"'))
    assert outlet.look(1.0).on is False


# -- SNMP


def snmp_reply(request: bytes, error: bytes, value: bytes) -> bytes:
    """The answer to a request: every name that it asks for has this value, unless there is an error."""
    (message,) = ber.parts(request)
    version, community, pdu = ber.parts(message.body)
    number, _, _, rows = ber.parts(pdu.body)
    names = [ber.encode(ber.OID, ber.parts(row.body)[0].body) for row in ber.parts(rows.body)]
    values = [ber.encode(part.tag, part.body) if pdu.tag == 0xA3 else value for part in _values(rows)]
    told = b"".join(ber.encode(ber.SEQUENCE, name + said) for name, said in zip(names, values, strict=True))
    body = ber.encode(number.tag, number.body) + error + ber.integer(0) + ber.encode(ber.SEQUENCE, told)
    head = ber.encode(version.tag, version.body) + ber.encode(community.tag, community.body)
    return ber.encode(ber.SEQUENCE, head + ber.encode(0xA2, body))


def _values(rows: ber.Part) -> list[ber.Part]:
    return [ber.parts(row.body)[1] for row in ber.parts(rows.body)]


NO_ERROR = ber.integer(0)
FINE: Callable[[bytes], bytes] = lambda request: snmp_reply(request, NO_ERROR, ber.integer(1))  # noqa: E731


def looked_at(family: str) -> tuple[Callable[[], Mapping[str, Reading]], Wire]:
    """A look by SNMP, and the wire that it goes over."""
    wire = Wire(FINE)
    if family.startswith("apc"):
        outlet = open_outlet(RelayConfig("room", family=family, uri="snmp://192.0.2.1"))
        assert isinstance(outlet, SnmpOutlet)
        outlet._client._stream = wire  # type: ignore[assignment]

        def look() -> Mapping[str, Reading]:
            try:
                return {"on": outlet.look(0.5).on or False}
            except LinkFault as fault:
                outlet._client._stream = wire  # type: ignore[assignment]
                return {"on": NoReading(fault.kind)}

        return look, wire
    probe: Any = (
        CodecSnmpProbe(CodecSnmpConfig("snmp://192.0.2.1", timeout_s=0.5))
        if family == "codec_mib"
        else SwitchProbe(SwitchConfig("snmp://192.0.2.1", "5", timeout_s=0.5))
    )
    probe._client._stream = wire
    return probe.observe, wire


@pytest.mark.parametrize("family", SNMP_FAMILIES)
def test_a_throttled_snmp_agent_is_busy(family: str) -> None:
    busy = THROTTLED[family]
    assert isinstance(busy, bytes)
    look, wire = looked_at(family)
    look()
    known = dict(look())
    assert any(not isinstance(said, NoReading) for said in known.values())
    before = len(wire.sent)
    wire.answer = lambda request: snmp_reply(request, busy, b"\x05\x00")
    assert set(look().values()) == {BUSY}
    assert len(wire.sent) - before == 1, "it is not asked again at once"
    wire.answer = FINE
    assert look() == known


@pytest.mark.parametrize("family", [name for name in SNMP_FAMILIES if name.startswith("apc")])
def test_a_strip_that_lags_behind_its_order_is_read_as_it_says(family: str) -> None:
    outlet = open_outlet(RelayConfig("room", family=family, uri="snmp://192.0.2.1"))
    assert isinstance(outlet, SnmpOutlet)
    wire = Wire(FINE)
    outlet._client._stream = wire  # type: ignore[assignment]
    was = outlet.look(0.5).on
    (outlet.cut(None, 0.5) if was else outlet.give(0.5))
    assert outlet.look(0.5).on is was
    assert len(wire.sent) == 3


# -- meters


@pytest.mark.parametrize(("family", "address"), [("pzem004t", 0xF8), ("sdm120", 1)])
def test_a_meter_that_is_busy_says_so(family: str, address: int) -> None:
    code = THROTTLED[family]
    assert isinstance(code, bytes)
    probe = MeterProbe(MeterConfig("room", family, "tcp://192.0.2.1:8899", address=address, timeout_s=0.2))
    frame = bytes((1, 0x84)) + code
    probe._line._stream = wire = Wire(lambda _: frame + crc16(frame))
    assert set(probe.observe().values()) == {BUSY}
    assert len(wire.sent) == 1
    registers = 28 if family == "sdm120" else 20
    good = bytes((1, 0x04, registers)) + bytes(registers)
    wire.answer = lambda _: good + crc16(good)
    assert BUSY not in probe.observe().values()


# -- SIP


def test_who_has_no_time_for_a_call_speaks_sip() -> None:
    said = THROTTLED["sip"]
    assert isinstance(said, bytes)
    asking = Asking("192.0.2.1", 5060, "192.0.2.9", 5060, "t0k3n")
    reply = said + b"Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKt0k3n\r\n\r\n"
    assert asking.reply_code(reply) == 503


# -- the UPS


def test_an_upsd_without_a_place_for_us_is_no_ups_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """upsd closes what is more than its MAXCONN. It is our side of the UPS; no password is doubted."""
    assert SESSION_FULL["nut"] == (b"",)
    full = True
    listed = (RECORDINGS / "nut/list_var.txt").read_bytes()

    class Stream(Wire):
        @classmethod
        def connect(cls, *_: object) -> Stream:
            return cls(lambda asked: b"" if full else b"OK\nOK\n" if b"USERNAME" in asked else listed)

        def recv(self, timeout_s: float) -> bytes:
            if full:
                raise LinkFault("refused", "the device closed the connection")
            return super().recv(timeout_s)

    monkeypatch.setattr(ups_probe, "TcpStream", Stream)
    probe = UpsProbe(UpsConfig("ups", user="diemcau", password="mat-khau", timeout_s=1.0))
    for _ in range(2):
        assert set(probe.observe().values()) == {NoReading("link")}
    outcome = probe.perform("ups_self_test")
    assert (outcome.ok, outcome.reason) == (False, "refused")
    full = False
    assert probe.observe()["ups.on_battery"] is True


# -- the PC

SOUND = "closed\n"
USED = "    LastUsedTimeStop    REG_QWORD    0x1d9a0c0ffee0000\n"
ANSWERS = {
    "linux": ("app 1\n", SOUND),
    "windows": (USED, USED, "".join(f'"system{n}.exe","{n}","Services","0","1 K"\n' for n in range(6))),
}


def typed_into(system: str, *, echoes: bool) -> Callable[[bytes], bytes]:
    """A shell's answers to a look: a section behind each mark, and before it what was typed, where it echoes."""
    sections = [f"{_shell.MARK}{number}\n{said}" for number, said in enumerate(ANSWERS[system])]
    told = "".join(sections) + f"{_shell.MARK}{len(sections)}\n"
    return lambda typed: (typed if echoes else b"") + told.encode()


def pc(system: str, opening: bytes, *, echoes: bool = False, full: Callable[[], bool] = lambda: False) -> PcProbe:
    config = PcConfig("ssh://192.0.2.1", "Zoom.exe", system, user="hop", password="mat-khau", timeout_s=2.0)
    probe = PcProbe(config, witness=True)

    def opened(_: float) -> Wire:
        if full():
            raise LinkFault("refused", "Connection closed by remote host")
        return Wire(typed_into(system, echoes=echoes), opening)

    probe._opened = opened  # type: ignore[method-assign, assignment]
    return probe


@every_system
@pytest.mark.parametrize("echoes", [False, True])
def test_whatever_a_shell_greets_with_its_answers_are_found(system: str, echoes: bool) -> None:
    row: Any = PROMPTS[system]
    assert not isinstance(row, Without)
    plain = pc(system, b"").observe()
    assert plain[IN_CALL] is False
    for greeted in row.values():
        opening = greeted(Recording(system, "greeting")).answers["(open)"]
        assert pc(system, opening, echoes=echoes).observe() == plain


@every_system
def test_an_ssh_server_without_a_place_for_us_denies_no_call(system: str) -> None:
    """sshd drops what is more than its MaxStartups. The password is not held off for it."""
    assert SESSION_FULL[system] == (b"",)
    full = True
    probe = pc(system, b"", full=lambda: full)
    for _ in range(3):
        look = probe.observe()
        assert look[IN_CALL] == NoReading("refused")
        assert probe.attest()[IN_CALL] == NoReading("refused")
    full = False
    assert probe.observe()[IN_CALL] is False
