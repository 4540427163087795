"""What each act does to a room, and how much it puts at stake: dangerous ones stand apart from harmless ones."""

from __future__ import annotations

import enum
from collections.abc import Iterable

from wire.messages import ActionNow


class Danger(enum.StrEnum):
    """What a person has to think of before ordering it. The least comes first."""

    CALM = "calm"  # a meeting does not notice, or is glad of it
    STOPS = "stops"  # something stops serving for minutes
    POWER = "power"  # something loses power


_EFFECTS = {
    Danger.CALM: {
        "recheck": "recheck", "codec_wake": "wake", "display_on": "switch", "display_input": "switch",
        "light_on": "switch", "light_off": "switch", "fan_on": "switch", "fan_off": "switch", "camera_on": "switch",
        "amplifier_on": "switch", "codec_volume_restore": "switch", "codec_unmute": "switch",
    },
    Danger.STOPS: {
        "codec_restart": "restart", "pc_app_restart": "restart", "codec_settings_restore": "settings",
        "amplifier_off": "sound_off", "board_reboot": "board", "clear_latches": "latches",
    },
    Danger.POWER: {
        "codec_power_cycle": "cycle", "switch_power_cycle": "cycle", "converter_power_cycle": "cycle",
        "display_power_cycle": "cycle", "camera_power_cycle": "cycle", "splitter_power_cycle": "cycle",
        "room_staged_boot": "staged", "ups_self_test": "battery",
    },
}  # fmt: skip


def danger(action: str) -> Danger:
    """How dangerous an act is. One that is new here, of a newer room, is taken for the worst."""
    return next((one for one, acts in _EFFECTS.items() if action in acts), Danger.POWER)


def effect(action: str) -> str:
    """The catalogue key that says what an act does."""
    return f"effect.{_EFFECTS[danger(action)].get(action, 'new')}"


def apart(actions: Iterable[ActionNow]) -> list[tuple[Danger, list[ActionNow]]]:
    """Acts by how dangerous they are, the harmless ones first."""
    offered = list(actions)
    found = [(one, [each for each in offered if danger(each.remedy) is one]) for one in Danger]
    return [(one, acts) for one, acts in found if acts]
