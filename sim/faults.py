"""Faults that can be put into a room, each with what it must lead to.

A fault is physical: it changes the room and nothing else. Which rule finds it and what heals it is the agent's affair;
`rules` only says under which names its incident may appear, so that the demonstration can tell that it did.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from sim.physics import Hang, RoomPhysics
from sim.physics.display import CODEC_INPUT

Scope = Literal["room", "commune", "cluster"]
Expect = Literal["healed", "escalated", "recovers"]
"""`healed`: by the room itself; `recovers`: it ends by itself and must be told; `escalated`: a person is needed."""

Args = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One kind of fault. `put` makes it so, `lift` takes the cause away, `present` says whether it is still so."""

    name: str
    title: str
    """In English."""
    vi: str
    """The same in Vietnamese."""
    scope: Scope
    expect: Expect
    rules: tuple[str, ...]
    put: Callable[[RoomPhysics, float, Args], None]
    lift: Callable[[RoomPhysics, float], None]
    present: Callable[[RoomPhysics], bool]
    load: str = ""
    """The device whose outage it is, for the comparison with that device's own boot time."""
    params: tuple[str, ...] = ()
    """Names of the numbers a scenario may give."""
    cuts_line: bool = False
    """Whether the room cannot reach the hub while it lasts."""


def _hang(kind: Hang) -> Callable[[RoomPhysics, float, Args], None]:
    def put(room: RoomPhysics, now_s: float, args: Args) -> None:
        room.advance(now_s)
        if "call_s" in args:
            room.start_call(args["call_s"], now_s)
        room.codec.hang = kind
        room.advance(now_s)

    return put


def _unhang(room: RoomPhysics, now_s: float) -> None:
    room.codec.hang = Hang.NONE
    room.advance(now_s)


def _codec_down(room: RoomPhysics) -> bool:
    return not room.codec.serving(room.now_s)


def _device(name: str, attribute: str, value: bool) -> Callable[..., None]:
    def change(room: RoomPhysics, now_s: float, args: Args | None = None) -> None:  # noqa: ARG001
        room.advance(now_s)
        setattr(room.devices[name], attribute, value)
        room.advance(now_s)

    return change


def _device_down(name: str) -> Callable[[RoomPhysics], bool]:
    return lambda room: not room.devices[name].serving(room.now_s)


def _volts(room: RoomPhysics, now_s: float, volts: float) -> None:
    room.advance(now_s)
    room.mains.volts = volts
    room.advance(now_s)


def _ring(room: RoomPhysics, now_s: float, up: bool) -> None:
    room.advance(now_s)
    room.ring_up = up
    room.advance(now_s)


def _hub(room: RoomPhysics, now_s: float, on: bool) -> None:
    room.advance(now_s)
    room.hub_machine = on
    room.advance(now_s)


def _heat(room: RoomPhysics, now_s: float, args: Args) -> None:
    room.advance(now_s)
    room.climate.cooling = False
    room.climate.outdoor_c = args.get("outdoor_c", 34.0)
    room.climate.temp_c = max(room.climate.temp_c, args.get("room_c", 36.5))


def _cool(room: RoomPhysics, now_s: float) -> None:
    room.advance(now_s)
    room.climate.cooling = True


def _asleep(room: RoomPhysics, now_s: float, asleep: bool) -> None:
    room.advance(now_s)
    if not room.codec.in_call:
        room.codec.standby = asleep


def _display(room: RoomPhysics, now_s: float, on: bool) -> None:
    room.advance(now_s)
    room.display.switch(on, now_s)


def _input(room: RoomPhysics, now_s: float, name: str) -> None:
    room.advance(now_s)
    room.display.input = name


def _complains(room: RoomPhysics, now_s: float, part: str) -> None:
    room.advance(now_s)
    room.display.complaint = part


def _ups_complains(room: RoomPhysics, now_s: float, said: str) -> None:
    room.advance(now_s)
    if room.ups is not None:
        room.ups.complaint = said


def _dark(room: RoomPhysics, now_s: float, dark: bool) -> None:
    room.advance(now_s)
    room.wall_switch = not dark


def _stuck(room: RoomPhysics, now_s: float, stuck: bool) -> None:
    room.advance(now_s)
    room.codec.registration_stuck = stuck


HUB_SILENCE = ("room_lost",)
"""What the hub says of a room it no longer hears."""

