"""Places that tests need: a network where nobody answers, a pair of pseudo-terminals, a program that must be there."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
NAMESPACE = """
set -e
ip link set lo up
ip link add quiet0 type veth peer name quiet1
ip addr add 10.99.0.2/24 dev quiet0
ip link set quiet0 up
ip link set quiet1 up
# A known hardware address, so that packets leave and nobody answers; other addresses fail at ARP.
ip neigh add 10.99.0.9 lladdr 02:00:00:00:00:09 dev quiet0
exec "$0" -c "$1"
"""


def program(name: str) -> str:
    """Full path of a program; a failure that says what to do when it is missing.

    Found also when only root may run it: whether this test may is another question than whether it is installed.
    """
    found = shutil.which(name, mode=os.F_OK, path=SYSTEM_PATH)
    if found is None and not name.startswith("/"):
        pytest.fail(f"{name} is not installed: `make test` installs what the tests need", pytrace=False)
    if found is None and not Path(name).exists():
        pytest.fail(f"{name} is not there: `make test` installs what the tests need", pytrace=False)
    return found or name


def in_quiet_network(code: str, timeout_s: float = 60, *, mounts: bool = False) -> str:
    """Run Python in a network of its own, where 10.99.0.0/24 is routed to nobody; what it printed.

    `mounts`: also with mounts of its own. Run as root, else through sudo, which has to do without a password by then.
    """
    # Nothing of root's may stay in a user's folder.
    as_root = ["env", f"PATH={SYSTEM_PATH}", "PYTHONDONTWRITEBYTECODE=1"]
    if os.geteuid() != 0:
        as_root = [program("sudo"), "-n", *as_root]
        if subprocess.run([*as_root, "true"], stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode:
            pytest.fail("a network namespace needs root: run `sudo -v` and then `make test`", pytrace=False)
    done = subprocess.run(
        [*as_root, program("unshare"), "-n", *(["-m"] if mounts else []), "sh", "-c", NAMESPACE, sys.executable, code],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextlib.contextmanager
def pty_pair(folder: Path) -> Iterator[tuple[str, str]]:
    """Two device files joined by socat, as two serial ports by a cable."""
    near, far = folder / "near", folder / "far"
    socat = subprocess.Popen(
        [program("socat"), f"pty,raw,echo=0,link={near}", f"pty,raw,echo=0,link={far}"],
        stderr=subprocess.DEVNULL,
    )
    try:
        eventually(lambda: near.exists() and far.exists(), "socat made no pseudo-terminals")
        yield str(near), str(far)
    finally:
        socat.terminate()
        socat.wait(10)


def eventually(holds: Callable[[], bool], text: str, within_s: float = 20.0) -> None:
    """Wait until something holds."""
    deadline_s = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > deadline_s:
            pytest.fail(text)
        time.sleep(0.02)
