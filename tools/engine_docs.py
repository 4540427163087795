"""docs/engine.md: phases, refusals, loads and remedies, written from the tables the engine itself runs on."""

from __future__ import annotations

import agent.rules
from agent.core import boots
from agent.core.ladder import WITHDRAWN_MAX
from agent.core.meeting_guard import USELESS_LOOKS
from agent.core.phases import TRANSITIONS, Phase, Signal
from agent.core.policy import WAITS, Guards
from agent.core.reasons import PASSING, QUIET, Reason
from agent.core.remedies import LOADS, OFF_MAX_S, REMEDIES, Load
from agent.core.stages import STAGE_BOOTS, STAGES
from agent.core.state import LoadState
from agent.core.transitions import drawing

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
    Signal.WITHDRAWN: "the act was permitted and then not begun: the same rung waits for permission again",
    Signal.REARM: "what forbade the rung has passed, or the cool-off is over",
}

_G = Guards()
SHED = [name for name in STAGES if LOADS[name].shed]
REFUSALS = {
    Reason.SAFE_MODE: "The agent crashed repeatedly and only reports, until half an hour has passed without a crash.",
    Reason.NOT_FITTED: "The room has no relay or interface for it, or the load must never stay off.",
    Reason.UNKNOWN_ACTION: "No remedy has this name.",
    Reason.PROJECTOR: "A projector's lamp has to cool first: no relay cuts it, whatever is configured.",
    Reason.ATTENDED: "Somebody at the equipment has asked it to hold still (`diemcau-agent hold`).",
    Reason.MAINTENANCE: (
        "A maintenance window is open by one of the times that it may be. Where no clock can tell, it counts as open "
        f"for {_G.maintenance_blind_s / 3600:.0f} h at most."
    ),
    Reason.IN_CALL: "The codec says that a call is connected, being set up or torn down.",
    Reason.CALL_UNKNOWN: "Neither witness can rule a call out: the codec is silent and its draw does not settle it.",
    Reason.WITNESSES_DISAGREE: "The codec denies a call, and draws as much as in one.",
    Reason.MEETING_NEAR: (
        f"A meeting runs, or begins so soon that the load would not serve again {_G.meeting_margin_s / 60:.0f} min "
        f"before it; in the last {_G.meeting_near_s / 60:.0f} min the room acts on what leaves it without one alone."
    ),
    Reason.CLOCK_UNKNOWN: (
        "No time server has spoken for a day: a planned meeting may be near. Or the age of earlier restarts is not "
        "known: none has since the start, or what it says stands before them."
    ),
    Reason.UPGRADING: "The codec is taking new firmware: losing power or network now may destroy it.",
    Reason.ON_BATTERY: "The UPS runs from its battery.",
    Reason.MAINS_UNSTABLE: f"The mains has not been good for {_G.mains_calm_s:.0f} s yet.",
    Reason.CONDENSATION: "Water may form on the equipment: switching could destroy it.",
    Reason.OWN_UPLINK: "It is the agent's own way to the hub, and that way is not the fault.",
    Reason.UPLINK_ONCE: "The agent's own way to the hub has been cut once for this fault already.",
    Reason.RETURNING: "The room comes back stage by stage after an outage, and it is not this load's turn.",
    Reason.LOAD_BUSY: "Another act on the same load is under way.",
    Reason.UPSTREAM_DOWN: "What feeds the load with power or network is being restarted.",
    Reason.SETTLING: "The load was restarted a moment ago and may still be booting.",
    Reason.HOLD_ON: "The load was restarted less than its shortest hold time ago.",
    Reason.MIN_OFF: "It was switched off a moment ago, and its supply has not discharged.",
    Reason.STAGGER: f"Another relay moved less than {_G.stagger_s:.0f} s ago: inrush currents must not add up.",
    Reason.BUDGET_HOUR: "The load has had all its restarts of this hour: one more would not help.",
    Reason.BUDGET_DAY: "The load has had all its restarts of this day.",
    Reason.LATCHED: "It was asked for more cycles than a day allows: a person has to clear it (`clear_latches`).",
    Reason.FLEET_BUDGET: "The hub denies it: too many rooms restart something by themselves just now.",
    Reason.LOOKING: f"The last look is over {_G.witness_s:.0f} s old: a call may have begun since. It looks again.",
    Reason.LEASE: "A connected hub has been asked for its leave, and has a moment to answer.",
    Reason.NOT_A_TRIAL: "Only while a trial connection runs: in a meeting a microphone is its people's own.",
    Reason.FLAPPING: "The symptom comes and goes too often to be acted upon; it is told all the same.",
    Reason.NOT_YET: "The fault may pass, or the act be for nothing: its [page](faults/README.md) says how long.",
    Reason.NO_EVIDENCE: "The fault is no longer seen freshly: old evidence authorises nothing.",
    Reason.NO_JOURNAL: "The intent could not be written down, so the act is not begun.",
}


