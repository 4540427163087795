"""A small province of real Debian hosts on this machine: systemd as PID 1, SSH, a broker with certificates, Ansible.

Work files lie under /var/tmp/diemcau-fleet (or DIEMCAU_LAB), namespaces are named `dcf-…`. Root only. The power that is
pulled here is that of the processes: what a program had written and not synced is still there afterwards, which a real
card does not promise; that half is held by tests/fleet/test_release.py, where every step may be the last.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from agent.fleet.bundle import unpack
from tests.house.source import ROOT
from tools import wheelhouse

HERE = Path(__file__).parent
BASE = Path(os.environ.get("DIEMCAU_LAB", "/var/tmp/diemcau-fleet"))
BIN = ROOT / ".venv-ansible/bin"
HOSTS = {"hub": "192.0.2.10", "r-1": "192.0.2.11", "r-2": "192.0.2.12"}
BY_CARD = {"r-3": "192.0.2.13", "r-4": "192.0.2.14"}
"""Installs itself from a card, without Ansible."""
UNTIL_S = 240.0
TRIAL_S = 100
"""Of running time, instead of 600: an agent checks in after 60."""


class LabError(Exception):
    """What went wrong, with the last words of the program."""


def call(command: Sequence[str | Path], **more: Any) -> str:
    """Output of a program that must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **more)
    if done.returncode != 0:
        raise LabError(f"{' '.join(map(str, command))[:200]}: {(done.stdout + done.stderr)[-3000:]}")
    return str(done.stdout)


