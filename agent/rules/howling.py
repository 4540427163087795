"""Hú, rít: a sound level in a call that no speech reaches."""

from agent.core.facts import View
from agent.core.policy import Policy
from agent.core.rule import Diagnosis, Rule, Severity, Words, faulty, healthy, unknown

WATCHES = ("sound.level_dbc", "codec.in_call")


def diagnose(view: View, policy: Policy) -> Diagnosis:
    """Faulty above the limit in a call. Only the level is known: the sound itself is never kept."""
    level_dbc = view.number("sound.level_dbc")
    if level_dbc is None:
        return unknown(view, "level_not_known", *WATCHES)
    if level_dbc < policy.thresholds.howl_dbc:
        return healthy(view, "level_normal", *WATCHES)
    if not view.is_true("codec.in_call"):
        return unknown(view, "not_in_call", *WATCHES)
    return faulty(view, "level_high", *WATCHES)


RULE = Rule(
    name="howling",
    severity=Severity.WARNING,
    symptom="sound.level_dbc",
    watches=WATCHES,
    diagnose=diagnose,
    strikes=3,
    passes=2,
    cause="A microphone too close to a loudspeaker, or too much gain.",
    consequence="Everybody in the meeting hears a howl.",
    action="Turn the loudspeaker down, move the microphone away from it, switch off microphones not in use.",
    time_available="Seconds: it howls until somebody acts.",
    words={
        "vi": Words(
            "Hú, rít",
            "Micro bị hú",
            ("Giảm âm lượng loa.", "Đưa micro ra xa loa.", "Tắt micro không dùng."),
            {
                "level_normal": "mức âm đo được bình thường",
                "not_in_call": "phòng không trong cuộc họp",
                "level_high": "mức âm đo được quá cao",
            },
        ),
        "en": Words(
            "Howling",
            "The microphone howls",
            ("Turn the loudspeaker down.", "Move the microphone away from it.", "Switch off microphones not in use."),
            {
                "level_normal": "the sound level is normal",
                "not_in_call": "the room is not in a call",
                "level_high": "the sound level is too high",
            },
        ),
    },
)
