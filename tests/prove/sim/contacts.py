"""What the agent's own relay code drives in a simulated room: lines of the board, outlets of the network, devices."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from agent.config.channel import RelayConfig
from agent.core.facts import Reading
from agent.core.interlock import WITNESSES
from agent.core.remedies import Method
from agent.devices.power._outlets import OutletState, Rest
from agent.ports import LATE, Asked, InTime, Outcome, always
from agent.power.gpio import GpioRelays
from agent.transports.errors import LinkFault
from tests.prove.sim.crash import POWER, Crash
from tests.prove.sim.place import RELAYS
from tests.prove.sim.senses import LOOK_S, LOOK_TAKES_S, SILENT_S, WORDS
from tests.prove.sim.threads import Gone, Stage

if TYPE_CHECKING:
    from tests.prove.sim.real import RealBoard
    from tests.prove.sim.world import World

APIS = frozenset({"codec_restart", "codec_wake", "codec_volume_restore", "pc_app_restart"})
KEYS = {"codec": tuple(sorted(WORDS)), "power": ("codec.draw_w", "mains.voltage_v", "ups.on_battery")}
"""What the loop reports as silent when such a probe does not return."""
ATTEST_S = 4.0
"""A codec that says nothing about a call is waited for so long."""
ANSWER_S = (0.02, 0.4)
"""How long an outlet takes to answer."""


def table(outlets: Collection[str]) -> tuple[RelayConfig, ...]:
    """The room's relays: equipment on normally closed contacts, what may stay off on normally open ones."""
    return tuple(
        RelayConfig(load, family="shelly", uri=f"http://10.0.0.{pin}")
        if load in outlets
        else RelayConfig(load, pin, contact="no" if load in ("light", "fan") else "nc")
        for pin, load in enumerate(sorted(RELAYS), 9)
    )


class Contacts:
    """Relays of one run of the agent, with the harness' account of every movement."""

    def __init__(self, world: World, stage: Stage) -> None:
        self._world, self._stage = world, stage

    def move(self, load: str, on: bool) -> None:
        """A relay of the board moves, by order of the agent."""
        if self._stage.dead:
            raise Gone
        world = self._world
        if world.place.lines_broken:
            raise OSError("the line cannot be driven")
        board = world.board
        order = board.act_on(load) if board is not None else None
        cycled = order is not None and order.remedy.method is Method.CYCLE
        if not on and cycled and order is not None:
            world.restarting(order, float("inf"))
        was_cut = load in world.place.cut_since
        world.relay(load, on)
        if cycled and on and was_cut:
            world.given_back(load)
        if cycled and on != (not was_cut):
            world.cross("act.restored" if on else "act.cut")


class Device:
    """What gpiozero makes of a line."""

    def __init__(self, contacts: Contacts, relay: RelayConfig, energised: bool) -> None:
        self._contacts, self._relay = contacts, relay
        self._value = int(energised)
        contacts.move(relay.load, self._powered(energised))

    def _powered(self, energised: bool) -> bool:
        return energised if self._relay.contact == "no" else not energised

    @property
    def value(self) -> int:
        """The line's level, as energised or not."""
        return self._value

    @value.setter
    def value(self, energised: int) -> None:
        self._contacts.move(self._relay.load, self._powered(bool(energised)))
        self._value = int(energised)


class Lines(GpioRelays):
    """The agent's own relay board code over simulated lines."""

    contacts: Contacts

    def _claim(self, relays: tuple[RelayConfig, ...], off: frozenset[str], factory: object) -> None:
        del factory
        self.contacts._world.cross("start.before_power")
        for relay in relays:
            powered = relay.load not in off
            self._devices[relay.load] = Device(self.contacts, relay, powered if relay.contact == "no" else not powered)
        self.contacts._world.cross("start.powered")


