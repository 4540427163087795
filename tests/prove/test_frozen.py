"""How long a load stays dark when its agent is frozen in the middle of a cut: the real unit, under a real systemd.

`make prove-fleet`; needs root. The bound is the one of docs/safety.md.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent import pins
from tests.agent.run_dark import CAMERA_PIN
from tests.fleet.test_units import ROLES, settings
from tests.house.source import ROOT
from tests.lab.fleet.lab import BASE, Lab

pytestmark = [pytest.mark.fleet, pytest.mark.timeout(900)]
UNIT = ROLES / "agent/files/diemcau-agent.service"
WATCHDOG_S, KILLED_S, REPOWERED_S = 60.0, 3.0, 5.0
"""Of docs/safety.md: the watchdog's patience, the kill, and from there to power (a Zero is slower)."""
BACK_S = 15.0
"""From power to an agent that works again."""
OURS = ("agent", "wire", "tests/__init__.py", "tests/agent")
ROOM = """[room]
id = "r-1"
[network]
gateway = ""
clock = false
[relays.camera]
pin = {pin}
"""
PROGRAM = """#!/bin/sh
export PYTHONPATH=/opt/diemcau/ours:/opt/diemcau/theirs DIEMCAU_TEST_PINS=/var/lib/diemcau/pins
exec /usr/bin/python3 -m tests.agent.run_dark "$@"
"""


def libraries() -> set[str]:
    """Names of the distributions that the agent needs."""
    found: set[str] = set()
    ours = importlib.metadata.requires("diemcau") or []
    wanted = [line for line in ours if ";" not in line or "agent" in line.partition(";")[2]]
    while wanted:
        name = re.split(r"[^\w.-]", wanted.pop(), maxsplit=1)[0].lower()
        try:
            more = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        if name not in found:
            found.add(name)
            wanted += [line for line in more if "extra ==" not in line]
    return found


def install(disk: Path) -> None:
    """The unit, this tree's agent and its libraries."""
    place = disk / "opt/diemcau"
    for name in libraries():
        for file in importlib.metadata.files(name) or ():
            target = place / "theirs" / file
            if ".." not in file.parts and "__pycache__" not in file.parts:
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file.locate(), target)
    for part in OURS:
        source, target = ROOT / part, place / "ours" / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "stories"))
        else:
            shutil.copy(source, target)
    program = place / "current/bin/diemcau-agent"
    program.parent.mkdir(parents=True)
    program.write_text(PROGRAM, "utf-8")
    program.chmod(0o755)
    (disk / "etc/diemcau").mkdir()
    (disk / "etc/diemcau/room.toml").write_text(ROOM.format(pin=CAMERA_PIN), "utf-8")
    shutil.copy(UNIT, disk / "etc/systemd/system")


class Frozen:
    """One room on a host, whose camera is cut by the agent's own will."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self._levels = lab.work / "hosts/r-1/var/lib/diemcau/pins"

    def run(self, *command: str) -> str:
        return self.lab.host("run", "r-1", *command)

    def cut(self) -> float:
        """The moment of the cut, once there is one; monotonic seconds, which the host shares."""
        self.lab.until(lambda: pins.level(self._levels, CAMERA_PIN) == 1, "a cut", 120)
        return pins.changes(self._levels)[-1][0]

    def powered(self, since_s: float, within_s: float) -> float:
        """How long the camera has had no power."""
        self.lab.until(lambda: pins.level(self._levels, CAMERA_PIN) == 0, "power", within_s)
        return next(at_s for at_s, _, level in pins.changes(self._levels) if at_s > since_s and level == 0) - since_s

    def pid(self) -> int:
        return int(self.run("systemctl", "show", "-P", "MainPID", "diemcau-agent"))


@pytest.fixture
def room() -> Iterator[Frozen]:
    assert os.geteuid() == 0, "make prove-fleet needs root: it makes namespaces and starts hosts"
    lab = Lab(BASE / f"frozen-{os.getpid()}")
    try:
        lab.make("r-1")
        install(lab.work / "hosts/r-1")
        lab.up("r-1")
        made = Frozen(lab)
        for group in ("dialout", "gpio", "video"):
            made.run("groupadd", "-f", group)
        made.run("useradd", "--system", "--user-group", "--groups", "dialout,gpio,video", "diemcau")
        made.run("systemctl", "start", "diemcau-agent")
        yield made
    finally:
        lab.clear()


@pytest.mark.parametrize(("signal", "bound_s"), [("STOP", WATCHDOG_S + KILLED_S + REPOWERED_S), ("KILL", REPOWERED_S)])
def test_an_agent_that_ends_in_mid_cut_leaves_the_load_dark_no_longer_than_said(
    room: Frozen, signal: str, bound_s: float
) -> None:
    assert settings(UNIT)["WatchdogSec"] == [f"{WATCHDOG_S:.0f}"]
    cut_s = room.cut()
    struck = room.pid()
    room.run("kill", f"-{signal}", str(struck))
    dark_s = room.powered(cut_s, bound_s + 60)
    print(f"\n{signal} in mid cut: the load was dark for {dark_s:.1f} s, at most {bound_s:.0f} s are said", flush=True)
    assert dark_s <= bound_s
    began_s = time.monotonic()
    room.lab.until(lambda: room.pid() not in (0, struck), "a new agent", BACK_S)
    room.lab.until(lambda: room.run("systemctl", "is-active", "diemcau-agent").strip() == "active", "its word", BACK_S)
    print(f"a new agent was at work {time.monotonic() - began_s:.1f} s after that", flush=True)
