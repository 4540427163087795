"""What the agent's shell meets: a slow card, a dead connection, lines that fail, messages that nobody of ours has sent.

Where the agent's own shell does not run, some of them are nothing at all.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tests.prove.sim.chaos import KINDS, Do, Happening, kind, once, window
from tests.prove.sim.clock import EPOCH_S
from tests.prove.sim.crash import KILL
from tests.prove.sim.senses import Lie
from wire import messages as m

if TYPE_CHECKING:
    from tests.prove.sim.world import World

CYCLES = ("codec_power_cycle", "display_power_cycle", "camera_power_cycle")


def _stall(seconds: float, *, intent: bool = False) -> Do:
    def act(world: World) -> None:
        world.card_stall_s, world.stall_intent = seconds, intent

    return act


def _order(action: str, how: str = "good") -> Do:
    return lambda world: world.line.order(action, how)


def _call(lasts_s: float) -> Do:
    return lambda world: world.note(f"call {world.place.start_call(lasts_s, world.now_s)}")


def _call_ends(world: World) -> None:
    world.place.room.advance(world.now_s)


# -- the card is slow


@kind("a call begins while the card stalls", 0.6, 120.0, 900.0)
def _stalled_turn(dice: random.Random, at_s: float, lasts_s: float) -> Sequence[Happening]:
    """The loop stands still in a commit; an order and looks from before and after the call's beginning wait for it."""
    stall_s, joins_s = dice.uniform(12.0, 50.0), dice.uniform(1.0, 11.0)
    return (
        Happening(at_s, "a call begins while the card stalls", _stall(stall_s)),
        Happening(at_s + 0.1, "an order", _order("recheck")),
        Happening(at_s + joins_s, "call", _call(lasts_s)),
        Happening(at_s + dice.uniform(2.0, stall_s), "an order", _order(dice.choice(CYCLES))),
        Happening(at_s + joins_s + lasts_s, "call ends", _call_ends),
    )


@kind("a call begins while an intent is written", 0.6, 120.0, 900.0)
def _stalled_intent(dice: random.Random, at_s: float, lasts_s: float) -> Sequence[Happening]:
    """The order was permitted, and the card takes its time over the intent."""
    stall_s, joins_s = dice.uniform(8.0, 50.0), dice.uniform(2.0, 6.0)
    return (
        Happening(at_s, "a call begins while an intent is written", _stall(stall_s, intent=True)),
        Happening(at_s + 0.1, "an order", _order(dice.choice(CYCLES))),
        Happening(at_s + joins_s, "call", _call(lasts_s)),
        Happening(at_s + joins_s + lasts_s, "call ends", _call_ends),
        Happening(at_s + joins_s + lasts_s, "card is quick again", _stall(0.0)),
    )


@kind("a secret meeting is lost in a flood", 0.4, 1200.0, 3000.0)
def _flood(dice: random.Random, at_s: float, lasts_s: float) -> Sequence[Happening]:
    """A broker hands out hundreds of messages while the card stalls, and among them the document that matters."""
    stall_s = dice.uniform(20.0, 50.0)
    meeting = m.Meeting("s", "Họp mật", EPOCH_S + at_s + 30.0, EPOCH_S + at_s + lasts_s, False, True)

    def flood(world: World) -> None:
        for _ in range(260):
            world.line.hub.repeat()

    return (
        Happening(at_s, "a secret meeting is lost in a flood", _stall(stall_s)),
        Happening(at_s + 0.1, "an order", _order("recheck")),
        Happening(at_s + 5.0, "a flood of kept documents", flood),
        Happening(at_s + 10.0, "a secret meeting", lambda world: world.line.hub.want(meetings=[meeting])),
        Happening(at_s + lasts_s, "secret meeting ends", lambda world: world.line.hub.want(meetings=[])),
    )


# -- orders at the wrong moment


def _meter_silent(world: World) -> None:
    world.senses.lies["codec.draw_w"] = Lie("silent")


window("the meter is silent", 0.2, 60.0, 600.0)(_meter_silent)(
    lambda world: world.note(f"meter speaks {world.senses.lies.pop('codec.draw_w', None) is not None}")
)


@kind("an order as people join", 0.6, 120.0, 900.0)
def _as_they_join(dice: random.Random, at_s: float, lasts_s: float) -> Sequence[Happening]:
    """The last look has shown nobody, and the next one is a few seconds away. Half of the time the meter is silent."""
    silent = KINDS["the meter is silent"].make(dice, at_s - 60.0, 90.0)
    meter = silent if dice.random() < 0.5 else ()
    return (
        *meter,
        Happening(at_s, "an order as people join", _call(lasts_s)),
        Happening(at_s + dice.uniform(7.2, 9.9), "an order", _order(dice.choice(CYCLES))),
        Happening(at_s + lasts_s, "call ends", _call_ends),
    )


