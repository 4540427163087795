"""Numbers that somebody has changed where they stand. The promises have their own (`tests/prove/promised.py`)."""

from __future__ import annotations

from dataclasses import fields, replace

from agent.core import policy, remedies
from agent.core.policy import Guards
from agent.core.remedies import Load
from tests.prove.mutants.base import Patch, mutant
from tests.prove.sim import board


def _guards(**changed: float) -> list[Patch]:
    """Other defaults of the interlock's limits."""
    defaults = tuple(changed.get(field.name, field.default) for field in fields(Guards))
    room = replace(board.POLICY, guards=replace(board.POLICY.guards, **changed))
    return [(Guards.__init__, "__defaults__", defaults), (board, "POLICY", room)]


def _loads(**changed: float) -> list[Patch]:
    """Other values of all equipment in the catalogue."""

    def wrong(load: Load) -> Load:
        return load if load.may_stay_off else replace(load, **changed)  # type: ignore[arg-type]

    catalogue = {name: wrong(load) for name, load in remedies.LOADS.items()}
    room = replace(board.POLICY, loads=catalogue)
    return [(remedies, "LOADS", catalogue), (policy, "LOADS", catalogue), (board, "POLICY", room)]


@mutant("codec hangs hard")
def thirty_cycles_a_day() -> list[Patch]:
    """Every load may be restarted and cycled thirty times a day."""
    return _loads(budget_per_hour=30, budget_per_day=30, cycles_per_hour=30, cycles_per_day=30)


@mutant("the same order again")
def hold_time_of_18_s() -> list[Patch]:
    """Electronics are restarted again after 18 s."""
    return _loads(hold_on_s=18.0)


@mutant("an order as people join")
def witness_of_60_s() -> list[Patch]:
    """Who denies a call may have looked a minute ago."""
    return _guards(witness_s=60.0)


@mutant("camera hangs before a meeting")
def meeting_near_from_90_s() -> list[Patch]:
    """A meeting is near a minute and a half before it begins."""
    return _guards(meeting_near_s=90.0)


@mutant("mains flickers", "codec switches itself off", "orders in haste")
def mains_calm_after_6_s() -> list[Patch]:
    """Mains that were bad six seconds ago are good."""
    return _guards(mains_calm_s=6.0)


@mutant("call, then the codec hangs and drops it")
def call_grace_of_6_s() -> list[Patch]:
    """A codec that falls silent in a call has left it six seconds later."""
    return _guards(call_grace_s=6.0)
