"""A room's physics: what boots, hangs, heals, drains and ends a call, and what the witness notes of it."""

from __future__ import annotations

import pytest

from sim.faults import FAULTS
from sim.physics import Fitting, Hang, RoomPhysics
from sim.physics.fitting import profiles

BOOT_S = 150.0


def room_of(ups_runtime_s: float = 900.0) -> RoomPhysics:
    room = RoomPhysics("r", Fitting(profiles(), ups_runtime_s=ups_runtime_s), 0.0)
    room.advance(100.0)
    return room


def put(room: RoomPhysics, fault: str, now_s: float) -> None:
    FAULTS[fault].put(room, now_s, {})


def cycle(room: RoomPhysics, load: str, now_s: float, off_s: float = 15.0) -> float:
    """Cut and restore; returns the moment of the restoring."""
    room.relay(load, False, now_s)
    room.relay(load, True, now_s + off_s)
    return now_s + off_s


def test_a_codec_without_power_draws_nothing_and_boots_when_it_returns() -> None:
    room = room_of()
    room.relay("codec", False, 100.0)
    assert room.codec.draw_w(100.0) == 0.0
    assert not room.codec.reachable(100.0)
    room.relay("codec", True, 115.0)
    room.advance(116.0)
    assert room.codec.booting(116.0)
    assert room.codec.draw_w(116.0) == 38.0
    room.advance(115.0 + BOOT_S)
    assert room.codec.serving(room.now_s)
    assert not room.codec.registered(room.now_s)
    room.advance(115.0 + BOOT_S + 8.0)
    assert room.codec.registered(room.now_s)


def test_a_cut_shorter_than_the_capacitors_does_not_heal_a_hang() -> None:
    room = room_of()
    put(room, "codec_hang_hard", 100.0)
    restored_s = cycle(room, "codec", 110.0, off_s=2.0)
    room.advance(restored_s + BOOT_S)
    assert room.codec.hang is Hang.HARD
    restored_s = cycle(room, "codec", 400.0)
    room.advance(restored_s + BOOT_S)
    assert room.codec.serving(room.now_s)


@pytest.mark.parametrize(
    ("fault", "by_order", "by_power"),
    [
        ("codec_hang_soft", True, True),
        ("codec_hang_hard", False, True),
        ("codec_tripped", False, True),
        ("codec_dead", False, False),
        ("codec_unregistered", True, True),
    ],
)
def test_what_helps_a_codec(fault: str, by_order: bool, by_power: bool) -> None:
    kind = FAULTS[fault]
    ordered, cycled = room_of(), room_of()
    for room in (ordered, cycled):
        put(room, fault, 100.0)
        assert kind.present(room)
    assert ordered.command("codec_restart", 110.0) is by_order
    cycle(cycled, "codec", 110.0)
    for room, helped in ((ordered, by_order), (cycled, by_power)):
        room.advance(125.0 + BOOT_S + 9.0)
        assert kind.present(room) is not helped
    for room in (ordered, cycled):
        kind.lift(room, room.now_s)
        room.advance(room.now_s + 1.0)
        assert not kind.present(room)


@pytest.mark.parametrize(("load", "fault"), [("switch", "switch_hang"), ("converter", "converter_hang")])
def test_a_hung_network_box_needs_a_power_cycle(load: str, fault: str) -> None:
    room = room_of()
    put(room, fault, 100.0)
    assert room.link_up()
    assert not room.hub_up()
    assert room.gateway_up() is (load == "converter")
    restored_s = cycle(room, load, 110.0)
    room.advance(restored_s + room.devices[load].profile.boot_s)
    assert room.hub_up()


def test_nothing_in_the_room_helps_a_ring_that_is_down() -> None:
    room = room_of()
    put(room, "ring_down", 100.0)
    cycle(room, "converter", 110.0)
    cycle(room, "switch", 130.0)
    room.advance(400.0)
    assert room.gateway_up()
    assert not room.hub_up()
    FAULTS["ring_down"].lift(room, 401.0)
    assert room.hub_up()


@pytest.mark.parametrize(
    ("fault", "node", "mcu"),
    [
        ("ring_down", True, False),
        ("hub_off", True, True),
        ("converter_hang", False, False),
        ("switch_hang", False, False),
    ],
)
def test_what_still_answers_beyond_the_converter(fault: str, node: bool, mcu: bool) -> None:
    room = room_of()
    put(room, fault, 100.0)
    assert (room.node_up(), room.mcu_up(), room.hub_up()) == (node, mcu, False)


def test_a_cut_of_what_works_is_needless() -> None:
    room = room_of()
    cycle(room, "converter", 110.0)
    assert room.witness.needless == 1
    room.advance(400.0)
    put(room, "converter_hang", 401.0)
    cycle(room, "converter", 410.0)
    assert room.witness.needless == 1


def test_a_switch_without_power_takes_the_carrier_away() -> None:
    room = room_of()
    room.relay("switch", False, 100.0)
    assert not room.link_up()


