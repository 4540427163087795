"""Journal, refusals, orders."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from agent.core.phases import Phase
from tests.prove.invariants.base import Moment, invariant, order_of
from tests.prove.promised import WITNESS_S

if TYPE_CHECKING:
    from tests.prove.sim.world import World

WAITS_S = 2 * (WITNESS_S + 2.0)
"""A fault that has just been confirmed is looked at again first."""


@invariant("act")
def intent_before_act(w: World, moment: Moment) -> str:
    """Every act finds its own intent in the journal on the card before it begins."""
    order = order_of(moment)
    try:
        db = sqlite3.connect(f"{w.database.as_uri()}?mode=ro", uri=True)
        try:
            row = db.execute("SELECT load FROM acts WHERE act_id = ? AND outcome = ''", (order.act.act_id,)).fetchone()
        finally:
            db.close()
    except sqlite3.Error as error:
        return f"{order.remedy.name} began and the journal could not be read: {error}"
    return "" if row and row[0] == order.load.name else f"{order.remedy.name} began without an intent in the journal"


@invariant("act")
def safe_mode_switches_nothing(w: World, moment: Moment) -> str:
    """After five crashes in ten minutes nothing is switched."""
    board = w.board
    return f"{order_of(moment).remedy.name} in safe mode" if board and board.room.state.policy.safe_mode else ""


@invariant("act")
def orders_are_good_and_obeyed_once(w: World, moment: Moment) -> str:
    """Of an operator's orders only those that were good when given lead to an act, and each to one at most."""
    command = order_of(moment).act.command
    if not command:
        return ""
    w.judge.acts_of[command] += 1
    if not w.ledger.ordered.get(command, False):
        return f"order {command} must not be obeyed"
    return f"order {command} was obeyed twice" if w.judge.acts_of[command] > 1 else ""


@invariant("commit")
def every_refusal_has_a_reason(w: World, moment: Moment) -> str:
    """Every refusal that is told carries the name of its reason."""
    for event in w.judge.events_of(moment.batch):
        if event.kind.endswith("_refused"):
            if not event.reason:
                return f"{event.kind} {event.remedy} without a reason"
            w.ledger.refused[event.reason] += 1
    return ""


@invariant("step")
def waiting_has_a_reason(w: World, _moment: Moment) -> str:
    """A confirmed fault that neither acts nor escalates names the refusal it waits for."""
    board = w.board
    for fault in board.room.state.faults.values() if board else ():
        waits_s = board.now.mono_s - fault.phase_since_s if board else 0.0
        if fault.phase is Phase.CONFIRMED and not fault.refused and waits_s > WAITS_S:
            return f"{fault.rule} waits for nothing"
    return ""
