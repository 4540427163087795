"""The faults a room knows, one a file. A new file with a `RULE` is found by itself; see docs/add-a-rule.md."""

from __future__ import annotations

import importlib
import pkgutil

from agent.core.remedies import REMEDIES
from agent.core.rule import Rule


def load() -> tuple[Rule, ...]:
    """Every rule of this package, sorted by name.

    Raises ValueError when a rule does not fit together: that is our bug, and it must show at start, not in a meeting.
    """
    modules = sorted(info.name for info in pkgutil.iter_modules(__path__))
    rules = tuple(importlib.import_module(f"{__name__}.{name}").RULE for name in modules)
    names = {rule.name for rule in rules}
    for module, rule in zip(modules, rules, strict=True):
        problems = [
            *([f"its file is {module}.py"] if module != rule.name else []),
            *(f"unknown remedy {r}" for r in (*rule.ladder, rule.on_clear) if r and r not in REMEDIES),
            *(f"unknown cause {c}" for c in rule.inhibited_by if c not in names),
            *(
                [f"symptom {rule.symptom} is not among what it watches"]
                if not {rule.symptom, *rule.otherwise} <= set(rule.watches)
                else []
            ),
        ]
        if problems:
            raise ValueError(f"rule {rule.name}: {'; '.join(problems)}")
    return rules
