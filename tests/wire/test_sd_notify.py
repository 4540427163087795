"""The service manager is told, wherever its socket is, and its absence harms nothing."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from wire.sd_notify import notify


def listen(address: str) -> socket.socket:
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    channel.bind(address)
    channel.settimeout(5)
    return channel


def test_a_word_arrives_at_a_path_and_at_an_abstract_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    abstract = f"diemcau-test-{os.getpid()}"
    for name, address in ((str(tmp_path / "n"), str(tmp_path / "n")), (f"@{abstract}", f"\0{abstract}")):
        with listen(address) as channel:
            monkeypatch.setenv("NOTIFY_SOCKET", name)
            assert notify("READY=1")
            assert channel.recv(100) == b"READY=1"


def test_nobody_listening_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not notify("WATCHDOG=1")
    assert not notify("WATCHDOG=1", str(tmp_path / "gone"))
