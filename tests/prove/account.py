"""What all rooms together came to, for people and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from math import inf
from statistics import fmean
from typing import Any

from tests.prove.rooms import Result
from tests.prove.sim.people import TRIAL, Join

ACT_WITHIN_S = 180.0
OUTAGE_BEYOND_BOOT_S = 60.0


class Account:
    """Sums of results."""

    def __init__(self) -> None:
        self.seeds: list[int] = []
        self.days = self.cpu_s = 0.0
        self.deaths: Counter[str] = Counter()
        self.acts: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self.counted: Counter[str] = Counter()
        self.happened: Counter[str] = Counter()
        self.needless: Counter[str] = Counter()
        self.in_call: Counter[str] = Counter()
        self.lost_s: dict[str, float] = {}
        self.joins: list[Join] = []
        self.broken: list[dict[str, Any]] = []

    def add(self, result: Result) -> None:
        """One more room."""
        self.seeds.append(result.seed)
        self.days += result.days
        self.cpu_s += result.cpu_s
        self.deaths += result.deaths
        self.acts += result.acts
        self.refusals += result.refusals
        self.counted += result.counted
        self.happened += result.happened
        self.needless += result.needless
        self.in_call += result.in_call
        for cause, seconds in result.lost_s.items():
            self.lost_s[cause] = self.lost_s.get(cause, 0.0) + seconds
        self.joins += result.joins
        self.broken += [
            {"seed": result.seed, "days": result.days, "at_s": one.at_s, "invariant": one.invariant, "what": one.what}
            for one in result.violations
        ]

    def as_dict(self, outages: list[dict[str, Any]], took_s: float) -> dict[str, Any]:
        """For JSON."""
        return {
            "seeds": [min(self.seeds), max(self.seeds)] if self.seeds else [],
            "rooms": len(self.seeds),
            "room_days": round(self.days, 3),
            "took_s": round(took_s, 1),
            "cpu_s": round(self.cpu_s, 1),
            "crashes": sum(self.deaths.values()),
            "crashes_by_boundary": dict(self.deaths.most_common()),
            "acts": sum(self.acts.values()),
            "acts_by_remedy": dict(self.acts.most_common()),
            "refusals": dict(self.refusals.most_common()),
            **self._meetings(),
            "needless_acts": sum(self.needless.values()),
            "needless_acts_by_cause": dict(self.needless.most_common()),
            "acts_in_a_call": sum(self.in_call.values()),
            "troubles": dict(sorted(self.happened.items())),
            "violations": len(self.broken),
            "broken": self.broken,
            "outages": outages,
            "counted": dict(sorted(self.counted.items())),
        }

    def _meetings(self) -> dict[str, Any]:
        """What became of the planned meetings. A trial is none, and stands apart."""
        minutes = {cause: round(seconds / 60, 1) for cause, seconds in sorted(self.lost_s.items()) if seconds > 0}
        meant = [one for one in self.joins if not one.trial]
        return {
            "meetings": len({(one.room, one.meeting) for one in meant}),
            "meeting_minutes_lost": round(sum(minutes[cause] for cause in minutes if not cause.endswith(TRIAL)), 1),
            "meeting_minutes_lost_by_cause": minutes,
            "joins": len(meant),
            "joins_delayed": sum(one.delay_s > 0 for one in meant),
            "joins_missed": sum(one.delay_s == inf for one in meant),
            "joins_into_a_restart": sum(one.into_restart for one in meant),
            "joins_disturbed": sum(one.disturbed for one in meant),
            "joins_disturbed_by_an_order": sum(one.disturbed_by_order for one in meant),
        }


def outages(results: Iterable[Result]) -> list[dict[str, Any]]:
    """Mean outage of each fault beside the device's own boot time, and how soon the agent acted."""
    by_fault: dict[str, list[tuple[float, float, float]]] = {}
    unhealed: Counter[str] = Counter()
    for result in results:
        for one in result.episodes:
            if one.ended_s is None or one.acted_s is None:
                unhealed.update({one.fault, one.fault.partition(",")[0]})
                continue
            row = (one.ended_s - one.began_s, one.acted_s - one.began_s, one.boot_s)
            for fault in {one.fault, one.fault.partition(",")[0]}:  # `codec_hung, hard` counts under `codec_hung` too
                by_fault.setdefault(fault, []).append(row)
    found: list[dict[str, Any]] = [
        {
            "fault": fault,
            "rooms": len(rows),
            "not_healed": unhealed[fault],
            "outage_s": round(fmean(row[0] for row in shown), 1),
            "own_boot_s": round(fmean(row[2] for row in shown), 1),
            "beyond_boot_s": round(fmean(row[0] - row[2] for row in shown), 1),
            "first_act_after_s": round(fmean(row[1] for row in shown), 1),
            "first_act_at_most_s": round(max(row[1] for row in shown), 1),
        }
        for fault in sorted({*by_fault, *unhealed})
        for rows in [by_fault.get(fault, [])]
        for shown in [rows or [(0.0, 0.0, 0.0)]]
    ]
    return [one | {"target_met": _target_met(one) if one["fault"].startswith("codec_hung") else None} for one in found]


