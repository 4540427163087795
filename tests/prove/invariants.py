"""What is promised, as code: each invariant is a function with one sentence, and docs/safety.md shows the same list.

Each is checked whenever its moment comes, against the truth of the physics and of the harness' own account, never
against what the agent believes. It returns what is wrong, or an empty text.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from agent.core.air import dew_point_c
from agent.core.events import StartRemedy
from agent.core.phases import OPEN, Phase
from agent.core.policy import Guards, Thresholds
from agent.core.remedies import LOADS, Method
from agent.store.base import Batch
from tests.prove.sim.card import SimStore
from tests.prove.sim.chaos import SETTLED_S
from tests.prove.sim.clock import EPOCH_S
from tests.prove.sim.ledger import same_event
from tests.prove.sim.place import CALL_PATH
from tests.prove.sim.senses import CALL_DRAW_W

if TYPE_CHECKING:
    from tests.prove.sim.world import World

When = Literal["act", "restart", "relay", "step", "commit", "ack", "end"]

G, T = Guards(), Thresholds()
SHOWN_S = G.witness_s + 2.0
"""A call that is up for this long has been seen, since witnesses have to be that fresh, and an order takes a moment to
be committed and to reach its device. A younger one may have been seen; if so it counts as well."""
SLACK_S = 3.0
"""Between the true clock and a disciplined one, and for what an act takes to begin."""
RESTORE_S = 5.0
"""A load gets its power back this long after its time at most, and after a start of the agent."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What is happening just now; the fields that belong to it are set."""

    order: StartRemedy | None = None
    call_up_s: float = -1.0
    load: str = ""
    on: bool = False
    batch: Batch | None = None
    seq: int = 0


Check = Callable[["World", Moment], str]


@dataclass(frozen=True, slots=True)
class Invariant:
    """One promise."""

    name: str
    says: str
    when: When
    check: Check


INVARIANTS: dict[str, Invariant] = {}


def invariant(when: When) -> Callable[[Check], Check]:
    """Register a promise and the moment at which it is checked."""

    def register(check: Check) -> Check:
        name = check.__name__
        INVARIANTS[name] = Invariant(name, " ".join((check.__doc__ or "").split()), when, check)
        return check

    return register


def at(when: When) -> Iterator[Invariant]:
    """Those to check at this moment."""
    return (one for one in INVARIANTS.values() if one.when == when)


def _order(moment: Moment) -> StartRemedy:
    assert moment.order is not None
    return moment.order


# -- calls and people


@invariant("restart")
def call_never_cut(w: World, moment: Moment) -> str:
    """No load in a call's path is cut or restarted while a call is up, unless it began within the last few seconds."""
    order = _order(moment)
    if order.load.name not in CALL_PATH or moment.call_up_s < 0:
        return ""
    if not w.ledger.call_shown and moment.call_up_s < SHOWN_S:
        w.ledger.blind_cuts += 1
        return ""
    return f"{order.remedy.name} cut a call that had been up for {moment.call_up_s:.0f} s"


@invariant("act")
def unknown_never_authorises(w: World, moment: Moment) -> str:
    """An act in a call's path begins only when a fresh witness denies a call, and no fresh witness shows one."""
    order, now_s, ledger = _order(moment), w.now_s, w.ledger
    if not order.remedy.restarts or order.load.name not in CALL_PATH:
        return ""
    word, draw_w = ledger.fresh("codec.in_call", now_s), ledger.number("codec.draw_w", now_s)
    if word is True or (draw_w is not None and draw_w >= CALL_DRAW_W):
        return f"{order.remedy.name} began although a witness showed a call (word {word}, draw {draw_w})"
    if word is False:
        return ""
    if draw_w is None:
        return f"{order.remedy.name} began and nothing was known of a call (word {word}, draw {draw_w})"
    said = ledger.said.get("codec.in_call")
    if said is not None and said.good is True and now_s - said.good_at_s < G.call_grace_s - SLACK_S:
        return f"{order.remedy.name} began {now_s - said.good_at_s:.0f} s after the codec had spoken of a call"
    return ""


