"""Treo máy: the codec is alive by another sign, and its control interface does not answer.

Never on ping alone: silence of the API and a sign of life are two symptoms. The room's own link must be up, since
without it nothing can be said about others.
"""

from agent.core.facts import View
from agent.core.policy import Policy
from agent.core.rule import Diagnosis, Rule, Severity, Words, faulty, healthy, unknown

WATCHES = ("codec.api", "codec.ping", "codec.tcp", "codec.sip", "codec.draw_w", "net.link", "net.gateway")


def diagnose(view: View, policy: Policy) -> Diagnosis:
    """Faulty when the API is silent while the codec answers otherwise or draws power."""
    if view.is_true("codec.api"):
        return healthy(view, "api_answers", *WATCHES)
    if not view.is_false("codec.api"):
        return unknown(view, "api_not_asked", *WATCHES)
    if view.fitted("net.link") and not view.is_true("net.link"):
        return unknown(view, "own_link_down", *WATCHES)
    if view.fitted("net.gateway") and view.is_false("net.gateway"):
        return unknown(view, "gateway_down", *WATCHES)
    draw_w = view.number("codec.draw_w")
    if draw_w is not None and draw_w < policy.thresholds.codec_alive_w:
        return unknown(view, "no_power", *WATCHES)
    if any(view.is_true(key) for key in ("codec.ping", "codec.tcp", "codec.sip")):
        return faulty(view, "api_silent_codec_reachable", *WATCHES)
    if draw_w is not None:
        return faulty(view, "api_silent_codec_draws_power", *WATCHES)
    return unknown(view, "no_second_symptom", *WATCHES)


RULE = Rule(
    name="codec_hung",
    severity=Severity.MAJOR,
    symptom="codec.api",
    watches=WATCHES,
    diagnose=diagnose,
    ladder=("codec_restart", "codec_power_cycle", "room_staged_boot"),
    strikes=3,
    passes=2,
    loads=("codec",),
    inhibited_by=("codec_no_power", "mains_lost", "room_network_lost", "ups_off"),
    leaves_no_meeting=True,
    cause="The codec's software has stopped answering: overheating, memory exhausted, a failed wake-up.",
    consequence="The room cannot join, leave or control a meeting until the codec restarts.",
    action="Wait about three minutes for the restart; call the centre if there is still no picture after five.",
    time_available="Until the next meeting; the restart takes 2 to 5 minutes.",
    words={
        "vi": Words(
            "Treo máy",
            "Máy bị treo",
            (
                "Không bấm điều khiển liên tục.",
                "Xem TV còn hình không, loa còn tiếng không.",
                "Báo Trung tâm[ {centre}] điều vừa thấy.",
            ),
            {
                "api_answers": "thiết bị đã trả lời điều khiển",
                "api_silent_codec_reachable": "thiết bị vẫn trả lời ping nhưng không trả lời điều khiển",
                "api_silent_codec_draws_power": "thiết bị có điện nhưng không trả lời điều khiển",
            },
            working=(
                "Không bấm điều khiển, không rút phích.",
                "Chờ TV có hình.",
                "Mãi chưa có hình thì gọi Trung tâm[ {centre}].",
            ),
            power=("Rút phích điện của máy họp, chờ 30 giây, cắm lại.", "Chờ TV có hình."),
        ),
        "en": Words(
            "Codec hung",
            "The codec hangs",
            (
                "Do not press the remote control again and again.",
                "See whether there is a picture, hear whether there is sound.",
                "Tell the centre[ {centre}] what you found.",
            ),
            {
                "api_answers": "the codec answers its control interface",
                "api_silent_codec_reachable": "the codec is reachable but does not answer its control interface",
                "api_silent_codec_draws_power": "the codec draws power but does not answer its control interface",
            },
            working=(
                "Do not press the remote control, do not unplug anything.",
                "Wait for a picture.",
                "If none comes, call the centre[ {centre}].",
            ),
            power=("Unplug the codec, wait 30 seconds, plug it in again.", "Wait for a picture."),
        ),
    },
    fill=lambda view, policy: {"centre": policy.phone("centre")},
)
