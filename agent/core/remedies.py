"""Loads and remedies: what can be acted upon, and how. The load owns hold times, the remedy names the act.

Two rules over one codec would otherwise restart and power-cycle it in the same instant.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Method(enum.StrEnum):
    """How an act is performed."""

    API = "api"  # a command over the device's control interface
    CYCLE = "cycle"  # relay: cut, wait off_s, restore
    ON = "on"  # relay: switch on and leave
    OFF = "off"  # relay: switch off and leave; only for loads that may stay off
    STAGED = "staged"  # the room's loads one after the other, see `agent.core.staging`; no act of the shell's own


@dataclass(frozen=True, slots=True)
class Load:
    """Something that hangs on a relay or can be restarted. All times in seconds."""

    name: str
    in_call_path: bool
    """A call dies when this loses power."""
    boot_s: float
    """How long it takes to serve again after power returns. Measured ones replace the default."""
    off_s: float = 15.0
    """How long a cycle keeps it without power: long enough for its supply to discharge."""
    hold_on_s: float = 180.0
    """Shortest time between two restarts of it (3 min: rooms-vn, guards)."""
    min_off_s: float = 5.0
    """Shortest time without power: a supply that has not discharged does not start cleanly."""
    budget_per_hour: int = 3
    """Most restarts of any kind in an hour."""
    budget_per_day: int = 6
    """Most restarts of any kind in a day."""
    cycles_per_hour: int = 2
    """Most relay cycles in an hour (rooms-vn, guards)."""
    cycles_per_day: int = 3
    """Most relay cycles in a day. One more is asked for: the load is latched until a person clears it."""
    may_stay_off: bool = False
    """Lights and fans may be off; equipment never stays off."""
    shed: bool = False
    """Switched off while the mains is lost, so that the UPS lasts longer for the rest."""
    needed_in_call: bool = False
    """A call suffers when it is switched off, though it lives on."""
    own_uplink: bool = False
    """The agent's own way to the hub: cycled only when that way is the fault, and once for each fault."""
    never_cut: bool = False
    """A projector's lamp bursts when its fan stops hot: no relay may cut it, whatever is configured."""
    on_relay: bool = True
    """Whether it can hang on a relay at all."""
    upstream: tuple[str, ...] = ()
    """Loads that feed this one with power or network: while one of them is cycled, this one is not judged."""


REPORT_S = 30.0
"""An act that has not been reported this long after it should have ended counts as failed."""

OFF_MAX_S = 120.0
"""No cycle keeps a load off longer, whatever a configuration says."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """One act on one load."""

    name: str
    load: str
    method: Method
    settle_s: float = 0.0
    """How long its effect is awaited; 0: 1.5 boot times of the load, see `agent.core.boots`."""
    trial_only: bool = False
    """Only while a trial connection runs: what people hear of a room is theirs to decide in a real meeting."""
    outside_calls: bool = False
    """Only while certainly no call is up and no meeting is near, though it takes nothing out of service."""
    restarts: bool = True
    """Whether it takes the load out of service for a while: then call, hold-on and budget guards apply."""
    vi: str = ""
    en: str = ""


LOADS: dict[str, Load] = {
    load.name: load
    for load in (
        Load("codec", in_call_path=True, boot_s=150.0, off_s=30.0, upstream=("switch",)),
        Load("switch", in_call_path=True, boot_s=45.0, own_uplink=True),
        Load("converter", in_call_path=True, boot_s=30.0, budget_per_hour=1, budget_per_day=3, own_uplink=True),
        Load("display", in_call_path=True, boot_s=20.0),
        Load("splitter", in_call_path=True, boot_s=10.0),
        Load("camera", in_call_path=True, boot_s=40.0),
        Load("pc", in_call_path=True, boot_s=60.0),
        Load(
            "amplifier", in_call_path=False, boot_s=5.0, off_s=5.0, hold_on_s=60.0, may_stay_off=True, shed=True,
            needed_in_call=True,
        ),
        Load(
            "light", in_call_path=False, boot_s=1.0, off_s=2.0, hold_on_s=10.0, min_off_s=1.0, budget_per_hour=30,
            budget_per_day=100, cycles_per_hour=30, cycles_per_day=100, may_stay_off=True, shed=True,
            needed_in_call=True,
        ),
        Load(
            "fan", in_call_path=False, boot_s=1.0, off_s=2.0, hold_on_s=10.0, min_off_s=1.0, budget_per_hour=30,
            budget_per_day=100, cycles_per_hour=30, cycles_per_day=100, may_stay_off=True, shed=True,
        ),
        Load(
            "room", in_call_path=True, boot_s=300.0, hold_on_s=900.0, budget_per_hour=1, budget_per_day=2,
            on_relay=False,
        ),
        Load(
            "ups", in_call_path=True, boot_s=60.0, hold_on_s=3600.0, budget_per_hour=1, budget_per_day=1,
            on_relay=False,
        ),
        Load(
            "board", in_call_path=True, boot_s=90.0, hold_on_s=21_600.0, budget_per_hour=1, budget_per_day=3,
            on_relay=False,
        ),
    )
}  # fmt: skip
"""Boot times are first guesses (codec 2 to 5 min [M], others our judgement) until measured in the room.

