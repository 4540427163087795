"""What the signer lets through of every field that an order or a document has, to the number."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from hub.signer.rules import Rules
from tests.trust.test_signer import GOOD
from wire import envelope as e
from wire import messages as m

NOW = 1_790_000_000.0
DAY_S = 86_400.0
SAID = m.Confirmed(person="Lê Văn Thắng", what="no_picture_no_sound", at_s=NOW - 60)
MEETING = m.Meeting("m1", "Giao ban", NOW + 600, NOW + 4200)
DOCUMENT = m.Desired(room="r-1", version=int(NOW), meetings=[MEETING], maintenance_until_s=NOW + 3600)


def order(rules: Rules | None = None, now_s: float = 0.0, /, **changes: Any) -> str:
    body = m.encode(msgspec.structs.replace(GOOD, **{"confirmed": SAID, **changes}))
    return (rules or Rules()).judge(e.Kind.COMMAND, body, now_s, NOW)[0]


def document(rules: Rules | None = None, /, **changes: Any) -> str:
    body = m.encode(msgspec.structs.replace(DOCUMENT, **changes))
    return (rules or Rules()).judge(e.Kind.DESIRED, body, 0.0, NOW)[0]


@pytest.mark.parametrize(
    ("age_s", "expected"),
    [(-5.0, ""), (-6.0, "confirmation_ahead"), (180.0, ""), (181.0, "confirmation_old"), (NOW, "confirmation_old")],
)
def test_a_confirmation_goes_for_three_minutes(age_s: float, expected: str) -> None:
    assert order(confirmed=msgspec.structs.replace(SAID, at_s=NOW - age_s)) == expected


@pytest.mark.parametrize(
    "changes", [{"person": ""}, {"person": "  "}, {"person": "x" * 65}, {"person": "a\nb"}, {"what": "fire"}]
)
def test_a_confirmation_has_a_name_and_a_known_word(changes: dict[str, str]) -> None:
    said = msgspec.structs.replace(SAID, **changes)
    assert order(confirmed=said) == "confirmation_malformed"


@pytest.mark.parametrize("action", ["recheck", "light_on", "lease_granted", "clear_latches", "board_reboot"])
def test_a_confirmation_comes_only_with_a_restart(action: str) -> None:
    assert order(action=action) == "confirmation_useless"
    assert order(action=action, confirmed=None) == ""


def test_the_journal_names_the_person() -> None:
    body = m.encode(msgspec.structs.replace(GOOD, confirmed=SAID))
    said = Rules().judge(e.Kind.COMMAND, body, 0.0, NOW)
    assert said == ("", "codec_restart c1 for r-1 by lan confirmed by Lê Văn Thắng")


def test_a_captured_console_cannot_have_many_meetings_cut() -> None:
    rules = Rules()
    asked = [order(rules, room=f"r-{n}") for n in range(20)]
    assert asked == [""] * 12 + ["confirmed_rate"] * 8
    assert order(rules, room="r-99", confirmed=None) == "", "without one the other bounds hold"
    assert order(rules, 600.0, room="r-99") == ""


def test_an_order_is_signed_only_as_it_is_written() -> None:
    plain = m.encode(GOOD)
    assert plain.endswith(b',"confirmed":null}')
    for odd in (b"}", b',"later":1}', b',"confirmed":null,"confirmed":null}', b',"confirmed":{}}'):
        assert Rules().judge(e.Kind.COMMAND, plain.replace(b',"confirmed":null}', odd), 0, NOW)[0] == "malformed"


def test_a_good_document_is_signed() -> None:
    assert document() == ""


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"room": "R 1"}, "malformed"),
        ({"version": 0}, "malformed"),
        ({"version": -1}, "malformed"),
        ({"version": int(NOW + 400 * DAY_S)}, ""),
        ({"version": int(NOW + 400 * DAY_S) + 1}, "version_ahead"),
        ({"version": 2**53}, "version_ahead"),
        ({"maintenance_until_s": 0.0}, ""),
        ({"maintenance_until_s": NOW - 1e6}, ""),
        ({"maintenance_until_s": NOW + 7 * DAY_S}, ""),
        ({"maintenance_until_s": NOW + 7 * DAY_S + 1}, "maintenance_long"),
        ({"maintenance_until_s": 1e12}, "maintenance_long"),  # the year 33658
        ({"maintenance_until_s": -1.0}, "maintenance_long"),
        ({"meetings": []}, ""),
        ({"meetings": [MEETING] * 100}, ""),
        ({"meetings": [MEETING] * 101}, "too_many_meetings"),
    ],
)
def test_a_document_is_bounded(changes: dict[str, Any], expected: str) -> None:
    assert document(**changes) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"id": ""}, "meeting_malformed"),
        ({"id": "x" * 65}, "meeting_malformed"),
        ({"title": "x" * 200}, ""),
        ({"title": "x" * 201}, "meeting_malformed"),
        ({"trial": True, "secret": True}, ""),
        ({"end_s": MEETING.start_s}, "meeting_length"),
        ({"end_s": MEETING.start_s - 1}, "meeting_length"),
        ({"end_s": MEETING.start_s + 24 * 3600}, ""),
        ({"end_s": MEETING.start_s + 24 * 3600 + 1}, "meeting_length"),
        ({"end_s": 1e300}, "meeting_length"),
        ({"start_s": NOW + 400 * DAY_S, "end_s": NOW + 400 * DAY_S + 60}, ""),
        ({"start_s": NOW + 400 * DAY_S + 1, "end_s": NOW + 400 * DAY_S + 60}, "meeting_far"),
        ({"start_s": NOW - 7 * DAY_S - 60, "end_s": NOW - 7 * DAY_S}, ""),
        ({"start_s": NOW - 7 * DAY_S - 60, "end_s": NOW - 7 * DAY_S - 1}, "meeting_far"),
    ],
)
def test_every_meeting_is_bounded(changes: dict[str, Any], expected: str) -> None:
    bad = msgspec.structs.replace(MEETING, **changes)
    assert document(meetings=[MEETING, bad]) == expected


@pytest.mark.parametrize(
    "odd",
    [
        m.encode(DOCUMENT).replace(b'"version":', b'"version":1,"version":'),
        m.encode(DOCUMENT).replace(b'"has":null', b'"has":null,"lights_out":true'),
        m.encode(DOCUMENT) + b" ",
    ],
)
def test_a_document_with_two_readings_or_a_field_of_another_release_is_not_signed(odd: bytes) -> None:
    assert Rules().judge(e.Kind.DESIRED, odd, 0.0, NOW)[0] == "malformed"


HAS = m.Has(hub="h" * 16, epoch="e" * 12, seq=4711, at_s=NOW - 5)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ""), ({"seq": 0}, ""), ({"seq": 2**53}, ""), ({"at_s": NOW + DAY_S}, ""), ({"hub": "h" * 64}, ""),
        ({"seq": -1}, "has_malformed"), ({"seq": 2**53 + 1}, "has_malformed"),
        ({"at_s": NOW + DAY_S + 1}, "has_malformed"), ({"at_s": -1.0}, "has_malformed"),
        ({"hub": ""}, "has_malformed"), ({"epoch": "e" * 65}, "has_malformed"),
        ({"epoch": "a\nb"}, "has_malformed"),
    ],
)  # fmt: skip
def test_what_the_hub_says_that_it_has_is_bounded(changes: dict[str, Any], expected: str) -> None:
    assert document(has=msgspec.structs.replace(HAS, **changes)) == expected


def test_a_captured_console_cannot_have_a_province_in_maintenance() -> None:
    rules = Rules()
    asked = [document(rules, room=f"r-{n}") for n in range(100)]
    assert asked == [""] * 60 + ["maintenance_rooms"] * 40
    assert document(rules, room="r-5") == "", "the same room again, as with each connection"
    assert document(rules, room="r-99", maintenance_until_s=0.0) == ""
    assert document(rules, room="r-5", maintenance_until_s=0.0) == ""
    assert document(rules, room="r-99") == "", "where one ends another may begin"
    later = m.encode(msgspec.structs.replace(DOCUMENT, room="r-98", maintenance_until_s=NOW + 9000))
    assert rules.judge(e.Kind.DESIRED, later, 0.0, NOW + 3600)[0] == "", "those have ended by themselves"


def test_every_field_of_what_is_signed_has_been_thought_of() -> None:
    """Whoever adds one: give it a bound in `wire.bounds`, a row in docs/trust.md, and its name here."""
    known: dict[type[msgspec.Struct], str] = {
        m.Command: "v id room boot nonce counter action by reason expires_s confirmed",
        m.Confirmed: "person what at_s",
        m.Desired: "v room version meetings maintenance_until_s has",
        m.Has: "hub epoch seq at_s",
        m.Meeting: "id title start_s end_s trial secret",
    }
    for kind, names in known.items():
        assert [one.name for one in msgspec.structs.fields(kind)] == names.split()
