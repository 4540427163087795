"""Sound level of one second of samples: C-weighted, RMS, in dBC. One number comes out; of the sound nothing is kept.

Source: IEC 61672-1:2013, annex E: the C weighting is two poles at 20.6 Hz and two at 12194 Hz, 0.062 dB below 0 dB at
1 kHz. Each is made digital by the bilinear transform, which keeps class 1 at 48 kHz (a test compares with the table).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from agent.core.facts import NoReading, Reading, plausible
from agent.devices.about import About, Tested

KEY = "sound.level_dbc"
ABOUT = About(
    "any microphone that ALSA knows: USB microphones and sound cards",
    (
        Tested(
            "`arecord` into a pipe",
            "the real `arecord` (Debian) with known samples behind an ALSA `file` device",
            "tests/probes/test_sound.py",
        ),
    ),
    facts=(KEY,),
    unseen="Every microphone: without `calibration_dbc` of the room's own the level may be 10 dB off",
)
RATE_HZ = 48_000
SAMPLE_BYTES = 2
"""S16_LE, one channel."""
WINDOW_S = 1.0
WINDOW_BYTES = int(RATE_HZ * WINDOW_S) * SAMPLE_BYTES
SETTLE_S = 0.1
"""Left out at the beginning: a card starts with a click, and the filter swings in with 8 ms."""
FULL_SCALE_RMS = 32768 / math.sqrt(2)
"""Of a sine wave that just fits."""

_LOW_HZ, _HIGH_HZ = 20.598997, 12194.217
_AT_1_KHZ_DB = 0.062
_LOW, _HIGH = (2 * math.pi * hz / (2 * RATE_HZ) for hz in (_LOW_HZ, _HIGH_HZ))
_LOW_POLE, _HIGH_POLE = (1 - _LOW) / (1 + _LOW), (1 - _HIGH) / (1 + _HIGH)
_GAIN = (_HIGH / ((1 + _HIGH) * (1 + _LOW))) ** 2


def weighted_rms(samples: Sequence[int]) -> float:
    """Root mean square of the C-weighted samples after `SETTLE_S`; 0 when there are no more than those."""
    # Both double poles as one biquad each, in transposed direct form II: the loop is the cost of a look.
    a1, a2 = 2 * _LOW_POLE, -_LOW_POLE * _LOW_POLE
    c1, c2 = 2 * _HIGH_POLE, -_HIGH_POLE * _HIGH_POLE
    s1 = s2 = t1 = t2 = total = 0.0
    skip = int(RATE_HZ * SETTLE_S)
    head, tail = samples[:skip], samples[skip:]
    for part in (head, tail):
        total = 0.0
        for x in part:
            y = x + s1
            s1 = -2 * x + a1 * y + s2
            s2 = x + a2 * y
            z = y + t1
            t1 = 2 * y + c1 * z + t2
            t2 = y + c2 * z
            total += z * z
    return _GAIN * math.sqrt(total / len(tail)) if tail else 0.0


def level(samples: Sequence[int], calibration_dbc: float) -> Reading:
    """The level, where a sine wave at full scale has `calibration_dbc`.

    `failed` where there is nothing but one value in the end: no microphone is that silent, so none is there or it is
    off. In the beginning an input without one may still move to its value (0.3 s: thesofproject/sof#686).
    """
    rms, settled = weighted_rms(samples), samples[len(samples) // 2 :]
    if not rms or min(settled) == max(settled):
        return NoReading("failed")
    return plausible(KEY, round(calibration_dbc + 20 * math.log10(rms / FULL_SCALE_RMS) + _AT_1_KHZ_DB, 1))
