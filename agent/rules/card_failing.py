"""Thẻ nhớ lỗi: the card has fallen back to read-only, or is nearly full. Nothing is switched without a journal."""

from agent.core.facts import View
from agent.core.policy import Policy
from agent.core.rule import Diagnosis, Rule, Severity, Words, faulty, healthy, unknown

WATCHES = ("self.disk_readonly", "self.disk_pct")


def diagnose(view: View, policy: Policy) -> Diagnosis:
    """Faulty when it cannot be written, or soon cannot."""
    if view.is_true("self.disk_readonly"):
        return faulty(view, "read_only", *WATCHES)
    full_pct = view.number("self.disk_pct")
    if full_pct is None or not view.is_false("self.disk_readonly"):
        return unknown(view, "not_told", *WATCHES)
    if full_pct >= policy.thresholds.card_full_pct:
        return faulty(view, "card_full", *WATCHES)
    if full_pct <= policy.thresholds.card_room_pct:
        return healthy(view, "card_good", *WATCHES)
    return unknown(view, "between_limits", *WATCHES)


RULE = Rule(
    name="card_failing",
    severity=Severity.MAJOR,
    symptom="self.disk_readonly",
    watches=WATCHES,
    diagnose=diagnose,
    strikes=2,
    passes=2,
    cause="A worn card, a power cut during a write, or something else that fills it.",
    consequence="The room is still watched, but heals nothing by itself: no act without its journal.",
    action="Tell the centre, which sends a prepared card.",
    time_available="Until the next fault that the room would have healed.",
    words={
        "vi": Words(
            "Thẻ nhớ bộ giám sát lỗi",
            "Thẻ nhớ của bộ giám sát bị lỗi",
            ("Không rút nguồn bộ giám sát.", "Báo Trung tâm[ {centre}] để thay thẻ nhớ."),
            {
                "read_only": "thẻ nhớ không ghi được",
                "card_full": "thẻ nhớ sắp đầy",
                "card_good": "thẻ nhớ tốt",
            },
        ),
        "en": Words(
            "The agent's card fails",
            "The card of the room's agent fails",
            ("Do not unplug the agent.", "Ask the centre[ {centre}] for a new card."),
            {
                "read_only": "the card cannot be written",
                "card_full": "the card is nearly full",
                "card_good": "the card is good",
            },
        ),
    },
    fill=lambda view, policy: {"centre": policy.phone("centre")},
)
