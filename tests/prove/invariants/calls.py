"""Calls and the people in the room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.core.facts import NoReading
from tests.prove.invariants.base import SLACK_S, Moment, invariant, order_of
from tests.prove.promised import CALL_DRAW_W, CALL_GRACE_S, CALL_PATH, WITNESS_S
from tests.prove.sim.clock import EPOCH_S

if TYPE_CHECKING:
    from tests.prove.sim.world import World

SHOWN_S = WITNESS_S + 2.0
"""A call that is up for this long has been seen, since witnesses have to be that fresh, and an order takes a moment to
be committed and to reach its device. A younger one may have been seen; if so it counts as well."""


@invariant("restart")
def call_never_cut(w: World, moment: Moment) -> str:
    """No load in a call's path is cut or restarted while a call is up, unless it began within the last few seconds."""
    order = order_of(moment)
    if order.load.name not in CALL_PATH or moment.call_up_s < 0:
        return ""
    if not w.ledger.call_shown and moment.call_up_s < SHOWN_S:
        w.ledger.blind_cuts += 1
        return ""
    return f"{order.remedy.name} cut a call that had been up for {moment.call_up_s:.0f} s"


@invariant("act")
def unknown_never_authorises(w: World, moment: Moment) -> str:
    """An act in a call's path begins only when a fresh witness denies a call, and no fresh witness shows one."""
    order, now_s, ledger = order_of(moment), w.now_s, w.ledger
    if not order.remedy.restarts or order.load.name not in CALL_PATH:
        return ""
    word, draw_w = ledger.fresh("codec.in_call", now_s), ledger.number("codec.draw_w", now_s)
    if word is True or (draw_w is not None and draw_w >= CALL_DRAW_W):
        return f"{order.remedy.name} began although a witness showed a call (word {word}, draw {draw_w})"
    for key in ("codec.in_call", "codec.draw_w"):
        asked_s = now_s - ledger.said[key].at_s if key in ledger.said else 0.0
        if not isinstance(ledger.fresh(key, now_s), NoReading) and asked_s > WITNESS_S + 1.0:
            return f"{order.remedy.name} began and {key} had been asked {asked_s:.0f} s before"
    if word is False:
        return ""
    if draw_w is None:
        return f"{order.remedy.name} began and nothing was known of a call (word {word}, draw {draw_w})"
    said = ledger.said.get("codec.in_call")
    if said is not None and said.good is True and now_s - said.good_at_s < CALL_GRACE_S - SLACK_S:
        return f"{order.remedy.name} began {now_s - said.good_at_s:.0f} s after the codec had spoken of a call"
    return ""


@invariant("act")
def maintenance_respected(w: World, moment: Moment) -> str:
    """Nothing is restarted while people work on the room."""
    order, force = order_of(moment), w.judge.force
    if (
        not order.remedy.restarts
        or force is None
        or w.clock.lied
        or EPOCH_S + w.now_s >= force.maintenance_until_s - SLACK_S
    ):
        return ""
    return f"{order.remedy.name} began in a maintenance window"
