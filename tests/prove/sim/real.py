"""One run of the agent with its own service, loop, actuators, publisher, relays and outlets, under simulated time.

Nothing of their logic is repeated here. What they stand on is replaced: threads and queues (`threads`), the broker's
client (`client`), lines, outlets and devices (`contacts`), clock, chance and the service manager.
"""

from __future__ import annotations

import importlib
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast
from unittest import mock

import agent.power.actuators
import agent.power.plug
import agent.power.relays
import agent.probes.attended
import agent.probes.build
import agent.probes.outlet
import agent.runtime.loop
import agent.runtime.probe_threads
import agent.runtime.service
import agent.store.journal_file
import agent.uplink.dial
import agent.uplink.gate
import agent.uplink.publisher
from agent.config.channel import RelayConfig
from agent.config.room import AgentConfig
from agent.core.events import RemedyDone, StartRemedy
from agent.core.facts import Instant
from agent.core.phases import Phase
from agent.core.remedies import Method
from agent.ports import RelayError
from agent.store.base import Batch, Store
from agent.uplink.publisher import BrokerConfig
from agent.uplink.session import Outgoing, Session
from tests.prove.sim import board as light
from tests.prove.sim.card import SimStore
from tests.prove.sim.client import SimClient
from tests.prove.sim.contacts import Contacts, Devices, Lines, Outlet, Person, SimProbe, table
from tests.prove.sim.crash import KILL, Crash
from tests.prove.sim.rest import rests_until_s
from tests.prove.sim.senses import LOOK_S
from tests.prove.sim.threads import Event, Shims, Stage, ended

if TYPE_CHECKING:
    from tests.prove.sim.world import World

OUTLETS: tuple[tuple[str, ...], ...] = ((), ("camera", "display"), ("codec",), ("codec", "display"))
"""What hangs on outlets of the network, in one room or another; the rest hangs on the board's own relays."""
WATCHDOG_S = 60.0
"""`WatchdogSec` of the agent's unit: the service manager kills what has not spoken for so long."""
IDLE_S = 10.0
"""The loop looks round so often where nothing is under way; what arrives wakes it. When something is it ticks."""
BUSY = frozenset({Phase.CONFIRMED, Phase.REMEDYING, Phase.SETTLING})
LEAD = 3.5


class Clock:
    """The board's clocks, as `agent.transports.clock.SystemClock` gives them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.synced = False

    def now(self) -> Instant:
        """The present moment."""
        clock, now_s = self._world.clock, self._world.now_s
        return Instant(clock.mono_s(now_s), clock.wall_s(now_s), self.synced)


@dataclass(slots=True)
class Settings:
    """What the service reads of its configuration, as `agent.config.room.AgentConfig` has it."""

    room: str
    state_dir: str
    relays: tuple[RelayConfig, ...]
    broker: BrokerConfig
    root_key: str
    accept_unsigned: bool = False
    time_scale: float = 1.0
    probes: object = None

    def policy(self, apis: frozenset[str]) -> Any:
        """The harness' own policy: a fully fitted room with a calibrated meter."""
        del apis
        return light.POLICY