The board is restarted at most once in 6 h and 3 times a day (pi, watchdog). `room` stands for all equipment together.
"""

REMEDIES: dict[str, Remedy] = {
    remedy.name: remedy
    for remedy in (
        Remedy("codec_restart", "codec", Method.API, vi="Khởi động lại thiết bị đầu cuối", en="Restart the codec"),
        Remedy(
            "codec_wake",
            "codec",
            Method.API,
            settle_s=40,
            restarts=False,
            vi="Đánh thức thiết bị đầu cuối",
            en="Wake the codec",
        ),
        Remedy(
            "codec_power_cycle",
            "codec",
            Method.CYCLE,
            vi="Ngắt và cấp lại nguồn thiết bị đầu cuối",
            en="Power-cycle the codec",
        ),
        Remedy(
            "codec_volume_restore",
            "codec",
            Method.API,
            settle_s=40,
            restarts=False,
            vi="Đặt lại âm lượng đã lưu",
            en="Restore the stored volume",
        ),
        Remedy(
            "codec_settings_restore",
            "codec",
            Method.API,
            settle_s=120,
            restarts=False,
            outside_calls=True,
            vi="Đặt lại cấu hình chuẩn của thiết bị đầu cuối",
            en="Restore the codec's settings",
        ),
        Remedy("camera_on", "camera", Method.API, settle_s=60, restarts=False, vi="Bật camera", en="Camera on"),
        Remedy(
            "camera_power_cycle", "camera", Method.CYCLE, vi="Ngắt và cấp lại nguồn camera", en="Power-cycle the camera"
        ),
        Remedy(
            "pc_app_restart",
            "pc",
            Method.API,
            vi="Mở lại phần mềm họp trên máy tính",
            en="Restart the conference software",
        ),
        Remedy("amplifier_on", "amplifier", Method.ON, settle_s=40, restarts=False, vi="Bật ampli", en="Amplifier on"),
        Remedy(
            "switch_power_cycle",
            "switch",
            Method.CYCLE,
            vi="Ngắt và cấp lại nguồn switch",
            en="Power-cycle the network switch",
        ),
        Remedy(
            "converter_power_cycle",
            "converter",
            Method.CYCLE,
            vi="Ngắt và cấp lại nguồn bộ chuyển đổi quang điện",
            en="Power-cycle the media converter",
        ),
        Remedy(
            "display_power_cycle",
            "display",
            Method.CYCLE,
            vi="Ngắt và cấp lại nguồn màn hình",
            en="Power-cycle the display",
        ),
        Remedy("display_on", "display", Method.API, settle_s=60, restarts=False, vi="Bật màn hình", en="Display on"),
        Remedy(
            "display_input",
            "display",
            Method.API,
            settle_s=40,
            restarts=False,
            vi="Chọn lại ngõ vào hình của màn hình",
            en="Set the display to its input",
        ),
        Remedy(
            "splitter_power_cycle",
            "splitter",
            Method.CYCLE,
            vi="Ngắt và cấp lại nguồn bộ chia hình",
            en="Power-cycle the splitter",
        ),
        Remedy(
            "room_staged_boot",
            "room",
            Method.STAGED,
            vi="Khởi động lại lần lượt cả phòng",
            en="Restart the whole room, one device after the other",
        ),
        Remedy(
            "board_reboot", "board", Method.API, vi="Khởi động lại bộ giám sát tại phòng", en="Restart the room's agent"
        ),
        Remedy("ups_self_test", "ups", Method.API, vi="Tự kiểm tra ắc quy UPS", en="Let the UPS test its battery"),
        Remedy(
            "codec_unmute",
            "codec",
            Method.API,
            settle_s=40,
            restarts=False,
            trial_only=True,
            vi="Bật micro (chỉ khi kết nối thử)",
            en="Unmute the microphones (in a trial only)",
        ),
        Remedy("amplifier_off", "amplifier", Method.OFF, restarts=False, vi="Tắt ampli", en="Amplifier off"),
        Remedy("light_on", "light", Method.ON, settle_s=120, restarts=False, vi="Bật đèn", en="Lights on"),
        Remedy("light_off", "light", Method.OFF, restarts=False, vi="Tắt đèn", en="Lights off"),
        Remedy("fan_on", "fan", Method.ON, settle_s=900, restarts=False, vi="Bật quạt", en="Fan on"),
        Remedy("fan_off", "fan", Method.OFF, restarts=False, vi="Tắt quạt", en="Fan off"),
    )
}
