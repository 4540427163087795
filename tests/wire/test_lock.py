"""Two programs on one folder: the second one ends at once, and says so. Nothing else is ever stopped by a lock."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from wire import lock

HOLDER = "import sys, pathlib, time; from wire import lock; h = lock.hold(pathlib.Path(sys.argv[1])); print(h.sure, flush=True); time.sleep(60)"  # noqa: E501


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another program that holds the folder."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"True\n"
    yield process
    process.kill()
    process.communicate()


def test_a_folder_is_held_once_and_by_its_program_alone(tmp_path: Path, holder: subprocess.Popen[bytes]) -> None:
    began_s = time.monotonic()
    with pytest.raises(lock.TakenError) as taken:
        lock.hold(tmp_path)
    assert time.monotonic() - began_s < 1.5
    assert str(tmp_path) in str(taken.value)
    assert f"(process {holder.pid})" in str(taken.value)
    assert "\n" not in str(taken.value)
    holder.kill()
    holder.wait()
    held = lock.hold(tmp_path)
    assert held.sure, "the kernel lets go with the process"
    held.close()
    held.close()
    again = lock.hold(tmp_path)
    assert again.sure
    again.close()


def test_one_that_is_just_ending_is_waited_for(tmp_path: Path) -> None:
    first = lock.hold(tmp_path)
    code = "import sys, pathlib; from wire import lock; print(1, flush=True); "
    code += "print(lock.hold(pathlib.Path(sys.argv[1]), wait_s=20).sure)"
    second = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE)
    assert second.stdout is not None
    assert second.stdout.readline() == b"1\n"
    first.close()
    assert second.communicate(timeout=30)[0] == b"True\n"


def test_a_missing_folder_is_made_or_not(tmp_path: Path) -> None:
    assert not lock.hold(tmp_path / "a" / "b", make=False).sure
    held = lock.hold(tmp_path / "a" / "b")
    assert held.sure
    held.close()


@pytest.mark.parametrize("error", [PermissionError(13, "no"), OSError(28, "full"), OSError(30, "read-only")])
def test_a_card_that_takes_no_lock_stops_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr("wire.lock.fcntl.flock", fails)
        assert not lock.hold(tmp_path).sure
    (tmp_path / "file").write_bytes(b"")
    assert not lock.hold(tmp_path / "file" / "state").sure
    assert caplog.text.count("going on without") == 2


def test_a_killed_program_that_the_kernel_does_not_let_go_holds_nobody_up(
    tmp_path: Path, holder: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dead card keeps a process in the kernel for ever; its room must not be given up for that."""
    monkeypatch.setattr(lock, "_is_dying", lambda process: process == holder.pid)
    assert not lock.hold(tmp_path).sure


def test_who_is_dying_is_read_from_the_kernel(holder: subprocess.Popen[bytes]) -> None:
    assert not lock._is_dying(os.getpid())
    assert not lock._is_dying(2**22 + 1)
    holder.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, holder.pid, os.WEXITED | os.WNOWAIT)
    assert lock._is_dying(holder.pid), "a zombie"
