"""Faults that can be put into a room, each with what it must lead to.

A fault is physical: it changes the room and nothing else. Which rule finds it and what heals it is the agent's affair;
`rules` only says under which names its incident may appear, so that the demonstration can tell that it did.
"""

from __future__ import annotations

from sim.fault_kind import Args, FaultKind, device_down, does, of_device, sets
from sim.faults_of_parts import NO_CALL, OF_PARTS
from sim.physics import Hang, RoomPhysics
from sim.physics.display import CODEC_INPUT
from sim.physics.power import NOMINAL_V


def _hang(kind: Hang, room: RoomPhysics, args: Args) -> None:
    if "call_s" in args:
        room.start_call(args["call_s"], room.now_s)
    room.codec.hang = kind


def _codec_down(room: RoomPhysics) -> bool:
    return not room.codec.serving(room.now_s)


def _heat(room: RoomPhysics, args: Args) -> None:
    room.climate.cooling = False
    room.climate.outdoor_c = args.get("outdoor_c", 34.0)
    room.climate.temp_c = max(room.climate.temp_c, args.get("room_c", 36.5))


def _fall_asleep(room: RoomPhysics, _args: Args) -> None:
    room.codec.standby = not room.codec.in_call


def _damp(room: RoomPhysics, args: Args) -> None:
    """Humid air comes to equipment that is colder than it."""
    room.climate.humidity_pct = args.get("humidity_pct", 95.0)
    room.climate.chill_c = args.get("chill_c", 9.0)


def _dry(room: RoomPhysics, _args: Args) -> None:
    room.climate.humidity_pct, room.climate.chill_c = 68.0, 0.0


def _wear(room: RoomPhysics, share: float) -> None:
    if room.ups is not None:
        room.ups.wear(share)


def _lose_time(room: RoomPhysics, args: Args) -> None:
    room.clock.synced, room.clock.ahead_s = False, args.get("ahead_s", 240.0)


def _ups_complains(room: RoomPhysics, said: str) -> None:
    if room.ups is not None:
        room.ups.complaint = said


def _find_time(room: RoomPhysics, _args: Args) -> None:
    room.clock.synced, room.clock.ahead_s = True, 0.0


HUB_SILENCE = ("room_lost",)
"""What the hub says of a room it no longer hears."""

