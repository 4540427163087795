"""Hình giật, đứng hình: loss, jitter or round trip are over the limits on the way to the hub, or in the call itself."""

from agent.core.facts import View
from agent.core.policy import Policy
from agent.core.rule import Diagnosis, Rule, Severity, Words, faulty, healthy, unknown

WATCHES = (
    "net.loss_pct", "net.jitter_ms", "net.rtt_ms", "codec.rx_loss_pct", "codec.tx_loss_pct", "codec.jitter_ms",
)  # fmt: skip


def diagnose(view: View, policy: Policy) -> Diagnosis:
    """Faulty when one is over its limit; healthy when all that are known are below their good value."""
    limits = policy.thresholds
    known = (
        (view.number("net.loss_pct"), limits.loss_high_pct, limits.loss_good_pct, "loss_high"),
        (view.number("net.jitter_ms"), limits.jitter_high_ms, limits.jitter_good_ms, "jitter_high"),
        (view.number("net.rtt_ms"), limits.rtt_high_ms, limits.rtt_good_ms, "rtt_high"),
        # What the codec says of its call; without a call there is nothing to say.
        (view.number("codec.rx_loss_pct"), limits.loss_high_pct, limits.loss_good_pct, "call_loss_high"),
        (view.number("codec.tx_loss_pct"), limits.loss_high_pct, limits.loss_good_pct, "call_loss_high"),
        (view.number("codec.jitter_ms"), limits.jitter_high_ms, limits.jitter_good_ms, "call_jitter_high"),
    )
    for value, high, _, reason in known:
        if value is not None and value >= high:
            return faulty(view, reason, *WATCHES)
    if all(value is None for value, *_ in known):
        return unknown(view, "not_measured", *WATCHES)
    if all(value is None or value <= good for value, _, good, _ in known):
        return healthy(view, "line_good", *WATCHES)
    return unknown(view, "between_limits", *WATCHES)


RULE = Rule(
    name="picture_choppy",
    severity=Severity.WARNING,
    symptom="net.loss_pct",
    watches=WATCHES,
    diagnose=diagnose,
    strikes=3,
    passes=3,
    loads=("switch", "converter"),
    inhibited_by=("uplink_lost", "hub_unreachable", "room_network_lost", "mains_lost"),
    cause="Downloads on the same line, Wi-Fi instead of a cable, a bad port, a congested carrier.",
    consequence="Picture and sound of the meeting freeze and break up.",
    action="Stop downloads on this network, use the cable, tell the centre if it goes on.",
    time_available="At once when a meeting is running.",
    words={
        "vi": Words(
            "Hình giật, đứng hình",
            "Mạng đang chậm, hình bị giật",
            (
                "Dừng tải dữ liệu trên mạng này.",
                "Dùng dây mạng, không dùng Wi-Fi.",
                "Còn giật thì báo Trung tâm[ {centre}].",
            ),
            {
                "loss_high": "mất nhiều gói trên đường truyền",
                "jitter_high": "độ trễ trên đường truyền dao động mạnh",
                "rtt_high": "độ trễ trên đường truyền cao",
                "call_loss_high": "cuộc họp mất nhiều gói",
                "call_jitter_high": "độ trễ trong cuộc họp dao động mạnh",
                "line_good": "đường truyền tốt",
            },
        ),
        "en": Words(
            "Choppy picture",
            "The network is slow, the picture is choppy",
            (
                "Stop downloads on this network.",
                "Use the cable, not Wi-Fi.",
                "If it goes on, tell the centre[ {centre}].",
            ),
            {
                "loss_high": "many packets are lost on the line",
                "jitter_high": "the jitter of the line is high",
                "rtt_high": "the round trip is long",
                "call_loss_high": "many packets of the call are lost",
                "call_jitter_high": "the jitter of the call is high",
                "line_good": "the line is good",
            },
        ),
    },
    fill=lambda view, policy: {"centre": policy.phone("centre")},
)
