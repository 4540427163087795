"""Faults of what people hear, see and use: microphones, loudspeakers, camera, cables, settings, the PC."""

from __future__ import annotations

from sim.fault_kind import Args, FaultKind, device_down, does, of_device, sets
from sim.physics import RoomPhysics
from sim.physics.codec import VOLUME_PCT

NO_CALL = "codec.in_call|codec.draw_w"
"""One of the two witnesses is enough while the codec speaks."""


def _howl(room: RoomPhysics, args: Args) -> None:
    if "call_s" in args:
        room.start_call(args["call_s"], room.now_s)
    room.microphone.at_loudspeaker = True


def _pc_gone(room: RoomPhysics) -> bool:
    return room.pc is not None and not room.pc.app_runs(room.now_s)


def _set_app(room: RoomPhysics, running: bool) -> None:
    if room.pc is not None:
        room.pc.app = running


OF_PARTS = (
    FaultKind(
        "mic_pulled", "the microphone's cable is pulled",
        "dây micro bị rút", "room", "escalated", ("near_sound_lost",),
        sets("microphone.plugged", False), sets("microphone.plugged", True), lambda r: not r.microphone.plugged,
        sees=("codec.mic_connected",), when="wanted",
    ),
    FaultKind(
        # The receiver is plugged in all the same: nothing that can be asked knows of the handset.
        "mic_battery", "the battery of a wireless microphone is empty",
        "micro không dây hết pin", "room", "unseen", (),
        sets("microphone.charged", False), sets("microphone.charged", True), lambda r: not r.microphone.charged,
    ),
    FaultKind(
        "mic_muted_trial", "the microphones are muted in a trial connection",
        "micro đang tắt khi kết nối thử", "room", "healed", ("near_sound_lost",),
        sets("codec.mic_muted", True), sets("codec.mic_muted", False), lambda r: r.codec.mic_muted,
        sees=("codec.mic_muted",), when="trial",
    ),
    FaultKind(
        "camera_pulled", "the camera's cable is pulled",
        "dây camera bị rút", "room", "escalated", ("camera_missing",),
        sets("camera.plugged", False), sets("camera.plugged", True), lambda r: not r.camera.plugged,
        sees=("codec.camera",),
    ),
    FaultKind(
        "volume_zero", "somebody has turned the codec's volume down to nothing",
        "có người vặn âm lượng máy họp về 0", "room", "healed", ("far_sound_lost",),
        sets("codec.volume_pct", 0), sets("codec.volume_pct", VOLUME_PCT), lambda r: r.codec.volume_pct == 0,
        sees=("codec.volume_pct",), when="wanted",
    ),
    FaultKind(
        "output_muted", "the codec's sound output is muted",
        "đường tiếng ra của máy họp bị tắt tiếng", "room", "healed", ("far_sound_lost",),
        sets("codec.output_muted", True), sets("codec.output_muted", False), lambda r: r.codec.output_muted,
        sees=("codec.volume_pct", "codec.output_muted"), when="wanted",
    ),
    FaultKind(
        "amp_off", "the amplifier is off before a meeting",
        "ampli tắt trước giờ họp", "room", "healed", ("far_sound_lost",),
        sets("amplifier_by_hand", False), sets("amplifier_by_hand", True),
        lambda r: "amplifier" in r.devices and not r.closed["amplifier"] and not r.amplifier_by_hand,
        sees=("codec.volume_pct", "amp.draw_w"), when="wanted", part="amplifier",
    ),
    FaultKind(
        # Codec and display each say that they are well, and no rule puts together what they say of the cable.
        "hdmi_pulled", "the HDMI cable from the codec is pulled",
        "dây HDMI từ máy họp bị rút", "room", "unseen", (),
        sets("picture_cable", False), sets("picture_cable", True), lambda r: not r.picture_cable,
    ),
    FaultKind(
        "splitter_hang", "the splitter hangs and passes no picture on",
        "bộ chia hình bị treo, không ra hình", "room", "unseen", (),
        of_device("splitter", "hung", True), of_device("splitter", "hung", False), device_down("splitter"), "splitter",
        part="splitter",
    ),
    FaultKind(
        "settings_changed", "somebody has changed the codec's settings",
        "có người đổi cấu hình máy họp", "room", "healed", ("codec_settings_changed",),
        does(lambda r, _: r.codec.change_settings()), does(lambda r, _: r.codec.put_settings_right()),
        lambda r: r.codec.settings_changed, sees=("codec.settings_ok",),
    ),
    FaultKind(
        "howling", "a microphone stands too close to a loudspeaker, and howls in a call",
        "micro để sát loa, bị hú khi đang họp", "room", "escalated", ("howling",),
        does(_howl), sets("microphone.at_loudspeaker", False), lambda r: r.howls(), "", ("call_s",),
        sees=("sound.level_dbc", "codec.in_call"), when="call",
    ),
    FaultKind(
        "pc_app_crashed", "the conference software on the PC has crashed",
        "phần mềm họp trên máy tính bị thoát", "room", "healed", ("pc_app_gone",),
        does(lambda r, _: _set_app(r, False)), does(lambda r, _: _set_app(r, True)), _pc_gone,
        sees=("pc.app_running",), heals=(NO_CALL,), part="pc",
    ),
)  # fmt: skip
