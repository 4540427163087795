"""One relay channel of a room, as its settings name it: a GPIO line of the board, or an outlet of the network."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

SAFE_PINS = range(9, 28)
"""Pulled down at reset; 0 to 8 are pulled up, and would energise a relay while the board boots."""
NO_PIN = -1
GPIO = "gpio"


@dataclass(frozen=True, slots=True)
class RelayConfig:
    """One relay channel."""

    load: str
    pin: int = NO_PIN
    """BCM number, 9 to 27; left out where an outlet of the network switches the load."""
    contact: Literal["nc", "no"] = "nc"
    """Which contact feeds the load: normally closed for equipment, normally open for lights and fans. GPIO only."""
    active_high: bool = True
    """Whether a high level energises the relay. Low-level boards energise while the board boots: avoid them."""
    family: str = GPIO
    """`gpio`, or a family of network outlets, a file of `agent/devices/power/`."""
    uri: str = ""
    """Of a network outlet: where it is, e.g. `http://10.0.0.9`."""
    number: int = -1
    """Of a network outlet: which of its outlets; -1: its first."""
    user: str = ""
    password: str = field(default="", repr=False)
    """Its password; of an outlet by SNMP the community that may write."""

    @property
    def networked(self) -> bool:
        """Whether it is an outlet of the network."""
        return self.family != GPIO


def check(relays: Iterable[RelayConfig]) -> list[str]:
    """What is wrong with the table, a sentence each: pins that float high, used twice, or loads named twice."""
    problems = []
    pins: dict[int, str] = {}
    loads: set[str] = set()
    for relay in relays:
        if relay.load in loads:
            problems.append(f"relays.{relay.load}: khai báo hai lần / listed twice")
        loads.add(relay.load)
        if relay.networked:
            problems += _outlet(relay)
            continue
        if relay.uri:
            problems.append(
                f"relays.{relay.load}.family: có uri thì phải nêu loại ổ cắm"
                f" / a uri needs the outlet's family, e.g. shelly"
            )
        if relay.pin == NO_PIN:
            problems.append(f"relays.{relay.load}.pin: thiếu chân GPIO / is missing; add it")
            continue
        if relay.pin not in SAFE_PINS:
            problems.append(
                f"relays.{relay.load}: chân GPIO {relay.pin} không dùng được, chọn 9 đến 27"
                f" / GPIO {relay.pin} cannot be used, choose 9 to 27 (0 to 8 float high while the board boots)"
            )
        elif relay.pin in pins:
            problems.append(
                f"relays.{relay.load}: chân GPIO {relay.pin} đã dùng cho {pins[relay.pin]}"
                f" / GPIO {relay.pin} is already used for {pins[relay.pin]}"
            )
        pins.setdefault(relay.pin, relay.load)
    return problems


def _outlet(relay: RelayConfig) -> list[str]:
    problems = []
    if relay.pin != NO_PIN:
        problems.append(
            f"relays.{relay.load}.pin: ổ cắm mạng không có chân GPIO"
            f" / an outlet of the network has no pin: leave it out"
        )
    if not relay.uri:
        problems.append(f"relays.{relay.load}.uri: thiếu địa chỉ ổ cắm / is missing; say where the outlet is")
    if relay.contact != "nc":
        problems.append(f"relays.{relay.load}.contact: chỉ dùng cho rơ-le GPIO / is for GPIO relays only: leave it out")
    return problems
