"""The table of thresholds in docs/settings.md, written from the limits themselves; the rest of that page is by hand."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from agent.core.policy import Thresholds
from tools.asyncapi import field_docs

PAGE = Path(__file__).parents[1] / "docs/settings.md"
BLOCK = re.compile(r"(<!-- generated: thresholds -->\n).*?(<!-- end -->)", re.DOTALL)


def thresholds() -> str:
    """One row a limit. Raises ValueError for one that says nothing of itself."""
    said = field_docs(Thresholds)
    rows = ["| name | default | meaning |", "|---|---|---|"]
    for field in fields(Thresholds):
        if field.name not in said:
            raise ValueError(f"say under Thresholds.{field.name} in agent/core/policy.py what it is a limit of")
        meaning = " ".join(said[field.name].split()).removesuffix(".")
        rows.append(f"| `{field.name}` | {field.default:g} | {meaning[0].lower()}{meaning[1:]} |")
    return "\n".join(rows) + "\n"


def page() -> str:
    """The page with a fresh table. Raises ValueError when its place has gone."""
    text, count = BLOCK.subn(lambda match: match[1] + thresholds() + match[2], PAGE.read_text("utf-8"))
    if count != 1:
        raise ValueError(
            "docs/settings.md: write `<!-- generated: thresholds -->` and `<!-- end -->` where its table goes"
        )
    return text
