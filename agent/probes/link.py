"""The one conversation with a device: kept open between polls, shared by probe, witness and effector.

Only one of them speaks at a time. Whoever is in a hurry goes first (`agent.probes.turns`): an order, and the question
of a witness whether a call is up. The poll under way then ends with what it knows, and the conversation goes on. An
order asks whether it is still wanted in the moment before its first byte leaves.

Slow is not dead. When a look's time is up, what was answered counts, what was not is `slow` and asked first at the next
look, and a device that was still speaking lives: its conversation goes on. One that has gone silent by then is dead,
though what it has answered before counts.

What carries the conversation is a stream of bytes (`agent.probes.streamlink`) or HTTP (`agent.probes.weblink`).
"""

from __future__ import annotations

import abc
import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Generic, TypeVar

from agent.core.facts import BUSY as IS_BUSY
from agent.core.facts import SLOW, NoReading, Reading
from agent.devices.base import (
    IN_CALL,
    CommandDone,
    CommandFailed,
    DeviceBusy,
    Event,
    Facts,
    LoginFull,
    LoginNeeded,
    LoginRefused,
    Session,
)
from agent.devices.web import HttpSession
from agent.ports import BUSY, LATE, Asked, InTime, LateError, Outcome, always
from agent.probes.families import Family
from agent.probes.lines import Access
from agent.probes.moments import Moments
from agent.probes.settings_pause import SettingsPause
from agent.probes.turns import GaveWay, InterruptedPoll, OutOfTime, Turns, cut_short
from agent.transports.errors import LinkFault
from agent.transports.holdoff import HoldOff

S = TypeVar("S", bound=Session | HttpSession[Any])
RESTART = "codec_restart"
ORDER_ENDS = (CommandDone, CommandFailed)
AGAIN_S = 1.0
"""An order is not given a second time with less than this left."""
BARREN_LOOKS_MAX = 6
"""Looks in a row that hear bytes and not one whole answer before it counts as none [J]: a minute at the usual rhythm.
Whoever babbles, or breaks off in the midst of every answer, hangs all the same."""
BUSY_LOOKS_MAX = 6
"""Looks in a row in which a device says nothing but that it is busy, before it counts as one that hangs [J]."""
SLACK_S = 0.3
"""A device is silent when it has said nothing for its patience, and for as long as a wait in one go may last."""


