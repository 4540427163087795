"""Plugs and relays with the Tasmota firmware, over its web commands.

Source: device facts, "Power", and the firmware's public list of commands: `/cm?cmnd=…` answers JSON, `POWER` or
`POWERn` with `ON`/`OFF`; `Backlog` does several in turn, `Delay` counts tenths of a second (2 to 3600); `Status 8`
tells the meter, with a list instead of a number where each relay has its own (a Sonoff Dual's recording: `"Power": [52,
5]`, one voltage); `PowerOnState` 1 gives power when the plug's own power comes back, 4 does so and takes no order any
more; `PulseTimeN` other than 0 moves relay N back by itself after every move (arendst/Tasmota#18113). A wrong or
missing password answers 200 with a `WARNING`; firmware before 7 also warns `Enable weblog 2 if response expected` of an
order that it carries out and says nothing of (arendst/Tasmota#4553). `StateText` makes other words of ON and OFF
(jneilliii/OctoPrint-Tasmota#150): they say nothing to us. Over MQTT the plug would be a guest of the province's
broker, and its way back would hang on the room's line: docs/adr, "Outlets are spoken to directly".

The answer to a `Backlog` says nothing of it: `{}` (#14051), or that warning. **Every command, a mere question too, ends
a `Delay` that runs** (#7772; the firmware's `CommandHandler` sets its timer anew): so nothing is asked while a cut
lasts. With its relay off it tells 0 V, unless `SetOption21` is 1 (#5944): that is no reading of the mains.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from agent.core.exchange import HttpReply, HttpRequest
from agent.core.facts import NoReading
from agent.devices.about import About, Tested
from agent.devices.power._outlets import OutletState, Rest, fed, real

FAMILY = "tasmota"
PORT = 80
NUMBERS = range(1, 33)
GIVES_BACK = True
DELAY_MAX = 3600
ON, LOCKED, ON_AFTER_PULSE = 1, 4, 5
"""Values of `PowerOnState`; with the others it may stay dark: 0 off, 2 the other way round, 3 as it was."""
UNTOLD = "weblog"
"""In a warning that is about the answer only: the command is carried out."""
ABOUT = About(
    "plugs and relays with the Tasmota firmware (Sonoff, Athom, NOUS, Delock …)",
    (
        Tested(
            "HTTP 80 (`/cm`)",
            "PyPI tasmotadevicecontroller judges our simulator; consoles of users",
            "tests/sim/test_public_clients.py",
        ),
    ),
    facts=("ROLE.draw_w", "mains.voltage_v", "mains.frequency_hz"),
    orders=("on, off, and a cycle that it ends by itself (`Backlog`, `Delay`)",),
    unseen="every device. The password goes over the wire in the clear",
)


class Tasmota:
    """One relay of a device; `number` from 1."""

    asking_ends_a_cut = True

    def __init__(self, number: int, user: str = "", password: str = "") -> None:
        self._number = number
        self._relay = f"Power{number}"
        self._names = ("POWER", f"POWER{number}") if number == 1 else (f"POWER{number}",)
        self._account = f"user={quote(user or 'admin', '')}&password={quote(password, '')}&" if password else ""

    def _command(self, text: str) -> HttpRequest:
        return HttpRequest("GET", f"/cm?{self._account}cmnd={quote(text, '')}")

    def look(self) -> tuple[HttpRequest, ...]:
        return self._command(self._relay), self._command("Status 8")

    def give(self) -> HttpRequest:
        return self._command(f"{self._relay} ON")

    def cut(self, give_back_s: float | None) -> HttpRequest:
        if give_back_s is None:
            return self._command(f"{self._relay} OFF")
        tenths = min(DELAY_MAX, max(2, round(give_back_s * 10)))
        return self._command(f"Backlog {self._relay} OFF; Delay {tenths}; {self._relay} ON")

    def state(self, replies: tuple[HttpReply, ...]) -> OutletState | NoReading:
        if reason := self.refusal(replies[0]):
            return NoReading(reason)
        said = replies[0].json()
        word = next((said[name] for name in self._names if name in said), None)
        if isinstance(word, dict):  # some answers carry more than the word
            word = word.get("STATE")
        if word not in ("ON", "OFF"):
            return NoReading("garbled")
        energy = _energy(replies[1]) if len(replies) > 1 else {}
        draw_w, voltage_v, frequency_hz = (self._own(energy.get(name)) for name in ("Power", "Voltage", "Frequency"))
        return OutletState(word == "ON", draw_w, fed(voltage_v), fed(frequency_hz))

    def _own(self, value: object) -> float | None:
        """What a quantity is at this relay: a list has one for each, in their order."""
        if isinstance(value, list):
            return real(value[self._number - 1]) if len(value) >= self._number else None
        return real(value)

    def refusal(self, reply: HttpReply) -> str:
        said = _object(reply)
        if reply.is_busy:
            return "busy"
        if said is None:
            return "denied" if reply.status in (401, 403) else "garbled"
        if "WARNING" in said and UNTOLD not in str(said["WARNING"]).lower():
            return "denied"
        return "" if reply.status == 200 and said.get("Command") not in ("Unknown", "Error") else "refused"

    def rest(self) -> tuple[HttpRequest, ...]:
        return self._command("PowerOnState"), self._command(f"PulseTime{self._number}")

    def rests(self, replies: tuple[HttpReply, ...]) -> Rest:
        state = (_object(replies[0]) or {}).get("PowerOnState")
        pulse = self._pulse(replies[1]) if len(replies) > 1 else None
        if state == LOCKED:
            return Rest.LOCKED
        if pulse or state == ON_AFTER_PULSE:
            return Rest.MOVES
        if type(state) is not int or pulse is None:
            return Rest.UNSAID
        return Rest.ON if state == ON else Rest.DARK

    def _pulse(self, reply: HttpReply) -> bool | None:
        """Whether the relay moves back by itself; None: it does not say. `Set` counts in the firmware's own steps."""
        said = (_object(reply) or {}).get(f"PulseTime{self._number}")
        value = said.get("Set") if isinstance(said, dict) else None
        return value != 0 if type(value) is int else None


def _object(reply: HttpReply) -> dict[str, Any] | None:
    try:
        said = reply.json()
    except ValueError:
        return None
    return said if isinstance(said, dict) else None


def _energy(reply: HttpReply) -> dict[str, Any]:
    """What `Status 8` says of the meter; empty where there is none."""
    sensors = (_object(reply) or {}).get("StatusSNS")
    energy = sensors.get("ENERGY") if isinstance(sensors, dict) else None
    return energy if isinstance(energy, dict) else {}
