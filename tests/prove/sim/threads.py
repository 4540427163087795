"""Threads that run one at a time, under the simulation's clock.

The agent's own threads are real ones, and their code is the agent's. What they would wait for (a queue, an event, a
lock, a pause) is replaced by something that hands the baton back to the world, which gives it on at the simulated
moment. So a seed stays one story, and a thread that holds a lock for 40 s holds it for 40 s of the simulation.
"""

from __future__ import annotations

import _thread
import contextlib
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from tests.prove.sim.crash import Crash

AT_LEAST_S = 0.001
"""Shortest pause: time goes on, whatever is asked for."""

Later = Callable[[float, Callable[[], None]], None]
"""Do something so many true seconds from now."""


class Gone(BaseException):
    """The process of this thread has ended: it does nothing more."""


class Actor:
    """One thread of the agent's."""

    def __init__(self, stage: Stage, target: Callable[..., object], args: tuple[Any, ...], name: str) -> None:
        self.name = name
        self.begun = self.done = False
        self._stage = stage
        self._target, self._args = target, args
        self._go, self._back = _thread.allocate_lock(), _thread.allocate_lock()
        self._go.acquire()
        self._back.acquire()
        self._turn = 0
        self._ended: list[Actor] = []

    def start(self) -> None:
        """As `Thread.start`: it runs at this very moment, when those before it wait."""
        self._stage.actors.append(self)
        self._stage.later(0.0, lambda: self._wake(0))

    def is_alive(self) -> bool:
        """As `Thread.is_alive`."""
        return not self.done and self in self._stage.actors

    def join(self, timeout: float | None = None) -> None:
        """As `Thread.join`."""
        if self.is_alive():
            self._ended.append(self._stage.actor)
            self._stage.wait(timeout)

    # -- of the world

    def _wake(self, turn: int) -> None:
        if turn == self._turn and not self.done and not self._stage.dead:
            self.go_on()

    def go_on(self) -> None:
        """Let it run until it waits again or ends."""
        stage, before = self._stage, self._stage.current
        stage.current = self
        self._turn += 1
        if self.begun:
            self._go.release()
        else:
            self.begun = True
            threading.Thread(target=self._main, name=f"sim-{self.name}", daemon=True).start()
        self._back.acquire()
        stage.current = before
        if stage.errors and not stage.ending:
            raise stage.errors[0]
        if stage.crash is not None and not stage.ending:
            raise stage.crash

    def _main(self) -> None:
        try:
            self._target(*self._args)
        except Gone:
            pass
        except Crash as crash:
            self._stage.fall(crash)
        except BaseException as error:
            self._stage.errors.append(error)
        self.done = True
        for other in self._ended:
            self._stage.signal(other)
        self._back.release()

    # -- of the thread itself

    def rest(self) -> int:
        """Name of the wait that begins now."""
        return self._turn

    def hand_back(self) -> None:
        """Wait until the world lets it go on."""
        self._back.release()
        self._go.acquire()
        if self._stage.dead:
            raise Gone


@dataclass(slots=True)
class Stage:
    """All threads of one run of the agent."""

    later: Later
    mono_s: Callable[[], float]
    """The board's monotonic clock."""
    nap_s: Callable[[str, float], float] = lambda _name, timeout_s: timeout_s
    """How long a thread of this name may truly wait that wants to look again after so long: what would only repeat
    itself is left out."""
    actors: list[Actor] = field(default_factory=list)
    current: Actor | None = None
    """Who has the baton; None: the world."""
    dead: bool = False
    ending: bool = False
    crash: Crash | None = None
    errors: list[BaseException] = field(default_factory=list)
    """What ended a thread that should not have ended."""
    listening: list[Actor] = field(default_factory=list)
    """Whom anything wakes that another thread gives to anybody: see `listen`."""

    @property
    def actor(self) -> Actor:
        """The thread that asks."""
        assert self.current is not None, "the world itself waits for nobody"
        return self.current

    def thread(self, target: Callable[..., object], name: str) -> Actor:
        """A thread that is not started yet."""
        return Actor(self, target, (), name)

    def fall(self, crash: Crash) -> None:
        """The process dies here: whatever its threads still try comes to nothing."""
        self.crash, self.dead = self.crash or crash, True

    def wait(self, timeout_s: float | None) -> None:
        """Wait for a signal, or so long by the board's clock."""
        actor = self.actor
        if self.dead:
            raise Gone
        if timeout_s is not None:
            turn = actor.rest()
            self.later(max(AT_LEAST_S, timeout_s), lambda: actor._wake(turn))
        actor.hand_back()

    def signal(self, actor: Actor) -> None:
        """Let a waiting thread go on at this very moment."""
        turn = actor.rest()
        self.later(0.0, lambda: actor._wake(turn))

    def poke(self, name: str) -> None:
        """Wake the thread of this name from whatever it waits for."""
        for actor in self.actors:
            if actor.name == name and not actor.done:
                self.signal(actor)

    def ring(self) -> None:
        """Something was given to somebody."""
        listening, self.listening = self.listening, []
        for actor in listening:
            self.signal(actor)

    def listen(self, timeout_s: float) -> None:
        """Wait until anything is given to anybody, or so long."""
        actor = self.actor
        self.listening.append(actor)
        try:
            self.wait(timeout_s)
        finally:
            if actor in self.listening:
                self.listening.remove(actor)

    def sleep(self, seconds: float) -> None:
        """As `time.sleep`."""
        until_s = self.mono_s() + seconds
        while (left_s := until_s - self.mono_s()) > 0:
            self.wait(left_s)

    def end(self) -> None:
        """The process ends: every thread is let run into its end."""
        self.dead = self.ending = True
        for actor in self.actors:
            if actor.begun and not actor.done:
                actor.go_on()


