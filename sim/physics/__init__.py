"""A room made of physics: power, devices, network and climate. Time comes in as a parameter; no clock is read here.

All times are monotonic seconds of the caller, all powers watts. A demonstration compresses time by giving shorter boot
times and time constants, never by running the clock faster.
"""

from sim.physics.codec import Codec, CodecProfile, Hang
from sim.physics.device import Device, Profile
from sim.physics.display import Display
from sim.physics.fitting import Fitting
from sim.physics.room import RoomPhysics
from sim.physics.witness import Act, Outage, Witness

__all__ = [
    "Act",
    "Codec",
    "CodecProfile",
    "Device",
    "Display",
    "Fitting",
    "Hang",
    "Outage",
    "Profile",
    "RoomPhysics",
    "Witness",
]
