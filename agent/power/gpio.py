"""The relay board on the header's GPIO lines, through gpiozero.

Equipment hangs on the normally closed contact: an energised relay cuts, so that a dead agent, a reboot or a floating
pin all mean "powered" (docs/wiring.md). Lights and fans hang on the normally open one.
"""

from __future__ import annotations

import importlib.metadata
import logging
import os
import threading
from collections.abc import Iterable, Mapping
from typing import Any

from agent.config.channel import RelayConfig
from agent.ports import InTime, LateError, RelayError, always

log = logging.getLogger(__name__)

DEFAULT_FACTORY = "diemcau_lgpio"


def lgpio_is_stub() -> bool:
    """Whether the installed lgpio is the empty 0.0.0.x from the index, with which no relay would ever move."""
    try:
        return importlib.metadata.version("lgpio").startswith("0.0.")
    except importlib.metadata.PackageNotFoundError:
        return False


class GpioRelays:
    """Implements `Relays`. One line moves at a time; letting go moves none."""

    def __init__(self, relays: Iterable[RelayConfig], off: Iterable[str] = (), factory: Any = None) -> None:
        """Claim the lines: equipment powered, and what may stay off as it was left (`off`).

        Raises RelayError with one sentence when the lines cannot be had.
        """
        table = tuple(relays)
        self._table: Mapping[str, RelayConfig] = {relay.load: relay for relay in table}
        self.names = frozenset(self._table)
        self._lock = threading.Lock()
        self._faults: dict[str, str] = {}
        self._devices: dict[str, Any] = {}
        if not table:
            return
        try:
            self._claim(table, frozenset(off), factory)
        except Exception as error:  # gpiozero and lgpio raise a dozen unrelated kinds
            raise RelayError(
                f"không điều khiển được chân GPIO / the GPIO lines cannot be driven: {error or type(error).__name__}"
            ) from error

    def _claim(self, table: tuple[RelayConfig, ...], off: frozenset[str], factory: Any) -> None:
        name = os.environ.setdefault("GPIOZERO_PIN_FACTORY", DEFAULT_FACTORY)
        if factory is None and name == DEFAULT_FACTORY and lgpio_is_stub():
            raise OSError(
                "gói lgpio là bản rỗng, hãy cài python3-lgpio của Debian"
                " / the lgpio package is an empty stub: install Debian's python3-lgpio"
            )
        from gpiozero.output_devices import OutputDevice

        for relay in table:
            powered = relay.load not in off
            self._devices[relay.load] = OutputDevice(
                relay.pin,
                active_high=relay.active_high,
                initial_value=_energised(relay, powered),
                pin_factory=factory,
            )

    def _set(self, load: str, *, powered: bool, in_time: InTime = always) -> None:
        device, relay = self._devices.get(load), self._table.get(load)
        if device is None or relay is None:
            raise RelayError(f"no relay for {load}")
        with self._lock:
            if not in_time():
                raise LateError(load)
            try:
                device.value = int(_energised(relay, powered))
                if powered and not self.powered(load):  # held by something else: a short, another program
                    raise RelayError("the line does not follow")
            except Exception as error:
                fault = f"GPIO {relay.pin} ({load}): {error}"
                if powered:
                    self._faults[load] = fault
                raise RelayError(fault) from error
            self._faults.pop(load, None)

    def cut(self, load: str, give_back_s: float | None = None, in_time: InTime = always) -> None:
        """Take power; `give_back_s` is nothing that a relay board could keep."""
        del give_back_s
        self._set(load, powered=False, in_time=in_time)

    def restore(self, load: str) -> None:
        self._set(load, powered=True)

    def prod(self, load: str) -> bool:
        """Give power at once: a line moves within the call."""
        self.restore(load)
        return True

    def powered(self, load: str) -> bool:
        relay = self._table[load]
        return bool(self._devices[load].value) == _energised(relay, powered=True)

    def faults(self) -> Mapping[str, str]:
        return dict(self._faults)

    def close(self) -> None:
        """Let go without moving a contact: the process' end leaves the lines to the kernel, which keeps them."""
        self._devices.clear()


def _energised(relay: RelayConfig, powered: bool) -> bool:
    return powered if relay.contact == "no" else not powered
