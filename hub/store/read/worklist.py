"""What is to be handled: the incidents of each tab, the rows they make, and how many there are.

Lists, badge, tabs and the API count by the same functions, so that they say the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from hub.store.read.causes import Sign, by_cause
from hub.store.read.read_incidents import COLUMNS, SEVERITY, TOLD, Incident, of_row
from hub.store.read.reads import Reader
from hub.store.read.standing import need
from hub.store.recurrence import AGAIN_S
from wire.telling import Need

DAY_S = 86400.0
TABS = ("open", "untaken", "mine", "shelved", "stale", "done")
"""What is to be handled; what of it needs a hand that nobody has offered; what one has taken oneself; then what is kept
apart from it: put away for a while, older than a day, over within the last day."""
GROUPS = (Need.PERSON, Need.HAND, Need.MACHINE, Need.WATCH)
"""How what is to be handled is laid out."""
HANDS = frozenset({Need.PERSON, Need.HAND})
"""What needs a hand, taken or not: what the badge counts."""
OPEN_MAX = 5000
"""Rooms have at most one open incident a rule: this is far beyond a whole province in trouble."""
DONE_MAX = 1000


@dataclass(frozen=True, slots=True)
class Item:
    """An incident in the list. `tab` is `open`, `shelved`, `stale` or `done`."""

    incident: Incident
    need: Need
    tab: str


def item(incident: Incident, now_s: float) -> Item:
    """The incident as the list has it."""
    if not incident.is_open and not incident.lingers(now_s):
        tab = "done"
    elif incident.shelved_until_s > now_s:
        tab = "shelved"
    else:
        tab = "stale" if incident.opened_s < now_s - DAY_S else "open"
    return Item(incident, need(incident, now_s), tab)


def open_work(reader: Reader, now_s: float, *, words: bool = True) -> list[Item]:
    """Every incident that is not over: what needs a person first, then the worst, then the newest.

    Whoever only counts them reads them without their `words`, which are most of each.
    """
    columns = TOLD if words else TOLD.replace("i.words", "''")
    rows = reader.all(
        f"SELECT {columns} WHERE i.outcome <> 'superseded' AND (i.closed_s = 0"
        " OR (i.often_s > 0 AND i.again = 0 AND i.closed_s > :now - :again))"
        f" ORDER BY {SEVERITY}, i.opened_s DESC, i.id DESC LIMIT :most",
        {"now": now_s, "again": AGAIN_S, "most": OPEN_MAX},
    )
    found = [item(of_row(row), now_s) for row in rows]
    return sorted(found, key=lambda one: GROUPS.index(one.need))


def in_tab(work: list[Item], tab: str, user: str) -> list[Item]:
    """Those of one tab other than `done`."""
    if tab == "untaken":
        return [one for one in work if one.tab == "open" and one.need in HANDS and not one.incident.acked_s]
    if tab == "mine":
        return [one for one in work if one.tab == "open" and one.incident.acked_by == user]
    return [one for one in work if one.tab == tab]


def done(reader: Reader, now_s: float) -> list[Item]:
    """What was over within the last day, the latest first. Of a series, its last."""
    rows = reader.all(
        f"SELECT {COLUMNS} FROM incidents i WHERE {_DONE} ORDER BY i.closed_s DESC, i.id DESC LIMIT :most",  # noqa: S608
        {"now": now_s, "again": AGAIN_S, "most": DONE_MAX},
    )
    return [item(of_row(row), now_s) for row in rows]


_DONE = (
    "i.closed_s > :now - 86400 AND i.outcome <> 'superseded' AND i.again = 0"
    " AND NOT (i.often_s > 0 AND i.closed_s > :now - :again)"
)


def rows(items: list[Item]) -> list[list[Item]]:
    """The rows that they make: those of one cause are one."""
    return by_cause(items, sign)


def sign(one: Item) -> Sign:
    """They share a row when they share rule, holder, shelf, whether they stand and who has to do something."""
    i = one.incident
    return Sign((i.rule, i.acked_by, i.shelved_until_s, i.is_open, one.need), i.opened_s, i.group)


def tab_counts(reader: Reader, work: list[Item], user: str, now_s: float) -> dict[str, int]:
    """How many rows stand in each tab. `work` is all that is open."""
    counts = {tab: len(rows(in_tab(work, tab, user))) for tab in TABS if tab != "done"}
    over = reader.all(
        f"SELECT i.rule, i.acked_by, i.shelved_until_s, i.opened_s, i.grp FROM incidents i WHERE {_DONE}",  # noqa: S608
        {"now": now_s, "again": AGAIN_S},
    )
    return counts | {"done": len(by_cause(over, lambda row: Sign(tuple(row[:3]), row["opened_s"], row["grp"])))}
