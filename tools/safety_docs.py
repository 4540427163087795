"""docs/safety.md: what is promised, what is refused, how it is proven and what is not, from the code that checks it."""

from __future__ import annotations

from agent.core.reasons import Reason
from tests.prove.invariants import INVARIANTS
from tests.prove.mutants import MUTANTS
from tests.prove.sim.crash import BOUNDARIES
from tests.prove.sim.troubles import KINDS
from tools.engine_docs import REFUSALS

WHEN = {
    "act": "before each act",
    "restart": "before each restart",
    "relay": "at each move of a relay",
    "step": "after each turn of the loop",
    "commit": "at each commit",
    "ack": "when the outbox forgets",
    "end": "at the end",
}


def page() -> str:
    """The whole page. Raises KeyError for a refusal that nobody has explained."""
    promises = "\n".join(f"| `{one.name}` | {one.says} | {WHEN[one.when]} |" for one in INVARIANTS.values())
    refusals = "\n".join(f"| `{reason}` | {REFUSALS[reason]} |" for reason in Reason)
    boundaries = "\n".join(f"| `{name}` | {meaning} |" for name, meaning in BOUNDARIES.items())
    bugs = "\n".join(f"| `{one.name}` | {one.says} |" for one in MUTANTS.values())
    kinds = ", ".join(KINDS)
    return f"""\
<!-- Written by `make docs` from agent/core/interlock.py and tests/prove/. Do not edit. -->

# Safety

A machine that may cut the mains has to show why it may be trusted. This page says what is promised, how each promise
is checked, and what nobody has shown. `make prove` does the checking; [engine.md](engine.md) explains how the room
decides, [wiring.md](wiring.md) what the wires do when it does not.

## What is promised

Every promise is a function in `tests/prove/invariants/`. The simulation asks it at its moment, against the truth of
the physics and of the harness' own account, never against what the agent believes, and by the numbers of
`tests/prove/promised.py`, never by the agent's own: a limit that is loosened by mistake moves no promise.

| promise | in words | asked |
|---|---|---|
{promises}

## What is refused, and why

`agent/core/interlock.py` is the only place that can authorise an act. Each refusal has a name, and the name is told.

| refusal | why |
|---|---|
{refusals}

## How it is proven

**Real code.** Each simulated room runs the agent's own engine, rules, room, journal and outbox (the SQLite store on a
file) and session; the hub at the other end reads, applies and acknowledges with its own code on its own database.
Simulated are the clock, the devices and their power (`sim/physics`), the probes' readings, the relays, the broker, the
card and the people. Every tenth room runs the agent's own service, loop, probe threads, actuators, outlets and
publisher too, with signed orders and leases: their threads are real, and one at a time has the baton, which the
simulated clock hands on. There the service manager kills an agent that has not fed its watchdog for 60 s.

**One seed, one story.** Everything that depends on chance comes from one `random.Random`. The same seed gives the same
story to the byte, in any process: a test compares the hashes.

**Safety first, then liveness.** In the safety phase these happen, drawn beforehand: {kinds}. One room is up to five
times as troubled as another. Then all of it stops; what hangs goes on hanging, for that is the agent's to heal. Within
an hour every fault must be clear or with a person; then somebody comes, and the room and the hub must agree.

**People.** Of a meeting people and MCU dial between 45 minutes before its start and 10 minutes after it, into a restart
too; whom the room does not take tries again every 30 to 60 s, until it works or they give up, and dials again when a
call drops. Faults come more often then, and people phone the centre. `make prove` prints the minutes of meetings that
were lost, by cause; the joins that met a restart of ours, and those of them that nothing else stood in the way of, by
the room's own decision (`joins_disturbed`) or by an order; and the needless acts: restarts of the room's own of what
truly was healthy when they began. `make prove ARGS="--rules"` runs the same rooms, leaner, under the guard near a
meeting of before as well.

**A simulated day** is not 8,640 looks of each probe. Probes look every 10 s (air: 30 s), but the looks that would only
repeat the last ones are left out: those while nothing is under way, booting, waiting or about to change, except the
last three before something changes. The loop ticks each second while a fault is confirmed, acted upon or settling, and
with every look otherwise. `make prove` prints how many looks, turns, commits and messages there were.

**Crashes.** At every boundary the agent may be ended: killed, with relays as they are and files as the kernel has them;
or with the power pulled, so that relays fall to rest and of a write under way any part of the sectors is on the card.
A short story is replayed with one crash at each crossing of each boundary; in the long runs they come by chance.

| boundary | what has been done by then |
|---|---|
{boundaries}

Beyond that the database is ruined altogether, cannot be opened, cannot be written for a while, or lies on a card that
said "flushed" and then lost the end of its log.

**The way to the hub.** Every message for itself may be lost, come twice or overtake another; connections end, the
broker is away, the hub dies before or after its commit, or begins with an empty database.

**Bugs made by hand.** A proof that cannot fail proves nothing. Each of these bugs is put into the agent while rooms
are simulated, and `make prove` fails unless a promise is broken; it prints the seed and the promise.

| bug | in words |
|---|---|
{bugs}

## When the agent itself stops in the middle of a cut

How long a load is without power then, at most:

- **The thread of a cycle hangs or dies**: its off time and 2 s; the loop gives the power back.
- **The loop stands still**: its off time; a cycle ends in a thread of its own.
- **The agent is killed, or dies**: 5 s from there. `ExecStopPost` gives power back, and the next start once more.
- **The whole process is frozen**: 68 s from its last sign of life, which are the watchdog's 60 s, 3 s for the kill, and
  5 s from there to power. `make prove-fleet` stops it in mid cut under a real systemd: 61 s were measured.
- **The kernel does not let the process end**, on a dead card: 118 s at an outlet of the network. A line of the board is
  dark until the card answers or the board is reset. Nothing has shown this.
- **The kernel hangs**: 15 s to the hardware's reset, with which every relay falls to rest. No board has shown this.
- **The board loses power**: not at all, every relay falls to rest.

A program needs seconds to start on a Zero 2 W: what is 5 s here may be 10 there. A smart plug ends a cycle by itself at
its off time, whatever has become of the agent. An outlet that says "on" after a cut of ours is not believed until it
has taken our order, and is looked at again 10 s later. A load that cannot be given power for 30 s is told
(`power_missing`), and so is the end of that (`power_back`). The watchdog is not shorter: to kill a loop that waits for
a slow card is to kill the thread, too, that would have given power back meanwhile.

Crashes count within one boot. Five in ten minutes are safe mode: nothing is switched until half an hour has passed
without another (`safe_mode_ended`), or the board starts anew. Power cuts are counted apart, and lead to nothing.

## When a clock is wrong

A wall clock may be set by an hour or by ten years, in either direction, and be set right again. Whatever lasts seconds
or minutes (witnesses, hold times, settling, nonces, orders, leases, limits within a boot) goes by the monotonic clock,
which never steps. For the rest:

- **Meetings and maintenance** are judged by every time that it may be: that of before a step counts for 27 h beside
  that of after it. What the clock was stepped to, and came back from, counts for a quarter of an hour more; a secret
  meeting goes on by it all the same. Without a time server the clock is known for a day, restarts of the agent or not.
- **A secret meeting** that was on when the board went off goes on for the rest of its length, counted from the start
  of the board, whatever a clock says then. And while a clock stands before what the journal knows of and the time since
  the start, in the first day of a boot, a listed one counts as on.
- **A maintenance** whose end lies over a week ahead by every such time is not believed to be open, nor to be over: it
  counts as open for 12 h, in all runs.
- **Restarts of earlier boots**: what begins while more than one time is possible, or in the first day of a boot whose
  clock disagrees with the journal, is journalled without a date. What is dated is never taken for older than it is: a
  step between the clock that dated it and the present one is taken off, and a restart that stands in the future counts
  as just done, for a day of running boards at most. A clock that stands before the journal can only make them younger.
- **Documents**: a version over 400 days ahead is refused, and looked at again when the clock is right. One that was
  taken, because the clock was wrong too or not disciplined, does not keep out true ones
  ([trust.md](trust.md)).
- **Events** are dropped for want of room alone, never for their age. Upkeep waits until one time alone is possible.

`tests/agent/test_clock_steps.py` steps the clock of the room, of its hub and of both, there and back, and asks each of
these.

## What is not proven

- **Two lying witnesses.** Of the codec's word and its draw, one at least is honest and speaks at any moment. With both
  wrong no agent could know of a call.
- **A PC's word.** In a room without a codec the PC says whether there is a call: denied only when the program is gone
  and nothing uses microphone, camera or sound ([decision 21](adr/0021-the-pc-is-asked-over-ssh.md)). The simulation has
  codecs only; what the PC says is tested by `tests/devices` and `tests/probes`.
- **Words of codecs that nobody saw.** A driver built from a maker's papers may read a real device wrongly; what it does
  not know is never "no call" ([devices.md](devices.md) says what no hardware has shown).
- **A call younger than a look.** A call that began after the last look (10 s) cannot be known; how many were cut so is
  printed (`calls cut unseen`). None that any look had shown ever was.
- **A time server that lies.** While it disciplines the wall clock, that clock is taken to be right. In secret meetings
  it does lie in the simulation, and no sound is measured; meetings and limits across a boot are not judged there. One
  that is wrong from the start of a board on, without a step, is believed: a clock ahead makes the restarts of earlier
  boots older by as much, one behind moves its meetings. A board that was off when a secret meeting
  came near, and is then told that it was off for longer than it was, measures sound in it: it has no clock that runs
  without power.
- **A ruined journal takes the day's count with it.** The hour's budget then counts as used up; the day's begins anew.
- **A card that lies about flushing** may lose events and acts that it said it kept. They count as lost; what remains
  must still hold.
- **Threads.** In a room that runs the agent's own threads one gives way to another where it waits, and nowhere else.
  That two of them meet in the middle of a line is shown by examples only (`tests/agent`, `tests/run`).
- **Pins and wires.** Relays are physics here. [wiring.md](wiring.md) has what was measured on lines, and the procedure
  at the bench.
- **The physics is ours.** Draws, boot times and faults of real devices differ; a room measures its own boot times.
"""
