"""The camera beside the display, with a control line of its own."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Camera:
    """On or in standby by an order, and able to hang. Its picture comes to the codec by a cable of its own."""

    on: bool = True
    hung: bool = False
    plugged: bool = True
    """What the codec counts."""

    def obey(self) -> bool:
        """The order to switch on. False when it cannot hear it."""
        self.on = self.on or not self.hung
        return not self.hung
