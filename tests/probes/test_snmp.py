"""SNMP against a real agent (snmpsim), and a decoder that no bytes can break."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.facts import NoReading
from agent.devices import ber, snmp
from agent.probes.snmp import SnmpClient
from agent.transports.errors import LinkFault
from tests.snmp_peer import SYS_UPTIME, UPTIME_ROW, snmp_agent, writable

OUTLET = "1.3.6.1.4.1.318.1.1.12.3.3.1.1.4.1"
TABLE = "1.3.6.1.2.1.2.2.1.8"
DEVICE = f"""
1.3.6.1.2.1.1.1.0|4|Cisco TelePresence SX20
1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.5596.150.6.4.1
{UPTIME_ROW}
{TABLE}.1|2|1
{TABLE}.2|2|2
{TABLE}.10101|2|1
1.3.6.1.2.1.31.1.1.1.6.1|70|18446744073709551615
1.3.6.1.2.1.4.20.1.1.10.0.0.5|64|10.0.0.5
1.3.6.1.4.1.9999.1.0|2|-42
{writable(OUTLET, 1)}
"""


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with snmp_agent(tmp_path_factory.mktemp("snmp"), {"public": DEVICE}) as made:
        yield made


def client(port: int, version: snmp.Version = "2c", community: str = "public") -> SnmpClient:
    return SnmpClient("127.0.0.1", port, community, version)


@pytest.mark.parametrize("version", snmp.VERSIONS)
def test_values_of_every_kind_are_read(port: int, version: snmp.Version) -> None:
    asked = [
        "1.3.6.1.2.1.1.1.0",
        "1.3.6.1.2.1.1.2.0",
        SYS_UPTIME,
        "1.3.6.1.4.1.9999.1.0",
        "1.3.6.1.2.1.4.20.1.1.10.0.0.5",
    ]
    assert list(client(port, version).get(asked, 5.0).values()) == [
        "Cisco TelePresence SX20", "1.3.6.1.4.1.5596.150.6.4.1", 8640000, -42, "10.0.0.5",
    ]  # fmt: skip


def test_the_largest_counter_is_read(port: int) -> None:
    found = client(port).get(["1.3.6.1.2.1.31.1.1.1.6.1"], 5.0)
    assert list(found.values()) == [2**64 - 1]


@pytest.mark.parametrize("version", snmp.VERSIONS)
def test_what_a_device_does_not_have_is_absent_and_takes_nothing_else_with_it(port: int, version: snmp.Version) -> None:
    found = client(port, version).get(["1.3.6.1.2.1.1.1.0", "1.3.6.1.9.9.9"], 5.0)
    assert found == {"1.3.6.1.2.1.1.1.0": "Cisco TelePresence SX20", "1.3.6.1.9.9.9": NoReading("absent")}


@pytest.mark.parametrize("version", snmp.VERSIONS)
def test_a_table_is_walked_and_not_beyond(port: int, version: snmp.Version) -> None:
    assert client(port, version).walk(TABLE, 5.0) == {f"{TABLE}.1": 1, f"{TABLE}.2": 2, f"{TABLE}.10101": 1}
    assert client(port, version).walk(TABLE, 5.0, rows_max=2) == {f"{TABLE}.1": 1, f"{TABLE}.2": 2}
    assert client(port, version).walk("1.3.6.1.4.1.318.1.1.12.3.3.1.1.4.1", 5.0) == {}


def test_a_value_is_set_and_read_back(port: int) -> None:
    ours = client(port)
    ours.set(OUTLET, 2, 5.0)
    assert ours.get([OUTLET], 5.0) == {OUTLET: 2}
    ours.set(OUTLET, 1, 5.0)
    assert ours.get([OUTLET], 5.0) == {OUTLET: 1}


def test_what_may_not_be_written_is_denied(port: int) -> None:
    with pytest.raises(LinkFault) as caught:
        client(port).set("1.3.6.1.4.1.9999.1.0", 1, 5.0)
    assert caught.value.kind == "denied"


def test_a_wrong_community_is_silence(port: int) -> None:
    with pytest.raises(LinkFault) as caught:
        client(port, community="khac").get([SYS_UPTIME], 0.5)
    assert caught.value.kind == "timeout"


def test_a_closed_port_is_a_refusal_and_does_not_wait() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
        closed.bind(("127.0.0.1", 0))
        number = closed.getsockname()[1]
    with pytest.raises(LinkFault) as caught:
        client(number).get([SYS_UPTIME], 30.0)
    assert caught.value.kind == "refused"


def test_closing_wakes_whoever_waits() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        ours = client(silent.getsockname()[1])
        kinds: list[str] = []

        def ask() -> None:
            try:
                ours.get([SYS_UPTIME], 60.0)
            except LinkFault as fault:
                kinds.append(fault.kind)

        thread = threading.Thread(target=ask)
        thread.start()
        silent.recv(2000)
        ours.close()
        thread.join(20)
        assert kinds == ["link"]


def asked_in_vain(ours: SnmpClient) -> None:
    with pytest.raises(LinkFault):
        ours.get([SYS_UPTIME], 2.5)


def test_a_lost_question_is_asked_again_and_an_order_is_not() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as lossy:
        lossy.bind(("127.0.0.1", 0))
        lossy.settimeout(20)
        ours = client(lossy.getsockname()[1])
        thread = threading.Thread(target=asked_in_vain, args=(ours,))
        thread.start()
        assert lossy.recv(2000) == lossy.recv(2000)
        thread.join(20)
        while True:  # what else it asked
            lossy.settimeout(0.05)
            try:
                lossy.recv(2000)
            except TimeoutError:
                break
        with pytest.raises(LinkFault):
            ours.set(OUTLET, 2, 2.5)
        lossy.recv(2000)
        with pytest.raises(TimeoutError):
            lossy.recv(2000)


def test_a_reply_to_another_question_is_not_ours() -> None:
    request = snmp.get([SYS_UPTIME], 7, "public")
    reply = request.replace(bytes((snmp.GET,)), bytes((snmp.RESPONSE,)), 1)
    assert snmp.read(reply, 7) is not None
    assert snmp.read(reply, 8) is None
    assert snmp.read(request, 7) is None, "a question is no answer"


@given(st.binary(max_size=200), st.integers(0, 2**31 - 1))
def test_no_bytes_break_it(data: bytes, number: int) -> None:
    snmp.read(data, number)


@given(st.data())
def test_no_change_of_a_good_reply_breaks_it(data: st.DataObject) -> None:
    reply = bytearray(snmp.get([SYS_UPTIME, OUTLET], 300, "public").replace(b"\xa0", b"\xa2", 1))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(reply) - 1))
        reply[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
        if not reply:
            return
    answer = snmp.read(bytes(reply), 300)
    assert answer is None or all(isinstance(value, int | str | NoReading) for value in answer.values.values())


@given(st.integers(-(2**63), 2**64 - 1))
def test_whole_numbers_come_back(value: int) -> None:
    (part,) = ber.parts(ber.integer(value))
    assert ber.whole(part) == value


@given(st.lists(st.integers(0, 2**31), min_size=1, max_size=20))
def test_object_identifiers_come_back(arcs: list[int]) -> None:
    text = ".".join(map(str, (1, 3, *arcs)))
    (part,) = ber.parts(ber.oid("." + text))
    assert ber.dotted(part) == text


@pytest.mark.parametrize("text", ["", "1", "1.x", "3.1", "1.40", "1..2", "1.3.-1", "1.3.99999999999", "1.3.²"])
def test_what_is_no_object_identifier_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no object identifier"):
        ber.oid(text)
