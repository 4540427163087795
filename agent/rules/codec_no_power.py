"""Không lên nguồn: the relay gives power, the mains is there, and the codec draws nothing and answers nothing."""

from agent.core.facts import View
from agent.core.policy import Policy
from agent.core.rule import Diagnosis, Rule, Severity, Words, faulty, healthy, unknown

WATCHES = ("codec.draw_w", "codec.api", "codec.ping", "codec.tcp", "mains.voltage_v")


def diagnose(view: View, policy: Policy) -> Diagnosis:
    """Faulty when the draw is next to nothing and no other sign of life is seen, with the mains present."""
    draw_w = view.number("codec.draw_w")
    if draw_w is None:
        return unknown(view, "draw_not_known", *WATCHES)
    if draw_w >= policy.thresholds.codec_alive_w:
        return healthy(view, "draws_power", *WATCHES)
    if any(view.is_true(key) for key in ("codec.api", "codec.ping", "codec.tcp")):
        return unknown(view, "meter_contradicts_network", *WATCHES)
    volts = view.number("mains.voltage_v")
    if volts is None or volts < policy.thresholds.mains_absent_v:
        return unknown(view, "mains_not_sure", *WATCHES)
    return faulty(view, "no_draw_no_answer", *WATCHES)


RULE = Rule(
    name="codec_no_power",
    severity=Severity.MAJOR,
    symptom="codec.draw_w",
    watches=WATCHES,
    diagnose=diagnose,
    ladder=("codec_power_cycle",),
    strikes=3,
    passes=2,
    loads=("codec",),
    inhibited_by=("mains_lost", "ups_off"),
    leaves_no_meeting=True,
    cause="A loose or failed power supply, a button pressed by mistake, a blown fuse.",
    consequence="The room has no endpoint: it cannot join any meeting.",
    action="Look at the lamp on the device, press the power plug home; call if it stays dark.",
    time_available="Until the next meeting.",
    words={
        "vi": Words(
            "Không lên nguồn",
            "Máy không lên nguồn",
            (
                "Xem đèn trên máy có sáng không.",
                "Xem phích điện của máy họp có cắm không.",
                "Báo Trung tâm[ {centre}] điều vừa thấy.",
            ),
            {
                "draws_power": "thiết bị đang dùng điện",
                "no_draw_no_answer": "đã cấp điện nhưng thiết bị không chạy",
            },
            working=("Không rút phích.", "Chờ đèn trên máy sáng, TV có hình."),
            power=(
                "Ấn chặt đầu dây nguồn vào máy.",
                "Chưa lên thì rút phích điện của máy họp, chờ 30 giây, cắm lại.",
                "Chờ đèn trên máy sáng, TV có hình.",
            ),
        ),
        "en": Words(
            "No power",
            "The codec has no power",
            (
                "Look at the lamp on the device.",
                "See whether its plug is in the socket.",
                "Tell the centre[ {centre}] what you found.",
            ),
            {
                "draws_power": "the device draws power",
                "no_draw_no_answer": "power is supplied but the device does not run",
            },
            working=("Do not unplug anything.", "Wait for the lamp and a picture."),
            power=(
                "Press the power lead home at the device.",
                "If it stays dark, unplug it, wait 30 seconds, plug it in again.",
                "Wait for the lamp and a picture.",
            ),
        ),
    },
    fill=lambda view, policy: {"centre": policy.phone("centre")},
)
