"""Who comes to a meeting, when they dial, how often they try again, and what of the meeting they lose.

People and MCU join between 45 minutes before a meeting and 10 minutes after its start. Whoever dials a codec that does
not serve tries again every 30 to 60 s, until it works or they give up; an MCU never does. After a drop they dial again.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.prove.sim.chaos import Happening
from tests.prove.sim.clock import EPOCH_S
from wire import messages as m

if TYPE_CHECKING:
    from tests.prove.sim.world import World

EARLIEST_S, LATEST_S = -2700.0, 600.0
"""When the first one dials, from the start of the meeting."""
AGAIN_S = (30.0, 60.0)
PATIENCE_S = (600.0, 2400.0)
"""How long people try, from their first try or from the start, whichever is later."""
POLL_S = 10.0
PEOPLE, MCU = "people", "mcu"
PATH = ("switch", "converter", "codec")
"""What has to serve for a call to be possible."""
REGISTERS_S = 15.0
"""How much longer than its network a codec needs until an MCU can call it."""

TRIAL = ", in a trial"
FAULT, OTHER = "a fault", "waiting to dial again"
MENDING, OURS = "a restart of ours that mends", "a restart of ours of what served"


@dataclass(slots=True)
class Joiner:
    """People or the MCU, with dice of their own: they try at the same moments whatever the agent does."""

    who: str
    first_s: float
    dice: random.Random
    patience_s: float = math.inf
    tried_s: float = math.inf
    """Since when they have been trying."""
    delay_s: float = math.inf
    """From the first try until they were in for the first time; infinity: never."""
    inside: bool = False
    into_restart: bool = False
    """A try failed while something of the call's path was out by a restart of ours."""
    disturbed: bool = False
    """A try failed for no other reason than that, by the room's own decision: what was restarted had served."""
    disturbed_by_order: bool = False
    """The same where the centre had ordered it."""
    gave_up: bool = False


@dataclass(slots=True)
class Gathering:
    """One planned meeting, in true seconds, and who comes."""

    meeting: m.Meeting
    joiners: list[Joiner] = field(default_factory=list)
    polled_s: float = math.inf
    lost_s: dict[str, float] = field(default_factory=dict)
    cause: str = FAULT

    @property
    def start_s(self) -> float:
        """True seconds of the simulation."""
        return self.meeting.start_s - EPOCH_S

    @property
    def end_s(self) -> float:
        """True seconds of the simulation."""
        return self.meeting.end_s - EPOCH_S


def gathering(
    dice: random.Random, start_s: float, lasts_s: float, *, earliest_s: float = 0.0, trial: bool = False,
    secret: bool = False,
) -> Gathering:  # fmt: skip
    """A meeting and who comes to it."""
    ident = f"m{dice.getrandbits(32):08x}"
    title = "Kết nối thử" if trial else "Giao ban"
    found = Gathering(m.Meeting(ident, title, EPOCH_S + start_s, EPOCH_S + start_s + lasts_s, trial, secret))
    for who, chance in ((PEOPLE, 0.85), (MCU, 0.5)):
        own = random.Random(dice.getrandbits(64))
        first_s = max(earliest_s, start_s + own.uniform(EARLIEST_S, min(LATEST_S, lasts_s / 2)))
        patience_s = own.uniform(*PATIENCE_S) if who == PEOPLE else math.inf
        if own.random() < chance:
            found.joiners.append(Joiner(who, first_s, own, patience_s))
    return found


def dials(found: Gathering) -> list[Happening]:
    """The first tries."""

    def do(joiner: Joiner) -> Callable[[World], None]:
        return lambda world: world.people.dial(found, joiner)

    return [Happening(one.first_s, "somebody dials", do(one), one.who) for one in found.joiners]


