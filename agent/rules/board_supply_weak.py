"""Nguồn bộ giám sát yếu: the board's own supply is too low; its card and its clock suffer first."""

from agent.core.facts import View
from agent.core.policy import Policy
from agent.core.rule import Diagnosis, Rule, Severity, Words, faulty, healthy, unknown

WATCHES = ("self.undervoltage", "mains.voltage_v")


def diagnose(view: View, policy: Policy) -> Diagnosis:
    """Faulty while the board says so itself."""
    if view.is_true("self.undervoltage"):
        return faulty(view, "undervoltage", *WATCHES)
    return healthy(view, "supply_good", *WATCHES) if view.is_false("self.undervoltage") else unknown(view, "not_told")


RULE = Rule(
    name="board_supply_weak",
    severity=Severity.WARNING,
    symptom="self.undervoltage",
    watches=WATCHES,
    diagnose=diagnose,
    strikes=3,
    passes=3,
    inhibited_by=("mains_lost", "mains_weak"),
    cause="A worn or wrong power supply, a thin cable, or too much on the board's USB ports.",
    consequence="The board may stop or damage its card; the room is then no longer watched.",
    action="Use the supply that came with the box, plugged in directly; ask the centre for a new one.",
    time_available="Days; the card may fail at any moment.",
    words={
        "vi": Words(
            "Nguồn bộ giám sát yếu",
            "Nguồn của bộ giám sát yếu",
            (
                "Dây khô thì ấn chặt đầu dây nguồn vào bộ giám sát; ướt thì không chạm vào.",
                "Không cắm sạc điện thoại vào bộ giám sát.",
                "Báo Trung tâm[ {centre}] để thay nguồn.",
            ),
            {
                "undervoltage": "nguồn của bộ giám sát yếu",
                "supply_good": "nguồn đã đủ",
            },
        ),
        "en": Words(
            "Weak supply of the agent",
            "The supply of the room's agent is weak",
            (
                "If it is dry, press the power lead home at the agent; do not touch it wet.",
                "Charge no phone from it.",
                "Ask the centre[ {centre}] for a new one.",
            ),
            {
                "undervoltage": "the agent's supply is weak",
                "supply_good": "the supply is good",
            },
        ),
    },
    fill=lambda view, policy: {"centre": policy.phone("centre")},
)