@kind("the same order again", 0.6)
def _again(dice: random.Random, at_s: float, _lasts_s: float) -> Sequence[Happening]:
    """It did not help at once."""
    action = dice.choice(("display_power_cycle", "camera_power_cycle"))
    return (
        Happening(at_s, "the same order again", _order(action)),
        Happening(at_s + dice.uniform(75.0, 165.0), "an order", _order(action)),
    )


# -- the connection


def _stuck(world: World) -> None:
    if world.line.client is not None:
        world.line.client.stuck = True


once("connection falls silent", 0.4, _stuck)


def _freeze(world: World) -> None:
    if world.line.client is not None:
        world.line.client.frozen = True


once("connection's thread stands still", 0.4, _freeze)


@kind("broker's name is never resolved", 0.4)
def _names(_dice: random.Random, at_s: float, _lasts_s: float) -> Sequence[Happening]:
    def hang(world: World) -> None:
        world.line.names_hang = True
        world.line.cut_off()

    return (Happening(at_s, "broker's name is never resolved", hang),)


@kind("order is held back over a reconnect", 0.5)
def _held_back(dice: random.Random, at_s: float, _lasts_s: float) -> Sequence[Happening]:
    action = dice.choice(("light_on", "light_off", "display_power_cycle"))
    return (Happening(at_s, "order is held back over a reconnect", lambda world: world.line.hold_back(action)),)


@window("acks of another epoch", 0.4, 20.0, 90.0)
def _foreign_acks(world: World) -> None:
    world.line.order("recheck", "good")
    world.line.foreign_acks = True
    world.line.acknowledge_others()


@_foreign_acks
def _no_foreign_acks(world: World) -> None:
    world.line.foreign_acks = False


@kind("thief with an old list of keys", 0.4)
def _thief(dice: random.Random, at_s: float, _lasts_s: float) -> Sequence[Happening]:
    """A key was revoked. Who stole it holds the broker too, waits for a restart, and hands out the list of before."""
    gone_s = at_s + dice.uniform(40.0, 90.0)
    tries = [gone_s + 30.0 + n * dice.uniform(15.0, 25.0) for n in range(4)]
    return (
        Happening(at_s, "thief with an old list of keys", lambda world: world.line.hub.renew_keys()),
        Happening(gone_s - 0.1, "broker is the thief's", lambda world: world.line.hub.rob(True)),
        Happening(gone_s, "agent is killed", lambda world: world.die_if_alive(KILL)),
        *(Happening(one_s, "a stolen order", _order("light_on", "stolen")) for one_s in tries),
        Happening(tries[-1] + 20.0, "broker is ours again", lambda world: world.line.hub.rob(False)),
    )


# -- relays and outlets


@kind("relay lines fail in a cycle", 0.5, 10.0, 90.0)
def _lines_fail(dice: random.Random, at_s: float, lasts_s: float) -> Sequence[Happening]:
    """After the cut no line can be driven any more, for a while."""

    def broken(are: bool) -> Do:
        def act(world: World) -> None:
            world.place.lines_broken = are

        return act

    fails_s = at_s + dice.uniform(3.0, 12.0)
    return (
        Happening(at_s, "relay lines fail in a cycle", _order(dice.choice(CYCLES))),
        Happening(fails_s, "relay lines fail", broken(True)),
        Happening(fails_s + lasts_s, "relay lines work again", broken(False)),
    )


@kind("agent is killed in a cycle", 0.5)
def _killed(dice: random.Random, at_s: float, _lasts_s: float) -> Sequence[Happening]:
    """What it has cut is given back by the next start, or by an outlet's own timer."""
    return (
        Happening(at_s, "agent is killed in a cycle", _order(dice.choice(CYCLES))),
        Happening(at_s + dice.uniform(4.0, 14.0), "agent is killed", lambda world: world.die_if_alive(KILL)),
    )


@kind("outlet's word lags", 0.6, 60.0, 600.0)
def _lags(dice: random.Random, at_s: float, lasts_s: float) -> Sequence[Happening]:
    """After a cut it goes on saying for a while that it gives power."""
    lag_s = dice.uniform(5.0, 60.0)

    def lag(seconds: float) -> Do:
        def act(world: World) -> None:
            world.place.outlet_lag_s = seconds

        return act

    return (
        Happening(at_s, "outlet's word lags", lag(lag_s)),
        Happening(at_s + 1.0, "an order", _order(dice.choice(CYCLES))),
        Happening(at_s + lasts_s, "outlet's word is quick again", lag(0.0)),
    )
