"""Whether the files that a client of the broker signs in with fit together, before anything relies on them.

The judge is OpenSSL, through the standard library alone, since an agent carries no other: a handshake in memory in
which one side shows the certificate and the other demands it, as the broker does.
"""

from __future__ import annotations

import ssl
import time
from pathlib import Path
from typing import Any

from wire.tls import EXPIRED, NOT_YET_VALID

_KEY_DOES_NOT_FIT = "KEY_VALUES_MISMATCH"


def problems(ca_file: str, cert_file: str, key_file: str, name: str = "", wall_s: float | None = None) -> list[str]:
    """A sentence for each thing that keeps these files from being used, Vietnamese and English; empty: all is well.

    `name`: whose certificate it has to be; empty: anybody's. No files named: nothing to find fault with. `wall_s`: this
    machine's clock, in seconds since 1970; it is told where a date does not fit.
    """
    named = {"ca_file": ca_file, "cert_file": cert_file, "key_file": key_file or cert_file}
    if not any((ca_file, cert_file, key_file)):
        return []
    found = [f"broker.{setting} {fault}" for setting, path in named.items() if path and (fault := _unread(path))]
    if found or not (ca_file and cert_file):
        return found
    try:
        shown = _shown(ca_file, cert_file, key_file)
    except ssl.SSLCertVerificationError as error:
        return [
            f"broker.cert_file {cert_file}: {_not_taken(error, time.time() if wall_s is None else wall_s, ca_file)}"
        ]
    except ssl.SSLError as error:
        if error.reason == _KEY_DOES_NOT_FIT:
            mend = "bring the pair that was issued together"
            return [f"broker.key_file {key_file}: không khớp với / does not belong to {cert_file}: {mend}"]
        return [f"broker.cert_file {cert_file}: không dùng được / cannot be used: {error.reason or error}"]
    if name and shown != name:
        return [
            f"broker.cert_file {cert_file}: chứng chỉ của / is the certificate of {shown!r}, not of {name!r}: "
            f"bring {name}.crt and {name}.key"
        ]
    return []


def _unread(path: str) -> str:
    """Why a file cannot be read; empty where it can."""
    try:
        if Path(path).read_bytes().strip():
            return ""
    except FileNotFoundError:
        return f"{path}: không có tệp này / there is no such file: bring it, or mend the path"
    except OSError as error:
        return f"{path}: không đọc được / cannot be read: {error.strerror}"
    return f"{path}: tệp rỗng / is empty: bring it anew"


def _not_taken(error: ssl.SSLCertVerificationError, wall_s: float, ca_file: str) -> str:
    clock = time.strftime("%d/%m/%Y", time.gmtime(wall_s))
    if error.verify_code == EXPIRED:
        return f"đã hết hạn / has ended, and this machine's clock says {clock}: diemcau-hub pki renew, or set the clock"
    if error.verify_code == NOT_YET_VALID:
        return f"chưa có hiệu lực / does not begin yet, since this machine's clock says {clock}: set the clock"
    return f"không phải do / is not issued by {ca_file}, or not for a client of the broker: {error.verify_message}"


def _shown(ca_file: str, cert_file: str, key_file: str) -> str:
    """The common name that the broker would see. Raises ssl.SSLError."""
    demands = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    demands.load_cert_chain(cert_file, key_file or None)  # its own face, which the other side does not look at
    demands.load_verify_locations(ca_file)
    demands.verify_mode = ssl.CERT_REQUIRED
    shows = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    shows.check_hostname = False
    shows.verify_mode = ssl.CERT_NONE
    shows.load_cert_chain(cert_file, key_file or None)
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    client, server = shows.wrap_bio(back, there), demands.wrap_bio(there, back, server_side=True)
    for _ in range(2):  # hello and answer, certificate and verdict
        for end in (client, server):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    subject: Any = (server.getpeercert() or {}).get("subject", ())
    return next((str(value) for part in subject for key, value in part if key == "commonName"), "")
