"""What administrators do with accounts. Each change is a row of the log, written in its transaction.

Nobody changes an account of one's own here, and one administrator who sees the whole tree always stays: so nobody can
shut themselves out, nor two of them each other.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from hub.access import permissions
from hub.access.accounts import NAME, ROLES, hash_password
from hub.access.auth import Sessions
from hub.access.own import NotChangedError
from hub.access.step import second_step
from hub.changes.restored import WAITING
from hub.store import audit
from hub.store.read.reads import Reader

FULL_NAME_MAX = 80
PLACES_MAX = 300
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without i, l, o, 0 and 1: a temporary password is read out and typed."""


@dataclass(frozen=True, slots=True)
class Person:
    """One account as administrators see it."""

    name: str
    full_name: str
    role: str
    locked: bool
    waiting: bool
    """Whether it was not opened again since a restore; it counts as locked."""
    must_change: bool
    local: bool
    """Whether it has a password here; else it signs in at the office's provider."""
    second_step: bool
    places: frozenset[int]
    """Nodes it is bound to; none: the whole tree."""
    sessions: int
    seen_s: float
    """When one of its sessions was last used; 0: none stands."""


def people(reader: Reader, now_s: float, name: str = "") -> list[Person]:
    """All accounts, or the one of that name, by name."""
    rows = reader.all(
        "SELECT u.name, u.full_name, u.role, u.disabled, u.must_change, u.hash NOT LIKE 'oidc$%' AS local,"
        " t.user IS NOT NULL AS stepped, COUNT(s.token_hash) AS sessions, COALESCE(MAX(s.seen_s), 0) AS seen_s"
        " FROM users u LEFT JOIN totp t ON t.user = u.name AND t.since_s > 0"
        " LEFT JOIN sessions s ON s.user = u.name AND s.expires_s > ?"
        " WHERE ? IN ('', u.name) GROUP BY u.name ORDER BY u.name", now_s, name,
    )  # fmt: skip
    bound: dict[str, set[int]] = {}
    for row in reader.all("SELECT user, node FROM user_scopes WHERE ? IN ('', user)", name):
        bound.setdefault(row["user"], set()).add(int(row["node"]))
    return [
        Person(row["name"], row["full_name"], row["role"], bool(row["disabled"]),
               row["disabled"] == WAITING, bool(row["must_change"]),
               bool(row["local"]), bool(row["stepped"]), frozenset(bound.get(row["name"], ())), row["sessions"],
               row["seen_s"])
        for row in rows
    ]  # fmt: skip


def add(
    sessions: Sessions, by: str, name: str, full_name: str, role: str, places: frozenset[int], now_s: float
) -> str:  # fmt: skip
    """Make an account. Gives its temporary password, to be shown once. Raises NotChangedError."""
    if not NAME.match(name):
        raise NotChangedError("users.bad_name")
    if role not in ROLES:
        raise NotChangedError("users.bad_role")
    password = temporary_password()
    hashed = hash_password(password)
    with sessions.writing() as db:
        made = db.execute(
            "INSERT OR IGNORE INTO users (name, hash, role, full_name, created_s, must_change, given_s)"
            " VALUES (?, ?, ?, ?, ?, 1, ?)",
            (name, hashed, role, full_name[:FULL_NAME_MAX], now_s, now_s),
        ).rowcount
        if not made:
            raise NotChangedError("users.taken")
        _bind(db, name, places)
        audit.append(db, now_s, by, "user_added", {"user": name, "role": role, "places": _codes(db, places)})
    return password


def change(
    sessions: Sessions, by: str, name: str, full_name: str, role: str, places: frozenset[int], now_s: float
) -> None:  # fmt: skip
    """Give an account another name, role or places. Its sessions end when it may do or see something else.

    Raises NotChangedError.
    """
    if role not in ROLES:
        raise NotChangedError("users.bad_role")
    with sessions.writing() as db:
        row = _row(db, by, name)
        before = frozenset(int(one[0]) for one in db.execute("SELECT node FROM user_scopes WHERE user = ?", (name,)))
        full_name = full_name[:FULL_NAME_MAX]
        db.execute("UPDATE users SET full_name = ?, role = ? WHERE name = ?", (full_name, role, name))
        detail: dict[str, object] = {"user": name, "role": role, "role_before": row["role"]}
        if before != places:
            detail |= {"places": _codes(db, places), "places_before": _codes(db, before)}
            _bind(db, name, places)
        if before != places or row["role"] != role:
            _shut_out(sessions, db, name)
        _keep_one(db)
        audit.append(db, now_s, by, "user_changed", detail)


def lock(sessions: Sessions, by: str, name: str, now_s: float) -> None:
    """Let nobody in with this account, at once, until it is unlocked. Raises NotChangedError."""
    with sessions.writing() as db:
        _row(db, by, name)
        db.execute("UPDATE users SET disabled = 1 WHERE name = ?", (name,))
        _shut_out(sessions, db, name)
        db.execute("DELETE FROM devices WHERE user = ?", (name,))
        _keep_one(db)
        audit.append(db, now_s, by, "user_locked", {"user": name})


