"""The kinds of real rooms: one for every way to a codec, and `generic`, a codec that is watched by ping, TCP and SIP
alone. What each is fitted with, and how its agent is told of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

from agent.probes import families
from sim import fitout, observe
from sim.physics import Fitting
from sim.physics.display import CODEC_INPUT
from sim.physics.settings import DEFAULT_VOLUME
from sim.servers.pzem import Role

Kind = Literal[
    "cisco_serial", "cisco_tcp", "poly_tcp", "generic", "cisco_ssh", "cisco_http", "cisco_ws", "poly_videoos",
    "huawei_te",
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)
FAMILIES: dict[Kind, str] = {
    "cisco_serial": "cisco_xapi", "cisco_tcp": "cisco_xapi", "cisco_ssh": "cisco_xapi", "poly_tcp": "poly_cli",
    "generic": "generic", "cisco_http": "cisco_http", "cisco_ws": "cisco_ws",
    "poly_videoos": "poly_videoos", "huawei_te": "huawei_te",
}  # fmt: skip
WEB: dict[Kind, str] = {"cisco_http": "http", "cisco_ws": "ws", "poly_videoos": "https", "huawei_te": "https"}
"""Kinds of rooms whose codec is reached through its web interface, and by which scheme."""
DISPLAYS: dict[Kind, tuple[str, str]] = {"cisco_tcp": ("pjlink", CODEC_INPUT), "generic": ("samsung_mdc", "hdmi1")}
"""Kinds of rooms whose display has a control line, and its family and input; in the others only the meter sees it."""
LAMP_S = 8.0
"""How long a projector's lamp warms up or cools, before scaling [J]."""
PASSWORD = "mo-phong"
RELAYS: dict[str, tuple[int, str]] = {
    "codec": (17, "nc"), "switch": (18, "nc"), "converter": (22, "nc"), "display": (23, "nc"),
    "splitter": (26, "nc"), "light": (24, "no"), "fan": (25, "no"), "amplifier": (27, "no"),
}  # fmt: skip
"""Pin and contact of each load."""
OUTLETS: dict[Kind, str] = {"cisco_ws": "shelly", "cisco_http": "tasmota", "cisco_ssh": "apc_rpdu2"}
"""Kinds of rooms whose codec hangs on a smart plug instead of a relay of the board, and the plug's family."""

PC_KINDS: frozenset[Kind] = frozenset({"cisco_ssh"})
"""Kinds of rooms that have a conference PC as well, which is reached over SSH."""
METERS: tuple[Role, ...] = ("room", "codec", "amp")
BASELINES: dict[Kind, tuple[str, str]] = {
    **dict.fromkeys(
        ("cisco_serial", "cisco_tcp", "cisco_ssh", "cisco_http", "cisco_ws"), ("Audio DefaultVolume", DEFAULT_VOLUME)
    ),
    "poly_tcp": ("autoanswer", "no"),
    "poly_videoos": ("comm.callpreference.h239enable", "true"),
    "huawei_te": ("sipserv_addr", "192.0.2.9"),
}  # fmt: skip
"""One setting of each codec that should be so: name and value."""

CHRONY = "C0000205,192.0.2.5,3,1795390000.0,0.000012,0.00001,0.00002,1.0,0.0,0.1,0.01,0.001,64.0,Normal"
"""What `chronyc -c tracking` says of a clock that is disciplined."""
NO_CHRONY = "00000000,,0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,1.0,1.0,0.0,Not synchronised"
"""And of one that is not: so a real chronyd without a server has it (tests/probes/test_clock.py)."""


@dataclass(frozen=True, slots=True)
class RoomPlan:
    """One real room to simulate."""

    room: str
    kind: Kind
    scale: float = 1.0
    seed: int = 0
    root_key: str = ""
    """Whose list of keys the room believes; empty: it obeys orders that nobody has signed."""


def fitting(plan: RoomPlan) -> Fitting:
    """What a real room has. Nobody measures the sound level there, and packets that its line loses are told by the
    codec's call alone: no program can make the kernel lose them between two processes of one machine."""
    told = families.load(FAMILIES[plan.kind]).keys
    untold = {fact for fact in (*observe.CODEC_SAID, "codec.api") if fact not in told}
    return replace(
        fitout.whole(plan.scale) if plan.kind in PC_KINDS else fitout.without(fitout.whole(plan.scale), "pc"),
        codec="pinged" if plan.kind == "generic" else "asked", sound_meter=False,
        mute_of=frozenset({*untold, "net.loss_pct"}),
    )  # fmt: skip
