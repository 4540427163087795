"""SNMP over UDP with bounds: one question at a time, asked again a few times, never longer than the caller says."""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from agent.core.facts import NoReading
from agent.devices import snmp
from agent.devices.snmp import Answer, Value, Version
from agent.transports.datagram import UdpStream
from agent.transports.errors import Kind, LinkFault

ASK_AGAIN_S = 1.0
"""A datagram may be lost. An agent in a device answers within milliseconds, a busy one within a second."""


class SnmpClient:
    """One device's SNMP agent. Calls block at most `timeout_s`; `close` may come from another thread."""

    def __init__(
        self,
        host: str,
        port: int = snmp.PORT,
        community: str = "public",
        version: Version = "2c",
        resolve: Callable[[str], str] = lambda host: host,
    ) -> None:
        """`resolve` makes a numeric address of a name and may raise LinkFault. Opens nothing yet."""
        self._host, self._port = host, port
        self._community, self._version = community, version
        self._resolve = resolve
        self._numbers = itertools.count(int.from_bytes(os.urandom(3), "big"))
        self._lock = threading.Lock()
        self._stream: UdpStream | None = None
        self._closed = False

    def get(self, oids: Sequence[str], timeout_s: float) -> Mapping[str, Value]:
        """The values, by object identifier, each of `oids` among them; what the device does not have is `absent`.

        Raises LinkFault: `timeout` (nobody, a wrong community, a filter: SNMP keeps them apart for nobody), `refused`
        (nothing listens, or the device does not take the request), `busy`, `denied`, `link`.
        """
        answer = self._ask(lambda number: snmp.get(oids, number, self._community, self._version), timeout_s)
        if answer.error == "absent" and len(oids) > 1:
            # Version 1 refuses the whole request for one unknown name.
            return {oid: value for one in oids for oid, value in self.get([one], timeout_s / len(oids)).items()}
        if answer.error == "absent":
            return dict.fromkeys(oids, NoReading("absent"))
        self._check(answer)
        return {oid: answer.values.get(oid, NoReading("garbled")) for oid in oids}

    def walk(self, oid: str, timeout_s: float, rows_max: int = 256) -> Mapping[str, Value]:
        """Everything below `oid`, by object identifier, at most `rows_max` rows. Raises LinkFault as `get`."""
        deadline_s = time.monotonic() + timeout_s
        found: dict[str, Value] = {}
        at = oid
        while len(found) < rows_max:
            left_s = deadline_s - time.monotonic()
            answer = self._ask(partial(self._next, at), left_s)
            if answer.error == "absent":
                return found
            self._check(answer)
            following = next(iter(answer.values), "")
            value = answer.values.get(following)
            # A broken agent may lead us in circles: only what is new counts.
            if not following.startswith(oid + ".") or following in found or value is None:
                return found
            if isinstance(value, NoReading):
                return found
            found[following] = value
            at = following
        return found

    def _next(self, oid: str, number: int) -> bytes:
        return snmp.get_next([oid], number, self._community, self._version)

    def set(self, oid: str, value: int, timeout_s: float) -> None:
        """Order a whole number. Raises LinkFault as `get`, `denied` when it may not be written.

        Sent once only: whoever needs to know asks what became of it.
        """
        answer = self._ask(
            lambda number: snmp.set_integer(oid, value, number, self._community, self._version), timeout_s, again=False
        )
        self._check(answer)
        if answer.values.get(oid) != value:
            raise LinkFault("denied", f"the device did not take the order: {answer.values.get(oid)}")

    def close(self) -> None:
        """End for good."""
        self._closed = True
        stream = self._stream
        if stream is not None:
            stream.close()

    def _check(self, answer: Answer) -> None:
        if answer.error:
            kinds: dict[str, Kind] = {"denied": "denied", "read_only": "denied", "busy": "busy"}
            raise LinkFault(kinds.get(answer.error, "refused"), f"the device answers: {answer.error}")

    def _ask(self, make: Callable[[int], bytes], timeout_s: float, *, again: bool = True) -> Answer:
        deadline_s = time.monotonic() + timeout_s
        if timeout_s <= 0 or not self._lock.acquire(timeout=timeout_s):
            raise LinkFault("timeout", "another question holds the line")
        try:
            return self._asked(make, deadline_s, again=again)
        except LinkFault:
            self._drop()
            raise
        finally:
            self._lock.release()

    def _asked(self, make: Callable[[int], bytes], deadline_s: float, *, again: bool) -> Answer:
        if self._closed:
            raise LinkFault("link", "closed by us")
        if self._stream is None:
            self._stream = UdpStream.open(self._resolve(self._host), self._port)
        number = next(self._numbers) & 0x7FFFFFFF
        request, sent = make(number), False
        while (now_s := time.monotonic()) < deadline_s:
            if not sent or again:
                self._stream.send(request, ASK_AGAIN_S)
                sent = True
            until_s = min(deadline_s, now_s + ASK_AGAIN_S)
            while (left_s := until_s - time.monotonic()) > 0:
                data = self._stream.recv(left_s)
                answer = snmp.read(data, number) if data else None
                if answer is not None:
                    return answer
        raise LinkFault("timeout", "no answer to an SNMP question")

    def _drop(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()
