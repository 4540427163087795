"""A board without a battery begins in 1970: it is told that its clock is wrong, not the certificate."""

from __future__ import annotations

import contextlib
import logging
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from agent.commands.enrol import EnrolError, enrol
from agent.store.memory import MemoryStore
from agent.transports.clock import SystemClock
from agent.uplink.publisher import BrokerConfig, Publisher
from agent.uplink.report import Identity
from agent.uplink.session import Session
from hub.intake.link import Broker, Link
from hub.pki.authority import now_utc
from tests.brokers import until
from tests.pki.lab import forge, pki
from wire.tls import client_context, why_not_believed

AHEAD, BEHIND = timedelta(days=30), timedelta(days=-30)


@contextlib.contextmanager
def server(folder: Path, off: timedelta) -> Iterator[tuple[int, Path]]:
    """One that shakes hands with a certificate of another time, as a board sees it whose clock is off. Its port, and
    whom to believe."""
    authority = folder / "authority"
    assert pki(authority, "init") == 0
    forge(authority, folder, "127.0.0.1", now_utc() + off, days=20, profile="server")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "127.0.0.1.crt", folder / "127.0.0.1.key")

    def shake_hands() -> None:
        while True:
            try:
                caller, _ = listener.accept()
            except OSError:
                return
            with caller, contextlib.suppress(OSError), context.wrap_socket(caller, server_side=True):
                pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=shake_hands, daemon=True)
        thread.start()
        yield listener.getsockname()[1], authority / "ca.crt"
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


@pytest.mark.parametrize(
    ("off", "says"),
    [(AHEAD, "clock says 01/01/1970 00:02 UTC, before the certificate begins: the clock is wrong"),
     (BEHIND, "expired; this machine's clock says 01/01/1970 00:02 UTC: if that is wrong, set the clock")],
)  # fmt: skip
def test_what_openssl_says_of_time_is_said_of_the_clock(tmp_path: Path, off: timedelta, says: str) -> None:
    with (
        server(tmp_path, off) as (port, ca),
        socket.create_connection(("127.0.0.1", port)) as plain,
        pytest.raises(ssl.SSLCertVerificationError) as caught,
    ):
        client_context(str(ca)).wrap_socket(plain, server_hostname="127.0.0.1")
    assert says in why_not_believed(caught.value, 120.0)


def test_rooms_hub_and_new_boards_say_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    with server(tmp_path, AHEAD) as (port, ca):
        with pytest.raises(EnrolError):
            enrol(f"https://127.0.0.1:{port}", tmp_path / "new", ca, issue=tmp_path / "issue", patience_s=0.0)
        session = Session(Identity("r-1", "e", "b", "0"), MemoryStore("e"), lambda: "n")
        room = Publisher(session, BrokerConfig("127.0.0.1", port, ca_file=str(ca)), SystemClock(), lambda: None)
        hub = Link(Broker("127.0.0.1", port, ca_file=str(ca)), ("x",), lambda _message: True, lambda _up: None)
        room.start()
        hub.start()
        try:
            until("both say why", lambda: caplog.text.count("the clock is wrong") >= 2)
        finally:
            room.close()
            hub.stop()
    assert "no connection to the hub" in caplog.text
    assert "no broker at" in caplog.text