class Event:
    """As `threading.Event`."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._set = False
        self._waiting: list[Actor] = []

    def is_set(self) -> bool:
        return self._set

    def set(self) -> None:
        self._set = True
        waiting, self._waiting = self._waiting, []
        for actor in waiting:
            self._stage.signal(actor)
        self._stage.ring()

    def clear(self) -> None:
        self._set = False

    def wait(self, timeout: float | None = None) -> bool:
        stage = self._stage
        if not self._set and (timeout is None or timeout > 0):
            actor = stage.actor
            self._waiting.append(actor)
            stage.wait(None if timeout is None else stage.nap_s(actor.name, timeout))
            with contextlib.suppress(ValueError):
                self._waiting.remove(actor)
        return self._set


class Lock:
    """As `threading.Lock`; with `again` as an RLock. The world looks without asking: nobody runs meanwhile."""

    def __init__(self, stage: Stage, *, again: bool = False) -> None:
        self._stage, self._again = stage, again
        self._owner: Actor | None = None
        self._depth = 0
        self._waiting: deque[Actor] = deque()

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        stage, me = self._stage, self._stage.current
        if me is None or stage.dead:
            return True
        assert self._again or self._owner is not me, "a thread waits for itself"
        until_s = stage.mono_s() + timeout if timeout >= 0 else None
        while self._owner not in (None, me):
            left_s = None if until_s is None else until_s - stage.mono_s()
            if not blocking or (left_s is not None and left_s <= 0):
                return False
            self._waiting.append(me)
            stage.wait(left_s)
            with contextlib.suppress(ValueError):
                self._waiting.remove(me)
        self._owner, self._depth = me, self._depth + 1
        return True

    def release(self) -> None:
        if self._stage.current is None or self._stage.dead:
            return
        self._depth -= 1
        if not self._depth:
            self._owner = None
            if self._waiting:
                self._stage.signal(self._waiting.popleft())

    def locked(self) -> bool:
        return self._owner is not None

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class Queue:
    """As `queue.Queue`."""

    def __init__(self, stage: Stage, maxsize: int = 0) -> None:
        self._stage, self._max = stage, maxsize
        self._items: deque[Any] = deque()
        self._waiting: deque[Actor] = deque()

    def qsize(self) -> int:
        return len(self._items)

    def empty(self) -> bool:
        return not self._items

    def full(self) -> bool:
        return 0 < self._max <= len(self._items)

    def put_nowait(self, item: Any) -> None:
        if self.full():
            raise queue.Full
        self._items.append(item)
        if self._waiting:
            self._stage.signal(self._waiting.popleft())
        self._stage.ring()

    put = put_nowait
    """Nobody in the agent waits for room in a queue."""

    def get_nowait(self) -> Any:
        if not self._items:
            raise queue.Empty
        return self._items.popleft()

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        if block and not self._items:
            stage, actor = self._stage, self._stage.actor
            self._waiting.append(actor)
            stage.wait(None if timeout is None else stage.nap_s(actor.name, timeout))
            with contextlib.suppress(ValueError):
                self._waiting.remove(actor)
        return self.get_nowait()


class Shims:
    """What stands in the agent's modules for `threading`, `queue` and `time`. They speak of the present run."""

    def __init__(self) -> None:
        self.stage: Stage | None = None

    @property
    def now(self) -> Stage:
        """The present run's stage."""
        assert self.stage is not None
        return self.stage

    def threading(self) -> SimpleNamespace:
        """For `import threading`."""

        def thread(
            target: Callable[..., object], args: tuple[Any, ...] = (), name: str = "", daemon: bool = True
        ) -> Actor:
            del daemon
            return Actor(self.now, target, args, name)

        return SimpleNamespace(
            Thread=thread, Event=lambda: Event(self.now), Lock=lambda: Lock(self.now),
            RLock=lambda: Lock(self.now, again=True),
        )  # fmt: skip

    def queue(self) -> SimpleNamespace:
        """For `import queue`."""
        return SimpleNamespace(
            Queue=lambda maxsize=0: Queue(self.now, maxsize), SimpleQueue=lambda: Queue(self.now),
            Empty=queue.Empty, Full=queue.Full,
        )  # fmt: skip

    def time(self) -> SimpleNamespace:
        """For `import time`."""
        return SimpleNamespace(monotonic=self.monotonic, sleep=self.sleep)

    def monotonic(self) -> float:
        """As `time.monotonic`."""
        return self.now.mono_s()

    def sleep(self, seconds: float) -> None:
        """As `time.sleep`."""
        self.now.sleep(seconds)


@contextlib.contextmanager
def ended(shims: Shims) -> Iterator[None]:
    """Leave no thread behind."""
    try:
        yield
    finally:
        if shims.stage is not None:
            shims.stage.end()
