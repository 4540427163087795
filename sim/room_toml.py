"""The `room.toml` that fits a simulated room's hardware, and the files with its secrets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.kinds import BASELINES, DISPLAYS, FAMILIES, METERS, OUTLETS, PASSWORD, RELAYS, RoomPlan
from sim.physics.codec import VOLUME_PCT
from sim.servers.pc import WindowsPc
from sim.servers.sysfs import SysfsTree

Section = tuple[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a room's hardware can be reached: URIs, empty where it has none, and ports on this machine."""

    codec: str
    display: str
    pc: str
    plug: str
    """The smart plug that feeds the codec."""
    alive: int
    sip: int
    nut: int
    gateway: int
    hub: int
    beyond: tuple[int, ...]
    time_file: Path
    """What `chronyc` would print."""


def text(plan: RoomPlan, folder: Path, at: Addresses, broker_port: int = 0, user: str = "", password: str = "") -> str:
    """The agent's configuration; without a broker's port the room keeps to itself. Writes the secrets that it names."""
    codec = _codec(plan, folder, at)
    sections: list[Section] = [
        ("[room]", {"id": plan.room, "state_dir": str(folder / "state")}),
        ("[policy]", {"time_scale": float(plan.scale)}),
        ("[commands]", {"root_key": plan.root_key} if plan.root_key else {"accept_unsigned": True}),
        ("[phones]", {"centre": "0000 000 001", "carrier": "0000 000 002", "power": "0000 000 003"}),
        ("[thresholds]", {"call_draw_w": 40.0}),
        ("[codec]", codec),
        *_baseline(plan),
        *(("[[meters]]", {"role": role, "uri": f"serial://{folder / f'meter-{role}'}", "timeout_s": 0.5})
          for role in METERS),
        *_display(plan, folder, at),
        *_pc(folder, at),
        ("[ups]", {"name": "ups", "host": "127.0.0.1", "port": at.nut}),
        ("[network]", {
            "interface": SysfsTree.INTERFACE, "gateway": f"tcp:127.0.0.1:{at.gateway}",
            "hub": [f"tcp:127.0.0.1:{at.hub}"],
            "beyond": [f"tcp:127.0.0.1:{port}" for port in at.beyond],
            "clock_command": ["cat", str(at.time_file)],
            "timeout_s": codec["reach_timeout_s"], "sysfs_root": str(folder / "sys"),
        }),
        *(("[[sensors]]", {"chip": chip, "place": place, "sysfs_root": str(folder / "sys")})
          for chip, place in (("bme280", "room"), ("bh1750", "room"), ("ds18b20", "rack"))),
        ("[board]", {"vcgencmd": [], "sysfs_root": str(folder / "sys")}),
        *((f"[relays.{load}]", _relay(plan, folder, at, load)) for load in RELAYS),
    ]  # fmt: skip
    if broker_port:
        broker: dict[str, Any] = {"host": "127.0.0.1", "port": broker_port}
        if user:
            broker |= {"user": user, "password_file": secret(folder / "broker.secret", password) if password else ""}
        sections.append(("[broker]", broker))
    return "\n".join(
        head + "\n" + "".join(f"{key} = {_value(value)}\n" for key, value in values.items())
        for head, values in sections
    )


def _codec(plan: RoomPlan, folder: Path, at: Addresses) -> dict[str, Any]:
    section: dict[str, Any] = {
        "family": FAMILIES[plan.kind],
        "ping": f"tcp:127.0.0.1:{at.alive}",
        "tcp": f"tcp:127.0.0.1:{at.alive}",
        "sip": f"sip:127.0.0.1:{at.sip}",
        "api_timeout_s": 6.0,
        # Reaching out must not take longer than the compressed freshness of what was seen before.
        "reach_timeout_s": max(0.5, min(2.0, 10 * plan.scale)),
    }
    if at.codec:
        password_file = secret(folder / "codec.secret")
        section |= {"uri": at.codec, "user": "admin", "password_file": password_file}
        section["volume_pct"] = float(VOLUME_PCT)
    return section


def _baseline(plan: RoomPlan) -> list[Section]:
    found = BASELINES.get(plan.kind)
    return [("[codec.baseline]", {f'"{found[0]}"': found[1]})] if found else []


def _display(plan: RoomPlan, folder: Path, at: Addresses) -> list[Section]:
    if not at.display:
        return []
    family, shown = DISPLAYS[plan.kind]
    section: dict[str, Any] = {"family": family, "uri": at.display, "input": shown, "timeout_s": 3.0}
    if family == "pjlink":
        section["password_file"] = secret(folder / "display.secret")
    return [("[display]", section)]


def _pc(folder: Path, at: Addresses) -> list[Section]:
    if not at.pc:
        return []
    section = {
        "uri": at.pc, "user": "admin", "password_file": secret(folder / "pc.secret"),
        "process": WindowsPc.process, "restart": WindowsPc.task,
    }  # fmt: skip
    return [("[pc]", section)]


def _relay(plan: RoomPlan, folder: Path, at: Addresses, load: str) -> dict[str, Any]:
    if load == "codec" and at.plug:
        family = OUTLETS[plan.kind]
        return {"family": family, "uri": at.plug, "password_file": secret(folder / "plug.secret")}
    pin, contact = RELAYS[load]
    return {"pin": pin, "contact": contact}


def secret(path: Path, text: str = PASSWORD) -> str:
    """Write a file that only its owner reads; its name."""
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text + "\n", "utf-8")
    return str(path)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ", ".join(_value(part) for part in value) + "]"
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' if isinstance(value, str) else str(value)
