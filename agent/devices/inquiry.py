"""A conversation that asks one thing at a time, whatever carries it: what most device families are made of. Pure."""

from __future__ import annotations

import abc
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from types import MappingProxyType
from typing import Generic, TypeVar

from agent.core.facts import BUSY, SLOW, NoReading, Reading
from agent.devices.base import (
    IN_CALL,
    CommandDone,
    CommandFailed,
    Event,
    Facts,
    Login,
    MisuseError,
    Progress,
    Session,
    Silent,
    Told,
    checked,
    is_heard,
)


@dataclass(frozen=True, slots=True)
class Query:
    """One command to the device. A `remedy` makes it an order, else `key` says what it asks for.

    An order with `also` follows the one before it when that was taken, and its own outcome does not count. Silence upon
    an `optional` question says nothing of the device: it and the others of its kind are given up in this poll.
    """

    key: str
    text: str
    remedy: str = ""
    also: bool = False
    optional: bool = False


def in_turn(remedy: str, texts: Sequence[str]) -> list[Query]:
    """Orders of one remedy that follow each other; the first one's outcome counts."""
    return [Query(remedy, text, remedy, also=number > 0) for number, text in enumerate(texts)]


A = TypeVar("A")


class Inquiry(Told, Progress, Generic[A]):
    """Asks one thing at a time, whatever carries it; `A` is what the family keeps of an answer.

    The family implements the dialogue before it sets `ready`, feeds `_answered`, and computes its facts from the
    answers. A query that stays without answer is `NoReading("timeout")`, and after `silences_max` of them in a row the
    conversation is over.
    """

    silences_max = 2
    decided_by: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    """By fact, keys of the questions that decide it; those of `codec.in_call` are in `_call_queries`. One that is not
    here may depend on the whole poll: it counts as asked when the poll began, and is left out when the poll gives way.
    """

    def __init__(self, login: Login) -> None:
        self.login = login
        self.ready = False
        self._asked: Query | None = None
        self._queue: deque[Query] = deque()
        self._answers: dict[str, A | NoReading] = {}
        self._polling = False
        self._whole = True
        """The poll that is, or was last, under way asks everything."""
        self._call_only = False
        self._forsaken: Query | None = None
        """Its poll has ended early: its answer is awaited, since only then the next can be asked, and dropped."""
        self._begun_with: frozenset[str] = frozenset()
        """What the poll under way begins with."""
        self._overtaken = False
        """That poll has run out, so that the answer may still count in the next."""
        self._silences = 0

    @abc.abstractmethod
    def _unsay(self) -> None:
        """Forget what is unsent."""

    @abc.abstractmethod
    def _ask(self, query: Query) -> None:
        """Put a query on its way."""

    @abc.abstractmethod
    def _queries(self) -> Sequence[Query]:
        """What one poll asks, in order."""

    @abc.abstractmethod
    def _orders(self, remedy: str) -> Sequence[Query]:
        """What to send for a remedy. Several are alternatives: the next is tried when one is not known or refused."""

    def _call_queries(self) -> Sequence[Query]:
        """Those of `_queries` that decide `codec.in_call`, each by its key; the text may ask for less.

        Without them the whole poll is asked. It is called at any time, and changes nothing.
        """
        return ()

    @abc.abstractmethod
    def _facts(self, answers: Mapping[str, A | NoReading]) -> Mapping[str, Reading]:
        """The facts of these answers, maybe of a few only, and no memory is touched.

        A query without entry was never asked.
        """

    def _compared(
        self,
        facts: Mapping[str, Reading],  # noqa: ARG002 - for families
        answers: Mapping[str, A | NoReading],  # noqa: ARG002
    ) -> Mapping[str, Reading]:
        """The facts that also need what earlier polls said. Called once, at the end of each whole poll."""
        return {}

    def _left_out(self, keys: Sequence[str]) -> None:
        """These questions of a poll were not answered, since it has ended before: what counts on them asks again."""

    def _begin(self) -> None:
        """A poll begins, a whole one or of the call alone: what came unasked before it counts for nothing."""

    def poll(self) -> None:
        """Ask for all facts."""
        self._start(self._queries)

    def poll_call(self) -> None:
        """As in `Progress`."""
        apart = bool(self._call_queries())
        self._start(self._call_queries if apart else self._queries, whole=not apart, call_only=True)

    def _start(self, queries: Callable[[], Sequence[Query]], *, whole: bool = True, call_only: bool = False) -> None:
        if not self.ready or self._polling:
            raise MisuseError("poll before ready, or twice")
        self._begin()
        self._polling, self._whole, self._call_only = True, whole, call_only
        self._answers = {}
        asked = queries()
        self._begun_with = self._lead(asked)
        self._queue.extend(self._in_turn(self._without_overtaken(asked)) if whole else asked)
        self._ask_next()

    def _without_overtaken(self, queries: Sequence[Query]) -> Sequence[Query]:
        """The question that the end of the last look has overtaken is still being answered: it is this poll's now.

        Not one about calls, whose answer has to be of after the poll's beginning.
        """
        overtaken, self._overtaken = self._overtaken, False
        asked = self._forsaken
        if not overtaken or asked is None or asked.key in {query.key for query in self._call_queries()}:
            return queries
        others = [query for query in queries if query.key != asked.key]
        if len(others) < len(queries):
            self._forsaken = None
        return others

    def _in_turn(self, queries: Sequence[Query]) -> Sequence[Query]:
        """What the look before had no time for goes first, behind what every look begins with.

        Unless that was not answered either: then everything has its turn.
        """
        late = {key: place for place, key in enumerate(self.asked_first)}
        lead = self._lead(queries)
        if not lead.isdisjoint(late):
            lead = frozenset()
        return sorted(queries, key=lambda query: -1 if query.key in lead else late.get(query.key, len(late)))

    def _lead(self, queries: Sequence[Query]) -> frozenset[str]:
        """What every look begins with: what the family asks of calls at its beginning, or its first question."""
        about_calls = {query.key for query in self._call_queries()}
        lead = frozenset(query.key for query in takewhile(lambda query: query.key in about_calls, queries))
        return lead or frozenset(query.key for query in queries[:1])

    @property
    def question(self) -> str:
        """As in `Progress`."""
        asked = self._asked
        return "" if asked is None or asked.remedy or asked is self._forsaken else asked.key

    @property
    def orders(self) -> bool:
        """As in `Progress`."""
        return self._asked is not None and bool(self._asked.remedy) and not self._asked.also

    def questions_of(self, fact: str) -> Sequence[str] | None:
        """As in `Progress`."""
        if fact == IN_CALL and (queries := self._call_queries()):
            return [query.key for query in queries]
        return self.decided_by.get(fact)

    def give_way(self) -> Mapping[str, Reading]:
        """As in `Progress`."""
        if not self._polling:
            return {}
        self._leave()
        facts = checked(self._facts(self._answers)) if self._answers else {}
        return {fact: reading for fact, reading in facts.items() if self._is_decided(fact)}

    def run_out(self, missing: NoReading) -> Mapping[str, Reading]:
        """As in `Progress`."""
        if not self._polling:
            return {}
        self.unanswered = tuple(self._leave())
        if self._begun_with.issuperset(self._answers):
            # What every look begins with has taken all of its time: it has to wait for its turn, too.
            self.unanswered += tuple(key for key in self._begun_with if key in self._answers)
        lives = is_heard(self._answers) is True
        for key in self.unanswered:
            self._answers.setdefault(key, missing)
        self._overtaken = self._forsaken is not None
        facts = self._gathered()
        return facts if lives else {IN_CALL: True} if facts.get(IN_CALL) is True else {}

    def _leave(self) -> list[str]:
        """End the poll: keys of the questions that have no answer. What still comes is an answer to nobody."""
        self._polling = False
        left = [query.key for query in self._outstanding() if not query.remedy and query is not self._forsaken]
        self._queue = deque(query for query in self._queue if query.remedy)
        if self._asked is not None and not self._asked.remedy:
            if self.unsent:
                self._unsay()
                self._asked = None
            else:
                self._forsaken = self._asked
        self._left_out(left)
        return left

    def _is_decided(self, fact: str) -> bool:
        keys = self.questions_of(fact)
        return bool(keys) and all(key in self._answers for key in keys or ())

    def withdraw(self) -> None:
        """As in `Progress`."""
        if self._asked is not None and self._asked.remedy:
            remedy, self._asked = self._asked.remedy, None
            self._queue = deque(query for query in self._queue if query.remedy != remedy)
            self._unsay()

    def command(self, remedy: str) -> None:
        """Give an order. One at a time."""
        orders = self._orders(remedy)
        if not self.ready or not orders or any(query.remedy for query in self._outstanding()):
            raise MisuseError(f"order {remedy} before ready, unknown, or twice")
        self._queue.extend(orders)
        self._ask_next()

    def _outstanding(self) -> list[Query]:
        return [*([self._asked] if self._asked else []), *self._queue]

    def _ask_next(self) -> None:
        if self.ready and self._asked is None and self._queue:
            self._asked = self._queue.popleft()
            self._ask(self._asked)

    def _answered(self, answer: A | NoReading, text: str = "") -> list[Event]:
        """The outstanding query got its answer, or got none. One that has not left yet got neither."""
        if self._asked is not None and self.unsent:
            return []
        query, self._asked = self._asked, None
        forsaken, self._forsaken, self._overtaken = self._forsaken, None, False
        if query is None:
            return []
        if not isinstance(answer, NoReading) or answer.reason != "timeout":
            self._silences = 0
        events: list[Event] = []
        if query.remedy:
            events += self._order_answered(query, answer, text)
        elif query is not forsaken:
            self._answers[query.key] = answer
        return events + self._advance()

    def _late_answer(self, key: str, answer: A | NoReading) -> None:
        """An answer that names its question, which was given up in this poll: it was slow, not silent."""
        if self._polling and self._answers.get(key) == NoReading("timeout"):
            self._answers[key] = answer
            self._silences = 0

    def _order_answered(self, query: Query, answer: A | NoReading, text: str) -> list[Event]:
        not_taken = isinstance(answer, NoReading) and answer.reason in ("absent", "refused") and not query.also
        if not_taken and any(other.remedy == query.remedy and not other.also for other in self._queue):
            return []
        if query.also or not isinstance(answer, NoReading):
            self._queue = deque(other for other in self._queue if other.remedy != query.remedy or other.also)
            if any(other.remedy == query.remedy for other in self._queue):
                return []
            return [CommandDone(query.remedy, text)]
        self._queue = deque(other for other in self._queue if other.remedy != query.remedy)
        return [CommandFailed(query.remedy, answer.reason, text)]

    def _advance(self) -> list[Event]:
        """Close the poll when its last query is done, and ask the next thing."""
        events: list[Event] = []
        if self._polling and not any(not query.remedy for query in self._outstanding()):
            self._polling = False
            events.append(Facts(self._gathered()))
        self._ask_next()
        return events

    def _gathered(self) -> dict[str, Reading]:
        facts = self._facts(self._answers)
        if self._whole:
            facts = {**facts, **self._compared(facts, self._answers)}
        # What is slow or busy lives, though nothing of it may be understood yet.
        lives = next((reading for reading in (SLOW, BUSY) if reading in self._answers.values()), None)
        if lives is not None:
            facts = {key: lives if key.endswith(".api") and said is False else said for key, said in facts.items()}
        return checked({IN_CALL: facts.get(IN_CALL, NoReading("absent"))} if self._call_only else facts)

    @property
    def waits_for_optional(self) -> bool:
        """As in `Told`."""
        return self._asked is not None and self._asked.optional

    @property
    def _settings_now(self) -> Mapping[str, str]:
        return self.wanted if self.asks_settings else {}

    def _do_without(self) -> list[Event]:
        """Nobody answers what can be done without: the poll goes on to its end."""
        self.optional_silent = True
        for query in [query for query in self._queue if query.optional]:
            self._queue.remove(query)
            self._answers[query.key] = NoReading("timeout")
        return self._answered(NoReading("timeout"))

    def _query_silence(self) -> list[Event]:
        """No answer came in time."""
        if self.waits_for_optional:
            return self._do_without()
        self._silences += 1
        if self._silences < self.silences_max:
            return self._answered(NoReading("timeout"))
        return [*self._abandon("timeout"), Silent()]

    def _abandon(self, reason: str) -> list[Event]:
        """Nothing outstanding will be answered any more. Leaves the session not ready."""
        self.ready = False
        self.optional_silent = self.optional_silent or self.waits_for_optional
        events: list[Event] = []
        if self._asked is not None and self.unsent:
            self._unsay()
        left, self._asked, self._forsaken = self._outstanding(), None, None
        self._queue.clear()
        for remedy in dict.fromkeys(query.remedy for query in left if query.remedy):
            events.append(CommandFailed(remedy, reason))
        for query in left:
            if not query.remedy:
                self._answers[query.key] = NoReading(reason)
        return events + self._advance()


class QuerySession(Inquiry[A], Session):
    """An inquiry over a byte stream."""

    def __init__(self, login: Login) -> None:
        Session.__init__(self, login)
        Inquiry.__init__(self, login)

    @property
    def busy(self) -> bool:
        """Before the session is ready, silence is what drives the login forward."""
        return not self.ready or self._asked is not None

    @abc.abstractmethod
    def _render(self, query: Query) -> bytes:
        """The bytes of a query."""

    def _ask(self, query: Query) -> None:
        self._send(self._render(query))

    @property
    def unsent(self) -> bool:
        """Whether `output` has something."""
        return bool(self._out)

    def _unsay(self) -> None:
        self._out.clear()
