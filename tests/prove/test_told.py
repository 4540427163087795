"""What people are told of rooms is true: the judge itself, and a whole morning under its eyes."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sim.process import free_port
from tests.prove.recorder import Recorder
from tests.prove.told import MAY_LAG_S, Book, Said, Truth, of_line, of_list, of_page

LASTS_S = 60
READY_S = 180.0
HUNG = Truth(("codec_hang_soft",))


def told(what: str, *truths: Truth) -> Book:
    """A statement that is repeated each second, with the truth of each."""
    book = Book()
    for at_s, truth in enumerate(truths):
        book.look(float(at_s), [Said("r", "tile", what)], {"r": truth})
    book.close()
    return book


def test_what_lags_is_no_untruth_and_what_stays_is() -> None:
    assert told("ready", *[HUNG] * 11).untrue_s == 0
    assert told("ready", *[HUNG] * 14).untrue_s == pytest.approx(13 - 10.4)
    assert told("ready", *[HUNG] * 10, Truth(), *[HUNG] * 10).untruths == []
    assert told("ready", *[Truth(("room_dark",))] * 17).untrue_s == pytest.approx(16 - 15.8)


def test_what_still_stands_after_a_fault_may_lag_as_the_fault_did() -> None:
    book = told("stands", Truth(("room_dark",)), *[Truth()] * 18)
    assert book.untrue_s == pytest.approx(17 - 15.8)
    assert book.untruths[0].faults == ("room_dark",)


def test_nothing_said_is_nothing_wrong() -> None:
    book = Book()
    book.look(0.0, [Said("r", "tile", "ready")], {"r": HUNG})
    book.look(60.0, [], {"r": HUNG})
    book.close()
    assert book.untruths == []


def test_what_was_not_looked_at_is_taken_to_be_as_before() -> None:
    book, said = Book(), Said("r", "page", "ready")
    book.look(0.0, [said], {"r": HUNG})
    book.look(8.0, [], {"r": HUNG}, lambda one: one == said)
    book.look(16.0, [said], {"r": HUNG})
    book.close()
    assert book.untrue_s == pytest.approx(16 - 10.4)


@pytest.mark.parametrize(
    ("what", "right", "wrong"),
    [
        ("ready", Truth(), HUNG),
        ("ready", Truth(("overheating",), temp_c=33.0), Truth(("overheating",), temp_c=36.0)),
        ("fault", HUNG, Truth()),
        ("check", Truth(out=("codec",)), Truth()),
        ("lost", Truth(heard=False), HUNG),
        ("stands", Truth(heard=False), Truth()),
        ("working", Truth(out=("codec",)), HUNG),
        ("in a call", Truth(in_call=True), HUNG),
        ("unheard", Truth(heard=False), HUNG),
    ],
)
def test_each_statement_has_its_truth(what: str, right: Truth, wrong: Truth) -> None:
    assert told(what, *[right] * 20).untrue_s == 0
    assert 0 < told(what, *[wrong] * 20).untrue_s < 19


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("Phòng đang tự khởi động lại máy họp (khoảng 3 phút).", ["stands", "working"]),
        ("Phòng chưa tự khởi động lại: phòng đang trong cuộc họp.", ["stands", "in a call"]),
        ("Phòng mất kết nối từ 08:10, bây giờ chưa rõ lỗi này còn hay không.", ["unheard"]),
        ("Vừa hết lúc 08:10, có thể lặp lại.", []),
    ],
)
def test_a_line_is_read(line: str, said: list[str]) -> None:
    assert [one.what for one in of_line("r", "row", line)] == said


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder whose name is short enough for the sockets in it."""
    with tempfile.TemporaryDirectory(prefix="told-") as name:
        yield Path(name)


@pytest.mark.prove
@pytest.mark.timeout(600)
def test_a_morning_is_told_as_it_is(tmp_path: Path, short: Path) -> None:
    port = free_port(0)
    command = [str(Path(sys.executable).with_name("diemcau")), "demo", "--headless", "--for", str(LASTS_S)]
    command += ["--port", str(port), "--data", str(short)]
    log = tmp_path / "demo.log"
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out) as demo:
        try:
            recorder = _recorder(demo, short, port, log)
            recorder.start()
            demo.wait(READY_S + LASTS_S + 120)
            recorder.stop()
        finally:
            demo.terminate()
    book = recorder.book
    sys.stdout.write(
        f"{book.seconds} looks, at most {recorder.late_s:.1f} s apart, {book.statements} statements,"
        f" {book.untrue_s:.1f} s of untruth older than {MAY_LAG_S:.0f} s and the room's own looks\n"
        + "".join(f"  {one}\n" for one in sorted(book.untruths, key=lambda one: -one.lasted_s))
    )
    assert book.seconds > LASTS_S / 2, log.read_text("utf-8")
    assert {"tile", "row", "page"} <= recorder.places
    # A wait for the processor says nothing of the console: the target is printed, five times as much is held.
    assert [str(one) for one in book.untruths if one.lasted_s > 4 * MAY_LAG_S] == []


def _recorder(demo: subprocess.Popen[bytes], data: Path, port: int, log: Path) -> Recorder:
    """Once all rooms are heard, which is when the morning begins."""
    until_s = time.monotonic() + READY_S
    while "rooms heard after" not in log.read_text("utf-8"):
        assert demo.poll() is None, log.read_text("utf-8")
        assert time.monotonic() < until_s, log.read_text("utf-8")
        time.sleep(0.05)
    login = ("truc", (data / "hub" / "operator.password").read_text("utf-8").strip())
    return Recorder(port, login, [data / "fleet.sock", data / "real" / "hardware.sock"])


def test_rows_and_pages_are_read_as_they_are_drawn() -> None:
    row = '<li id="r7" data-id="7" data-room="x-1"><a><b>Máy bị treo</b>\n<small>Phòng đang tự bật.</small></a>'
    page = (
        '<header class="head s-fault" id="f-head"></header><ul class="faults"><li class="s-major">'
        '<a href="/incidents/7"><span><b>Máy</b><small>Phòng đang tự bật.</small></span></a></li></ul>'
    )
    assert [(one.room, one.what) for one in of_list(row)] == [("x-1", "stands"), ("x-1", "working")]
    assert [one.what for one in of_page("x-1", page)] == ["fault", "stands", "working"]
