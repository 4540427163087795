"""How what happens in a room is drawn beforehand from the dice. The kinds of trouble stand in `troubles`."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from agent.core.phases import Phase
from tests.prove.promised import SETTLED_S

if TYPE_CHECKING:
    from tests.prove.sim.world import World

Do = Callable[["World"], None]
DAY_S = 86_400.0
FOCUS = 12.0


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing at one true moment."""

    at_s: float
    what: str
    do: Do
    detail: str = ""
    kind: str = ""
    """Of the trouble that begins with it."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of trouble: how often a day, how long, and what begins and ends it."""

    name: str
    a_day: float
    shortest_s: float
    longest_s: float
    make: Callable[[random.Random, float, float], Sequence[Happening]]


KINDS: dict[str, Kind] = {}


def kind(name: str, a_day: float, shortest_s: float = 0.0, longest_s: float = 0.0) -> Callable[[_Make], _Make]:
    """Register how a kind of trouble is made: dice, beginning and length to its happenings."""

    def register(make: _Make) -> _Make:
        KINDS[name] = Kind(name, a_day, shortest_s, longest_s, make)
        return make

    return register


_Make = Callable[[random.Random, float, float], Sequence[Happening]]


def window(name: str, a_day: float, shortest_s: float, longest_s: float) -> Callable[[Do], Callable[[Do], None]]:
    """A trouble that begins and ends: decorate what begins it, and give what ends it to the result."""

    def begun(begin: Do) -> Callable[[Do], None]:
        def ended(end: Do) -> None:
            def make(_dice: random.Random, at_s: float, lasts_s: float) -> Sequence[Happening]:
                return Happening(at_s, name, begin), Happening(at_s + lasts_s, f"{name} ends", end)

            KINDS[name] = Kind(name, a_day, shortest_s, longest_s, make)

        return ended

    return begun


def drawn(dice: random.Random, days: float, rate: float = 1.0, often: Collection[str] = ()) -> list[Happening]:
    """Everything that happens in a room in so many days. `rate` multiplies how often; kinds that are to come
    `often` come FOCUS times as often."""
    found: list[Happening] = []
    for one in KINDS.values():
        mean = one.a_day * days * rate * (FOCUS if one.name in often else 1.0)
        count = int(mean) + (dice.random() < mean - int(mean))
        for _ in range(count):
            lasts_s = dice.uniform(one.shortest_s, one.longest_s)
            at_s = dice.uniform(600.0, max(700.0, days * DAY_S - lasts_s - 60.0))
            first, *more = one.make(dice, at_s, lasts_s)
            found += [replace(first, kind=one.name), *more]
    end_s = days * DAY_S
    ends = Happening(end_s, "calm", calm), Happening(end_s + SETTLED_S, "somebody comes in the end", visit)
    return [*(one for one in found if one.at_s < end_s), *ends]


def single(name: str, at_s: float, lasts_s: float, dice: random.Random) -> Sequence[Happening]:
    """One trouble of this kind."""
    return KINDS[name].make(dice, at_s, lasts_s)


def calm(world: World) -> None:
    """Everything that troubles the room from outside ends; what hangs goes on hanging, that is the agent's part."""
    world.senses.lies.clear()
    room = world.place.room
    room.mains.volts, room.mains.breaker, room.ring_up, room.cable = 228.0, True, True, True
    room.hub_machine = True
    room.climate.cooling, room.climate.humidity_pct, room.climate.outdoor_c = True, 66.0, 31.0
    room.wall_switch = True
    world.place.mic, world.place.welded = True, frozenset()
    world.place.codec.upgrading = False
    world.clock.lie_s = 0.0
    world.cloned(False)
    for device in room.devices.values():
        device.dead = False
    world.clock.server = True
    world.line.broker_up = True
    world.line.foreign_acks = world.place.lines_broken = world.stall_intent = False
    world.card_stall_s = world.place.outlet_lag_s = 0.0
    world.line.hub.rob(False)
    world.line.hub.crash_rate = 0.0
    world.plan.active = False
    for post in (world.line.up, world.line.down):
        post.quality.loss = post.quality.twice = post.quality.slow = 0.0
    room.call_until_s = world.now_s
    room.advance(world.now_s)
    world.card_works(True)
    world.card_there(True)
    if not world.line.hub.up:
        world.line.hub.restart(world.now_s)
    world.line.hub.want(meetings=[], maintenance_until_s=0.0)


def visit(world: World) -> None:
    """Somebody comes, because the room has called for a person, puts right what hangs, and tells the centre."""
    board = world.board
    if board is None or any(fault.phase is Phase.ESCALATED for fault in board.room.state.faults.values()):
        world.place.put_right(world.now_s)
    if board is not None and any(load.latched for load in board.room.state.loads.values()):
        world.line.order("clear_latches", "good")  # the centre hears that it has been looked after


def once(name: str, a_day: float, act: Do) -> None:
    """Register a trouble of one moment."""
    KINDS[name] = Kind(name, a_day, 0.0, 0.0, lambda _dice, at_s, _lasts_s: (Happening(at_s, name, act),))


once("somebody comes", 24.0, visit)
