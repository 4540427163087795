"""Mất đường truyền: the gateway answers, the province does not."""

from agent.core.facts import View
from agent.core.policy import Policy
from agent.core.rule import Diagnosis, Rule, Severity, Words, faulty, healthy, unknown

WATCHES = ("net.hub", "net.gateway", "net.link")


def diagnose(view: View, policy: Policy) -> Diagnosis:
    """Faulty when the path to the hub is dead although the room's own network works."""
    if view.is_true("net.hub"):
        return healthy(view, "hub_reachable", *WATCHES)
    if not view.is_false("net.hub"):
        return unknown(view, "hub_not_asked", *WATCHES)
    if not view.is_true("net.gateway"):
        return unknown(view, "gateway_not_sure", *WATCHES)
    return faulty(view, "gateway_answers_hub_silent", *WATCHES)


RULE = Rule(
    name="uplink_lost",
    severity=Severity.MAJOR,
    symptom="net.hub",
    watches=WATCHES,
    diagnose=diagnose,
    ladder=("converter_power_cycle",),
    strikes=3,
    passes=2,
    confirm_s=45,
    loads=("converter", "switch"),
    inhibited_by=("room_network_lost", "mains_lost"),
    cause="The media converter hangs, the fibre or the carrier's ring is down, or the hub is.",
    consequence="The room cannot join a meeting; the centre does not see it. The room goes on caring for itself.",
    action="Look at the lamps of the media converter, leave the fibre alone, call the carrier.",
    time_available="Until the next meeting; carriers answer in hours.",
    words={
        "vi": Words(
            "Đường truyền về tỉnh bị mất",
            ("Xem đèn bộ chuyển đổi quang.", "Không rút dây quang.", "Gọi nhà mạng {carrier}."),
        ),
        "en": Words(
            "The line to the province is lost",
            ("Look at the lamps of the media converter.", "Do not unplug the fibre.", "Call the carrier {carrier}."),
        ),
    },
    fill=lambda view, policy: {"carrier": policy.phone("carrier")},
)
