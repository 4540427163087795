"""What a simulated fault is: how it is put into a room, and what must come of it there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Literal

from sim.physics import Fitting, RoomPhysics

Scope = Literal["room", "commune", "cluster"]
Expect = Literal["healed", "escalated", "recovers", "unseen"]
"""`healed`: by the room itself; `recovers`: it ends by itself and must be told; `escalated`: a person is needed;
`unseen`: no rule finds it, so nobody is told."""
When = Literal["", "wanted", "call", "trial"]
"""When its rules look for it: always, within the hour before a meeting, in a call, or in the call of a trial."""

Args = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One kind of fault. `put` makes it so, `lift` takes the cause away, `present` says whether it is still so."""

    name: str
    title: str
    """In English."""
    vi: str
    """The same in Vietnamese."""
    scope: Scope
    expect: Expect
    """Where the room can tell what `sees` names and judge by what `heals` names: see `expected`."""
    rules: tuple[str, ...]
    """Under which names its incident may appear; empty: no rule finds it, and `expect` says so."""
    put: Callable[[RoomPhysics, float, Args], None]
    lift: Callable[[RoomPhysics, float], None]
    present: Callable[[RoomPhysics], bool]
    load: str = ""
    """The device whose outage it is, for the comparison with that device's own boot time."""
    params: tuple[str, ...] = ()
    """Names of the numbers a scenario may give."""
    cuts_line: bool = False
    """Whether a room may be unable to reach the hub while it lasts."""
    sees: tuple[str, ...] = ()
    """Facts that its rules cannot do without."""
    heals: tuple[str, ...] = ()
    """Facts that its remedy cannot do without, mostly since they deny a call; `a|b`: one of them is enough."""
    when: When = ""
    part: str = ""
    """What a room must have for it to be put there: a load of `Fitting.profiles`, or `ups`."""


def expected(kind: FaultKind, fitting: Fitting) -> Expect:
    """What must come of a fault in a room that is fitted so: what cannot be asked cannot be found, and where nothing
    denies a call the room may not act."""
    if not all(fitting.tells(fact) for fact in kind.sees):
        return "unseen"
    if kind.expect == "healed" and not all(any(map(fitting.tells, facts.split("|"))) for facts in kind.heals):
        return "escalated"
    return kind.expect


def has_part(kind: FaultKind, fitting: Fitting) -> bool:
    """Whether a room that is fitted so has what the fault strikes."""
    return not kind.part or kind.part in fitting.profiles or (kind.part == "ups" and fitting.ups_runtime_s > 0)


def sets(path: str, value: object) -> Callable[..., None]:
    """What puts or lifts a fault by setting one attribute of the room, such as `camera.plugged`."""
    owner, _, name = path.rpartition(".")
    return does(lambda room, _: setattr(attrgetter(owner)(room) if owner else room, name, value))


def does(deed: Callable[[RoomPhysics, Args], object]) -> Callable[..., None]:
    """The same by a deed that one attribute does not tell."""

    def change(room: RoomPhysics, now_s: float, args: Args | None = None) -> None:
        room.advance(now_s)
        deed(room, args or {})
        room.advance(now_s)

    return change


def of_device(name: str, attribute: str, value: bool) -> Callable[..., None]:
    """The same by setting an attribute of one device; nothing where the room has none."""
    return does(lambda room, _: setattr(room.devices[name], attribute, value) if name in room.devices else None)


def device_down(name: str) -> Callable[[RoomPhysics], bool]:
    """Whether a device that the room has does not serve."""
    return lambda room: name in room.devices and not room.devices[name].serving(room.now_s)
