"""A light room: the agent's own engine, journal and session over a room's physics, without sockets to devices.

Everything a hub can see comes out of the same code as in a real room (`agent.runtime.room`, `agent.uplink.session`,
`agent.uplink.report`); only the probes and actuators are short-cut. The clock is the real one, and policy and rules
are shortened (`agent.config.pace`).
"""

from __future__ import annotations

import random
import secrets
from dataclasses import dataclass, replace

import agent.rules
from agent import __version__
from agent.config.pace import shortened, shortened_rules
from agent.core.events import Observed, RemedyDone, StartRemedy, Tick
from agent.core.facts import Instant, NoReading, Observation, Reading, Value
from agent.core.handover import Handover
from agent.core.phases import Phase
from agent.core.policy import Policy, Thresholds, make_policy
from agent.core.remedies import Method
from agent.core.rule import Rule
from agent.core.secrecy import Secrecy
from agent.runtime.room import Room
from agent.runtime.snapshots import Samples, Snapshots
from agent.store.base import Batch
from agent.store.memory import MemoryStore
from agent.uplink.gate import Discretion
from agent.uplink.session import Incoming, Session
from agent.uplink.trust import Trust
from sim import fitout, observe
from sim.physics import Fitting, RoomPhysics
from sim.physics.fitting import NORMALLY_OPEN

POLL_S = 10.0
"""Between two looks, before scaling, as a real room's codec and meter probes."""
CALM = 1.8
"""A room without trouble looks this much less often: still about twice within the freshness of what it saw."""
SLOW_EVERY = 3
"""Air, light, PC, the line's quality and the clock are looked at every third time, as by the real probes."""
SAMPLE_EVERY = 6
"""Every which look becomes history: compressed time would fill the hub's with ten times the rows of a real room."""
API_S = 0.3
"""How long the codec takes to take an order."""
API_TIMEOUT_S = 6.0
"""How long a silent one is waited for, before scaling."""

CALL_DRAW_W = 40.0
RELAYS = frozenset({"codec", "switch", "converter", "display", "splitter", "light", "fan", "amplifier"})
CODEC_APIS = frozenset(
    {"codec_restart", "codec_wake", "codec_volume_restore", "codec_unmute", "codec_settings_restore"}
)
DISPLAY_APIS = frozenset({"display_on", "display_input"})
PHONES = {"centre": "0000 000 001", "carrier": "0000 000 002", "power": "0000 000 003"}
"""Numbers that nobody has."""


class Shared:
    """What light rooms have in common: hundreds of them live in one process, and rooms that are fitted alike share one
    policy."""

    def __init__(self, time_scale: float) -> None:
        self.time_scale = time_scale
        self.rules: tuple[Rule, ...] = shortened_rules(agent.rules.load(), time_scale)
        self._policies: dict[tuple[frozenset[str], frozenset[str]], Policy] = {}

    def policy(self, fitting: Fitting) -> Policy:
        """Relays of the loads that there are; orders that what is there takes."""
        unwatched = frozenset({"codec"}) if fitting.codec == "unwatched" else frozenset()
        relays = RELAYS & fitting.profiles.keys() - unwatched
        apis = DISPLAY_APIS | (CODEC_APIS if fitting.codec == "asked" else frozenset())
        apis |= {"pc_app_restart"} if "pc" in fitting.profiles else frozenset()
        made = self._policies.get((relays, apis))
        if made is None:
            plain = make_policy(relays=relays, apis=apis, thresholds=Thresholds(call_draw_w=CALL_DRAW_W), phones=PHONES)
            made = self._policies[relays, apis] = shortened(plain, self.time_scale)
        return made


KEPT_BYTES = 64 * 1024
"""What a light room keeps of acknowledged events: hundreds of them live in one process."""


class CountingStore(MemoryStore):
    """The memory store, which also counts the events that ever entered its outbox."""

    def __init__(self, epoch: str) -> None:
        super().__init__(epoch, KEPT_BYTES)
        self.sent = 0

    def commit(self, batch: Batch) -> None:
        """Keep the batch."""
        self.sent += len(batch.events)
        super().commit(batch)


@dataclass(slots=True)
class Doing:
    """An act under way."""

    order: StartRemedy
    end_s: float
    outcome: RemedyDone


