"""docs/faults/<rule>.md: one page a fault, written from the rule itself, for whoever stands before it."""

from __future__ import annotations

import agent.rules
from agent.core.facts import FACTS, FactSpec, Instant, View
from agent.core.policy import Policy
from agent.core.remedies import LOADS, REMEDIES, Method, Remedy
from agent.core.rule import Rule, Words

LANGUAGES = {"vi": "Nói với phòng", "en": "In English"}
HOW = {
    Method.API: "by the device's own interface",
    Method.CYCLE: "by relay: off, wait, on",
    Method.ON: "by relay: on",
    Method.OFF: "by relay: off",
    Method.STAGED: "one load after the other",
}


def pages() -> dict[str, str]:
    """Every page by its path under docs/."""
    rules = agent.rules.load()
    return {"faults/README.md": _index(rules), **{f"faults/{rule.name}.md": page(rule) for rule in rules}}


def page(rule: Rule) -> str:
    """The page of one rule. Words stand as they are said when nothing is measured and no number to call is known."""
    told = rule.told(View({}, Instant(0.0, 0.0)), Policy())
    parts = [
        f"<!-- Written by `make docs` from agent/rules/{rule.name}.py. Do not edit. -->",
        f"# {told['vi'].title}",
        f"`{rule.name}` · **{told['vi'].name}** · severity **{rule.severity}** · {told['en'].name}: {told['en'].title}",
        _quartet(rule),
        "## What it watches",
        f"The symptom is `{rule.symptom}`{_otherwise(rule)}. Certain after **{_count(rule.strikes, 'fresh look')}**"
        f"{_lasting(rule)}; gone after **{_count(rule.passes, 'good look')}** in a row.",
        "| fact | meaning | in a good room | fresh for |\n|---|---|---|---|\n"
        + "\n".join(
            f"| `{key}` | {spec.meaning} | {_good(spec)} | {spec.fresh_s:.0f} s |"
            for key in rule.watches
            for spec in (FACTS[key],)
        ),
        _silence(rule),
        "## What the room does",
        _ladder(rule),
        *(_words(LANGUAGES[language], told[language]) for language in LANGUAGES),
        "What is said at which moment: [sentences.md](../sentences.md).",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _good(spec: FactSpec) -> str:
    """What a good room reads, with its unit."""
    if isinstance(spec.good, bool):
        return "yes" if spec.good else "no"
    return f"{spec.good:g} {spec.unit}".strip() if isinstance(spec.good, int | float) else f"`{spec.good}`"


def _quartet(rule: Rule) -> str:
    return (
        "| | |\n|---|---|\n"
        f"| cause | {rule.cause} |\n| consequence | {rule.consequence} |\n"
        f"| action | {rule.action} |\n| time available | {rule.time_available} |"
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _otherwise(rule: Rule) -> str:
    keys = " or ".join(f"`{key}`" for key in rule.otherwise)
    return f" ({keys} in a room that lacks it)" if keys else ""


def _lasting(rule: Rule) -> str:
    return f" over at least {rule.confirm_s:.0f} s" if rule.confirm_s else ""


def _silence(rule: Rule) -> str:
    lines = []
    if rule.inhibited_by:
        causes = ", ".join(f"[{name}]({name}.md)" for name in rule.inhibited_by)
        lines.append(f"Not judged while a cause of it is suspected or open: {causes}.")
    if rule.loads:
        lines.append(f"Not judged while one of these is restarting or settling: {', '.join(rule.loads)}.")
    return " ".join(lines)


def _ladder(rule: Rule) -> str:
    if not rule.ladder:
        return "Nothing: no act of the room helps. It calls a person at once."
    rows = [f"{number}. {_rung(REMEDIES[name])}" for number, name in enumerate(rule.ladder, 1)]
    rows.append(f"{len(rows) + 1}. A person is called, with the evidence and the words below.")
    text = "\n".join(rows) + "\n\nEvery rung needs the [interlock](../engine.md#refusals)'s permission."
    if rule.act_after:
        text += f"\n\n{rule.act_after}"
    if rule.on_clear:
        text += f" Once the fault is gone: {_rung(REMEDIES[rule.on_clear])}."
    return text


def _rung(remedy: Remedy) -> str:
    load = LOADS[remedy.load]
    off = f", off for {load.off_s:.0f} s" if remedy.method is Method.CYCLE else ""
    return f"{remedy.vi} / {remedy.en} (`{remedy.name}`, {HOW[remedy.method]}{off})"


def _words(heading: str, words: Words) -> str:
    parts = [f"## {heading}", f"> **{words.title}**", "By hand, while the room may not act:", _numbered(words.steps)]
    if words.working:
        parts += ["While the room acts by itself:", _numbered(words.working)]
    if words.power:
        parts += [
            "Only where certainly no call is up and the room has neither picture nor sound:",
            _numbered(words.power),
        ]
    return "\n\n".join(parts)


def _numbered(steps: tuple[str, ...]) -> str:
    return "\n".join(f"{number}. {step}" for number, step in enumerate(steps, 1))


def _index(rules: tuple[Rule, ...]) -> str:
    rows = "\n".join(
        f"| [{rule.name}]({rule.name}.md) | {rule.severity} | {told['vi'].title} | {told['en'].title} | "
        f"{' → '.join(f'`{name}`' for name in rule.ladder) or 'a person at once'} |"
        for rule in rules
        for told in (rule.told(View({}, Instant(0.0, 0.0)), Policy()),)
    )
    return (
        "<!-- Written by `make docs` from agent/rules/. Do not edit. -->\n\n# Faults\n\n"
        f"The {len(rules)} faults a room knows by itself. How to add one: [add-a-rule.md](../add-a-rule.md).\n\n"
        f"| fault | severity | tiếng Việt | English | the room does |\n|---|---|---|---|---|\n{rows}\n"
    )
