"""A NUT server (`upsd`, TCP 3493) with the room's UPS. Source: device facts, "Power"; RFC 9271; dumps of nut-ddl."""

from __future__ import annotations

from collections.abc import Callable

from sim.physics import RoomPhysics
from sim.physics.power import Ups
from sim.servers.base import Lines

NAME = "ups"
NOMINAL_V = 24.0


class NutConversation:
    """Answers what is asked of it and the login; it takes no order, and refuses the rest by name."""

    def __init__(self, room: RoomPhysics, clock: Callable[[], float], *, megatec: bool = False) -> None:
        self.closing = False
        self._room = room
        self._clock = clock
        self._megatec = megatec
        self._lines = Lines()

    def opened(self) -> bytes:
        """upsd waits to be asked."""
        return b""

    def tick(self) -> bytes:
        """upsd says nothing by itself."""
        return b""

    def receive(self, data: bytes) -> bytes:
        """Answer."""
        return b"".join((self._answer(line) + "\n").encode() for line in self._lines.feed(data) if line.strip())

    def _variables(self) -> dict[str, str]:
        self._room.advance(self._clock())
        ups = self._room.ups
        if ups is None:
            return {}
        flags = ["OB", "DISCHRG"] if ups.on_battery else ["OL"]
        flags += ["LB"] if ups.low else []
        flags += ["RB"] if ups.worn else []
        flags += ["OFF"] if ups.off else []
        flags = ["ALARM", *flags] if ups.complaint else flags
        return {
            **self._battery(ups),
            **({"ups.alarm": ups.complaint} if ups.complaint else {}),
            "input.voltage": f"{self._room.mains.behind_breaker_v:.1f}",
            "ups.status": " ".join(flags),
        }

    def _battery(self, ups: Ups) -> dict[str, str]:
        """Charge and time left, or, as those that speak Megatec's tongue do, the voltage alone."""
        if not self._megatec:
            return {"battery.charge": f"{ups.charge_pct:.0f}", "battery.runtime": f"{ups.left_s:.0f}"}
        empty, full = (NOMINAL_V * part / 120 for part in (104, 130))
        volts = empty + (full - empty) * ups.charge_pct / 100
        return {"battery.voltage": f"{volts:.1f}", "battery.voltage.nominal": f"{NOMINAL_V:.1f}"}

    def _answer(self, line: str) -> str:
        words = [word.strip('"') for word in line.split()]
        match words:
            case ["USERNAME" | "PASSWORD" | "LOGIN", _]:
                return "OK"
            case ["VER"]:
                return "Network UPS Tools upsd 2.8.0 - simulated"
            case ["LIST", "UPS"]:
                return f'BEGIN LIST UPS\nUPS {NAME} "simulated"\nEND LIST UPS'
            case ["LIST", "VAR", name]:
                if name != NAME or self._room.ups is None:
                    return "ERR UNKNOWN-UPS"
                rows = "".join(f'VAR {name} {key} "{value}"\n' for key, value in self._variables().items())
                return f"BEGIN LIST VAR {name}\n{rows}END LIST VAR {name}"
            case ["GET", "UPSDESC", name]:
                return f'UPSDESC {name} "simulated"' if name == NAME else "ERR UNKNOWN-UPS"
            case ["LIST", "CMD", name]:
                return f"BEGIN LIST CMD {name}\nEND LIST CMD {name}" if name == NAME else "ERR UNKNOWN-UPS"
            case ["INSTCMD", name, *_]:
                return "ERR CMD-NOT-SUPPORTED" if name == NAME else "ERR UNKNOWN-UPS"
            case ["GET", "VAR", name, key]:
                if name != NAME or self._room.ups is None:
                    return "ERR UNKNOWN-UPS"
                value = self._variables().get(key)
                return f'VAR {name} {key} "{value}"' if value is not None else "ERR VAR-NOT-SUPPORTED"
            case _:
                return "ERR UNKNOWN-COMMAND"
