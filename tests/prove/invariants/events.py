"""Events and where they end up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.prove.invariants.base import Moment, invariant
from tests.prove.sim.card import SimStore
from tests.prove.sim.ledger import same_event

if TYPE_CHECKING:
    from tests.prove.sim.world import World


@invariant("commit")
def numbers_are_used_once(w: World, moment: Moment) -> str:
    """A number of an epoch never stands for two different events."""
    for seq, payload in moment.batch.events if moment.batch else ():
        known = w.ledger.committed.get((w.judge.epoch, seq)) or w.line.hub.committed.get((w.judge.epoch, seq))
        if known is not None and not same_event(known, payload):
            return f"event {seq} of epoch {w.judge.epoch} was another one before"
    return ""


@invariant("ack")
def forgotten_only_when_kept(w: World, moment: Moment) -> str:
    """The outbox forgets an event only when a hub has committed it."""
    lost = [seq for seq in w.judge.outbox(moment.seq) if (w.judge.epoch, seq) not in w.line.hub.committed]
    return f"event {lost[0]} was forgotten before the hub had it" if lost else ""


@invariant("end")
def every_event_arrived_once(w: World, _moment: Moment) -> str:
    """In the end every event that was ever committed is at the hub, unchanged and once, or was counted as dropped."""
    for key, payload in w.ledger.committed.items():
        arrived = w.line.hub.committed.get(key)
        if key in w.ledger.card_lost and arrived is None:
            continue
        if arrived is None:
            return f"event {key} never reached the hub: {payload[:200]!r}"
        if not same_event(arrived, payload):
            return f"event {key} reached the hub as another one"
    return ""


@invariant("end")
def a_hub_of_before_is_made_whole(w: World, _moment: Moment) -> str:
    """In the end the hub's present database, new or from an older copy, has every event that the room still holds."""
    store = w.board.store if w.board is not None else None
    if not isinstance(store, SimStore):
        return ""
    missing = w.line.hub.missing(store.epoch, store.held())
    return f"{len(missing)} events are held by the room and not at the hub, {min(missing)} first" if missing else ""
