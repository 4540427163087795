"""Điện yếu, chập chờn: the voltage is outside 198 to 242 V for more than 10 s. Recovery needs a margin inside."""

from agent.core.facts import View
from agent.core.policy import Policy
from agent.core.rule import Diagnosis, Rule, Severity, Words, faulty, healthy, unknown

WATCHES = ("mains.voltage_v",)


def diagnose(view: View, policy: Policy) -> Diagnosis:
    """Faulty outside the limits; healthy only inside the narrower recovery limits."""
    volts = view.number("mains.voltage_v")
    limits = policy.thresholds
    if volts is None or volts < limits.mains_absent_v:
        return unknown(view, "no_mains_to_judge", *WATCHES)
    if volts < limits.mains_low_v:
        return faulty(view, "voltage_low", *WATCHES)
    if volts > limits.mains_high_v:
        return faulty(view, "voltage_high", *WATCHES)
    if limits.mains_recover_low_v <= volts <= limits.mains_recover_high_v:
        return healthy(view, "voltage_good", *WATCHES)
    return unknown(view, "voltage_between_limits", *WATCHES)


def _fill(view: View, policy: Policy) -> dict[str, str]:
    volts = view.number("mains.voltage_v")
    return {"power": policy.phone("power"), **({"v": f"{volts:.0f}"} if volts is not None else {})}


RULE = Rule(
    name="mains_weak",
    severity=Severity.WARNING,
    symptom="mains.voltage_v",
    watches=WATCHES,
    diagnose=diagnose,
    ladder=(),
    strikes=3,
    passes=3,
    confirm_s=10,
    inhibited_by=("mains_lost",),
    cause="A long or overloaded line; air conditioners and kettles on the same phase.",
    consequence="Equipment restarts by itself or is damaged; nothing is switched on meanwhile.",
    action="Switch off the air conditioner and kettles, do not switch things on and off, tell the power company.",
    time_available="Minutes to hours; equipment is at risk as long as it lasts.",
    words={
        "vi": Words(
            "Điện yếu, chập chờn",
            "Điện yếu hoặc chập chờn[ ({v} V)]",
            ("Tắt điều hòa, ấm điện.", "Không bật, tắt thiết bị liên tục.", "Nếu không đỡ, báo Điện lực[ {power}]."),
            {
                "voltage_low": "điện áp quá thấp",
                "voltage_high": "điện áp quá cao",
                "voltage_good": "điện áp tốt",
            },
        ),
        "en": Words(
            "Weak mains",
            "The mains voltage is out of limits[ ({v} V)]",
            (
                "Switch off air conditioner and kettles.",
                "Do not switch equipment on and off.",
                "If it does not get better, tell the power company[ {power}].",
            ),
            {
                "voltage_low": "the voltage is too low",
                "voltage_high": "the voltage is too high",
                "voltage_good": "the voltage is good",
            },
        ),
    },
    fill=_fill,
)
