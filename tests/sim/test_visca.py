"""Our driver speaks to the simulated camera over every line; a public client, visca-over-ip, judges its datagrams."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from visca_over_ip.camera import Camera
from visca_over_ip.exceptions import ViscaException

from agent.config.devices import CameraConfig
from agent.core.facts import NoReading, Reading
from agent.probes.controlled import ControlledProbe, camera_probe
from agent.probes.orders import DeviceEffector
from sim.physics import Fitting, RoomPhysics
from sim.servers.visca import ViscaConversation, ViscaPort
from tests.sim.line import served

ON: dict[str, Reading] = {"camera.api": True, "camera.power": "on", "camera.model": "0001:0511"}
JUDGED = "127.0.0.2"
"""The judge takes the camera's port number for itself, on every address of its own host."""


@contextmanager
def camera(host: str = "127.0.0.1", port: int = 0) -> Iterator[tuple[RoomPhysics, ViscaPort]]:
    """A room's physics and its camera over IP."""
    room = RoomPhysics("r", Fitting(), time.monotonic())
    loop, stop, ready = asyncio.new_event_loop(), asyncio.Event(), threading.Event()
    ports: list[ViscaPort] = []

    async def serve() -> None:
        ports.append(await ViscaPort(room, time.monotonic).open(host, port))
        ready.set()
        await stop.wait()
        ports[0].close()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield room, ports[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


def seen(probe: ControlledProbe) -> Mapping[str, Reading]:
    began_s = time.monotonic()
    readings = probe.observe()
    assert time.monotonic() - began_s <= probe.deadline_s
    assert set(readings) == set(probe.keys)
    return readings


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


def test_a_public_client_is_satisfied() -> None:
    with camera(JUDGED, free_port()) as (room, port):
        judge = Camera(JUDGED, port.port)
        try:
            judge.set_power(False)
            assert [room.camera.on] == [False]
            with pytest.raises(ViscaException):
                judge.get_zoom_position()
            judge.set_power(True)
            assert room.camera.on
            assert judge.get_zoom_position() == 0
            assert judge.get_focus_mode() == "auto"
            assert judge.num_missed_responses == 1, "the answer to its reset, which it waits for and does not take"
        finally:
            judge.close_connection()


def test_over_ip_it_is_watched_and_switched_on() -> None:
    with camera() as (room, port):
        probe = camera_probe(CameraConfig("visca_ip", f"udp://127.0.0.1:{port.port}"))
        assert [seen(probe) for _ in range(3)] == [ON] * 3
        assert [data[4:8] for data in port.heard if data[0] == 1] == [n.to_bytes(4, "big") for n in range(1, 7)]
        room.camera.on = False
        assert seen(probe)["camera.power"] == "off"
        assert DeviceEffector(probe.link, probe.family.remedies).perform("camera_on").ok
        assert seen(probe) == ON
        probe.close()


def test_a_lost_datagram_is_sent_again_under_its_number() -> None:
    with camera() as (_, port):
        probe = camera_probe(CameraConfig("visca_ip", f"udp://127.0.0.1:{port.port}"))
        assert seen(probe) == ON
        port.loses = 1
        before = len(port.heard)
        assert seen(probe) == ON
        again = port.heard[before:]
        assert len(again) == 3
        assert again[0] == again[1]
        probe.close()


def test_a_camera_that_started_anew_is_counted_with_anew() -> None:
    with camera() as (_, port):
        probe = camera_probe(CameraConfig("visca_ip", f"udp://127.0.0.1:{port.port}"))
        assert seen(probe) == ON
        port.forget()
        assert seen(probe) == ON
        assert port.heard[-3][:2] == b"\x02\x00", "its count was set back"
        probe.close()


def test_over_ip_a_hung_camera_a_closed_port_and_no_camera() -> None:
    with camera() as (room, port):
        probe = camera_probe(CameraConfig("visca_ip", f"udp://127.0.0.1:{port.port}"))
        assert seen(probe) == ON
        room.camera.hung = True
        readings = seen(probe)
        assert readings["camera.power"] == NoReading("timeout")
        assert readings["camera.api"] is False, "its host answers a ping"
        room.camera.hung = False
        assert seen(probe) == ON
    readings = seen(probe)
    assert readings["camera.api"] is False, "its port is closed: somebody said so"
    probe.close()


def test_datagrams_into_the_void_prove_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with camera() as (room, port):
        room.camera.hung = True
        probe = camera_probe(CameraConfig("visca_ip", f"udp://127.0.0.1:{port.port}"))
        monkeypatch.setattr(probe, "_host_is_up", lambda _fault: False)
        assert set(seen(probe).values()) == {NoReading("timeout")}
        probe.close()


@pytest.mark.parametrize("line", ["tcp", "serial"])
def test_on_a_line_it_is_watched_and_switched_on(tmp_path: Path, line: str) -> None:
    with served(tmp_path, lambda room, clock: ViscaConversation(room, clock, 2)) as (room, tcp, serial):
        probe = camera_probe(CameraConfig("visca", tcp if line == "tcp" else serial, number=2))
        assert seen(probe) == ON
        room.camera.on = False
        assert seen(probe)["camera.power"] == "off"
        assert DeviceEffector(probe.link, probe.family.remedies).perform("camera_on").ok
        assert seen(probe) == ON
        room.camera.hung = True
        assert seen(probe)["camera.api"] is False
        probe.close()


@contextmanager
def bare_datagrams() -> Iterator[tuple[RoomPhysics, str]]:
    """A camera that takes its line's bytes in datagrams, without Sony's head."""
    room = RoomPhysics("r", Fitting(), time.monotonic())
    talk = ViscaConversation(room, time.monotonic)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as port:
        port.bind(("127.0.0.1", 0))
        port.settimeout(10)

        def serve() -> None:
            while (got := port.recvfrom(64))[0] != b"end":
                if answer := talk.receive(got[0]):
                    port.sendto(answer, got[1])

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield room, f"udp://127.0.0.1:{port.getsockname()[1]}"
        port.sendto(b"end", port.getsockname())
        thread.join(10)


def test_bare_datagrams_carry_it_too() -> None:
    with bare_datagrams() as (room, uri):
        probe = camera_probe(CameraConfig("visca", uri))
        assert seen(probe) == ON
        room.camera.on = False
        assert seen(probe)["camera.power"] == "off"
        assert DeviceEffector(probe.link, probe.family.remedies).perform("camera_on").ok
        assert seen(probe) == ON
        probe.close()


def test_a_pulled_adapter_is_our_link(tmp_path: Path) -> None:
    probe = camera_probe(CameraConfig("visca", f"serial://{tmp_path / 'gone'}"))
    assert set(seen(probe).values()) == {NoReading("link")}
    probe.close()


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (CameraConfig("visca", "serial:///dev/ttyUSB0", number=8), r"camera: number must be 1\.\.7"),
        (CameraConfig("visca_ip", "tcp://10.0.0.9"), "must be udp://"),
        (CameraConfig("onvif", "tcp://10.0.0.9"), "camera family 'onvif' is not known; there are: visca, visca_ip"),
    ],
)
def test_settings_that_cannot_be(config: CameraConfig, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        camera_probe(config)
