"""The one act that fits an incident now, and what the room says to it: next to what is told, not a page away."""

from __future__ import annotations

from dataclasses import dataclass

from hub.console.acting.dangers import danger, effect
from hub.console.present import until
from hub.console.words import Words
from hub.core.liveness import EPOCH
from hub.store.read import standing
from hub.store.read.read_incidents import Incident
from wire.bounds import CONFIRMABLE
from wire.telling import ACTING, stance_of


@dataclass(frozen=True, slots=True)
class Fitting:
    """The act and what speaks against it. Without an `act`, `said` says why there is none."""

    act: str = ""
    effect: str = ""
    danger: str = ""
    said: str = ""
    """Why the room would refuse it just now, and until when; empty: it would not."""
    confirmable: bool = False
    """Whether somebody's word, from the room, that there is neither picture nor sound would make the room do it."""


def fitting(t: Words, incident: Incident, now_s: float) -> Fitting | None:
    """The act that the room itself would take next; None where acts have no part in it."""
    if not incident.is_open or incident.epoch == EPOCH:
        return None
    state = incident.last.state
    if not incident.last.heard or state is None:
        return Fitting(said=t("fit.unheard"))
    fault = standing.fault_now(incident, state)
    now = standing.moment(incident, state, fault, now_s)
    if stance_of(now) in ACTING:
        return Fitting(said=t("fit.at_it"))
    offered = next((one for one in state.actions if one.remedy == now.act), None)
    if offered is None:
        return Fitting(said=t("fit.none"))
    said = ""
    if offered.refused:
        said = t("fit.refused", why=t.why(offered.refused))
        if offered.refused == now.refused and now.left_s > 0:
            said += " " + t("fit.not_before", time=until(now.left_s, now_s))
    near = offered.refused == "meeting_near" and now.act in CONFIRMABLE
    return Fitting(now.act, t(effect(now.act)), danger(now.act), said, near)