class LightRoom:
    """One room. `turn` it when `due_s` has come; `session` speaks for it."""

    def __init__(
        self, room: str, shared: Shared, now: Instant, seed: int, root: bytes = b"", fitting: Fitting | None = None
    ) -> None:
        """`fitting` None: it has everything."""
        self.name = room
        self._discretion = Discretion()
        self.secrecy = Secrecy.UNKNOWN
        self._trust = Trust(root, accept_unsigned=not root)
        self.chance = random.Random(seed)
        self._scale = shared.time_scale
        self._shared = shared
        fitting = fitting or fitout.whole(self._scale)
        self._policy = shared.policy(fitting)
        self.physics = RoomPhysics(room, fitting, now.mono_s)
        self.physics.climate.temp_c = self.chance.gauss(26.0, 0.8)
        self.physics.climate.humidity_pct = self.chance.gauss(68.0, 4.0)
        self.physics.mains.volts = self.chance.gauss(226.0, 3.5)
        self.store = CountingStore(secrets.token_hex(6))
        self._period_s = POLL_S * self._scale
        self._doing: list[Doing] = []
        self._held: list[StartRemedy] = []
        """Acts that the journal holds and that wait for a last look."""
        self._looks = seed
        self._poll_s = now.mono_s + self.chance.random() * self._period_s
        self._counter = 0
        self._hub_epoch = ""
        self.asleep = False
        """The board is without power, or still starting."""
        self._boot(now)

    def _boot(self, now: Instant) -> None:
        """The agent starts, knowing what its store remembers."""
        self.room = Room(
            self._shared.rules, self._policy, self.store, secrets.token_hex(16), __version__, self.name,
            time_scale=self._scale,
        )  # fmt: skip
        self.room.restore(now)
        self.session = Session(
            self.room.who, self.store, lambda: secrets.token_hex(8), trust=self._trust, counter=self._counter,
            desired_version=0, hub_epoch=self._hub_epoch,
        )  # fmt: skip
        # Unscaled: news only carry what a console shows, and 600 rooms share one processor.
        self._snapshots, self._samples = Snapshots(), Samples()

    # -- time

    def by_its_clock(self, now: Instant) -> Instant:
        """The moment as its board's clock has it."""
        clock = self.physics.clock
        return now if clock.synced else Instant(now.mono_s, now.wall_s + clock.ahead_s, synced=False)

    @property
    def due_s(self) -> float:
        """When it wants to be turned next."""
        return float("-inf") if self._held else min([self._poll_s, *(doing.end_s for doing in self._doing)])

    @property
    def troubled(self) -> bool:
        """Whether any fault is suspected or open."""
        return any(fault.phase is not Phase.CLEAR for fault in self.room.state.faults.values())

    def turn(self, now: Instant) -> None:
        """Look if it is time, step, commit, act, and offer what there is to tell."""
        self.physics.advance(now.mono_s)
        now = self.by_its_clock(now)
        if not self._awake(now):
            return
        for doing in [doing for doing in self._doing if now.mono_s >= doing.end_s]:
            self._doing.remove(doing)
            self.room.feed(self._ended(doing, now), now)
        if now.mono_s >= self._poll_s or self.room.recheck or self.room.witnesses:
            self.room.recheck = self.room.witnesses = False
            self._look(now)
        if self.troubled or self._doing:
            self.room.feed(Tick(), now)
        permitted, self._held = [*self._held, *self.room.commit(now)], []
        for order in permitted:
            handover = self.room.ask_again(order, now)
            if handover is Handover.BEGINS:
                self._begin(order, now)
            elif handover is Handover.HELD:
                self._held.append(order)
        self._tell(now)

    def _awake(self, now: Instant) -> bool:
        awake = self.physics.board_on()
        if not awake:
            if not self.asleep:
                self._power_gone(now)
            self.asleep = True
            self._poll_s = now.mono_s + self._period_s
            return False
        if self.asleep:
            self.asleep = False
            self._boot(now)
        return True

    def _power_gone(self, now: Instant) -> None:
        """The board dies in the middle of everything: its lines fall off, and whatever was cut has its power back."""
        self._doing.clear()
        self._held.clear()
        for load in self._policy.relays:
            self.physics.relay(load, load not in NORMALLY_OPEN, now.mono_s)

    # -- looking

    def _look(self, now: Instant) -> None:
        self._looks += 1
        period_s = self._period_s * (1.0 if self.troubled else CALM)
        # Jitter keeps 600 rooms from falling into step.
        self._poll_s = now.mono_s + period_s * self.chance.uniform(0.9, 1.1)
        physics, chance = self.physics, self.chance
        readings = observe.network(physics) | observe.power(physics, chance) | observe.codec(physics)
        readings |= observe.display(physics) | self._sound()
        readings["hub.session"] = self.session.online
        if self._looks % SLOW_EVERY == 0:
            readings |= observe.air(physics, chance) | observe.line(physics, chance) | observe.pc(physics)
        event = Observed(Observation("room", readings))
        self.room.feed(event, now)
        if self._looks % SAMPLE_EVERY == 0 and self.secrecy is not Secrecy.MEETING:
            self._samples.add(event, now)

    def _sound(self) -> dict[str, Reading]:
        """While a meeting may be secret, nothing is measured: as by the real probe's gate."""
        found = observe.sound(self.physics, self.chance)
        return found if self.secrecy is Secrecy.OPEN else dict.fromkeys(found, NoReading(str(self.secrecy)))

    # -- acting

    def _begin(self, order: StartRemedy, now: Instant) -> None:
        act, remedy, load = order.act, order.remedy, order.load
        if remedy.method is Method.API:
            heard = self.physics.gateway_up() and self.physics.command(remedy.name, now.mono_s)
            wait_s = API_S if heard else API_TIMEOUT_S * self._scale
            done = RemedyDone(act.act_id, heard, "" if heard else "timeout", {} if heard else {"sent": False})
            self._doing.append(Doing(order, now.mono_s + wait_s, done))
        elif remedy.method is Method.STAGED:
            return  # the engine lets the loads follow one another, and ends it
        elif remedy.method is Method.CYCLE:
            before = self._draw(load.name)
            self.physics.relay(load.name, False, now.mono_s)
            done = RemedyDone(act.act_id, ok=True, proof={**before, "line_cut": True})
            self._doing.append(Doing(order, now.mono_s + load.off_s, done))
        else:
            on = remedy.method is Method.ON
            self.physics.relay(load.name, on, now.mono_s)
            self._doing.append(Doing(order, now.mono_s, RemedyDone(act.act_id, ok=True, proof={"powered": on})))

    def _ended(self, doing: Doing, now: Instant) -> RemedyDone:
        if doing.order.remedy.method is not Method.CYCLE:
            return doing.outcome
        off = {key.replace("before", "off"): value for key, value in self._draw(doing.order.load.name).items()}
        self.physics.relay(doing.order.load.name, True, now.mono_s)
        off_s = round(now.mono_s - doing.order.act.started_s, 2)
        return replace(doing.outcome, proof={**doing.outcome.proof, **off, "off_s": off_s, "line_restored": True})

    def _draw(self, load: str) -> dict[str, Value]:
        if load != "codec":
            return {}
        reading = observe.power(self.physics, self.chance).get("codec.draw_w", observe.ABSENT)
        return {} if isinstance(reading, NoReading) else {"draw_before_w": reading}

    # -- telling

    def _tell(self, now: Instant) -> None:
        while self.room.replies:
            self.session.offer_reply(*self.room.replies.popleft())
        self.secrecy = self._discretion.secrecy(self.session, self.room.state, now)
        state = self._snapshots.due(self.room, now, self.secrecy)
        if state is not None:
            self.session.offer_state(state)
        batch = self._samples.due(self.room.who, now)
        if batch is not None:
            self.session.offer_metrics(batch)

    def hear(self, incoming: Incoming, now: Instant) -> None:
        """Take what came from the hub; the next `turn` commits it."""
        now = self.by_its_clock(now)
        self._discretion.heed(incoming)
        for key, value in incoming.meta.items():
            self.room.remember_meta(key, value)
        for record in incoming.records:
            self.room.record(record, now)
        for event in incoming.events:
            self.room.feed(event, now)
        self._counter, self._hub_epoch = self.session.counter, self.session.hub_epoch