def page() -> str:
    """The whole page. Raises KeyError for a phase, signal or refusal that nobody has explained."""
    phases = "\n".join(f"| `{phase}` | {PHASES[phase]} |" for phase in Phase)
    signals = "\n".join(f"| `{signal}` | {SIGNALS[signal]} |" for signal in Signal)
    refusals = "\n".join(f"| `{reason}` | {REFUSALS[reason]} | {_then(reason)} |" for reason in Reason)
    loads = "\n".join(_load(load) for load in LOADS.values())
    remedies = "\n".join(
        f"| `{r.name}` | {r.vi} / {r.en} | {r.load} | {r.method} | {settle_s:.0f} s |"
        for r in REMEDIES.values()
        for settle_s in (boots.settle_s(r, LOADS[r.load], LoadState()),)
    )
    grave = ", ".join(f"`{rule.name}`" for rule in agent.rules.load() if rule.leaves_no_meeting)
    return f"""\
<!-- Written by `make docs` from agent/core/. Do not edit. -->

# The engine

`agent/core/engine.py` is one pure function: a room, an event and a moment give the room after it and the effects to
perform. It has no clock, no randomness, no input or output; the loop commits what it returns before anything is done.

## Phases

```mermaid
{drawing(TRANSITIONS, Phase.CLEAR)}
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

## Between permit and act

A reading is as old as its question: the moment at which that was sent goes with it. All looks that wait are taken in
before a rule, an order or a tick decides, and so is what the hub wants. When the journal holds the intent, the loop
takes in what has come meanwhile and asks the interlock once more; whatever the card took, an act in the path of a call
begins only on witnesses that were asked less than {_G.witness_s:.0f} s before. Where theirs is older they alone are
asked again, and the act is held for {WAITS.last_look_s:.0f} s at most. A lock or a log-in that takes longer than
{_G.witness_s:.0f} s ends the act unsent, and so does any look that shows a call until its first byte leaves, even
one that the loop has not taken in yet. What is not begun uses up no budget and no leave of the fleet, and the same rung
waits anew; after {WITHDRAWN_MAX} such acts in a row a person is called, and it is tried again after the cool-off, or,
where it lacked the journal alone, as soon as that can be written again.

A board without a battery does not know at its start how long ago earlier restarts were. They count as just done until
a time server has disciplined the clock for the first time, and then at their true age; meanwhile nothing else is tried
in their place. What no clock can date counts so for a day of running boards in all, not for a day after each start.

An order to a device that was not sent because another exchange held its line is no failed remedy: the same rung is
tried again, and only after the third in a row the next one.

## Near a meeting

Before a meeting nothing in the call's path begins that would not serve again {_G.meeting_margin_s / 60:.0f} min before
its start: off time, one and a half times the longer of measured and configured boot, and two looks. In the last
{_G.meeting_near_s / 60:.0f} min the room begins it by itself only for a fault that leaves it without a meeting
({grave}); an order of the
centre may begin whatever is ready in time. A codec to which two independent ways are dead for {USELESS_LOOKS} looks,
while the board's own port has a carrier,
has nothing to lose: one act a load may begin until the start. The whole room that is restarted for such a fault is left
alone as soon as that has passed: the stages to come are left out.

From the start to the end only an order that carries the word of a named person in the room, that there is neither
picture nor sound, once a load; it is refused in a call and where nobody can rule one out. A trial connection is no
meeting in all of this.

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

One cycle more than a day allows latches the load: it waits for a person, who clears it with the order `clear_latches`.

| load | a call dies with it | boots in | off for | between restarts | restarts /h, /d | cycles /h, /d | may stay off |
|---|---|---|---|---|---|---|---|
{loads}

## After an outage

While the mains is lost, what may stay off is switched off in turn ({", ".join(f"`{n}`" for n in SHED)}; nothing a call
needs while a call is possible), so that the UPS lasts longer for the rest. When the mains is back, or the board itself
has started anew, the room waits until it has been good for {_G.return_calm_s:.0f} s, then a share of
{_G.return_spread_s:.0f} s that its own name decides, and returns in this order, each load when the one before serves:
{", ".join(f"`{n}`" for n in STAGES)}. A load that does not serve within {STAGE_BOOTS:.0f} of its boot times is
passed over and told of; what was switched off comes back after {_G.shed_max_s / 3600:.0f} h at the latest.

What came on with the mains starts all at once. A load that may be starting is not taken for faulty until it has been
seen to serve in its turn, or {boots.SETTLE_FACTOR} of its boot times are over; nor is one that is still off.

## The fleet's budget

A room that is connected asks the hub before it restarts something by itself (`lease_wanted`), and uses the leave within
{_G.lease_s:.0f} s, for one act. A hub that does not answer within {_G.lease_wait_s:.0f} s leaves it to the room's own
limits, and so does a lost connection. Orders of operators come from the hub and need no second leave.

## Causes and consequences

While a cause is suspected or open, its consequences are not judged.

```mermaid
{_faults()}
```

## Remedies

| remedy | | load | how | effect awaited for |
|---|---|---|---|---|
{remedies}
"""


def _load(x: Load) -> str:
    off = f"{x.off_s:.0f} s" if x.on_relay else "no relay"
    cycles = f"{x.cycles_per_hour} / {x.cycles_per_day}" if x.on_relay else "none"
    return (
        f"| `{x.name}` | {'yes' if x.in_call_path else 'no'} | {x.boot_s:.0f} s | {off} | {x.hold_on_s:.0f} s | "
        f"{x.budget_per_hour} / {x.budget_per_day} | {cycles} | {'yes' if x.may_stay_off else 'never'} |"
    )


def _faults() -> str:
    """What is a cause of what, as a Mermaid graph: while the upper one is suspected, the lower one is not judged."""
    rows = [f"    {cause} --> {rule.name}" for rule in agent.rules.load() for cause in sorted(rule.inhibited_by)]
    return "\n".join(["flowchart TD", *rows])


def _then(reason: Reason) -> str:
    if reason not in PASSING:
        return "next rung"
    return "waits, silently" if reason in QUIET else "waits"
