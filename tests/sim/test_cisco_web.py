"""The public client `xows` judges the simulated web interface, and the agent's own families use it over sockets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import xows

from agent.config.devices import CodecConfig
from agent.core.facts import NoReading
from agent.probes.build import build_probes
from agent.probes.codec import CodecProbe
from agent.settings import load
from sim.hardware import RoomHardware
from sim.kinds import PASSWORD, Kind, RoomPlan
from sim.physics import Hang, RoomPhysics
from sim.servers.cisco_web import CiscoWebConversation
from sim.servers.tls import DeviceCertificate
from tests.sim.line import served
from tests.sim.stage import rack

SCALE = 0.01
WEB: tuple[Kind, ...] = ("cisco_http", "cisco_ws")


async def _judged(url: str) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    events: list[Any] = []
    heard = asyncio.Event()

    def handler(params: Any, number: int) -> None:
        events.append((number, params))
        heard.set()

    async with xows.XoWSClient(url, "admin", PASSWORD) as client:
        seen["volume"] = await client.xGet(["Status", "Audio", "Volume"])
        seen["unit"] = await client.xGet(["Status", "SystemUnit"])
        seen["query"] = await client.xQuery(["Status", "SIP"])
        for name, asked in (
            ("calls", client.xGet(["Status", "Call"])),
            ("unknown", client.xCommand(["Nothing", "Such"])),
            ("method", client.api_call("xNothing")),
        ):
            with pytest.raises(xows.XoWSError) as caught:
                await asked
            seen[name] = type(caught.value)
        seen["subscription"] = await client.subscribe(["Status", "Audio"], handler)
        seen["set"] = await client.xCommand(["Audio", "Volume", "Set"], Level=33)
        await asyncio.wait_for(heard.wait(), 10)
        seen["events"] = events
        seen["wake"] = await client.xCommand(["Standby", "Deactivate"])
        seen["boot"] = await client.xCommand(["SystemUnit", "Boot"], Action="Restart")
    return seen


def test_a_public_client_is_satisfied(tmp_path: Path) -> None:
    with rack(tmp_path, RoomPlan("r", "cisco_ws", SCALE)) as made:
        seen = asyncio.run(_judged(made.rooms[0].codec_uri + "/ws"))
        acts = [act.what for act in made.rooms[0].physics.witness.acts]
    assert seen["volume"] == 70
    assert seen["unit"]["State"]["System"] == "Initialized"
    assert seen["query"]["Status"]["SIP"]["Registration"][0]["Status"] == "Registered"
    assert (seen["calls"], seen["unknown"]) == (xows.CommandError, xows.MethodNotFound)
    assert seen["method"] is xows.MethodNotFound
    assert seen["events"] == [(seen["subscription"], {"Status": {"Audio": {"Volume": 33}}})]
    assert seen["set"] == seen["wake"] == seen["boot"] == {"status": "OK"}
    assert acts == ["wake", "restart"]


def test_a_public_client_is_refused_with_a_wrong_password(tmp_path: Path) -> None:
    async def knock(url: str) -> None:
        async with xows.XoWSClient(url, "admin", "wrong"):
            pass

    with (
        rack(tmp_path, RoomPlan("r", "cisco_ws", SCALE)) as made,
        pytest.raises(xows.AuthenticationFailure),
    ):
        asyncio.run(knock(made.rooms[0].codec_uri + "/ws"))


@contextmanager
def looking(folder: Path, kind: Kind) -> Iterator[tuple[RoomHardware, CodecProbe]]:
    """The room, and the agent's probe of its codec as the room's own settings make it."""
    with rack(folder, RoomPlan("r", kind, SCALE)) as made:
        hardware = made.rooms[0]
        probes, _ = build_probes(load(hardware.write_config()).probes)
        try:
            (codec,) = (probe for probe in probes if isinstance(probe, CodecProbe))
            yield hardware, codec
        finally:
            for probe in probes:
                probe.close()


@pytest.mark.parametrize("kind", WEB)
def test_what_the_room_is_like_is_seen(tmp_path: Path, kind: Kind) -> None:
    with looking(tmp_path, kind) as (hardware, probe):
        seen = probe.observe()
        assert seen["codec.api"] is True
        assert seen["codec.in_call"] is False
        assert seen["codec.upgrading"] is False
        assert seen["codec.registered"] is True
        assert seen["codec.camera"] is True
        assert seen["codec.display_out"] is True
        assert seen["codec.mic_connected"] is True
        assert seen["codec.volume_pct"] == 70
        assert seen["codec.model"] == "Cisco TelePresence SX20"
        assert hardware.physics.start_call(3600.0, time.monotonic())
        assert probe.observe()["codec.in_call"] is True


@pytest.mark.parametrize("kind", WEB)
def test_what_changes_between_two_looks_is_seen(tmp_path: Path, kind: Kind) -> None:
    """On the WebSocket the second look asks nothing of this: it has to come as an event."""
    with looking(tmp_path, kind) as (hardware, probe):
        assert probe.observe()["codec.mic_muted"] is False
        hardware.physics.codec.mic_muted = True
        hardware.physics.codec.volume_pct = 20
        end_s = time.monotonic() + 10
        while (seen := probe.observe())["codec.mic_muted"] is not True or seen["codec.volume_pct"] != 20:
            assert time.monotonic() < end_s, "the change was not noticed"
            time.sleep(0.05)


@pytest.mark.parametrize("kind", WEB)
def test_a_hung_codec_says_nothing_of_calls_nor_of_what_it_said_before(tmp_path: Path, kind: Kind) -> None:
    with looking(tmp_path, kind) as (hardware, probe):
        assert probe.observe()["codec.in_call"] is False
        hardware.physics.codec.hang = Hang.HARD
        seen = probe.observe()
        assert isinstance(seen["codec.in_call"], NoReading)
        assert seen["codec.api"] is False
        assert isinstance(seen["codec.camera"], NoReading)


@pytest.mark.parametrize("kind", WEB)
def test_a_wrong_password_is_told_apart(tmp_path: Path, kind: Kind) -> None:
    with rack(tmp_path, RoomPlan("r", kind, SCALE)) as made:
        hardware = made.rooms[0]
        config = hardware.write_config()
        (hardware.folder / "codec.secret").write_text("sai")
        probes, _ = build_probes(load(config).probes)
        try:
            (codec,) = (probe for probe in probes if isinstance(probe, CodecProbe))
            for _ in range(2):
                seen = codec.observe()
                assert seen["codec.api"] == NoReading("denied")
                assert seen["codec.in_call"] == NoReading("denied")
        finally:
            for probe in probes:
                probe.close()


def test_a_websocket_inside_tls(tmp_path: Path) -> None:
    sessions: list[str] = []

    def make(room: RoomPhysics, clock: Callable[[], float]) -> CiscoWebConversation:
        return CiscoWebConversation(room, clock, sessions, password=PASSWORD)

    with served(tmp_path, make, DeviceCertificate(tmp_path / "tls").context) as (room, tcp, _):
        uri = tcp.replace("tcp://", "wss://")
        probe = CodecProbe(CodecConfig("cisco_ws", uri, "admin", PASSWORD, trust_dir=str(tmp_path / "state")))
        assert (seen := probe.observe())["codec.in_call"] is False
        assert seen["codec.registered"] is True
        assert room.start_call(3600.0, time.monotonic())
        assert probe.observe()["codec.in_call"] is True
        probe.close()
        other = CodecConfig("cisco_ws", uri, "admin", PASSWORD, certificate="0" * 64)
        wary = CodecProbe(other)
        assert wary.observe()["codec.api"] == NoReading("certificate_changed")
        wary.close()
