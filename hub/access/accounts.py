"""Named accounts: passwords are kept as argon2id hashes only."""

from __future__ import annotations

import re
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from hub.access import permissions
from hub.access.step import second_step
from hub.store import audit
from hub.store.db import transaction

ROLES = tuple(permissions.ROLES)
PASSWORD_MIN = 10
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,38}[a-z0-9]\Z")
"""Of accounts and tokens."""
_hasher = PasswordHasher()  # RFC 9106, low-memory profile: 64 MiB, 3 passes, 4 lanes
COMMON = Path(__file__).with_name("common_passwords.txt")


class _Lane:
    """Checks of passwords: one at a time, since each takes 64 MiB, and few that wait, since each has a thread."""

    def __init__(self, waiting_max: int) -> None:
        self.waiting = threading.BoundedSemaphore(waiting_max)
        self.turn = threading.Lock()


_strangers, _known = _Lane(4), _Lane(6)
"""Lanes of their own, so that a flood of guesses slows nobody whom the browser vouches for, nor who is signed in."""
_DUMMY = _hasher.hash("no account has this password")


class BusyError(Exception):
    """So many passwords are being checked that this one has to come again."""


class BadAccountError(ValueError):
    """The account cannot be made; the text says why, for the one at the command line."""


def add_user(
    conn: sqlite3.Connection, name: str, password: str, role: str, *, places: Sequence[str] = (),
    by: str = "command line", now_s: float = 0,
) -> None:  # fmt: skip
    """Add an account, or renew password and role of an existing one; its sessions end. A transaction of its own.

    `places` are codes of nodes, e.g. of a cluster, to which the account is bound; none: it sees the whole tree. Raises
    BadAccountError when the name is not 2 to 40 of a-z, 0-9, '.', '_', '-', the password is shorter than
    `PASSWORD_MIN` or commonly guessed, or role or place are unknown.
    """
    if not NAME.match(name):
        raise BadAccountError(f"name {name!r}: use 2 to 40 of a-z, 0-9, '.', '_' and '-'")
    if weak := weakness(name, password):
        raise BadAccountError(weak)
    if role not in ROLES:
        raise BadAccountError(f"role {role!r}: use one of {', '.join(ROLES)}")
    hashed = hash_password(password)
    now_s = now_s or time.time()
    with transaction(conn):
        conn.execute(
            "INSERT INTO users (name, hash, role, created_s) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (name) DO UPDATE SET hash = excluded.hash, role = excluded.role, disabled = 0,"
            " must_change = 0",
            (name, hashed, role, now_s),
        )
        conn.execute("DELETE FROM sessions WHERE user = ?", (name,))
        conn.execute("DELETE FROM devices WHERE user = ?", (name,))
        set_scope(conn, name, places)
        audit.append(conn, now_s, by, "user_set", {"user": name, "role": role, "places": list(places)})


def set_scope(conn: sqlite3.Connection, name: str, places: Sequence[str]) -> None:
    """Bind an account to places by their codes; none: it sees all. Within the caller's transaction.

    A code that stands on several levels means all of them. Raises BadAccountError when there is no such place.
    """
    conn.execute("DELETE FROM user_scopes WHERE user = ?", (name,))
    for code in places:
        rows = [(name, node) for node in nodes_of(conn, code)]
        conn.executemany("INSERT OR IGNORE INTO user_scopes (user, node) VALUES (?, ?)", rows)


def nodes_of(conn: sqlite3.Connection, code: str) -> list[int]:
    """The nodes with this code, on whatever level. Raises BadAccountError when there is none."""
    found = conn.execute("SELECT id FROM nodes WHERE code = ?", (code,)).fetchall()
    if not found:
        raise BadAccountError(f"không có nơi mang mã {code!r} / there is no place with the code {code!r}")
    return [int(node[0]) for node in found]


def reset_second_step(conn: sqlite3.Connection, name: str, by: str, now_s: float) -> bool:
    """Take the second step from an account and end its sessions. A transaction of its own. False when it had none.

    Raises BadAccountError when there is no such account.
    """
    with transaction(conn):
        if conn.execute("SELECT 1 FROM users WHERE name = ?", (name,)).fetchone() is None:
            raise BadAccountError(f"không có tài khoản {name!r} / there is no account {name!r}")
        had = second_step.remove(conn, name)
        conn.execute("DELETE FROM sessions WHERE user = ?", (name,))
        audit.append(conn, now_s, by, "totp_reset", {"user": name})
    return had


def verify(hashed: str | None, password: str, *, known: bool) -> bool:
    """Whether the password fits. Takes as long for an unknown account (None), so that names cannot be probed.

    `known`: the browser vouches for whoever tries, or there is a session. Raises BusyError when many are being checked
    already: a flood must not take every thread of the console.
    """
    try:
        with _in(_known if known else _strangers):
            return _hasher.verify(hashed or _DUMMY, password) and hashed is not None
    except (VerificationError, InvalidHashError):
        return False


@contextmanager
def _in(lane: _Lane) -> Iterator[None]:
    if not lane.waiting.acquire(blocking=False):
        raise BusyError
    try:
        with lane.turn:
            yield
    finally:
        lane.waiting.release()


def rehashed(hashed: str, password: str) -> str:
    """A fresh hash when the old one was made with weaker settings than ours; empty when it is as good."""
    if not _hasher.check_needs_rehash(hashed):
        return ""
    return hash_password(password)


def hash_password(password: str) -> str:
    """The argon2id hash of a password. Slow on purpose; one at a time. Raises BusyError."""
    with _in(_known):
        return _hasher.hash(password)


def weakness(name: str, password: str) -> str:
    """Why a password cannot be taken, in Vietnamese and English; empty when it can."""
    return {
        "short": f"mật khẩu ngắn hơn {PASSWORD_MIN} ký tự / the password is shorter than {PASSWORD_MIN} characters",
        "common": "mật khẩu quá dễ đoán / the password is too easy to guess",
    }.get(weakness_kind(name, password), "")


def weakness_kind(name: str, password: str) -> str:
    """`short`, `common`, or empty when the password can be taken."""
    if len(password) < PASSWORD_MIN:
        return "short"
    folded = password.casefold()
    common = COMMON.read_text("utf-8").split("\n")
    guessed = folded in common or len(set(folded)) < 4
    return "common" if guessed or (len(name) > 2 and folded.strip("0123456789!@#.") == name) else ""
