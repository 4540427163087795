"""The broker of the demonstration, where there is none to be had."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sim import broker
from sim.process import StartError


def test_a_machine_without_mosquitto_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(StartError, match="apt install mosquitto"):
        broker.start(tmp_path / "broker", 1)
