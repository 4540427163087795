"""Every row of the log reaches the collector once and in order, however often collector and hub come and go."""

from __future__ import annotations

import logging
import re
import socket
import sqlite3
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hub.intake.link import Broker
from hub.runtime import audit_syslog, syslog
from hub.runtime.audit_syslog import Forwarder, Place, place_of
from hub.runtime.service import Hub
from hub.runtime.syslog import Target, Tls, target_of
from hub.settings import SettingsError, load
from hub.store import audit
from hub.store.db import open_db, transaction
from tests.brokers import free_port
from tests.hub.collectors import Rsyslog, eventually

_NUMBER = re.compile(r'number="(\d+)"')


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries and looks come quickly; what is waited for is polled."""
    monkeypatch.setattr(audit_syslog, "EVERY_S", 0.02)
    monkeypatch.setattr(audit_syslog, "RETRY_S", (0.05,))


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Rsyslog]:
    made = Rsyslog(tmp_path / "rsyslog")
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
        with self._lock:
            for _ in range(rows):
                self._count += 1
                with transaction(self.db):
                    audit.append(self.db, 1000.0 + self._count, "thu.hà", "note", {"text": f'số "{self._count}"]\n'})

    def note(self, place: Place) -> None:
        with self._lock, transaction(self.db):
            place.note(self.db)

    def place(self, target: str) -> int:
        with self._lock:
            return place_of(self.db, target).id

    def forwarder(self, target: str, note: Callable[[Place], None] | None = None, tls: Tls | None = None) -> Forwarder:
        made = Forwarder(self.path, target, tls or Tls(), note or self.note)
        made.start()
        return made


def numbers(rows: list[str]) -> list[int]:
    return [int(found[1]) for row in rows if (found := _NUMBER.search(row))]


@pytest.mark.parametrize("way", ["tcp", "unix"])
def test_rsyslog_gets_every_row_once_while_it_comes_and_goes(
    way: str, tmp_path: Path, collector: Rsyslog, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    log = Log(tmp_path / "hub.db")
    log.add(250)
    collector.start()
    target = f"tcp://127.0.0.1:{collector.port}" if way == "tcp" else f"unix:{collector.socket}"
    forwarder = log.forwarder(target)
    eventually(lambda: log.place(target) == 250, "the first rows")
    collector.stop()
    log.add(5)
    eventually(lambda: "does not reach" in caplog.text, "the hub notices that nobody listens")
    assert forwarder.reached == "no"
    log.add(130)
    collector.start()
    eventually(lambda: len(collector.rows()) >= 385, "the rows that waited")
    eventually(lambda: "reaches" in caplog.messages[-1], "the good news")
    eventually(lambda: forwarder.reached == "yes", "as the console has it")
    forwarder.stop()
    log.add(3)
    again = log.forwarder(target)
    eventually(lambda: log.place(target) == 388, "those of after a restart")
    again.stop()
    eventually(lambda: len(collector.rows()) >= 388, "what it has heard is written")
    rows = collector.rows()
    assert numbers(rows) == list(range(1, 389))
    assert re.fullmatch(
        r'\[audit@32473 number="1" by="thu.hà" prev="0{64}" hash="[0-9a-f]{64}"\] diemcau-hub note \S+ 109 '
        r'\s*\ufeff?\{"text": "số \\"1\\"\]\\n"\}',
        rows[0],
    ), rows[0]
    assert len([text for text in caplog.messages if "does not reach" in text]) == 1
    assert len([text for text in caplog.messages if "again" in text]) == 1


def test_a_place_that_could_not_be_kept_repeats_rows_and_leaves_none_out(tmp_path: Path, collector: Rsyslog) -> None:
    def full(_place: Place) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    log = Log(tmp_path / "hub.db")
    log.add(3)
    collector.start()
    target = f"tcp://127.0.0.1:{collector.port}"
    first = log.forwarder(target, full)
    eventually(lambda: len(collector.rows()) == 3, "the rows go all the same")
    first.stop()
    second = log.forwarder(target)
    eventually(lambda: len(collector.rows()) == 6, "they come again")
    second.stop()
    assert numbers(collector.rows()) == [1, 2, 3, 1, 2, 3]


def test_another_collector_and_another_log_begin_with_the_oldest_row(
    tmp_path: Path, collector: Rsyslog, caplog: pytest.LogCaptureFixture
) -> None:
    log = Log(tmp_path / "hub.db")
    log.add(3)
    log.note(Place("tcp://elsewhere:514", 2, "0" * 64))
    collector.start()
    target = f"tcp://127.0.0.1:{collector.port}"
    forwarder = log.forwarder(target)
    eventually(lambda: numbers(collector.rows()) == [1, 2, 3], "the whole log")
    forwarder.stop()
    log.note(Place(target, 7, "f" * 64))  # the end of the log was cut off since
    forwarder = log.forwarder(target)
    eventually(lambda: numbers(collector.rows()) == [1, 2, 3] * 2, "the whole log again")
    forwarder.stop()
    assert "row 7 of the log of who did what is not the one that was sent" in caplog.text


def test_rows_that_were_let_go_since_are_no_other_log(tmp_path: Path, collector: Rsyslog) -> None:
    log = Log(tmp_path / "hub.db")
    log.add(5)
    collector.start()
    target = f"tcp://127.0.0.1:{collector.port}"
    forwarder = log.forwarder(target)
    eventually(lambda: log.place(target) == 5, "the whole log")
    forwarder.stop()
    log.add(1)
    with transaction(log.db):
        audit.prune(log.db, 2000.0, 2000.0)
    forwarder = log.forwarder(target)
    eventually(lambda: log.place(target) == 7, "what is left, and the row of the letting go")
    forwarder.stop()
    eventually(lambda: numbers(collector.rows()) == [1, 2, 3, 4, 5, 6, 7], "each once")


@pytest.mark.parametrize("size", [8_000_000, 12_000], ids=["more than kernels hold", "what our kernel would keep"])
def test_what_a_collector_does_not_take_counts_as_not_sent(
    size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(syslog, "ANSWER_S", 0.3)
    log = Log(tmp_path / "hub.db")
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        server.bind(("127.0.0.1", 0))
        server.listen(1)
        with transaction(log.db):
            audit.append(log.db, 1.0, "thu.hà", "note", {"text": "x" * size})
        target = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        forwarder = log.forwarder(target)
        eventually(lambda: "does not reach" in caplog.text, "it gives up")
        forwarder.stop()
    assert log.place(target) == 0


@pytest.mark.parametrize("unread", [True, False])
def test_a_collector_that_hangs_up_has_got_what_it_has_read(unread: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    line = b"<109>1 a row"
    with socket.create_server(("127.0.0.1", 0)) as server:
        channel = syslog.Channel(Target("tcp", "127.0.0.1", server.getsockname()[1]), Tls())
        far, _ = server.accept()

        def leave(_channel: syslog.Channel) -> None:
            far.recv(5 if unread else 100)
            far.close()

        monkeypatch.setattr(syslog.Channel, "_taken", leave)
        if unread:
            with pytest.raises(ConnectionResetError):
                channel.send([line])
        else:
            channel.send([line])
            with pytest.raises(ConnectionResetError, match="has hung up"):
                channel.send([line])
        channel.close()


def test_the_hub_itself_keeps_the_place(tmp_path: Path, collector: Rsyslog) -> None:
    log = Log(tmp_path / "hub.db")
    log.add(2)
    collector.start()
    target = f"tcp://127.0.0.1:{collector.port}"
    for wanted in (2, 3):
        hub = Hub(tmp_path / "hub.db", Broker(port=free_port()), commit_ms=20, syslog=target)
        hub.start()
        eventually(lambda wanted=wanted: log.place(target) == wanted, "the place of the newest row")  # type: ignore[misc]
        hub.stop()
        log.add(1)
    eventually(lambda: numbers(collector.rows()) == [1, 2, 3], "each once")


class TlsCollector:
    """Python's own TLS, which hears one connection."""

    def __init__(self, folder: Path) -> None:
        self.cert, key = folder / "cert.pem", folder / "key.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
             "-subj", "/CN=collector", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", self.cert],
            check=True, capture_output=True,
        )  # fmt: skip
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert, key)
        self._server = context.wrap_socket(socket.create_server(("127.0.0.1", 0)), server_side=True)
        self.target = f"tls://127.0.0.1:{self._server.getsockname()[1]}"
        self.heard = b""
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        try:
            while True:
                try:
                    channel, _ = self._server.accept()
                except ssl.SSLError:  # it did not trust us
                    continue
                with channel:
                    while data := channel.recv(65536):
                        self.heard += data
        except OSError:
            pass

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(10)


