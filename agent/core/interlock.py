"""The only place that can authorise an act. Every refusal has a name; what is not known never authorises.

The order of the checks is the order in which an operator wants to hear of them: what can never be done first, then what
would harm a meeting, then what would harm the equipment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from agent.core import stages
from agent.core.air import condensing
from agent.core.facts import Instant, NoReading, Reading, View, plausible
from agent.core.leases import leased
from agent.core.lifecycles import StageState
from agent.core.maintenance import maintained
from agent.core.meeting_guard import far_from_meetings, meeting_spared
from agent.core.phases import OPEN
from agent.core.policy import Policy
from agent.core.reasons import ALLOWED, Decision, Reason, first_refusal, refused_if
from agent.core.remedies import Load, Method, Remedy
from agent.core.schedule import trial_runs
from agent.core.state import LoadState, RoomState

HOUR_S = 3600.0
DAY_S = 86400.0

WITNESSES = frozenset({"codec.in_call", "codec.draw_w"})
"""The facts that have a say about a call."""

_UNASKED = NoReading("never")

RELAY_METHODS = frozenset({Method.CYCLE, Method.ON, Method.OFF})
CUTTING = frozenset({Method.CYCLE, Method.OFF})


def permit(
    remedy: Remedy,
    state: RoomState,
    now: Instant,
    *,
    own: bool = False,
    staged: bool = False,
    leased: bool = False,
    grave: bool = False,
    confirmed: bool = False,
) -> Decision:
    """Whether this act may begin at this moment.

    `own`: the room's own decision, which a connected hub has to lease; an order comes from the hub already. `staged`:
    it is the present stage of the room's return, which all other acts have to wait for; near a meeting it is then as
    ordered, or as grave, as what the whole room is restarted for still is. `leased`: this very act has
    used up its lease, and is asked about again. `grave`: the fault leaves the room without a meeting. `confirmed`: the
    order carries the word of a person in the room that the running meeting has neither picture nor sound.
    """
    policy = state.policy
    load = policy.load_of(remedy)
    checks = [_possible(remedy, load, policy), _idle(load, state, now)]
    if not staged and _returning(load, state):
        checks.append(Decision(Reason.RETURNING))
    view = state.view(now)
    if remedy.restarts:
        ordered, grave = stages.stands_for(state, now) if staged else (not own, grave)
        checks += [
            _attended(view, policy),
            maintained(state, now),
            _undisturbed(load, load.in_call_path, view, policy),
            meeting_spared(remedy, load, state, now, ordered=ordered, grave=grave, confirmed=confirmed)
            if load.in_call_path
            else ALLOWED,
            _way_out(remedy, load, state),
            _supply(state, now),
            _limits(remedy, load, state, now),
        ]
        if own and not staged and not leased:
            checks.append(_leased(view, state, now))
    elif remedy.method is Method.OFF or remedy.outside_calls:
        needed = load.needed_in_call or remedy.outside_calls
        checks += [
            _attended(view, policy),
            maintained(state, now),
            _undisturbed(load, needed, view, policy),
            far_from_meetings(state, now) if needed else ALLOWED,
        ]
    if remedy.trial_only and not trial_runs(policy, now, state.times):
        checks.append(Decision(Reason.NOT_A_TRIAL))
    if remedy.method is Method.ON:
        checks.append(_discharged(load, state, now))
    if remedy.method in RELAY_METHODS:
        checks.append(_staggered(remedy, load, state, now))
    if disturbs_a_call(remedy, load):
        checks.append(witnessed(view, policy))
    return first_refusal(checks)


def disturbs_a_call(remedy: Remedy, load: Load) -> bool:
    """Whether a call would suffer from the act: then both witnesses must have been asked just now."""
    disturbs = load.in_call_path if remedy.restarts else load.needed_in_call and remedy.method is Method.OFF
    return disturbs or remedy.outside_calls


def needs_a_last_look(remedy: Remedy) -> bool:
    """Whether the interlock is asked once more before the act is handed over; see `agent.core.handover`."""
    takes_away = remedy.restarts or remedy.method is Method.OFF or remedy.outside_calls
    return (takes_away or remedy.trial_only) and remedy.method is not Method.STAGED


def must_hurry(remedy: Remedy, load: Load) -> bool:
    """Whether it may not begin any more when it has waited for a lock or a log-in longer than a witness is good for."""
    return disturbs_a_call(remedy, load) or remedy.trial_only


def _possible(remedy: Remedy, load: Load, policy: Policy) -> Decision:
    if policy.safe_mode:
        return Decision(Reason.SAFE_MODE)
    if remedy.method is Method.API:
        return refused_if(remedy.name not in policy.apis, Reason.NOT_FITTED)
    if remedy.method is Method.STAGED:
        return refused_if(not policy.relays, Reason.NOT_FITTED)
    if load.name not in policy.relays or not load.on_relay:
        return Decision(Reason.NOT_FITTED)
    if remedy.method in CUTTING and load.never_cut:
        return Decision(Reason.PROJECTOR)
    return refused_if(remedy.method is Method.OFF and not load.may_stay_off, Reason.NOT_FITTED)


def _idle(load: Load, state: RoomState, now: Instant) -> Decision:
    if state.load(load.name).act_id:
        return Decision(Reason.LOAD_BUSY)
    if not load.on_relay and state.acts:
        return Decision(Reason.LOAD_BUSY)  # it stands for all of them: the room, or the board that does the switching
    for name in load.upstream:
        above = state.load(name)
        if above.act_id or now.mono_s < above.settle_until_s:
            return Decision(Reason.UPSTREAM_DOWN)
    return ALLOWED


def _discharged(load: Load, state: RoomState, now: Instant) -> Decision:
    off_since_s = state.load(load.name).off_since_s
    return refused_if(off_since_s is not None and now.mono_s - off_since_s < load.min_off_s, Reason.MIN_OFF)


def _returning(load: Load, state: RoomState) -> bool:
    """Whether the room comes back stage by stage, and it is not this load's turn yet."""
    staged = state.staged
    if staged is None:
        return False
    later = staged.stages[1:] if staged.stands is StageState.SWITCHED else staged.stages
    return load.name in later or not load.on_relay