class Link(abc.ABC, Generic[S]):
    """See the module. Whatever carries the conversation implements what is abstract here; it is its turn then."""

    def __init__(
        self,
        family: Family,
        access: Access,
        volume_pct: float,
        wanted: Mapping[str, str] | None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock_s`: what deadlines are reckoned with."""
        self._now_s = clock_s
        self._family = family
        self._access = access
        self._volume_pct = volume_pct
        self._wanted = dict(wanted or {})
        self._settings = SettingsPause()
        self._turns = Turns()
        self._stop = threading.Event()
        self._session: S | None = None
        self._moments = Moments()
        self._sent_s: dict[str, float] = {}
        """When the last question was sent. No other: a device can make us ask by ever new names."""
        self._ordered = False
        """Something of the present order has left."""
        self._hold = HoldOff()
        self._began_s = self._lasts_s = 0.0
        """When the present turn began, and how long it may last."""
        self._late: tuple[str, ...] = ()
        """Questions that the last look had no time for."""
        self._logged_in = False
        """A log-in has come to its end in this turn."""
        self._barren_looks = 0
        self._busy_looks = 0
        self.opened = False
        """Whether the line itself could be opened in the last `observe`."""

    def is_open(self) -> bool:
        """Whether a conversation is kept."""
        return self._session is not None

    @property
    @abc.abstractmethod
    def speed_known(self) -> bool:
        """Whether silence may be blamed on the device."""

    @abc.abstractmethod
    def _ready(self, deadline_s: float) -> S:
        """A conversation that has logged in: the kept one, one whose log-in gave way, or a new one."""

    @abc.abstractmethod
    def _carry(self, session: S, ends: tuple[type[Event], ...], deadline_s: float, in_time: InTime = always) -> Event:
        """Carry both ways until one of these events. Raises LinkFault, InterruptedPoll, GaveWay, LateError."""

    @abc.abstractmethod
    def _drop(self) -> None:
        """End the conversation: the next begins afresh."""

    @abc.abstractmethod
    def _heard_s(self) -> float:
        """When the last byte came, on the clock of deadlines; minus infinity when none did."""

    @abc.abstractmethod
    def _overdue(self, *, lives: bool, fruitless: bool) -> None:
        """The time of a look, or of a witness' question, was up before all its answers had come.

        `lives`: the device was still speaking; `fruitless`: it has not answered anything.
        """

    @abc.abstractmethod
    def _has_opened(self) -> bool:
        """Whether the line could be opened in the look that has just ended."""

    @abc.abstractmethod
    def _try_again(self, first: Outcome, *, kept: bool) -> bool:
        """Whether an order is given once more on a fresh conversation; `kept`: the first try took one that was open."""

    def observe(self, timeout_s: float) -> Asked:
        """One poll, or what is known of it when it gave way. Raises LinkFault, InterruptedPoll.

        Blocks about `timeout_s`, and before that for the turn of an order.
        """
        with self._turns.sweep():
            self._turn_begins(timeout_s)
            self._logged_in = False
            self._look_begins()
            try:
                found = self._swept(self._began_s + timeout_s)
                if not found.cut_short and self._is_busy_for_long(found.get(self._api) == IS_BUSY):
                    found[self._api] = False
                return found
            except LinkFault as fault:
                if self._is_busy_for_long(fault.kind == IS_BUSY.reason):
                    raise LinkFault("refused", "it says that it is busy, and nothing else") from fault
                raise
            finally:
                self.opened = self._has_opened()

    def _is_busy_for_long(self, busy: bool) -> bool:
        """Whether this look, too, heard of nothing else, and there were too many of them."""
        self._busy_looks = self._busy_looks + 1 if busy else 0
        return self._busy_looks >= BUSY_LOOKS_MAX

    def _swept(self, deadline_s: float) -> Asked:
        try:
            with self._unbroken(GaveWay, OutOfTime):
                session = self._ready(deadline_s)
                with self._settings.asked_of(session, self._now_s):
                    session.asked_first = self._late
                    session.poll()
                    found = self._answered(session, deadline_s)
        except GaveWay:
            self._turns.leave_early()
            left = self._session
            return cut_short(self._moments.stamped(left, left.give_way()) if left is not None else None)
        except OutOfTime:
            return self._ran_out(whole=True)
        self._late, self._barren_looks = (), 0
        self._look_ends()
        return found

    def attest(self, timeout_s: float) -> Asked:
        """`codec.in_call` alone. Raises LinkFault, and InterruptedPoll when it could not be asked for.

        Blocks at most `timeout_s`, and 2 s more where a name has to be looked up.
        """
        deadline_s = self._now_s() + timeout_s
        with self._turns.urgent(timeout_s / 2) as mine:
            if not mine:
                raise InterruptedPoll
            self._turn_begins(timeout_s)
            try:
                with self._unbroken(OutOfTime):
                    session = self._ready(deadline_s)
                    session.poll_call()
                    found = self._answered(session, deadline_s)
            except OutOfTime as late:
                found = self._ran_out(whole=False)
                if found[IN_CALL] is not True:  # one witness of a call is enough, and none of them denies it alone
                    raise OutOfTime(lives=True) from late
            else:
                self._look_ends()
            return found

    def _ran_out(self, *, whole: bool) -> Asked:
        """What is known when the time is up. Raises OutOfTime where nothing is."""
        session, lives = self._session, self._lives()
        missing = SLOW if lives else NoReading("timeout")
        known = session.run_out(missing) if session is not None else {}
        if known and whole:  # where only a call was told of, nothing else was answered
            known = dict.fromkeys(self._family.keys, missing) | dict(known) | ({} if lives else {self._api: False})
        found = self._moments.stamped(session, known) if session is not None else Asked()
        if whole and session is not None and session.unanswered:
            self._late = session.unanswered
        self._overdue(lives=lives, fruitless=not known)
        if whole:
            self._barren_looks = 0 if known or self._logged_in else self._barren_looks + 1
        if not known:
            raise OutOfTime(lives=lives and self._barren_looks < BARREN_LOOKS_MAX)
        return found

    @property
    def _api(self) -> str:
        """The fact that says whether it answers."""
        return f"{self._family.kind}.api"

    def _turn_begins(self, lasts_s: float) -> None:
        self._began_s, self._lasts_s = self._now_s(), lasts_s

    def _lives(self) -> bool:
        """Whether the device has spoken in this turn, and so lately that it is not silent yet.

        Where a turn is shorter than twice our patience, half of it is silence enough.
        """
        heard_s = self._heard_s()
        patience_s = self._session.patience_s if self._session is not None else 0.0
        return heard_s >= self._began_s and self._now_s() - heard_s <= min(patience_s, self._lasts_s / 2) + SLACK_S

    def _answered(self, session: S, deadline_s: float) -> Asked:
        """The poll that has just been asked for."""
        self._moments = Moments()
        if session.question and not session.unsent:
            self._moments.under_way(session.question, self._sent_s[session.question])
        facts = self._carry(session, (Facts,), deadline_s)
        assert isinstance(facts, Facts)
        return self._moments.stamped(session, facts.readings)

    def order(self, remedy: str, timeout_s: float, in_time: InTime = always) -> Outcome:
        """Give an order and wait for the device's word. Blocks about `timeout_s` at most. Never raises."""
        deadline_s = self._now_s() + timeout_s
        with self._turns.urgent(timeout_s / 2) as mine:
            if not mine:
                return Outcome(False, BUSY, {"answer": "another exchange held the line", "sent": False})
            self._turn_begins(timeout_s)
            kept = self.is_open()
            old = self._order(remedy, self._first_try_until_s(deadline_s), deadline_s, in_time)
            if not self._try_again(old, kept=kept) or self._now_s() > deadline_s - AGAIN_S:
                return old
            fresh = self._order(remedy, deadline_s, deadline_s, in_time)
            if old.proof.get("sent") and fresh.proof.get("sent") is False:
                if fresh.reason == LATE:
                    return old
                fresh = replace(fresh, proof={**fresh.proof, "sent": True})  # the first try may have been obeyed
            return old if old.ok and not fresh.ok else fresh

    def _order(self, remedy: str, stuck_s: float, deadline_s: float, in_time: InTime) -> Outcome:
        """One try: until `stuck_s`, or until the deadline while the device is still speaking."""
        self._ordered = False
        try:
            with self._unbroken(LateError):
                session = self._ready(stuck_s)
                session.command(remedy)
                try:
                    event = self._carry(session, ORDER_ENDS, stuck_s, in_time)
                except OutOfTime:
                    if not self._lives():
                        raise
                    event = self._carry(session, ORDER_ENDS, deadline_s, in_time)
        except LateError as error:
            self._came_late()
            return not_obeyed(error, sent=False)
        except (LinkFault, InterruptedPoll) as error:
            if self._ordered and remedy in self._family.hangs_up | {RESTART} and self._hung_up(error):
                # It restarted, or its network does as it wakes, before it could finish its answer.
                return Outcome(True, "", {"answer": "connection closed", "closed": True, "sent": True})
            return not_obeyed(error, sent=self._ordered)
        if isinstance(event, CommandFailed):
            self._refused(event)
            return Outcome(False, event.reason, {"answer": event.answer[:200], "sent": self._ordered})
        if remedy == RESTART:
            self._restarted()
        self._look_ends()
        return Outcome(True, "", {"answer": event.answer[:200] if isinstance(event, CommandDone) else ""})

    def close(self) -> None:
        """End for good; from any thread."""
        self._stop.set()

    # -- what a carrier may have to do besides

    def _look_begins(self) -> None:
        """A sweep begins."""

    def _look_ends(self) -> None:
        """What was asked for has been answered."""

    def _first_try_until_s(self, deadline_s: float) -> float:
        """How long the first try of an order may take."""
        return deadline_s

    def _came_late(self) -> None:
        """An order was withdrawn in its last moment."""

    def _restarted(self) -> None:
        """The device has taken the order to restart: it forgets us."""
        self._drop()

    def _broke(self, fault: BaseException) -> None:  # noqa: ARG002 - for carriers
        """What broke a conversation off leaves it in the midst of an answer: the next begins afresh."""
        self._drop()

    def _refused(self, failed: CommandFailed) -> None:
        """The device did not take the order."""

    def _hung_up(self, error: LinkFault | InterruptedPoll) -> bool:
        """Whether the device has closed the connection that it had taken."""
        return isinstance(error, LinkFault) and error.kind == "refused"

    # -- the conversation; it is our turn

    @contextlib.contextmanager
    def _unbroken(self, *but: type[Exception]) -> Iterator[None]:
        """Raise on what breaks a conversation off; `but` this leaves it whole."""
        try:
            yield
        except but:
            raise
        except BaseException as fault:
            self._broke(fault)
            raise

    def _new_session(self, kind: type[S], nonce: str = "") -> S:
        """A fresh session that knows what this room wants. Raises LinkFault where the family speaks otherwise."""
        session = self._family.session(self._access.login, nonce)
        if not isinstance(session, kind):
            raise LinkFault("refused", f"{self._family.name} has no control interface on such a line")
        session.volume_pct = self._volume_pct
        session.wanted = self._wanted
        return session

    def _leaving(self, session: S, in_time: InTime) -> None:
        """What the session has to say is about to leave: the last moment of an order. Raises LateError."""
        if session.orders:
            if not in_time():
                session.withdraw()
                raise LateError
            self._ordered = True
        self._sent_s = {session.question: self._moments.sent(session.question)}

    def _found(self, events: list[Event], ends: tuple[type[Event], ...]) -> Event | None:
        """The event that is waited for. Raises LinkFault where nobody is let in."""
        if any(isinstance(event, LoginNeeded | LoginRefused) for event in events):
            self._hold.refused(self._now_s())
            raise LinkFault("denied", f"the {self._family.kind} does not take the name and password that we have")
        if any(isinstance(event, LoginFull) for event in events):
            raise LinkFault("full", f"the {self._family.kind} has no session left")
        if any(isinstance(event, DeviceBusy) for event in events):
            raise LinkFault("busy", f"the {self._family.kind} says that it has no time now")
        return next((event for event in events if isinstance(event, ends)), None)


def not_obeyed(error: LateError | LinkFault | InterruptedPoll, *, sent: bool | None) -> Outcome:
    """The outcome of an order that no device has answered. `sent`: whether it has left; None: nobody can tell."""
    proof = {} if sent is None else {"sent": sent}
    if isinstance(error, LateError):
        return Outcome(False, LATE, proof)
    if isinstance(error, InterruptedPoll):
        return Outcome(False, "link", {"answer": "closing", **proof})
    return Outcome(False, error.kind, {"answer": str(error)[:200], **proof})


def api_reading(link: Link[Any], fault: LinkFault, *, host_is_up: bool) -> Reading:
    """What a fault says of the device: False only when it is surely the device's own.

    That is so when our own line worked, or its host is there. See the table in `docs/devices.md`.
    """
    if fault.kind in ("slow", "busy", "denied", "full", "link", "certificate_changed", "host_key_changed", "old_tls"):
        return NoReading(fault.kind)
    if link.opened:
        return False if link.speed_known else NoReading(fault.kind)
    return False if fault.kind == "refused" or host_is_up else NoReading(fault.kind)