def test_tls_goes_to_a_collector_that_is_vouched_for_and_to_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = Log(tmp_path / "hub.db")
    log.add(2)
    collector = TlsCollector(tmp_path)
    stranger = log.forwarder(collector.target)
    eventually(lambda: "CERTIFICATE_VERIFY_FAILED" in caplog.text, "a collector that nobody vouches for is left")
    stranger.stop()
    assert collector.heard == b""
    forwarder = log.forwarder(collector.target, tls=Tls(ca=str(collector.cert)))
    eventually(lambda: log.place(collector.target) == 2, "both rows")
    forwarder.stop()
    collector.close()
    size, _, rest = collector.heard.partition(b" ")
    assert rest[: int(size)].startswith(b"<109>1 ")
    assert numbers([rest.decode()]) == [1]
    assert b'number="2"' in rest


@pytest.mark.parametrize(
    "text", ["log.example:514", "udp://log.example:514", "tcp://log.example", "tcp://:514", "unix:relative", "tls://a:x",
             "tcp://me@log.example:514", "tcp://log.example:514/x", "tcp://[::1:514"],
)  # fmt: skip
def test_a_target_that_cannot_be_read_is_one_sentence(text: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unix:/PATH"):
        target_of(text)
    (tmp_path / "hub.toml").write_text(f'[audit]\nsyslog = "{text}"\n', "utf-8")
    with pytest.raises(SettingsError) as caught:
        load(tmp_path / "hub.toml")
    (problem,) = caught.value.problems
    assert "audit.syslog" in problem
    assert "viết unix:" in problem
