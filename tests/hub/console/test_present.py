"""What is told of an incident follows the room's newest state, and is careful where that is old or missing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from msgspec import structs

from hub.console.present import Present, present
from hub.console.words import words
from hub.store.read.last_word import LastWord
from hub.store.read.read_incidents import Incident
from hub.store.read.standing import STATE_OLD_S
from tests.wire.samples import STAMP
from wire import messages as m

NOW_S = 1_796_000_000.0
VI = words("vi")
TOLD = {"vi": {"title": "Máy bị treo", "steps": ["Xem TV."], "power": ["Rút phích."], "working": ["Chờ."]}}
INCIDENT = Incident(
    1, "r", STAMP.epoch, 7, "codec_hung", "major", "escalated", True, 1.0, 2.0, 3.0, 0.0, "", "in_call",
    ["codec_restart"], "", TOLD, "", 0.0, "", 0.0, "", "",
)  # fmt: skip
FAULT = m.FaultNow(
    fault_id=7, rule="codec_hung", phase="escalated", severity="major", since_s=1.0, refused="meeting_near",
    act="codec_power_cycle", acts=1, takes_s=300.0, left_s=600.0,
    words={"vi": m.Words("Máy bị treo hẳn", ["Xem TV."], power=["Rút phích."], working=["Chờ."])},
)  # fmt: skip


def said(fault: m.FaultNow | None = FAULT, age_s: float = 10.0, confirmed_s: float = 0.0, **state: Any) -> Present:
    """What is told when the room has said this so long ago; `state` changes its state."""
    found = m.State(stamp=STAMP, facts={}, faults=[fault] if fault else [], in_call=False)
    raw = m.encode(structs.replace(found, **state))
    return present(VI, replace(INCIDENT, last=LastWord(raw, NOW_S - age_s, confirmed_s=confirmed_s)), NOW_S)


def test_the_newest_state_goes_before_the_events() -> None:
    told = said()
    assert told.title == "Máy bị treo hẳn"
    assert told.line.startswith("Phòng không được tự ngắt và cấp lại nguồn thiết bị đầu cuối: sắp đến giờ họp")
    assert "Sớm nhất 08:04" in told.line, "ten minutes from when it was said"
    assert told.question
    working = said(structs.replace(FAULT, phase="remedying", refused=""))
    assert working.line == (
        "Phòng đang tự ngắt và cấp lại nguồn thiết bị đầu cuối (khoảng 5 phút, dự kiến xong lúc 08:04)."
    )
    assert working.steps == ("Chờ.",)
    assert (
        "lâu hơn thường lệ" in said(structs.replace(FAULT, phase="settling", refused="", left_s=5.0), age_s=10.0).line
    )


def test_without_a_fault_in_it_the_events_tell_and_a_call_counts_as_up() -> None:
    for told in (said(None), said(stamp=structs.replace(STAMP, epoch="other")), present(VI, INCIDENT, NOW_S)):
        assert told.title == "Máy bị treo"
        assert told.line == "Phòng không được tự khắc phục: phòng đang trong cuộc họp. Cần người xử lý."
        assert told.steps[0] == VI("now.ask_centre")
        assert not told.power


def test_the_room_s_word_goes_for_three_minutes() -> None:
    assert said(confirmed_s=NOW_S - 60.0).question == ""
    assert said(confirmed_s=NOW_S - 60.0).power == (VI("now.dry"), "Rút phích.")
    assert said(confirmed_s=NOW_S - 181.0).question
    assert not said(confirmed_s=NOW_S - 60.0, hands_off="condensation").power


def test_an_old_state_or_a_silent_room_rules_out_no_call() -> None:
    assert not said(age_s=STATE_OLD_S, confirmed_s=NOW_S - 60.0).power
    silent = LastWord(b"", 0.0, heard=False, silent_since_s=NOW_S - 3600.0, confirmed_s=NOW_S - 60.0)
    told = present(VI, replace(INCIDENT, last=silent), NOW_S)
    assert told.line == "Phòng mất kết nối từ 06:53, bây giờ chưa rõ lỗi này còn hay không."
    assert not told.power


def test_what_is_over_or_the_hub_s_own_is_told_without_the_room() -> None:
    assert present(VI, replace(INCIDENT, closed_s=9.0), NOW_S) == Present("Máy bị treo", VI("now.over"))
    own = present(VI, replace(INCIDENT, epoch="hub"), NOW_S)
    assert (own.line, own.steps) == (VI("now.hub_person"), ("Xem TV.",))
    assert present(VI, replace(INCIDENT, epoch="hub", needs_person=False), NOW_S).line == VI("now.hub")
