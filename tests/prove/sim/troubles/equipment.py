"""The codec and the other devices fail in ways that the agent can heal, or cannot."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sim.physics import Hang
from tests.prove.sim.chaos import KINDS, Do, Happening, kind, once, window

if TYPE_CHECKING:
    from tests.prove.sim.world import World


def _hang(how: Hang) -> Do:
    def act(world: World) -> None:
        if world.place.codec.serving(world.now_s):
            world.place.codec.hang = how
            world.fault_begins(f"codec_hung, {how}", "codec")

    return act


once("codec hangs softly", 2.0, _hang(Hang.SOFT))
once("codec hangs hard", 1.5, _hang(Hang.HARD))


def _latched(load: str) -> Do:
    def act(world: World) -> None:
        world.place.room.devices[load].latched = True
        if load == "codec":
            world.fault_begins("codec_no_power", "codec")

    return act


@kind("codec hangs again when it has booted", 0.5)
def _hang_again(dice: random.Random, at_s: float, _lasts_s: float) -> Sequence[Happening]:
    """What made it hang is still there: it hangs a while after the restart, too."""
    again_s = dice.uniform(240.0, 900.0)
    return (
        Happening(at_s, "codec hangs", _hang(dice.choice((Hang.SOFT, Hang.HARD)))),
        Happening(at_s + again_s, "codec hangs again", _hang(Hang.SOFT)),
    )


@kind("firmware is written", 0.4, 300.0, 1500.0)
def _upgrade(dice: random.Random, at_s: float, lasts_s: float) -> Sequence[Happening]:
    """The codec says so, falls silent for a while, and serves again. Losing its power meanwhile destroys it."""
    silent_s = dice.uniform(60.0, lasts_s / 2)

    def begin(world: World) -> None:
        codec = world.place.codec
        codec.upgrading = codec.serving(world.now_s) and not codec.in_call

    def silent(world: World) -> None:
        codec = world.place.codec
        if codec.upgrading and codec.serving(world.now_s):
            codec.ready_at_s = world.now_s + lasts_s - silent_s

    def end(world: World) -> None:
        world.place.codec.upgrading = False

    return (
        Happening(at_s, "firmware is written", begin),
        Happening(at_s + silent_s, "codec falls silent", silent),
        Happening(at_s + lasts_s, "firmware is written no more", end),
    )


@kind("relay has welded", 0.3, 1200.0, 5400.0)
def _welded(dice: random.Random, at_s: float, lasts_s: float) -> Sequence[Happening]:
    """A contact opens no more, and what hangs on it is wanted off: the codec, mostly, which hangs."""
    load = dice.choice(("codec", "codec", "display", "camera"))

    def weld(world: World) -> None:
        world.place.welded = frozenset({load})

    def loose(world: World) -> None:
        world.place.welded = frozenset()

    wanted = KINDS["codec hangs hard"].make(dice, at_s + 5.0, 0.0) if load == "codec" else ()
    return Happening(at_s, "relay has welded", weld, load), *wanted, Happening(at_s + lasts_s, "relay is new", loose)


once("codec switches itself off", 0.7, _latched("codec"))


def _hung(load: str, fault: str) -> Do:
    def act(world: World) -> None:
        world.place.room.devices[load].hung = True
        world.fault_begins(fault, load)

    return act


once("camera hangs", 0.7, _hung("camera", "camera_missing"))
once("switch hangs", 0.7, _hung("switch", "room_network_lost"))
once("converter hangs", 0.7, _hung("converter", "uplink_lost"))


def _unregister(world: World) -> None:
    world.place.codec.registration_stuck = True


once("registration is stuck", 0.7, _unregister)


def _mute(world: World) -> None:
    world.place.codec.volume_pct = 0


once("volume is turned down", 0.7, _mute)


def _close_app(world: World) -> None:
    world.place.pc_app = False


once("conference software closes", 0.5, _close_app)


def _sleep(world: World) -> None:
    world.place.codec.standby = not world.place.codec.in_call


once("codec goes to sleep", 1.0, _sleep)


@kind("a surge", 0.3)
def _surge(dice: random.Random, at_s: float, _lasts_s: float) -> Sequence[Happening]:
    """Lightning on the line: much fails within seconds."""
    names = ("codec switches itself off", "camera hangs", "switch hangs", "converter hangs")
    failing = dice.sample(names, k=dice.randint(2, 4))
    return [one for name in failing for one in KINDS[name].make(dice, at_s + dice.uniform(0.0, 20.0), 0.0)]


@window("codec is dead", 0.15, 1800.0, 5400.0)
def _dead(world: World) -> None:
    world.place.codec.dead = True


@_dead
def _replaced(world: World) -> None:
    world.place.codec.dead = False
    world.place.codec.power(False, world.now_s - 60.0)
    world.place.room.advance(world.now_s)


@window("microphone is pulled", 0.3, 300.0, 1800.0)
def _mic_out(world: World) -> None:
    world.place.mic = False


@_mic_out
def _mic_in(world: World) -> None:
    world.place.mic = True
