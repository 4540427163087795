"""The hub's word that its version works: given once, after a minute of commits, and where the broker lets it in."""

from __future__ import annotations

import json
import sqlite3
import time
from pathlib import Path

import pytest

from hub.runtime.watchdog import TURNING_S, Watchdog
from wire.checkin import FILE


class Bench:
    """A hub's watchdog with a clock of its own."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.mono_s, self.hears = 1000.0, False
        monkeypatch.setattr(time, "monotonic", lambda: self.mono_s)
        self._dog = Watchdog(folder, "1.2.3", lambda: self.hears)
        self._db = sqlite3.connect(":memory:")
        self._path = folder / FILE

    def after(self, seconds: float) -> str | None:
        """What has been checked in after so long."""
        self.mono_s += seconds
        self._dog(self._db, 0.0)
        return json.loads(self._path.read_text("utf-8"))["version"] if self._path.exists() else None

    def forget(self) -> None:
        self._path.unlink()


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(tmp_path, monkeypatch)


def test_a_hub_that_no_broker_lets_in_never_checks_in(bench: Bench) -> None:
    assert bench.after(TURNING_S) is None
    assert bench.after(3600.0) is None
    bench.hears = True
    assert bench.after(1.0) == "1.2.3"


def test_a_hub_checks_in_after_a_minute_and_once(bench: Bench) -> None:
    bench.hears = True
    assert bench.after(TURNING_S - 1.0) is None
    assert bench.after(1.0) == "1.2.3"
    bench.forget()
    assert bench.after(60.0) is None