class People:
    """Those of one room."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.gatherings: list[Gathering] = []

    def plan(self, found: Gathering) -> None:
        """The centre plans a meeting."""
        self.gatherings.append(found)
        self._world.line.hub.plan(found.meeting, EPOCH_S + self._world.now_s)

    def dial(self, found: Gathering, joiner: Joiner) -> None:
        """One try."""
        world, now_s = self._world, self._world.now_s
        if now_s >= min(found.end_s, world.chaos_until_s) or joiner.inside:
            return
        joiner.tried_s = min(joiner.tried_s, now_s)
        if found.polled_s == math.inf:
            found.polled_s = now_s
            world.later(POLL_S, lambda: self._watch(found))
        if self._gets_in(found, joiner):
            world.note(f"{joiner.who} are in")
            joiner.inside, joiner.gave_up = True, False
            joiner.delay_s = min(joiner.delay_s, now_s - joiner.tried_s)
            return
        self._blame(joiner)
        if now_s - max(joiner.tried_s, found.start_s) > joiner.patience_s:
            world.note(f"{joiner.who} give up")
            joiner.gave_up = True
            return
        self._again(found, joiner)

    def _again(self, found: Gathering, joiner: Joiner) -> None:
        at_s = self._world.now_s + joiner.dice.uniform(*AGAIN_S)
        self._world.schedule(Happening(at_s, "somebody dials again", lambda _: self.dial(found, joiner), joiner.who))

    def _gets_in(self, found: Gathering, joiner: Joiner) -> bool:
        place, now_s = self._world.place, self._world.now_s
        if place.call_up_s(now_s) >= 0:
            place.room.call_until_s = max(place.room.call_until_s, found.end_s)
            return True
        if joiner.who == MCU and not place.codec.registered(now_s):
            return False
        return place.start_call(found.end_s - now_s, now_s)

    def _blame(self, joiner: Joiner) -> None:
        """Whether a restart of ours has met this try, and whether nothing else stood in its way."""
        place, now_s = self._world.place, self._world.now_s
        ours = [(load, place.out_by_us(load, now_s, REGISTERS_S if joiner.who == MCU else 0.0)) for load in PATH]
        if not any(restart for _, restart in ours):
            return
        joiner.into_restart = True
        stuck = joiner.who == MCU and place.codec.registration_stuck
        whole = all(restart.served if restart else place.serves(load, now_s) for load, restart in ours)
        if whole and place.room.ring_up and not stuck:
            own = any(restart is not None and not restart.ordered for _, restart in ours)
            joiner.disturbed = joiner.disturbed or own
            joiner.disturbed_by_order = joiner.disturbed_by_order or not own

    def _cause(self, found: Gathering) -> str:
        place, now_s = self._world.place, self._world.now_s
        ours = [one for one in (place.out_by_us(load, now_s) for load in PATH) if one]
        if ours:
            found.cause = OURS if any(one.served for one in ours) else MENDING
        elif not (place.room.ring_up and all(place.serves(load, now_s) for load in PATH)):
            found.cause = FAULT
        elif found.cause == FAULT:
            return OTHER
        return found.cause

    def _watch(self, found: Gathering) -> None:
        """Every few seconds from the first try on: is the room in its meeting?"""
        world = self._world
        now_s = min(world.now_s, found.end_s, world.chaos_until_s)
        up = world.place.call_up_s(world.now_s) >= 0
        if not up:
            cause = self._cause(found)
            lost_s = max(0.0, now_s - max(found.polled_s, found.start_s))
            found.lost_s[cause] = found.lost_s.get(cause, 0.0) + lost_s
            for joiner in found.joiners:
                if joiner.inside and world.now_s < found.end_s:
                    world.note(f"{joiner.who} have been dropped")
                    joiner.inside = False
                    self._again(found, joiner)
        found.polled_s = now_s
        if world.now_s < min(found.end_s, world.chaos_until_s):
            world.later(POLL_S, lambda: self._watch(found))


@dataclass(frozen=True, slots=True)
class Join:
    """One joiner's luck, for the account."""

    room: int
    meeting: str
    who: str
    trial: bool
    delay_s: float
    into_restart: bool
    disturbed: bool
    disturbed_by_order: bool


def joins(room: int, people: People) -> list[Join]:
    """Of everybody who tried."""
    return [
        Join(
            room,
            one.meeting.id,
            joiner.who,
            one.meeting.trial,
            joiner.delay_s,
            joiner.into_restart,
            joiner.disturbed,
            joiner.disturbed_by_order,
        )
        for one in people.gatherings
        for joiner in one.joiners
        if joiner.tried_s < math.inf
    ]


def lost_s(people: People) -> dict[str, float]:
    """Seconds of meetings that were lost, by cause; those of trials apart."""
    total: dict[str, float] = {}
    for one in people.gatherings:
        for cause, seconds in one.lost_s.items():
            name = f"{cause}{TRIAL}" if one.meeting.trial else cause
            total[name] = total.get(name, 0.0) + seconds
    return total
