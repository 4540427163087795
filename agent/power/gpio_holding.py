"""A pin that holds its level: gpiozero's lgpio pins glitch mains relays, this one does not.

Traced on a kernel GPIO chip (pi facts): gpiozero's `LGPIOPin` drives a line low before the wanted level, and makes it
an input again when the program ends. `HoldingPin` claims the line together with its level, and closing it does nothing,
so that a relay stays where it was put through a start, a stop or a crash of the agent.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

# lgpio writes .lgd-nfy* files into its working folder, and fails under a hardened unit without a writable one.
os.environ.setdefault("LG_WD", tempfile.gettempdir())

import lgpio
from gpiozero.pins.lgpio import LGPIOFactory, LGPIOPin
from gpiozero.pins.local import LocalPiFactory, LocalPiPin

CHIP_LABELS = ("pinctrl-rp1", "pinctrl-bcm2711", "pinctrl-bcm2835")
"""Labels of the header's GPIO chip: Pi 5, Pi 4, older ones. Numbers moved between kernels, labels did not."""


def chip_number(labels: dict[int, str]) -> int:
    """The number of the chip whose label is known. Raises OSError when there is none."""
    for label in CHIP_LABELS:
        for number, found in sorted(labels.items()):
            if found == label:
                return number
    raise OSError(f"no GPIO chip of a Raspberry Pi found (labels seen: {sorted(labels.values()) or 'none'})")


def _labels() -> dict[int, str]:
    labels = {}
    for device in Path("/dev").glob("gpiochip*"):
        number = int(device.name.removeprefix("gpiochip"))
        try:
            handle = lgpio.gpiochip_open(number)
        except lgpio.error:
            continue
        try:
            _status, _lines, _name, label = lgpio.gpio_get_chip_info(handle)
            labels[number] = label
        finally:
            lgpio.gpiochip_close(handle)
    return labels


class HoldingPin(LGPIOPin):
    """An lgpio pin whose output starts at its level, and stays there."""

    def __init__(self, factory: Any, info: Any) -> None:
        # LGPIOPin would claim the line as an input here, which lets go of a relay that is held.
        LocalPiPin.__init__(self, factory, info)
        self._pwm = None
        self._bounce = None
        self._callback = None
        self._edges = lgpio.BOTH_EDGES

    def output_with_state(self, state: bool) -> None:
        """Make the line an output at this level in one step."""
        lgpio.gpio_claim_output(self.factory._handle, self._number, int(bool(state)))

    def close(self) -> None:
        """Leave the line as it is."""


class HoldingFactory(LGPIOFactory):
    """gpiozero's lgpio factory with `HoldingPin`, and the chip found by its label."""

    def __init__(self, chip: int | None = None) -> None:
        LocalPiFactory.__init__(self)
        self._chip = chip_number(_labels()) if chip is None else chip
        self._handle = lgpio.gpiochip_open(self._chip)
        self.pin_class = HoldingPin
