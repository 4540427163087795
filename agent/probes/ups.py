"""The UPS, through a NUT server. A fresh connection each time: it is short, usually local, and never half open."""

from __future__ import annotations

import time
from collections.abc import Mapping

from agent.core.facts import NoReading, Reading
from agent.devices.base import Facts, Login, LoginRefused
from agent.devices.power import nut
from agent.probes.config import UpsConfig
from agent.probes.names import Resolver
from agent.transports.errors import LinkFault
from agent.transports.tcp import TcpStream

SLICE_S = 0.2
REFUSED_FIRST_S, REFUSED_MAX_S = 60.0, 1800.0


class UpsProbe:
    """Looks at one UPS."""

    name = "ups"
    keys: tuple[str, ...] = nut.KEYS

    def __init__(self, config: UpsConfig) -> None:
        if not config.name or any(letter.isspace() for letter in config.name):
            raise ValueError("the UPS needs its name of ups.conf, without blanks")
        self._config = config
        self.period_s = config.period_s
        self.deadline_s = config.timeout_s + 3.0
        self._resolver = Resolver()
        self._closed = False
        self._stream: TcpStream | None = None
        self._refused_until_s = 0.0
        self._refused_wait_s = REFUSED_FIRST_S

    def observe(self) -> Mapping[str, Reading]:
        """Look once."""
        try:
            return self._exchange(time.monotonic() + self._config.timeout_s)
        except LinkFault as fault:
            # A refused connection is a NUT server that does not run: our own side, not the UPS.
            return dict.fromkeys(self.keys, NoReading("link" if fault.kind == "refused" else fault.kind))
        finally:
            self._drop()

    def _exchange(self, deadline_s: float) -> Mapping[str, Reading]:
        if time.monotonic() < self._refused_until_s:
            raise LinkFault("denied", "upsd refused our password; waiting before the next try")
        address = self._resolver.address(self._config.host)
        self._stream = stream = TcpStream.connect(address, self._config.port, self._config.timeout_s / 2)
        device = nut.Nut(self._config.name, Login(self._config.user, self._config.password))
        stream.send(device.hello() + device.request(), SLICE_S * 5)
        while (left_s := deadline_s - time.monotonic()) > 0 and not self._closed:
            data = stream.recv(min(SLICE_S, left_s))
            for event in device.receive(data) if data else ():
                if isinstance(event, LoginRefused):
                    self._back_off()
                    raise LinkFault("denied", "upsd refused our name or password")
                if isinstance(event, Facts):
                    self._refused_wait_s = REFUSED_FIRST_S
                    return event.readings
        raise LinkFault("timeout", "upsd did not answer in time")

    def _back_off(self) -> None:
        self._refused_until_s = time.monotonic() + self._refused_wait_s
        self._refused_wait_s = min(self._refused_wait_s * 2, REFUSED_MAX_S)

    def _drop(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

    def close(self) -> None:
        """Let go."""
        self._closed = True
        stream = self._stream
        if stream is not None:
            stream.close()
