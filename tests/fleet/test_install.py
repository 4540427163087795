"""Real virtual environments from real wheels: a release is installed by its hashes, used, and undone. No systemd here:
what `systemctl restart` would start is started by the test; `make prove-fleet` has the whole of it on real hosts."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from agent.fleet.disk import ReleaseError, run_program
from agent.fleet.release import Host
from agent.fleet.trial import Verdict
from tools import wheelhouse

PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
PROGRAM = """
import json, sys
VERSION, WORKS = {version!r}, {works!r}
def main():
    if "check-config" in sys.argv:
        return 0
    if not WORKS:
        raise SystemExit("of no use")
    token = json.load(open(sys.argv[1]))["token"]
    json.dump({{"version": VERSION, "token": token}}, open(sys.argv[2], "w"))
    return 0
"""


def wheel(folder: Path, version: str, *, works: bool) -> None:
    """A wheel with one program, `diemcau-agent`."""
    info = f"diemcau-{version}.dist-info"
    files = {
        "toy.py": PROGRAM.format(version=version, works=works),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: diemcau\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[console_scripts]\ndiemcau-agent = toy:main\n",
    }
    lines = []
    for name, body in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(body.encode()).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(body)}\n")
    files[f"{info}/RECORD"] = "".join(lines) + f"{info}/RECORD,,\n"
    with zipfile.ZipFile(folder / f"diemcau-{version}-py3-none-any.whl", "w") as out:
        for name, body in files.items():
            out.writestr(name, body)


def bundle(folder: Path, version: str, *, works: bool = True) -> Path:
    made = folder / f"tree-{version}"
    (made / "wheels").mkdir(parents=True)
    wheel(made / "wheels", version, works=works)
    what = {"version": version, "kind": "agent", "platform": "amd64", "python": PYTHON}
    return wheelhouse.finish(made, what, folder / "dist")


class World:
    """A host whose service manager is this test."""

    def __init__(self, root: Path) -> None:
        self.root, self.now_s = root, 100.0
        self.word = root / "checkin.json"
        checks = [["bin/diemcau-agent", "check-config", "/etc/diemcau/room.toml"]]
        body = {"kind": "agent", "service": "x.service", "checkin": str(self.word), "checks": checks}
        (root / "profile.json").write_text(json.dumps(body), "utf-8")
        self.host = Host(root, self._run)

    def _run(self, command: Sequence[str]) -> None:
        if command[0] != "systemctl":
            run_program(command)
            return
        program = self.root / "current/bin/diemcau-agent"
        subprocess.run([program, str(self.root / "trial.json"), str(self.word)], capture_output=True, check=False)

    def use(self, made: Path) -> str:
        version = self.host.install(made)
        self.now_s += 10
        self.host.switch(version, "a", self.now_s)
        return version

    def watch(self, later_s: float) -> Verdict | None:
        self.now_s += later_s
        looked = self.host.watch("a", self.now_s)
        return looked[0] if looked else None


def test_a_release_comes_goes_and_is_never_half_there(tmp_path: Path) -> None:
    root = tmp_path / "opt"
    root.mkdir()
    world = World(root)
    world.use(bundle(tmp_path, "1.0"))
    assert world.watch(30) is Verdict.KEEP
    world.word.unlink()
    world.use(bundle(tmp_path, "2.0", works=False))
    assert world.host.current() == "2.0"
    assert world.watch(30) is Verdict.WAIT
    assert world.watch(600) is Verdict.BACK
    assert world.host.current() == "1.0"
    said = json.loads(world.word.read_text("utf-8"))
    assert said["version"] == "1.0", "the old version was started again"
    made = bundle(tmp_path, "3.0")
    (root / "releases/3.0").mkdir()  # a power cut has left it so
    (root / "releases/3.0/rest").write_text("half", "utf-8")
    world.use(made)
    assert world.watch(30) is Verdict.KEEP
    assert not (root / "releases/3.0/rest").exists()
    assert not (root / "incoming").exists()


def test_a_wheel_with_another_hash_is_not_installed(tmp_path: Path) -> None:
    root = tmp_path / "opt"
    root.mkdir()
    world = World(root)
    made = tmp_path / "tree"
    (made / "wheels").mkdir(parents=True)
    wheel(made / "wheels", "1.0", works=True)
    what = {"version": "1.0", "kind": "agent", "platform": "amd64", "python": PYTHON}
    wheelhouse.finish(made, what, tmp_path / "dist")
    lines = (made / "requirements.txt").read_text("utf-8")
    (made / "requirements.txt").write_text(lines[:-3] + "00\n", "utf-8")
    manifest = json.loads((made / "manifest.json").read_text("utf-8"))
    manifest["files"]["requirements.txt"] = hashlib.sha256((made / "requirements.txt").read_bytes()).hexdigest()
    (made / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    with pytest.raises(ReleaseError, match="HASHES"):
        world.host.install(made)
    assert world.host.versions() == []
