"""Không tới được Trung tâm: the hub is silent, and something beyond the media converter answers, so the line works."""

from agent.core.facts import View
from agent.core.policy import Policy
from agent.core.rule import Diagnosis, Rule, Severity, Words, faulty, healthy, unknown

WATCHES = ("net.hub", "net.beyond")


def diagnose(view: View, policy: Policy) -> Diagnosis:
    """Faulty when the path to the hub is dead and a target beyond the converter answers: nothing of the room's is at
    fault, and nothing of it is touched. While nothing answers it is `uplink_lost` that speaks."""
    if view.is_true("net.hub"):
        return healthy(view, "hub_reachable", *WATCHES)
    if not view.is_false("net.hub"):
        return unknown(view, "hub_not_asked", *WATCHES)
    if not view.is_true("net.beyond"):
        return unknown(view, "line_not_sure", *WATCHES)
    return faulty(view, "hub_silent_line_works", *WATCHES)


RULE = Rule(
    name="hub_unreachable",
    severity=Severity.MAJOR,
    symptom="net.hub",
    watches=WATCHES,
    diagnose=diagnose,
    strikes=3,
    passes=2,
    confirm_s=45,
    loads=("converter", "switch"),
    inhibited_by=("room_network_lost", "mains_lost"),
    cause="The hub's machine is off or away, or the carrier's network is broken behind the target that answers.",
    consequence="The centre does not see the room. A meeting may be possible. The room goes on caring for itself.",
    action="Leave the equipment alone, tell the centre; the hub's people and the carrier have to look.",
    time_available="Until the next meeting.",
    words={
        "vi": Words(
            "Không tới được Trung tâm",
            "Máy chủ trung tâm không nhận được dữ liệu, đường truyền của phòng vẫn tốt",
            (
                "Không rút dây, không tắt bộ chuyển đổi quang điện.",
                "Báo Trung tâm[ {centre}]: máy chủ hoặc mạng của nhà mạng có sự cố.",
                "Vẫn có thể gọi thử vào cuộc họp.",
            ),
            {
                "hub_reachable": "đã kết nối được về tỉnh",
                "hub_silent_line_works": "không kết nối được Trung tâm nhưng đường truyền của phòng vẫn tốt",
            },
        ),
        "en": Words(
            "Centre unreachable",
            "The centre's server receives no data, the room's line works",
            (
                "Do not unplug anything, leave the media converter on.",
                "Tell the centre[ {centre}]: its server or the carrier's network is at fault.",
                "Joining the meeting may still work: try it.",
            ),
            {
                "hub_reachable": "the province is reached",
                "hub_silent_line_works": "the centre is not reached, but the room's line works",
            },
        ),
    },
    fill=lambda view, policy: {"centre": policy.phone("centre")},
)