def unlock(sessions: Sessions, by: str, name: str, now_s: float) -> None:
    """Let it in again, with the password it had. Raises NotChangedError."""
    with sessions.writing() as db:
        _row(db, by, name)
        db.execute("UPDATE users SET disabled = 0 WHERE name = ?", (name,))
        audit.append(db, now_s, by, "user_unlocked", {"user": name})


def open_waiting(sessions: Sessions, by: str, now_s: float) -> int:
    """Let in again who has waited since a restore, but nobody whom somebody has locked. Gives how many."""
    with sessions.writing() as db:
        _asks(db, by)
        names = [str(row[0]) for row in db.execute("SELECT name FROM users WHERE disabled = ?", (WAITING,))]
        db.execute("UPDATE users SET disabled = 0 WHERE disabled = ?", (WAITING,))
        audit.append(db, now_s, by, "users_opened", {"users": sorted(names)})
    return len(names)


def reset_password(sessions: Sessions, by: str, name: str, now_s: float) -> str:
    """Give an account a temporary password, to be shown once; its sessions end. Raises NotChangedError."""
    password = temporary_password()
    hashed = hash_password(password)
    with sessions.writing() as db:
        if not _row(db, by, name)["local"]:
            raise NotChangedError("users.elsewhere")
        db.execute("UPDATE users SET hash = ?, must_change = 1, given_s = ? WHERE name = ?", (hashed, now_s, name))
        _shut_out(sessions, db, name)
        db.execute("DELETE FROM devices WHERE user = ?", (name,))
        audit.append(db, now_s, by, "password_reset", {"user": name})
    return password


def reset_step(sessions: Sessions, by: str, name: str, now_s: float) -> None:
    """Take the second step from who lost phone and recovery codes; the sessions end. Raises NotChangedError."""
    with sessions.writing() as db:
        _row(db, by, name)
        second_step.remove(db, name)
        _shut_out(sessions, db, name)
        audit.append(db, now_s, by, "totp_reset", {"user": name})


def end_sessions(sessions: Sessions, by: str, name: str, now_s: float) -> None:
    """End all sessions of an account. Raises NotChangedError."""
    with sessions.writing() as db:
        _row(db, by, name)
        ended = _shut_out(sessions, db, name)
        audit.append(db, now_s, by, "user_sessions_ended", {"user": name, "sessions": ended})


def _shut_out(sessions: Sessions, db: sqlite3.Connection, name: str) -> int:
    """End every session of an account, and every sign-in that waits for its code. Gives how many sessions."""
    sessions.half_in.forget(name)
    return db.execute("DELETE FROM sessions WHERE user = ?", (name,)).rowcount


def temporary_password() -> str:
    """One that can be read out: 79 bits."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4))


def _row(db: sqlite3.Connection, by: str, name: str) -> sqlite3.Row:
    """The account that is to be changed, by an administrator who still is one."""
    if name == by:
        raise NotChangedError("users.own")
    _asks(db, by)
    row: sqlite3.Row | None = db.execute(
        "SELECT role, hash NOT LIKE 'oidc$%' AS local FROM users WHERE name = ?", (name,)
    ).fetchone()
    if row is None:
        raise NotChangedError("users.gone")
    return row


def _asks(db: sqlite3.Connection, by: str) -> None:
    """Raises NotChangedError unless this account is an administrator still."""
    asks = db.execute("SELECT role, disabled FROM users WHERE name = ?", (by,)).fetchone()
    if asks is None or asks["disabled"] or asks["role"] != permissions.ADMIN:
        raise NotChangedError("error.not_yours")


def _keep_one(db: sqlite3.Connection) -> None:
    """Raises NotChangedError, which undoes the change, unless an administrator of the whole tree is left."""
    left = db.execute(
        "SELECT COUNT(*) FROM users WHERE role = ? AND disabled = 0"
        " AND NOT EXISTS (SELECT 1 FROM user_scopes WHERE user = users.name)", (permissions.ADMIN,),
    ).fetchone()[0]  # fmt: skip
    if not left:
        raise NotChangedError("users.last")


def _bind(db: sqlite3.Connection, name: str, places: Iterable[int]) -> None:
    db.execute("DELETE FROM user_scopes WHERE user = ?", (name,))
    db.executemany("INSERT INTO user_scopes (user, node) VALUES (?, ?)", [(name, node) for node in sorted(places)])


def _codes(db: sqlite3.Connection, places: Iterable[int]) -> list[str]:
    """Nodes by level and code, for the log; a node that is gone by its number."""
    told = []
    for node in sorted(places):
        row = db.execute("SELECT level, code FROM nodes WHERE id = ?", (node,)).fetchone()
        told.append(f"{row['level']} {row['code']}" if row else f"#{node}")
    return told
