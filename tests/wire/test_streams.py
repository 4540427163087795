"""A command's output cannot end it: letters that a terminal lacks, a reader that has gone, no output at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hub.store.db import open_reader

ROOMS = "tinh_code;tinh;cum;xa_code;xa;tru_so;room;name\n38;Thanh Hóa;Cụm 1;14797;Hạc Thành;UBND;th-1;Phòng 1\n"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "rooms.csv").write_text(ROOMS, "utf-8")
    (tmp_path / "hub.toml").write_text('data_dir = "d"\n', "utf-8")
    return tmp_path / "hub.toml"


def shell(config: Path, line: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run one line of a shell, in which `$HUB` is the program and `$C` its settings."""
    names = {"HUB": f"{sys.executable} -m hub.main", "AGENT": f"{sys.executable} -m agent.main", "C": str(config)}
    repository = str(Path(__file__).parents[2])
    return subprocess.run(
        ["bash", "-c", line], cwd=config.parent, capture_output=True, check=False,
        env={**os.environ, "PYTHONPATH": repository, **names, **environment},
    )  # fmt: skip


def rooms(config: Path) -> int:
    reader = open_reader(config.parent / "d/hub.db")
    count = int(reader.execute("SELECT COUNT(*) FROM rooms").fetchone()[0])
    reader.close()
    return count


IMPORT = "$HUB import-rooms rooms.csv --config $C"


@pytest.mark.parametrize(
    ("line", "environment"),
    [
        (IMPORT, {"PYTHONIOENCODING": "ascii"}),
        (IMPORT, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}),
        (IMPORT + " >&-", {}),
        (IMPORT + " >&- 2>&- <&-", {}),
        ("set -o pipefail; " + IMPORT + " | true", {}),
    ],
)
def test_what_has_been_done_is_reported_as_done(config: Path, line: str, environment: dict[str, str]) -> None:
    done = shell(config, line, **environment)
    assert (done.returncode, done.stderr) == (0, b"")
    assert rooms(config) == 1


def test_letters_that_are_missing_are_written_out(config: Path) -> None:
    assert b"1 ph\\xf2ng" in shell(config, IMPORT, PYTHONIOENCODING="ascii").stdout


def test_an_export_whose_reader_has_gone_says_nothing(config: Path) -> None:
    shell(config, "for n in $(seq 3); do $HUB add-user u-$n --config $C; done; " + IMPORT)
    done = shell(config, "set -o pipefail; $HUB audit export --csv - --config $C | true")
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("end", [" >&-", " | true", " 2>&-"])
@pytest.mark.parametrize(
    "command", ["$AGENT check-config none.toml", "$AGENT --version", "$HUB check-config none.toml"]
)
def test_no_command_ends_with_a_traceback(config: Path, command: str, end: str) -> None:
    done = shell(config, command + end, PYTHONIOENCODING="ascii")
    assert b"Traceback" not in done.stderr
    assert b"Exception" not in done.stderr