class RealBoard:
    """Made when the agent starts; the world dies of the Crash that one of its threads meets."""

    def __init__(self, world: World, parts: Parts) -> None:
        self.world = world
        self.acts: dict[int, StartRemedy] = {}
        """Under way."""
        self.stopping = False
        self.stage = Stage(self._later, lambda: world.clock.mono_s(world.now_s), self._nap_s)
        world.stage = self.stage
        parts.stage, parts.board = self.stage, self
        seals = world.line.hub.seals
        assert seals is not None
        self._fed_s = self.stage.mono_s()
        self._napping_until_s = 0.0
        """Until then the loop's turns are left out, and with them what they would tell the service manager."""
        settings = Settings(
            "sim", str(world.database.parent), table(world.place.outlets), BrokerConfig(host="broker"), seals.root
        )
        try:
            self.service = agent.runtime.service.Service(cast(AgentConfig, settings))
        except RelayError:  # it says so and ends; the service manager starts it again
            raise Crash("relay lines", KILL) from None
        world.cross("start.restored")

    # -- what the harness asks of any board

    @property
    def now(self) -> Instant:
        """What the agent takes for the present."""
        return self.service._clock.now()

    @property
    def synced(self) -> bool:
        """Whether it takes its clock for disciplined."""
        return self.service._clock.synced

    @property
    def room(self) -> Any:
        """The room."""
        return self.service._room

    @property
    def store(self) -> Store:
        """Its journal and outbox."""
        return self.service._store

    @property
    def session(self) -> Session:
        """Its side of the conversation."""
        return self.service._publisher.session

    @property
    def sound_measured(self) -> bool | None:
        """Whether the microphone may be asked just now."""
        return not self.service._loop._gate.closed()

    def act_on(self, load: str) -> StartRemedy | None:
        """The act under way on a load."""
        return next((one for one in self.acts.values() if one.load.name == load), None)

    def ordered(self, remedy: str) -> StartRemedy:
        """The order to a device that is being carried out."""
        return next(one for one in self.acts.values() if one.remedy.name == remedy)

    def _later(self, after_s: float, do: Callable[[], None]) -> None:
        """So many seconds of the board's clock from now."""
        self.world.later(after_s / (1.0 + self.world.clock.drift), do)

    # -- its life

    def begin(self) -> None:
        """Run, until it ends in good order or dies."""
        self.stage.thread(self._run, "loop").start()
        self._watch()

    def _run(self) -> None:
        self.service.run()
        self.world.later(0.0, self.world.ended_in_order, self)

    def stop(self) -> None:
        """The service manager asks it to end."""
        self.stopping = True
        self.service.stop()
        self.world.later(0.5, lambda: self.stage.poke("loop"), self)

    def told_manager(self, message: str) -> bool:
        """What the agent tells the service manager."""
        if message == "WATCHDOG=1":
            self._fed_s = self.stage.mono_s()
        return True

    def _watch(self) -> None:
        now_s = self.stage.mono_s()
        if now_s < self._napping_until_s:
            self._fed_s = max(self._fed_s, min(now_s, self._napping_until_s))
        left_s = self._fed_s + WATCHDOG_S - now_s
        if left_s <= 0 and not self.stopping:
            self.world.ledger.counted["watchdog kills"] += 1
            self.world.die(KILL, "watchdog")
        else:
            self.world.later(max(1.0, left_s), self._watch, self)

    # -- time that is left out

    @property
    def busy(self) -> bool:
        """Whether a second more or less matters to the loop."""
        state = self.room.state
        return bool(
            self.acts
            or state.acts
            or state.staged is not None
            or getattr(state, "waiting", ())
            or any(fault.phase in BUSY for fault in state.faults.values())
            or self.world.place.cut_since.keys() - {"light", "fan", "amplifier"}
        )

    def _nap_s(self, name: str, timeout_s: float) -> float:
        world = self.world
        if name != "loop" and not name.startswith("probe-"):
            return timeout_s
        if world.board is not self:
            return timeout_s
        rest_s = rests_until_s(world, self) - world.now_s
        if name == "loop":
            nap_s = timeout_s if self.busy else max(timeout_s, IDLE_S, rest_s)
            self._napping_until_s = self.stage.mono_s() + nap_s if nap_s > IDLE_S else 0.0
            return nap_s
        probe = name.removeprefix("probe-")
        period_s = LOOK_S.get(probe, 0.0)
        return max(timeout_s, (rest_s - LEAD * period_s) // max(1.0, period_s) * period_s)


class Parts:
    """What the agent's modules find in place of the machine, for the present run of the agent."""

    def __init__(self) -> None:
        self.shims = Shims()
        self.board: RealBoard | None = None

    @property
    def world(self) -> World:
        """Whose room it is."""
        assert self.board is not None
        return self.board.world

    @property
    def stage(self) -> Stage | None:
        """The present run's threads."""
        return self.shims.stage

    @stage.setter
    def stage(self, stage: Stage) -> None:
        self.shims.stage = stage

    def _client(self, _room: str, _config: BrokerConfig, will: Outgoing, **_: object) -> SimClient:
        return SimClient(self.world, self.shims.now, will)

    def _open_store(self, *place: Any) -> Store:
        world = self.world
        store: Store = _open(*place)
        if isinstance(store, SimStore):
            store.crash_at = world.crash_at
            store.on_commit = world.committed
            store.on_ack = world.acknowledged
            store.stall = self._stall
        world.opened(store)
        return store

    def _stall(self, batch: Batch) -> None:
        """The card takes its time: looks and orders wait meanwhile."""
        world, stage = self.world, self.shims.now
        if world.stall_intent and not batch.begun:
            return
        if stage.current is not None and not stage.dead and world.card_stall_s > 0:
            stall_s, world.card_stall_s = world.card_stall_s, 0.0
            world.note(f"card stalls for {stall_s:.0f} s")
            stage.sleep(stall_s)

    def _probes(self, *_: object) -> tuple[list[Any], list[Any]]:
        board = self.board
        assert board is not None
        return [SimProbe(name, board) for name in LOOK_S], [Devices(board)]

    def _lines(self, *arguments: Any) -> Lines:
        Lines.contacts = Contacts(self.world, self.shims.now)
        return Lines(*arguments)

    def _outlet(self, config: RelayConfig) -> Outlet:
        return self.world.place.outlets[config.load]

    def _actuators(self, *arguments: Any, **options: Any) -> Any:
        parts = self

        class Watched(agent.power.actuators.Actuators):
            """The agent's own, with the harness looking on."""

            def start(self, order: StartRemedy, *more: Any, **named: Any) -> None:
                board = parts.board
                assert board is not None
                board.world.cross("act.before")
                board.world.check_act(order)
                if order.remedy.method is not Method.STAGED:
                    board.acts[order.act.act_id] = order
                super().start(order, *more, **named)

        report: Callable[[RemedyDone], None] = arguments[2]

        def reported(done: RemedyDone) -> None:
            assert parts.board is not None
            parts.board.acts.pop(done.act_id, None)
            report(done)

        relays, effectors, _, *rest = arguments
        return Watched(relays, effectors, reported, *rest, **(options | {"sleep": self.shims.sleep}))

    def _loop(self, *arguments: Any, **options: Any) -> Any:
        world = self.world

        class Watched(agent.runtime.loop.Loop):
            """The agent's own, with the harness looking on."""

            def turn(self, *events: Any, **named: Any) -> Any:
                world.ledger.counted["turns"] += 1
                done = super().turn(*events, **named)
                world.check_step()
                return done

        return Watched(*arguments, **options)

    def patches(self, dice: random.Random) -> list[Any]:
        """What to put where."""
        shims = self.shims
        threading, queue, time = shims.threading(), shims.queue(), shims.time()
        fixed = SimpleNamespace(token_hex=lambda count: dice.randbytes(count).hex())
        worker: Any = agent.runtime.probe_threads.Worker
        manager = SimpleNamespace(notify=lambda message: self.board is not None and self.board.told_manager(message))
        put = mock.patch.object
        return [
            *(put(module, "threading", threading) for module in (
                agent.runtime.loop, agent.runtime.probe_threads, agent.power.actuators, agent.uplink.publisher,
                agent.uplink.dial, agent.power.plug, agent.store.journal_file,
            )),
            *(put(module, "queue", queue) for module in (agent.runtime.loop, agent.uplink.publisher)),
            *(put(module, "time", time) for module in (agent.power.relays, agent.runtime.service)),
            put(agent.runtime.probe_threads, "Worker", lambda *a: worker(*a, kick=Event(shims.now))),
            put(agent.uplink.publisher, "random", SimpleNamespace(Random=lambda: random.Random(dice.getrandbits(64)))),
            put(agent.uplink.publisher, "make_room_client", self._client),
            put(agent.power.plug, "Plug", partial(agent.power.plug.Plug, monotonic=shims.monotonic)),
            put(agent.power.relays, "GpioRelays", self._lines),
            put(agent.probes.outlet, "open_outlet", self._outlet),
            put(agent.probes.build, "build_probes", self._probes),
            put(agent.probes.attended, "AttendedProbe", Person),
            put(agent.runtime.service, "Actuators", self._actuators),
            put(agent.runtime.service, "Loop", self._loop),
            put(agent.runtime.service, "MeteringGate", partial(agent.uplink.gate.MeteringGate, shims.monotonic)),
            put(agent.runtime.service, "SystemClock", lambda: Clock(self.world)),
            put(agent.runtime.service, "boot_id", lambda: self.world.clock.boot),
            put(agent.runtime.service, "open_store", self._open_store),
            put(agent.runtime.service, "secrets", fixed),
            put(agent.runtime.service, "sd_notify", manager),
            put(agent.runtime.service, "gc", SimpleNamespace(collect=int, freeze=int)),
        ]  # fmt: skip


_open = importlib.import_module("agent.store.unwritten").open_store


@contextmanager
def real_parts(dice: random.Random) -> Iterator[Parts]:
    """Let the agent's shell run under simulated time while this lasts."""
    parts = Parts()
    with ExitStack() as stack:
        for one in parts.patches(dice):
            stack.enter_context(one)
        stack.enter_context(ended(parts.shims))
        yield parts
