"""Figures beside their targets, for people and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. `target` is a limit it should stay below, or above when `at_least`; None: shown for itself."""

    what: str
    value: float
    unit: str
    target: float | None
    note: str
    at_least: bool = False

    @property
    def share(self) -> float | None:
        """Of the target; for an upper limit good is below 1."""
        return None if not self.target else self.value / self.target

    @property
    def good(self) -> bool | None:
        """Whether the target is met; None without one."""
        if self.target is None:
            return None
        return self.value >= self.target if self.at_least else self.value <= self.target

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "what": self.what, "value": round(self.value, 4), "unit": self.unit, "target": self.target,
            "good": self.good, "note": self.note,
        }  # fmt: skip


def table(rows: Sequence[Row]) -> str:
    """The rows in columns."""
    lines = [("", "measured", "", "target", "of it", "", "")]
    for row in rows:
        sign = "≥" if row.at_least else "≤"
        lines.append(
            (
                row.what, f"{row.value:,.2f}", row.unit,
                "—" if row.target is None else f"{sign} {row.target:g}",
                "—" if row.share is None else f"{row.share:.0%}",
                {None: "", True: "good", False: "MISSED"}[row.good], row.note,
            )
        )  # fmt: skip
    widths = [max(len(line[column]) for line in lines) for column in range(7)]
    right = {1, 3, 4}
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
