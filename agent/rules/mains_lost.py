"""Mất điện lưới: the UPS runs from its battery, or the meter on the mains has gone silent beside other signs."""

from agent.core.facts import View
from agent.core.policy import Policy
from agent.core.rule import Diagnosis, Rule, Severity, Words, faulty, healthy, unknown

WATCHES = ("mains.voltage_v", "ups.on_battery", "ups.runtime_s", "ups.charge_pct")


def diagnose(view: View, policy: Policy) -> Diagnosis:
    """Faulty when a witness says so.

    A PZEM-004T is fed by the line it measures, so its silence is what a lost mains looks like; but a loose wire looks
    the same, so that silence needs the UPS as second witness.
    """
    limits = policy.thresholds
    volts = view.number("mains.voltage_v")
    if volts is not None:
        if volts >= limits.mains_absent_v:
            return healthy(view, "mains_present", *WATCHES)
        return faulty(view, "voltage_near_zero", *WATCHES)
    if view.is_true("ups.on_battery"):
        return faulty(view, "ups_on_battery", *WATCHES)
    if view.is_false("ups.on_battery"):
        return healthy(view, "ups_on_line", *WATCHES)
    return unknown(view, "no_witness", *WATCHES)


def _fill(view: View, policy: Policy) -> dict[str, str]:
    runtime_s = view.number("ups.runtime_s")
    charge_pct = view.number("ups.charge_pct") if view.is_true("ups.on_battery") else None
    left = {"n": f"{runtime_s / 60:.0f}"} if runtime_s is not None else {}
    if runtime_s is None and charge_pct is not None:  # many a UPS tells no time
        left = {"pct": f"{charge_pct:.0f}"}
    return {"power": policy.phone("power"), **left}


RULE = Rule(
    name="mains_lost",
    severity=Severity.CRITICAL,
    symptom="mains.voltage_v",
    otherwise=("ups.on_battery",),
    watches=WATCHES,
    diagnose=diagnose,
    ladder=(),
    strikes=2,
    passes=3,
    loads=(),
    cause="The grid has failed, or the room's breaker has tripped.",
    consequence="The room works from the UPS and goes dark when it is empty.",
    action="Check the breaker, start the generator or call the power company, switch off what is not needed.",
    time_available="As long as the UPS lasts, typically 5 to 15 minutes.",
    words={
        "vi": Words(
            "Mất điện lưới",
            "Mất điện[, UPS còn khoảng {n} phút][, ắc quy UPS còn khoảng {pct}%]",
            (
                "Xem aptomat có bị nhảy không; ướt thì không chạm vào.",
                "Bật máy phát hoặc gọi Điện lực[ {power}].",
                "Tắt điều hòa, quạt và thứ không dùng để họp.",
            ),
            {
                "mains_present": "đã có điện lưới",
                "voltage_near_zero": "điện áp gần bằng 0",
                "ups_on_battery": "UPS báo đang dùng ắc quy",
                "ups_on_line": "UPS đã dùng điện lưới",
            },
        ),
        "en": Words(
            "Mains lost",
            "Mains lost[, minutes left in the UPS: about {n}][, battery of the UPS: about {pct}%]",
            (
                "See whether the breaker has tripped; do not touch it wet.",
                "Start the generator or call the power company[ {power}].",
                "Switch off air conditioner, fans and what the meeting does not need.",
            ),
            {
                "mains_present": "mains is present",
                "voltage_near_zero": "the voltage is near zero",
                "ups_on_battery": "the UPS says it runs on battery",
                "ups_on_line": "the UPS runs from mains",
            },
        ),
    },
    power_loss=True,
    fill=_fill,
)
