"""Không nhận camera: the codec reports no camera, or the camera itself is silent or switched off."""

from agent.core.facts import View
from agent.core.policy import Policy
from agent.core.rule import Diagnosis, Rule, Severity, Words, faulty, healthy, unknown

WATCHES = ("codec.camera", "codec.api", "codec.app_ready", "codec.standby", "camera.api", "camera.power")


def diagnose(view: View, policy: Policy) -> Diagnosis:
    """Faulty when a codec that has finished starting says that no camera is connected.

    A camera with a control line of its own says more: one that is off while the codec is awake is no camera to the
    other sites, whatever the codec counts; and where the codec counts none at all, it is the only witness.
    """
    if view.value("camera.power") == "off" and view.is_false("codec.standby"):
        return faulty(view, "camera_off", *WATCHES)
    if view.is_true("codec.camera"):
        return healthy(view, "camera_connected", *WATCHES)
    if not view.fitted("codec.camera") or view.silent("codec.camera") == "absent":
        return _by_its_own_word(view)
    if not view.is_false("codec.camera") or not view.is_true("codec.api"):
        return unknown(view, "codec_not_asked", *WATCHES)
    if view.is_false("codec.app_ready"):
        return unknown(view, "still_starting", *WATCHES)
    return faulty(view, "camera_not_found" if view.is_true("camera.api") else "no_camera", *WATCHES)


def _by_its_own_word(view: View) -> Diagnosis:
    if view.is_false("camera.api"):
        return faulty(view, "camera_silent", *WATCHES)
    return (healthy if view.is_true("camera.api") else unknown)(view, "camera_answers_or_not_asked", *WATCHES)


RULE = Rule(
    name="camera_missing",
    severity=Severity.WARNING,
    symptom="codec.camera",
    otherwise=("camera.api",),
    watches=WATCHES,
    diagnose=diagnose,
    ladder=("camera_on", "camera_power_cycle", "codec_restart"),
    strikes=3,
    passes=2,
    loads=("camera", "codec"),
    inhibited_by=("codec_hung", "codec_no_power", "mains_lost"),
    cause="A loose camera cable, the camera off or without power, or the codec did not find it at start.",
    consequence="The other sites do not see the room.",
    action="Check the lens cover, switch the system off before pressing the cable home, wait three minutes.",
    time_available="The hour before the meeting.",
    words={
        "vi": Words(
            "Không nhận camera",
            "Máy không nhận camera",
            (
                "Kiểm tra nắp che ống kính.",
                "Bật camera nếu camera đang tắt.",
                "Không cắm, rút dây camera khi máy đang bật: báo Trung tâm[ {centre}].",
            ),
            {
                "camera_off": "camera đang tắt",
                "camera_connected": "đã thấy camera",
                "camera_not_found": "camera vẫn chạy nhưng máy họp không nhận: kiểm tra dây hình",
                "no_camera": "không thấy camera",
                "camera_silent": "camera không trả lời",
            },
            working=("Không chạm vào camera và dây camera.", "Chờ TV hiện hình của phòng."),
            on=("Bật camera nếu camera đang tắt.",),
        ),
        "en": Words(
            "Camera missing",
            "The codec finds no camera",
            (
                "Check the lens cover.",
                "Switch the camera on if it is off.",
                "Do not touch its cable while the system is on: tell the centre[ {centre}].",
            ),
            {
                "camera_off": "the camera is off",
                "camera_connected": "the camera is seen",
                "camera_not_found": "the camera runs and the codec does not see it: its cable",
                "no_camera": "no camera is seen",
                "camera_silent": "the camera does not answer",
            },
            working=("Do not touch the camera or its cable.", "Wait until the display shows the room."),
            on=("Switch the camera on if it is off.",),
        ),
    },
    fill=lambda view, policy: {"centre": policy.phone("centre")},
)
