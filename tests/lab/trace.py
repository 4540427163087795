"""Reads the kernel's trace of a run of `tests.lab.guest`, and judges every edge on a relay's line: text in, table out.

A line's level is followed through the trace and compared with what the chip itself showed at every step, so a movement
that the trace misses is found as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

LINES = {17: "codec", 18: "display", 22: "light"}
CONTROL = "gpiozero's own pin"
REPOWER_S = 5.0
"""From an agent's start to power on a load whose cycle was interrupted (pi facts, requirements)."""
_LINE = re.compile(r"^\s*\S.*?\s(?P<at>\d+\.\d+): (?P<kind>\w+): (?P<words>.*)$")


class BadTraceError(ValueError):
    """The text is not the trace of a whole run."""


@dataclass(slots=True)
class Step:
    """What moved between the mark before it and its own."""

    policy: str
    scenario: str
    name: str
    edges: dict[int, list[int]] = field(default_factory=dict)
    """Levels a line went to, one after the other; a line that did not move is absent."""
    moves: dict[int, list[str]] = field(default_factory=dict)
    """What was done to a line, also where its level stayed: `0`, `1`, `in`, `let go`."""
    first_s: dict[int, float] = field(default_factory=dict)
    """When a line first moved."""
    asked_s: float | None = None
    """When an agent was started in this step."""
    shown: dict[int, int] = field(default_factory=dict)
    """What the chip showed at its end."""
    followed: dict[int, int] = field(default_factory=dict)
    """What the trace says it must have shown."""


def read(text: str) -> list[Step]:
    """The steps of a run, in order. Raises BadTraceError when the run did not come to its end."""
    base, policy, scenario = 0, "", ""
    steps: list[Step] = []
    levels = dict.fromkeys(LINES, 0)
    now = Step("", "", "")
    ended = False
    for at_s, kind, words in _rows(text):
        if kind == "tracing_mark_write":
            what, _, rest = words.partition(" ")
            if what == "base":
                base = int(rest)
            elif what == "policy":
                policy = rest
            elif what == "scenario":
                scenario, now = rest, Step(policy, rest, "")
            elif what == "step" and rest == "ask":
                now.asked_s = at_s
            elif what == "step":
                now.name, now.followed = rest, dict(levels)
                steps.append(now)
                now = Step(policy, scenario, "")
            elif what == "level":
                pin, level = rest.split()
                steps[-1].shown[int(pin)] = int(level)
            ended = what == "end"
        else:
            _move(now, levels, at_s, kind, words, base, keeps=policy == "keeps")
    if not ended:
        raise BadTraceError("the trace has no end: the guest's run was cut short, see console.log")
    return steps


def _rows(text: str) -> Iterable[tuple[float, str, str]]:
    for row in text.splitlines():
        found = None if row.startswith("#") else _LINE.match(row)
        if found:
            yield float(found["at"]), found["kind"], found["words"].strip()


def _move(step: Step, levels: dict[int, int], at_s: float, kind: str, words: str, base: int, *, keeps: bool) -> None:
    """Follow one row of the kernel's own."""
    if kind == "line_free":
        pin, what = int(words.rpartition("line=")[2]), "let go"
    else:
        pin, what = int(words.split()[0]) - base, words.split()[1]
        if what == "set":
            what = words.split()[2]
    if pin not in levels or what in ("get", "out"):
        return
    step.moves.setdefault(pin, []).append(what)
    # Let go of, a line keeps its level or falls to its pull-down; as an input the pull-down has it as well.
    level = int(what) if what in ("0", "1") else levels[pin] if what == "let go" and keeps else 0
    if level != levels[pin]:
        levels[pin] = level
        step.edges.setdefault(pin, []).append(level)
        step.first_s.setdefault(pin, at_s)