def test_the_ups_carries_the_codec_until_it_is_empty_and_not_the_display() -> None:
    room = room_of(ups_runtime_s=600.0)
    put(room, "mains_lost", 100.0)
    room.advance(200.0)
    assert room.ups is not None
    assert room.ups.on_battery
    assert room.codec.serving(200.0)
    assert room.display_w() == 0.0
    assert room.ups.left_s == pytest.approx(500.0)
    room.advance(560.0)
    assert room.ups.low
    room.advance(700.0)
    assert not room.backed()
    assert not room.board_on()
    assert room.codec.draw_w(700.0) == 0.0
    FAULTS["mains_lost"].lift(room, 800.0)
    assert room.codec.booting(800.0)
    assert not room.board_on()
    room.advance(820.0)
    assert room.board_on()


def test_without_a_ups_everything_dies_with_the_mains() -> None:
    room = room_of(ups_runtime_s=0.0)
    put(room, "mains_lost", 100.0)
    assert not room.backed()
    assert not room.codec.running()
    assert not room.link_up()
    assert not room.lamp_on()
    assert room.draw_w() == 0.0


def test_the_battery_recharges_when_the_grid_is_back() -> None:
    room = room_of()
    put(room, "mains_lost", 100.0)
    FAULTS["mains_lost"].lift(room, 400.0)
    assert room.ups is not None
    assert room.ups.left_s == pytest.approx(600.0)
    room.advance(1400.0)
    assert room.ups.left_s == pytest.approx(700.0)


def test_the_fan_keeps_a_hot_room_cooler() -> None:
    hot, fanned = room_of(), room_of()
    for room in (hot, fanned):
        put(room, "overheating", 100.0)
    fanned.relay("fan", True, 101.0)
    for room in (hot, fanned):
        for now_s in range(110, 8000, 10):
            room.advance(float(now_s))
    assert hot.climate.temp_c > 35.0
    assert fanned.climate.temp_c < 32.0
    assert not fanned.witness.acts[-1].harmed_call


def test_lamps_burn_by_the_wall_or_by_the_relay() -> None:
    room = room_of()
    put(room, "room_dark", 100.0)
    assert not room.lamp_on()
    room.relay("light", True, 101.0)
    assert room.climate.light_lx(room.lamp_on()) > 200.0


def test_a_sleeping_codec_wakes_by_order() -> None:
    room = room_of()
    put(room, "codec_asleep", 100.0)
    assert room.codec.draw_w(100.0) == 8.0
    assert room.display_w() < 1.0
    assert room.command("codec_wake", 101.0)
    assert room.codec.draw_w(101.0) == 31.0


def test_a_call_ends_by_itself_and_is_not_counted_as_lost() -> None:
    room = room_of()
    assert room.start_call(60.0, 100.0)
    assert room.codec.draw_w(100.0) == 46.0
    room.advance(160.0)
    assert not room.codec.in_call
    assert room.witness.calls_lost == 0


@pytest.mark.parametrize("fault", ["codec_hang_soft", "codec_tripped", "switch_hang", "converter_hang", "ring_down"])
def test_no_call_starts_on_a_broken_path(fault: str) -> None:
    room = room_of()
    put(room, fault, 100.0)
    assert not room.start_call(60.0, 101.0)


@pytest.mark.parametrize("load", ["codec", "switch", "converter"])
def test_a_cut_in_a_call_is_witnessed_as_harm_and_the_call_as_lost(load: str) -> None:
    room = room_of()
    room.start_call(600.0, 100.0)
    cycle(room, load, 110.0)
    cut = room.witness.acts[0]
    assert (cut.load, cut.what, cut.in_call) == (load, "cut", True)
    assert room.witness.harmed == 1
    assert room.witness.calls_lost == 1
    assert not room.codec.in_call


def test_a_restart_in_a_call_is_witnessed_as_harm_and_the_call_as_lost() -> None:
    room = room_of()
    room.start_call(600.0, 100.0)
    assert room.command("codec_restart", 110.0)
    assert room.witness.harmed == 1
    assert room.witness.calls_lost == 1


def test_a_call_lost_with_the_mains_is_nobody_s_harm() -> None:
    room = room_of(ups_runtime_s=0.0)
    room.start_call(600.0, 100.0)
    put(room, "mains_lost", 110.0)
    assert not room.codec.in_call
    assert room.witness.calls_lost == 1
    assert room.witness.harmed == 0


def test_the_witness_notes_how_long_a_device_was_out() -> None:
    room = room_of()
    put(room, "codec_hang_hard", 100.0)
    cycle(room, "codec", 130.0)
    room.advance(400.0)
    (outage,) = room.witness.outages
    assert outage.load == "codec"
    assert outage.lasted_s == pytest.approx(30.0 + 15.0 + BOOT_S)


def test_time_never_runs_backwards() -> None:
    room = room_of()
    room.advance(50.0)
    assert room.now_s == 100.0
