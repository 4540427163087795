"""Everything that switches a room's loads: relays on the board's lines, and outlets of the network."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from agent.config.channel import RelayConfig
from agent.ports import InTime, RelayError, always
from agent.power.gpio import GpioRelays

if TYPE_CHECKING:
    from agent.power.plug import Plug

POLL_S = 0.05


class RoomRelays:
    """Implements `Relays`. Each outlet works by itself: one that does not answer holds up none of the others."""

    def __init__(self, relays: Iterable[RelayConfig], off: Iterable[str] = (), factory: Any = None) -> None:
        """Give power to all equipment, and leave what may stay off as it was left (`off`).

        Outlets are worked on in the background. Raises RelayError with one sentence when the lines cannot be had.
        """
        table, off = tuple(relays), frozenset(off)
        self.names = frozenset(relay.load for relay in table)
        self._plugs = {relay.load: _plug(relay) for relay in table if relay.networked}
        for load, plug in self._plugs.items():
            if load not in off:
                plug.prod()
        self._board = GpioRelays([relay for relay in table if not relay.networked], off, factory)

    def cut(self, load: str, give_back_s: float | None = None, in_time: InTime = always) -> None:
        plug = self._plugs.get(load)
        self._board.cut(load, give_back_s, in_time) if plug is None else plug.cut(give_back_s, in_time)

    def restore(self, load: str) -> None:
        plug = self._plugs.get(load)
        self._board.restore(load) if plug is None else plug.restore()

    def prod(self, load: str) -> bool:
        plug = self._plugs.get(load)
        return self._board.prod(load) if plug is None else plug.prod()

    def powered(self, load: str) -> bool | None:
        plug = self._plugs.get(load)
        return self._board.powered(load) if plug is None else plug.powered()

    def faults(self) -> Mapping[str, str]:
        plugs = {load: plug.fault for load, plug in self._plugs.items() if plug.fault}
        return {**self._board.faults(), **plugs}

    def close(self) -> None:
        """Let go without moving anything."""
        for plug in self._plugs.values():
            plug.close()
        self._board.close()


def _plug(relay: RelayConfig) -> Plug:
    # A room without outlets pays nothing for them.
    from agent.power.plug import Plug
    from agent.probes.outlet import open_outlet

    try:
        return Plug(relay.load, open_outlet(relay))
    except ValueError as error:
        raise RelayError(f"relays.{relay.load}: {error}") from error


def light_up(relays: Iterable[RelayConfig], wait_s: float) -> frozenset[str]:
    """Give power to what hangs on these outlets; those that have it within `wait_s`. Raises RelayError."""
    plugs = {relay.load: _plug(relay) for relay in relays}
    until_s = time.monotonic() + wait_s
    try:
        for plug in plugs.values():
            plug.prod()
        while not all(plug.lit for plug in plugs.values()) and time.monotonic() < until_s:
            time.sleep(POLL_S)
        return frozenset(load for load, plug in plugs.items() if plug.lit)
    finally:
        for plug in plugs.values():
            plug.close()
