"""GPIO pins whose levels live in the simulator's process, for agents that run on a board that is not there.

`GPIOZERO_PIN_FACTORY=diemcau_sim`, and `DIEMCAU_SIM_PINS` names the unix socket of the room's hardware. Every level
goes there at once and is read from there; when the agent dies the level stays, as it does on the kernels of Raspberry
Pi (pi facts, GPIO). That is how a kill in mid cycle leaves a codec dark until the agent starts again.
"""

from __future__ import annotations

import os
import socket
import threading
from typing import Any

from gpiozero.pins.mock import MockFactory, MockPin

ENV = "DIEMCAU_SIM_PINS"
ANSWER_S = 5.0


class Wire:
    """The connection to the hardware. One question at a time: `S pin level`, `I pin`, `G pin`."""

    def __init__(self, path: str) -> None:
        self._lock = threading.Lock()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(ANSWER_S)
        try:
            self._socket.connect(path)
        except OSError as error:
            raise OSError(f"no simulated board at {path} ({error}); start `diemcau-sim room` first") from None
        self._answers = self._socket.makefile("r", encoding="ascii")

    def ask(self, question: str) -> str:
        """Send one line, wait for its answer. Raises OSError when the board is gone."""
        with self._lock:
            self._socket.sendall(question.encode("ascii") + b"\n")
            answer = self._answers.readline().strip()
        if not answer:
            raise OSError("the simulated board has gone")
        return answer


class SimulatedPin(MockPin):
    """One line of the header."""

    factory: SimulatedFactory

    def __init__(self, factory: SimulatedFactory, info: Any) -> None:
        super().__init__(factory, info)
        self._number = int(info.name.removeprefix("GPIO"))
        self._state = factory.wire.ask(f"G {self._number}") == "1"

    def close(self) -> None:
        """Let go without moving the line: the kernel keeps a released output's level."""
        self.when_changed = None

    def _set_function(self, value: str) -> None:
        # Becoming an output moves nothing by itself: HoldingFactory claims lines together with their level.
        if value == "input" and self._function == "output":
            self.factory.wire.ask(f"I {self._number}")
        super()._set_function(value)

    def _change_state(self, value: bool) -> bool:
        changed = bool(super()._change_state(value))
        if self._function == "output":
            self.factory.wire.ask(f"S {self._number} {int(value)}")
        return changed

    def _get_state(self) -> bool:
        return self.factory.wire.ask(f"G {self._number}") == "1"


class SimulatedFactory(MockFactory):
    """gpiozero's pin factory `diemcau_sim`."""

    def __init__(self) -> None:
        path = os.environ.get(ENV, "")
        if not path:
            raise OSError(f"{ENV} is not set: it names the socket that `diemcau-sim room` prints")
        self.wire = Wire(path)
        super().__init__(pin_class=SimulatedPin)