_CYCLE = {("cycle", "cycled"): {18: [1, 0]}, ("cycle", "light on"): {22: [1]}}
EXPECTED: dict[str, dict[tuple[str, str], dict[int, list[int]]]] = {
    "keeps": {
        **_CYCLE,
        ("cycle", "light off"): {22: [0]},
        ("crash in mid cycle", "cut"): {18: [1]},
        ("crash in mid cycle", "started again"): {18: [0]},
        ("stop in mid cycle", "cut"): {18: [1]},
        ("stop in mid cycle", "ended"): {18: [0]},
    },
    "lets go": {
        **_CYCLE,
        ("cycle", "killed"): {22: [0]},
        ("cycle", "started again"): {22: [1]},
        ("cycle", "stopped"): {22: [0]},
        ("cycle", "light off"): {22: [1, 0]},
        ("crash in mid cycle", "cut"): {18: [1]},
        ("crash in mid cycle", "ended"): {18: [0]},
    },
}
"""Every edge there may be, by what the kernel does with a line that is let go of. Nothing else may move, ever."""


def wrong(steps: Sequence[Step]) -> list[str]:
    """What should not have happened, a sentence each; empty when the run is as it must be."""
    problems = []
    for step in steps:
        where = f"{step.policy}, {step.scenario}, {step.name}"
        if step.shown != {pin: step.followed[pin] for pin in LINES} and step.scenario != CONTROL:
            problems.append(f"{where}: the chip shows {step.shown}, the trace says {step.followed}")
        if step.scenario == CONTROL:
            continue
        expected = EXPECTED[step.policy].get((step.scenario, step.name), {})
        problems += [
            f"{where}: GPIO {pin} ({LINES[pin]}) went {step.edges.get(pin, [])}, not {expected.get(pin, [])}"
            for pin in LINES
            if step.edges.get(pin, []) != expected.get(pin, [])
        ]
        problems += [
            f"{where}: GPIO {pin} ({LINES[pin]}) was made an input" for pin in LINES if "in" in step.moves.get(pin, [])
        ]
    seen = {(step.policy, step.scenario, step.name) for step in steps}
    problems += [
        f"{policy}, {scenario}, {name}: did not take place"
        for policy, table in EXPECTED.items()
        for scenario, name in table
        if (policy, scenario, name) not in seen
    ]
    if not any(step.scenario == CONTROL and glitches(step) for step in steps):
        problems.append(f"{CONTROL}: its known glitch is not in the trace, so the trace proves nothing")
    return problems


def glitches(step: Step) -> bool:
    """Whether a line that was to start high was low, as an output, first."""
    moves = step.moves.get(17, [])
    return "1" in moves and "0" in moves[: moves.index("1")]


def repowered_s(steps: Sequence[Step]) -> float | None:
    """From a start after a crash in mid cycle to power on the load, on a kernel that keeps lines. None: never."""
    for step in steps:
        if (step.policy, step.scenario, step.name) == ("keeps", "crash in mid cycle", "started again"):
            return step.first_s[18] - step.asked_s if step.asked_s is not None and 18 in step.first_s else None
    return None


def table(steps: Sequence[Step]) -> str:
    """The run for a reader: what each line did in each step, and the level that the chip then showed."""
    heads = ["kernel", "scenario", "until", *(f"GPIO {pin} {name}" for pin, name in LINES.items())]
    rows = [[s.policy, s.scenario, s.name, *(_cell(s, pin) for pin in LINES)] for s in steps if s.name != "before"]
    widths = [max(len(row[n]) for row in [heads, *rows]) for n in range(len(heads))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in [heads, *rows]]
    return "\n".join(line.rstrip() for line in [lines[0], "-" * len(lines[0]), *lines[1:]])


def _cell(step: Step, pin: int) -> str:
    moves, shown = step.moves.get(pin, []), step.shown.get(pin)
    return f"{', '.join(moves)} [{shown}]" if moves else f"- [{shown}]"


def counts(steps: Sequence[Step]) -> Mapping[str, int]:
    """How much there was to see."""
    judged = [step for step in steps if step.scenario != CONTROL]
    return {
        "steps": len(judged),
        "moves": sum(len(moves) for step in judged for moves in step.moves.values()),
        "edges": sum(len(edges) for step in judged for edges in step.edges.values()),
    }
