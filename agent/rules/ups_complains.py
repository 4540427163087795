"""UPS tự báo lỗi: the UPS raises an alarm of its own, in its own words."""

from agent.core.facts import View
from agent.core.policy import Policy
from agent.core.rule import Diagnosis, Rule, Severity, Words, faulty, healthy, unknown

WATCHES = ("ups.fault", "ups.output_on", "ups.replace_battery", "ups.on_battery")


def diagnose(view: View, policy: Policy) -> Diagnosis:
    """Faulty when it complains; what it says of a worn battery, or of an output that is off, has a rule of its own."""
    said = view.value("ups.fault")
    if not isinstance(said, str):
        return unknown(view, "not_told", *WATCHES)
    if said == "none":
        return healthy(view, "ups_content", *WATCHES)
    if view.is_true("ups.replace_battery") or view.is_false("ups.output_on"):
        return unknown(view, "told_elsewhere", *WATCHES)
    return faulty(view, "ups_alarm", *WATCHES)


RULE = Rule(
    name="ups_complains",
    severity=Severity.WARNING,
    symptom="ups.fault",
    watches=WATCHES,
    diagnose=diagnose,
    strikes=3,
    passes=3,
    inhibited_by=("mains_lost",),
    cause="An overload, a charger or battery at fault, a fan that stands still, a supply without earth.",
    consequence="The UPS may switch off without warning, or give no power when the mains fails.",
    action="Read what its display says and report it; unplug what does not belong on it.",
    time_available="Days, as a rule; minutes with an overload.",
    words={
        "vi": Words(
            "UPS tự báo lỗi",
            "UPS tự báo lỗi",
            ("Không rút điện UPS.", "Đọc chữ, xem đèn đỏ trên UPS.", "Báo Trung tâm[ {centre}] điều vừa thấy."),
            {"ups_alarm": "UPS báo lỗi của chính nó", "ups_content": "UPS không báo lỗi"},
        ),
        "en": Words(
            "The UPS says that it is at fault",
            "The UPS raises an alarm of its own",
            (
                "Do not unplug the UPS.",
                "Read its display, look for a red lamp.",
                "Tell the centre[ {centre}] what you found.",
            ),
            {"ups_alarm": "the UPS raises an alarm", "ups_content": "the UPS raises no alarm"},
        ),
    },
    fill=lambda view, policy: {"centre": policy.phone("centre")},
)
