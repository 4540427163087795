"""UPS lỗi, ắc quy yếu: the UPS asks for a new battery, or a full one would not last."""

from agent.core.facts import View
from agent.core.policy import Policy
from agent.core.rule import Diagnosis, Rule, Severity, Words, faulty, healthy, unknown

WATCHES = ("ups.replace_battery", "ups.runtime_s", "ups.charge_pct", "ups.on_battery")

FULL_PCT = 90.0
"""A runtime says something about the battery only when it is charged [J]."""


def diagnose(view: View, policy: Policy) -> Diagnosis:
    """Faulty when the UPS says so itself, or when it is charged and its runtime is short."""
    if view.is_true("ups.replace_battery"):
        return faulty(view, "replace_battery", *WATCHES)
    runtime_s, charge_pct = view.number("ups.runtime_s"), view.number("ups.charge_pct")
    on_line = view.is_false("ups.on_battery")
    if on_line and runtime_s is not None and charge_pct is not None and charge_pct >= FULL_PCT:
        if runtime_s < policy.thresholds.ups_short_s:
            return faulty(view, "short_runtime", *WATCHES)
        return healthy(view, "battery_good", *WATCHES)
    if on_line and view.is_false("ups.replace_battery") and runtime_s is None:
        return healthy(view, "battery_not_complaining", *WATCHES)
    return unknown(view, "not_charged_or_not_asked", *WATCHES)


RULE = Rule(
    name="ups_weak",
    severity=Severity.WARNING,
    symptom="ups.replace_battery",
    otherwise=("ups.runtime_s",),
    watches=WATCHES,
    diagnose=diagnose,
    strikes=3,
    passes=3,
    inhibited_by=("mains_lost",),
    cause="The battery is three to five years old, or was kept too warm.",
    consequence="The next mains failure ends a meeting at once.",
    action="Leave the UPS plugged in and ask the centre for a new battery.",
    time_available="Days; until the next mains failure.",
    words={
        "vi": Words(
            "UPS lỗi, ắc quy yếu",
            "Ắc quy UPS đã yếu",
            ("Không rút điện UPS.", "Báo Trung tâm[ {centre}] để thay ắc quy."),
            {
                "replace_battery": "UPS báo cần thay ắc quy",
                "short_runtime": "ắc quy chỉ giữ được rất ngắn",
                "battery_good": "ắc quy tốt",
                "battery_not_complaining": "UPS không báo lỗi ắc quy",
            },
        ),
        "en": Words(
            "Weak UPS battery",
            "The battery of the UPS is weak",
            ("Do not unplug the UPS.", "Ask the centre[ {centre}] for a new battery."),
            {
                "replace_battery": "the UPS asks for a new battery",
                "short_runtime": "the battery lasts only a short time",
                "battery_good": "the battery is good",
                "battery_not_complaining": "the UPS does not complain of its battery",
            },
        ),
    },
    fill=lambda view, policy: {"centre": policy.phone("centre")},
)
