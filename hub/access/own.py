"""What people change about their own account: password and sessions. Each change is a row of the log."""

from __future__ import annotations

from dataclasses import dataclass

from hub.access.accounts import PASSWORD_MIN, hash_password, verify, weakness_kind
from hub.access.auth import Session, Sessions
from hub.access.outcomes import SignedIn
from hub.store import audit
from hub.store.read.reads import Reader

HANDLE_LEN = 16
"""Digits of a session's hash that name it on a page: of no use without the token itself."""


class NotChangedError(Exception):
    """It was not done; `key` of the catalogue says why, with its values."""

    def __init__(self, key: str, **values: object) -> None:
        super().__init__(key)
        self.key = key
        self.values = values


@dataclass(frozen=True, slots=True)
class Shown:
    """One session as its owner sees it."""

    handle: str
    here: bool
    """Whether it is the one that asks."""
    agent: str
    address: str
    created_s: float
    seen_s: float


def sessions_of(reader: Reader, user: str, token_hash: str, now_s: float) -> list[Shown]:
    """The account's sessions that are still good, the asking one first, then the latest seen."""
    rows = reader.all(
        "SELECT token_hash, agent, address, created_s, seen_s FROM sessions WHERE user = ? AND expires_s > ?"
        " ORDER BY token_hash = ? DESC, seen_s DESC LIMIT 100", user, now_s, token_hash,
    )  # fmt: skip
    return [
        Shown(row["token_hash"][:HANDLE_LEN], row["token_hash"] == token_hash, row["agent"], row["address"],
              row["created_s"], row["seen_s"])
        for row in rows
    ]  # fmt: skip


def end_session(sessions: Sessions, session: Session, handle: str, now_s: float) -> bool:
    """End one session of one's own; False when there is no such session any more."""
    with sessions.writing() as db:
        ended = db.execute(
            "DELETE FROM sessions WHERE user = ? AND substr(token_hash, 1, ?) = ?", (session.user, HANDLE_LEN, handle)
        ).rowcount
        if ended:
            audit.append(db, now_s, session.user, "session_ended", {"session": handle})
    return bool(ended)


def end_others(sessions: Sessions, session: Session, device: str, now_s: float) -> SignedIn:
    """End all sessions of one's own but the asking one, and every copy of its cookie. Raises ChangedError."""
    with sessions.writing() as db:
        made, ended = sessions.move(db, session, device)
        audit.append(db, now_s, session.user, "sessions_ended", {"sessions": ended})
    return made


def check_password(sessions: Sessions, session: Session, password: str, now_s: float) -> None:
    """Raises NotChangedError unless it is the account's password: an open page left alone must not be enough.

    Wrong ones make the account wait here, as at the door, but touch nobody's signing in. Raises BusyError.
    """
    if not password:
        raise NotChangedError("account.wrong")
    key = (f"own:{session.user}",)
    wait_s = sessions.limiter.wait_s(key, now_s)
    if wait_s > 0:
        raise NotChangedError("login.limited", n=int(wait_s) + 1)
    row = sessions.reading().execute("SELECT hash FROM users WHERE name = ?", (session.user,)).fetchone()
    if not verify(row["hash"] if row else None, password, known=True):
        sessions.limiter.failed(key, now_s)
        sessions.audit(session.user, "password_refused", {"session": session.token_hash[:HANDLE_LEN]})
        raise NotChangedError("account.wrong")
    sessions.limiter.succeeded(key)


def change_password(sessions: Sessions, session: Session, old: str, new: str, again: str, *, now_s: float) -> SignedIn:
    """Give the account another password and end its other sessions, and copies of this one's cookie.

    Browsers it was known in are forgotten, too, but for this one: who has stolen the password may have signed in.
    Raises NotChangedError, BusyError and ChangedError.
    """
    check_password(sessions, session, old, now_s)
    if new != again:
        raise NotChangedError("account.differ")
    if new == old:
        raise NotChangedError("account.same")
    if weak := weakness_kind(session.user, new):
        raise NotChangedError(f"account.weak.{weak}", n=PASSWORD_MIN)
    hashed = hash_password(new)
    with sessions.writing() as db:
        db.execute("UPDATE users SET hash = ?, must_change = 0 WHERE name = ?", (hashed, session.user))
        db.execute("DELETE FROM devices WHERE user = ?", (session.user,))
        made, ended = sessions.move(db, session, "")
        audit.append(db, now_s, session.user, "password_changed", {"sessions_ended": ended})
    return made
