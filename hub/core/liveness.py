"""Whether a room is still heard, by the hub's own clock, and which silent rooms share one cause.

The broker's last will is only a faster sign, sent the moment a connection breaks and believed when it is 15 s old:
after a crash of the broker it may never come. While the hub itself hears nothing (no broker), no room is declared lost,
for the hub would be speaking of itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hub.core.twin import Twin
from wire.messages import Words

RULE = "room_lost"
SEVERITY = "major"
EPOCH = "hub"
"""Epoch of the incidents that the hub itself makes. A room that claims it is not believed."""
MISSED_BEATS = 3
WILL_GRACE_S = 15.0
"""A reconnect within this is no loss."""
GROUP_SHARE = 0.6
GROUP_MIN = 3
GROUP_WINDOW_S = 300.0
"""Rooms that fell silent within this time of each other may share one cause."""

WORDS = {
    "vi": Words(
        "Bộ giám sát mất liên lạc",
        [
            "Hỏi phòng có điện không, có đang họp bình thường không.",
            "Xem đèn bộ giám sát.",
            "Đèn tắt: ấn chặt đầu dây nguồn vào bộ giám sát.",
        ],
        "Bộ giám sát mất liên lạc",
    ),
    "en": Words(
        "The agent is out of touch",
        [
            "Ask whether the room has power and whether its meeting goes on.",
            "Look at the agent's light.",
            "No light: press its power lead home at the agent.",
        ],
        "Agent out of touch",
    ),
}


def silent_since_s(twin: Twin, now_s: float, listening_s: float, beat_s: float) -> float | None:
    """Since when the room counts as lost, or None while it does not.

    `listening_s`: since when the hub has been listening without a break. A room that has never spoken is not lost: its
    verdict is unknown.
    """
    if not twin.boot and not twin.heard_s:
        return None
    last_s = max(twin.heard_s, listening_s)
    if twin.lost_since_s > 0 and now_s - max(twin.lost_since_s, listening_s) >= WILL_GRACE_S:
        return twin.lost_since_s
    if now_s - last_s > MISSED_BEATS * beat_s:
        return twin.heard_s or last_s
    return None


@dataclass(frozen=True, slots=True)
class Silent:
    """One lost room as the grouping sees it."""

    room: str
    cluster: str
    """Code of its cluster; empty: it belongs to none and is never grouped."""
    since_s: float
    group: str = ""
    """The key it has already."""


def group_keys(silent: Iterable[Silent], sizes: Mapping[str, int]) -> dict[str, str]:
    """Room to new group key, only for rooms whose key changes.

    When at least 60 % of a cluster's installed rooms (`sizes`), and at least three, fell silent within five minutes,
    they share a key. Rooms that follow within the window of a member join the key that stands. A key is never taken
    away: an incident that was shown as part of a cause stays so.
    """
    changed: dict[str, str] = {}
    by_cluster: dict[str, list[Silent]] = {}
    for one in silent:
        if one.cluster:
            by_cluster.setdefault(one.cluster, []).append(one)
    for cluster, members in by_cluster.items():
        needed = max(GROUP_MIN, GROUP_SHARE * sizes.get(cluster, 0))
        for together in _bursts(members):
            known = min((one.group for one in together if one.group), default="")
            if not known and len(together) < needed:
                continue
            key = known or f"{RULE}:{cluster}:{int(together[0].since_s)}"
            changed |= {one.room: key for one in together if not one.group}
    return changed


def _bursts(members: list[Silent]) -> list[list[Silent]]:
    """Runs of losses in order of time, each within the window of the first of its run."""
    runs: list[list[Silent]] = []
    for one in sorted(members, key=lambda one: (one.since_s, one.room)):
        if runs and one.since_s - runs[-1][0].since_s <= GROUP_WINDOW_S:
            runs[-1].append(one)
        else:
            runs.append([one])
    return runs
