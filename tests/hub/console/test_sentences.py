"""One table of rules, phases and refusals: what is said is always there, agrees with itself, and harms no meeting."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

import agent.rules
from agent.core.facts import Instant, Seen, View
from agent.core.phases import Phase
from agent.core.policy import Policy
from agent.core.reasons import WITHDRAWN, Reason
from agent.core.remedies import REMEDIES
from agent.core.rule import Rule
from agent.uplink.report import words_of
from hub.console.present import Present, said_at
from hub.console.words import LANGUAGES, words
from hub.core import liveness, own
from wire import messages as m
from wire.telling import HAND_MAY_CUT, Moment

NOW_S = 1_796_000_000.0
RULES = {rule.name: rule for rule in agent.rules.load()}
REFUSALS = ["", *Reason, *sorted(WITHDRAWN - set(Reason)), "of_a_newer_room"]
HEARD = View(
    {key: Seen().with_reading(value, Instant(1.0, 1.0)) for key, value in
     {"mains.voltage_v": 187.0, "ups.runtime_s": 840.0, "env.temp_c": 38.0}.items()},
    Instant(1.0, 1.0),
)  # fmt: skip
ROOMS = {
    "nothing known": (View({}, Instant(0.0, 0.0)), Policy()),
    "all known": (HEARD, Policy(phones={"centre": "0000 111 222", "carrier": "0000 333", "power": "0000 444"})),
}
CUTS = re.compile(
    r"(rút|ngắt|cắt) (phích|điện|nguồn)|tắt(, bật)? máy( |\.)|unplug|power off|switch (the codec|it|the system) off",
    re.I,
)
"""Words of a step that takes power away from something in the way of a meeting."""
DONE = re.compile(r"đang tự|khởi động lại|\bchờ\b|\bgọi\b|is being|restart|wait|\bcall\b", re.I)
"""Words of what is done about a fault."""
FORBIDS = re.compile(r"không|do not|leave the", re.I)


def cuts(step: str) -> bool:
    """Whether somebody who does as told takes power away."""
    found = CUTS.search(step)
    return found is not None and not FORBIDS.search(step[: found.start()])


def moments() -> Iterator[Moment]:
    """Every way in which an open fault can stand."""
    phases = (Phase.CONFIRMED, Phase.REMEDYING, Phase.SETTLING, Phase.ESCALATED)
    for phase, refused, call, dark in itertools.product(phases, REFUSALS, (True, False, None), (True, False)):
        yield Moment(phase, refused, call=call, dark=dark)
        if refused in ("", "meeting_near", "in_call"):
            yield Moment(phase, refused, acts=2, call=call, dark=dark, heard=False)
            yield Moment(phase, refused, acts=1, call=call, dark=dark, hands_off="condensation")


@functools.cache
def told_of(name: str, known: str) -> dict[str, m.Words]:
    return words_of(RULES[name].told(*ROOMS[known]))


def said(rule: Rule, known: str, now: Moment) -> Iterator[tuple[str, Present]]:
    told = told_of(rule.name, known)
    for language in LANGUAGES:
        yield language, said_at(words(language), told[language], now, NOW_S, NOW_S - 60.0)


TIMES = (("nothing known", 0.0, 0.0), ("all known", 400.0, 3900.0), ("all known", 400.0, -30.0))
"""What of the room is known, how long the act takes, and what is left of it."""


def every(rule: Rule) -> Iterator[tuple[Moment, str, Present]]:
    """All that is ever said of a rule's fault, with its moment and language."""
    act = rule.ladder[0] if rule.ladder else ""
    for now, (known, takes_s, left_s) in itertools.product(moments(), TIMES):
        at = replace(now, act=act, takes_s=takes_s, left_s=left_s)
        for language, one in said(rule, known, at):
            yield at, language, one


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
class TestEveryRule:
    def test_its_title_names_the_fault_and_nothing_that_is_done(self, rule: Rule) -> None:
        for text in (rule.words[language].title for language in LANGUAGES):
            assert not DONE.search(text), text

    def test_every_sentence_is_whole(self, rule: Rule) -> None:
        sentences, titles = set(), set()
        for _, _, one in every(rule):
            sentences |= {one.line, *one.steps, *one.power} | ({one.question} if one.question else set())
            titles.add(one.title)
        for text in sentences | titles:
            assert not re.search(r"[{}\[\]—_]|  | [.,:;]|\(\)|None", text), text
            assert not re.search(r"\b([^\W\d]+ [^\W\d]+)[ ,.:]+\1\b", text, re.I), f"said twice: {text}"
            assert text[0].isupper(), text
        assert all(text[-1] in ".?" for text in sentences)

    def test_there_is_always_a_line_and_somebody_always_has_something_to_do(self, rule: Rule) -> None:
        for now, _, one in every(rule):
            assert one.line.endswith("."), now
            assert one.steps or now.phase in ("remedying", "settling"), now

    def test_whoever_acts_has_steps_for_it(self, rule: Rule) -> None:
        for text in rule.words.values():
            assert text.steps
            assert bool(text.working) == bool(rule.ladder), "what people do while the room acts"
        vi, en = (rule.words[language] for language in LANGUAGES)
        assert [len(one) for one in (vi.steps, vi.working, vi.power, vi.on)] == [
            len(one) for one in (en.steps, en.working, en.power, en.on)
        ]

    def test_no_line_of_an_act_says_why_it_is_refused_and_none_of_a_refusal_says_that_it_goes_on(
        self, rule: Rule
    ) -> None:
        for now, language, one in every(rule):
            acts = now.phase in ("remedying", "settling") and now.heard
            name = words(language).name("reason", now.refused)
            assert not (acts and now.refused and name in one.line), one.line
            goes_on = re.search(r"đang tự |đã tự |acts by itself|has acted", one.line)
            assert bool(goes_on) == acts, one.line
            assert not re.search(r"đang chờ: sắp", one.line)

    def test_a_time_is_said_where_it_is_known_and_nowhere_else(self, rule: Rule) -> None:
        for now, _, one in every(rule):
            timed = bool(re.search(r"\d\d:\d\d", one.line.replace("07:52", "")))
            assert not timed or now.left_s > 0, one.line

    def test_nobody_is_told_to_cut_power_where_a_call_is_or_may_be(self, rule: Rule) -> None:
        for now, _, one in every(rule):
            told_to = [step for step in (*one.steps, *one.power) if cuts(step)]
            assert not any(cuts(step) for step in one.steps), "such steps belong to `power`"
            if not told_to:
                continue
            assert now.call is False
            assert now.heard
            assert now.phase == "escalated", "the machine may still act"
            assert now.refused in HAND_MAY_CUT
            assert not now.hands_off
            assert now.dark or one.question, "the room is asked first"

    def test_in_a_call_the_central_site_is_asked(self, rule: Rule) -> None:
        for now in (Moment("escalated", "in_call", call=True), Moment("escalated", "meeting_near", call=None)):
            for language, one in said(rule, "nothing known", now):
                asks = words(language)("now.ask_centre") in one.steps
                assert asks == (bool(rule.words["vi"].power) or now.refused == "in_call")
                assert not one.power


