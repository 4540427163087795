"""Calls and meetings, maintenance, and orders from the centre."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sim.physics import Hang
from tests.prove.sim.chaos import KINDS, Do, Happening, kind
from tests.prove.sim.clock import EPOCH_S
from tests.prove.sim.people import dials, gathering

if TYPE_CHECKING:
    from tests.prove.sim.world import World


@kind("call", 6.0, 60.0, 3600.0)
def _call(_dice: random.Random, at_s: float, lasts_s: float) -> Sequence[Happening]:
    def end(world: World) -> None:
        world.place.room.advance(world.now_s)

    return (
        Happening(at_s, "call", lambda world: world.note(f"call {world.place.start_call(lasts_s, world.now_s)}")),
        Happening(at_s + lasts_s, "call ends", end),
    )


@kind("call, then the codec hangs in it", 1.0, 600.0, 3600.0)
def _call_hang(dice: random.Random, at_s: float, lasts_s: float) -> Sequence[Happening]:
    after_s = dice.uniform(15.0, 240.0)
    how = dice.choice((Hang.SOFT, Hang.HARD))

    def hang(world: World) -> None:
        if world.place.codec.serving(world.now_s):
            world.place.codec.hang = how

    return (*_call(dice, at_s, lasts_s), Happening(at_s + after_s, f"codec hangs ({how})", hang))


FAULTS = (
    ("codec hangs softly", 7), ("codec hangs hard", 5), ("codec switches itself off", 2), ("switch hangs", 2),
    ("converter hangs", 2), ("registration is stuck", 2),
)  # fmt: skip
"""What keeps a room from its meeting, by how often."""
FAULT_CHANCE = 0.4
FAULT_S = (-2700.0, 900.0)
"""When such a fault comes, from the start of the meeting: equipment is switched on and used then."""


PHONES = (0, 0, 1, 2)
"""How often in a meeting somebody tells the centre that there is no picture and no sound."""


def _phones(dice: random.Random) -> Do:
    """The centre's operator takes the word for it, and orders. Now and then there is a call all the same, or the word
    is an old one."""
    action = dice.choice(("codec_power_cycle", "codec_power_cycle", "codec_restart", "switch_power_cycle"))
    wrongly, how = dice.random() < 0.15, "confirmed" if dice.random() < 0.85 else "confirmed long ago"

    def act(world: World) -> None:
        if wrongly or world.place.call_up_s(world.now_s) < 0:
            world.line.order(action, how)

    return act


def a_meeting(
    dice: random.Random, at_s: float, start_s: float, lasts_s: float, *, trial: bool = False, secret: bool = False,
    fault_chance: float = FAULT_CHANCE,
) -> Sequence[Happening]:  # fmt: skip
    """A meeting that is planned at `at_s`: who comes, and now and then a fault when the room is needed."""
    found = gathering(dice, start_s, lasts_s, earliest_s=at_s, trial=trial, secret=secret)
    comes: Sequence[Happening] = ()
    if dice.random() < fault_chance:
        name = dice.choices([name for name, _ in FAULTS], [weight for _, weight in FAULTS])[0]
        comes = KINDS[name].make(dice, max(at_s, start_s + dice.uniform(*FAULT_S)), 0.0)
    phones = [
        Happening(start_s + dice.uniform(120.0, 1200.0), "somebody phones the centre", _phones(dice))
        for _ in range(dice.choice(PHONES))
    ]
    return (
        Happening(at_s, "meeting is planned", lambda world: world.people.plan(found)),
        *(
            Happening(start_s - before_s, "meeting is near", _nothing)
            for before_s in (900.0, 300.0)
            if start_s - before_s > at_s
        ),
        *dials(found),
        *comes,
        *phones,
        Happening(start_s + lasts_s, "meeting ends", _nothing),
    )


@kind("meeting", 1.5, 600.0, 5400.0)
def _meeting(dice: random.Random, at_s: float, lasts_s: float) -> Sequence[Happening]:
    return a_meeting(dice, at_s, at_s + dice.uniform(60.0, 5400.0), lasts_s)


@kind("secret meeting", 0.4, 1800.0, 5400.0)
def _secret(dice: random.Random, at_s: float, lasts_s: float) -> Sequence[Happening]:
    """And in most of them the clock is stepped, with or without a time server that holds it."""
    start_s = at_s + dice.uniform(300.0, 3600.0)
    found = [*a_meeting(dice, at_s, start_s, lasts_s, secret=True)]
    by_s = dice.choice((-1, 1)) * dice.choice((1800.0, 3 * 3600.0, 86_400.0))
    step_s = start_s + dice.uniform(60.0, lasts_s - 300.0)
    how = dice.random()
    if how < 0.4:
        found += KINDS["time server away"].make(dice, step_s, dice.uniform(600.0, 1200.0))
    elif how < 0.8:
        found.append(Happening(step_s, "clock is stepped", lambda world: world.clock.mislead(by_s), f"{by_s:+.0f} s"))
        back_s = step_s + dice.uniform(60.0, 900.0)
        found.append(Happening(back_s, "clock is right again", lambda world: world.clock.mislead(0.0)))
    return found


@kind("trial connection", 0.4, 600.0, 2400.0)
def _trial(dice: random.Random, at_s: float, lasts_s: float) -> Sequence[Happening]:
    return a_meeting(dice, at_s, at_s + dice.uniform(60.0, 3600.0), lasts_s, trial=True)


def _nothing(_world: World) -> None:
    """Only so that looks are made around this moment."""


@kind("maintenance", 0.4, 600.0, 3600.0)
def _maintenance(_dice: random.Random, at_s: float, lasts_s: float) -> Sequence[Happening]:
    until_s = EPOCH_S + at_s + lasts_s
    return (
        Happening(at_s, "maintenance", lambda world: world.line.hub.want(maintenance_until_s=until_s)),
        Happening(at_s + lasts_s, "maintenance ends", _nothing),
    )


@kind("call, then the codec hangs and drops it", 0.6, 600.0, 3600.0)
def _call_dropped(dice: random.Random, at_s: float, lasts_s: float) -> Sequence[Happening]:
    """Its last word was of a call, and its draw is that of no call."""

    def hang(world: World) -> None:
        if world.place.codec.serving(world.now_s):
            world.place.room.call_until_s = world.now_s
            world.place.room.advance(world.now_s)
            world.place.codec.hang = Hang.SOFT

    return (*_call(dice, at_s, lasts_s), Happening(at_s + dice.uniform(30.0, 240.0), "codec hangs, call ends", hang))


ORDERS = (
    "codec_restart", "codec_power_cycle", "switch_power_cycle", "display_power_cycle", "light_on", "light_off",
    "fan_on", "amplifier_on", "camera_power_cycle", "recheck", "no_such_thing",
)  # fmt: skip


BUTTONS = ("codec_power_cycle", "codec_wake", "display_power_cycle", "camera_power_cycle", "light_on")


@kind("an order", 5.0)
def _order(dice: random.Random, at_s: float, _lasts_s: float) -> Sequence[Happening]:
    action = dice.choice(ORDERS)
    how = dice.choice(
        ("good", "good", "good", "twice", "retained", "wrong boot", "bad nonce", "old counter", "foreign")
    )
    return (Happening(at_s, "an order", lambda world: world.line.order(action, how), f"{action}, {how}"),)


@kind("orders in haste", 0.7)
def _haste(dice: random.Random, at_s: float, _lasts_s: float) -> Sequence[Happening]:
    """Somebody presses one button after the other."""

    def press(action: str) -> Do:
        return lambda world: world.line.order(action, "good")

    found = []
    for action in dice.choices(BUTTONS, k=4):
        found.append(Happening(at_s, "an order in haste", press(action), action))
        at_s += dice.choice((0.3, 1.0, 5.0, 20.0)) * dice.uniform(0.5, 1.5)
    return found
