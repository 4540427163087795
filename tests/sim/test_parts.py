"""What people hear, see and use in a room: cables, mutes, amplifier, splitter, PC, battery, clock, damp air."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sim.book import Book, UnknownFaultError
from sim.fault_kind import expected
from sim.faults import FAULTS
from sim.fitout import without
from sim.kinds import Kind, RoomPlan
from sim.main import main
from sim.physics import Fitting, RoomPhysics
from sim.physics.codec import VOLUME_PCT
from tests.sim.stage import rack

WHOLE = Fitting()


def room_of(fitting: Fitting = WHOLE) -> RoomPhysics:
    room = RoomPhysics("r", fitting, 0.0)
    room.advance(100.0)
    return room


def put(room: RoomPhysics, fault: str, **args: float) -> None:
    FAULTS[fault].put(room, room.now_s, args)


def lift(room: RoomPhysics, fault: str) -> None:
    FAULTS[fault].lift(room, room.now_s)


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_fault_is_there_when_it_is_put_and_gone_when_it_is_lifted(fault: str) -> None:
    kind, room = FAULTS[fault], room_of()
    assert not kind.present(room)
    put(room, fault, **({"call_s": 600.0} if kind.when == "call" else {}))
    assert kind.present(room)
    lift(room, fault)
    for _ in range(400):  # a hot room cools for half an hour
        room.advance(room.now_s + 10.0)
    assert not kind.present(room)


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_what_a_room_does_not_have_cannot_break_there(fault: str) -> None:
    bare = replace(without(WHOLE, "amplifier", "splitter", "pc"), ups_runtime_s=0.0, sound_meter=False, meters=False)
    room = room_of(bare)
    put(room, fault)
    lift(room, fault)
    room.advance(room.now_s + 4000.0)
    assert not FAULTS[fault].present(room)


@pytest.mark.parametrize(
    ("fault", "part"),
    [("pc_app_crashed", "pc"), ("amp_off", "amplifier"), ("splitter_hang", "splitter"), ("ups_old", "ups"),
     ("ups_alarm", "ups")],
)  # fmt: skip
def test_a_fault_of_a_part_that_a_room_has_not_is_refused_with_a_sentence(fault: str, part: str) -> None:
    bare = replace(without(WHOLE, "amplifier", "splitter", "pc"), ups_runtime_s=0.0)
    book = Book({"a": room_of(bare), "b": room_of()})
    with pytest.raises(UnknownFaultError, match=f"{fault} strikes the {part}, and a has none"):
        book.inject("a", fault, 100.0, 0.0)
    assert book.entries == []
    book.inject("b", fault, 100.0, 0.0)


@pytest.mark.parametrize("fault", ["mic_pulled", "mic_battery", "mic_muted_trial"])
def test_whatever_is_wrong_with_the_microphone_nobody_is_heard(fault: str) -> None:
    room = room_of()
    assert room.microphone_live()
    put(room, fault)
    assert not room.microphone_live()
    assert room.microphone.plugged is (fault != "mic_pulled"), "the codec counts what is plugged in"


@pytest.mark.parametrize("fault", ["volume_zero", "output_muted", "amp_off"])
def test_whatever_is_wrong_with_the_sound_nobody_hears(fault: str) -> None:
    room = room_of()
    assert room.loudspeakers_on()
    put(room, fault)
    assert not room.loudspeakers_on()


def test_a_codec_turns_its_sound_up_again_by_order_and_the_amplifier_by_its_relay() -> None:
    room = room_of()
    for fault in ("volume_zero", "output_muted", "amp_off"):
        put(room, fault)
    assert room.amplifier_w() == 0.0
    assert room.command("codec_volume_restore", 101.0)
    assert (room.codec.volume_pct, room.codec.output_muted) == (VOLUME_PCT, False)
    room.relay("amplifier", True, 102.0)
    room.advance(110.0)
    assert room.amplifier_w() > 3.0
    assert room.loudspeakers_on()


def test_the_amplifier_hangs_on_the_grid_and_is_part_of_what_the_room_draws() -> None:
    room = room_of()
    with_it_w = room.draw_w()
    put(room, "amp_off")
    assert with_it_w - room.draw_w() == pytest.approx(20.0)
    lift(room, "amp_off")
    put(room, "mains_lost")
    assert room.amplifier_w() == 0.0


@pytest.mark.parametrize(
    ("end", "ends"),
    [
        ("mic_pulled", True), ("mic_battery", True), ("mic_muted_trial", True), ("volume_zero", True),
        ("output_muted", True), ("amp_off", True), ("camera_pulled", False),
    ],
)  # fmt: skip
def test_it_howls_in_a_call_while_the_loop_is_whole(end: str, ends: bool) -> None:
    room = room_of()
    put(room, "howling")
    assert room.sound_dbc() < 50.0, "without a call nothing comes back"
    assert room.start_call(600.0, 101.0)
    assert room.sound_dbc() > 85.0
    put(room, end)
    assert room.howls() is not ends
    lift(room, end)
    room.advance(room.now_s + 10.0)
    room.advance(702.0)
    assert not room.howls()


@pytest.mark.parametrize(("fault", "codec_sees_a_display"), [("hdmi_pulled", False), ("splitter_hang", True)])
def test_a_picture_that_does_not_come_lets_the_display_sleep(fault: str, codec_sees_a_display: bool) -> None:
    room = room_of()
    put(room, fault)
    assert room.codec.serving(room.now_s)
    assert not room.picture_arrives()
    assert room.display_found() is codec_sees_a_display
    assert room.display_w() < 1.0
    lift(room, fault)
    assert room.picture_arrives()
    assert room.display_w() > 15.0


def test_a_hung_splitter_passes_pictures_on_after_a_power_cycle() -> None:
    room = room_of()
    put(room, "splitter_hang")
    room.relay("splitter", False, 101.0)
    assert not room.display_found(), "without power nobody answers at the cable's end"
    room.relay("splitter", True, 116.0)
    room.advance(130.0)
    assert room.picture_arrives()


def test_without_a_splitter_the_cable_leads_to_the_display() -> None:
    room = room_of(without(WHOLE, "splitter"))
    assert room.picture_arrives()
    put(room, "hdmi_pulled")
    assert not room.picture_arrives()


def test_settings_outlive_a_restart_and_are_put_right_by_order() -> None:
    room = room_of()
    put(room, "settings_changed")
    room.command("codec_restart", 101.0)
    room.advance(400.0)
    changed = FAULTS["settings_changed"].present
    assert changed(room)
    assert room.command("codec_settings_restore", 401.0)
    assert not changed(room)
    assert not room_of().codec.settings_changed, "one room's settings are no other's"


def test_a_silent_codec_takes_no_order_about_its_settings() -> None:
    room = room_of()
    put(room, "settings_changed")
    put(room, "codec_hang_soft")
    assert not room.command("codec_settings_restore", 101.0)
    assert room.codec.settings_changed


def test_the_conference_software_opens_by_order_or_when_its_pc_starts() -> None:
    room = room_of()
    put(room, "pc_app_crashed")
    assert room.command("pc_app_restart", 101.0)
    assert not FAULTS["pc_app_crashed"].present(room)
    put(room, "pc_app_crashed")
    put(room, "mains_lost")
    assert not room.command("pc_app_restart", 102.0), "a PC without power opens nothing"
    room.advance(110.0)
    lift(room, "mains_lost")
    assert FAULTS["pc_app_crashed"].present(room), "it is still starting"
    room.advance(200.0)
    assert not FAULTS["pc_app_crashed"].present(room)


def test_a_worn_battery_is_full_and_lasts_a_short_time() -> None:
    room = room_of()
    assert room.ups is not None
    put(room, "ups_old")
    assert room.ups.charge_pct == 100.0
    assert room.ups.left_s == pytest.approx(0.15 * 900.0)
    put(room, "mains_lost")
    room.advance(room.now_s + 140.0)
    assert not room.backed()
    lift(room, "ups_old")
    assert room.ups.left_s == 900.0, "a new one is a full one"


def test_a_breaker_leaves_the_grid_s_voltage_outside() -> None:
    room = room_of()
    put(room, "breaker_off")
    assert not room.mains.present
    assert room.mains.behind_breaker_v == 0.0
    assert room.backed(), "the UPS carries the codec"


def test_damp_air_comes_to_equipment_that_is_colder() -> None:
    room = room_of()
    warm_c = room.climate.rack_c(room.draw_w())
    put(room, "damp")
    assert room.climate.humidity_pct > 90.0
    assert room.climate.rack_c(room.draw_w()) < warm_c - 5.0


def test_a_room_expects_of_a_fault_what_it_can_see_and_do() -> None:
    pinged, dark = replace(WHOLE, codec="pinged"), replace(WHOLE, meters=False)
    assert expected(FAULTS["codec_hang_soft"], WHOLE) == "healed"
    assert expected(FAULTS["codec_hang_soft"], pinged) == "unseen"
    assert expected(FAULTS["codec_hang_soft"], dark) == "escalated", "nothing denies a call"
    assert expected(FAULTS["converter_hang"], dark) == "healed", "the codec's word is enough"
    assert expected(FAULTS["mains_weak"], dark) == "unseen"
    assert expected(FAULTS["breaker_off"], replace(WHOLE, ups_runtime_s=0.0)) == "escalated", "the hub hears nothing"
    assert expected(FAULTS["hdmi_pulled"], WHOLE) == "unseen"


@pytest.mark.parametrize(
    ("kind", "fault", "said"),
    [("cisco_tcp", "mic_pulled", ""), ("cisco_tcp", "hdmi_pulled", "no rule can find this fault in this room"),
     ("generic", "mic_pulled", "no rule can find this fault in this room")],
)  # fmt: skip
def test_whoever_injects_what_nobody_finds_is_told_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: Kind, fault: str, said: str
) -> None:
    with rack(tmp_path, RoomPlan("r", kind, 0.1)) as made:
        assert main(["inject", "r", fault, "--folder", str(tmp_path)]) == 0
        assert FAULTS[fault].present(made.rooms[0].physics)
        out = capsys.readouterr().out
        assert said in out if said else not out
        assert main(["lift", "r", fault, "--folder", str(tmp_path)]) == 0
        assert main(["inject", "r", "pc_app_crashed", "--folder", str(tmp_path)]) == 1
        assert "strikes the pc, and r has none" in capsys.readouterr().err