class Lab:
    """One run: hosts, keys and certificates of its own."""

    def __init__(self, work: Path) -> None:
        self.work = work
        self.first = ""
        """What the first run of the roles has printed."""
        self.machine = self.libraries = ""
        work.mkdir(parents=True, exist_ok=True)
        call([HERE / "root.sh", BASE / "root"])
        self._env = os.environ | {"WORK": str(work)}
        self.keys()

    def keys(self) -> None:
        """SSH, the releases' signature, and certificates of authority, broker, hub and rooms."""
        call(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.work / "ssh"])
        call(["openssl", "genpkey", "-algorithm", "ed25519", "-out", self.work / "release.pem"])
        call(["openssl", "pkey", "-in", self.work / "release.pem", "-pubout", "-out", self.work / "release.pub"])
        pki = self.work / "pki"
        hub: list[str | Path] = [ROOT / ".venv/bin/diemcau-hub", "pki"]
        where: list[str | Path] = ["--dir", pki, "--out", pki]
        call([*hub, "init", "--dir", pki])
        call([*hub, "issue", HOSTS["hub"], "--profile", "server", *where])
        call([*hub, "issue", "diemcau-hub", "--profile", "hub", *where])
        for room in ("r-1", "r-2", "r-3"):
            call([*hub, "issue", room, *where])

    def make(self, name: str, root: Path = BASE / "root") -> None:
        """The host's disk, a copy of the root."""
        disk = self.work / "hosts" / name
        disk.parent.mkdir(exist_ok=True)
        call(["cp", "-a", "--reflink=auto", root, disk])
        (disk / "root/.ssh").mkdir(mode=0o700, exist_ok=True)
        shutil.copy(self.work / "ssh.pub", disk / "root/.ssh/authorized_keys")

    def host(self, verb: str, name: str = "", *more: str) -> str:
        """`host.sh`."""
        # Its output goes to a file: a host that stays up would keep a pipe open.
        with (self.work / "host.log").open("w+") as log:
            done = subprocess.run(
                [HERE / "host.sh", verb, *filter(None, (name,)), *more], env=self._env, stdout=log,
                stderr=subprocess.STDOUT, check=False, timeout=UNTIL_S,
            )  # fmt: skip
            log.seek(0)
            said = log.read()
        if done.returncode != 0:
            raise LabError(f"host.sh {verb} {name} {' '.join(more)}: {said[-2000:]}")
        return said

    def up(self, name: str) -> None:
        """Boot it, and wait for its sshd."""
        self.host("up", name, (HOSTS | BY_CARD)[name])
        self.until(lambda: self.host("run", name, "systemctl", "is-active", "ssh.service").strip() == "active", "sshd")

    def release(self, name: str) -> dict[str, Any]:
        """What `diemcau-release status` says on a host."""
        said = self.host("run", name, "/usr/bin/python3", "-I", "/opt/diemcau/bin/diemcau-release", "status")
        found: dict[str, Any] = json.loads(said)
        return found

    def until(self, true: Callable[[], bool], what: str, within_s: float = UNTIL_S) -> None:
        """Wait for something that another process does."""
        end_s = time.monotonic() + within_s
        while time.monotonic() < end_s:
            try:
                if true():
                    return
            except (LabError, ValueError):
                pass
            time.sleep(0.1)
        raise LabError(f"not within {within_s:.0f} s: {what}")

    def bundle(
        self, kind: str, version: str = "", spoil: dict[str, tuple[str, str]] | None = None, platform: str = "amd64",
        python: str = "3.11",
    ) -> Path:  # fmt: skip
        """A signed bundle; `spoil` replaces text in files of our own wheel, as a defect would."""
        key = str(self.work / "release.pem")
        if not spoil:
            return wheelhouse.bundle(kind, platform, python, self.work / "dist", version=version, key=key)
        good = wheelhouse.bundle(kind, platform, python, self.work / "parts", version=version, key=key)
        tree = self.work / "spoilt"
        shutil.rmtree(tree, ignore_errors=True)
        unpack(good, tree)
        (wheel,) = (tree / "wheels").glob("diemcau-*.whl")
        rewrite(wheel, spoil)
        what = {"version": version, "kind": kind, "platform": platform, "python": python}
        return wheelhouse.finish(tree, what, self.work / "dist", key)

    def play(self, playbook: Path, *more: str, check: bool = True) -> tuple[str, dict[str, dict[str, int]]]:
        """Run a playbook from the namespace of the bridge: its output, and by host what it did."""
        done = self.start(playbook, *more)
        said, _ = done.communicate(timeout=900)
        if check and done.returncode != 0:
            raise LabError(said[-6000:])
        return said, recap(said)

    def start(self, playbook: Path, *more: str) -> subprocess.Popen[str]:
        """Begin to run a playbook."""
        places = {
            "PATH": f"{BIN}:{os.environ['PATH']}", "ANSIBLE_HOME": str(self.work / "ansible"),
            "ANSIBLE_HOST_KEY_CHECKING": "False", "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_CONFIG": str(ROOT / "ansible/ansible.cfg"),
        }  # fmt: skip
        program = [
            "ip",
            "netns",
            "exec",
            f"dcf-{self.work.name}",
            str(BIN / "ansible-playbook"),
            "-i",
            str(self.work / "hosts.yml"),
        ]
        vault = self.work / "vault.yml"
        if vault.exists():
            program += ["-e", f"@{vault}", "--vault-password-file", str(self.work / "vault.pw")]
        return subprocess.Popen(
            [*program, str(playbook), *more],
            cwd=ROOT / "ansible", env=os.environ | places, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def clear(self) -> None:
        """End the hosts and take the namespaces away."""
        self.host("clear")
        shutil.rmtree(self.work, ignore_errors=True)


def rewrite(wheel: Path, spoil: dict[str, tuple[str, str]]) -> None:
    """Replace text in files of a wheel. Its RECORD is no longer true, which pip does not look at."""
    fresh = wheel.with_suffix(".new")
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(fresh, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            body = old.read(info)
            if info.filename in spoil:
                before, after = spoil[info.filename]
                assert before in body.decode(), f"{info.filename} no longer has what is spoilt"
                body = body.decode().replace(before, after, 1).encode()
            new.writestr(info, body)
    fresh.replace(wheel)


def recap(said: str) -> dict[str, dict[str, int]]:
    """The last lines of a play: host → ok, changed, unreachable, failed."""
    found = {}
    for line in said.partition("PLAY RECAP")[2].splitlines()[1:]:
        host, colon, counts = line.partition(" : ")
        if colon:
            found[host.strip()] = {k: int(v) for k, v in (part.split("=") for part in counts.split())}
    return found


def holds(bundle: Path) -> list[str]:
    """Names in a bundle."""
    with tarfile.open(bundle) as found:
        return found.getnames()
