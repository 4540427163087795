"""What the codec hears with, and how loud it is in the room. Levels in dBC, all [J]; the limit of noise is 50 dBC."""

from __future__ import annotations

from dataclasses import dataclass

QUIET_DBC = 42.0
TALK_DBC = 62.0
"""At the table while a call is up."""
HOWL_DBC = 97.0


@dataclass(slots=True)
class Microphone:
    """The microphone on the table, with its cable or its receiver in the codec's socket. Whether it is muted is kept
    by the codec."""

    plugged: bool = True
    """What the codec counts."""
    charged: bool = True
    """The battery of a wireless one; without it the receiver is counted all the same, and nobody is heard."""
    at_loudspeaker: bool = False
    """It stands too close to a loudspeaker: what it hears comes back louder."""
