"""What cannot be asked of the demonstration: one sentence, in Vietnamese and in English, that says what would do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sim.asked import DemoOptions, mistake
from sim.main import diemcau


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--port", "80000"], "--port 80000: use a number from 0 to 65535"),
        (["--port", "-1"], "--port -1: use a number from 0 to 65535"),
        (["--port", "web"], "diemcau demo: argument --port: invalid int value: 'web'"),
        (["--rooms", "0"], "--rooms 0: use a number from 1 to 664"),
        (["--rooms", "700"], "--rooms 700: use a number from 1 to 664"),
        (["--real", "-1"], "--real -1: use a number from 0 to 6"),
        (["--real", "7"], "--real 7: use a number from 0 to 6"),
        (["--for", "soon"], "diemcau demo: argument --for: must be 1 to 604800 seconds"),
        (["--for", "0"], "diemcau demo: argument --for: must be 1 to 604800 seconds"),
        (["--json", "/nowhere/at/all.json"], "--json: there is no folder /nowhere/at: make it first"),
        (["--data", "/dev/null"], "/dev/null is no folder: choose another name"),
        (["--data", "/tmp/" + "x" * 90], f"/tmp/{'x' * 90} is too long a name for the sockets in it: use --data"),
        (["--loud"], "diemcau: unrecognized arguments: --loud"),
    ],
)
def test_a_mistake_is_one_sentence_a_language(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = diemcau(["demo", *words])
    except SystemExit as ended:
        code = int(ended.code or 0)
    said = capsys.readouterr()
    assert code == 2
    assert said.out == ""
    vi, en = said.err.splitlines()
    assert en.startswith(sentence)
    assert vi != en
    assert re.search(r"[ăâđêôơưáàảãạếềọợử]", vi)


def test_what_can_be_is_no_mistake(tmp_path: Path) -> None:
    assert mistake(DemoOptions()) is None
    assert (
        mistake(DemoOptions(port=0, rooms=664, real=0, data=Path("/tmp/dc-new"), json_file=tmp_path / "a.json")) is None
    )
