"""Bugs in interlock, ladder, recovery, journal and outbox."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from agent.core import boots, interlock, ladder, recovery, staging
from agent.core.events import Effect, PastAct, Restarted, StartRemedy
from agent.core.facts import Instant, NoReading, Reading, Seen, View
from agent.core.policy import Policy
from agent.core.reasons import Decision, Reason, refused_if
from agent.core.remedies import Load, Remedy
from agent.core.rule import Rule
from agent.core.state import LoadState, RoomState
from agent.core.timelines import Timelines
from agent.runtime.room import Room
from agent.uplink.session import Outgoing, Session
from tests.prove.mutants.base import Patch, mutant
from wire import messages as m

# -- what is known of a call


@mutant("call, then the codec hangs in it")
def unknown_call_counts_as_idle() -> list[Patch]:
    """When neither witness can rule a call out, it is ruled out."""
    honest = interlock.no_call

    def no_call(view: View, policy: Policy) -> Decision:
        decision = honest(view, policy)
        return refused_if(decision.reason is Reason.IN_CALL, Reason.IN_CALL)

    return [(interlock, "no_call", no_call)]


@mutant("call, then the codec hangs and drops it")
def last_good_is_overwritten() -> list[Patch]:
    """A time-out overwrites what the codec last said of a call."""

    def with_reading(self: Seen, reading: Reading, now: Instant, heard_s: float) -> Seen:
        if isinstance(reading, NoReading):
            return Seen(None, None, reading, now.mono_s, heard_s=heard_s)
        return Seen(reading, now, reading, now.mono_s, heard_s=heard_s)

    return [(Seen, "with_reading", with_reading)]


@mutant("call", "a sensor lies", "orders in haste")
def draw_is_no_witness() -> list[Patch]:
    """The codec's word alone decides whether there is a call."""
    honest = interlock.no_call

    def no_call(view: View, policy: Policy) -> Decision:
        word = view.value("codec.in_call")
        return refused_if(word, Reason.IN_CALL) if isinstance(word, bool) else honest(view, policy)

    return [(interlock, "no_call", no_call)]


@mutant("time server away", "board loses power", "meeting", "maintenance", "codec hangs softly")
def unsynced_clock_is_trusted() -> list[Patch]:
    """Meetings and maintenance are compared with a wall clock that nobody disciplines."""
    honest = Timelines.known

    def known(self: Timelines, now: Instant) -> tuple[float, ...]:
        return honest(self, replace(now, synced=True))

    return [(Timelines, "known", known)]


# -- limits of loads


@mutant("time server away", "agent is killed", "codec hangs hard")
def limits_use_the_wall_clock() -> list[Patch]:
    """After a start hold-on and budgets are measured on the wall clock, whatever its discipline."""

    def began_s(act: PastAct, now: Instant, _age_s: float = 0.0) -> float:
        return now.mono_s - (now.wall_s - act.started.wall_s)

    return [(recovery, "began_s", began_s)]


@mutant("agent is killed", "codec hangs hard")
def budget_is_forgotten_at_start() -> list[Patch]:
    """A restarted agent knows nothing of the acts before."""
    honest = recovery.restored

    def restored(state: RoomState, event: Restarted, now: Instant) -> tuple[RoomState, tuple[Effect, ...]]:
        return honest(state, replace(event, past_acts=()), now)

    return [(recovery, "restored", restored)]


@mutant("board loses power", "codec hangs softly", "codec hangs hard")
def old_acts_are_never_dated() -> list[Patch]:
    """A start makes all restarts of earlier boots "just now", and a disciplined clock changes nothing of that."""
    return [(recovery, "dated", lambda state, _now: state)]


@mutant("codec hangs hard")
def budget_is_one_too_many() -> list[Patch]:
    """The budget is compared with > where it should be >=."""
    honest = Policy.load_of

    def load_of(self: Policy, remedy: Remedy) -> Load:
        load = honest(self, remedy)
        return replace(
            load,
            budget_per_hour=load.budget_per_hour + 1, budget_per_day=load.budget_per_day + 1,
            cycles_per_hour=load.cycles_per_hour + 1, cycles_per_day=load.cycles_per_day + 1,
        )  # fmt: skip

    return [(Policy, "load_of", load_of)]


@mutant("codec hangs hard")
def off_time_is_unbounded() -> list[Patch]:
    """A configured off time is taken as it is, twenty times too long."""
    honest = Policy.load_of

    def load_of(self: Policy, remedy: Remedy) -> Load:
        load = honest(self, remedy)
        return replace(load, off_s=load.off_s * 20)

    return [(Policy, "load_of", load_of)]


