"""Gives a device its orders, over the same conversation as its probe's."""

from __future__ import annotations

import threading
from typing import Any

from agent.ports import BUSY, InTime, Outcome, always
from agent.probes.link import Link

ORDER_MAX_S = 18.0
"""An order ends within this: the Effector contract gives 20 s."""


class DeviceEffector:
    """Sends orders to a codec, a display or a camera, one at a time."""

    def __init__(self, link: Link[Any], remedies: frozenset[str]) -> None:
        self._link = link
        self.remedies = remedies
        self._one_at_a_time = threading.Lock()

    def perform(self, remedy: str, in_time: InTime = always) -> Outcome:
        """Send the order and wait for the device's word. `in_time` is asked when nothing is left to be waited for."""
        if remedy not in self.remedies:
            return Outcome(False, "absent", {"sent": False})
        if not self._one_at_a_time.acquire(blocking=False):
            return Outcome(False, BUSY, {"sent": False})
        try:
            return self._link.order(remedy, ORDER_MAX_S, in_time)
        except Exception as error:  # the contract: never raises
            return Outcome(False, "bug", {"answer": repr(error)[:200]})
        finally:
            self._one_at_a_time.release()
