"""Named accounts: passwords are kept as argon2id hashes only."""

from __future__ import annotations

import re
import sqlite3
import threading
import time
from collections.abc import Sequence

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from hub.api import permissions
from hub.store import audit
from hub.store.db import transaction

ROLES = tuple(permissions.ROLES)
PASSWORD_MIN = 10
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,38}[a-z0-9]\Z")
_hasher = PasswordHasher()  # RFC 9106, low-memory profile: 64 MiB, 3 passes, 4 lanes
_few_at_once = threading.BoundedSemaphore(2)
"""Each check takes 64 MiB: a flood of sign-ins must not take the hub's memory."""
_DUMMY = _hasher.hash("no account has this password")


class BadAccountError(ValueError):
    """The account cannot be made; the text says why, for the one at the command line."""


def add_user(
    conn: sqlite3.Connection, name: str, password: str, role: str, *, places: Sequence[str] = (),
    by: str = "command line", now_s: float = 0,
) -> None:  # fmt: skip
    """Add an account, or renew password and role of an existing one; its sessions end. A transaction of its own.

    Raises BadAccountError when the name is not 2 to 40 of a-z, 0-9, '.', '_', '-', the password is shorter than
    `PASSWORD_MIN`, the role is unknown, or a place is. `places` are codes of nodes, e.g. of a cluster, to which the
    account is bound; none: it sees the whole tree.
    """
    if not _NAME.match(name):
        raise BadAccountError(f"name {name!r}: use 2 to 40 of a-z, 0-9, '.', '_' and '-'")
    if len(password) < PASSWORD_MIN:
        raise BadAccountError(f"the password is shorter than {PASSWORD_MIN} characters")
    if role not in ROLES:
        raise BadAccountError(f"role {role!r}: use one of {', '.join(ROLES)}")
    hashed = _hasher.hash(password)
    now_s = now_s or time.time()
    with transaction(conn):
        conn.execute(
            "INSERT INTO users (name, hash, role, created_s) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (name) DO UPDATE SET hash = excluded.hash, role = excluded.role, disabled = 0",
            (name, hashed, role, now_s),
        )
        conn.execute("DELETE FROM sessions WHERE user = ?", (name,))
        set_scope(conn, name, places)
        audit.append(conn, now_s, by, "user_set", {"user": name, "role": role, "places": list(places)})


def set_scope(conn: sqlite3.Connection, name: str, places: Sequence[str]) -> None:
    """Bind an account to places by their codes; none: it sees all. Within the caller's transaction.

    A code that stands on several levels means all of them. Raises BadAccountError when there is no such place.
    """
    conn.execute("DELETE FROM user_scopes WHERE user = ?", (name,))
    for code in places:
        found = conn.execute("SELECT id FROM nodes WHERE code = ?", (code,)).fetchall()
        if not found:
            raise BadAccountError(f"không có nơi mang mã {code!r} / there is no place with the code {code!r}")
        rows = [(name, node[0]) for node in found]
        conn.executemany("INSERT OR IGNORE INTO user_scopes (user, node) VALUES (?, ?)", rows)


def verify(hashed: str | None, password: str) -> bool:
    """Whether the password fits. Takes as long for an unknown account (None), so that names cannot be probed."""
    try:
        with _few_at_once:
            return _hasher.verify(hashed or _DUMMY, password) and hashed is not None
    except (VerificationError, InvalidHashError):
        return False
