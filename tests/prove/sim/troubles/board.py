"""The board: its clock, its power, its card."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tests.prove.sim.chaos import DAY_S, KINDS, Do, Happening, kind, once, window
from tests.prove.sim.crash import KILL, POWER

if TYPE_CHECKING:
    from tests.prove.sim.world import World


@kind("time server away", 0.8, 600.0, 7200.0)
def _no_server(dice: random.Random, at_s: float, lasts_s: float) -> Sequence[Happening]:
    def server(up: bool) -> Do:
        def act(world: World) -> None:
            world.clock.server = up

        return act

    by_s = dice.choice((-3, -1, 1, 3)) * dice.choice((60.0, 3600.0, DAY_S))
    return (
        Happening(at_s, "time server away", server(False)),
        Happening(
            at_s + dice.uniform(50.0, lasts_s), "wall clock is set",
            lambda world: world.note(f"stepped {world.clock.step(by_s, world.now_s)}"), f"{by_s:+.0f} s",
        ),
        Happening(at_s + lasts_s, "time server is back", server(True)),
    )  # fmt: skip


@kind("restarts of before, a power cut, then a hang", 0.25)
def _hang_after_boot(dice: random.Random, at_s: float, _lasts_s: float) -> Sequence[Happening]:
    """What was restarted hours ago is no reason to leave a codec alone after the board has started anew."""
    hard = KINDS["codec hangs hard"]
    found: list[Happening] = []
    for _ in range(dice.choice((1, 2, 2))):
        found += hard.make(dice, at_s, 0.0)
        at_s += dice.uniform(4000.0, 9000.0)
    found.append(Happening(at_s, "board loses power", lambda world: world.die_if_alive(POWER)))
    kind_of = KINDS[dice.choice(("codec hangs softly", "codec hangs hard", "codec switches itself off"))]
    return [*found, *kind_of.make(dice, at_s + dice.uniform(60.0, 900.0), 0.0)]


once("agent is killed", 1.5, lambda world: world.die_if_alive(KILL))
once("board loses power", 1.2, lambda world: world.die_if_alive(POWER))


@kind("agent crashes again and again", 0.2)
def _loop(dice: random.Random, at_s: float, _lasts_s: float) -> Sequence[Happening]:
    return [
        Happening(at_s + n * dice.uniform(30.0, 60.0), "agent is killed again", lambda world: world.die_if_alive(KILL))
        for n in range(8)
    ]


@kind("a restart for an update", 0.3)
def _update(_dice: random.Random, at_s: float, _lasts_s: float) -> Sequence[Happening]:
    return (Happening(at_s, "a restart for an update", lambda world: world.end_in_order()),)


def _pull(what: str) -> Do:
    def act(world: World) -> None:
        setattr(world, what, True)
        world.die_if_alive(POWER)

    return act


once("power is pulled and the database is ruined", 0.1, _pull("ruin_next"))
once("power is pulled from a card that lies", 0.15, _pull("lie_next"))
window("card is cloned", 0.1, 300.0, 1800.0)(lambda world: world.cloned(True))(lambda world: world.cloned(False))
window("card cannot be written", 0.4, 10.0, 900.0)(lambda world: world.card_works(False))(
    lambda world: world.card_works(True)
)
window("card cannot be opened", 0.15, 30.0, 900.0)(lambda world: world.card_there(False))(
    lambda world: world.card_there(True)
)
