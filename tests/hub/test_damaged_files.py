"""Whatever a file holds, it is taken or refused in sentences: a table from an office, a hub.toml, a room's settings."""

from __future__ import annotations

from datetime import timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.config.room import ConfigError
from agent.settings import validate
from hub.changes import meetings, registry
from hub.changes.sheet import COLUMNS_MAX, FAULTS_MAX, SheetError
from hub.settings import SettingsError, load
from tests.effort import examples

ROOMS = (
    "tinh_code;tinh;cum;xa_code;xa;tru_so;room;name;phone;aliases\n"
    "38;Thanh Hóa;Cụm 1;14797;Hạc Thành;UBND;th-1;Phòng 1;0912345678;a|b\n"
)
MEETINGS = "start;end;title;rooms\n24/11/2030 07:30;24/11/2030 09:00;Giao ban;all\n"
HUB = """
timezone = "Asia/Ho_Chi_Minh"
data_dir = "d"
[broker]
host = "h"
port = 1883
[ingest]
beat_s = 60
[fleet]
floor = 5
"""
ROOM = """
[room]
id = "r-1a"
state_dir = "state"
[codec]
family = "cisco_xapi"
uri = "tcp://10.0.0.5:23"
[relays.codec]
pin = 17
[loads.codec]
boot_s = 30
"""
NASTY = st.sampled_from(
    ["\0", "\ufeff", "\u2028", ";", '"', "'", "\n", "\r", "\t", "=", "9" * 5000, "[" * 5000,
     "-1", "nan", "inf", "1e999", "🙂",
     "\u0301", "[", "]", "{", "}", "00/13/2030 25:61", "31/02/2030 07:30", "01/01/0001 00:00", "31/12/9999 23:59",
     '"' + "x" * 200_000]
)  # fmt: skip
ZONE = timezone(timedelta(hours=7))
PLACES = {"all": frozenset({"th-1"}), "th-1": frozenset({"th-1"})}
MANY = settings(
    max_examples=examples(300), derandomize=True, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn, *texts: str) -> bytes:
    """Any bytes, or a good text whose parts were cut out, doubled or replaced, in any of the encodings of an office."""
    if draw(st.integers(0, 5)) == 0:
        return draw(st.binary(max_size=400))
    text = draw(st.sampled_from(texts))
    for _ in range(draw(st.integers(1, 4))):
        begin = draw(st.integers(0, len(text)))
        end = min(len(text), begin + draw(st.integers(0, 12)))
        text = text[:begin] + draw(st.one_of(NASTY, st.text(max_size=5), st.just(text[begin:end] * 2))) + text[end:]
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1258"]))
    return text.encode(encoding, "replace")


@pytest.mark.parametrize("value", ["9" * 5000, "[" * 5000, "{a=" * 5000, "1e999", "nan"], ids=lambda text: text[:4])
def test_a_settings_value_without_end_is_refused_in_sentences(value: str, tmp_path: Path) -> None:
    path = tmp_path / "some.toml"
    path.write_text(f"[room]\nid = {value}\n", "utf-8")
    with pytest.raises(SettingsError) as told:
        load(path)
    in_sentences(told.value.problems)
    with pytest.raises(ConfigError) as refused:
        validate(path)
    in_sentences(refused.value.problems)


def in_sentences(problems: list[str]) -> None:
    """Someone must be able to read them all: bounded, and none is the machine's own."""
    assert problems
    assert len(problems) <= FAULTS_MAX + 1
    for problem in problems:
        assert problem.strip()
        assert len(problem) < 2000
        assert "Traceback" not in problem


@pytest.mark.parametrize("raw", [b"\xfe\xff", b"\xff\xfe", b"\xef\xbb\xbf", b";" * COLUMNS_MAX, b";" * 10_000_000])
def test_a_table_of_nothing_is_refused_in_sentences(raw: bytes) -> None:
    with pytest.raises(SheetError) as told:
        registry.parse(raw)
    in_sentences([str(problem) for problem in told.value.problems])


@MANY
@given(damaged(ROOMS, MEETINGS))
def test_a_damaged_inventory_is_read_or_refused_in_sentences(raw: bytes) -> None:
    try:
        registry.parse(raw)
    except SheetError as error:
        in_sentences([str(problem) for problem in error.problems])


@MANY
@given(damaged(MEETINGS, ROOMS))
def test_a_damaged_schedule_is_read_or_refused_in_sentences(raw: bytes) -> None:
    try:
        meetings.parse(raw, ZONE, PLACES, 1.79e9)
    except SheetError as error:
        in_sentences([str(problem) for problem in error.problems])


@MANY
@given(raw=damaged(HUB))
def test_a_damaged_hub_toml_is_read_or_refused_in_sentences(raw: bytes, tmp_path: Path) -> None:
    path = tmp_path / "hub.toml"
    path.write_bytes(raw)
    try:
        load(path)
    except SettingsError as error:
        in_sentences(error.problems)


@MANY
@given(raw=damaged(ROOM))
def test_a_damaged_room_toml_is_read_or_refused_in_sentences(raw: bytes, tmp_path: Path) -> None:
    path = tmp_path / "room.toml"
    path.write_bytes(raw)
    try:
        validate(path)
    except ConfigError as error:
        in_sentences(error.problems)