FAULTS: dict[str, FaultKind] = {
    kind.name: kind
    for kind in (
        FaultKind(
            "codec_hang_soft", "the codec's application hangs",
            "phần mềm của máy bị treo", "room", "healed", ("codec_hung",),
            _hang(Hang.SOFT), _unhang, _codec_down, "codec", ("call_s",),
        ),
        FaultKind(
            "codec_hang_hard", "the codec hangs so that only a loss of power helps",
            "máy treo cứng, chỉ ngắt điện mới hết", "room", "healed", ("codec_hung",),
            _hang(Hang.HARD), _unhang, _codec_down, "codec", ("call_s",),
        ),
        FaultKind(
            "codec_tripped", "the codec's supply has tripped",
            "nguồn của máy bị ngắt bảo vệ", "room", "healed", ("codec_no_power",),
            _device("codec", "latched", True), _device("codec", "latched", False), _codec_down, "codec",
        ),
        FaultKind(
            "codec_dead", "the codec's supply has failed for good",
            "nguồn của máy hỏng hẳn", "room", "escalated", ("codec_no_power",),
            _device("codec", "dead", True), _device("codec", "dead", False), _codec_down, "codec",
        ),
        FaultKind(
            "codec_unregistered", "the registrar refuses the codec until it starts anew",
            "máy không đăng ký được cho đến khi khởi động lại", "room", "healed",
            ("codec_unregistered",), lambda r, t, _a: _stuck(r, t, True), lambda r, t: _stuck(r, t, False),
            lambda r: not r.codec.registered(r.now_s), "codec",
        ),
        FaultKind(
            "codec_asleep", "the codec sleeps before a meeting",
            "máy ngủ trước giờ họp", "room", "healed", ("display_asleep",),
            lambda r, t, _a: _asleep(r, t, True), lambda r, t: _asleep(r, t, False), lambda r: r.codec.standby,
        ),
        FaultKind(
            "display_off", "somebody has switched the display off before a meeting",
            "có người tắt TV trước giờ họp", "room", "healed",
            ("display_asleep",), lambda r, t, _a: _display(r, t, False), lambda r, t: _display(r, t, True),
            lambda r: not r.display.on,
        ),
        FaultKind(
            "display_input", "the display shows another input before a meeting",
            "TV để nhầm ngõ vào hình trước giờ họp", "room", "healed",
            ("display_asleep",), lambda r, t, _a: _input(r, t, "digital2"), lambda r, t: _input(r, t, CODEC_INPUT),
            lambda r: r.display.input != CODEC_INPUT,
        ),
        FaultKind(
            "display_lamp", "the display's lamp fails",
            "bóng đèn máy chiếu hỏng", "room", "escalated", ("display_complains",),
            lambda r, t, _a: _complains(r, t, "lamp"), lambda r, t: _complains(r, t, ""),
            lambda r: bool(r.display.complaint),
        ),
        FaultKind(
            "ups_alarm", "the UPS raises an alarm of its own",
            "UPS báo lỗi của chính nó", "room", "escalated", ("ups_complains",),
            lambda r, t, _a: _ups_complains(r, t, "Battery voltage too low!"), lambda r, t: _ups_complains(r, t, ""),
            lambda r: r.ups is not None and bool(r.ups.complaint),
        ),
        FaultKind(
            "switch_hang", "the room's switch hangs",
            "switch của phòng bị treo", "room", "healed", ("room_network_lost", *HUB_SILENCE),
            _device("switch", "hung", True), _device("switch", "hung", False), _device_down("switch"), "switch",
            cuts_line=True,
        ),
        FaultKind(
            "converter_hang", "the media converter hangs",
            "bộ chuyển đổi quang bị treo", "room", "healed", ("uplink_lost", *HUB_SILENCE),
            _device("converter", "hung", True), _device("converter", "hung", False), _device_down("converter"),
            "converter", cuts_line=True,
        ),
        FaultKind(
            "room_dark", "the lights are off before a meeting",
            "phòng tắt đèn trước giờ họp", "room", "healed", ("room_dark",),
            lambda r, t, _a: _dark(r, t, True), lambda r, t: _dark(r, t, False), lambda r: not r.lamp_on(),
        ),
        FaultKind(
            "overheating", "the air conditioner has stopped on a hot day",
            "điều hòa ngừng giữa ngày nóng", "room", "healed", ("overheating",),
            _heat, _cool, lambda r: r.climate.temp_c > 32.0, "", ("outdoor_c", "room_c"),
        ),
        FaultKind(
            "mains_weak", "the mains voltage is low",
            "điện lưới yếu", "room", "recovers", ("mains_weak",),
            lambda r, t, a: _volts(r, t, a.get("volts", 186.0)), lambda r, t: _volts(r, t, 228.0),
            lambda r: r.mains.volts < 198.0, "", ("volts",),
        ),
        FaultKind(
            "mains_lost", "the commune loses its mains",
            "cả xã mất điện", "commune", "recovers", ("mains_lost",),
            lambda r, t, _a: _volts(r, t, 0.0), lambda r, t: _volts(r, t, 228.0), lambda r: not r.mains.present,
        ),
        FaultKind(
            "ring_down", "the carrier's ring goes down",
            "vòng cáp của nhà mạng bị đứt", "cluster", "recovers",
            ("uplink_lost", "hub_unreachable", *HUB_SILENCE),
            lambda r, t, _a: _ring(r, t, False), lambda r, t: _ring(r, t, True), lambda r: not r.ring_up,
            cuts_line=True,
        ),
        FaultKind(
            "hub_off", "the hub's machine is off, and the line to the province works",
            "máy chủ Trung tâm tắt, đường truyền vẫn tốt", "cluster", "recovers",
            ("hub_unreachable", *HUB_SILENCE), lambda r, t, _a: _hub(r, t, False), lambda r, t: _hub(r, t, True),
            lambda r: not r.hub_machine, cuts_line=True,
        ),
    )
}  # fmt: skip
"""Every fault that scenarios and `diemcau-sim inject` know."""
