"""Ending a revoked identity's connection: the list of revoked certificates is read at a connection's start alone.

The broker gives each identity one session, and a second connection takes it over. So a certificate of minutes is made
for the name, connects, and is revoked in turn; the stolen board's next try meets the list.
"""

from __future__ import annotations

import tempfile
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from hub.intake.link import Broker
from hub.pki.authority import BUNDLE, Issuer, now_utc
from hub.pki.book import Book
from hub.pki.files import SECRET, PkiError, cert_pem, key_pem, write
from wire.mqtt import make_client

GOOD_DAYS = 1
WAIT_S = 10.0
WHY = "kick"


def kick(folder: Path, name: str, host: str, port: int) -> None:
    """Take over the connection of `name`, and leave. Raises PkiError when the broker does not let us."""
    book, issuer, now = Book(folder), Issuer.load(folder), now_utc()
    key = ec.generate_private_key(ec.SECP256R1())
    cert = issuer.issue(name, "room", key.public_key(), now, days=GOOD_DAYS)
    book.issued(cert, "room", now)
    try:
        with tempfile.TemporaryDirectory() as made:
            pair = Path(made) / "kick.crt", Path(made) / "kick.key"
            write(pair[0], cert_pem(cert, issuer.cert))
            write(pair[1], key_pem(key), SECRET)
            _take_over(folder / BUNDLE, *pair, host, port)
    finally:
        book.revoke(name, WHY, now + timedelta(seconds=1))
        book.write_crl(issuer, now_utc())


def _take_over(ca: Path, cert: Path, key: Path, host: str, port: int) -> None:
    answered, codes = threading.Event(), []

    def on_connect(_client: object, _data: Any, _flags: Any, code: Any, _properties: Any) -> None:
        codes.append(code)
        answered.set()

    at = Broker(host, port, ca_file=str(ca), cert_file=str(cert), key_file=str(key))
    client = make_client("", at, in_flight=1, clean=True)
    client.on_connect = on_connect
    try:
        client.connect(host, port)
        client.loop_start()
        answered.wait(WAIT_S)
    except OSError as error:
        raise PkiError(f"{host}:{port}: không nối được máy chủ MQTT / the broker cannot be reached: {error}") from None
    finally:
        client.disconnect()
        client.loop_stop()
    if not codes or codes[0].is_failure:
        raise PkiError(f"{host}:{port}: máy chủ MQTT không cho vào / the broker did not let the command in")