def _attended(view: View, policy: Policy) -> Decision:
    """Refuse while somebody at the equipment holds it; that word outlives its source for a while."""
    held = view.seen("room.attended").good is True
    still = held and view.good_age_s("room.attended") < policy.guards.attended_max_s
    return refused_if(still, Reason.ATTENDED)


def _way_out(remedy: Remedy, load: Load, state: RoomState) -> Decision:
    """The agent's own way to the hub: only when that way is the fault, and once for each fault."""
    if not load.own_uplink:
        return ALLOWED
    faults = [
        fault
        for name, fault in state.faults.items()
        if fault.phase in OPEN and name in state.rules and remedy.name in state.rules[name].ladder
    ]
    if not faults:
        return Decision(Reason.OWN_UPLINK)
    since_s = min(fault.since_s for fault in faults)
    return refused_if(any(at_s >= since_s for at_s in state.load(load.name).acts_s), Reason.UPLINK_ONCE)


def _leased(view: View, state: RoomState, now: Instant) -> Decision:
    """The fleet's budget. Without a hub that answers, the room's own limits have to do."""
    asks = state.policy.guards.lease_wait_s > 0 and view.is_true("hub.session")
    return leased(state, now) if asks else ALLOWED


def people_may_cut(state: RoomState, now: Instant) -> Decision:
    """Whether people may take power from the room's equipment, whatever else forbids it to the machine."""
    view = state.view(now)
    return first_refusal([_attended(view, state.policy), _upgrading(view, state.policy), _supply(state, now)])


def _upgrading(view: View, policy: Policy) -> Decision:
    """Refuse while the codec takes new firmware; that word outlives its source for a while."""
    taking = view.seen("codec.upgrading").good is True
    still = taking and view.good_age_s("codec.upgrading") < policy.guards.upgrade_max_s
    return refused_if(still, Reason.UPGRADING)


def _undisturbed(load: Load, needed: bool, view: View, policy: Policy) -> Decision:
    upgrading = _upgrading(view, policy)
    if not upgrading.allowed and load.name in ("codec", "switch", "room"):
        return upgrading
    return no_call(view, policy) if needed else ALLOWED


def _staggered(remedy: Remedy, load: Load, state: RoomState, now: Instant) -> Decision:
    """Keep relays apart both when they move and, for the inrush, when the cycles under way will give power back."""
    policy = state.policy
    moves_s = (now.mono_s, now.mono_s + load.off_s) if remedy.method is Method.CYCLE else (now.mono_s,)
    others_s = [] if state.last_relay_s is None else [state.last_relay_s]
    others_s += [
        act.started_s + policy.load_of(policy.remedies[act.remedy]).off_s
        for act in state.acts.values()
        if policy.remedies[act.remedy].method is Method.CYCLE
    ]
    near = any(abs(move_s - other_s) < policy.guards.stagger_s for move_s in moves_s for other_s in others_s)
    return refused_if(near, Reason.STAGGER)


def witnessed(view: View, policy: Policy) -> Decision:
    """Whatever has a say about a call must say it now: one may have begun since an older look.

    One that has not been asked for long, as after a pause of the whole board, is asked first; one that was asked and
    gave no answer is not waited for.
    """
    for key in WITNESSES:
        if view.value(key) is not None:
            too_old = view.good_age_s(key) > policy.guards.witness_s
        else:
            too_old = view.fitted(key) and not view.silent(key)
        if too_old:
            return Decision(Reason.LOOKING)
    return ALLOWED


def mains_bad(view: View, policy: Policy) -> bool:
    """Whether the mains is freshly seen outside its limits, or lost."""
    return _bad(view.value("ups.on_battery"), view.value("mains.voltage_v"), policy)


def shows_bad_mains(readings: Mapping[str, Reading], policy: Policy) -> bool:
    """Whether one look by itself says so, however many newer ones were quicker."""
    battery, volts = (plausible(key, readings.get(key, _UNASKED)) for key in ("ups.on_battery", "mains.voltage_v"))
    return _bad(battery, volts, policy)