class Outlet:
    """An outlet of the network. It lives on when the board dies, and its own timer with it."""

    def __init__(self, world: World, load: str, *, gives_back: bool) -> None:
        self._world, self._load = world, load
        self.gives_back = gives_back
        self._timer = 0
        self._timer_at_s = float("-inf")

    def look(self, timeout_s: float) -> OutletState:
        self._answer(timeout_s)
        left_s = self._timer_at_s - self._world.now_s
        return OutletState(on=self._says_on(), timer_s=left_s if left_s > 0 else None)

    def _says_on(self) -> bool:
        """Its word, which may lag behind its relay."""
        since_s = self._world.place.cut_since.get(self._load)
        return since_s is None or self._world.now_s - since_s < self._world.place.outlet_lag_s

    def give(self, timeout_s: float) -> None:
        self._answer(timeout_s)
        self._timer += 1
        self._timer_at_s = float("-inf")
        self._on()

    def cut(self, give_back_s: float | None, timeout_s: float) -> None:
        self._answer(timeout_s)
        world, load = self._world, self._load
        self._timer += 1
        if load not in world.place.cut_since:
            board = world.board
            order = board.act_on(load) if board is not None else None
            if order is not None and order.remedy.method is Method.CYCLE:
                world.restarting(order, float("inf"))
            world.relay(load, False)
        if give_back_s is not None and self.gives_back:
            timer, self._timer_at_s = self._timer, world.now_s + give_back_s
            world.later(give_back_s, lambda: self._flip(timer))
        world.cross("act.cut")

    def rests(self, timeout_s: float) -> Rest:
        self._answer(timeout_s)
        return Rest.ON

    def close(self) -> None:
        """Nothing to let go of."""

    def _flip(self, timer: int) -> None:
        if timer == self._timer:
            self._timer_at_s = float("-inf")
            self._on()

    def _on(self) -> None:
        if self._load in self._world.place.cut_since:
            self._world.relay(self._load, True)
            self._world.given_back(self._load)

    def _answer(self, timeout_s: float) -> None:
        world, stage = self._world, self._world.stage
        assert stage is not None
        if not world.place.room.gateway_up():
            stage.sleep(timeout_s)
            raise LinkFault("timeout")
        stage.sleep(world.dice.uniform(*ANSWER_S))


class Devices:
    """Orders over the devices' control interfaces."""

    remedies = APIS

    def __init__(self, board: RealBoard) -> None:
        self._board = board

    def perform(self, remedy: str, in_time: InTime = always) -> Outcome:
        """A silent device may still have heard the order: then nobody knows (no `sent` in the proof)."""
        board = self._board
        world, stage = board.world, board.stage
        if not in_time():
            return Outcome(ok=False, reason=LATE, proof={"sent": False})
        order = board.ordered(remedy)
        taken = world.obey(order)
        world.cross("act.sent")
        if taken and world.dice.random() < 0.9:
            stage.sleep(0.3)
            outcome = Outcome(ok=True)
        else:
            stage.sleep(6.0)
            outcome = Outcome(ok=False, reason="timeout", proof={} if taken else {"sent": False})
        world.cross("act.ended")
        return outcome


class SimProbe:
    """One probe of the simulated room, in the rhythm of its own thread of the loop."""

    deadline_s = 20.0

    def __init__(self, name: str, board: RealBoard) -> None:
        self.name = name
        self.keys = KEYS.get(name, ())
        self.period_s = LOOK_S[name]
        self._board = board
        self._first = True

    def observe(self) -> Mapping[str, Reading]:
        """As `World` looks for a room whose loop is the harness' own."""
        board = self._board
        world, stage = board.world, board.stage
        if self._first:
            self._first = False
            stage.sleep(world.dice.uniform(0.2, self.period_s))
        sweep_s = world.place.sweep_s if self.name == "codec" else 0.0
        before_s = world.dice.uniform(0.0, sweep_s)
        stage.sleep(before_s)
        readings, asked_s = self._look()
        if self.name == "codec" and readings.get("codec.api") is not True:
            stage.sleep(SILENT_S)
        elif self.name in LOOK_TAKES_S:
            stage.sleep(max(world.dice.uniform(0.05, LOOK_TAKES_S[self.name]), sweep_s - before_s))
        world.told(readings, world.clock.true_s(asked_s))
        return Asked(readings, {key: asked_s for key in readings if key in WITNESSES})

    def _look(self) -> tuple[dict[str, Reading], float]:
        board = self._board
        if not board.world.place.room.backed():
            crash = Crash("no supply", POWER)
            board.stage.fall(crash)
            raise crash
        return board.world.look(self.name)[1], board.stage.mono_s()

    def attest(self) -> Mapping[str, Reading]:
        """Only what it knows of a call. Of probes that know nothing of one it is never asked."""
        world, stage = self._board.world, self._board.stage
        readings, asked_s = self._look()
        said = {key: readings[key] for key in WITNESSES if key in readings}
        stage.sleep(ATTEST_S if readings.get("codec.api") is False else world.dice.uniform(0.05, 0.6))
        world.told(said, world.clock.true_s(asked_s))
        return Asked(said, dict.fromkeys(said, asked_s))

    def close(self) -> None:
        """Nothing to let go of."""


class Person:
    """Stands for the probe that hears of somebody at the equipment: nobody is."""

    name = "attended"
    keys: tuple[str, ...] = ()
    period_s = 1e9
    deadline_s = 5.0

    def __init__(self, *_: object) -> None:
        """Takes what the agent's own takes."""

    def observe(self) -> Mapping[str, Reading]:
        """Nothing."""
        return {}

    def close(self) -> None:
        """Nothing to let go of."""
