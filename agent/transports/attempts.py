"""Several short network checks at once, in one thread and within one deadline.

A dead codec must not make the checks of one observation take the sum of their time-outs. An attempt is a socket with a
question; `run` waits for all of them together.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from agent.transports.errors import LinkFault, fault_of

BYTES_MAX = 8192


@dataclass(frozen=True, slots=True)
class Answer:
    """How an attempt ended: `rtt_s` when it was answered, else the fault."""

    rtt_s: float | None = None
    fault: LinkFault | None = None

    @property
    def ok(self) -> bool:
        """Whether it was answered."""
        return self.rtt_s is not None


class Attempt:
    """One question on one non-blocking socket."""

    events = select.POLLIN

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.sock = sock
        self.began_s = 0.0
        self.resend_at_s = float("inf")

    def begin(self, now_s: float) -> None:
        """Ask. May raise OSError."""
        self.began_s = now_s

    def resend(self, now_s: float) -> None:
        """The answer is due: ask again."""

    def ready(self) -> bool | None:
        """The socket has something: True when it answers, None when it is not enough yet. May raise OSError."""
        raise NotImplementedError


class DatagramAttempt(Attempt):
    """A datagram asked, and asked again after each of `waits_s`; answered by the first that `accept` takes."""

    def __init__(
        self, sock: socket.socket, request: bytes, accept: Callable[[bytes], bool], waits_s: Iterator[float]
    ) -> None:
        super().__init__(sock)
        self._request = request
        self._accept = accept
        self._waits_s = waits_s

    def begin(self, now_s: float) -> None:
        """Send for the first time."""
        super().begin(now_s)
        self.resend(now_s)

    def resend(self, now_s: float) -> None:
        """Send, and note when to send again."""
        self.resend_at_s = now_s + next(self._waits_s, float("inf"))
        self.sock.send(self._request)

    def ready(self) -> bool | None:
        """Read one datagram."""
        return True if self._accept(self.sock.recv(BYTES_MAX)) else None


class ConnectAttempt(Attempt):
    """A TCP connection; with a request, answered only when `accept` takes what came back so far."""

    events = select.POLLOUT

    def __init__(
        self,
        sock: socket.socket,
        address: tuple[str, int],
        request: Callable[[tuple[str, int]], bytes] | None = None,
        accept: Callable[[bytes], bool] = lambda _: True,
    ) -> None:
        super().__init__(sock)
        self._address = address
        self._request = request
        self._accept = accept
        self._got = b""
        self._connected = False

    def begin(self, now_s: float) -> None:
        """Start connecting."""
        super().begin(now_s)
        error = self.sock.connect_ex(self._address)
        if error not in (0, errno.EINPROGRESS):
            raise OSError(error, os.strerror(error))

    def ready(self) -> bool | None:
        """Connected, refused, or more of the answer."""
        if not self._connected:
            if error := self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                raise OSError(error, os.strerror(error))
            self._connected = True
            if self._request is None:
                return True
            name = self.sock.getsockname()
            self.sock.send(self._request((name[0], name[1])))
            self.events = select.POLLIN
            return None
        data = self.sock.recv(BYTES_MAX)
        self._got += data
        if self._accept(self._got):
            return True
        if not data or len(self._got) > BYTES_MAX:
            raise ConnectionResetError(errno.ECONNRESET, "closed without an answer")
        return None


def run(attempts: Mapping[str, Attempt], timeout_s: float) -> dict[str, Answer]:
    """Run all at once; every attempt has an answer after `timeout_s` at the latest, and its socket is closed."""
    answers: dict[str, Answer] = {}
    began_s = time.monotonic()
    for name, attempt in attempts.items():
        _guarded(name, answers, lambda attempt=attempt: attempt.begin(began_s))  # type: ignore[misc]
    while waiting := {attempt.sock.fileno(): name for name, attempt in attempts.items() if name not in answers}:
        now_s = time.monotonic()
        if now_s >= began_s + timeout_s:
            break
        _resend_due((name for name in waiting.values()), attempts, answers, now_s)
        wake_s = min([began_s + timeout_s, *(attempts[name].resend_at_s for name in waiting.values())])
        poller = select.poll()
        for fileno, name in waiting.items():
            poller.register(fileno, attempts[name].events)
        for fileno, _ in poller.poll(max(1.0, (wake_s - now_s) * 1000)):
            _take(waiting[fileno], attempts, answers)
    for name, attempt in attempts.items():
        answers.setdefault(name, Answer(fault=LinkFault("timeout", "no answer")))
        attempt.sock.close()
    return answers


def _resend_due(
    names: Iterable[str], attempts: Mapping[str, Attempt], answers: dict[str, Answer], now_s: float
) -> None:
    for name in names:
        if attempts[name].resend_at_s <= now_s:
            _guarded(name, answers, lambda name=name: attempts[name].resend(now_s))  # type: ignore[misc]


def _take(name: str, attempts: Mapping[str, Attempt], answers: dict[str, Answer]) -> None:
    attempt = attempts[name]
    if name not in answers and _guarded(name, answers, attempt.ready):
        answers[name] = Answer(rtt_s=time.monotonic() - attempt.began_s)


def _guarded(name: str, answers: dict[str, Answer], act: Callable[[], bool | None]) -> bool:
    with contextlib.suppress(BlockingIOError):
        try:
            return act() is True
        except BlockingIOError:
            raise
        except OSError as error:
            answers[name] = Answer(fault=fault_of(error))
    return False
