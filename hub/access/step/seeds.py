"""Secrets of authenticator apps as they stand in the database: sealed with a key that lies elsewhere.

Who has read a copy of the database, or the disk that it lay on, then knows no code of anybody's phone.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import secrets
import sqlite3

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from hub.store.db import transaction

log = logging.getLogger(__name__)

_MARK = "sealed1:"
"""No letter of base32 is small: no open secret begins like this."""
_NONCE = 12


class Seeds:
    """Seals and opens. Without a key a secret stands as it is."""

    def __init__(self, key: str = "") -> None:
        self._cipher = ChaCha20Poly1305(hashlib.sha256(b"diemcau seeds\0" + key.encode()).digest()) if key else None

    @property
    def sealing(self) -> bool:
        """Whether there is a key."""
        return self._cipher is not None

    def sealed(self, user: str, secret: str) -> str:
        """What goes into the database. Bound to the account: copied into another's row it opens nothing."""
        if self._cipher is None:
            return secret
        nonce = secrets.token_bytes(_NONCE)
        box = nonce + self._cipher.encrypt(nonce, secret.encode("ascii"), user.encode())
        return _MARK + base64.b64encode(box).decode("ascii")

    def opened(self, user: str, stored: str) -> str:
        """The secret; empty when it was sealed with another key, or with one that is missing: then no code fits."""
        if not stored.startswith(_MARK):
            return stored
        if self._cipher is None:
            return ""
        try:
            box = base64.b64decode(stored.removeprefix(_MARK), validate=True)
            return self._cipher.decrypt(box[:_NONCE], box[_NONCE:], user.encode()).decode("ascii")
        except (ValueError, InvalidTag):
            return ""


def settle(db: sqlite3.Connection, seeds: Seeds) -> int:
    """Seal what still stands open, once there is a key, and leave no trace of it in the file. Gives how many.

    Tells what cannot be opened: its owners have their recovery codes, or an administrator.
    """
    rows = db.execute("SELECT user, secret FROM totp").fetchall()
    open_ones = [(row["user"], row["secret"]) for row in rows if not row["secret"].startswith(_MARK)]
    lost = [row["user"] for row in rows if not seeds.opened(row["user"], row["secret"])]
    if lost:
        log.error(
            "the second step of %d accounts cannot be opened with this key: bring the key of before back, or let them "
            "use recovery codes; see web.seed_key_file", len(lost),
        )  # fmt: skip
    if not seeds.sealing or not open_ones:
        return 0
    db.execute("PRAGMA secure_delete = ON")
    with transaction(db):
        for user, secret in open_ones:
            db.execute(
                "UPDATE totp SET secret = ? WHERE user = ? AND secret = ?", (seeds.sealed(user, secret), user, secret)
            )
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    log.info("secrets of %d authenticator apps are sealed now; copies of before still hold them open", len(open_ones))
    return len(open_ones)
