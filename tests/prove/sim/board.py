"""One run of the agent: the order of `Service` and `Loop` in `agent.runtime`, with the real room, store and session."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import agent.rules
from agent.core.events import Event, Observed, OrderReceived, RemedyDone, StartRemedy, Tick
from agent.core.facts import Instant
from agent.core.handover import Handover
from agent.core.policy import Policy, Thresholds, make_policy
from agent.core.remedies import Method
from agent.core.rule import Rule
from agent.runtime import starts
from agent.runtime.room import Room, off_loads
from agent.runtime.snapshots import Snapshots
from agent.store.base import Batch, Memory, Store, StoreError
from agent.store.unwritten import mended, open_store
from agent.uplink.gate import Discretion, MeteringGate
from agent.uplink.session import Session, desired_from
from agent.uplink.trust import Trust
from tests.prove.promised import CALL_DRAW_W
from tests.prove.sim.card import SimStore
from tests.prove.sim.place import RELAYS

if TYPE_CHECKING:
    from tests.prove.sim.world import World

SERIAL = "board-1"
"""Number of the board, by which a copied card is told from the one it was copied from."""
JOURNAL_BROKEN_S = 300.0
JOURNAL_ASK_S = 60.0
COMPARE_S = 5.0
"""How often the room is compared with its last snapshot; the real loop does it at every turn."""
APIS = frozenset({"codec_restart", "codec_wake", "codec_volume_restore", "pc_app_restart"})


def room_policy() -> Policy:
    """A fully fitted room with a calibrated meter."""
    return make_policy(relays=RELAYS, apis=APIS, thresholds=Thresholds(call_draw_w=CALL_DRAW_W))


RULES: tuple[Rule, ...] = agent.rules.load()
POLICY = room_policy()


class Board:
    """Made when the agent starts; raises Crash wherever the plan says so."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.synced = False
        self.acts: dict[int, StartRemedy] = {}
        """Under way."""
        self.held: list[StartRemedy] = []
        """In the journal, and waiting for a last look."""
        self.inbox: list[tuple[str, bytes, bool]] = []
        self.waiting: list[Event] = []
        self.stalled = False
        """A commit is under way on a card that takes its time."""
        self.stopping = False
        self.store: Store = open_store(world.database, SERIAL)
        if isinstance(self.store, SimStore):
            self.store.crash_at = world.plan.crash_at
            self.store.on_commit = world.committed
            self.store.on_ack = world.acknowledged
            self.store.stall = self._stall
        world.opened(self.store)
        memory = self.store.remember(world.clock.boot)
        self._power_up(memory)
        self._starts = self._count_start(memory)
        world.cross("start.counted")
        policy = replace(POLICY, safe_mode=self._starts.safe(self.now.mono_s))
        self.room = Room(RULES, policy, self.store, world.clock.boot, "0.0.0-sim", "sim")
        now = self.now
        self.room.restore(now, {"crashes": self._starts.crashes, "power_cuts": self._starts.power_cuts})
        desired = desired_from(memory.meta.get("desired", ""))
        if desired is not None:
            self.room.feed(desired, now)
        self.session = Session(
            self.room.who, self.store, world.nonce, trust=Trust(accept_unsigned=True),
            counter=int(memory.meta.get("counter", "0")), desired_version=desired.version if desired else 0,
            hub_epoch=memory.meta.get("hub_epoch", ""),
        )  # fmt: skip
        self._snapshots = Snapshots()
        self._discretion = Discretion()
        self._gate = MeteringGate(lambda: self.now.mono_s)
        self._compared_s = float("-inf")
        self._journal_seen_s = self._asked_s = self.now.mono_s
        world.cross("start.restored")

    @property
    def now(self) -> Instant:
        """What the agent takes for the present."""
        clock, now_s = self.world.clock, self.world.now_s
        return Instant(clock.mono_s(now_s), clock.wall_s(now_s), self.synced)

    def _power_up(self, memory: Memory) -> None:
        """Claiming the lines gives power to everything that was not left off on purpose."""
        world = self.world
        world.cross("start.before_power")
        off = off_loads(memory, POLICY)
        for load in sorted(RELAYS):
            world.relay(load, load not in off)
        world.cross("start.powered")

    def _count_start(self, memory: Memory) -> starts.Starts:
        """As `agent.runtime.service` does."""
        before = starts.parse(memory.meta.get(starts.KEY, ""))
        counted = starts.begun(before, self.world.clock.boot, self.now.mono_s)
        with contextlib.suppress(StoreError):
            self.store.commit(Batch(meta={starts.KEY: starts.text(counted)}))
        return counted

    def _mind_safe_mode(self, now: Instant) -> None:
        """As `agent.runtime.service` does."""
        if self.room.state.policy.safe_mode and not self._starts.safe(now.mono_s):
            self._starts = starts.lifted(self._starts, now.mono_s)
            self.room.remember_meta(starts.KEY, starts.text(self._starts))
            self.room.end_safe_mode(now)
            self.world.last_change_s = self.world.now_s  # no rest: it is told with the next commit

    @property
    def sound_measured(self) -> bool | None:
        """Whether the microphone may be asked just now."""
        return not self._gate.closed()

    def act_on(self, load: str) -> StartRemedy | None:
        """The act under way on a load."""
        return next((one for one in self.acts.values() if one.load.name == load), None)

    def _stall(self, batch: Batch) -> None:
        """The card takes its time over a commit: everything but the loop goes on meanwhile."""
        world = self.world
        if world.card_stall_s > 0 and world.board is self and (batch.begun or not world.stall_intent):
            stall_s, world.card_stall_s = world.card_stall_s, 0.0
            self.stalled = True
            world.pause(stall_s, self)
            self.stalled = False

    # -- one turn of the loop

    def turn(self, events: Sequence[Event] = (), *, tick: bool = True) -> None:
        """One round in the order of `Loop`. While the card stalls the loop stands still, and what comes waits."""
        world, room, now = self.world, self.room, self.now
        self.waiting += events
        if self.stalled:
            return
        world.ledger.counted["turns"] += 1
        self._take_in(now)
        if tick:
            room.feed(Tick(), now)
        self._hand_over()
        if not self.held:
            self.held = room.commit(now)
            self._hand_over()
        if room.recheck or room.witnesses:
            room.recheck = room.witnesses = False
            world.look_at_once(self)
        now = self.now
        self._publish(now)
        self._mind_journal(now)
        self._mind_safe_mode(now)
        world.check_step()

    def _take_in(self, now: Instant) -> None:
        """What the hub wants, then all looks together, then the ends of acts, and orders last."""
        orders = [one for message in self.inbox for one in self._take(*message, now)]
        self.inbox.clear()
        self._be_discreet()
        waiting, self.waiting = self.waiting, []
        looks = [event.observation for event in waiting if isinstance(event, Observed)]
        if looks:
            self.room.feed(Observed(looks[0], tuple(looks[1:])), now)
        for event in (*(event for event in waiting if not isinstance(event, Observed)), *orders):
            self.room.feed(event, now)
        self._be_discreet()

    def _be_discreet(self) -> None:
        """Open or close the gate before the microphone."""
        self._gate.set(self._discretion.secrecy(self.session, self.room.state, self.now))

    def _hand_over(self) -> None:
        """Begin what the journal holds and the interlock still permits, once all that has come meanwhile is known."""
        if not self.held:
            return
        self._take_in(self.now)
        held, self.held = self.held, []
        for order in held:
            handover = self.room.ask_again(order, self.now)
            if handover is Handover.BEGINS:
                self._begin(order)
            elif handover is Handover.HELD:
                self.held.append(order)

    def _take(self, topic: str, payload: bytes, retained: bool, now: Instant) -> list[OrderReceived]:
        """Put in force what the hub wants; returns what it orders."""
        incoming = self.session.received(topic, payload, retained, now)
        self._discretion.heed(incoming)
        for key, value in incoming.meta.items():
            self.room.remember_meta(key, value)
        for record in incoming.records:
            self.room.record(record, now)
        for event in incoming.events:
            if not isinstance(event, OrderReceived):
                self.room.feed(event, now)
        orders = [event for event in incoming.events if isinstance(event, OrderReceived)]
        self.world.ledger.obeyed.update(order.command_id for order in orders)
        return orders

    def _publish(self, now: Instant) -> None:
        session, room = self.session, self.room
        while room.replies:
            session.offer_reply(*room.replies.popleft())
        if now.mono_s - self._compared_s >= COMPARE_S:
            self._compared_s = now.mono_s
            state = self._snapshots.due(room, now)
            if state is not None:
                session.offer_state(state)
        for out in session.due(now):
            self.world.cross("publish")
            self.world.line.publish(out)

    def _mind_journal(self, now: Instant) -> None:
        """End in good order where a new start mends the journal, as `agent.runtime.service` does."""
        if self.store.durable:
            if not self.room.journal_broken:
                self._journal_seen_s = now.mono_s
            elif now.mono_s - self._journal_seen_s > JOURNAL_BROKEN_S:
                self.stopping = True
        elif now.mono_s - self._asked_s > JOURNAL_ASK_S:
            self._asked_s = now.mono_s
            self.stopping = mended(self.world.database)

    def stop(self) -> None:
        """An end in good order: power back on everything, no start counted."""
        self.stopping = True
        for act_id, order in list(self.acts.items()):
            if order.remedy.method is Method.CYCLE:
                self.world.relay(order.load.name, True)
            self.ended(act_id, RemedyDone(act_id, ok=True, proof={"off_s": 1.0}))
        self.room.remember_meta(starts.KEY, starts.text(starts.ended(self._starts)))
        self.room.commit(self.now)
        self.store.close()

    # -- acts

    def _begin(self, order: StartRemedy) -> None:
        world, act, remedy, load = self.world, order.act, order.remedy, order.load
        world.cross("act.before")
        world.check_act(order)
        if remedy.method is Method.STAGED:
            return  # the engine itself takes it from stage to stage
        self.acts[act.act_id] = order
        if remedy.method is Method.API:
            self._order(order)
        elif remedy.method is Method.CYCLE:
            world.restarting(order, float("inf"))
            world.relay(load.name, False)
            world.cross("act.cut")
            world.at_mono(self, self.now.mono_s + load.off_s, lambda: self._restore(order))
        else:
            world.relay(load.name, remedy.method is Method.ON)
            done = RemedyDone(act.act_id, ok=True, proof={"powered": remedy.method is Method.ON})
            world.later(0.01, lambda: self.ended(act.act_id, done), self)

    def _order(self, order: StartRemedy) -> None:
        """An order to a device. A silent one may still have heard it: then nobody knows (no `sent` in the proof)."""
        world, act_id = self.world, order.act.act_id
        taken = world.obey(order)
        world.cross("act.sent")
        if taken and world.dice.random() < 0.9:
            wait_s, done = 0.3, RemedyDone(act_id, ok=True)
        else:
            proof = {} if taken else {"sent": False}
            wait_s, done = 6.0, RemedyDone(act_id, ok=False, reason="timeout", proof=proof)

        def answered() -> None:
            world.cross("act.ended")
            self.ended(act_id, done)

        world.later(wait_s, answered, self)

    def _restore(self, order: StartRemedy) -> None:
        world, load = self.world, order.load.name
        world.relay(load, True)
        world.restarted(order)
        world.cross("act.restored")
        off_s = round(self.now.mono_s - order.act.started_s, 1)
        done = RemedyDone(order.act.act_id, ok=True, proof={"off_s": off_s, "line_restored": True})
        self.ended(order.act.act_id, done)

    def ended(self, act_id: int, done: RemedyDone) -> None:
        """An act has ended: the loop hears of it."""
        self.acts.pop(act_id, None)
        self.turn([done])
