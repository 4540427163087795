"""The demonstration's account as plain data, and what in it is not as it should be. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sim.account import Seen, Verdict, percentiles

Rows = list[dict[str, Any]]


def rows_of(
    faults: Iterable[Mapping[str, Any]], verdicts: Mapping[tuple[str, int], Verdict], seen: Mapping[int, Seen]
) -> Rows:
    """Each injected fault with what became of it, and how long the console did not know."""
    rows = []
    for fault in faults:
        verdict = verdicts[str(fault["room"]), int(fault["id"])]
        moments = [seen[i].seen_s for i in verdict.incidents if i in seen and seen[i].seen_s > 0]
        delay_s = round(min(moments) - float(fault["injected_wall_s"]), 2) if moments else None
        rows.append(
            {
                **fault,
                "outcome": verdict.outcome,
                "escalated_meanwhile": verdict.ever_escalated,
                "ended_by_hub": list(verdict.ended_by),
                "to_console_s": delay_s,
            }
        )
    return rows


def summary(rows: Rows) -> dict[str, Any]:
    """Counts, delays and outages of all injected faults."""
    by_fault: dict[str, list[float]] = {}
    for row in rows:
        if row["to_console_s"] is not None:
            by_fault.setdefault(row["fault"], []).append(row["to_console_s"])
    return {
        "faults_injected": len(rows),
        "faults_healed": sum(row["outcome"] == "healed" for row in rows),
        "faults_escalated": sum(row["outcome"] == "escalated" for row in rows),
        "faults_unseen": sum(_rightly_unseen(row) for row in rows),
        "fault_to_console_s": {
            **percentiles(delay_s for delays in by_fault.values() for delay_s in delays),
            "by_fault": {name: percentiles(delays) for name, delays in sorted(by_fault.items())},
        },
        "outage_s": [row for row in rows if row["outcome"] == "healed" and row["outage_s"] is not None],
        "misjudged": [row for row in rows if _misjudged(row)],
        "not_healed": [row for row in rows if row["outcome"] != "healed"],
    }


def _rightly_unseen(row: Mapping[str, Any]) -> bool:
    """Whether nobody was told of what no rule can find in that room."""
    return bool(row["outcome"] == row["expect"] == "unseen")


def _misjudged(row: Mapping[str, Any]) -> bool:
    """Whether the hub names another who ended the fault than the physics do."""
    said = row["ended_by_hub"]
    if not said or row["outcome"] != "healed":
        return False
    return "room" in said if row["ended_by"] == "cause" else not {"room", "order"} & set(said)


def problems(result: Mapping[str, Any], not_injected: int) -> list[str]:
    """Everything that is not as it should be, a sentence each."""
    found = []
    if result["rooms_heard"] != result["rooms_expected"]:
        found.append(f"{result['rooms_heard']} of {result['rooms_expected']} rooms were heard")
    undecided = [row for row in result["not_healed"] if row["outcome"] != "escalated" and not _rightly_unseen(row)]
    if undecided:
        first = undecided[0]
        found.append(
            f"{len(undecided)} faults were neither healed nor escalated, the first is {first['fault']} in"
            f" {first['room']} ({first['outcome']})"
        )
    if result["actions_in_call"]:
        found.append(f"{result['actions_in_call']} acts took something out of the path of a call")
    if result["needless_acts"]:
        found.append(f"{result['needless_acts']} times a switch or converter was cycled that worked")
    if result["misjudged"]:
        first = result["misjudged"][0]
        found.append(
            f"{len(result['misjudged'])} outcomes are not what the physics say, the first is {first['fault']} in"
            f" {first['room']}: {first['ended_by']}, told as {', '.join(first['ended_by_hub'])}"
        )
    if result["events_stored"] != result["events_sent"]:
        found.append(f"rooms sent {result['events_sent']} events, the hub stored {result['events_stored']}")
    if not_injected:
        found.append(f"{not_injected} faults of the scenario come later than the time given with --for")
    return found
