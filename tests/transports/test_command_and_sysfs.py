from __future__ import annotations

import time
from pathlib import Path

import pytest

from agent.transports.command import run_command
from agent.transports.errors import LinkFault
from agent.transports.sysfs import named_folders, read_number, read_text


def kind_of(command: tuple[str, ...], timeout_s: float = 10) -> str:
    with pytest.raises(LinkFault) as fault:
        run_command(command, timeout_s)
    return fault.value.kind


def test_a_program_says_something() -> None:
    assert run_command(("echo", "throttled=0x0"), 10) == "throttled=0x0\n"


def test_programs_that_fail() -> None:
    assert kind_of(("no-such-program-here",)) == "link"
    assert kind_of(("false",)) == "refused"


def test_a_program_that_hangs_is_killed() -> None:
    began_s = time.monotonic()
    assert kind_of(("sleep", "60"), 0.2) == "timeout"
    assert time.monotonic() - began_s < 10


def test_files(tmp_path: Path) -> None:
    (tmp_path / "temp").write_text("23450\n")
    (tmp_path / "bad").write_text("none\n")
    assert read_number(tmp_path / "temp") == 23450
    assert read_text(tmp_path / "bad") == "none"
    for name, kind in (("bad", "garbled"), ("missing", "link"), (".", "link")):
        with pytest.raises(LinkFault) as fault:
            read_number(tmp_path / name)
        assert fault.value.kind == kind


def test_folders_are_found_by_name_not_by_index(tmp_path: Path) -> None:
    for folder, name in (("hwmon0", "cpu_thermal"), ("hwmon3", "rpi_volt"), ("hwmon1", "nvme")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "name").write_text(name + "\n")
    (tmp_path / "hwmon2").mkdir()
    assert [folder.name for folder in named_folders(tmp_path, "rpi_volt")] == ["hwmon3"]
    assert list(named_folders(tmp_path / "nowhere", "rpi_volt")) == []
