"""Không nhận camera: the codec works and reports no camera."""

from agent.core.facts import View
from agent.core.policy import Policy
from agent.core.rule import Diagnosis, Rule, Severity, Words, faulty, healthy, unknown

WATCHES = ("codec.camera", "codec.api", "codec.app_ready")


def diagnose(view: View, policy: Policy) -> Diagnosis:
    """Faulty when a codec that has finished starting says that no camera is connected."""
    if view.is_true("codec.camera"):
        return healthy(view, "camera_connected", *WATCHES)
    if not view.is_false("codec.camera") or not view.is_true("codec.api"):
        return unknown(view, "codec_not_asked", *WATCHES)
    if view.is_false("codec.app_ready"):
        return unknown(view, "still_starting", *WATCHES)
    return faulty(view, "no_camera", *WATCHES)


RULE = Rule(
    name="camera_missing",
    severity=Severity.WARNING,
    symptom="codec.camera",
    watches=WATCHES,
    diagnose=diagnose,
    ladder=("camera_power_cycle", "codec_restart"),
    strikes=3,
    passes=2,
    loads=("camera", "codec"),
    inhibited_by=("codec_hung", "codec_no_power", "mains_lost"),
    cause="A loose camera cable, the camera without power, or the codec did not find it at start.",
    consequence="The other sites do not see the room.",
    action="Check the lens cover, switch the system off before pressing the cable home, wait three minutes.",
    time_available="The hour before the meeting.",
    words={
        "vi": Words(
            "Máy không nhận camera",
            ("Kiểm tra nắp che ống kính.", "Tắt máy rồi mới cắm lại dây.", "Bật máy, chờ 3 phút."),
        ),
        "en": Words(
            "The codec finds no camera",
            (
                "Check the lens cover.",
                "Switch the system off before pressing the cable home.",
                "Switch on, wait 3 minutes.",
            ),
        ),
    },
)
