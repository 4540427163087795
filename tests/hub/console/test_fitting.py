"""The one act that fits an incident, what the room says to it, and dangerous acts apart from harmless ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from agent.core.reasons import QUIET, SELF_ENDING, Reason
from agent.core.remedies import REMEDIES, Method
from hub.console.acting.dangers import Danger, apart, danger, effect
from hub.console.acting.fitting import Fitting, fitting
from hub.console.present import said_at
from hub.console.words import LANGUAGES, words
from hub.store.read.last_word import LastWord
from tests.hub.console.test_present import INCIDENT, NOW_S
from wire.messages import ActionNow, FaultNow, Stamp, State, Words, encode
from wire.telling import OWN_CLOCK, Moment, Need, need_of

T = words("vi")
STAMP = Stamp(epoch=INCIDENT.epoch, seq=0, boot="b", mono_s=9, wall_s=NOW_S, synced=True)


def fit(act: str, refused: str = "", *, offered: bool = True, heard: bool = True, **fault: Any) -> Fitting | None:
    """The fitting act of a fault whose next act is this, in a room that refuses it so."""
    given: dict[str, Any] = {"phase": "confirmed", "refused": refused} | fault
    now = FaultNow(fault_id=INCIDENT.fault_id, rule="codec_hung", severity="major", since_s=NOW_S, act=act, **given)
    actions = [ActionNow(remedy=act, refused=refused)] if offered and act else []
    state = State(stamp=STAMP, facts={}, faults=[now], actions=actions)
    return fitting(T, replace(INCIDENT, last=LastWord(encode(state), NOW_S, heard)), NOW_S)


def test_what_the_room_would_do_next_is_offered() -> None:
    found = fit("codec_restart", phase="escalated", acts=1)
    assert found == Fitting("codec_restart", T("effect.restart"), "stops")


def test_its_refusal_stands_beside_it_with_its_end() -> None:
    found = fit("codec_power_cycle", "in_call", left_s=600.0)
    assert found
    assert found.said.startswith("Lý do: phòng đang trong cuộc họp. Sớm nhất ")
    assert not found.confirmable, "a call that is up is not cut on anybody's word"
    near = fit("codec_power_cycle", "meeting_near")
    assert near
    assert (near.said, near.confirmable) == (f"Lý do: {T.why('meeting_near')}.", True)
    calm = fit("light_on", "meeting_near")
    assert calm
    assert not calm.confirmable, "it brings back neither picture nor sound"


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (fit("codec_restart", phase="remedying"), "fit.at_it"),
        (fit("codec_restart", phase="settling"), "fit.at_it"),
        (fit("", phase="escalated"), "fit.none"),
        (fit("codec_restart", offered=False), "fit.none"),
        (fit("codec_restart", heard=False), "fit.unheard"),
    ],
)
def test_where_none_fits_it_is_said_why(found: Fitting | None, said: str) -> None:
    assert found == Fitting(said=T(said))


def test_what_is_over_or_the_hub_s_own_has_none() -> None:
    assert fitting(T, replace(INCIDENT, closed_s=NOW_S), NOW_S) is None
    assert fitting(T, replace(INCIDENT, epoch="hub"), NOW_S) is None


def test_every_act_is_judged_and_says_what_it_does() -> None:
    for name, remedy in REMEDIES.items():
        assert effect(name) != "effect.new", f"say in hub/console/acting/dangers.py what {name} does"
        assert all(words(language).has(effect(name)) for language in LANGUAGES)
        if remedy.method is Method.CYCLE or remedy.method is Method.STAGED:
            assert danger(name) is Danger.POWER, name
        if remedy.restarts:
            assert danger(name) is not Danger.CALM, name
    assert (danger("brand_new"), effect("brand_new")) == (Danger.POWER, "effect.new"), "the worst, until it is known"


def test_harmless_ones_come_first() -> None:
    offered = [ActionNow(remedy=name) for name in ("codec_power_cycle", "light_on", "codec_restart", "codec_wake")]
    assert [(one, [each.remedy for each in acts]) for one, acts in apart(offered)] == [
        (Danger.CALM, ["light_on", "codec_wake"]), (Danger.STOPS, ["codec_restart"]),
        (Danger.POWER, ["codec_power_cycle"]),
    ]  # fmt: skip


def test_what_ends_by_the_room_s_own_clock_is_the_machine_s() -> None:
    assert SELF_ENDING | QUIET <= OWN_CLOCK


@pytest.mark.parametrize("refused", ["", *Reason])
@pytest.mark.parametrize("phase", ["confirmed", "remedying", "settling", "escalated"])
@pytest.mark.parametrize("heard", [True, False])
def test_no_row_stands_among_those_that_its_own_line_contradicts(phase: str, refused: str, heard: bool) -> None:
    now = Moment(phase, refused, "codec_restart", acts=1, heard=heard)
    line, need = said_at(T, Words("Máy bị treo"), now, NOW_S).line, need_of(now)
    if T("now.by_hand") in line or not heard:
        assert need in (Need.PERSON, Need.HAND)
    if line.startswith(("Phòng đang tự", "Phòng đã tự")):
        assert need is Need.MACHINE
    if line.startswith("Phòng không được tự"):
        assert need is Need.HAND
    assert need not in (Need.NONE, Need.WATCH)
