"""Không vào được cuộc họp: the codec works and is not registered, although the line to the province is good."""

from agent.core.facts import View
from agent.core.policy import Policy
from agent.core.rule import Diagnosis, Rule, Severity, Words, faulty, healthy, unknown

WATCHES = ("codec.registered", "codec.api", "codec.app_ready", "net.hub")


def diagnose(view: View, policy: Policy) -> Diagnosis:
    """Faulty when the codec itself says that it is not registered, has finished starting, and the line is good."""
    if view.is_true("codec.registered"):
        return healthy(view, "registered", *WATCHES)
    if not view.is_false("codec.registered") or not view.is_true("codec.api"):
        return unknown(view, "codec_not_asked", *WATCHES)
    if view.is_false("codec.app_ready"):
        return unknown(view, "still_starting", *WATCHES)
    if not view.is_true("net.hub"):
        return unknown(view, "line_not_sure", *WATCHES)
    return faulty(view, "not_registered", *WATCHES)


RULE = Rule(
    name="codec_unregistered",
    severity=Severity.MAJOR,
    symptom="codec.registered",
    watches=WATCHES,
    diagnose=diagnose,
    ladder=("codec_restart",),
    strikes=6,
    passes=2,
    confirm_s=60,
    loads=("codec", "switch", "converter"),
    inhibited_by=("codec_hung", "codec_no_power", "uplink_lost", "room_network_lost", "mains_lost"),
    cause="Registration expired, the account changed, or the registrar is down. A restart registers again.",
    consequence="The room can neither be called nor join a meeting.",
    action="Check the meeting room's number, do not call again and again, tell the central site.",
    time_available="Until the next meeting.",
    words={
        "vi": Words(
            "Không vào được cuộc họp",
            "Chưa kết nối được cuộc họp",
            ("Kiểm tra mã phòng họp.", "Không gọi lại nhiều lần.", "Báo điểm cầu trung tâm[ {centre}]."),
            {
                "registered": "đã đăng ký vào hệ thống họp",
                "not_registered": "chưa đăng ký vào hệ thống họp",
            },
            working=("Không bấm gọi, không rút phích.", "Chờ TV có hình trở lại."),
        ),
        "en": Words(
            "Cannot join the meeting",
            "The room cannot join the meeting",
            ("Check the meeting room's number.", "Do not call again and again.", "Tell the central site[ {centre}]."),
            {
                "registered": "registered with the meeting system",
                "not_registered": "not registered with the meeting system",
            },
            working=("Do not call, do not unplug anything.", "Wait for the picture to come back."),
        ),
    },
    fill=lambda view, policy: {"centre": policy.phone("centre")},
)