@invariant("act")
def meeting_undisturbed(w: World, moment: Moment) -> str:
    """Nothing in a call's path is restarted from 15 minutes before a meeting that the room knows of until its end."""
    order = _order(moment)
    if not order.remedy.restarts or order.load.name not in CALL_PATH or w.judge.force is None:
        return ""
    wall_s = EPOCH_S + w.now_s
    for meeting in w.judge.force.meetings:
        if meeting.start_s - G.meeting_near_s + SLACK_S <= wall_s < meeting.end_s - SLACK_S:
            return f"{order.remedy.name} began {meeting.start_s - wall_s:.0f} s before the start of a meeting"
    return ""


@invariant("act")
def maintenance_respected(w: World, moment: Moment) -> str:
    """Nothing is restarted while people work on the room."""
    order, force = _order(moment), w.judge.force
    if not order.remedy.restarts or force is None or EPOCH_S + w.now_s >= force.maintenance_until_s - SLACK_S:
        return ""
    return f"{order.remedy.name} began in a maintenance window"


# -- loads and their limits


@invariant("act")
def one_remedy_per_load(w: World, moment: Moment) -> str:
    """Never are two acts under way on one load."""
    order, board = _order(moment), w.board
    others = [one for one in board.acts.values() if one.load.name == order.load.name] if board else []
    return f"{order.remedy.name} began while {others[0].remedy.name} was under way" if others else ""


@invariant("restart")
def hold_on_held(w: World, moment: Moment) -> str:
    """Between two restarts of a load lies its hold time, whatever crashes, reboots and clock steps come between."""
    order = _order(moment)
    ago_s = [w.now_s - one.began_s for one in w.place.restarts if one.load == order.load.name and not one.forgotten]
    if ago_s and min(ago_s) < LOADS[order.load.name].hold_on_s * 0.999 - SLACK_S:
        return f"{order.remedy.name} {min(ago_s):.0f} s after the last restart of {order.load.name}"
    return ""


