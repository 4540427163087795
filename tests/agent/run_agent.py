"""Runs `diemcau-agent` with pins whose levels outlive it: python -m tests.agent.run_agent run --config FILE.

With DIEMCAU_TEST_IDLE set, all its devices are one probe that sees an idle room. With DIEMCAU_TEST_RESOLVER_S set,
every look-up of a name takes so long and fails.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Mapping
from typing import Any

from gpiozero.devices import Device
from gpiozero.pins.mock import MockFactory, MockPin

from agent.config.devices import RoomConfig
from agent.core.facts import Reading
from agent.main import main
from agent.ports import Effector, Probe
from agent.uplink.gate import MeteringGate
from tests.agent import pins


class KeptPin(MockPin):
    """A mock pin that writes every level down."""

    def output_with_state(self, state: Any) -> None:
        super().output_with_state(state)
        pins.note(int(self.info.name.removeprefix("GPIO")), int(bool(state)))

    def _set_state(self, value: Any) -> None:
        super()._set_state(value)
        pins.note(int(self.info.name.removeprefix("GPIO")), int(bool(value)))


class IdleProbe:
    """Nobody is calling."""

    name = "codec"
    keys: tuple[str, ...] = ("codec.api", "codec.in_call")
    period_s = 1.0
    deadline_s = 5.0

    def observe(self) -> Mapping[str, Reading]:
        return {"codec.api": True, "codec.in_call": False}

    def close(self) -> None: ...


def idle(room: RoomConfig, gate: MeteringGate | None = None) -> tuple[list[Probe], list[Effector]]:
    """What `build_probes` gives a room in which nobody is calling."""
    del room, gate
    return [IdleProbe()], []


def unresolved(*_: object, **__: object) -> Any:
    """What `socket.getaddrinfo` does where the name server is gone."""
    threading.Event().wait(float(os.environ["DIEMCAU_TEST_RESOLVER_S"]))
    raise socket.gaierror(-3, "Temporary failure in name resolution")


if __name__ == "__main__":
    if os.environ.get("DIEMCAU_TEST_RESOLVER_S"):
        socket.getaddrinfo = unresolved
    Device.pin_factory = MockFactory(pin_class=KeptPin)
    if os.environ.get("DIEMCAU_TEST_IDLE"):
        import agent.probes.build  # late, as the agent itself does

        agent.probes.build.build_probes = idle
    sys.exit(main(sys.argv[1:]))
