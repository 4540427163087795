"""docs/engine.md: phases, refusals, loads and remedies, written from the tables the engine itself runs on."""

from __future__ import annotations

from agent.core import boots
from agent.core.interlock import PASSING, QUIET, Reason
from agent.core.phases import Phase, Signal, diagram
from agent.core.policy import Guards
from agent.core.remedies import LOADS, OFF_MAX_S, REMEDIES
from agent.core.state import LoadState

PHASES = {
    Phase.CLEAR: "nothing is known against it",
    Phase.SUSPECTED: "at least one strike, not yet enough",
    Phase.CONFIRMED: "certain: a remedy is sought, or waits for permission",
    Phase.REMEDYING: "an act of the room's own is under way",
    Phase.SETTLING: "the act is done and its effect awaited; misses are not counted",
    Phase.ESCALATED: "a person is needed",
}
SIGNALS = {
    Signal.STRIKE: "a fresh symptom",
    Signal.CERTAIN: "the last strike that was needed",
    Signal.PASS: "a healthy look while only suspected, or the suspicion grew old",
    Signal.RECOVERED: "enough healthy looks in a row",
    Signal.ACT: "the interlock permitted a rung",
    Signal.ACT_DONE: "the act reported success",
    Signal.ACT_FAILED: "the act failed, or had no effect within its settle time: the next rung",
    Signal.GIVE_UP: "no rung left, or permission took too long",
    Signal.REARM: "what forbade the rung has passed, or the cool-off is over",
}

_G = Guards()
REFUSALS = {
    Reason.SAFE_MODE: "The agent crashed repeatedly and only reports until a person has looked.",
    Reason.NOT_FITTED: "The room has no relay or interface for it, or the load must never stay off.",
    Reason.UNKNOWN_ACTION: "No remedy has this name.",
    Reason.MAINTENANCE: "A maintenance window is open; with an undisciplined clock it counts as open.",
    Reason.IN_CALL: "The codec says that a call is connected, being set up or torn down.",
    Reason.CALL_UNKNOWN: "Neither witness can rule a call out: the codec is silent and its draw does not settle it.",
    Reason.WITNESSES_DISAGREE: "The codec denies a call, and draws as much as in one.",
    Reason.MEETING_NEAR: f"A meeting runs, or begins within {_G.meeting_near_s / 60:.0f} min.",
    Reason.CLOCK_UNKNOWN: "Meetings are planned, and the clock is not disciplined: one may be near.",
    Reason.ON_BATTERY: "The UPS runs from its battery.",
    Reason.MAINS_UNSTABLE: f"The mains has not been good for {_G.mains_calm_s:.0f} s yet.",
    Reason.CONDENSATION: "Water may form on the equipment: switching could destroy it.",
    Reason.LOAD_BUSY: "Another act on the same load is under way.",
    Reason.UPSTREAM_DOWN: "What feeds the load with power or network is being restarted.",
    Reason.SETTLING: "The load was restarted a moment ago and may still be booting.",
    Reason.HOLD_ON: "The load was restarted less than its shortest hold time ago.",
    Reason.STAGGER: f"Another relay moved less than {_G.stagger_s:.0f} s ago: inrush currents must not add up.",
    Reason.BUDGET_HOUR: "The load has had all its restarts of this hour: one more would not help.",
    Reason.BUDGET_DAY: "The load has had all its restarts of this day.",
    Reason.FLAPPING: "The symptom comes and goes too often to be acted upon; it is told all the same.",
    Reason.NO_EVIDENCE: "The fault is no longer seen freshly: old evidence authorises nothing.",
    Reason.NO_JOURNAL: "The intent could not be written down, so the act is not begun.",
}


def page() -> str:
    """The whole page. Raises KeyError for a phase, signal or refusal that nobody has explained."""
    phases = "\n".join(f"| `{phase}` | {PHASES[phase]} |" for phase in Phase)
    signals = "\n".join(f"| `{signal}` | {SIGNALS[signal]} |" for signal in Signal)
    refusals = "\n".join(f"| `{reason}` | {REFUSALS[reason]} | {_then(reason)} |" for reason in Reason)
    loads = "\n".join(
        f"| `{x.name}` | {'yes' if x.in_call_path else 'no'} | {x.boot_s:.0f} s | {x.off_s:.0f} s | "
        f"{x.hold_on_s:.0f} s | {x.budget_per_hour} / {x.budget_per_day} | {'yes' if x.may_stay_off else 'never'} |"
        for x in LOADS.values()
    )
    remedies = "\n".join(
        f"| `{r.name}` | {r.vi} / {r.en} | {r.load} | {r.method} | {settle_s:.0f} s |"
        for r in REMEDIES.values()
        for settle_s in (boots.settle_s(r, LOADS[r.load], LoadState(), 1.0),)
    )
    return f"""\
<!-- Written by `make docs` from agent/core/. Do not edit. -->

# The engine

`agent/core/engine.py` is one pure function: a room, an event and a moment give the room after it and the effects to
perform. It has no clock, no randomness, no input or output; the loop commits what it returns before anything is done.

## Phases

```mermaid
{diagram()}
```

| phase | meaning |
|---|---|
{phases}

| signal | when |
|---|---|
{signals}

An act that is permitted begins only after its intent has been committed to the journal; on the next start an act that
was under way is finished safely first. A fault that waits longer than {_G.refused_escalate_s:.0f} s for permission
goes to a person, and is tried again when the reason has passed, or after {_G.rearm_s / 60:.0f} min.

## Refusals

`agent/core/interlock.py` is the only place that can authorise an act. What is not known never authorises. Each refusal
has a name, and that name is on the console. A refusal that may pass makes the rung wait; after any other the next rung
is tried.

| refusal | why | then |
|---|---|---|
{refusals}

## Loads

The load owns the times: two rules over one codec would otherwise restart it and cut its power at once. Boot times are
first guesses, and a room measures its own. It may set other values; no cycle keeps a load without power for more than
{OFF_MAX_S:.0f} s.

| load | a call dies with it | boots in | off for | between restarts | restarts an hour / a day | may stay off |
|---|---|---|---|---|---|---|
{loads}

## Remedies

| remedy | | load | how | effect awaited for |
|---|---|---|---|---|
{remedies}
"""


def _then(reason: Reason) -> str:
    if reason not in PASSING:
        return "next rung"
    return "waits, silently" if reason in QUIET else "waits"