@invariant("restart")
def budget_held(w: World, moment: Moment) -> str:
    """No load is restarted more often an hour or a day than its budget allows, across crashes and clock steps.

    A journal that can no longer be read takes the day's count with it, and only that.
    """
    order, load = _order(moment), _order(moment).load
    known = [one for one in w.place.restarts if one.load == load.name and not one.forgotten]
    cycled = order.remedy.method is Method.CYCLE
    allowed = LOADS[load.name]
    for span_s, most, cycles in (
        (3600.0, allowed.budget_per_hour, allowed.cycles_per_hour),
        (86_400.0, allowed.budget_per_day, allowed.cycles_per_day),
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
    load = _order(moment).load.name
    last = next((one for one in reversed(w.place.restarts) if one.load == load and not one.forgotten), None)
    if last is None or last.ready_s != w.place.ready_s(load) or w.now_s >= last.ready_s:
        return ""
    return f"{_order(moment).remedy.name} while {load} had {last.ready_s - w.now_s:.0f} s of its boot to go"


@invariant("act")
def upstream_respected(w: World, moment: Moment) -> str:
    """No load is acted upon while what feeds it with power or network is being acted upon or still boots."""
    order, board = _order(moment), w.board
    for name in LOADS[order.load.name].upstream:
        under_way = board is not None and any(one.load.name == name for one in board.acts.values())
        last = next((one for one in reversed(w.place.restarts) if one.load == name and not one.forgotten), None)
        boots = last is not None and last.ready_s == w.place.ready_s(name) and w.now_s < last.ready_s
        if under_way or boots:
            return f"{order.remedy.name} while {name} was {'under way' if under_way else 'booting'}"
    return ""


@invariant("act")
def stagger_held(w: World, moment: Moment) -> str:
    """Two acts on relays do not begin within 2 s of each other."""
    order = _order(moment)
    since_s = w.now_s - w.judge.relay_act_s
    if order.remedy.method is Method.API or since_s >= G.stagger_s * 0.999 - 0.01:
        return ""
    return f"{order.remedy.name} {since_s:.1f} s after another relay act"


@invariant("relay")
def inrush_staggered(w: World, moment: Moment) -> str:
    """No load is given power within 2 s of another, but at the agent's own start and end, when all of them get it."""
    last_s, last = w.judge.powered
    if w.board is None or w.board.stopping or last in ("", moment.load):
        return ""
    since_s = w.now_s - last_s
    return f"{moment.load} {since_s:.1f} s after {last}" if since_s < G.stagger_s * 0.999 - 0.01 else ""


@invariant("act")
def supply_respected(w: World, moment: Moment) -> str:
    """Nothing is restarted on battery, within 60 s of bad mains, or while water may form, as far as sensors tell."""
    order, ledger, now_s = _order(moment), w.ledger, w.now_s
    if not order.remedy.restarts:
        return ""
    if ledger.fresh("ups.on_battery", now_s) is True:
        return f"{order.remedy.name} on battery"
    if now_s - ledger.supply_bad_s < G.mains_calm_s * 0.999 - SLACK_S:
        return f"{order.remedy.name} {now_s - ledger.supply_bad_s:.0f} s after bad mains"
    keys = ("env.temp_c", "env.humidity_pct", "env.rack_temp_c")
    air_c, humid_pct, rack_c = (ledger.number(key, now_s) for key in keys)
    wet = humid_pct is not None and humid_pct > T.humid_pct
    if air_c is not None and humid_pct is not None and rack_c is not None:
        wet = rack_c - dew_point_c(air_c, humid_pct) < T.dew_margin_c
    return f"{order.remedy.name} while water may form" if wet else ""


@invariant("step")
def off_time_bounded(w: World, _moment: Moment) -> str:
    """No load that must be on stays cut beyond its off time; after a crash it has power 5 s after the start."""
    for load, since_s in w.place.cut_since.items():
        if LOADS[load].may_stay_off:
            continue
        dead_s = w.ledger.dead_for_s(w.now_s) - w.judge.dead_at_cut.get(load, 0.0)
        off_s = w.now_s - since_s - dead_s
        if off_s > LOADS[load].off_s * 1.001 + RESTORE_S:
            return f"{load} is without power for {off_s:.0f} s"
    return ""


# -- journal, refusals, orders


@invariant("act")
def intent_before_act(w: World, moment: Moment) -> str:
    """Every act finds its own intent in the journal on the card before it begins."""
    order = _order(moment)
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
    return f"{_order(moment).remedy.name} in safe mode" if board and board.room.state.policy.safe_mode else ""


@invariant("act")
def orders_are_good_and_obeyed_once(w: World, moment: Moment) -> str:
    """Of an operator's orders only those that were good when given lead to an act, and each to one at most."""
    command = _order(moment).act.command
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
        if fault.phase is Phase.CONFIRMED and not fault.refused and waits_s > 2 * SHOWN_S:
            return f"{fault.rule} waits for nothing"
    return ""


# -- events


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


# -- liveness


@invariant("step")
def every_fault_settles(w: World, _moment: Moment) -> str:
    """Once troubles stop, every open fault is clear or with a person within an hour."""
    late = {rule: since_s for rule, since_s in w.judge.waiting_since.items() if w.now_s - since_s > SETTLED_S - SLACK_S}
    return f"neither clear nor escalated: {', '.join(late)}" if late else ""


@invariant("end")
def outbox_drains(w: World, _moment: Moment) -> str:
    """Once troubles stop, the agent runs and its outbox becomes empty."""
    if w.board is None:
        return "no agent is running"
    return f"{w.board.store.pending()} events wait in the outbox" if w.board.store.pending() else ""


@invariant("end")
def hub_and_room_agree(w: World, _moment: Moment) -> str:
    """In the end the hub's open incidents are the room's open faults, in the same phase."""
    board = w.board
    if board is None:
        return "no agent is running"
    room = {f.fault_id: str(f.phase) for f in board.room.state.faults.values() if f.phase in OPEN}
    hub = {int(row["fault_id"]): str(row["phase"]) for row in w.line.hub.incidents(board.store.epoch)}
    return "" if room == hub else f"the room has {room}, the hub {hub}"
