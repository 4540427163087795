"""Bộ giám sát quá tải: the board's memory is used up, and only a fresh start gives it back.

A lost network is no reason to restart the board: it would take the room's only watcher away, and bring nothing back.
"""

from agent.core.facts import View
from agent.core.policy import Policy
from agent.core.rule import Diagnosis, Rule, Severity, Words, faulty, healthy, unknown

WATCHES = ("self.mem_pct", "self.rss_mb", "self.cpu_pct")


def diagnose(view: View, policy: Policy) -> Diagnosis:
    """Faulty when nearly no memory is left."""
    used_pct = view.number("self.mem_pct")
    if used_pct is None:
        return unknown(view, "not_told", *WATCHES)
    if used_pct >= policy.thresholds.memory_full_pct:
        return faulty(view, "memory_used_up", *WATCHES)
    if used_pct <= policy.thresholds.memory_room_pct:
        return healthy(view, "memory_left", *WATCHES)
    return unknown(view, "between_limits", *WATCHES)


RULE = Rule(
    name="board_exhausted",
    severity=Severity.WARNING,
    symptom="self.mem_pct",
    watches=WATCHES,
    diagnose=diagnose,
    ladder=("board_reboot",),
    strikes=5,
    passes=2,
    loads=("board",),
    cause="A program on the board leaks memory.",
    consequence="The board becomes slow, and its watchdog may restart it at any moment.",
    action="None in the room; the centre looks at the board's log.",
    time_available="Some hours.",
    words={
        "vi": Words(
            "Bộ giám sát quá tải",
            "Bộ giám sát đang quá tải",
            ("Không rút nguồn bộ giám sát.", "Còn cảnh báo thì báo Trung tâm[ {centre}]."),
            {
                "memory_used_up": "hết bộ nhớ",
                "memory_left": "đã đủ bộ nhớ",
            },
            working=("Không rút nguồn bộ giám sát.", "Cuộc họp không bị ảnh hưởng."),
        ),
        "en": Words(
            "The agent is overloaded",
            "The room's agent is overloaded",
            ("Do not unplug the agent.", "If the warning stays, tell the centre[ {centre}]."),
            {
                "memory_used_up": "the memory is used up",
                "memory_left": "there is memory left",
            },
            working=("Do not unplug the agent.", "The meeting is not affected."),
        ),
    },
    fill=lambda view, policy: {"centre": policy.phone("centre")},
)
