"""The guard near a meeting as it was before, and both guards over the same rooms: what each costs the meetings.

`make prove ARGS="--rules"`. Lean rooms: meetings and trials, one after the other, whose people and MCU dial from 45
minutes before the start to 10 minutes after it; faults of codec, switch, converter and camera, most of them when the
room is needed; lines, lying sensors, somebody who comes, and people who phone the centre when
they are not in. Nothing crashes there.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from multiprocessing import get_context
from typing import Any
from unittest import mock

from agent.core import interlock
from agent.core.facts import Instant
from agent.core.reasons import Decision, Reason, refused_if
from agent.core.remedies import Load, Remedy
from agent.core.state import RoomState
from tests.prove.account import Account
from tests.prove.invariants import INVARIANTS
from tests.prove.rooms import Result, simulate
from tests.prove.sim import troubles
from tests.prove.sim.chaos import DAY_S, KINDS, Happening, calm
from tests.prove.sim.crash import Plan

BEFORE, NOW = "before", "now"
GAP_S, LEAD_S, LASTS_S = (3600.0, 21_600.0), (3000.0, 7200.0), (1200.0, 5400.0)
"""Between two meetings, from the plan to the start, and of a meeting: some four a day."""
FAULTS = 0.3
"""In so many meetings something fails when the room is needed. More often than any real room, and yet not so often that
the day's budgets of the loads decide, and not the rule."""
TRIALS = 0.15
A_DAY = {
    "codec hangs softly": 0.3, "codec hangs hard": 0.2, "codec switches itself off": 0.1, "camera hangs": 0.2,
    "switch hangs": 0.1, "converter hangs": 0.1, "registration is stuck": 0.1, "conference software closes": 0.2,
    "ring down": 0.5, "a sensor lies": 1.0, "somebody comes": 6.0,
}  # fmt: skip
"""Troubles besides those that come with the meetings."""
NEAR_S = 900.0


def _as_before(
    remedy: Remedy, load: Load, state: RoomState, now: Instant, *, ordered: bool, grave: bool, confirmed: bool
) -> Decision:
    """Nothing in the call's path from 15 minutes before a meeting or a trial until its end, whoever asks."""
    del remedy, load, ordered, grave, confirmed
    meetings = state.policy.meetings
    if meetings and not now.synced:
        return Decision(Reason.CLOCK_UNKNOWN)
    near = any(one.start_s - NEAR_S <= now.wall_s < one.end_s for one in meetings)
    return refused_if(near, Reason.MEETING_NEAR)


RULES: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    BEFORE: lambda: mock.patch.object(interlock, "meeting_spared", _as_before),
    NOW: nullcontext,
}


def story(seed: int, days: float) -> list[Happening]:
    """What happens in one of these rooms, whatever its agent does."""
    dice = random.Random(f"{seed} meetings")
    found: list[Happening] = []
    at_s = dice.uniform(*GAP_S)
    while True:
        start_s, lasts_s = at_s + dice.uniform(*LEAD_S), dice.uniform(*LASTS_S)
        if start_s + lasts_s > days * DAY_S - 600.0:
            break
        found += troubles.a_meeting(dice, at_s, start_s, lasts_s, trial=dice.random() < TRIALS, fault_chance=FAULTS)
        at_s = start_s + lasts_s + dice.uniform(*GAP_S)
    for name, a_day in A_DAY.items():
        mean = a_day * days
        for _ in range(int(mean) + (dice.random() < mean - int(mean))):
            kind = KINDS[name]
            lasts_s = dice.uniform(kind.shortest_s, kind.longest_s)
            found += kind.make(dice, dice.uniform(600.0, days * DAY_S - lasts_s - 60.0), lasts_s)
    end_s = days * DAY_S
    return [*(one for one in found if one.at_s < end_s), Happening(end_s, "calm", calm)]


def under(rule: str, seed: int, days: float) -> Result:
    """One room under one of the rules."""
    with RULES[rule]():
        return simulate(seed, days, plan=Plan(), script=story(seed, days), calm_s=0.0, real=False)


def _each(rule: str, rooms: Sequence[tuple[int, float]], processes: int) -> Iterator[Result]:
    jobs = [(rule, seed, days) for seed, days in rooms]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(under, *zip(*jobs, strict=True), chunksize=4)


def compared(rooms: Sequence[tuple[int, float]], processes: int) -> dict[str, Any]:
    """The figures of both rules, and how many of the same joins came sooner or later by the rule of now."""
    accounts = {rule: Account() for rule in RULES}
    for rule, account in accounts.items():
        for result in _each(rule, rooms, processes):
            # These rooms end in mid-trouble: nothing is promised of their end.
            result.violations = [one for one in result.violations if INVARIANTS[one.invariant].when != "end"]
            account.add(result)
    figures: dict[str, Any] = {rule: account.as_dict([], 0.0) for rule, account in accounts.items()}
    delays = {
        rule: {(one.room, one.meeting, one.who): one.delay_s for one in account.joins if not one.trial}
        for rule, account in accounts.items()
    }
    both = delays[BEFORE].keys() & delays[NOW].keys()
    figures["joins_sooner"] = sum(delays[NOW][one] < delays[BEFORE][one] for one in both)
    figures["joins_later"] = sum(delays[NOW][one] > delays[BEFORE][one] for one in both)
    return figures


ROWS = (
    "room_days", "meetings", "meeting_minutes_lost", "joins", "joins_delayed", "joins_missed", "joins_disturbed",
    "joins_disturbed_by_an_order", "joins_into_a_restart", "acts", "needless_acts",
    "acts_in_a_call", "violations", "cpu_s",
)  # fmt: skip


def text(figures: dict[str, Any]) -> str:
    """The comparison for people."""
    lines = [f"{'':28}{BEFORE:>12}{NOW:>12}"]
    lines += [f"{row:28}{figures[BEFORE][row]:>12}{figures[NOW][row]:>12}" for row in ROWS]
    lines.append("minutes of meetings lost, by cause:")
    causes = {rule: figures[rule]["meeting_minutes_lost_by_cause"] for rule in RULES}
    lines += [
        f"  {cause:50}{causes[BEFORE].get(cause, 0.0):>10}{causes[NOW].get(cause, 0.0):>10}"
        for cause in sorted({*causes[BEFORE], *causes[NOW]})
    ]
    lines.append(
        f"of the same joins {figures['joins_sooner']} came sooner and {figures['joins_later']} later by the rule of now"
    )
    for rule in RULES:
        lines += [f"  {rule}: seed {one['seed']}: {one['invariant']}: {one['what']}" for one in figures[rule]["broken"]]
    return "\n".join(lines)
