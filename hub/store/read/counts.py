"""The counters of the top bar, which pages and patches show alike."""

from __future__ import annotations

from dataclasses import dataclass, field

from hub.store.read.reads import VERDICT_SQL, Reader
from hub.store.read.worklist import HANDS, Item, in_tab, open_work, rows


@dataclass(frozen=True, slots=True)
class Counters:
    """What the top bar of every page shows. Rooms are counted, or rows of the list: each says which."""

    verdicts: dict[str, int] = field(default_factory=dict)
    """Rooms of each verdict, installed or not; together, all of them."""
    total: int = 0
    """Installed rooms: those that ought to be heard."""
    heard: int = 0
    hands: int = 0
    """Rows that need a hand, whoever has them, without those put away and those older than a day: the badge."""
    unhandled: int = 0
    """Those of them that nobody has taken."""
    heard_s: float = 0.0
    """When any room was last heard, by the hub's clock; 0: never."""


def counters(reader: Reader, now_s: float, work: list[Item] | None = None) -> Counters:
    """The counters of the top bar, in two queries, or one where `work`, all that is open, is read already."""
    found: dict[str, int] = {}
    total = heard = 0
    heard_s = 0.0
    for row in reader.all(
        f"SELECT {VERDICT_SQL} AS verdict, r.installed, COALESCE(t.online, 0) AS online,"  # noqa: S608
        " COUNT(*) AS n, MAX(COALESCE(t.heard_s, 0)) AS heard_s"
        " FROM rooms r LEFT JOIN twins t ON t.room = r.room GROUP BY 1, 2, 3"
    ):
        found[row["verdict"]] = found.get(row["verdict"], 0) + row["n"]
        total += row["n"] if row["installed"] else 0
        is_heard = row["installed"] and row["online"] and row["verdict"] != "lost"
        heard += row["n"] if is_heard else 0
        heard_s = max(heard_s, row["heard_s"])
    work = open_work(reader, now_s, words=False) if work is None else work
    hands = [row[0] for row in rows(in_tab(work, "open", "")) if row[0].need in HANDS]
    untaken = sum(not one.incident.acked_s for one in hands)
    return Counters(found, total, heard, len(hands), untaken, heard_s)
