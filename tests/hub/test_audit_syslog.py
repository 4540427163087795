"""Every row of the log reaches this machine's syslog in order, however often that and the hub come and go."""

from __future__ import annotations

import fcntl
import json
import logging
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hub.intake.link import Broker
from hub.runtime import audit_syslog, syslog
from hub.runtime.audit_syslog import Forwarder, Place, place_of
from hub.runtime.service import Hub
from hub.runtime.syslog import LINE_MAX_BYTES, LocalSyslog, line_of
from hub.settings import SettingsError, load
from hub.store import audit
from hub.store.db import open_db, transaction
from tests.brokers import free_port
from tests.hub.collectors import Rsyslog, eventually, once, reader


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries and looks come quickly; what is waited for is polled."""
    monkeypatch.setattr(audit_syslog, "EVERY_S", 0.02)
    monkeypatch.setattr(audit_syslog, "PACE_S", 0.02)
    monkeypatch.setattr(audit_syslog, "RETRY_S", (0.05,))


@pytest.fixture
def rsyslog(tmp_path: Path) -> Iterator[Rsyslog]:
    made = reader(tmp_path / "rsyslog")
    yield made
    made.stop()


class Log:
    """A database with a log, and its one writer."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.db = open_db(path)
        self._lock = threading.Lock()
        self._count = 0

    def add(self, rows: int) -> None:
        with self._lock, transaction(self.db):
            for _ in range(rows):
                self._count += 1
                audit.append(self.db, 1000.0 + self._count, "thu.hà", "note", {"text": f'số "{self._count}"]\n\x7f'})

    def note(self, place: Place) -> None:
        with self._lock, transaction(self.db):
            place.note(self.db)

    def place(self, target: str) -> int:
        with self._lock:
            return place_of(self.db, target).id

    def forwarder(self, target: str, note: Callable[[Place], None] | None = None) -> Forwarder:
        made = Forwarder(self.path, target, note or self.note)
        made.start()
        return made


