"""History: one row a room, fact and hour, its samples as deltas under zlib: about two bytes a sample.

Layout of `samples`, before zlib: a byte of kind, a varint count, then the moments as varint deltas in milliseconds
since the hour, then the values: kind 1 as zigzag varint deltas of thousandths, exact for values of at most three
decimals; kind 2 as little-endian doubles. Nothing is rounded: a chunk that does not fit kind 1 takes kind 2.
"""

from __future__ import annotations

import math
import sqlite3
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

HOUR_S = 3600
SAMPLES_MAX = 36_000
"""Samples a chunk may hold: ten a second. What a room sends beyond is dropped, the oldest kept."""
_THOUSANDTHS, _DOUBLES = 1, 2
VALUE_MAX = 1e12
"""Greater values are no measurement of a room, and their sums would overflow."""

Sample = tuple[float, float]
"""Unix seconds and value."""


class BadChunkError(ValueError):
    """The bytes are no chunk; the row is damaged."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """The row of one hour."""

    hour: int
    count: int
    low: float
    high: float
    total: float
    samples: bytes


def chunks_of(samples: Iterable[Sample]) -> dict[int, list[Sample]]:
    """The samples by the hour they belong to; those that no sensor can have measured are left out."""
    found: dict[int, list[Sample]] = {}
    for at_s, value in samples:
        if math.isfinite(at_s) and abs(value) <= VALUE_MAX:
            found.setdefault(int(at_s // HOUR_S), []).append((at_s, float(value)))
    return found


def merge(hour: int, old: bytes | None, new: Iterable[Sample]) -> Chunk:
    """The chunk with the new samples. A sample of the same millisecond replaces the old one, so repeats are harmless.

    Raises ValueError when there is no sample at all, BadChunkError when `old` is damaged.
    """
    by_ms = {_ms(at_s, hour): value for at_s, value in (unpack(hour, old) if old else [])}
    by_ms |= {_ms(at_s, hour): value for at_s, value in new}
    rows = sorted(by_ms.items())[:SAMPLES_MAX]
    if not rows:
        raise ValueError("a chunk needs a sample")
    values = [value for _, value in rows]
    return Chunk(hour, len(rows), min(values), max(values), math.fsum(values), _pack(rows))


def unpack(hour: int, packed: bytes) -> list[Sample]:
    """The samples of a chunk, in order. Raises BadChunkError."""
    try:
        plain = zlib.decompress(packed)
        count, at = _varint(plain, 1)
        moments, ms = [], 0
        for _ in range(count):
            delta, at = _varint(plain, at)
            ms += delta
            moments.append(hour * HOUR_S + ms / 1000)
        if plain[0] == _DOUBLES:
            return list(zip(moments, struct.unpack_from(f"<{count}d", plain, at), strict=True))
        if plain[0] != _THOUSANDTHS:
            raise BadChunkError(f"chunk of unknown kind {plain[0]}")
        values, scaled = [], 0
        for _ in range(count):
            delta, at = _varint(plain, at)
            scaled += (delta >> 1) ^ -(delta & 1)
            values.append(scaled / 1000)
        return list(zip(moments, values, strict=True))
    except (zlib.error, IndexError, struct.error) as error:
        raise BadChunkError(f"damaged chunk: {error}") from None


def put(db: sqlite3.Connection, room: str, fact: str, samples: Iterable[Sample]) -> None:
    """Add samples to the history within the caller's transaction. A damaged chunk is replaced by the new samples."""
    for hour, rows in chunks_of(samples).items():
        row = db.execute(
            "SELECT samples FROM history WHERE room = ? AND fact = ? AND hour = ?", (room, fact, hour)
        ).fetchone()
        try:
            chunk = merge(hour, row[0] if row else None, rows)
        except BadChunkError:
            chunk = merge(hour, None, rows)
        db.execute(
            "INSERT INTO history (room, fact, hour, count, low, high, total, samples) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (room, fact, hour) DO UPDATE SET count = excluded.count, low = excluded.low,"
            " high = excluded.high, total = excluded.total, samples = excluded.samples",
            (room, fact, hour, chunk.count, chunk.low, chunk.high, chunk.total, chunk.samples),
        )


def _ms(at_s: float, hour: int) -> int:
    return min(max(round((at_s - hour * HOUR_S) * 1000), 0), HOUR_S * 1000 - 1)


def _pack(rows: list[tuple[int, float]]) -> bytes:
    out = bytearray()
    _put_varint(out, len(rows))
    before = 0
    for ms, _ in rows:
        _put_varint(out, ms - before)
        before = ms
    values = [value for _, value in rows]
    scaled = [round(value * 1000) for value in values]
    if [number / 1000 for number in scaled] != values:
        return zlib.compress(bytes([_DOUBLES]) + out + struct.pack(f"<{len(values)}d", *values))
    before = 0
    for number in scaled:
        delta = number - before
        _put_varint(out, (delta << 1) ^ (delta >> 63))
        before = number
    return zlib.compress(bytes([_THOUSANDTHS]) + out)


def _put_varint(out: bytearray, number: int) -> None:
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)


def _varint(plain: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = plain[at]
        number |= (byte & 0x7F) << shift
        at += 1
        shift += 7
        if byte < 0x80:
            return number, at
