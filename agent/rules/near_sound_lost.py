"""Nơi khác không nghe thấy mình: no microphone is connected while the room is wanted."""

from agent.core.facts import View
from agent.core.policy import Policy
from agent.core.rule import Diagnosis, Rule, Severity, Words, faulty, healthy, unknown
from agent.core.schedule import trial_runs, wanted

WATCHES = ("codec.mic_connected", "codec.mic_muted", "codec.in_call", "codec.api")


def diagnose(view: View, policy: Policy) -> Diagnosis:
    """Faulty near a meeting or in a call without a microphone.

    A muted one is no fault: the procedure keeps microphones off except for speaking. A trial is there to be heard.
    """
    if not view.is_true("codec.api"):
        return unknown(view, "codec_not_asked", *WATCHES)
    if trial_runs(policy, view.now) and view.is_true("codec.mic_muted") and view.is_true("codec.in_call"):
        return faulty(view, "muted_in_trial", *WATCHES)
    if view.is_true("codec.mic_connected"):
        return healthy(view, "microphone_connected", *WATCHES)
    if not view.is_false("codec.mic_connected"):
        return unknown(view, "microphone_not_known", *WATCHES)
    if not wanted(policy, view.now) and not view.is_true("codec.in_call"):
        return healthy(view, "no_meeting_near", *WATCHES)
    return faulty(view, "no_microphone", *WATCHES)


RULE = Rule(
    name="near_sound_lost",
    severity=Severity.WARNING,
    symptom="codec.mic_connected",
    watches=WATCHES,
    diagnose=diagnose,
    ladder=("codec_unmute",),
    strikes=3,
    passes=2,
    loads=("codec",),
    inhibited_by=("codec_hung", "codec_no_power", "mains_lost"),
    cause="A microphone cable was pulled, or the batteries of a wireless one are empty.",
    consequence="The other sites do not hear the room.",
    action="Switch the microphone on, change its battery, raise its channel on the mixer.",
    time_available="The hour before the meeting; at once during it.",
    words={
        "vi": Words(
            "Nơi khác không nghe thấy mình",
            "Nơi khác không nghe thấy",
            ("Bật micro (đèn sáng).", "Thay pin micro.", "Tăng âm lượng kênh micro trên mixer."),
            {
                "muted_in_trial": "micro đang tắt khi kết nối thử",
                "microphone_connected": "đã thấy micro",
                "no_meeting_near": "không có cuộc họp sắp tới",
                "no_microphone": "không thấy micro",
            },
            working=("Chờ đèn micro sáng rồi nói thử.",),
        ),
        "en": Words(
            "This room is not heard",
            "The other sites cannot hear the room",
            ("Switch the microphone on (its lamp is lit).", "Change its battery.", "Raise its channel on the mixer."),
            {
                "muted_in_trial": "the microphones are muted in a trial",
                "microphone_connected": "the microphone is seen",
                "no_meeting_near": "no meeting is near",
                "no_microphone": "no microphone is seen",
            },
            working=("Wait for its lamp, then speak a few words.",),
        ),
    },
)
