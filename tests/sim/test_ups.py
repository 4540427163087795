"""A UPS as the simulated room has it, read by the agent's own driver, and what is said of it."""

from __future__ import annotations

import agent.rules
from agent.core.facts import NoReading, Reading
from agent.devices.base import Facts, Login
from agent.devices.power.nut import Nut
from sim.physics import Fitting, RoomPhysics
from sim.servers.nut import NutConversation
from tests.agent.core.world import FULL, World

(MAINS_LOST,) = (rule for rule in agent.rules.load() if rule.name == "mains_lost")


def read(room: RoomPhysics, *, megatec: bool = False) -> dict[str, Reading]:
    device = Nut("ups", Login())
    (facts,) = device.receive(NutConversation(room, lambda: room.now_s, megatec=megatec).receive(device.request()))
    assert isinstance(facts, Facts)
    return dict(facts.readings)


def room_on_battery(gone_s: float) -> RoomPhysics:
    """A UPS of 900 s whose mains has been gone for so long."""
    room = RoomPhysics("r", Fitting(ups_runtime_s=900.0), 0.0)
    room.mains.volts = 0.0
    room.advance(0.0)
    room.advance(gone_s)
    return room


def told(seen: dict[str, Reading]) -> tuple[str, str]:
    world = World()
    world.see(FULL | {"mains.voltage_v": NoReading("timeout")} | seen)
    words = MAINS_LOST.told(world.state.view(world.now), world.state.policy)
    return words["vi"].title, words["en"].title


def test_a_ups_that_tells_its_time() -> None:
    seen = read(room_on_battery(450.0))
    assert (seen["ups.charge_pct"], seen["ups.runtime_s"]) == (50.0, 450.0)
    assert told(seen) == ("Mất điện, UPS còn khoảng 8 phút", "Mains lost, minutes left in the UPS: about 8")


def test_a_ups_that_tells_its_voltage_alone() -> None:
    """124 of 718 dumps have no charge, 316 no time left."""
    seen = read(room_on_battery(450.0), megatec=True)
    assert (seen["ups.charge_pct"], seen["ups.runtime_s"]) == (50.0, NoReading("absent"))
    assert told(seen) == ("Mất điện, ắc quy UPS còn khoảng 50%", "Mains lost, battery of the UPS: about 50%")


def test_a_ups_that_tells_nothing_leaves_no_hole() -> None:
    silent: dict[str, Reading] = {
        "ups.on_battery": True,
        "ups.charge_pct": NoReading("absent"),
        "ups.runtime_s": NoReading("absent"),
    }
    assert told(silent) == ("Mất điện", "Mains lost")


def test_an_output_that_is_off_darkens_what_hangs_on_it() -> None:
    room = RoomPhysics("r", Fitting(), 0.0)
    assert room.ups is not None
    room.ups.off, room.ups.complaint = True, "Output off"
    seen = read(room)
    assert (seen["ups.on_battery"], seen["ups.output_on"], seen["ups.fault"]) == (False, False, "Output off")
    assert not room.backed()
