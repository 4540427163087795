"""Mất mạng trong phòng: the room's own port has no carrier, or its gateway does not answer."""

from agent.core.facts import View
from agent.core.policy import WAITS, Policy
from agent.core.rule import Diagnosis, Rule, Severity, Words, faulty, healthy, unknown
from agent.core.schedule import by_itself_s

WATCHES = ("net.gateway", "net.link", "net.hub", "net.beyond")


def diagnose(view: View, policy: Policy) -> Diagnosis:
    """Faulty without a carrier or without the gateway.

    Whatever answers beyond proves switch and gateway, whatever the gateway's ping says: there the hub may be away.
    """
    if any(view.is_true(key) for key in ("net.gateway", "net.hub", "net.beyond")):
        return healthy(view, "gateway_reachable", *WATCHES)
    if view.is_false("net.link"):
        return faulty(view, "no_carrier", *WATCHES)
    if view.is_false("net.gateway"):
        return faulty(view, "gateway_silent", *WATCHES)
    return unknown(view, "gateway_not_asked", *WATCHES)


def act_after_s(view: View, policy: Policy) -> float:
    """A switch that hangs keeps its carrier: without one the cable is out, or the switch has no power."""
    return by_itself_s(policy, view.now) if view.is_false("net.link") else 0.0


RULE = Rule(
    name="room_network_lost",
    severity=Severity.MAJOR,
    symptom="net.gateway",
    watches=WATCHES,
    diagnose=diagnose,
    ladder=("switch_power_cycle",),
    strikes=3,
    passes=2,
    confirm_s=20,
    loads=("switch",),
    inhibited_by=("mains_lost", "ups_off"),
    act_after_s=act_after_s,
    act_after=(
        "At once where the port has a carrier, as a hung switch leaves it. Without one the cable is out, or the switch"
        f" has no power: it waits {WAITS.by_itself_s / 60:.0f} min for somebody to put it back, or"
        f" {WAITS.by_itself_before_meeting_s / 60:.0f} min within the hour before a meeting; then the switch is cycled"
        " once."
    ),
    leaves_no_meeting=True,
    cause="The room's switch hangs, or a cable was pulled.",
    consequence="The room cannot be seen by the centre and cannot join a meeting.",
    action="Look at the lamps of the network port, press the cable home, wait two minutes.",
    time_available="Until the next meeting.",
    words={
        "vi": Words(
            "Mất mạng trong phòng",
            "Phòng họp mất mạng",
            (
                "Xem đèn cổng mạng.",
                "Dây khô thì ấn chặt dây mạng vào máy họp; ướt thì không chạm vào.",
                "Chờ 2 phút; chưa được thì gọi Trung tâm[ {centre}].",
            ),
            {
                "gateway_reachable": "gateway của phòng đã trả lời",
                "no_carrier": "cổng mạng không có tín hiệu",
                "gateway_silent": "gateway của phòng không trả lời",
            },
            working=("Không rút dây mạng, không rút phích.", "Chờ đèn cổng mạng sáng."),
            power=("Rút phích điện của switch mạng, chờ 30 giây, cắm lại.", "Chờ 2 phút."),
        ),
        "en": Words(
            "Room network lost",
            "The room has lost its network",
            (
                "Look at the lamps of the network port.",
                "If it is dry, press the network cable home at the codec; do not touch it wet.",
                "Wait 2 minutes; if that does not help, call the centre[ {centre}].",
            ),
            {
                "gateway_reachable": "the gateway answers",
                "no_carrier": "the network port has no link",
                "gateway_silent": "the gateway does not answer",
            },
            working=("Do not unplug anything.", "Wait for the lamps of the network port."),
            power=("Unplug the network switch, wait 30 seconds, plug it in again.", "Wait 2 minutes."),
        ),
    },
    fill=lambda view, policy: {"centre": policy.phone("centre")},
)
