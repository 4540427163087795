"""The example of docs/add-a-device.md, judged in a copy of the project as the document says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.source import ROOT

BLOCKS = re.compile(r"^<!-- (\S+) -->\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
IN_CALL = {
    "# expect codec.in_call = false": "# expect codec.in_call = true",
    "# event CALL=NONE": "# event CALL=ACTIVE",
    "\nCALL=NONE\n": "\nCALL=ACTIVE\n",
}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The agent and its conformance kit, with the document's two files and the recording that differs by its words."""
    for folder in ("agent", "tests/devices"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "tests/__init__.py", "tests/effort.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    blocks = dict(BLOCKS.findall((ROOT / "docs" / "add-a-device.md").read_text("utf-8")))
    assert [Path(name).name for name in blocks] == ["sample_vx.py", "idle.txt"]
    for name, text in blocks.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    idle = tmp_path / "tests/devices/recordings/sample_vx/idle.txt"
    called = idle.read_text("utf-8")
    for said, instead in IN_CALL.items():
        assert called.count(said) == 1, said
        called = called.replace(said, instead)
    idle.with_name("in_call.txt").write_text(called, "utf-8")
    return tmp_path


def ran(place: Path, *command: str) -> str:
    """What a tool of this project says in the copy, with its return code."""
    environment = {**os.environ, "PYTHONPATH": str(place), "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("PYTEST_ADDOPTS", None)
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=place, env=environment, capture_output=True, text=True, timeout=300
    )
    return f"{done.stdout}{done.stderr}\nrc={done.returncode}"


def judged(place: Path, *options: str) -> str:
    kit = "tests/devices/test_conformance.py"
    return ran(place, "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", "-k", "sample_vx", kit, *options)


@pytest.mark.timeout(300)
def test_the_example_is_a_good_one(copy: Path) -> None:
    said = judged(copy)
    assert said.endswith("rc=0"), said[-3000:]
    passed = re.search(r"(\d+) passed", said)
    assert passed is not None
    assert int(passed[1]) > 40
    for check in (("check",), ("format", "--check")):
        said = ran(copy, "ruff", *check, "agent/devices/codec/sample_vx.py")
        assert said.endswith("rc=0"), said


@pytest.mark.timeout(300)
def test_the_kit_would_notice_a_bad_one(copy: Path) -> None:
    """What the document warns of: a call told unasked that is not believed."""
    file = copy / "agent/devices/codec/sample_vx.py"
    text = file.read_text("utf-8")
    assert text.count("True if self._call_told else called") == 1
    file.write_text(text.replace("True if self._call_told else called", "called"), "utf-8")
    said = judged(copy, "-x")
    assert "test_an_event_about_a_call_is_believed_at_once" in said, said[-3000:]
    assert said.endswith("rc=1")


@pytest.mark.timeout(300)
def test_the_kit_demands_that_a_call_is_asked_for_apart(copy: Path) -> None:
    file = copy / "agent/devices/codec/sample_vx.py"
    text = file.read_text("utf-8")
    assert text.count('return [Query("CALL", "CALL?")]') == 1
    file.write_text(text.replace('return [Query("CALL", "CALL?")]', "return []"), "utf-8")
    said = judged(copy, "-k", "sample_vx and apart")
    assert "test_a_call_is_asked_for_apart" in said, said[-3000:]
    assert said.endswith("rc=1")


IDLE = "tests/devices/recordings/sample_vx/idle.txt"
TELLS = "# call-event CALL=RINGING\n"


def altered(place: Path, old: str, new: str) -> None:
    text = (place / IDLE).read_text("utf-8")
    assert text.count(old) == 1, old
    (place / IDLE).write_text(text.replace(old, new), "utf-8")


@pytest.mark.timeout(300)
def test_a_codec_that_says_nothing_unasked_passes(copy: Path) -> None:
    altered(copy, TELLS, "# call-event none\n")
    file = copy / "agent/devices/codec/sample_vx.py"
    text = file.read_text("utf-8")
    file.write_text(text.replace("True if self._call_told else called", "called"), "utf-8")
    said = judged(copy)
    assert said.endswith("rc=0"), said[-3000:]


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (TELLS, "", "['sample_vx/idle']: `# call-event` is missing: what it sends by itself"),
        ("# calls CALL?\n", "", "sample_vx: `# calls QUESTION` is missing"),
        ("# calls CALL?\n", "# call CALL?\n", "sample_vx/idle.txt: the header 'call' is not known"),
        ("codec.volume_pct = 70", "codec.volume_pct = high", "sample_vx/idle.txt: `# expect codec.volume_pct = high`"),
    ],
    ids=["no call-event", "no calls", "misspelt", "no value"],
)
def test_a_recording_without_its_header_is_told_so(copy: Path, old: str, new: str, sentence: str) -> None:
    altered(copy, old, new)
    said = judged(copy, "-x")
    assert sentence in said, said[-3000:]
    assert said.endswith(("rc=1", "rc=2"))
    assert "max()" not in said
