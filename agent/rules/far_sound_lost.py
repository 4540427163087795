"""Không nghe thấy điểm cầu khác: volume zero, output muted or the amplifier off, while the room is wanted."""

from agent.core.facts import View
from agent.core.policy import Policy
from agent.core.rule import Diagnosis, Rule, Severity, Words, faulty, healthy, unknown
from agent.core.schedule import wanted

WATCHES = ("codec.volume_pct", "codec.output_muted", "amp.draw_w", "codec.in_call")


def diagnose(view: View, policy: Policy) -> Diagnosis:
    """Faulty near a meeting or in a call when nothing can be heard from the loudspeakers."""
    volume_pct, amp_w = view.number("codec.volume_pct"), view.number("amp.draw_w")
    if volume_pct is None:
        return unknown(view, "volume_not_known", *WATCHES)
    if not wanted(policy, view.now) and not view.is_true("codec.in_call"):
        return healthy(view, "no_meeting_near", *WATCHES)
    if volume_pct == 0:
        return faulty(view, "volume_zero", *WATCHES)
    if view.is_true("codec.output_muted"):
        return faulty(view, "output_muted", *WATCHES)
    if amp_w is not None and amp_w < policy.thresholds.amp_on_w:
        return faulty(view, "amplifier_off", *WATCHES)
    return healthy(view, "sound_possible", *WATCHES)


RULE = Rule(
    name="far_sound_lost",
    severity=Severity.WARNING,
    symptom="codec.volume_pct",
    watches=WATCHES,
    diagnose=diagnose,
    ladder=("codec_volume_restore", "amplifier_on"),
    strikes=3,
    passes=2,
    loads=("codec", "amplifier"),
    inhibited_by=("codec_hung", "codec_no_power", "mains_lost"),
    cause="The volume was turned down or muted, or the amplifier is off.",
    consequence="The room does not hear the meeting.",
    action="Turn the volume up, switch amplifier and loudspeakers on, check the audio cable.",
    time_available="The hour before the meeting; at once during it.",
    words={
        "vi": Words(
            "Không nghe thấy điểm cầu khác",
            "Không nghe thấy tiếng",
            ("Tăng âm lượng máy họp.", "Bật ampli, loa.", "Xem dây âm thanh có bị tuột không."),
            {
                "no_meeting_near": "không có cuộc họp sắp tới",
                "volume_zero": "âm lượng bằng 0",
                "output_muted": "đường tiếng ra đã tắt tiếng",
                "amplifier_off": "ampli không dùng điện",
                "sound_possible": "đã nghe được tiếng",
            },
            working=("Chờ một lát rồi nghe lại.",),
            on=("Bật ampli, loa.",),
        ),
        "en": Words(
            "Others are not heard",
            "The other sites cannot be heard",
            (
                "Turn the volume of the codec up.",
                "Switch on amplifier and loudspeakers.",
                "See whether the audio cable has come loose.",
            ),
            {
                "no_meeting_near": "no meeting is near",
                "volume_zero": "the volume is zero",
                "output_muted": "the sound output is muted",
                "amplifier_off": "the amplifier draws no power",
                "sound_possible": "sound is possible",
            },
            working=("Wait a moment, then listen again.",),
            on=("Switch on amplifier and loudspeakers.",),
        ),
    },
)
