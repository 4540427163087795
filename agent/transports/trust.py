"""Which certificate a device may show. Devices sign their own, so it is known by its fingerprint, as in SSH.

A codec may make a new one when it restarts (Poly VideoOS) or is reset; so may whoever took its address to hear our
password. The two look the same from here: the password is not sent, and a person decides.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from pathlib import Path

from agent.transports.errors import LinkFault

FINGERPRINT = re.compile(r"[0-9a-f]{64}")
FILE_NAME = "known_certificates.json"


def fingerprint_of(text: str) -> str:
    """`first`, `any`, or a SHA-256 fingerprint in any usual spelling. Raises ValueError with one sentence."""
    word = text.strip().lower()
    plain = word.removeprefix("sha256:").replace(":", "").replace(" ", "")
    if word in ("first", "any"):
        return word
    if not FINGERPRINT.fullmatch(plain):
        raise ValueError(f"certificate {text!r} must be 'first', 'any' or a SHA-256 fingerprint (64 hex digits)")
    return plain


class Trust:
    """`rule` is `first` (what was seen first is kept, in `folder` when one is given), `any`, or a fingerprint.

    `old_tls`: whether TLS 1.0 and 1.1 are taken too.
    """

    def __init__(self, rule: str = "first", folder: Path | None = None, *, old_tls: bool = False) -> None:
        self.old_tls = old_tls
        self._rule = fingerprint_of(rule)
        self._path = folder / FILE_NAME if folder is not None else None
        self._seen: dict[str, str] = {}
        self._lock = threading.Lock()

    def check(self, peer: str, certificate: bytes) -> None:
        """Take a certificate (DER) of `peer` (`HOST:PORT`). Raises LinkFault("certificate_changed")."""
        shown = hashlib.sha256(certificate).hexdigest()
        if self._rule == "any":
            return
        wanted = self._rule if self._rule != "first" else self._first(peer, shown)
        if shown != wanted:
            place = f"; forget the old one in {self._path}" if self._path and self._rule == "first" else ""
            raise LinkFault("certificate_changed", f"{peer} shows the certificate {shown}, not {wanted}{place}")

    def _first(self, peer: str, shown: str) -> str:
        with self._lock:
            known = self._read()
            if peer not in known:
                known[peer] = self._seen[peer] = shown
                self._write(known)
            return known[peer]

    def _read(self) -> dict[str, str]:
        """What is known. A file that cannot be read is no reason to trust anybody anew within this run."""
        try:
            found = json.loads(self._path.read_bytes()) if self._path else {}
        except (OSError, ValueError):
            found = {}
        return {**(found if isinstance(found, dict) else {}), **self._seen}

    def _write(self, known: dict[str, str]) -> None:
        if self._path is None:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fresh = self._path.with_suffix(".new")
            fresh.write_text(json.dumps(known, indent=1, sort_keys=True))
            fresh.replace(self._path)
        except OSError:
            return  # a card that cannot be written is somebody else's alarm; this run remembers