def _bad(battery: Reading | None, volts: Reading | None, policy: Policy) -> bool:
    limits = policy.thresholds
    if isinstance(volts, int | float) and not isinstance(volts, bool):
        return battery is True or not limits.mains_low_v <= volts <= limits.mains_high_v
    return battery is True


def _supply(state: RoomState, now: Instant) -> Decision:
    view = state.view(now)
    if view.is_true("ups.on_battery"):
        return Decision(Reason.ON_BATTERY)
    bad_s = state.mains_bad_s
    if bad_s is not None and now.mono_s - bad_s < state.policy.guards.mains_calm_s:
        return Decision(Reason.MAINS_UNSTABLE)
    return refused_if(condensing(view, state.policy.thresholds) is True, Reason.CONDENSATION)


def _limits(remedy: Remedy, load: Load, state: RoomState, now: Instant) -> Decision:
    own = state.load(load.name)
    # A staged boot goes through all loads: one that waits for a person makes the whole of it theirs.
    if own.latched or (remedy.method is Method.STAGED and any(x.latched for x in state.loads.values())):
        return Decision(Reason.LATCHED)
    if now.mono_s < own.settle_until_s:
        return Decision(Reason.SETTLING)
    if own.acts_s and now.mono_s - own.acts_s[-1] < load.hold_on_s:
        return Decision(Reason.HOLD_ON)
    left = _left(remedy, load, own, now)
    if left.allowed or not state.undated:
        return left
    # Restarts of earlier boots whose age nobody knows yet: nothing else is tried in the place of this one meanwhile.
    dated = _left(remedy, load, _dated_only(own, load, state), now)
    return Decision(Reason.CLOCK_UNKNOWN) if dated.allowed else left


def _dated_only(own: LoadState, load: Load, state: RoomState) -> LoadState:
    booked_s = [one.booked_s for one in state.undated if one.load == load.name]
    return replace(
        own,
        acts_s=tuple(at_s for at_s in own.acts_s if at_s not in booked_s),
        cycles_s=tuple(at_s for at_s in own.cycles_s if at_s not in booked_s),
    )


def within_budgets(remedy: Remedy, state: RoomState, now: Instant) -> Decision:
    """Whether its load has restarts left of this hour and this day, whatever else speaks for or against it."""
    load = state.policy.load_of(remedy)
    return _left(remedy, load, state.load(load.name), now)


def _left(remedy: Remedy, load: Load, own: LoadState, now: Instant) -> Decision:
    """Whether the load has restarts left of this hour and this day."""
    if sum(now.mono_s - at_s < HOUR_S for at_s in own.acts_s) >= load.budget_per_hour:
        return Decision(Reason.BUDGET_HOUR)
    if sum(now.mono_s - at_s < DAY_S for at_s in own.acts_s) >= load.budget_per_day:
        return Decision(Reason.BUDGET_DAY)
    if remedy.method is not Method.CYCLE:
        return ALLOWED
    if sum(now.mono_s - at_s < DAY_S for at_s in own.cycles_s) >= load.cycles_per_day:
        return Decision(Reason.BUDGET_DAY)
    cycled = sum(now.mono_s - at_s < HOUR_S for at_s in own.cycles_s)
    return refused_if(cycled >= load.cycles_per_hour, Reason.BUDGET_HOUR)


def shows_a_call(readings: Mapping[str, Reading], policy: Policy) -> bool:
    """Whether one look by itself says that a call is up."""
    draw_w, call_w = readings.get("codec.draw_w"), policy.thresholds.call_draw_w
    drawing = call_w > 0 and isinstance(draw_w, int | float) and draw_w >= call_w
    return readings.get("codec.in_call") is True or drawing


def no_call(view: View, policy: Policy) -> Decision:
    """Whether certainly no call is up, from two witnesses: the codec's own word and its draw.

    A codec that has gone silent is believed only as far as its draw agrees: without a calibrated meter nothing is known
    of it.
    """
    word = view.value("codec.in_call")
    draw_w = view.number("codec.draw_w")
    limits = policy.thresholds
    calibrated = limits.call_draw_w > 0
    drawing_call = calibrated and draw_w is not None and draw_w >= limits.call_draw_w
    if word is True:
        return Decision(Reason.IN_CALL)
    if word is False:
        return refused_if(drawing_call, Reason.WITNESSES_DISAGREE)
    if draw_w is None:
        return Decision(Reason.CALL_UNKNOWN)
    last = view.seen("codec.in_call")
    if last.good is not False and view.good_age_s("codec.in_call") < policy.guards.call_grace_s:
        return Decision(Reason.CALL_UNKNOWN)  # one odd reading of a meter does not end a call
    if draw_w < limits.codec_alive_w:
        return ALLOWED  # without power there is no call
    return refused_if(not calibrated or drawing_call, Reason.CALL_UNKNOWN)


def in_call(view: View, policy: Policy) -> bool | None:
    """Whether a call is up; None where nobody can tell."""
    decision = no_call(view, policy)
    return False if decision.allowed else True if decision.reason is Reason.IN_CALL else None
