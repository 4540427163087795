"""How fast one room may speak: enough for a month's events at once, too little for one certificate to fill the hub.

A message costs one for each 4 kB begun, so that great ones do not slip through by number. An honest room says about one
message a second, at most 20 while it sends what has waited; the pace is far above both.
"""

from __future__ import annotations

from dataclasses import dataclass, field

RATE_PER_S = 50.0
BURST = 2000.0
LONG_RATE_PER_S = 10.0
LONG_BURST = 300_000.0
"""The pace of days: 64 MiB of small events pass, the most that a room keeps; then ten times what an honest one says."""
COST_BYTES = 4096
ROOMS_MAX = 5000
"""Buckets kept. Only certificates make names, and the fullest are forgotten first: they say nothing."""


def cost(size_bytes: int) -> float:
    """What a message of so many bytes costs."""
    return float(max(1, -(-size_bytes // COST_BYTES)))


@dataclass(slots=True)
class _Bucket:
    left: float
    at_s: float


@dataclass(slots=True)
class Paces:
    """One bucket a room. Times are monotonic seconds."""

    rate_per_s: float = RATE_PER_S
    burst: float = BURST
    _buckets: dict[str, _Bucket] = field(default_factory=dict)

    def allow(self, room: str, price: float, now_s: float) -> bool:
        """Whether the room may say one more, which is then paid for."""
        bucket = self._buckets.get(room)
        if bucket is None:
            if len(self._buckets) >= ROOMS_MAX:
                self._forget(now_s)
            bucket = self._buckets[room] = _Bucket(self.burst, now_s)
        bucket.left = self._now(bucket, now_s)
        bucket.at_s = max(bucket.at_s, now_s)
        if bucket.left < price:
            return False
        bucket.left -= price
        return True

    def _now(self, bucket: _Bucket, now_s: float) -> float:
        return min(self.burst, bucket.left + max(0.0, now_s - bucket.at_s) * self.rate_per_s)

    def _forget(self, now_s: float) -> None:
        fullest = sorted(self._buckets, key=lambda room: -self._now(self._buckets[room], now_s))
        for room in fullest[: ROOMS_MAX // 10]:
            del self._buckets[room]