FAULTS: dict[str, FaultKind] = {
    kind.name: kind
    for kind in (
        FaultKind(
            "codec_hang_soft", "the codec's application hangs",
            "phần mềm của máy bị treo", "room", "healed", ("codec_hung",),
            does(lambda r, a: _hang(Hang.SOFT, r, a)), sets("codec.hang", Hang.NONE), _codec_down, "codec", ("call_s",),
            sees=("codec.api",), heals=("codec.draw_w",),
        ),
        FaultKind(
            "codec_hang_hard", "the codec hangs so that only a loss of power helps",
            "máy treo cứng, chỉ ngắt điện mới hết", "room", "healed", ("codec_hung",),
            does(lambda r, a: _hang(Hang.HARD, r, a)), sets("codec.hang", Hang.NONE), _codec_down, "codec", ("call_s",),
            sees=("codec.api",), heals=("codec.draw_w",),
        ),
        FaultKind(
            "codec_tripped", "the codec's supply has tripped",
            "nguồn của máy bị ngắt bảo vệ", "room", "healed", ("codec_no_power",),
            sets("codec.latched", True), sets("codec.latched", False), _codec_down, "codec",
            sees=("codec.draw_w", "mains.voltage_v"),
        ),
        FaultKind(
            "codec_dead", "the codec's supply has failed for good",
            "nguồn của máy hỏng hẳn", "room", "escalated", ("codec_no_power",),
            sets("codec.dead", True), sets("codec.dead", False), _codec_down, "codec",
            sees=("codec.draw_w", "mains.voltage_v"),
        ),
        FaultKind(
            "codec_unregistered", "the registrar refuses the codec until it starts anew",
            "máy không đăng ký được cho đến khi khởi động lại", "room", "healed", ("codec_unregistered",),
            sets("codec.registration_stuck", True), sets("codec.registration_stuck", False),
            lambda r: not r.codec.registered(r.now_s), "codec", sees=("codec.registered",),
        ),
        FaultKind(
            "codec_asleep", "the codec sleeps before a meeting",
            "máy ngủ trước giờ họp", "room", "healed", ("display_asleep",),
            does(_fall_asleep), sets("codec.standby", False), lambda r: r.codec.standby,
            sees=("codec.standby",), when="wanted",
        ),
        FaultKind(
            "display_off", "somebody has switched the display off before a meeting",
            "có người tắt TV trước giờ họp", "room", "healed", ("display_asleep",),
            does(lambda r, _: r.display.switch(False, r.now_s)), does(lambda r, _: r.display.switch(True, r.now_s)),
            lambda r: not r.display.on, when="wanted",
        ),
        FaultKind(
            "display_input", "the display shows another input before a meeting",
            "TV để nhầm ngõ vào hình trước giờ họp", "room", "healed", ("display_asleep",),
            sets("display.input", "digital2"), sets("display.input", CODEC_INPUT),
            lambda r: r.display.input != CODEC_INPUT,
            # In a call the other input may be what people want: without the codec's word nobody knows.
            sees=("codec.in_call",), when="wanted",
        ),
        FaultKind(
            "display_lamp", "the display's lamp fails",
            "bóng đèn máy chiếu hỏng", "room", "escalated", ("display_complains",),
            sets("display.complaint", "lamp"), sets("display.complaint", ""), lambda r: bool(r.display.complaint),
        ),
        FaultKind(
            "ups_alarm", "the UPS raises an alarm of its own",
            "UPS báo lỗi của chính nó", "room", "escalated", ("ups_complains",),
            does(lambda r, _: _ups_complains(r, "Battery voltage too low!")), does(lambda r, _: _ups_complains(r, "")),
            lambda r: r.ups is not None and bool(r.ups.complaint), sees=("ups.fault",), part="ups",
        ),
        FaultKind(
            "switch_hang", "the room's switch hangs",
            "switch của phòng bị treo", "room", "healed", ("room_network_lost", *HUB_SILENCE),
            of_device("switch", "hung", True), of_device("switch", "hung", False), device_down("switch"), "switch",
            cuts_line=True, heals=("codec.draw_w",),
        ),
        FaultKind(
            "converter_hang", "the media converter hangs",
            "bộ chuyển đổi quang bị treo", "room", "healed", ("uplink_lost", *HUB_SILENCE),
            of_device("converter", "hung", True), of_device("converter", "hung", False), device_down("converter"),
            "converter", cuts_line=True, heals=(NO_CALL,),
        ),
        FaultKind(
            "room_dark", "the lights are off before a meeting",
            "phòng tắt đèn trước giờ họp", "room", "healed", ("room_dark",),
            sets("wall_switch", False), sets("wall_switch", True), lambda r: not r.lamp_on(), when="wanted",
        ),
        FaultKind(
            "overheating", "the air conditioner has stopped on a hot day",
            "điều hòa ngừng giữa ngày nóng", "room", "healed", ("overheating",),
            does(_heat), sets("climate.cooling", True), lambda r: r.climate.temp_c > 32.0, "", ("outdoor_c", "room_c"),
        ),
        FaultKind(
            "damp", "humid air comes to cold equipment",
            "nồm ẩm, thiết bị lạnh bị đọng nước", "room", "recovers", ("condensation",),
            does(_damp), does(_dry), lambda r: r.climate.humidity_pct > 85.0, "", ("humidity_pct", "chill_c"),
        ),
        FaultKind(
            "mains_weak", "the mains voltage is low",
            "điện lưới yếu", "room", "recovers", ("mains_weak",),
            does(lambda r, a: setattr(r.mains, "volts", a.get("volts", 186.0))), sets("mains.volts", NOMINAL_V),
            lambda r: r.mains.volts < 198.0, "", ("volts",), sees=("mains.voltage_v",),
        ),
        FaultKind(
            "mains_lost", "the commune loses its mains",
            "cả xã mất điện", "commune", "recovers", ("mains_lost", *HUB_SILENCE),
            sets("mains.volts", 0.0), sets("mains.volts", NOMINAL_V), lambda r: not r.mains.present, cuts_line=True,
        ),
        FaultKind(
            # A room without a UPS falls silent at once, and another when its battery is empty: then the hub tells.
            "breaker_off", "the room's breaker has tripped",
            "aptomat của phòng bị nhảy", "room", "escalated", ("mains_lost", *HUB_SILENCE),
            sets("mains.breaker", False), sets("mains.breaker", True), lambda r: not r.mains.breaker,
            cuts_line=True,
        ),
        FaultKind(
            "ups_old", "the battery of the UPS is worn out",
            "ắc quy UPS đã chai", "room", "escalated", ("ups_weak",),
            does(lambda r, _: _wear(r, 0.15)), does(lambda r, _: _wear(r, 1.0)),
            lambda r: r.ups is not None and r.ups.worn, sees=("ups.replace_battery",), part="ups",
        ),
        FaultKind(
            "ring_down", "the carrier's ring goes down",
            "vòng cáp của nhà mạng bị đứt", "cluster", "recovers",
            ("uplink_lost", "hub_unreachable", *HUB_SILENCE),
            sets("ring_up", False), sets("ring_up", True), lambda r: not r.ring_up, cuts_line=True,
        ),
        FaultKind(
            "line_lossy", "the line to the province loses packets",
            "đường truyền về tỉnh bị mất gói", "room", "recovers", ("picture_choppy",),
            does(lambda r, a: setattr(r, "line_loss_pct", a.get("loss_pct", 12.0))), sets("line_loss_pct", 0.0),
            lambda r: r.line_loss_pct >= 5.0, "", ("loss_pct",), sees=("net.loss_pct",),
        ),
        FaultKind(
            "hub_off", "the hub's machine is off, and the line to the province works",
            "máy chủ Trung tâm tắt, đường truyền vẫn tốt", "cluster", "recovers",
            ("hub_unreachable", *HUB_SILENCE),
            sets("hub_machine", False), sets("hub_machine", True), lambda r: not r.hub_machine, cuts_line=True,
        ),
        FaultKind(
            # No rule speaks of the clock; restarts are dated the more carefully while it cannot be trusted.
            "clock_off", "the board has lost its time server, and its clock is wrong",
            "bộ giám sát mất máy chủ thời gian, đồng hồ chạy sai", "room", "unseen", (),
            does(_lose_time), does(_find_time), lambda r: not r.clock.synced, "", ("ahead_s",),
        ),
        *OF_PARTS,
    )
}  # fmt: skip
"""Every fault that scenarios and `diemcau-sim inject` know."""
