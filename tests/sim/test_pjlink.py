"""A public client, aiopjlink, judges the simulated projector; and our driver speaks to it over real connections."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from aiopjlink import PJLink, PJLinkERR3, PJLinkPassword, Power, Sources

from agent.config.devices import DisplayConfig
from agent.core.facts import NoReading, Reading
from agent.ports import Outcome
from agent.probes.controlled import ControlledProbe, display_orders, display_probe
from agent.probes.orders import DeviceEffector
from sim.hardware import RoomHardware
from sim.kinds import PASSWORD, RoomPlan
from sim.servers.pjlink import PjlinkConversation
from tests.sim.stage import rack

SCALE = 0.02


@pytest.fixture
def room(tmp_path: Path) -> Iterator[RoomHardware]:
    with rack(tmp_path, RoomPlan("phong-1", "cisco_tcp", SCALE)) as made:
        yield made.rooms[0]


def port_of(room: RoomHardware) -> int:
    return int(room.display_uri.rpartition(":")[2])


def probe_of(room: RoomHardware, password: str = PASSWORD, **settings: object) -> ControlledProbe:
    wanted: dict[str, object] = {"uri": room.display_uri, "password": password, "input": "digital1", "timeout_s": 6.0}
    return display_probe(DisplayConfig(**(wanted | settings)))  # type: ignore[arg-type]


def seen(probe: ControlledProbe) -> Mapping[str, Reading]:
    began_s = time.monotonic()
    readings = probe.observe()
    assert time.monotonic() - began_s <= probe.deadline_s
    assert set(readings) == set(probe.keys)
    return readings


def test_a_public_client_is_satisfied(room: RoomHardware) -> None:
    async def judge() -> None:
        async with PJLink("127.0.0.1", port_of(room), PASSWORD) as link:
            assert await link.power.get() is Power.State.ON
            assert await link.info.pjlink_class() is PJLink.C2
            assert (await link.info.manufacturer_name(), await link.info.product_name()) == (
                "SIMULATED",
                "MO PHONG PJ-1",
            )
            assert await link.sources.get() == (Sources.Mode.DIGITAL, "1")
            assert len(await link.sources.available()) == 3
            assert await link.sources.resolution() == (1920, 1080)
            assert [hours for hours, _ in await link.lamps.status()] == [1234]
            assert set((await link.errors.query()).values()) == {link.errors.Level.OK}
            await link.sources.set(Sources.Mode.DIGITAL, 2)
            assert room.physics.display.input == "digital2"
            await link.mute.both(True)
            assert await link.mute.status() == (True, True)
            await link.power.turn_off()
            assert await link.power.get() in (Power.State.COOLING, Power.State.OFF)
            with pytest.raises(PJLinkERR3):
                await link.sources.get()
        with pytest.raises(PJLinkPassword):
            async with PJLink("127.0.0.1", port_of(room), "wrong"):
                pass

    asyncio.run(judge())
    assert not room.physics.display.on


def test_it_is_watched_switched_on_and_set_to_its_input(room: RoomHardware) -> None:
    probe = probe_of(room)
    effector = DeviceEffector(probe.link, display_orders(DisplayConfig(input="digital1")))
    display = room.physics.display
    assert seen(probe) == {
        "display.api": True,
        "display.power": "on",
        "display.input": "digital1",
        "display.input_right": True,
        "display.picture_muted": False,
        "display.signal": True,
        "display.fault": "none",
        "display.lamp_h": 1234.0,
        "display.model": "SIMULATED MO PHONG PJ-1",
    }
    display.input, display.picture_muted, display.complaint = "digital2", True, "lamp"
    readings = seen(probe)
    assert (readings["display.input_right"], readings["display.signal"]) == (False, False)
    assert (readings["display.picture_muted"], readings["display.fault"]) == (True, "lamp error")
    assert effector.perform("display_input").ok
    assert seen(probe)["display.input_right"] is True
    assert effector.perform("display_on").ok
    assert seen(probe)["display.picture_muted"] is False, "a blanked picture is shown again"
    display.switch(False, time.monotonic())
    refused = effector.perform("display_on")
    assert (refused.ok, refused.reason) == (False, "refused"), "its lamp is cooling"
    end_s = time.monotonic() + 20
    while not effector.perform("display_on").ok:
        assert time.monotonic() < end_s
    assert seen(probe)["display.power"] in ("warming", "on")
    probe.close()


def test_between_two_looks_the_projector_is_free_for_others(room: RoomHardware) -> None:
    probe = probe_of(room)
    seen(probe)
    assert not probe.link.is_open()
    probe.close()


def test_an_order_that_comes_too_late_leaves_the_line_open_for_the_next(
    room: RoomHardware, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection a look is made; the next try must not wait for another one."""
    greetings: list[bytes] = []
    opened = PjlinkConversation.opened

    def greeted(talk: PjlinkConversation) -> bytes:
        greetings.append(opened(talk))
        return greetings[-1]

    monkeypatch.setattr(PjlinkConversation, "opened", greeted)
    probe = probe_of(room)
    effector = DeviceEffector(probe.link, frozenset({"display_input"}))
    room.physics.display.input = "digital2"
    assert effector.perform("display_input", lambda: False) == Outcome(False, "late", {"sent": False})
    assert room.physics.display.input == "digital2"
    assert probe.link.is_open()
    assert effector.perform("display_input").ok
    assert len(greetings) == 1
    probe.close()


def test_a_wrong_password_is_tried_once_and_said(room: RoomHardware, monkeypatch: pytest.MonkeyPatch) -> None:
    greetings: list[bytes] = []
    opened = PjlinkConversation.opened

    def greeted(talk: PjlinkConversation) -> bytes:
        greetings.append(opened(talk))
        return greetings[-1]

    monkeypatch.setattr(PjlinkConversation, "opened", greeted)
    probe = probe_of(room, password="wrong")
    for _ in range(3):
        assert set(seen(probe).values()) == {NoReading("denied")}
    assert len(greetings) == 1
    outcome = DeviceEffector(probe.link, frozenset({"display_on"})).perform("display_on")
    assert (outcome.ok, outcome.reason) == (False, "denied")
    probe.close()


def test_a_hung_projector_is_its_own_fault(room: RoomHardware) -> None:
    probe = probe_of(room)
    room.physics.display.hung = True
    readings = seen(probe)
    assert readings["display.api"] is False
    assert readings["display.power"] == NoReading("timeout")
    room.physics.display.hung = False
    assert seen(probe)["display.api"] is True
    probe.close()


def test_a_refused_connection_came_from_the_projector() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        probe = display_probe(DisplayConfig(uri=f"tcp://127.0.0.1:{taken.getsockname()[1]}"))
        readings = seen(probe)
    assert readings["display.api"] is False
    assert readings["display.power"] == NoReading("refused")
    assert "display.input_right" not in readings, "no input is wanted"
    probe.close()


def test_no_way_there_is_our_own_side() -> None:
    probe = display_probe(DisplayConfig(uri="tcp://no-such-name.invalid", timeout_s=2.0))
    assert isinstance(seen(probe)["display.api"], NoReading)
    probe.close()


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"family": "hdmi"}, "display family 'hdmi' is not known; there are: .*pjlink"),
        ({"uri": "serial:///dev/ttyUSB0"}, "must be tcp://"),
        ({"uri": "tcp://10.0.0.9", "input": "hdmi1"}, "pjlink has no input 'hdmi1'; there are: .*digital1"),
        ({"uri": "tcp://10.0.0.9", "timeout_s": 30.0}, "timeout_s must be 2..20"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        display_probe(DisplayConfig(**settings))  # type: ignore[arg-type]