def test_rsyslog_gets_every_row_while_it_comes_and_goes(
    tmp_path: Path, rsyslog: Rsyslog, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    log = Log(tmp_path / "hub.db")
    log.add(250)
    rsyslog.start()
    target = str(rsyslog.socket)
    forwarder = log.forwarder(target)
    eventually(lambda: log.place(target) == 250, "the first rows")
    rsyslog.stop()
    log.add(5)
    eventually(lambda: "does not reach" in caplog.text, "the hub notices that nobody listens")
    assert forwarder.reached == "no"
    log.add(130)
    rsyslog.start()
    eventually(lambda: log.place(target) == 385, "the rows that waited")
    eventually(lambda: "reaches" in caplog.messages[-1], "the good news")
    eventually(lambda: forwarder.reached == "yes", "as the console has it")
    forwarder.stop()
    log.add(3)
    again = log.forwarder(target)
    eventually(lambda: log.place(target) == 388, "those of after a restart")
    again.stop()
    eventually(lambda: len(rsyslog.rows()) >= 390, "what it has read is written")
    assert rsyslog.numbers() == [*range(1, 251), *range(250, 386), *range(385, 389)], "the last one once more"
    assert rsyslog.rows()[0].startswith("diemcau-audit ")
    assert " 109 " in rsyslog.rows()[0]
    assert len([text for text in caplog.messages if "does not reach" in text]) == 1
    assert len([text for text in caplog.messages if "again" in text]) == 1


def test_what_arrives_proves_itself(tmp_path: Path, rsyslog: Rsyslog) -> None:
    log = Log(tmp_path / "hub.db")
    log.add(20)
    rsyslog.start()
    forwarder = log.forwarder(str(rsyslog.socket))
    eventually(lambda: len(rsyslog.rows()) == 20, "the log")
    forwarder.stop()
    last = audit.GENESIS
    for row in rsyslog.told():
        detail = json.dumps(row["detail"], ensure_ascii=False, sort_keys=True)
        assert row["prev"] == last
        last = audit.row_hash(last, row["id"], row["at_s"], row["by"], row["what"], detail)
        assert row["hash"] == last
    assert audit.head(log.db).hash == last
    assert rsyslog.told()[0]["time"] == "1970-01-01T00:16:41.000+00:00"


def test_a_row_that_syslog_would_cut_goes_without_its_detail() -> None:
    row = (7, 1.0, "thu.hà", "note", json.dumps({"text": "ệ" * 4000}, ensure_ascii=False), "0" * 64, "f" * 64)
    line = line_of(row)
    assert len(line) <= LINE_MAX_BYTES
    told = json.loads(line.partition(b": ")[2])
    assert "detail" not in told
    assert told["detail_bytes"] == 12_012
    assert told["id"] == 7


def test_a_row_whose_detail_another_hand_has_spoilt_holds_up_nothing() -> None:
    line = line_of((7, 1.0, "thu.hà", "note", "{", "0" * 64, "f" * 64))
    assert json.loads(line.partition(b": ")[2])["detail"] == "{"


def test_a_place_that_could_not_be_kept_repeats_rows_and_leaves_none_out(tmp_path: Path, rsyslog: Rsyslog) -> None:
    def full(_place: Place) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    log = Log(tmp_path / "hub.db")
    log.add(3)
    rsyslog.start()
    first = log.forwarder(str(rsyslog.socket), full)
    eventually(lambda: rsyslog.numbers() == [1, 2, 3], "the rows go all the same")
    first.stop()
    second = log.forwarder(str(rsyslog.socket))
    eventually(lambda: rsyslog.numbers() == [1, 2, 3, 1, 2, 3], "they come again")
    second.stop()


def test_another_socket_and_another_log_begin_with_the_oldest_row(
    tmp_path: Path, rsyslog: Rsyslog, caplog: pytest.LogCaptureFixture
) -> None:
    log = Log(tmp_path / "hub.db")
    log.add(3)
    log.note(Place("/dev/elsewhere", 2, "0" * 64))
    rsyslog.start()
    target = str(rsyslog.socket)
    forwarder = log.forwarder(target)
    eventually(lambda: rsyslog.numbers() == [1, 2, 3], "the whole log")
    forwarder.stop()
    log.note(Place(target, 7, "f" * 64))  # the end of the log was cut off since
    forwarder = log.forwarder(target)
    eventually(lambda: rsyslog.numbers() == [1, 2, 3] * 2, "the whole log again")
    forwarder.stop()
    assert "row 7 of the log of who did what is not the one that was sent" in caplog.text


def test_rows_that_were_let_go_since_are_no_other_log(tmp_path: Path, rsyslog: Rsyslog) -> None:
    log = Log(tmp_path / "hub.db")
    log.add(5)
    rsyslog.start()
    target = str(rsyslog.socket)
    forwarder = log.forwarder(target)
    eventually(lambda: log.place(target) == 5, "the whole log")
    forwarder.stop()
    log.add(1)
    with transaction(log.db):
        audit.prune(log.db, 2000.0, 2000.0)
    forwarder = log.forwarder(target)
    eventually(lambda: log.place(target) == 7, "what is left, and the row of the letting go")
    forwarder.stop()
    eventually(lambda: rsyslog.numbers() == [1, 2, 3, 4, 5, 6, 7], "each once")


def bound(path: Path) -> socket.socket:
    """A socket that nobody reads."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    made.bind(str(path))
    return made


@pytest.mark.parametrize("rows", [1, 50], ids=["what the queue takes", "more than the queue takes"])
def test_what_nobody_reads_counts_as_not_sent(
    rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(syslog, "ANSWER_S", 0.2)
    log = Log(tmp_path / "hub.db")
    log.add(rows)
    with bound(tmp_path / "log"):
        forwarder = log.forwarder(str(tmp_path / "log"))
        eventually(lambda: "does not reach" in caplog.text, "it gives up")
        forwarder.stop()
    assert log.place(str(tmp_path / "log")) == 0


@pytest.mark.parametrize("successor", [False, True], ids=["nobody follows", "another one is there at once"])
def test_what_a_reader_that_died_had_not_read_counts_as_not_sent(
    successor: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, ioctl = tmp_path / "log", fcntl.ioctl
    first, later = bound(path), []
    local = LocalSyslog(str(path))

    def die(asked: socket.socket, question: int, room: bytes) -> bytes:
        first.close()
        if successor:
            path.unlink()
            later.append(bound(path))
        return ioctl(asked, question, room)

    monkeypatch.setattr(fcntl, "ioctl", die)
    with pytest.raises(ConnectionError):
        local.send([b"<109>diemcau-audit: {}"])
    local.close()
    for one in later:
        one.close()


def test_the_hub_itself_keeps_the_place(tmp_path: Path, rsyslog: Rsyslog) -> None:
    log = Log(tmp_path / "hub.db")
    log.add(2)
    rsyslog.start()
    target = str(rsyslog.socket)
    for wanted in (2, 3):
        hub = Hub(tmp_path / "hub.db", Broker(port=free_port()), commit_ms=20, syslog=target)
        hub.start()
        eventually(lambda wanted=wanted: log.place(target) == wanted, "the place of the newest row")  # type: ignore[misc]
        hub.stop()
        log.add(1)
    eventually(lambda: once(rsyslog.numbers()) == [1, 2, 3], "each of them")


@pytest.mark.parametrize(
    "text", ["log.example:514", "tcp://log.example:514", "unix:/dev/log", "dev/log", "/" + "x" * 107]
)
def test_a_socket_that_cannot_be_one_is_one_sentence(text: str, tmp_path: Path) -> None:
    (tmp_path / "hub.toml").write_text(f'[audit]\nsyslog = "{text}"\n', "utf-8")
    with pytest.raises(SettingsError) as caught:
        load(tmp_path / "hub.toml")
    (problem,) = caught.value.problems
    assert "audit.syslog" in problem
    assert "ghi đường dẫn ổ cắm syslog của máy này" in problem
    assert "must be a path like /dev/log" in problem
