"""MCU không trả lời: the MCU or registrar that every room calls, as the centre's own board sees it."""

from agent.core.facts import View
from agent.core.policy import Policy
from agent.core.rule import Diagnosis, Rule, Severity, Words, faulty, healthy, unknown

SIGNALLING = ("mcu.sip", "mcu.h323", "mcu.tcp")
LIVES = ("mcu.ping", "mcu.web", "mcu.snmp")
WATCHES = (*SIGNALLING, *LIVES, "net.gateway")


def diagnose(view: View, policy: Policy) -> Diagnosis:
    """Faulty when a way to call it that the room watches is silent; healthy when every one answers."""
    if all(view.value(key) is None for key in SIGNALLING):
        return unknown(view, "mcu_not_asked", *WATCHES)
    if not any(view.is_false(key) for key in SIGNALLING):
        return healthy(view, "mcu_signals", *WATCHES)
    if any(view.is_true(key) for key in (*SIGNALLING, *LIVES)):
        return faulty(view, "mcu_lives_and_takes_no_calls", *WATCHES)
    if not view.is_true("net.gateway"):
        return unknown(view, "line_not_sure", *WATCHES)
    return faulty(view, "mcu_gone", *WATCHES)


RULE = Rule(
    name="mcu_silent",
    severity=Severity.MAJOR,
    symptom="mcu.sip",
    otherwise=("mcu.h323", "mcu.tcp"),
    watches=WATCHES,
    diagnose=diagnose,
    strikes=2,
    passes=2,
    inhibited_by=("room_network_lost", "mains_lost"),
    cause="The MCU is off or hangs, one of its services has ended, or its address has changed.",
    consequence="No room of the province can join a meeting, or none that calls in this way.",
    action="Look at the MCU at the centre; call whoever keeps it. The rooms' equipment is left alone.",
    time_available="Until the next meeting of the province.",
    words={
        "vi": Words(
            "MCU không trả lời",
            "MCU không trả lời, các phòng không vào họp được",
            (
                "Xem MCU có điện, có đèn báo lỗi không.",
                "Gọi người phụ trách MCU[ {centre}].",
                "Không khởi động lại máy họp của các phòng.",
            ),
            {
                "mcu_signals": "MCU trả lời",
                "mcu_lives_and_takes_no_calls": "MCU có trên mạng nhưng không trả lời cuộc gọi",
                "mcu_gone": "MCU không trả lời gì",
            },
        ),
        "en": Words(
            "MCU silent",
            "The MCU does not answer, rooms cannot join",
            (
                "See whether the MCU has power and shows a fault.",
                "Call whoever keeps the MCU[ {centre}].",
                "Do not restart the rooms' codecs.",
            ),
            {
                "mcu_signals": "the MCU answers",
                "mcu_lives_and_takes_no_calls": "the MCU is on the network and answers no call",
                "mcu_gone": "the MCU answers nothing",
            },
        ),
    },
    fill=lambda view, policy: {"centre": policy.phone("centre")},
)
