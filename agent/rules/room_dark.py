"""Phòng tối: a meeting is near and there is too little light on the table for the camera."""

from agent.core.facts import View
from agent.core.policy import Policy
from agent.core.rule import Diagnosis, Rule, Severity, Words, faulty, healthy, unknown
from agent.core.schedule import wanted

WATCHES = ("env.light_lx",)


def diagnose(view: View, policy: Policy) -> Diagnosis:
    """Faulty within an hour of a meeting below `dark_lx`; healthy again only above `light_enough_lx`."""
    light_lx = view.number("env.light_lx")
    if light_lx is None:
        return unknown(view, "light_not_known", *WATCHES)
    if not wanted(policy, view.now):
        return healthy(view, "no_meeting_near", *WATCHES)
    if light_lx < policy.thresholds.dark_lx:
        return faulty(view, "too_dark", *WATCHES)
    if light_lx >= policy.thresholds.light_enough_lx:
        return healthy(view, "light_enough", *WATCHES)
    return unknown(view, "light_between_limits", *WATCHES)


RULE = Rule(
    name="room_dark",
    severity=Severity.WARNING,
    symptom="env.light_lx",
    watches=WATCHES,
    diagnose=diagnose,
    ladder=("light_on",),
    strikes=2,
    passes=2,
    inhibited_by=("mains_lost",),
    cause="The lights are off or the curtains are drawn.",
    consequence="The other sites see dark faces.",
    action="Switch on all front lights, draw the curtain behind the delegates.",
    time_available="The hour before the meeting.",
    words={
        "vi": Words(
            "Phòng tối, ngược sáng",
            "Phòng đang tối",
            ("Bật hết đèn phía trước.", "Kéo rèm cửa sổ sau lưng đại biểu."),
            {
                "no_meeting_near": "không có cuộc họp sắp tới",
                "too_dark": "ánh sáng dưới mức cần thiết",
                "light_enough": "đã đủ sáng",
            },
            working=("Kéo rèm cửa sổ sau lưng đại biểu.", "Vẫn tối thì bật thêm đèn phía trước."),
        ),
        "en": Words(
            "Room too dark",
            "The room is dark",
            ("Switch on all front lights.", "Draw the curtain behind the delegates."),
            {
                "no_meeting_near": "no meeting is near",
                "too_dark": "there is too little light",
                "light_enough": "there is enough light",
            },
            working=("Draw the curtain behind the delegates.", "If it is still dark, switch on more front lights."),
        ),
    },
)
