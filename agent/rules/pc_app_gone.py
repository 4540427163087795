"""Phần mềm họp trên máy tính thoát: the conference PC answers and its conference software does not run."""

from agent.core.facts import View
from agent.core.policy import Policy
from agent.core.rule import Diagnosis, Rule, Severity, Words, faulty, healthy, unknown

WATCHES = ("pc.app_running", "pc.alive")


def diagnose(view: View, policy: Policy) -> Diagnosis:
    """Faulty when the PC is alive without the software."""
    if view.is_true("pc.app_running"):
        return healthy(view, "software_runs", *WATCHES)
    if view.is_false("pc.app_running") and view.is_true("pc.alive"):
        return faulty(view, "software_gone", *WATCHES)
    return unknown(view, "pc_not_asked", *WATCHES)


RULE = Rule(
    name="pc_app_gone",
    severity=Severity.WARNING,
    symptom="pc.app_running",
    watches=WATCHES,
    diagnose=diagnose,
    ladder=("pc_app_restart",),
    strikes=3,
    passes=2,
    loads=("pc",),
    inhibited_by=("mains_lost",),
    cause="The software crashed, was closed, or waits for an update.",
    consequence="The room cannot join a meeting from the PC.",
    action="Open the software again, sign in, choose microphone, loudspeaker and camera.",
    time_available="The hour before the meeting.",
    words={
        "vi": Words(
            "Phần mềm họp trên máy tính thoát",
            "Phần mềm họp đã thoát",
            ("Mở lại phần mềm.", "Đăng nhập.", "Chọn đúng micro, loa, camera."),
            {
                "software_runs": "phần mềm họp đang chạy",
                "software_gone": "phần mềm họp không chạy",
            },
            working=("Không dùng máy tính họp lúc này.", "Chờ phần mềm họp tự mở lại."),
        ),
        "en": Words(
            "Conference software gone",
            "The conference software has closed",
            ("Open the software again.", "Sign in.", "Choose microphone, loudspeaker and camera."),
            {
                "software_runs": "the conference software runs",
                "software_gone": "the conference software does not run",
            },
            working=("Leave the PC alone for the moment.", "Wait until the software has opened again."),
        ),
    },
)
