"""The line to the province, the broker and the hub."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tests.prove.sim.chaos import KINDS, Do, Happening, kind, once, window

if TYPE_CHECKING:
    from tests.prove.sim.world import World


def _line(what: str, up: bool) -> Do:
    def act(world: World) -> None:
        setattr(world.place.room, what, up)
        world.place.room.advance(world.now_s)

    return act


window("ring down", 1.0, 30.0, 1800.0)(_line("ring_up", False))(_line("ring_up", True))
window("hub's machine is off", 0.3, 60.0, 5400.0)(_line("hub_machine", False))(_line("hub_machine", True))
window("cable out", 0.7, 30.0, 900.0)(_line("cable", False))(_line("cable", True))


@kind("ring flaps", 0.4, 200.0, 900.0)
def _flaps(dice: random.Random, at_s: float, lasts_s: float) -> Sequence[Happening]:
    found: list[Happening] = []
    while lasts_s > 0:
        down_s, up_s = dice.uniform(10.0, 60.0), dice.uniform(10.0, 60.0)
        found += KINDS["ring down"].make(dice, at_s, down_s)
        at_s, lasts_s = at_s + down_s + up_s, lasts_s - down_s - up_s
    return found


POISON = (
    b"", b"null", b"[]", b"{", b"\xff\xfe\x00", b'{"v":1}', b'{"v":99,"room":"sim"}', b"[" * 3000, b'"' + b"a" * 70_000,
    b'{"v":1,"room":"sim","version":1e999}', b'{"v":1,"room":"sim","version":-1}', b'{"v":1,"epoch":"sim","seq":-5}',
    b'{"v":1,"epoch":null,"seq":9223372036854775808}', b'{"v":1,"rate_per_s":1e308}', b'{"v":1,"rate_per_s":-3}',
    b'{"v":1,"room":"another","version":999999999}', b'{"v":1,"keys":[{"id":""}]}', b"\x00" * 64,
    b'{"v":1,"room":"sim","boot":"","nonce":"","counter":-1,"action":"codec_power_cycle","by":"x"}',
    b'{"v":1,"room":"sim","meetings":[{"start_s":"soon"}],"version":7}',
)  # fmt: skip
"""Malformed, cut off, far too deep, far too large: none of it may end the agent, and none of it is obeyed."""


@kind("poisoned messages", 0.5, 10.0, 120.0)
def _poison(dice: random.Random, at_s: float, lasts_s: float) -> Sequence[Happening]:
    def send(payload: bytes, leaf: str) -> Do:
        return lambda world: world.line.poison(leaf, payload)

    sent = [(dice.choice(POISON), dice.choice(LEAVES)) for _ in range(12)]
    sent += [(dice.randbytes(dice.randint(1, 200)), dice.choice(LEAVES)) for _ in range(4)]
    return [
        Happening(at_s + dice.uniform(0.0, lasts_s) * (n > 0), "poisoned messages", send(*one))
        for n, one in enumerate(sent)
    ]


LEAVES = ("desired", "command/x1", "ack", "fleet", "keys", "nonsense", "")


def _broker(up: bool) -> Do:
    def act(world: World) -> None:
        world.line.broker_up = up

    return act


window("broker away", 0.8, 20.0, 1800.0)(_broker(False))(_broker(True))


@window("hub away", 0.8, 20.0, 1800.0)
def _hub_away(world: World) -> None:
    world.line.hub.up = False


@_hub_away
def _hub_back(world: World) -> None:
    world.line.hub.restart(world.now_s)


def _new_hub(world: World) -> None:
    world.line.hub.renew(world.now_s)


once("hub begins with a new database", 0.3, _new_hub)
once("night's copy of the hub", 0.5, lambda world: world.line.hub.copy())
once("hub is brought back from its copy", 0.5, _new_hub)


def _hub_crashes(rate: float) -> Do:
    def act(world: World) -> None:
        world.line.hub.crash_rate = rate

    return act


window("hub crashes at commits", 0.5, 600.0, 3600.0)(_hub_crashes(0.3))(_hub_crashes(0.0))
