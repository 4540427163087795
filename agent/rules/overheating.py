"""Quá nhiệt: the room, the rack or the codec itself is too hot."""

from agent.core.facts import View
from agent.core.policy import Policy
from agent.core.rule import Diagnosis, Rule, Severity, Words, faulty, healthy, unknown

WATCHES = ("env.temp_c", "env.rack_temp_c", "codec.temp_c", "codec.overheated")


def diagnose(view: View, policy: Policy) -> Diagnosis:
    """Faulty when any temperature is above its limit; healthy when all known ones are below their recovery limit.

    A codec that tells no degrees says in a word whether it is too hot.
    """
    limits = policy.thresholds
    pairs = (
        ("env.temp_c", limits.room_hot_c, limits.room_cool_c, "room_hot"),
        ("env.rack_temp_c", limits.rack_hot_c, limits.rack_cool_c, "rack_hot"),
        ("codec.temp_c", limits.codec_hot_c, limits.codec_cool_c, "codec_hot"),
    )
    known = [(view.number(key), hot, cool, reason) for key, hot, cool, reason in pairs]
    for value, hot, _, reason in known:
        if value is not None and value > hot:
            return faulty(view, reason, *WATCHES)
    if view.is_true("codec.overheated"):
        return faulty(view, "codec_hot", *WATCHES)
    if all(value is None for value, *_ in known) and not view.is_false("codec.overheated"):
        return unknown(view, "temperature_not_known", *WATCHES)
    if all(value is None or value <= cool for value, _, cool, _ in known):
        return healthy(view, "cool_enough", *WATCHES)
    return unknown(view, "temperature_between_limits", *WATCHES)


RULE = Rule(
    name="overheating",
    severity=Severity.MAJOR,
    symptom="env.temp_c",
    otherwise=("env.rack_temp_c", "codec.temp_c", "codec.overheated"),
    watches=WATCHES,
    diagnose=diagnose,
    ladder=("fan_on",),
    on_clear="fan_off",
    strikes=2,
    passes=2,
    cause="Air conditioning off, vents covered, outdoor heat above 40 °C.",
    consequence="The codec shuts itself down at its own limit (85 °C on an SX20), in mid-meeting if need be.",
    action="Switch on air conditioner or fan, uncover the vents; tell the centre if it does not get cooler.",
    time_available="About half an hour.",
    words={
        "vi": Words(
            "Quá nhiệt",
            "Thiết bị đang nóng[ ({t} °C)]",
            ("Bật điều hòa hoặc quạt.", "Bỏ vật che khe thoát nhiệt.", "Chưa mát thì báo Trung tâm[ {centre}]."),
            {
                "room_hot": "phòng quá nóng",
                "rack_hot": "chỗ đặt thiết bị quá nóng",
                "codec_hot": "thiết bị đầu cuối quá nóng",
                "cool_enough": "đã đủ mát",
            },
            working=("Bật thêm điều hòa nếu có.", "Bỏ vật che khe thoát nhiệt."),
        ),
        "en": Words(
            "Overheating",
            "The equipment is hot[ ({t} °C)]",
            ("Switch on air conditioner or fan.", "Uncover the vents.", "If it stays hot, tell the centre[ {centre}]."),
            {
                "room_hot": "the room is too hot",
                "rack_hot": "it is too hot at the equipment",
                "codec_hot": "the codec is too hot",
                "cool_enough": "it is cool enough",
            },
            working=("Run the air conditioner too, if there is one.", "Uncover the vents."),
        ),
    },
    fill=lambda view, policy: {
        "centre": policy.phone("centre"),
        **({"t": f"{hot:.0f}"} if (hot := view.number("env.temp_c")) is not None else {}),
    },
)
