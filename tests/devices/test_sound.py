"""The C weighting against its table, and what a level is made of."""

from __future__ import annotations

import math
import random
from array import array

import pytest

from agent.core.facts import NoReading
from agent.devices.sensor.sound import RATE_HZ, SETTLE_S, level, weighted_rms

CLASS_1 = {
    10: (-14.3, 3.0, math.inf), 12.5: (-11.2, 2.5, math.inf), 16: (-8.5, 2.0, 4.0), 20: (-6.2, 2.0, 2.0),
    25: (-4.4, 2.0, 1.5), 31.5: (-3.0, 1.5, 1.5), 40: (-2.0, 1.0, 1.0), 50: (-1.3, 1.0, 1.0), 63: (-0.8, 1.0, 1.0),
    80: (-0.5, 1.0, 1.0), 100: (-0.3, 1.0, 1.0), 125: (-0.2, 1.0, 1.0), 160: (-0.1, 1.0, 1.0), 200: (0.0, 1.0, 1.0),
    250: (0.0, 1.0, 1.0), 315: (0.0, 1.0, 1.0), 400: (0.0, 1.0, 1.0), 500: (0.0, 1.0, 1.0), 630: (0.0, 1.0, 1.0),
    800: (0.0, 1.0, 1.0), 1000: (0.0, 0.7, 0.7), 1250: (0.0, 1.0, 1.0), 1600: (-0.1, 1.0, 1.0),
    2000: (-0.2, 1.0, 1.0), 2500: (-0.3, 1.0, 1.0), 3150: (-0.5, 1.0, 1.0), 4000: (-0.8, 1.0, 1.0),
    5000: (-1.3, 1.5, 1.5), 6300: (-2.0, 1.5, 2.0), 8000: (-3.0, 1.5, 2.5), 10000: (-4.4, 2.0, 3.0),
    12500: (-6.2, 2.0, 5.0), 16000: (-8.5, 2.5, 16.0), 20000: (-11.2, 3.0, math.inf),
}  # fmt: skip
"""IEC 61672-1:2013, table 3 [M]: by nominal frequency the C weighting, and how far above and below it a class 1
meter may be, in dB."""


def exact_hz(nominal: float) -> float:
    """The frequency that the standard's nominal one stands for: a third of an octave from the next."""
    return float(1000 * 10 ** (round(10 * math.log10(nominal / 1000)) / 10))


def sine(hz: float, amplitude: float = 20_000.0, seconds: float = 1.0) -> array[int]:
    count = int(RATE_HZ * seconds)
    return array("h", (round(amplitude * math.sin(2 * math.pi * hz * n / RATE_HZ)) for n in range(count)))


def dbc(samples: array[int], calibration_dbc: float = 120.0) -> float:
    found = level(samples, calibration_dbc)
    assert isinstance(found, float)
    return found


@pytest.mark.parametrize("nominal", CLASS_1)
def test_the_weighting_is_that_of_the_standard(nominal: float) -> None:
    wanted_db, above_db, below_db = CLASS_1[nominal]
    unweighted_dbc = 120 + 20 * math.log10(20_000 / 32_768)
    off_db = dbc(sine(exact_hz(nominal))) - unweighted_dbc - wanted_db
    assert -below_db <= off_db <= above_db


def test_the_table_is_that_of_the_formula() -> None:
    """Annex E of the standard: a slip in the table above would judge the filter wrongly."""
    for nominal, (wanted_db, _, _) in CLASS_1.items():
        f2 = exact_hz(nominal) ** 2
        formula_db = 20 * math.log10(12194.217**2 * f2 / ((f2 + 20.598997**2) * (f2 + 12194.217**2))) + 0.062
        assert wanted_db == pytest.approx(formula_db, abs=0.06)


def test_a_full_sine_has_the_level_of_the_calibration() -> None:
    assert dbc(sine(1000, 32767), 118.0) == pytest.approx(118.0, abs=0.05)


@pytest.mark.parametrize("share", [0.5, 0.1, 0.01])
def test_levels_follow_the_amplitude(share: float) -> None:
    assert dbc(sine(1000, 20_000 * share)) - dbc(sine(1000)) == pytest.approx(20 * math.log10(share), abs=0.11)


def test_independent_sounds_add_by_power() -> None:
    first, second = sine(500, 8000), sine(3000, 8000)
    both = array("h", (a + b for a, b in zip(first, second, strict=True)))
    power = 10 ** (dbc(first) / 10) + 10 ** (dbc(second) / 10)
    assert dbc(both) == pytest.approx(10 * math.log10(power), abs=0.1)


def test_an_offset_of_the_card_is_no_sound() -> None:
    """And one step of the converter is not silence."""
    still = array("h", (5000 + n // 24 % 2 for n in range(RATE_HZ)))
    assert 15 < dbc(still) < 35


def test_a_click_at_the_start_does_not_count() -> None:
    quiet = sine(1000, 100)
    clicked = array("h", quiet)
    clicked[0] = 32767
    assert dbc(clicked) == dbc(quiet)


@pytest.mark.parametrize("value", [0, 7, -32768])
def test_a_microphone_that_says_one_value_is_none(value: int) -> None:
    assert level(array("h", [value] * RATE_HZ), 120.0) == NoReading("failed")


def test_too_few_samples_are_no_level() -> None:
    assert weighted_rms(sine(1000, seconds=SETTLE_S)) == 0.0
    assert level(array("h"), 120.0) == NoReading("failed")


def test_a_level_that_cannot_be_is_garbled() -> None:
    assert level(sine(1000, 32767), 160.0) == NoReading("garbled")


def test_the_loudest_noise_does_not_overflow() -> None:
    dice = random.Random(1)
    loud = array("h", (dice.choice((-32768, 32767)) for _ in range(RATE_HZ)))
    assert 115 < dbc(loud) < 125
