"""What is told of a fault: which stance, which steps, and that nobody is sent to pull a plug in a call."""

from __future__ import annotations

from dataclasses import replace

import pytest

from wire.messages import Words
from wire.telling import CALL_REASONS, HAND_MAY_CUT, Caution, Moment, Need, Stance, Telling, need_of, tell

WORDS = Words("Máy bị treo", ["Xem TV."], "Treo máy", working=["Chờ."], power=["Rút phích."])
PLAIN = Words("Phòng tối", ["Bật đèn."])
REFUSED = Moment("escalated", "meeting_near", "codec_restart", 1, 240.0, 3600.0, call=False, dark=True)


@pytest.mark.parametrize(
    ("now", "stance"),
    [
        (Moment("clear", "in_call"), Stance.OVER),
        (Moment("suspected"), Stance.OVER),
        (Moment("escalated", heard=False), Stance.UNHEARD),
        (Moment("remedying"), Stance.WORKING),
        (Moment("settling"), Stance.AWAITING),
        (Moment("remedying", left_s=-1.0), Stance.LATE),
        (Moment("settling", left_s=-1.0), Stance.OVERDUE),
        (Moment("confirmed"), Stance.CHOOSING),
        (Moment("confirmed", "hold_on"), Stance.WAITING),
        (Moment("escalated", "in_call"), Stance.REFUSED),
        (Moment("escalated", "not_fitted", acts=1), Stance.GIVEN_UP),
        (Moment("escalated", "not_fitted"), Stance.PERSON),
        (Moment("escalated", acts=2), Stance.GIVEN_UP),
        (Moment("escalated"), Stance.PERSON),
    ],
)
def test_the_stance_goes_by_phase_and_refusal(now: Moment, stance: Stance) -> None:
    assert tell(WORDS, now).stance is stance


@pytest.mark.parametrize(
    ("now", "need"),
    [
        (Moment("clear"), Need.NONE),
        (Moment("remedying"), Need.MACHINE),
        (Moment("settling", left_s=-1.0), Need.MACHINE),
        (Moment("confirmed"), Need.MACHINE),
        (Moment("confirmed", "hold_on"), Need.MACHINE),
        (Moment("confirmed", "not_yet"), Need.MACHINE),
        (Moment("confirmed", "no_evidence"), Need.MACHINE),
        (Moment("confirmed", "in_call"), Need.HAND),
        (Moment("confirmed", "meeting_near"), Need.HAND),
        (Moment("confirmed", "brand_new"), Need.HAND),
        (Moment("escalated", "budget_hour"), Need.HAND),
        (Moment("escalated", "not_fitted"), Need.PERSON),
        (Moment("escalated", acts=2), Need.PERSON),
        (Moment("remedying", heard=False), Need.PERSON),
    ],
)
def test_who_has_to_do_something_goes_by_the_same(now: Moment, need: Need) -> None:
    assert need_of(now) is need


def test_while_the_room_acts_it_is_said_what_and_how_long_and_people_leave_it_alone() -> None:
    now = Moment("remedying", "in_call", "codec_restart", 1, 240.0, 200.0, call=False, dark=True)
    assert tell(WORDS, now) == Telling(Stance.WORKING, "codec_restart", "", 240.0, 200.0, ("Chờ.",))
    settling = replace(now, phase="settling")
    assert tell(WORDS, settling) == Telling(Stance.AWAITING, "codec_restart", "", 0.0, 200.0, ("Chờ.",))
    late = replace(now, left_s=-5.0)
    assert tell(WORDS, late) == Telling(Stance.LATE, "codec_restart", steps=("Chờ.",))
    overdue = replace(settling, left_s=-5.0)
    assert tell(WORDS, overdue) == Telling(Stance.OVERDUE, "codec_restart", steps=("Chờ.",))


def test_while_it_waits_nothing_is_unplugged() -> None:
    now = replace(REFUSED, phase="confirmed")
    assert tell(WORDS, now) == Telling(
        Stance.WAITING, "codec_restart", "meeting_near", left_s=3600.0, steps=("Xem TV.",)
    )
    assert tell(WORDS, replace(now, left_s=-3.0)).left_s == 0.0


def test_with_no_call_and_the_room_s_word_a_person_may_cut_power() -> None:
    assert tell(WORDS, REFUSED) == Telling(
        Stance.REFUSED, "codec_restart", "meeting_near", left_s=3600.0, steps=("Xem TV.",), power=("Rút phích.",)
    )
    given_up = Moment("escalated", "", "", 3, call=False, dark=True)
    assert tell(WORDS, given_up) == Telling(Stance.GIVEN_UP, steps=("Xem TV.",), power=("Rút phích.",))


@pytest.mark.parametrize(
    ("change", "caution", "why"),
    [
        ({"call": None}, Caution.CALL, ""),
        ({"call": True}, Caution.CALL, ""),
        ({"heard": False}, Caution.CALL, ""),
        ({"dark": False}, Caution.ASK, ""),
        ({"hands_off": "condensation"}, Caution.HANDS_OFF, "condensation"),
        ({"refused": "upgrading", "hands_off": "on_battery"}, Caution.HANDS_OFF, "upgrading"),
        ({"refused": "of_a_newer_room"}, Caution.HANDS_OFF, "of_a_newer_room"),
        *(({"refused": reason}, Caution.CALL, "") for reason in sorted(CALL_REASONS)),
        *(({"refused": reason}, Caution.NONE, "") for reason in sorted(HAND_MAY_CUT)),
    ],
)
def test_else_nobody_is_told_to(change: dict[str, object], caution: Caution, why: str) -> None:
    told = tell(WORDS, replace(REFUSED, **change))  # type: ignore[arg-type]
    assert (told.caution, told.why) == (caution, why)
    assert bool(told.power) == (caution is Caution.NONE)


def test_nothing_is_switched_on_where_hands_stay_off() -> None:
    words = Words("TV không có hình", ["Bật TV.", "Xem dây."], on=["Bật TV."])
    alone, wet = Moment("escalated", call=False), Moment("escalated", call=False, hands_off="condensation")
    assert tell(words, alone) == Telling(Stance.PERSON, steps=("Bật TV.", "Xem dây."))
    assert tell(words, wet) == Telling(
        Stance.PERSON, steps=("Xem dây.",), caution=Caution.HANDS_OFF, why="condensation"
    )
    both = Words("Máy treo", ["Bật TV.", "Xem dây."], power=["Rút phích."], on=["Bật TV."])
    assert tell(both, Moment("escalated", "in_call", hands_off="condensation")).steps == ("Xem dây.",)


def test_a_rule_without_such_steps_has_no_caution_but_in_a_call() -> None:
    assert tell(PLAIN, Moment("escalated", "upgrading", call=None)).caution is Caution.NONE
    assert tell(PLAIN, Moment("escalated", "in_call", call=True)).caution is Caution.CALL
