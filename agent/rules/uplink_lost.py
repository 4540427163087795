"""Mất đường truyền: the gateway answers, and nothing beyond the media converter does."""

from math import inf

from agent.core.facts import View
from agent.core.policy import WAITS, Policy
from agent.core.rule import Diagnosis, Rule, Severity, Words, faulty, healthy, unknown
from agent.core.schedule import by_itself_s

WATCHES = ("net.hub", "net.beyond", "net.gateway", "net.link", "hub.session")


def diagnose(view: View, policy: Policy) -> Diagnosis:
    """Faulty when the hub is silent although the room's own network works, unless something beyond answers."""
    if view.is_true("net.hub"):
        return healthy(view, "hub_reachable", *WATCHES)
    if not view.is_false("net.hub"):
        return unknown(view, "hub_not_asked", *WATCHES)
    if view.is_true("net.beyond"):
        return healthy(view, "beyond_answers", *WATCHES)
    if not view.is_true("net.gateway"):
        return unknown(view, "gateway_not_sure", *WATCHES)
    return faulty(view, "gateway_answers_hub_silent", *WATCHES)


def act_after_s(view: View, policy: Policy) -> float:
    """How long nothing must have answered. No word of the hub takes part: with this fault it is old by definition.

    A second target that is configured and cannot be asked tells nothing, and a session that stands goes through it.
    """
    beyond_unsure = view.fitted("net.beyond") and not view.is_false("net.beyond")
    if beyond_unsure or view.is_true("hub.session"):
        return inf
    return by_itself_s(policy, view.now)


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
    inhibited_by=("room_network_lost", "mains_lost", "ups_off"),
    act_after_s=act_after_s,
    act_after=(
        f"It waits until nothing beyond the converter has answered for {WAITS.by_itself_s / 60:.0f} min, or"
        f" {WAITS.by_itself_before_meeting_s / 60:.0f} min within the hour before a meeting; then it is cycled once."
        " What counts is `net.beyond`, and a session with the hub that stands. In a room without a second target"
        " (`[network] beyond`) the silence of the hub alone must do: a carrier's outage or a hub that is off for longer"
        " than that costs such a room one needless cycle."
    ),
    leaves_no_meeting=True,
    cause="The media converter hangs, or fibre or ring is down. Without a second target also: the hub is away.",
    consequence="The room cannot join a meeting; the centre does not see it. The room goes on caring for itself.",
    action="Look at the lamps of the media converter, leave the fibre alone, call the carrier.",
    time_available="Until the next meeting; carriers answer in hours.",
    words={
        "vi": Words(
            "Mất đường truyền",
            "Đường truyền về tỉnh bị mất",
            ("Xem đèn bộ chuyển đổi quang điện.", "Không rút dây quang.", "Gọi nhà mạng[ {carrier}]."),
            {
                "hub_reachable": "đã kết nối được về tỉnh",
                "beyond_answers": "có thiết bị ngoài bộ chuyển đổi quang điện trả lời, đường truyền của phòng vẫn tốt",
                "gateway_answers_hub_silent": "mạng trong phòng tốt nhưng không kết nối được về tỉnh",
            },
            working=("Không rút dây quang, không rút phích.", "Chờ 2 phút."),
            power=(
                "Rút phích điện của bộ chuyển đổi quang điện, chờ 30 giây, cắm lại. Không chạm vào dây quang.",
                "Chờ 2 phút.",
            ),
        ),
        "en": Words(
            "Uplink lost",
            "The line to the province is lost",
            ("Look at the lamps of the media converter.", "Do not unplug the fibre.", "Call the carrier[ {carrier}]."),
            {
                "hub_reachable": "the province is reached",
                "beyond_answers": "something beyond the media converter answers: the line works",
                "gateway_answers_hub_silent": "the room's network is good, but the province is not reached",
            },
            working=("Do not unplug the fibre or any plug.", "Wait 2 minutes."),
            power=(
                "Unplug the media converter's supply, wait 30 seconds, plug it in again. Do not touch the fibre.",
                "Wait 2 minutes.",
            ),
        ),
    },
    fill=lambda view, policy: {"carrier": policy.phone("carrier")},
)
