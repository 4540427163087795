"""The numbers of the promises and those of the agent agree: a change on purpose is made twice, one by mistake is seen.

The proof itself never reads the agent's; `tests/house/test_proof.py` holds it to that.
"""

from __future__ import annotations

import pytest

from agent.core import remedies
from agent.core.air import dew_point_c
from agent.core.facts import FACTS
from agent.core.policy import Guards, Thresholds
from agent.core.secrecy import AFTER_S, BEFORE_S
from tests.prove import promised

GUARDS, LIMITS = Guards(), Thresholds()


@pytest.mark.parametrize("name", remedies.LOADS)
def test_a_load_is_promised_what_the_agent_keeps(name: str) -> None:
    kept, said = remedies.LOADS[name], promised.LOADS[name]
    assert (kept.hold_on_s, kept.off_s, kept.boot_s) == (said.hold_on_s, said.off_s, said.boot_s)
    assert (kept.budget_per_hour, kept.budget_per_day) == (said.an_hour, said.a_day)
    assert (kept.cycles_per_hour, kept.cycles_per_day) == (said.cycles_an_hour, said.cycles_a_day)
    assert (kept.in_call_path, kept.may_stay_off, kept.upstream) == (said.call_path, said.may_stay_off, said.fed_by)


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        (GUARDS.witness_s, promised.WITNESS_S),
        (GUARDS.call_grace_s, promised.CALL_GRACE_S),
        (GUARDS.meeting_near_s, promised.MEETING_NEAR_S),
        (GUARDS.stagger_s, promised.STAGGER_S),
        (GUARDS.mains_calm_s, promised.MAINS_CALM_S),
        (GUARDS.upgrade_max_s, promised.UPGRADE_MAX_S),
        (LIMITS.mains_low_v, promised.MAINS_LOW_V),
        (LIMITS.mains_high_v, promised.MAINS_HIGH_V),
        (LIMITS.humid_pct, promised.HUMID_PCT),
        (LIMITS.dew_margin_c, promised.DEW_MARGIN_C),
        (BEFORE_S, promised.SECRET_MARGIN_S),
        (AFTER_S, promised.SECRET_MARGIN_S),
    ],
)
def test_a_guard_is_what_was_promised(kept: float, said: float) -> None:
    assert kept == said


@pytest.mark.parametrize("key", promised.FACTS)
def test_a_reading_is_worth_what_the_catalogue_says(key: str) -> None:
    kept, said = FACTS[key], promised.FACTS[key]
    assert kept.fresh_s == said.fresh_s
    assert said.low == (float("-inf") if kept.low is None else kept.low)
    assert said.high == (float("inf") if kept.high is None else kept.high)


@pytest.mark.parametrize(("air_c", "humidity_pct"), [(20.0, 50.0), (31.0, 95.0), (-5.0, 80.0)])
def test_water_settles_where_the_agent_says(air_c: float, humidity_pct: float) -> None:
    assert promised.dew_point_c(air_c, humidity_pct) == pytest.approx(dew_point_c(air_c, humidity_pct))
