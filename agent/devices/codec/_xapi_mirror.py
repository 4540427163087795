"""What was answered before, kept up by events: feedback instead of polling for what moves seldom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeGuard

from agent.core.facts import NoReading
from agent.devices.codec._xapi_replies import Values

WHOLE_EVERY = 30
"""Polls after which everything is asked again: at a poll every 10 s, a lost event goes unnoticed for 5 min at most."""
SUBSCRIBED = "subscribe "
VALUES_MAX = 4000
"""A subtree with more values than this is asked every time instead of being kept."""


class Mirror:
    """The answers of one conversation. Only subtrees whose subscription was confirmed are kept."""

    def __init__(self, critical: Iterable[str]) -> None:
        self._critical = frozenset(critical)
        self._asked_for: set[str] = set()
        self._followed: set[str] = set()
        self._kept: dict[str, Values] = {}
        self._polls = 0

    @property
    def size(self) -> int:
        """Characters kept, for the bound on memory."""
        return sum(len(text) + 40 for values in self._kept.values() for text in values.values.values())

    def begin(self) -> None:
        """A poll begins; every `WHOLE_EVERY`-th asks everything anew."""
        if self._polls % WHOLE_EVERY == 0:
            self._kept.clear()
        self._polls += 1

    def to_ask(self, paths: Sequence[str]) -> list[str]:
        """The paths that have to be asked now."""
        return [path for path in paths if path in self._critical or path not in self._kept]

    def has_to_follow(self, path: str) -> bool:
        """Whether a subscription is still to be asked for: once for each path, whatever became of it."""
        if path in self._critical or path in self._asked_for:
            return False
        self._asked_for.add(path)
        return True

    def forget(self, keys: Iterable[str]) -> None:
        """These were not answered, or not even asked: a subscription among them is asked for again."""
        self._asked_for.difference_update(key.removeprefix(SUBSCRIBED) for key in keys if key.startswith(SUBSCRIBED))

    def answer(self, key: str, answer: Values | NoReading) -> None:
        """Take an answer: to a subscription, or a whole subtree."""
        if key.startswith(SUBSCRIBED):
            if isinstance(answer, Values):
                self._followed.add(key.removeprefix(SUBSCRIBED))
        elif key in self._followed and key not in self._critical and _is_whole(answer):
            self._kept[key] = Values(dict(answer.values))

    def event(self, event: Values) -> None:
        """Take what changed. A node that went away (`ghost`), or anything unreadable: its subtree is asked anew."""
        for key, kept in list(self._kept.items()):
            head = tuple(part.lower() for part in key.split())
            mine = {path: text for path, text in event.values.items() if path[: len(head)] == head}
            gone = any(path[-1] == "(attributes)" for path in mine)
            if event.tainted or gone or len(kept.values) + len(mine) > VALUES_MAX:
                del self._kept[key]
            else:
                kept.values.update(mine)

    def complete(self, answers: Mapping[str, Values | NoReading]) -> dict[str, Values | NoReading]:
        """The answers of a poll, and what did not have to be asked.

        A codec that gives nothing of what it was asked hangs: then nothing that it said before may speak for it.
        """
        lives = any(isinstance(answer, Values) for answer in answers.values())
        return {**self._kept, **answers} if lives else dict(answers)


def _is_whole(answer: Values | NoReading) -> TypeGuard[Values]:
    return isinstance(answer, Values) and not answer.tainted and len(answer.values) <= VALUES_MAX
