"""How an incident stands now, and who has to do something: by its room's newest state, else by its own events."""

from __future__ import annotations

from dataclasses import replace

from hub.core.liveness import EPOCH
from hub.store.read.read_incidents import Incident
from wire import messages as m
from wire.telling import Moment, Need, need_of

STATE_OLD_S = 900.0
"""A room says every 10 min how it stands. What it said before that rules out no call."""


def need(incident: Incident, now_s: float) -> Need:
    """Who has to do something about it. An open one has to have its room's last word; see `read_incidents.TOLD`."""
    if incident.often_s and (incident.is_open or incident.lingers(now_s)):
        return Need.PERSON
    if not incident.is_open:
        return Need.NONE
    if incident.epoch == EPOCH:  # the hub's own: no machine of the room's has a part in it
        return Need.PERSON if incident.needs_person else Need.WATCH
    state = incident.last.state
    # The state may be older than the event that made it certain.
    return need_of(moment(incident, state, fault_now(incident, state), now_s)) or Need.MACHINE


def fault_now(incident: Incident, state: m.State | None) -> m.FaultNow | None:
    """The incident's fault in the room's newest state."""
    if state is None or state.stamp.epoch != incident.epoch:
        return None
    return next((fault for fault in state.faults if fault.fault_id == incident.fault_id), None)


def moment(incident: Incident, state: m.State | None, fault: m.FaultNow | None, now_s: float) -> Moment:
    """How the incident's fault stands: what `wire.telling` needs to know of it."""
    last, found = incident.last, _by_events(incident)
    if state is None:
        return replace(found, heard=last.heard)
    age_s = max(0.0, now_s - last.state_s)
    if fault is not None:
        refused = fault.refused or (found.refused if fault.phase == "escalated" else "")
        left_s = fault.left_s - age_s if fault.left_s else 0.0
        found = Moment(fault.phase, refused, fault.act, fault.acts, fault.takes_s, left_s)
    call = state.in_call if age_s < STATE_OLD_S else None
    return replace(found, call=call, dark=last.dark(now_s), heard=last.heard, hands_off=state.hands_off)


def _by_events(incident: Incident) -> Moment:
    """What is known without the room's state: which act comes next is not."""
    act = incident.remedies[-1] if incident.remedies and not incident.refused else ""
    return Moment(incident.phase, incident.refused, act, len(incident.remedies))
