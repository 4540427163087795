"""The one device all rooms call, asked by real peers: baresip, snmpsim, an ordinary web server, the kernel."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import pytest

from agent.config.devices import McuConfig, RoomConfig
from agent.core.facts import NoReading, Reading
from agent.probes.build import build_probes
from agent.probes.mcu import McuProbe
from tests.probes.test_reach import sip_endpoint
from tests.snmp_peer import UPTIME_ROW, snmp_agent

__all__ = ["sip_endpoint"]


class Page(http.server.BaseHTTPRequestHandler):
    """Wants a name and a password, as an MCU's page does; notes what it is asked."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        """Refuse."""
        self.asked.append(self.path + str(self.headers.get("Authorization", "")))
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="mcu"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Nothing."""


@pytest.fixture(scope="module")
def web() -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join(5)
    server.server_close()


@pytest.fixture(scope="module")
def snmp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with snmp_agent(tmp_path_factory.mktemp("snmp"), {"public": UPTIME_ROW}) as port:
        yield port


def nobody() -> int:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def a_round(probe: McuProbe) -> Mapping[str, Reading]:
    """Every target once."""
    readings: dict[str, Reading] = {}
    for _ in probe.keys:
        one = probe.observe()
        assert len(one) == 1, "one question a look"
        readings |= one
    probe.close()
    return readings


def test_every_peer_answers(sip_endpoint: int, web: int, snmp: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as calls:
        config = McuConfig(
            (f"sip:127.0.0.1:{sip_endpoint}", f"h323:127.0.0.1:{calls.getsockname()[1]}", "icmp:127.0.0.1"),
            web=f"http://127.0.0.1:{web}", snmp=f"snmp://127.0.0.1:{snmp}",
        )  # fmt: skip
        found = a_round(McuProbe(config))
    assert found == dict.fromkeys(("mcu.sip", "mcu.h323", "mcu.ping", "mcu.web", "mcu.snmp"), True)
    assert Page.asked == ["/"], "nobody signs in, and nothing is asked twice"


def test_silence_is_told_and_that_of_snmp_is_nobodys_fault() -> None:
    config = McuConfig(
        (f"sip:127.0.0.1:{nobody()}", f"tcp:127.0.0.1:{nobody()}"), web=f"http://127.0.0.1:{nobody()}",
        snmp=f"snmp://127.0.0.1:{nobody()}", timeout_s=0.5,
    )  # fmt: skip
    found = a_round(McuProbe(config))
    assert [found[key] for key in ("mcu.sip", "mcu.tcp", "mcu.web")] == [False, False, False]
    assert isinstance(found["mcu.snmp"], NoReading)


def test_targets_take_turns() -> None:
    probe = McuProbe(McuConfig(("icmp:127.0.0.1", f"tcp:127.0.0.1:{nobody()}")))
    assert [key for _ in range(4) for key in probe.observe()] == ["mcu.ping", "mcu.tcp"] * 2
    assert probe.period_s == 10.0, "one question in ten seconds"
    probe.close()


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (McuConfig(), "mcu: nothing to ask: give targets, web or snmp"),
        (McuConfig(("sip:a", "sip:b")), "mcu: a second target for mcu.sip, 'sip:b'"),
        (McuConfig(("dns:a",)), "mcu: target 'dns:a' must begin with icmp:, tcp:, sip: or h323:"),
        (McuConfig(("sip:a",), gap_s=9.9), "mcu: gap_s must be at least 10"),
        (McuConfig(("sip:a",), timeout_s=60), "mcu: timeout_s must be 0.5..10"),
        (McuConfig(web="ftp://a"), "must be http://HOST"),
        (McuConfig(snmp="udp://a"), "mcu: 'udp://a' must be snmp://HOST"),
    ],
)
def test_a_mistake_is_one_sentence(config: McuConfig, said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("(", r"\(")):
        McuProbe(config)


def test_the_centres_room_has_it_and_others_do_not(tmp_path: Path) -> None:
    probes, _ = build_probes(RoomConfig(network=None, board=None, mcu=McuConfig(("sip:a",))))
    assert [probe.name for probe in probes] == ["mcu"]
    probes, _ = build_probes(RoomConfig(network=None, board=None))
    assert probes == []
