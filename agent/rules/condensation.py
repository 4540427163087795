"""Nồm ẩm, đọng nước: the equipment is close to the dew point, or the air is very humid."""

from agent.core.air import condensing, dew_distance_c
from agent.core.facts import View
from agent.core.policy import Policy
from agent.core.rule import Diagnosis, Rule, Severity, Words, faulty, healthy, unknown

WATCHES = ("env.humidity_pct", "env.temp_c", "env.rack_temp_c")

DRY_MARGIN_C = 1.0
"""Beyond the limit before it counts as over [J]."""


def diagnose(view: View, policy: Policy) -> Diagnosis:
    """Faulty while water may form; healthy again with a margin."""
    limits = policy.thresholds
    wet = condensing(view, limits)
    if wet is None:
        return unknown(view, "humidity_not_known", *WATCHES)
    distance_c = dew_distance_c(view)
    if wet:
        return faulty(view, "air_very_humid" if distance_c is None else "dew_point_near", *WATCHES)
    humid_pct = view.number("env.humidity_pct")
    dry = humid_pct is not None and humid_pct <= limits.dry_pct
    if dry or (distance_c is not None and distance_c >= limits.dew_margin_c + DRY_MARGIN_C):
        return healthy(view, "dry_enough", *WATCHES)
    return unknown(view, "between_limits", *WATCHES)


RULE = Rule(
    name="condensation",
    severity=Severity.WARNING,
    symptom="env.humidity_pct",
    watches=WATCHES,
    diagnose=diagnose,
    strikes=3,
    passes=3,
    cause="The humid season (nồm), cold equipment in warm air, a leaking air conditioner.",
    consequence="Equipment that is switched on while wet is destroyed.",
    action="Close the doors, run the air conditioner in dry mode, do not switch on while anything is wet.",
    time_available="Hours; nothing is switched on meanwhile.",
    words={
        "vi": Words(
            "Nồm ẩm, đọng nước",
            "Phòng rất ẩm",
            (
                "Đóng cửa, bật điều hòa chế độ khô.",
                "Không chạm vào ổ cắm, phích cắm còn ướt.",
                "Chưa bật thiết bị khi còn đọng nước.",
            ),
            {
                "air_very_humid": "không khí rất ẩm",
                "dew_point_near": "thiết bị gần điểm sương",
                "dry_enough": "đã đủ khô",
            },
        ),
        "en": Words(
            "Condensation",
            "The room is very humid",
            (
                "Close the doors, run the air conditioner in dry mode.",
                "Do not touch sockets or plugs that are wet.",
                "Do not switch on while anything is wet.",
            ),
            {
                "air_very_humid": "the air is very humid",
                "dew_point_near": "the equipment is near the dew point",
                "dry_enough": "it is dry enough",
            },
        ),
    },
)
