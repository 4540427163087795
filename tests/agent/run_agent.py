"""Runs `diemcau-agent` with pins whose levels outlive it: python -m tests.agent.run_agent run --config FILE."""

from __future__ import annotations

import sys
from typing import Any

from gpiozero.devices import Device
from gpiozero.pins.mock import MockFactory, MockPin

from agent.main import main
from tests.agent import pins


class KeptPin(MockPin):
    """A mock pin that writes every level down."""

    def output_with_state(self, state: Any) -> None:
        super().output_with_state(state)
        pins.note(int(self.info.name.removeprefix("GPIO")), int(bool(state)))

    def _set_state(self, value: Any) -> None:
        super()._set_state(value)
        pins.note(int(self.info.name.removeprefix("GPIO")), int(bool(value)))


if __name__ == "__main__":
    Device.pin_factory = MockFactory(pin_class=KeptPin)
    sys.exit(main(sys.argv[1:]))
