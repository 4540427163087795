"""Màn hình, máy chiếu tự báo hỏng: the display says itself that its lamp, fan, temperature or cover is at fault."""

from agent.core.facts import View
from agent.core.policy import Policy
from agent.core.rule import Diagnosis, Rule, Severity, Words, faulty, healthy, unknown

WATCHES = ("display.fault", "display.power", "display.temp_c", "display.lamp_h")


def diagnose(view: View, policy: Policy) -> Diagnosis:
    """Faulty when it names an error. Its warnings (a dusty filter, an old lamp) are shown with the room, no alarm."""
    said = view.value("display.fault")
    if not isinstance(said, str):
        return unknown(view, "not_told", *WATCHES)
    if "error" in said or said == "failure":
        return faulty(view, "display_names_an_error", *WATCHES)
    return healthy(view, "display_content", *WATCHES)


RULE = Rule(
    name="display_complains",
    severity=Severity.WARNING,
    symptom="display.fault",
    watches=WATCHES,
    diagnose=diagnose,
    strikes=3,
    passes=3,
    loads=("display",),
    inhibited_by=("mains_lost",),
    cause="A worn lamp, a blocked filter or air inlet, a fan that stands still, an open cover.",
    consequence="The display switches itself off, often in the middle of a meeting.",
    action="Free its air inlets and clean the filter when it is cold; a lamp or fan is the workshop's.",
    time_available="Days, as a rule; hours when it is too hot.",
    words={
        "vi": Words(
            "Màn hình tự báo hỏng",
            "Màn hình, máy chiếu tự báo hỏng",
            (
                "Không rút điện máy chiếu khi đang nóng.",
                "Bỏ vật che khe thoát nhiệt.",
                "Chuẩn bị TV dự phòng, báo Trung tâm[ {centre}].",
            ),
            {
                "display_names_an_error": "màn hình tự báo có bộ phận hỏng",
                "display_content": "màn hình không báo hỏng",
            },
        ),
        "en": Words(
            "The display says that it is at fault",
            "The display says that it is at fault",
            (
                "Do not unplug a hot projector.",
                "Free its air inlets.",
                "Have another display ready, tell the centre[ {centre}].",
            ),
            {
                "display_names_an_error": "the display names an error of its own",
                "display_content": "the display names no error",
            },
        ),
    },
    fill=lambda view, policy: {"centre": policy.phone("centre")},
)
