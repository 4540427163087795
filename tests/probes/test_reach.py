"""Reachability against real peers: loopback, a real SIP endpoint, and a network where nobody answers."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from dnslib import RR, DNSRecord
from dnslib.server import BaseResolver, DNSLogger, DNSServer

from agent.core.facts import NoReading
from agent.devices.network.dns import Reply
from agent.probes.names import Resolver, ask, split_host_port
from agent.probes.reach import check, device_reading, host_lives, parse, path_reading
from agent.transports.attempts import Answer
from agent.transports.errors import LinkFault
from tests.transports.places import eventually, in_quiet_network, program


def reach(target: str, timeout_s: float = 5) -> Answer:
    return check({"it": parse(target)}, timeout_s, Resolver())["it"]


def free_sip_port() -> int:
    """A port that is free for UDP and TCP, and the next one too: baresip takes that for TLS."""
    for port in range(20000 + os.getpid() % 5000 * 2, 32000, 2):
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
                udp.bind(("127.0.0.1", port))
            for number in (port, port + 1):
                socket.create_server(("127.0.0.1", number)).close()
        except OSError:
            continue
        return port
    pytest.fail("no free port for SIP")


@pytest.fixture(scope="module")
def sip_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A real baresip."""
    folder = tmp_path_factory.mktemp("baresip")
    port = free_sip_port()
    (folder / "config").write_text(
        f"sip_listen 127.0.0.1:{port}\nmodule_path /usr/lib/baresip/modules\nmodule account.so\nmodule menu.so\n"
    )
    (folder / "accounts").write_text("<sip:room@127.0.0.1>;regint=0\n")
    (folder / "contacts").write_text("")
    endpoint = subprocess.Popen(
        [program("baresip"), "-4", "-f", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        eventually(lambda: reach(f"sip:127.0.0.1:{port}", 1).ok, "baresip did not answer")
        yield port
    finally:
        endpoint.terminate()
        endpoint.wait(20)


def test_sip_over_udp_and_tcp(sip_endpoint: int) -> None:
    assert reach(f"sip:127.0.0.1:{sip_endpoint}").ok
    assert reach(f"sip:127.0.0.1:{sip_endpoint};transport=tcp").ok


def test_sip_where_nobody_listens() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.1", 0))
        port = gone.getsockname()[1]
    for target in (f"sip:127.0.0.1:{port}", f"sip:127.0.0.1:{port};transport=tcp"):
        answer = reach(target)
        assert device_reading(answer) is False
        assert path_reading(answer) is True


def test_something_that_is_no_sip() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        answer = reach(f"sip:127.0.0.1:{server.getsockname()[1]};transport=tcp", 0.5)
    assert device_reading(answer) is False


def test_echo_on_loopback() -> None:
    for target in ("icmp:127.0.0.1", "icmp:localhost"):
        answer = reach(target)
        assert answer.ok
        assert answer.rtt_s is not None
        assert 0 < answer.rtt_s < 5


def test_unprivileged_echo_and_silence() -> None:
    """With the group allowed, a user without rights pings through a datagram socket; without, it is "denied"."""
    said = in_quiet_network(
        """
import json, os
from pathlib import Path
from agent.probes.names import Resolver
from agent.probes.reach import check, parse
allowed = Path("/proc/sys/net/ipv4/ping_group_range")
def kinds():
    targets = {t: parse(t) for t in ("icmp:127.0.0.1", "icmp:10.99.0.9", "tcp:10.99.0.9:80", "sip:10.99.0.9")}
    answers = check(targets, 0.6, Resolver())
    return [a.fault.kind if a.fault else "ok" for a in answers.values()]
allowed.write_text("0 65535")
pid = os.fork()
if pid == 0:
    os.setgid(60000); os.setuid(60000)
    print(json.dumps(kinds()), flush=True); os._exit(0)
os.waitpid(pid, 0)
allowed.write_text("1 0")
print(json.dumps(kinds()), flush=True)
os.setgid(60000); os.setuid(60000)
print(json.dumps(kinds()), flush=True)
"""
    )
    as_user, as_root, without_rights = (json.loads(line) for line in said.splitlines())
    assert as_user == as_root == ["ok", "timeout", "timeout", "timeout"]
    assert sorted(without_rights) == ["denied", "denied", "timeout", "timeout"]


@pytest.mark.parametrize("code", [0, 2, 5])
def test_a_resolver_that_says_anything_answers(code: int) -> None:
    fake = FakeResolver(code)
    thread = threading.Thread(target=fake.answer_once)
    thread.start()
    assert reach(f"dns:{fake.server}").ok
    thread.join(10)


@pytest.mark.parametrize(
    "text", ["", "http:1.2.3.4", "tcp:1.2.3.4", "tcp::80", "icmp:1.2.3.4:5", "tcp:1.2.3.4:99999", "sip:1.2.3.4;x=y"]
)
def test_impossible_targets(text: str) -> None:
    with pytest.raises(ValueError, match=r"target|port"):
        parse(text)


def test_readings_of_faults() -> None:
    for kind, device, path in (
        ("timeout", False, False),
        ("refused", False, True),
        ("link", NoReading("link"), False),
        ("denied", NoReading("denied"), NoReading("denied")),
    ):
        answer = Answer(fault=LinkFault(kind))  # type: ignore[arg-type]
        assert device_reading(answer) == device
        assert path_reading(answer) == path
    assert host_lives(Answer(rtt_s=0.1))


def test_hosts_and_ports() -> None:
    assert split_host_port("[fe80::1]:53", 1) == ("fe80::1", 53)
    assert split_host_port("fe80::1", 53) == ("fe80::1", 53)
    assert split_host_port("hub.example:1883", 1) == ("hub.example", 1883)


class FakeResolver:
    """Answers every question on loopback with one address, or with a code."""

    def __init__(self, code: int) -> None:
        self.code = code
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.settimeout(10)
        self.server = f"127.0.0.1:{self.sock.getsockname()[1]}"

    def answer_once(self) -> None:
        query, peer = self.sock.recvfrom(512)
        record = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x0a\x00\x00\x07" if self.code == 0 else b""
        head = query[:2] + bytes((0x81, 0x80 | self.code)) + b"\0\1" + bytes((0, len(record) // 16)) + bytes(4)
        self.sock.sendto(head + query[12:] + record, peer)


ZONE = {
    "hub.example.": "hub.example. 60 IN CNAME may-chu.example.\nmay-chu.example. 60 IN A 10.0.0.7",
    "may-chu.example.": "may-chu.example. 60 IN A 10.0.0.7\nmay-chu.example. 60 IN A 10.0.0.8",
    "mail.example.": "",
}


class Zone(BaseResolver):  # type: ignore[misc]
    """What dnslib's server answers: it reads our question and writes the reply."""

    def resolve(self, request: DNSRecord, handler: object) -> DNSRecord:
        """The rows of a name."""
        reply, name = request.reply(), str(request.q.qname).lower()
        reply.header.rcode = 0 if name in ZONE else 3
        reply.add_answer(*RR.fromZone(ZONE.get(name, "")))
        return reply


@pytest.fixture
def resolver() -> Iterator[str]:
    """A public server of names."""
    server = DNSServer(Zone(), address="127.0.0.1", port=0, logger=DNSLogger("", False))
    server.start_thread()
    try:
        yield f"127.0.0.1:{server.server.server_address[1]}"
    finally:
        server.stop()
        server.server.server_close()


def test_a_public_resolver(resolver: str) -> None:
    assert reach(f"dns:{resolver}").ok
    assert ask("may-chu.example", (resolver,), 5) == Reply(0, ("10.0.0.7", "10.0.0.8"))
    assert ask("Hub.Example", (resolver,), 5) == Reply(0, ("10.0.0.7",)), "behind another name"
    assert ask("mail.example", (resolver,), 5) == Reply(0, ()), "a name without an address"
    assert ask("khong-co.example", (resolver,), 5) == Reply(3, ())


def test_the_best_of_several_resolvers_counts(tmp_path: Path) -> None:
    good, bad = FakeResolver(0), FakeResolver(3)
    threads = [threading.Thread(target=fake.answer_once) for fake in (good, bad)]
    for thread in threads:
        thread.start()
    reply = ask("hub.example", (bad.server, good.server), 2)
    for thread in threads:
        thread.join(10)
    assert reply.addresses == ("10.0.0.7",)
    with pytest.raises(LinkFault) as fault:
        ask("hub.example", (good.server,), 0.2)
    assert fault.value.kind == "timeout"
    good.sock.close()
    bad.sock.close()


def test_an_address_is_remembered(tmp_path: Path) -> None:
    hosts, nowhere = tmp_path / "hosts", tmp_path / "resolv.conf"
    hosts.write_text("10.0.0.9 hub.example\n")
    resolver = Resolver(str(nowhere), str(hosts))
    assert resolver.address("hub.example") == "10.0.0.9"
    hosts.write_text("")
    assert resolver.address("hub.example") == "10.0.0.9"
    nowhere.write_text("nameserver 127.0.0.1\n")
    for _ in range(2):
        with pytest.raises(LinkFault):
            resolver.address("other.example")
