"""What the customer was promised, in numbers: the proof reads them here, and nowhere in the code that it judges.

A limit that is loosened in the agent by mistake moves nothing here, so the simulation notices. One that is changed on
purpose is changed twice; `test_promised.py` says where the two differ.

Sources: the customers' own guards on automation (three minutes between restarts of electronics, two cycles an hour and
then a person, nothing switched on while it condenses), `docs/safety.md`, and the devices' papers for boot times.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

# -- what is known of a call

WITNESS_S = 5.0
"""A witness that denies a call was asked within this before the act; one that was asked earlier may have missed it."""
CALL_GRACE_S = 60.0
"""A codec that has spoken of a call and fallen silent is taken to be in it for so long, whatever its meter says."""
CALL_DRAW_W = 40.0
"""The rooms' codec draws at least this in a call, by the technician's calibration."""

# -- meetings

MEETING_NEAR_S = 900.0
"""From so long before a meeting only what leaves the room without it may be restarted."""
READY_BEFORE_S = 300.0
"""Whatever is restarted serves again so long before the start."""
TWO_LOOKS_S = 20.0
"""Until a device that serves again has been seen to do so: two looks."""
THREE_LOOKS_S = 10.0
"""From the first to the third look that show a codec useless, at the least."""
ENDS_MEETING = frozenset({"codec_hung", "codec_no_power", "room_network_lost", "uplink_lost"})
"""Faults that leave a room without its meeting: its codec hangs or has no power, or its network is lost."""
CONFIRMED_GOOD_S = 180.0
"""For so long the word of a named person counts that there is no picture and no sound."""

# -- relays and supply

STAGGER_S = 2.0
"""Between two moves of relays, and between two inrush currents."""
RESTORE_S = 5.0
"""A load has its power back this long after its off time at most, and after a start of the agent."""
OUTLET_RETRY_S = 40.0
"""An outlet that could not be reached is tried again within this."""
MAINS_CALM_S = 60.0
MAINS_LOW_V, MAINS_HIGH_V = 198.0, 242.0
HUMID_PCT = 85.0
DEW_MARGIN_C = 3.0
"""A surface less than this above the dew point may be wet."""
UPGRADE_MAX_S = 3600.0
"""A codec that took new firmware when it was last heard counts as taking it for so long."""

# -- crashes, faults, secrecy

CRASHES_MAX, CRASH_WINDOW_S = 5, 600.0
SETTLED_S = 3600.0
"""Once troubles stop, every fault is clear or with a person within this."""
ACTED_WITHIN_S = 300.0
"""A codec that hangs in a room that may be acted upon is acted upon within this."""
ACTED_AFTER_START_S = 1200.0
"""The same while the room returns from a loss of power, stage by stage."""
ACTED_AGAIN_S = 2700.0
"""The same when everything was tried lately: a fault that was given to a person is tried again after half an hour."""
SHED_BACK_S = 2700.0
"""What was switched off for an outage is on again so long after it: the calm wait, and each stage at its slowest."""
HEARD_WITHIN_S = 1200.0
"""While the way to the hub works, what the room has to tell is with the hub within this."""
LEASE_S = 300.0
"""The hub's word on an act of the room's own holds for so long."""
SECRET_MARGIN_S = 900.0
"""No sound is measured from so long before a secret meeting until so long after it."""


@dataclass(frozen=True, slots=True)
class Promise:
    """Of one load. Seconds and counts."""

    hold_on_s: float = 180.0
    """Shortest time between two restarts: three minutes for electronics."""
    off_s: float = 15.0
    """How long a cycle keeps it without power."""
    boot_s: float = 60.0
    """How long it takes to serve again, as far as nobody has measured it."""
    an_hour: int = 3
    a_day: int = 6
    """Most restarts of any kind."""
    cycles_an_hour: int = 2
    cycles_a_day: int = 3
    """Most relay cycles: two an hour, then a person."""
    call_path: bool = True
    """A call dies with it."""
    may_stay_off: bool = False
    fed_by: tuple[str, ...] = ()
    """Loads that give it power or network."""


_LAMP = Promise(10.0, 2.0, 1.0, 30, 100, 30, 100, call_path=False, may_stay_off=True)

LOADS: dict[str, Promise] = {
    "codec": Promise(off_s=30.0, boot_s=150.0, fed_by=("switch",)),
    "switch": Promise(boot_s=45.0),
    "converter": Promise(boot_s=30.0, an_hour=1, a_day=3),
    "display": Promise(boot_s=20.0),
    "splitter": Promise(boot_s=10.0),
    "camera": Promise(boot_s=40.0),
    "pc": Promise(boot_s=60.0),
    "amplifier": Promise(hold_on_s=60.0, off_s=5.0, boot_s=5.0, call_path=False, may_stay_off=True),
    "light": _LAMP,
    "fan": _LAMP,
    "room": Promise(hold_on_s=900.0, boot_s=300.0, an_hour=1, a_day=2),
    "ups": Promise(hold_on_s=3600.0, boot_s=60.0, an_hour=1, a_day=1),
    "board": Promise(hold_on_s=21_600.0, boot_s=90.0, an_hour=1, a_day=3),
}
CALL_PATH = frozenset(name for name, load in LOADS.items() if load.call_path)

# -- what a reading is worth


@dataclass(frozen=True, slots=True)
class Told:
    """Of one fact that a promise is about: how long a reading supports a decision, and what is possible at all."""

    fresh_s: float = 35.0
    """Three looks and a margin."""
    low: float = -math.inf
    high: float = math.inf


FACTS: dict[str, Told] = {
    "codec.in_call": Told(),
    "codec.upgrading": Told(),
    "codec.draw_w": Told(low=0.0, high=2500.0),
    "ups.on_battery": Told(),
    "env.temp_c": Told(95.0, -20.0, 80.0),
    "env.rack_temp_c": Told(95.0, -20.0, 110.0),
    "env.humidity_pct": Told(95.0, 0.0, 100.0),
}


def dew_point_c(air_c: float, humidity_pct: float) -> float:
    """Temperature at which the air's water settles (Magnus' formula over water, WMO No. 8)."""
    gamma = math.log(max(humidity_pct, 0.1) / 100.0) + 17.62 * air_c / (243.12 + air_c)
    return 243.12 * gamma / (17.62 - gamma)
