"""Lets every invariant have its say at its moment, and keeps what they need to know."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from agent.core.events import DesiredChanged, StartRemedy
from agent.core.facts import Reading
from agent.core.phases import OPEN, Phase
from agent.core.remedies import Method
from agent.store.base import ActRow, Batch, Store
from agent.store.sqlite import SqliteStore
from agent.uplink.session import desired_from
from tests.prove.invariants import Moment, When, at
from tests.prove.promised import CALL_DRAW_W, MAINS_HIGH_V, MAINS_LOW_V, SECRET_MARGIN_S
from tests.prove.sim.calm import Calm
from tests.prove.sim.clock import EPOCH_S
from tests.prove.sim.extras import Extras
from wire import messages as m
from wire.event_kinds import EventKind

if TYPE_CHECKING:
    from tests.prove.sim.world import World

VIOLATIONS_MAX = 5
"""A room that breaks its promises is stopped after so many."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise was broken."""

    invariant: str
    at_s: float
    what: str


class Judge:
    """One room's judge."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.violations: list[Violation] = []
        self.epoch = ""
        self.unheard_since_s = float("inf")
        """Since when the room has had something to tell, and a way to do it; infinity: it has not."""
        self.force: DesiredChanged | None = None
        """The desired document that the journal remembers."""
        self.relay_act_s = float("-inf")
        self.powered = (float("-inf"), "")
        """When a load that was off was last given power, and which."""
        self.dead_at_cut: dict[str, float] = {}
        self.calm = Calm(world)
        self.extras = Extras(world)
        self.lied_s = self.no_meeting_s = float("-inf")
        """When a sensor last lied, and when the room last could not have had a call."""
        self.acts_of: Counter[str] = Counter()
        self.waiting_since: dict[str, float] = {}
        """After the troubles: faults that are neither clear nor escalated, and since when."""
        self._lied = self._ruined = False
        self._file_epoch = ""
        self.ruined_s = float("-inf")
        """When the journal was last found unreadable: what it knew of the day is gone."""
        self.dated_s = float("-inf")
        """When the journal was last told the right time, as far as it still knows of it."""
        self.dated_boot = ""
        """In which boot the agent has last known the right time."""
        self.known_on: set[tuple[float, float]] = set()
        """Secret meetings, by start and end, during which the journal was told the right time."""

    @property
    def full(self) -> bool:
        """Whether it is pointless to go on."""
        return len(self.violations) >= VIOLATIONS_MAX

    def _ask(self, when: When, moment: Moment) -> None:
        for one in at(when):
            wrong = one.check(self._world, moment)
            if wrong:
                self._world.note(f"VIOLATION {one.name}: {wrong}")
                self.violations.append(Violation(one.name, self._world.now_s, wrong))

    # -- moments

    def act(self, order: StartRemedy) -> None:
        """An act begins."""
        self._ask("act", Moment(order=order))
        self.extras.act(order)
        if order.load.name in ("codec", "room"):
            self.calm.acted_s = self._world.now_s
        if order.remedy.method is not Method.API:
            self.relay_act_s = self._world.now_s

    def restarts(self, order: StartRemedy, call_up_s: float) -> None:
        """A load is taken out of service."""
        self._ask("restart", Moment(order=order, call_up_s=call_up_s))

    def relay_moves(self, load: str, on: bool) -> None:
        """A relay moves."""
        if on:
            self._ask("step", Moment(load=load, on=on))
            if load in self._world.place.cut_since:
                self._ask("relay", Moment(load=load, on=on))
                self.powered = (self._world.now_s, load)
        else:
            self.dead_at_cut.setdefault(load, self._world.ledger.dead_for_s(self._world.now_s))
        if on:
            self.dead_at_cut.pop(load, None)
            self.extras.powered(load)

    def tend(self) -> None:
        """Note how the room stands by the truth: asked with every look."""
        world, now_s = self._world, self._world.now_s
        self.lied_s = now_s if world.senses.lies else self.lied_s
        whole = all(world.place.serves(load, now_s) for load in ("switch", "converter", "codec"))
        self.no_meeting_s = self.no_meeting_s if whole and world.place.room.hub_up() else now_s
        world.place.note_down(now_s)

    def step(self) -> None:
        """A turn is over."""
        world = self._world
        if world.board is not None and world.now_s >= world.chaos_until_s:
            for rule, fault in world.board.room.state.faults.items():
                if fault.phase in OPEN and fault.phase is not Phase.ESCALATED:
                    self.waiting_since.setdefault(rule, world.now_s)
                else:
                    self.waiting_since.pop(rule, None)
        self.calm.tend()
        self.extras.tend()
        self._ask("step", Moment())

    def end(self) -> None:
        """The room's days are over."""
        self._ask("end", Moment())

    # -- what the agent is told

    def shown(self, readings: dict[str, Reading]) -> None:
        """A look is delivered."""
        world = self._world
        volts, battery = readings.get("mains.voltage_v"), readings.get("ups.on_battery")
        bad = isinstance(volts, int | float) and not MAINS_LOW_V <= volts <= MAINS_HIGH_V
        if bad or battery is True:
            world.ledger.supply_bad_s = world.now_s
        draw_w = readings.get("codec.draw_w")
        shown = readings.get("codec.in_call") is True or (isinstance(draw_w, int | float) and draw_w >= CALL_DRAW_W)
        if world.place.call_up_s(world.now_s) < 0:
            world.ledger.call_shown = False
        elif shown:
            world.ledger.call_shown = True

    # -- journal

    def events_of(self, batch: Batch | None) -> list[m.Event]:
        """The events of a commit."""
        return [m.decode(m.Event, payload) for _, payload in batch.events] if batch else []

    def committed(self, batch: Batch) -> None:
        """A commit is on the card."""
        world = self._world
        self._ask("commit", Moment(batch=batch))
        self.calm.committed(batch)
        world.ledger.supply_bad_kept = (world.clock.boot, world.ledger.supply_bad_s)
        for seq, payload in batch.events:
            world.ledger.committed[self.epoch, seq] = payload
            world.note(f"event {seq} {payload.decode()}")
        for event in self.events_of(batch):
            if event.remedy == "clear_latches" and event.outcome == "done":
                self.calm.cleared()
            if event.kind == EventKind.REMEDY_DONE:
                world.line.note_taken(event)
        if "keys" in batch.meta:
            world.line.lists_kept.add(batch.meta["keys"].encode())
        if "desired" in batch.meta:
            self.force = desired_from(batch.meta["desired"])
        self._note_dated(batch)

    def _note_dated(self, batch: Batch) -> None:
        world = self._world
        clock, wall_s = world.clock, EPOCH_S + world.now_s
        if not (world.board is not None and world.board.synced and clock.disciplined and not clock.lie_s):
            return
        self.dated_boot = clock.boot
        self.dated_s = world.now_s if "synced" in batch.meta else self.dated_s
        self.known_on |= {
            (one.start_s, one.end_s)
            for one in (self.force.meetings if self.force is not None else ())
            if one.secret and one.start_s - SECRET_MARGIN_S <= wall_s < one.end_s + SECRET_MARGIN_S
        }

    def nobody_knows(self, start_s: float, end_s: float) -> bool:
        """Whether no agent could know that this secret meeting is on: the board has started anew and heard nothing but
        a lie of the time, by which it has been off for longer than it was; and it was off, too, when the meeting came.
        """
        clock = self._world.clock
        if not clock.lie_s or self.dated_boot == clock.boot or (start_s, end_s) in self.known_on:
            return False
        return clock.lie_s > self.dated_s - clock.booted_s

    def _doubt(self) -> None:
        """The journal has lost what it knew of the time, and of much else."""
        self.extras.forgotten()
        self.dated_s, self.dated_boot = float("-inf"), ""
        self.known_on.clear()

    def outbox(self, up_to: int) -> list[int]:
        """Numbers of the events that still wait, up to this one."""
        board = self._world.board
        return [seq for seq, _ in board.store.outbox(0, 10_000) if seq <= up_to] if board else []

    def acknowledged(self, seq: int) -> None:
        """The outbox is about to forget."""
        self._ask("ack", Moment(seq=seq))

    def card_lied(self) -> None:
        """The card has lost what it said was flushed."""
        self._lied = True
        self._doubt()
        self._world.line.lists_kept.clear()

    def card_ruined(self) -> None:
        """The database cannot be read any more."""
        self._ruined = True
        self._doubt()
        self._world.line.lists_kept.clear()

    def opened(self, store: Store) -> None:
        """The agent has opened its journal: see what of the account is truly there."""
        world = self._world
        self.epoch = store.epoch
        if not isinstance(store, SqliteStore):
            return  # what stands in for it; the file may yet come back
        if self._file_epoch not in ("", store.epoch):
            self._forget(self._file_epoch, set())
        self._file_epoch = store.epoch
        there = dict(store.outbox(0, 100_000))
        for seq, payload in there.items():  # a commit that was torn late enough to count
            world.ledger.committed.setdefault((store.epoch, seq), payload)
        acts = acts_in(store)
        self.calm.opened(acts)
        if self._lied:
            self._lied = False
            self._forget(store.epoch, set(there))
            for restart in world.place.restarts:
                restart.forgotten = restart.forgotten or restart.act_id not in acts
            self.force = desired_from(store.remember("").meta.get("desired", ""))
        kept = desired_from(store.remember("").meta.get("desired", ""))
        if kept is not None and (self.force is None or kept.version > self.force.version):
            self.force = kept  # of a commit that was torn late enough to count
        if self._ruined:
            self._ruined = False
            self.force = None
            self.ruined_s = world.now_s

    def _forget(self, epoch: str, there: set[int]) -> None:
        world = self._world
        for key in world.ledger.committed:
            if key[0] == epoch and key[1] not in there and key not in world.line.hub.committed:
                world.ledger.card_lost.add(key)


def acts_in(store: SqliteStore) -> dict[int, tuple[ActRow, str]]:
    """Acts that the journal remembers, with their outcomes."""
    columns = [one.name for one in fields(ActRow)]
    with closing(sqlite3.connect(store.path)) as db:
        rows = db.execute(f"SELECT {', '.join(columns)}, outcome FROM acts").fetchall()
    return {row[0]: (ActRow(*row[:-1]), row[-1]) for row in rows}
