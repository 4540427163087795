"""docs/sentences.md: what people are told of a fault at which moment, from the functions that tell it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import agent.rules
import hub.console
from agent.core.facts import Instant, View
from agent.core.policy import Policy
from agent.core.reasons import PASSING, Reason
from agent.core.rule import Rule
from agent.uplink.report import words_of
from hub.console.present import Present, said_at
from hub.console.words import LANGUAGES, words
from wire import messages as m
from wire.telling import HAND_MAY_CUT, Moment

INTRO = """\
A fault's title names the fault and nothing else. The line under it says what happens now, and changes with the fault's
phase and with what forbids the next act. The steps, which are read out on the phone, change with it. Which of them
fit is decided in `wire/telling.py`: nobody is told to take power away from anything unless certainly no call is up
and somebody in the room has said that there is neither picture nor sound. A number that is not known is left out
together with its words. `tests/hub/console/test_sentences.py` walks every rule through every phase and refusal."""
REFUSALS = """\
A refusal that may pass is waited for, for a while; then a person is called. *By hand* says whether a person may take
power away although the machine may not: only where the refusal binds the machine alone."""
CONSOLE = """\
Every sentence of both catalogues, `hub/console/i18n/vi.json` and `en.json`, by the first part of its key. What stands
in braces is filled in."""
NOW_S = 1_796_000_000.0
"""The moment of the examples: 07:53 in Vietnam."""
MOMENTS = {
    "certain, just now": Moment("confirmed", act="codec_restart"),
    "the room acts": Moment("remedying", act="codec_restart", takes_s=400.0, left_s=380.0),
    "the same, nothing measured": Moment("remedying", act="codec_restart"),
    "its effect is awaited": Moment("settling", act="codec_power_cycle", takes_s=430.0, left_s=200.0),
    "it takes longer than usual": Moment("settling", act="codec_power_cycle", takes_s=430.0, left_s=-20.0),
    "it has to wait, and knows how long": Moment("confirmed", "hold_on", "codec_power_cycle", 1, left_s=100.0),
    "it has to wait, nobody knows how long": Moment("confirmed", "in_call", "codec_restart"),
    "it may not, until the meeting is over": Moment("escalated", "meeting_near", "codec_restart", left_s=8000.0),
    "it may not, nobody knows for how long": Moment("escalated", "in_call", "codec_restart"),
    "it has tried all it can": Moment("escalated", acts=3),
    "it has nothing to try": Moment("escalated"),
    "the room is silent": Moment("escalated", heard=False),
}
"""What happens about a codec that hangs."""
HANDS = {
    "the room acts": Moment("remedying"),
    "a person is needed; a call is up or nobody can rule one out": Moment("escalated", "meeting_near"),
    "a person is needed; certainly no call": Moment("escalated", "meeting_near", call=False),
    "likewise; somebody in the room says: neither picture nor sound": Moment(
        "escalated", "meeting_near", call=False, dark=True
    ),
    "likewise; something is wet": Moment("escalated", "meeting_near", call=False, dark=True, hands_off="condensation"),
}
"""What is read out, by who may do what."""


def page() -> str:
    """The whole page."""
    rules = agent.rules.load()
    hung = next(rule for rule in rules if rule.name == "codec_hung")
    return "\n\n".join(
        [
            "<!-- Written by `make docs` from wire/telling.py, agent/rules/ and hub/console/. Do not edit. -->",
            "# What is said, and when",
            INTRO,
            "## The line under the title",
            _table("moment", ((name, _lines(hung, now)) for name, now in MOMENTS.items())),
            "## Why it waits, and why it may not",
            REFUSALS,
            _refusals(hung),
            "## What is read out",
            *(_script(rule) for rule in rules),
            "## Why a fault is said to be there, or gone",
            _reasons(rules),
            "## What the console says",
            CONSOLE,
            *_catalogue(),
        ]
    ) + "\n"  # fmt: skip


def _told(rule: Rule) -> dict[str, m.Words]:
    return words_of(rule.told(View({}, Instant(0.0, 0.0)), Policy()))


def _both(rule: Rule, now: Moment) -> list[Present]:
    """What is said of the rule's fault, Vietnamese first; since a quarter of an hour ago if the room is silent."""
    told = _told(rule)
    return [said_at(words(language), told[language], now, NOW_S, NOW_S - 900.0) for language in LANGUAGES]


def _lines(rule: Rule, now: Moment) -> list[str]:
    return [said.line for said in _both(rule, now)]


def _table(what: str, rows: Iterable[tuple[str, list[str]]]) -> str:
    lines = [f"| {name} | {' | '.join(cells)} |" for name, cells in rows]
    return "\n".join([f"| {what} | tiếng Việt | English |", "|---|---|---|", *lines])


def _refusals(rule: Rule) -> str:
    rows = ["| refusal | it waits | it may not | it may not (English) | by hand |", "|---|---|---|---|---|"]
    for reason in Reason:
        waits = Moment("confirmed", reason, "codec_power_cycle")
        waiting, _ = _lines(rule, waits)
        refused, english = _lines(rule, replace(waits, phase="escalated"))
        first = waiting if reason in PASSING else "–"
        rows.append(f"| `{reason}` | {first} | {refused} | {english} | {'yes' if reason in HAND_MAY_CUT else 'no'} |")
    return "\n".join(rows)


def _script(rule: Rule) -> str:
    """One rule: title, then what is read out. Moments at which nothing else is said than before are left out."""
    told = _told(rule)
    rows: list[tuple[str, list[str]]] = []
    for name, now in HANDS.items():
        if not rule.ladder:
            now = replace(now, refused="")
            if now.phase == "remedying":
                continue
        cells = [_read_out(said) for said in _both(rule, now)]
        if rows and rows[-1][1] == cells:
            continue
        rows.append((name, cells))
    if len(rows) == 1:
        rows = [("always", rows[0][1])]
    elif not told["vi"].power:
        rows[-1] = ("a person is needed", rows[-1][1])
    heading = f"### {told['vi'].title} · {told['en'].title}\n\n[{rule.name}](faults/{rule.name}.md)"
    return f"{heading}\n\n{_table('when', rows)}"


def _reasons(rules: Iterable[Rule]) -> str:
    """The words of every reason of every rule, and the name that lists and stories give the fault."""
    rows = ["| fault | reason | tiếng Việt | English |", "|---|---|---|---|"]
    for rule in rules:
        vi, en = (rule.words[language] for language in ("vi", "en"))
        rows.append(f"| `{rule.name}` | its name | {vi.name} | {en.name} |")
        rows += [f"| `{rule.name}` | `{why}` | {said} | {en.reasons[why]} |" for why, said in vi.reasons.items()]
    return "\n".join(rows)


def _catalogue() -> Iterator[str]:
    """One table for each first part of the keys, in the catalogue's order."""
    folder = Path(hub.console.__file__).parent / "i18n"
    vi, en = (json.loads((folder / f"{language}.json").read_text("utf-8")) for language in ("vi", "en"))
    for group in dict.fromkeys(key.split(".")[0] for key in vi):
        rows = [f"| `{key}` | {said} | {en[key]} |" for key, said in vi.items() if key.split(".")[0] == group]
        yield "\n".join([f"### `{group}`", "", "| key | tiếng Việt | English |", "|---|---|---|", *rows])


def _read_out(said: Present) -> str:
    steps = [f"{number}. {step}" for number, step in enumerate(said.steps, 1)]
    if said.question:
        steps.append(f"**{said.question}**")
    elif said.power:
        steps += [f"{number}. {step}" for number, step in enumerate(said.power, len(steps) + 1)]
    return "<br>".join(steps)
