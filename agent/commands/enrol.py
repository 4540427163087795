"""`diemcau-agent enrol`: a new board makes its key, shows a code of it, and waits until somebody says which room it is.

The key is made here and stays here. The card carries no more than the hub's address and the authority that it trusts: a
card that is lost on the way opens nothing. Keys and requests are made by the host's own openssl.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from base64 import b32encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wire.tls import why_not_believed

ASK_EVERY_S = 5.0
TIMEOUT_S = 10.0
ANSWER_MAX_BYTES = 200_000
ISSUE = Path("/run/issue.d/diemcau.issue")
"""Shown on the board's screen before the log-in, where there is one."""
FOLDER = Path("/etc/diemcau")


class EnrolError(Exception):
    """It cannot go on; one sentence."""


def code_of(fingerprint: str) -> str:
    """The code of a key as people read it out; the hub works it out in the same way."""
    text = b32encode(bytes.fromhex(fingerprint)).decode("ascii")[:10]
    return f"{text[:5]}-{text[5:]}"


def make_request(folder: Path) -> tuple[str, str]:
    """The request for a certificate and the key's fingerprint; a key that is there is used again. Raises EnrolError."""
    key = folder / "pki" / "room.key"
    key.parent.mkdir(parents=True, exist_ok=True)
    if not key.exists():
        fresh = key.with_name(".room.key.new")
        fresh.unlink(missing_ok=True)
        old = os.umask(0o077)
        try:
            _openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", str(fresh))
        finally:
            os.umask(old)
        fresh.replace(key)
    csr = _openssl("req", "-new", "-key", str(key), "-subj", "/CN=new-board").decode("ascii")
    public = _openssl("pkey", "-in", str(key), "-pubout", "-outform", "DER")
    return csr, hashlib.sha256(public).hexdigest()


def enrol(
    hub: str, folder: Path, ca: Path | None, *, issue: Path = ISSUE, patience_s: float = float("inf"),
    wait: Callable[[float], None] = time.sleep,
) -> str:  # fmt: skip
    """Ask until an answer comes, and put what comes into place. Returns the room. Raises EnrolError."""
    csr, fingerprint = make_request(folder)
    context = ssl.create_default_context(cafile=str(ca)) if ca else None
    code = code_of(fingerprint)
    _say(f"\n  Mã bộ giám sát / code:  {code}\n  {hub.rstrip('/')}/enrol?code={code}\n")
    with contextlib.suppress(OSError):  # a board without a screen, or a program without the right, has the words above
        issue.parent.mkdir(parents=True, exist_ok=True)
        issue.write_text(f"\nĐiểm Cầu: {code}\n{hub.rstrip('/')}/enrol?code={code}\n\n", "utf-8")
    waited_s, told = 0.0, ""
    while waited_s <= patience_s:
        try:
            _call(f"{hub.rstrip('/')}/enrol/ask", context, {"csr": csr, "board": _board()})
            answer = _call(f"{hub.rstrip('/')}/enrol/answer/{fingerprint}", context)
        except EnrolError as error:
            if str(error) != told:
                told = str(error)
                _say(f"{told}; thử lại / trying again")
            answer = {}
        if answer.get("state") == "given":
            issue.unlink(missing_ok=True)
            return _install(folder, answer)
        wait(ASK_EVERY_S)
        waited_s += ASK_EVERY_S
    raise EnrolError(f"chưa ai gắn phòng cho mã {code} / nobody has given {code} a room")


def _install(folder: Path, answer: dict[str, Any]) -> str:
    """Put certificate, authority and settings into place, the settings last: with them the room begins."""
    room, cert = str(answer.get("room", "")), str(answer.get("cert", ""))
    if "BEGIN CERTIFICATE" not in cert or not room:
        raise EnrolError("Trung tâm trả lời thiếu chứng chỉ / the hub's answer has no certificate")
    _write(folder / "pki" / "room.crt", cert)
    if answer.get("ca"):
        _write(folder / "pki" / "ca.crt", str(answer["ca"]))
    target = folder / "room.toml"
    if answer.get("settings") and not target.exists():
        from agent.config.room import ConfigError
        from agent.settings import validate

        fresh = folder / "room.toml.new"
        _write(fresh, str(answer["settings"]))
        try:
            validate(fresh)
        except ConfigError as error:
            raise EnrolError(f"room.toml nhận về sai / the hub's room.toml is wrong: {error.problems[0]}") from None
        fresh.replace(target)
    return room


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.part")
    with fresh.open("w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(path)


def _call(address: str, context: ssl.SSLContext | None, body: dict[str, str] | None = None) -> dict[str, Any]:
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(address, data, {"Content-Type": "application/json"})  # noqa: S310  http is for tests
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S, context=context) as answer:  # noqa: S310
            found = json.loads(answer.read(ANSWER_MAX_BYTES))
    except urllib.error.HTTPError as error:
        raise EnrolError(f"{address}: Trung tâm từ chối / the hub refused: {error.code}") from None
    except (OSError, ValueError) as error:
        cause = getattr(error, "reason", error)
        why = why_not_believed(cause, time.time()) if isinstance(cause, ssl.SSLCertVerificationError) else error
        raise EnrolError(f"{address}: {why}") from None
    if not isinstance(found, dict):
        raise EnrolError(f"{address}: câu trả lời lạ / a strange answer")
    return found


def _board() -> str:
    """What this board calls itself, for the person who looks for it in a list."""
    words = []
    for path in ("/proc/device-tree/model", "/proc/device-tree/serial-number"):
        with contextlib.suppress(OSError):
            words.append(Path(path).read_text("ascii", "replace").strip("\0 \n"))
    return " ".join(words) or os.uname().nodename


def _openssl(*words: str) -> bytes:
    try:
        done = subprocess.run(  # noqa: S603  words of ours
            ["openssl", *words],  # noqa: S607  the host's own
            capture_output=True, timeout=60, check=True,
        )  # fmt: skip
    except FileNotFoundError:
        raise EnrolError("thiếu chương trình openssl / openssl is missing: apt-get install openssl") from None
    except subprocess.SubprocessError as error:
        raise EnrolError(f"openssl {words[0]}: {error}") from None
    return done.stdout


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
