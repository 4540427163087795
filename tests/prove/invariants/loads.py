"""Loads and their limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.core.remedies import Method
from tests.prove.invariants.base import SLACK_S, Moment, invariant, order_of
from tests.prove.promised import (
    LOADS,
    MAINS_CALM_S,
    OUTLET_RETRY_S,
    RESTORE_S,
    STAGGER_S,
    UPGRADE_MAX_S,
)

if TYPE_CHECKING:
    from tests.prove.sim.place import Restart
    from tests.prove.sim.world import World


@invariant("act")
def one_remedy_per_load(w: World, moment: Moment) -> str:
    """Never are two acts under way on one load."""
    order, board = order_of(moment), w.board
    others = [one for one in board.acts.values() if one.load.name == order.load.name] if board else []
    return f"{order.remedy.name} began while {others[0].remedy.name} was under way" if others else ""


def _known(w: World, load: str) -> list[Restart]:
    """Its restarts that the room can know of. Where the time server has lied, an earlier boot's have no age."""
    return [
        one
        for one in w.place.restarts
        if one.load == load and not one.forgotten and (not w.clock.lied or one.boot == w.clock.boot)
    ]


@invariant("restart")
def hold_on_held(w: World, moment: Moment) -> str:
    """Between two restarts of a load lies its hold time, whatever crashes, reboots and clock steps come between."""
    order = order_of(moment)
    ago_s = [w.now_s - one.began_s for one in _known(w, order.load.name)]
    if ago_s and min(ago_s) < LOADS[order.load.name].hold_on_s * 0.999 - SLACK_S:
        return f"{order.remedy.name} {min(ago_s):.0f} s after the last restart of {order.load.name}"
    return ""


@invariant("restart")
def budget_held(w: World, moment: Moment) -> str:
    """No load is restarted more often an hour or a day than its budget allows, across crashes and clock steps.

    A journal that can no longer be read takes the day's count with it, and only that.
    """
    order, load = order_of(moment), order_of(moment).load
    known = _known(w, load.name)
    cycled = order.remedy.method is Method.CYCLE
    allowed = LOADS[load.name]
    for span_s, most, cycles in (
        (3600.0, allowed.an_hour, allowed.cycles_an_hour),
        (86_400.0, allowed.a_day, allowed.cycles_a_day),
    ):
        since_s = w.now_s - span_s * 0.999 + SLACK_S
        if span_s > 3600.0:
            since_s = max(since_s, w.judge.ruined_s)
        lately = [one for one in known if one.began_s > since_s]
        count, cycle = len(lately) + 1, sum(one.cycled for one in lately) + 1
        if count > most or (cycled and cycle > cycles):
            return f"{order.remedy.name} is restart {count} and cycle {cycle} of {load.name} in {span_s / 3600:.0f} h"
    return ""


@invariant("restart")
def boot_awaited(w: World, moment: Moment) -> str:
    """A device is not restarted again while it still boots from the last restart of ours."""
    load = order_of(moment).load.name
    last = next((one for one in reversed(w.place.restarts) if one.load == load and not one.forgotten), None)
    if last is None or last.ready_s != w.place.ready_s(load) or w.now_s >= last.ready_s:
        return ""
    return f"{order_of(moment).remedy.name} while {load} had {last.ready_s - w.now_s:.0f} s of its boot to go"


@invariant("act")
def upstream_respected(w: World, moment: Moment) -> str:
    """No load is acted upon while what feeds it with power or network is being acted upon or still boots."""
    order, board = order_of(moment), w.board
    for name in LOADS[order.load.name].fed_by:
        under_way = board is not None and any(one.load.name == name for one in board.acts.values())
        last = next((one for one in reversed(w.place.restarts) if one.load == name and not one.forgotten), None)
        boots = last is not None and last.ready_s == w.place.ready_s(name) and w.now_s < last.ready_s
        if under_way or boots:
            return f"{order.remedy.name} while {name} was {'under way' if under_way else 'booting'}"
    return ""


@invariant("act")
def stagger_held(w: World, moment: Moment) -> str:
    """Two acts on relays do not begin within 2 s of each other."""
    order = order_of(moment)
    since_s = w.now_s - w.judge.relay_act_s
    if order.remedy.method is Method.API or since_s >= STAGGER_S * 0.999 - 0.01:
        return ""
    return f"{order.remedy.name} {since_s:.1f} s after another relay act"


@invariant("relay")
def inrush_staggered(w: World, moment: Moment) -> str:
    """No load is given power within 2 s of another, but at the agent's own start and end, when all of them get it.

    An outlet of the network takes its order when it answers: it is one among few, and no part of this.
    """
    last_s, last = w.judge.powered
    outlets = w.place.outlets.keys()
    if w.board is None or w.board.stopping or last in ("", moment.load) or not outlets.isdisjoint({last, moment.load}):
        return ""
    since_s = w.now_s - last_s
    return f"{moment.load} {since_s:.1f} s after {last}" if since_s < STAGGER_S * 0.999 - 0.01 else ""


@invariant("act")
def supply_respected(w: World, moment: Moment) -> str:
    """Nothing is restarted on battery, within 60 s of bad mains, or while water may form, as far as sensors tell."""
    order, ledger, now_s = order_of(moment), w.ledger, w.now_s
    if not order.remedy.restarts:
        return ""
    if ledger.fresh("ups.on_battery", now_s) is True:
        return f"{order.remedy.name} on battery"
    if now_s - ledger.supply_bad_s < MAINS_CALM_S * 0.999 - SLACK_S:
        return f"{order.remedy.name} {now_s - ledger.supply_bad_s:.0f} s after bad mains"
    return f"{order.remedy.name} while water may form" if ledger.wet(now_s) else ""


@invariant("restart")
def upgrade_never_cut(w: World, moment: Moment) -> str:
    """Codec and switch are not restarted while the codec takes new firmware, as far as it has said so in the last hour:
    it could not survive that."""
    order, said = order_of(moment), w.ledger.said.get("codec.upgrading")
    if order.load.name not in ("codec", "switch") or not w.place.codec.upgrading or said is None:
        return ""
    ago_s = w.now_s - said.good_at_s
    known = said.good is True and ago_s < UPGRADE_MAX_S - SLACK_S
    return f"{order.remedy.name} while the codec took new firmware, as said {ago_s:.0f} s before" if known else ""


@invariant("step")
def off_time_bounded(w: World, _moment: Moment) -> str:
    """No load that must be on stays cut beyond its off time; after a crash it has power 5 s after the start.

    Where its line fails or its outlet cannot be reached, the same counts from the end of that; an outlet is tried again
    within 40 s.
    """
    for load, since_s in w.place.cut_since.items():
        if LOADS[load].may_stay_off:
            continue
        dead_s = w.ledger.dead_for_s(w.now_s) - w.judge.dead_at_cut.get(load, 0.0)
        off_s = w.now_s - since_s - dead_s
        w.place.in_reach(load, w.now_s)
        reach_s = w.now_s - w.place.out_of_reach_s.get(load, float("-inf"))
        patience_s = OUTLET_RETRY_S if load in w.place.outlets else RESTORE_S
        if off_s > LOADS[load].off_s * 1.001 + RESTORE_S and reach_s > patience_s:
            return f"{load} is without power for {off_s:.0f} s"
    return ""
