"""When the questions of one poll were sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agent.core.facts import Reading
from agent.devices.base import Progress
from agent.ports import Asked
from agent.transports.clock import now_s


class Moments:
    """Made when a poll begins. A moment is never later than the question it stands for, and may be a little earlier."""

    def __init__(self) -> None:
        self._began_s = now_s()
        self._sent_s: dict[str, float] = {}

    def sent(self, question: str) -> float:
        """A question is about to leave; one that is repeated counts from the first time, which is given back."""
        return self._sent_s.setdefault(question, now_s()) if question else now_s()

    def under_way(self, question: str, sent_s: float) -> None:
        """A question of the poll before is still being answered: what hangs on it is as old as that."""
        self._sent_s[question] = sent_s
        self._began_s = min(self._began_s, sent_s)

    def stamped(self, session: Progress, readings: Mapping[str, Reading]) -> Asked:
        """The readings with the moment of the earliest question that decides each."""
        return Asked(readings, {fact: self._of(session.questions_of(fact)) for fact in readings})

    def _of(self, questions: Sequence[str] | None) -> float:
        """What may depend on the whole poll, or was followed by events since an earlier one, is as old as the poll."""
        if not questions or any(question not in self._sent_s for question in questions):
            return self._began_s
        return min(self._sent_s[question] for question in questions)
