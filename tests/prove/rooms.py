"""One room from a seed to its result; many rooms on several processes."""

from __future__ import annotations

import logging
import multiprocessing
import random
import tempfile
import time
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import agent.store.journal_file
import agent.store.unwritten
import hub.store.db
from tests.prove.sim import troubles
from tests.prove.sim.card import SimStore
from tests.prove.sim.chaos import Happening
from tests.prove.sim.crash import Plan
from tests.prove.sim.judge import Violation
from tests.prove.sim.ledger import Episode
from tests.prove.sim.people import Join, joins, lost_s
from tests.prove.sim.real import real_parts
from tests.prove.sim.world import World

DAYS = 2.0
"""Days of trouble a room; the liveness phase after them is not counted."""
CALM_S = 5400.0
RATES = (0.3, 0.6, 1.0, 1.5)
"""How troubled a room is, in units of the rates of `chaos`."""
MEMORY = Path("/dev/shm")
REAL_EVERY = 10
"""One room in so many runs the agent's own shell."""


@dataclass(slots=True)
class Result:
    """One room's account, small enough to travel between processes."""

    seed: int
    days: float
    trace_hash: str
    cpu_s: float
    """What the simulation cost; the one thing that no seed decides."""
    deaths: Counter[str] = field(default_factory=Counter)
    acts: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    counted: Counter[str] = field(default_factory=Counter)
    crossed: Counter[str] = field(default_factory=Counter)
    happened: Counter[str] = field(default_factory=Counter)
    """Troubles that came, by kind."""
    needless: Counter[str] = field(default_factory=Counter)
    """Restarts of the room's own of what truly was healthy, by what they were for."""
    in_call: Counter[str] = field(default_factory=Counter)
    lost_s: dict[str, float] = field(default_factory=dict)
    """Seconds of planned meetings that were lost, by cause."""
    joins: list[Join] = field(default_factory=list)
    episodes: list[Episode] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    trace: list[str] = field(default_factory=list)
    """The last of it, when a promise was broken."""


@contextmanager
def seeded(dice: random.Random) -> Iterator[None]:
    """Let every random number of agent and hub come from the dice, and the store be the one that can crash."""
    fixed = SimpleNamespace(token_hex=lambda count: dice.randbytes(count).hex())
    with (
        mock.patch.object(agent.store.journal_file, "secrets", fixed),
        mock.patch.object(agent.store.unwritten, "secrets", fixed),
        mock.patch.object(hub.store.db, "secrets", fixed),
        mock.patch.object(agent.store.unwritten, "SqliteStore", SimStore),
    ):
        yield


def simulate(
    seed: int, days: float = DAYS, *, plan: Plan | None = None, script: list[Happening] | None = None,
    rate: float = 0.0, often: Collection[str] = (), calm_s: float = CALM_S, real: bool | None = None,
) -> Result:  # fmt: skip
    """One room. Without a plan and a script: crashes and troubles by chance.

    `real`: whether the agent's own service, loop, actuators and publisher run, and not the harness' own; None: in every
    tenth seed.
    """
    real = seed % REAL_EVERY == 0 and script is None if real is None else real
    dice, began_s = random.Random(seed), time.process_time()
    logging.disable(logging.CRITICAL)
    with ExitStack() as stack:
        name = stack.enter_context(tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None))
        stack.enter_context(seeded(dice))
        parts = stack.enter_context(real_parts(dice)) if real else None
        happenings = troubles.drawn(dice, days, rate or dice.choice(RATES), often) if script is None else script
        world = World(Path(name), dice, plan or Plan(dice), happenings, days, calm_s, parts)
        try:
            world.run()
        finally:
            world.close()
            logging.disable(logging.NOTSET)
    ledger = world.ledger
    counts = Counter(ledger.counted)
    counts |= Counter(
        {
            "calls": world.place.calls, "calls cut unseen": ledger.blind_cuts, "events": len(ledger.committed),
            "events lost by a lying card": len(ledger.card_lost), "hub crashes": world.line.hub.crashes,
            "messages lost": world.line.up.lost + world.line.down.lost,
            "messages repeated": world.line.up.repeated + world.line.down.repeated,
        }
    )  # fmt: skip
    return Result(
        seed, days, world.trace_hash, time.process_time() - began_s, ledger.deaths, ledger.seen_acts, ledger.refused,
        counts, world.plan.crossed, ledger.happened, ledger.needless, ledger.in_call, lost_s(world.people),
        joins(seed, world.people), world.episodes, world.judge.violations,
        list(world.trace) if world.judge.violations else [],
    )  # fmt: skip


def seeds_of(first: int, room_days: float, days: float = DAYS) -> list[tuple[int, float]]:
    """Seed and days of each room, so that they make up `room_days` together."""
    found: list[tuple[int, float]] = []
    left = room_days
    while left > 1e-9:
        found.append((first + len(found), min(days, left)))
        left -= days
    return found


def many(rooms: Sequence[tuple[int, float]], processes: int) -> Iterator[Result]:
    """All of them, as they are done; every room depends on its own seed alone."""
    if processes <= 1:
        yield from (simulate(seed, days) for seed, days in rooms)
        return
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(simulate, *zip(*rooms, strict=True), chunksize=1)
