"""UPS tắt đầu ra: the mains is there, and the UPS says that it gives no power to what hangs on it."""

from agent.core.facts import View
from agent.core.policy import Policy
from agent.core.rule import Diagnosis, Rule, Severity, Words, faulty, healthy, unknown

WATCHES = ("ups.output_on", "ups.on_battery", "codec.draw_w")


def diagnose(view: View, policy: Policy) -> Diagnosis:
    """Faulty when it says so itself. What hangs on it is dark by its switch, and no relay gives power back."""
    if view.is_false("ups.output_on"):
        return faulty(view, "output_off", *WATCHES)
    if view.is_true("ups.output_on"):
        return healthy(view, "output_on", *WATCHES)
    return unknown(view, "not_told", *WATCHES)


RULE = Rule(
    name="ups_off",
    severity=Severity.MAJOR,
    symptom="ups.output_on",
    watches=WATCHES,
    diagnose=diagnose,
    strikes=3,
    passes=2,
    inhibited_by=("mains_lost",),
    cause="Its button was pressed, an overload tripped it, or it did not start again after its battery was empty.",
    consequence="Everything that hangs on the UPS is dark: the room cannot join any meeting.",
    action="Press the button of the UPS until its lamp lights; with an overload unplug what does not belong there.",
    time_available="Until the next meeting.",
    words={
        "vi": Words(
            "UPS không cấp điện",
            "UPS đang tắt, thiết bị không có điện",
            (
                "UPS ướt hoặc có mùi khét thì không chạm vào.",
                "Giữ nút nguồn trên UPS 3 giây cho đèn sáng.",
                "Không lên thì báo Trung tâm[ {centre}].",
            ),
            {"output_off": "UPS báo đã tắt đầu ra", "output_on": "UPS đang cấp điện"},
        ),
        "en": Words(
            "UPS gives no power",
            "The UPS is off, and what hangs on it is dark",
            (
                "Do not touch a UPS that is wet or smells burnt.",
                "Hold the button of the UPS for 3 seconds until its lamp lights.",
                "If it does not, tell the centre[ {centre}].",
            ),
            {"output_off": "the UPS says that its output is off", "output_on": "the UPS gives power"},
        ),
    },
    fill=lambda view, policy: {"centre": policy.phone("centre")},
)