@mutant("codec hangs softly")
def settle_is_not_waited() -> list[Patch]:
    """After an act its effect is not awaited."""

    def settle_s(_remedy: Remedy, _load: Load, _state: LoadState) -> float:
        return 0.0

    return [(boots, "settle_s", settle_s)]


@mutant("orders in haste")
def stagger_is_dropped() -> list[Patch]:
    """Relays may move at once, and their inrush currents add up."""
    return [(interlock, "RELAY_METHODS", frozenset())]


@mutant("a surge")
def upstream_is_ignored() -> list[Patch]:
    """A load is judged and acted upon while what feeds it is being restarted."""

    def idle(load: Load, state: RoomState, _now: Instant) -> Decision:
        return refused_if(bool(state.load(load.name).act_id), Reason.LOAD_BUSY)

    def own_loads(state: RoomState, rule: Rule) -> tuple[LoadState, ...]:
        return tuple(state.load(name) for name in rule.loads)

    return [(interlock, "_idle", idle), (ladder, "_with_upstream", own_loads)]


@mutant("orders in haste")
def busy_load_is_taken() -> list[Patch]:
    """An act begins on a load on which another is under way."""

    def idle(load: Load, state: RoomState, now: Instant) -> Decision:
        below = any(state.load(name).act_id or now.mono_s < state.load(name).settle_until_s for name in load.upstream)
        return refused_if(below, Reason.UPSTREAM_DOWN)

    return [(interlock, "_idle", idle)]


@mutant("mains flickers", "codec switches itself off")
def mains_need_not_be_calm() -> list[Patch]:
    """Weak mains a moment ago do not matter."""
    honest = interlock._supply

    def supply(state: RoomState, now: Instant) -> Decision:
        return honest(replace(state, mains_bad_s=None), now)

    return [(interlock, "_supply", supply)]


# -- ladder, journal, outbox


@mutant("mains lost", "agent is killed")
def a_broken_off_return_is_forgotten() -> list[Patch]:
    """An agent that was killed while the room returned leaves off what it had shed."""

    def restarted(state: RoomState, now: Instant, *, rebooted: bool) -> tuple[RoomState, tuple[Effect, ...]]:
        return staging.mains_back(state, now) if rebooted else (state, ())

    return [(staging, "restarted", restarted)]


@mutant(late=True)
def nobody_is_called() -> list[Patch]:
    """A ladder that is exhausted waits instead of calling a person."""

    def give_up(
        state: RoomState, _rule: object, _fault: object, _reason: str, _now: Instant, effects: tuple[Effect, ...]
    ) -> tuple[RoomState, tuple[Effect, ...]]:
        return state, effects

    return [(ladder, "give_up", give_up)]


@mutant()
def intent_is_journalled_after_the_act() -> list[Patch]:
    """The intent goes into the commit after the one that hands the act out."""
    honest = Room.commit

    def commit(self: Room, now: Instant) -> list[StartRemedy]:
        begun, self._batch.begun = self._batch.begun, []
        starts = honest(self, now)
        self._batch.begun = begun
        return starts

    return [(Room, "commit", commit)]


@mutant()
def events_are_forgotten_when_sent() -> list[Patch]:
    """An event leaves the outbox when it is sent, not when the hub has committed it."""
    honest = Session._events

    def events(self: Session, now: Instant) -> list[Outgoing]:
        out = honest(self, now)
        if out:
            self.store.ack(self._sent)
        return out

    return [(Session, "_events", events)]


@mutant("night's copy of the hub", "hub is brought back from its copy", late=True)
def a_new_database_is_told_nothing_again() -> list[Patch]:
    """What one database of the hub has acknowledged is never sent to another."""
    return [(Session, "_rewind", lambda _self, _now: None)]


@mutant("night's copy of the hub", "hub is brought back from its copy", late=True)
def a_floor_does_not_say_whose_it_is() -> list[Patch]:
    """A room does not say which database of the hub has acknowledged what it no longer sends."""
    honest = Session._events

    def events(self: Session, now: Instant) -> list[Outgoing]:
        out = []
        for one in honest(self, now):
            event = msgspec.structs.replace(m.decode(m.Event, one.payload), hub="")
            out.append(replace(one, payload=m.encode(event)))
        return out

    return [(Session, "_events", events)]


@mutant("an order")
def any_order_is_taken() -> list[Patch]:
    """Orders are obeyed without a look at boot, nonce and counter."""
    return [(Session, "_why_not", lambda _self, _command, _now: "")]