def _target_met(row: dict[str, Any]) -> bool:
    """Of a hung codec outside a call."""
    healed = row["rooms"] > 0 and row["not_healed"] == 0
    return bool(healed and row["beyond_boot_s"] <= OUTAGE_BEYOND_BOOT_S and row["first_act_at_most_s"] <= ACT_WITHIN_S)


def text(figures: dict[str, Any]) -> str:
    """The figures for people."""
    lines = [
        f"seeds {figures['seeds']}: {figures['rooms']} rooms, {figures['room_days']} room-days",
        f"took {figures['took_s']} s, and {figures['cpu_s']} s of processor time",
        f"crashes: {figures['crashes']}",
        *_columns(figures["crashes_by_boundary"]),
        f"acts: {figures['acts']}",
        *_columns(figures["acts_by_remedy"]),
        "refusals by reason:",
        *_columns(figures["refusals"]),
        "troubles that came:",
        *_columns(figures["troubles"]),
        "also counted:",
        *_columns(figures["counted"]),
        "one fault alone, outside a call; target for a hung codec: its own boot + 60 s, first act within 180 s; means:",
    ]
    lines += [
        f"  {one['fault']:24} out {one['outage_s']:6.1f} s = own boot {one['own_boot_s']:5.1f} s + "
        f"{one['beyond_boot_s']:5.1f} s; first act after {one['first_act_after_s']:5.1f} s, "
        f"at most {one['first_act_at_most_s']:5.1f} s ({one['rooms']} rooms, {one['not_healed']} not healed)"
        + {None: "", True: ", target met", False: ", TARGET MISSED"}[one["target_met"]]
        for one in figures["outages"]
    ]
    lines += [
        f"meetings: {figures['meetings']}, minutes lost of them: {figures['meeting_minutes_lost']}, by cause:",
        *(f"  {minutes:9,.1f}  {cause}" for cause, minutes in figures["meeting_minutes_lost_by_cause"].items()),
        f"joins: {figures['joins']}, of them {figures['joins_delayed']} delayed and {figures['joins_missed']} missed; "
        f"{figures['joins_into_a_restart']} dialled into a restart of ours; without it the room would have taken "
        f"{figures['joins_disturbed']} that its own decision met, and {figures['joins_disturbed_by_an_order']} that an "
        "order of the centre met",
        f"restarts in a call's path while a call was up, known or not: {figures['acts_in_a_call']}",
        f"needless acts, of what truly was healthy: {figures['needless_acts']}",
        *_columns(figures["needless_acts_by_cause"]),
        f"violations: {figures['violations']}",
    ]
    lines += [
        f"  seed {one['seed']} at {one['at_s']:.0f} s: {one['invariant']}: {one['what']}" for one in figures["broken"]
    ]
    return "\n".join(lines)


def _columns(counts: dict[str, int]) -> list[str]:
    return [f"  {count:9,d}  {name}" for name, count in counts.items()]
