"""Loads and remedies: what can be acted upon, and how. The load owns hold times, the remedy names the act.

Two rules over one codec would otherwise restart and power-cycle it in the same instant.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace


class Method(enum.StrEnum):
    """How an act is performed."""

    API = "api"  # a command over the device's control interface
    CYCLE = "cycle"  # relay: cut, wait off_s, restore
    ON = "on"  # relay: switch on and leave
    OFF = "off"  # relay: switch off and leave; only for loads that may stay off


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
    budget_per_hour: int = 2
    budget_per_day: int = 6
    may_stay_off: bool = False
    """Lights and fans may be off; equipment never stays off."""
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
    restarts: bool = True
    """Whether it takes the load out of service for a while: then call, hold-on and budget guards apply."""
    vi: str = ""
    en: str = ""


LOADS: dict[str, Load] = {
    load.name: load
    for load in (
        Load("codec", in_call_path=True, boot_s=150, upstream=("switch",)),
        Load("switch", in_call_path=True, boot_s=45),
        Load("converter", in_call_path=True, boot_s=30, budget_per_hour=1, budget_per_day=3),
        Load("display", in_call_path=True, boot_s=20),
        Load("camera", in_call_path=True, boot_s=40),
        Load("pc", in_call_path=True, boot_s=60),
        Load("amplifier", in_call_path=False, boot_s=5, off_s=5, hold_on_s=60, may_stay_off=True),
        Load(
            "light",
            in_call_path=False,
            boot_s=1,
            off_s=2,
            hold_on_s=10,
            budget_per_hour=30,
            budget_per_day=100,
            may_stay_off=True,
        ),
        Load(
            "fan",
            in_call_path=False,
            boot_s=1,
            off_s=2,
            hold_on_s=10,
            budget_per_hour=30,
            budget_per_day=100,
            may_stay_off=True,
        ),
    )
}
"""Boot times are first guesses (codec 2 to 5 min [M], others our judgement) until measured in the room."""

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
            vi="Ngắt và cấp lại nguồn bộ chuyển mạch",
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
        Remedy("light_on", "light", Method.ON, settle_s=120, restarts=False, vi="Bật đèn", en="Lights on"),
        Remedy("light_off", "light", Method.OFF, restarts=False, vi="Tắt đèn", en="Lights off"),
        Remedy("fan_on", "fan", Method.ON, settle_s=900, restarts=False, vi="Bật quạt", en="Fan on"),
        Remedy("fan_off", "fan", Method.OFF, restarts=False, vi="Tắt quạt", en="Fan off"),
    )
}


def scaled(load: Load, factor: float) -> Load:
    """The load with every duration multiplied, for demonstrations. Budgets are widened by the same factor."""
    return replace(
        load,
        boot_s=load.boot_s * factor,
        off_s=load.off_s * factor,
        hold_on_s=load.hold_on_s * factor,
    )
