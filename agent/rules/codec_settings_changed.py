"""Cấu hình thiết bị đầu cuối bị thay đổi: settings of the codec are not those of the room's baseline."""

from agent.core.facts import View
from agent.core.policy import Policy
from agent.core.rule import Diagnosis, Rule, Severity, Words, faulty, healthy, unknown

WATCHES = ("codec.settings_ok", "codec.settings_off")


def diagnose(view: View, policy: Policy) -> Diagnosis:
    """Faulty when one differs by the codec's own word; what cannot be read says nothing."""
    if view.is_true("codec.settings_ok"):
        return healthy(view, "settings_right", *WATCHES)
    if view.is_false("codec.settings_ok"):
        return faulty(view, "settings_differ", *WATCHES)
    return unknown(view, "settings_not_read", *WATCHES)


RULE = Rule(
    name="codec_settings_changed",
    severity=Severity.WARNING,
    symptom="codec.settings_ok",
    watches=WATCHES,
    diagnose=diagnose,
    ladder=("codec_settings_restore",),
    strikes=2,
    passes=1,
    loads=("codec",),
    inhibited_by=("codec_hung", "codec_no_power", "mains_lost"),
    cause="Somebody changed them in a menu, or a firmware update reset them.",
    consequence="The codec behaves otherwise than the others: it sleeps too early, is too quiet, is not reached.",
    action="Leave the codec's menu; the room writes its settings again when no meeting is on.",
    time_available="Until the next meeting.",
    words={
        "vi": Words(
            "Cấu hình bị thay đổi",
            "Cấu hình thiết bị đầu cuối bị thay đổi",
            ("Thoát khỏi menu của thiết bị.", "Không tự đổi cấu hình.", "Cần đổi thì báo Trung tâm[ {centre}]."),
            {
                "settings_right": "cấu hình đúng với bản mẫu của phòng",
                "settings_differ": "cấu hình khác với bản mẫu của phòng",
            },
            working=("Không mở menu của thiết bị.", "Chờ phòng đặt lại cấu hình."),
        ),
        "en": Words(
            "Settings changed",
            "The codec's settings have been changed",
            ("Leave the codec's menu.", "Do not change its settings.", "To change one, tell the centre[ {centre}]."),
            {
                "settings_right": "the settings are those of the baseline",
                "settings_differ": "settings differ from the baseline",
            },
            working=("Do not open the codec's menu.", "Wait until the room has written the settings again."),
        ),
    },
    fill=lambda view, policy: {"centre": policy.phone("centre")},
)
