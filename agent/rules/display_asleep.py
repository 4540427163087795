"""Mất hình trên TV: a meeting is near, and the codec sleeps, or the display is off or shows another input."""

from agent.core.facts import View
from agent.core.policy import Policy
from agent.core.rule import Diagnosis, Rule, Severity, Words, faulty, healthy, unknown
from agent.core.schedule import wanted

WATCHES = (
    "codec.standby", "display.draw_w", "codec.display_out", "display.power", "display.input_right",
    "display.picture_muted", "codec.in_call",
)  # fmt: skip


def diagnose(view: View, policy: Policy) -> Diagnosis:
    """Faulty within an hour of a meeting when no picture can be on the display."""
    known = view.is_true("codec.standby") or view.is_false("codec.standby")
    if not view.fitted("codec.standby"):
        known = view.value("display.power") is not None  # a codec that nobody can ask: the display's word must do
    if not wanted(policy, view.now):
        if known:
            return healthy(view, "no_meeting_near", *WATCHES)
        return unknown(view, "no_meeting_near", *WATCHES)
    if view.is_true("codec.standby"):
        return faulty(view, "codec_in_standby", *WATCHES)
    if not known:
        return unknown(view, "standby_not_known", *WATCHES)
    power = view.value("display.power")
    if power == "off":
        return faulty(view, "display_off", *WATCHES)
    if power in ("cooling", "warming"):
        return unknown(view, "display_changing", *WATCHES)  # a projector takes no order meanwhile
    hidden = "display_wrong_input" if view.is_false("display.input_right") else ""
    hidden = hidden or ("display_blanked" if view.is_true("display.picture_muted") else "")
    if hidden:
        # While people talk, the other input, or a dark screen, may be what they want.
        return (faulty if view.is_false("codec.in_call") else unknown)(view, hidden, *WATCHES)
    display_w = view.number("display.draw_w")
    if power is None and display_w is not None and display_w < policy.thresholds.display_on_w:
        return faulty(view, "display_draws_nothing", *WATCHES)
    return healthy(view, "picture_possible", *WATCHES)


RULE = Rule(
    name="display_asleep",
    severity=Severity.WARNING,
    symptom="codec.standby",
    otherwise=("display.power",),
    watches=WATCHES,
    diagnose=diagnose,
    ladder=("codec_wake", "display_on", "display_input"),
    strikes=2,
    passes=2,
    loads=("codec", "display"),
    inhibited_by=("codec_hung", "codec_no_power", "mains_lost"),
    cause="The codec went to sleep (an SX20 does after 10 minutes), or the display is off or shows another input.",
    consequence="People find a dark screen and think that the system is broken.",
    action="Switch the display on, choose the right HDMI input, press any key of the codec's remote control.",
    time_available="The hour before the meeting.",
    words={
        "vi": Words(
            "Mất hình trên TV",
            "TV không có hình",
            (
                "Bật TV, chọn đúng cổng HDMI.",
                "Bấm phím bất kỳ trên điều khiển máy họp.",
                "Xem dây HDMI có bị tuột không.",
            ),
            {
                "no_meeting_near": "không có cuộc họp sắp tới",
                "codec_in_standby": "thiết bị đầu cuối đang ở chế độ ngủ",
                "display_off": "màn hình đang tắt",
                "display_wrong_input": "màn hình đang chọn ngõ vào khác",
                "display_blanked": "hình bị che tại màn hình",
                "display_draws_nothing": "màn hình không dùng điện",
                "picture_possible": "màn hình đã có hình",
            },
            working=("Không bấm điều khiển.", "Chờ TV có hình."),
            on=("Bật TV, chọn đúng cổng HDMI.",),
        ),
        "en": Words(
            "No picture on the TV",
            "There is no picture on the display",
            (
                "Switch the display on, choose the right HDMI input.",
                "Press any key of the codec's remote control.",
                "See whether the HDMI cable has come loose.",
            ),
            {
                "no_meeting_near": "no meeting is near",
                "codec_in_standby": "the codec is in standby",
                "display_off": "the display is off",
                "display_wrong_input": "the display shows another input",
                "display_blanked": "the picture is blanked at the display",
                "display_draws_nothing": "the display draws no power",
                "picture_possible": "a picture is possible",
            },
            working=("Do not press the remote control.", "Wait for a picture."),
            on=("Switch the display on, choose the right HDMI input.",),
        ),
    },
)
