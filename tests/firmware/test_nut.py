"""The real upsd takes our files: its own parser is the judge."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from tests.firmware.checks import ini, lines
from tests.firmware.test_configs import CONFIGS, text

DRIVERS = Path("/lib/nut")


def test_only_this_board_may_ask() -> None:
    words = [line.split() for line in lines(text("nut", "upsd.conf"))]
    listening = [line[1] for line in words if line[0] == "LISTEN"]
    assert listening == ["127.0.0.1"]
    assert "MODE=standalone" in lines(text("nut", "nut.conf"))
    assert not list(lines(text("nut", "upsd.users"))), "nobody may give orders to the UPS"


def test_the_name_and_the_driver_exist() -> None:
    from agent.config.devices import UpsConfig

    section = ini("[DEFAULT_]\n" + text("nut", "ups.conf"))[UpsConfig().name]
    assert (DRIVERS / section["driver"]).exists(), "no such driver in Debian's nut-server"


@pytest.mark.parametrize("spoil", ["", "MAXAG 25"])
def test_upsd_reads_them(tmp_path: Path, spoil: str) -> None:
    for name in ("nut.conf", "ups.conf", "upsd.conf", "upsd.users"):
        shutil.copy(CONFIGS / "nut" / name, tmp_path / name)
        (tmp_path / name).chmod(0o640)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    (tmp_path / "upsd.conf").write_text(text("nut", "upsd.conf").replace("3493", port) + spoil + "\n", "utf-8")
    # Its drivers want hardware; what is judged here are the files.
    (tmp_path / "ups.conf").write_text(text("nut", "ups.conf").replace("nutdrv_qx", "dummy-ups"), "utf-8")
    upsd = subprocess.Popen(
        [DRIVERS / "upsd", "-D", "-F", "-u", getpass.getuser()],
        env=os.environ | {"NUT_CONFPATH": str(tmp_path), "NUT_STATEPATH": str(tmp_path)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert upsd.stdout is not None
    said = ""
    try:
        for line in upsd.stdout:
            said += line
            if "listening on" in line:
                break
    finally:
        upsd.kill()
        upsd.communicate(timeout=10)
    assert f"listening on 127.0.0.1 port {port}" in said, said
    assert ("invalid directive" in said.lower()) == bool(spoil), said
