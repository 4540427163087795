"""Smart plugs: our driver against simulated ones over real sockets, and what becomes of a room when things fail."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agent.actuators import Actuators
from agent.core.events import RemedyDone, StartRemedy
from agent.core.facts import NoReading
from agent.core.remedies import LOADS, REMEDIES
from agent.core.state import Act
from agent.plug import Plug
from agent.ports import RelayError
from agent.probes.config import MeterConfig
from agent.probes.outlet import OutletMeterProbe, open_outlet
from agent.relays import RoomRelays, light_up
from agent.transports.errors import LinkFault
from agent.transports.relay import RelayConfig
from sim.hardware import PASSWORD, RoomHardware, RoomPlan
from tests.sim.stage import rack

FAMILIES = {"shelly": "cisco_ws", "tasmota": "cisco_http"}
WAIT_S = 20.0


@pytest.fixture(params=FAMILIES)
def room(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RoomHardware]:
    """A room whose codec hangs on a plug of each family."""
    with rack(tmp_path, RoomPlan("r", FAMILIES[request.param])) as made:  # type: ignore[arg-type]
        yield made.rooms[0]


def relay(room: RoomHardware, password: str = PASSWORD) -> RelayConfig:
    family = next(family for family, kind in FAMILIES.items() if kind == room.plan.kind)
    return RelayConfig("codec", family=family, uri=room.plug_uri, password=password)


def powered(room: RoomHardware) -> bool:
    return room.physics.closed["codec"]


def until(condition: Callable[[], bool], what: str) -> None:
    end_s = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end_s, what
        time.sleep(0.02)


def cycle(off_s: float) -> StartRemedy:
    remedy = REMEDIES["codec_power_cycle"]
    return StartRemedy(Act(1, remedy.name, "codec", 0.0, 60.0), remedy, replace(LOADS["codec"], off_s=off_s))


def test_a_plug_is_cut_and_gives_power_and_says_so(room: RoomHardware) -> None:
    relays = RoomRelays([relay(room)])
    relays.cut("codec")
    assert not powered(room)
    assert relays.powered("codec") is False
    relays.restore("codec")
    assert powered(room)
    assert relays.powered("codec") is True
    relays.close()


def test_a_whole_cycle_leaves_proof_and_power(room: RoomHardware) -> None:
    relays = RoomRelays([relay(room)])
    done: queue.Queue[RemedyDone] = queue.Queue()
    Actuators(relays, [], done.put).start(cycle(1.0))
    outcome = done.get(timeout=WAIT_S)
    assert outcome.ok, outcome
    assert outcome.proof["line_cut"] is True
    assert powered(room)
    relays.close()


def test_power_comes_back_by_itself_when_whoever_cut_it_is_gone(room: RoomHardware) -> None:
    outlet = open_outlet(relay(room))
    outlet.cut(1.0, 3.0)
    outlet.close()
    assert not powered(room)
    until(lambda: powered(room), "the plug did not give power back")


def test_a_fresh_agent_ends_the_cycle_of_a_dead_one_at_once(room: RoomHardware) -> None:
    open_outlet(relay(room)).cut(100.0, 3.0)
    assert light_up([relay(room)], 5.0) == {"codec"}
    assert powered(room)


def test_a_plug_whose_web_server_hangs_in_mid_cycle_has_power_all_the_same_and_is_told_of(
    room: RoomHardware, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert room.plug is not None
    monkeypatch.setattr("agent.plug.ORDER_S", 0.3)
    plug = Plug("codec", open_outlet(relay(room)))
    plug.cut(1.0)
    room.plug.deaf = True
    assert plug.powered() is None
    with pytest.raises(RelayError):
        plug.restore()
    until(lambda: powered(room), "the plug did not give power back")
    assert not plug.prod(), "nobody has said that it is on"
    room.plug.deaf = False
    until(plug.prod, "the worker did not find out")
    plug.close()


def test_an_answer_that_was_lost_may_have_cut(room: RoomHardware, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order arrives, its answer does not: the act fails, and power is given back."""
    assert room.plug is not None
    moved = room.plug.move

    def move_and_hang(on: bool, flip_after_s: float | None = None) -> None:
        moved(on, flip_after_s)
        if not on:
            raise SystemError("the plug's web server dies here")

    monkeypatch.setattr("agent.plug.ORDER_S", 0.3)
    monkeypatch.setattr(room.plug, "move", move_and_hang)
    relays = RoomRelays([relay(room)])
    done: queue.Queue[RemedyDone] = queue.Queue()
    actuators = Actuators(relays, [], done.put)
    actuators.start(cycle(60.0))
    outcome = done.get(timeout=WAIT_S)
    assert (outcome.ok, outcome.reason) == (False, "relay")
    until(lambda: powered(room), "power was not given back")
    relays.close()


def test_a_wrong_password_is_tried_once_and_never_passes_for_an_order(room: RoomHardware) -> None:
    outlet = open_outlet(relay(room, "sai"))
    for words in ("refuses", "refused our password; waiting"):
        with pytest.raises(LinkFault, match=words if room.plan.kind == "cisco_ws" else "password|denied") as caught:
            outlet.cut(None, 3.0)
        assert caught.value.kind == "denied"
    assert powered(room)


def test_its_meter_tells_the_draw(room: RoomHardware) -> None:
    told = relay(room)
    probe = OutletMeterProbe(MeterConfig("codec", told.family, told.uri, password=PASSWORD))
    assert probe.keys == ("codec.draw_w",)
    before = probe.observe()["codec.draw_w"]
    assert isinstance(before, float)
    assert before > 10
    open_outlet(told).cut(None, 3.0)
    assert probe.observe() == {"codec.draw_w": 0.0}
    probe.close()


def test_a_silent_plug_is_no_reading_of_zero(room: RoomHardware) -> None:
    assert room.plug is not None
    room.plug.deaf = True
    told = relay(room)
    probe = OutletMeterProbe(MeterConfig("room", told.family, told.uri, password=PASSWORD, timeout_s=0.3))
    assert set(probe.observe().values()) == {NoReading("timeout")}
    assert probe.keys == ("room.draw_w", "mains.voltage_v", "mains.frequency_hz")


def test_what_it_does_after_a_power_cut_can_be_asked(room: RoomHardware) -> None:
    assert open_outlet(relay(room)).rests_on(3.0) is True
