"""A session on a line without log-in: the answer to a first question proves that the device is there."""

from __future__ import annotations

import abc
from typing import TypeVar

from agent.core.facts import NoReading
from agent.devices.base import Event, Login, ProtocolError, Ready, Silent
from agent.devices.inquiry import Query, QuerySession

A = TypeVar("A")


class ProvenSession(QuerySession[A]):
    """Asks the first of its queries until something answers it, then is ready. The family feeds `_heard`."""

    patience_s = 1.5
    first_tries = 2
    """The first question may be lost to half a frame that somebody sent before."""

    def __init__(self, login: Login) -> None:
        super().__init__(login)
        self._over = False
        self._tries = 0

    @abc.abstractmethod
    def _forget(self) -> None:
        """Drop what is unfinished: its rest will not come any more."""

    def _first(self) -> Query:
        """What is asked until something answers. An answer to it must never come unasked: it proves the line."""
        return self._queries()[0]

    def open(self) -> None:
        """Ask first."""
        self._tries += 1
        self._send(self._render(self._first()))

    def silence(self) -> list[Event]:
        """Nothing arrived."""
        self._forget()
        if self._over:
            return []
        if not self.ready and self._tries < self.first_tries:
            self.open()
            return []
        events = self._query_silence() if self.ready else [*self._abandon("timeout"), Silent()]
        self._over = not self.ready
        return events

    def _heard(self, key: str, answer: A | NoReading, text: str = "") -> list[Event]:
        """An answer to the question `key`."""
        if self._over:
            return []
        if not self.ready and key == self._first().key:
            self.ready = True
            return [Ready()]
        if self._asked is None or key != self._asked.key:
            self._late_answer(key, answer)
            return [ProtocolError(f"an answer to {key}, which was not asked")]
        return self._answered(answer, text)
