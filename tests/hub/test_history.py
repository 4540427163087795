"""Chunks give back exactly what was put in, in whatever pieces it came."""

from __future__ import annotations

import math
import random
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.history import chunks
from hub.history.retention import HISTORY_S, Retention
from hub.store.db import open_db
from tests.hub.rooms import fill_inventory

HOUR = 494_444
START = HOUR * 3600
MOMENT = st.integers(0, 3_599_999)
THOUSANDTH = st.integers(-(10**9), 10**9).map(lambda n: n / 1000)
ANY = st.floats(-chunks.VALUE_MAX, chunks.VALUE_MAX)


@given(st.dictionaries(MOMENT, st.one_of(THOUSANDTH, ANY), min_size=1, max_size=40), st.integers(0, 2**32))
def test_any_pieces_in_any_order_come_back_exactly(rows: dict[int, float], seed: int) -> None:
    samples = [(START + ms / 1000, value) for ms, value in rows.items()]
    random.Random(seed).shuffle(samples)
    half = len(samples) // 2
    first = chunks.merge(HOUR, None, samples[: half + 1])
    chunk = chunks.merge(HOUR, first.samples, samples[half:])
    assert chunks.unpack(HOUR, chunk.samples) == [(START + ms / 1000, value) for ms, value in sorted(rows.items())]
    assert (chunk.count, chunk.low, chunk.high) == (len(rows), min(rows.values()), max(rows.values()))


def test_two_bytes_a_sample() -> None:
    rng = random.Random(1)
    samples = [(START + 60 * n + rng.random(), round(220 + rng.gauss(0, 1), 1)) for n in range(60)]
    assert len(chunks.merge(HOUR, None, samples).samples) < 60 * 6
    steady = [(START + 60.0 * n, 21.5) for n in range(60)]
    assert len(chunks.merge(HOUR, None, steady).samples) < 60


def test_no_number_is_left_out() -> None:
    found = chunks.chunks_of(
        [(START, math.nan), (START, 1e300), (math.inf, 1.0), (START + 3600, 2.0), (START + 1, 1.0)]
    )
    assert found == {HOUR: [(START + 1, 1.0)], HOUR + 1: [(START + 3600, 2.0)]}


@pytest.mark.parametrize("damaged", [b"", b"junk", zlib.compress(b"\x01\x05\x01"), zlib.compress(b"\x09\x00")])
def test_damaged_chunk_is_told(damaged: bytes) -> None:
    with pytest.raises(chunks.BadChunkError):
        chunks.unpack(HOUR, damaged)


def test_rows_grow_and_survive_damage(tmp_path: Path) -> None:
    db = open_db(tmp_path / "hub.db")
    chunks.put(db, "p1", "codec.temp_c", [(START + 1, 1.0), (START + 3601, 5.0)])
    chunks.put(db, "p1", "codec.temp_c", [(START + 1, 1.0), (START + 2, 3.0)])
    rows = db.execute("SELECT hour, count, low, high, total FROM history ORDER BY hour").fetchall()
    assert [tuple(row) for row in rows] == [(HOUR, 2, 1.0, 3.0, 4.0), (HOUR + 1, 1, 5.0, 5.0, 5.0)]
    db.execute("UPDATE history SET samples = x'00'")
    chunks.put(db, "p1", "codec.temp_c", [(START + 5, 7.0)])
    assert db.execute("SELECT count, total FROM history WHERE hour = ?", (HOUR,)).fetchone()[:] == (1, 7.0)


def test_old_history_goes_room_by_room_and_the_young_stays(tmp_path: Path) -> None:
    db = open_db(tmp_path / "hub.db")
    rooms = fill_inventory(db)
    for room in rooms:
        chunks.put(db, room, "x", [(START, 1.0), (START + HISTORY_S + 3600, 2.0)])
    db.execute(
        "INSERT INTO sessions (token_hash, user, csrf, created_s, seen_s, expires_s) VALUES ('t', 'u', 'c', 0, 0, ?)",
        (START,),
    )
    forget = Retention(lambda: False)
    for _ in rooms:
        forget(db, START + HISTORY_S + 3600)
    assert [row[0] for row in db.execute("SELECT total FROM history")] == [2.0] * len(rooms)
    assert db.execute("SELECT COUNT(*) FROM sessions").fetchone()[0] == 0