def test_a_step_that_cuts_power_is_told_from_one_that_forbids_it() -> None:
    assert cuts("Rút phích điện của máy họp, chờ 30 giây, cắm lại.")
    assert cuts("Unplug the codec, wait 30 seconds, plug it in again.")
    assert not cuts("Không bấm gọi, không rút phích.")
    assert not cuts("Do not unplug anything.")


def test_what_may_cut_power_says_dry_hands_first() -> None:
    for rule in RULES.values():
        for language, one in said(rule, "all known", Moment("escalated", "meeting_near", call=False, dark=True)):
            assert not one.power or one.power[0] == words(language)("now.dry")


def test_every_act_and_refusal_has_words() -> None:
    for language in LANGUAGES:
        t = words(language)
        assert all(t.has(f"remedy.{name}") for name in REMEDIES)
        assert all(t.has(f"reason.{reason}") for reason in REFUSALS[1:-1])


def test_a_number_that_is_not_known_leaves_no_hole() -> None:
    said_so = {step for rule in RULES.values() for _, one in said(rule, "nothing known", Moment("escalated"))
               for step in one.steps}  # fmt: skip
    assert "Gọi nhà mạng." in said_so
    assert "Báo Trung tâm để thay ắc quy." in said_so
    assert not any("Trung tâm Trung tâm" in step or "the centre the centre" in step for step in said_so)


def test_a_hung_codec_before_a_meeting() -> None:
    """From a quarter of an hour before it the room may not act: it waits a while, then a person is told what to do."""
    hung = RULES["codec_hung"]
    waits = Moment("confirmed", "meeting_near", "codec_restart", left_s=7200.0, call=False)
    (_, waiting), _ = said(hung, "all known", waits)
    (_, refused), _ = said(hung, "all known", replace(waits, phase="escalated"))
    (_, confirmed), _ = said(hung, "all known", replace(waits, phase="escalated", dark=True))
    (_, unsure), _ = said(hung, "all known", replace(waits, phase="escalated", call=None, dark=True))
    assert waiting.title == refused.title == "Máy bị treo"
    assert waiting.line == (
        "Phòng chưa tự khởi động lại thiết bị đầu cuối: sắp đến giờ họp hoặc đang trong giờ họp."
        " Phòng thử lại lúc 09:54."
    )
    assert refused.line == (
        "Phòng không được tự khởi động lại thiết bị đầu cuối: sắp đến giờ họp hoặc đang trong giờ họp."
        " Sớm nhất 09:54 phòng mới được tự làm. Cần người xử lý."
    )
    assert refused.question
    assert refused.power[1] == confirmed.power[1] == "Rút phích điện của máy họp, chờ 30 giây, cắm lại."
    assert not confirmed.question
    assert (unsure.power, unsure.question) == ((), "")
    assert not waiting.power


def test_the_hub_s_own_incidents_name_the_fault_too() -> None:
    kinds = [one.words for one in vars(own).values() if isinstance(one, own.Own)] + [liveness.WORDS]
    assert len(kinds) > 3
    for told in kinds:
        for text in told.values():
            assert isinstance(text, m.Words)
            assert all((text.title, text.steps, text.name))
            assert not DONE.search(text.title), text.title
