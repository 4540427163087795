"""What a room tells and answers of messages that it does not obey: each kind at once, and then by number. Pure.

Who can send one such message can send it again as fast as the line carries it: an order that was captured, a retained
one, what every other room is told. Each of them told of would fill the outbox, wear the card, and push out the events
of the room's own faults.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace

from agent.core.events import Record
from agent.core.facts import Instant

TOLD_EVERY_S = 3600.0
"""Of one kind of message there is at most one record in so long; it has their number."""
ANSWERS_MAX = 20
ANSWER_EVERY_S = 30.0
"""Refused orders are answered so many at once, and one more in so long: people give a few orders a minute [J]."""
ANSWERS_EACH_MAX = 3
"""Answers to one and the same order: it may be sent again, with a fresh number of ours, but not without an end."""
ORDERS_KEPT = 256


class Noise:
    """Counts what was refused. Called from one thread."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], tuple[int, Record]] = {}
        """By kind and reason: messages that no record has counted yet, and the record of the newest of them."""
        self._told_s: dict[tuple[str, str], float] = {}
        self._answers = float(ANSWERS_MAX)
        self._answered_s = 0.0
        self._answered: OrderedDict[str, int] = OrderedDict()

    def heard(self, record: Record, now: Instant) -> list[Record]:
        """Count a refused message. The record of it, with the number of those that it stands for, when it is due."""
        key = (record.kind, str(record.reason))
        count, _ = self._seen.get(key, (0, record))
        self._seen[key] = (count + 1, record)
        return self._told(key, now)

    def overdue(self, now: Instant) -> list[Record]:
        """What was counted and not told, once its hour is over."""
        return [record for key in list(self._seen) for record in self._told(key, now)]

    def _told(self, key: tuple[str, str], now: Instant) -> list[Record]:
        if now.mono_s - self._told_s.get(key, float("-inf")) < TOLD_EVERY_S:
            return []
        self._told_s[key] = now.mono_s
        count, record = self._seen.pop(key)
        return [replace(record, detail={**record.detail, "messages": count})]

    def answered(self, order: str, now: Instant) -> bool:
        """Whether this refused order gets an answer; one that does is counted."""
        gained = max(0.0, now.mono_s - self._answered_s) / ANSWER_EVERY_S
        self._answers, self._answered_s = min(ANSWERS_MAX, self._answers + gained), now.mono_s
        before = self._answered.get(order, 0)
        if before >= ANSWERS_EACH_MAX or self._answers < 1:
            return False
        self._answers -= 1
        self._answered[order] = before + 1
        self._answered.move_to_end(order)
        while len(self._answered) > ORDERS_KEPT:
            self._answered.popitem(last=False)
        return True
