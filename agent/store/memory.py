"""A store without a file, for the many rooms of the simulator and for tests of what stands above it."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from agent.core.events import PastAct
from agent.core.facts import Instant
from agent.core.state import Fault
from agent.store.base import (
    KEPT_BYTES_MAX,
    METRICS_MAX,
    OUTBOX_BYTES_MAX,
    UNSENT,
    ActRow,
    Batch,
    LoadRow,
    Memory,
)

ACTS_IN_MEMORY = 200
"""Acts that are kept, those under way always and of the others the newest."""


class MemoryStore:
    """Implements `Store`; forgets everything with the process. Used from one thread."""

    durable = True
    """For its rooms: they live no longer than it does."""

    def __init__(self, epoch: str, kept_bytes_max: int = KEPT_BYTES_MAX) -> None:
        """`kept_bytes_max`: bound of what is kept after its acknowledgement; many rooms in one process take less."""
        self.epoch = epoch
        self.earlier: dict[str, int] = {}
        self._kept_bytes_max = kept_bytes_max
        self._kept: dict[int, bytes] = {}
        self._kept_bytes = 0
        self.surely: int | None = None
        self.dropped = 0
        self._seq = 0
        self._events: dict[int, bytes] = {}
        self._bytes = 0
        self._acts: dict[int, ActRow] = {}
        self._ended: dict[int, str] = {}
        self._faults: dict[str, Fault] = {}
        self._loads: dict[str, LoadRow] = {}
        self._meta: dict[str, str] = {}
        self._metrics: deque[bytes] = deque()

    def remember(self, boot: str) -> Memory:
        def past(row: ActRow) -> PastAct:
            began = Instant(row.mono_s, row.wall_s, row.synced)
            return PastAct(row.act_id, row.remedy, row.load, began, row.boot == boot, row.fault, row.command)

        rows = self._acts.values()
        return Memory(
            tuple(past(row) for row in rows if row.act_id not in self._ended),
            tuple(past(row) for row in rows if self._ended.get(row.act_id, UNSENT) != UNSENT),
            tuple(self._faults.values()),
            dict(sorted(self._loads.items())),
            dict(self._meta),
        )

    def reserve_seq(self) -> int:
        self._seq += 1
        return self._seq

    def commit(self, batch: Batch) -> None:
        for seq, payload in batch.events:
            self._events[seq] = payload
            self._bytes += len(payload)
        while self._bytes > OUTBOX_BYTES_MAX:
            self._drop_oldest()
        self._acts.update({row.act_id: row for row in batch.begun})
        for act_id, began in batch.begun_late:
            row = self._acts[act_id]
            self._acts[act_id] = replace(row, mono_s=began.mono_s, wall_s=began.wall_s, synced=began.synced)
        self._ended.update(batch.ended)
        for rule, fault in batch.faults.items():
            if fault is None:
                self._faults.pop(rule, None)
            else:
                self._faults[rule] = fault
        self._loads.update(batch.loads)
        self._meta.update(batch.meta)
        for act_id in list(self._ended)[: max(0, len(self._acts) - ACTS_IN_MEMORY)]:
            self._acts.pop(act_id, None)
            self._ended.pop(act_id, None)

    def _drop_oldest(self) -> None:
        self._bytes -= len(self._events.pop(next(iter(self._events))))
        self.dropped += 1

    def discard(self, seq: int) -> None:
        for events in (self._events, self._kept):
            payload = events.pop(seq, None)
            if payload is not None:
                self.dropped += 1
                if events is self._events:
                    self._bytes -= len(payload)
                else:
                    self._kept_bytes -= len(payload)

    def outbox(self, after: int, limit: int) -> list[tuple[int, bytes]]:
        found: list[tuple[int, bytes]] = []
        for seq, payload in self._events.items():
            if seq > after:
                found.append((seq, payload))
                if len(found) == limit:
                    break
        return found

    def floor(self) -> int:
        return next(iter(self._events), self._seq + 1)

    def pending(self) -> int:
        return len(self._events)

    def ack(self, seq: int) -> bool:
        for known in [s for s in self._events if s <= seq]:
            payload = self._kept[known] = self._events.pop(known)
            self._bytes -= len(payload)
            self._kept_bytes += len(payload)
        while self._kept_bytes > self._kept_bytes_max and self._may_go(next(iter(self._kept))):
            self._kept_bytes -= len(self._kept.pop(next(iter(self._kept))))
        return True

    def newest(self) -> int:
        return next(reversed(self._events or self._kept), 0)

    def _may_go(self, seq: int) -> bool:
        return self.surely is None or seq <= self.surely or self._kept_bytes > OUTBOX_BYTES_MAX

    def rewind(self, meta: dict[str, str], to: int = 0) -> bool:
        self._meta.update(meta)
        if to:
            again = {seq: payload for seq, payload in self._kept.items() if seq > to}
            size = sum(map(len, again.values()))
            self._kept = {seq: payload for seq, payload in self._kept.items() if seq <= to}
            self._events = again | self._events
            self._bytes, self._kept_bytes = self._bytes + size, self._kept_bytes - size
            return True
        self._events, self._kept = self._kept | self._events, {}
        self._bytes, self._kept_bytes = self._bytes + self._kept_bytes, 0
        return True

    def keep_metrics(self, batches: list[bytes]) -> None:
        self._metrics.extend(batches)
        while len(self._metrics) > METRICS_MAX:
            self._metrics.popleft()
            self.dropped += 1

    def take_metric(self) -> bytes | None:
        return self._metrics.pop() if self._metrics else None

    def close(self) -> None:
        """Nothing to let go of."""
