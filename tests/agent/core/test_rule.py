"""What every rule shares: which symptom counts in this room, and how its words are filled."""

from __future__ import annotations

from dataclasses import replace

from agent.core.facts import Evidence, Instant, Seen, View
from agent.core.policy import Policy
from agent.core.rule import Diagnosis, Rule, Severity, Verdict, Words, faulty, healthy, unknown

NOW = Instant(100.0, 0.0)
VIEW = View({"mains.voltage_v": Seen().with_reading(180.0, NOW)}, NOW)
RULE = Rule(
    "toy", Severity.WARNING, "codec.api", ("codec.api",), lambda view, _: unknown(view, "nothing"),
    {"vi": Words("Điện", "Điện yếu[ ({volts} V)]", ("Gọi[ {who}].", "Chờ."), {"low": "điện thấp"},
                 ("Xem[ {who}, {volts}].",), ("Rút[ {who}].", "Cắm."))},
    "cause", "consequence", "action", "1 h",
    otherwise=("codec.ping", "codec.tcp"),
)  # fmt: skip


def test_the_first_symptom_that_the_room_has_counts_and_its_own_where_it_has_none() -> None:
    assert RULE.symptom_in({"codec.tcp", "codec.api"}) == "codec.api"
    assert RULE.symptom_in({"codec.tcp", "codec.ping"}) == "codec.ping"
    assert RULE.symptom_in({"codec.tcp"}) == "codec.tcp"
    assert RULE.symptom_in(set()) == "codec.api"


def test_what_is_known_fills_the_words_and_the_rest_is_left_out_with_what_belongs_to_it() -> None:
    filled = replace(RULE, fill=lambda view, _: {"volts": f"{view.number('mains.voltage_v'):.0f}", "who": ""})
    reasons = {"low": "điện thấp"}
    assert filled.told(VIEW, Policy()) == {
        "vi": Words("Điện", "Điện yếu (180 V)", ("Gọi.", "Chờ."), reasons, ("Xem.",), ("Rút.", "Cắm."))
    }
    assert RULE.told(VIEW, Policy()) == {
        "vi": Words("Điện", "Điện yếu", ("Gọi.", "Chờ."), reasons, ("Xem.",), ("Rút.", "Cắm."))
    }
    whole = replace(filled, fill=lambda *_: {"volts": "180", "who": "lan"})
    assert whole.told(VIEW, Policy()) == {
        "vi": Words("Điện", "Điện yếu (180 V)", ("Gọi lan.", "Chờ."), reasons, ("Xem lan, 180.",), ("Rút lan.", "Cắm."))
    }


def test_every_verdict_comes_with_the_facts_it_rests_on() -> None:
    evidence = (Evidence("mains.voltage_v", 180.0, 0.0),)
    for say, verdict in ((faulty, Verdict.FAULTY), (healthy, Verdict.HEALTHY), (unknown, Verdict.UNKNOWN)):
        assert say(VIEW, "why", "mains.voltage_v") == Diagnosis(verdict, "why", evidence)
