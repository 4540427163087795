"""Moist air: when water forms on equipment."""

from __future__ import annotations

import math

from agent.core.facts import View
from agent.core.policy import Thresholds

_A = 17.62
_B_C = 243.12
"""Magnus coefficients over water, -45 to 60 °C (WMO-No. 8, annex 4.B)."""


def dew_point_c(temp_c: float, humidity_pct: float) -> float:
    """The temperature at which air of this temperature and relative humidity (1 to 100 %) begins to give off water."""
    gamma = math.log(max(humidity_pct, 1.0) / 100.0) + _A * temp_c / (_B_C + temp_c)
    return _B_C * gamma / (_A - gamma)


def dew_distance_c(view: View) -> float | None:
    """How far the equipment's surface is above the dew point; None where a sensor is missing or silent.

    Running equipment is warm: in the humid season this tells a dry rack from a wet one, and humidity does not.
    """
    air_c, humid_pct = view.number("env.temp_c"), view.number("env.humidity_pct")
    surface_c = view.number("env.rack_temp_c")
    if air_c is None or humid_pct is None or surface_c is None:
        return None
    return surface_c - dew_point_c(air_c, humid_pct)


def condensing(view: View, limits: Thresholds) -> bool | None:
    """Whether water may form: by the surface where its temperature is known, else by humidity. None: not known."""
    distance_c = dew_distance_c(view)
    if distance_c is not None:
        return distance_c < limits.dew_margin_c
    humid_pct = view.number("env.humidity_pct")
    return None if humid_pct is None else humid_pct > limits.humid_pct
