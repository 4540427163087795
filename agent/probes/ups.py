"""The UPS, through a NUT server. A fresh connection each time: it is short, usually local, and never half open."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from agent.config.devices import UpsConfig
from agent.core.facts import NoReading, Reading
from agent.devices.base import CommandDone, CommandFailed, Event, Facts, Login, LoginRefused
from agent.devices.power import nut
from agent.ports import InTime, LateError, Outcome, always
from agent.probes.link import not_obeyed
from agent.probes.names import Resolver
from agent.transports.errors import LinkFault
from agent.transports.holdoff import HoldOff
from agent.transports.tcp import TcpStream

SLICE_S = 0.2
ORDER_S = 10.0
ANSWER_BYTES_MAX = 4096


def names_at(host: str, port: int, timeout_s: float) -> tuple[str, ...]:
    """The UPSes that a NUT server has; none when nobody there speaks NUT. It says so to whoever asks."""
    deadline_s, answer = time.monotonic() + timeout_s, b""
    try:
        stream = TcpStream.connect(Resolver().address(host), port, timeout_s / 2)
        try:
            stream.send(nut.LIST_UPSES, SLICE_S * 5)
            while (left_s := deadline_s - time.monotonic()) > 0 and len(answer) < ANSWER_BYTES_MAX:
                answer += stream.recv(min(SLICE_S, left_s))
                if nut.LIST_END in answer:
                    return nut.names_of(answer)
        finally:
            stream.close()
    except LinkFault:
        pass
    return ()


class UpsProbe:
    """Looks at one UPS, and gives it orders when upsd lets our user do so."""

    name = "ups"
    remedies = frozenset(nut.ORDERS)
    keys: tuple[str, ...] = nut.KEYS

    def __init__(self, config: UpsConfig) -> None:
        if not config.name or any(letter.isspace() for letter in config.name):
            raise ValueError("the UPS needs its name of ups.conf, without blanks")
        self._config = config
        self.period_s = config.period_s
        self.deadline_s = config.timeout_s + 3.0
        self._resolver = Resolver()
        self._closed = False
        self._streams: set[TcpStream] = set()
        self._hold = HoldOff()

    def observe(self) -> Mapping[str, Reading]:
        """Look once."""
        try:
            return self._exchange(time.monotonic() + self._config.timeout_s)
        except LinkFault as fault:
            # A refused connection is a NUT server that does not run: our own side, not the UPS.
            return dict.fromkeys(self.keys, NoReading("link" if fault.kind == "refused" else fault.kind))

    def _exchange(self, deadline_s: float) -> Mapping[str, Reading]:
        found = self._converse(lambda device: device.request(), (Facts,), deadline_s, always)
        assert isinstance(found, Facts)
        return found.readings

    def perform(self, remedy: str, in_time: InTime = always) -> Outcome:
        """Give the UPS an order, over a connection of its own. Never raises.

        `in_time` is asked when it has logged in. One that comes too late closes its connection: a new one to a server
        in the room takes milliseconds.
        """
        try:
            ended = self._converse(
                lambda device: device.order(remedy), (CommandDone, CommandFailed), time.monotonic() + ORDER_S, in_time
            )
        except (LateError, LinkFault) as error:
            surely_not = isinstance(error, LateError) or error.kind == "denied"
            return not_obeyed(error, sent=False if surely_not else None)
        return Outcome(ok=isinstance(ended, CommandDone), reason=getattr(ended, "reason", ""))

    def _converse(
        self, ask: Callable[[nut.Nut], bytes], ends: tuple[type[Event], ...], deadline_s: float, in_time: InTime
    ) -> Event:
        self._hold.check(time.monotonic(), "upsd")
        address = self._resolver.address(self._config.host)
        stream = TcpStream.connect(address, self._config.port, self._config.timeout_s / 2)
        self._streams.add(stream)
        try:
            device = nut.Nut(self._config.name, Login(self._config.user, self._config.password))
            stream.send(device.hello(), SLICE_S * 5)
            asked = False
            while (left_s := deadline_s - time.monotonic()) > 0 and not self._closed:
                if not asked and device.logged_in:
                    if not in_time():
                        raise LateError
                    stream.send(ask(device), SLICE_S * 5)
                    asked = True
                data = stream.recv(min(SLICE_S, left_s))
                for event in device.receive(data) if data else ():
                    if isinstance(event, LoginRefused):
                        self._hold.refused(time.monotonic())
                        raise LinkFault("denied", "upsd refused our name or password")
                    if isinstance(event, ends):
                        self._hold.accepted()
                        return event
        finally:
            self._streams.discard(stream)
            stream.close()
        raise LinkFault("timeout", "upsd did not answer in time")

    def close(self) -> None:
        """Let go."""
        self._closed = True
        for stream in tuple(self._streams):
            stream.close()
