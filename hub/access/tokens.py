"""Tokens with which other systems ask the API. Only a hash is kept; a token can do less than an account, never more.

Each has rights by name, may be bound to a part of the site tree as an account is, ends by itself, and stands in the log
of who did what as `token:NAME`, which no account can be called.
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from hub.access.accounts import NAME, BadAccountError, nodes_of
from hub.access.permissions import Right
from hub.store import audit
from hub.store.db import transaction
from hub.store.read.reads import Reader

RIGHTS: dict[str, Right] = {"read": Right.LOOK, "mark": Right.MARK, "orders": Right.ORDER}
"""All that a token can be given: to read, to take incidents, to order rooms."""
DAYS_MAX = 730
DAYS_DEFAULT = 365
DAY_S = 86_400.0
PREFIX = "dcau_"
"""So that a token in a wrong place is known for what it is."""
AHEAD_MAX_S = DAY_S
"""A token that was made later than this from now is of a clock that was wrong, and would be good for as long."""
TOUCH_S = 60.0
"""That a token is used is written down at most so often."""
_LIST_MAX = 500


class BadTokenError(ValueError):
    """The token cannot be made or revoked; one sentence in Vietnamese and English."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token that is good now."""

    id: int
    name: str
    rights: frozenset[Right]
    scope: frozenset[int] | None
    """Nodes at or beneath which it sees rooms; None: the whole tree."""
    seen_s: float

    @property
    def by(self) -> str:
        """As the log of who did what has it."""
        return f"token:{self.name}"


@dataclass(frozen=True, slots=True)
class Listed:
    """A token as lists show it. Times are Unix seconds, 0 for "never"."""

    name: str
    rights: str
    places: str
    """Codes of the places that it is bound to; empty: the whole tree."""
    by: str
    created_s: float
    expires_s: float
    seen_s: float
    seen_from: str
    revoked_s: float

    def state(self, now_s: float) -> str:
        """`good`, `expired` or `revoked`."""
        if self.revoked_s:
            return "revoked"
        return "good" if self.created_s - AHEAD_MAX_S <= now_s < self.expires_s else "expired"


def new(
    db: sqlite3.Connection, name: str, rights: Sequence[str], *, days: int, by: str, now_s: float,
    places: Sequence[str] = (),
) -> str:  # fmt: skip
    """Make a token and give it, this once. A transaction of its own. Raises BadTokenError.

    `days` is 1 to `DAYS_MAX`; `places` are codes of nodes that it is bound to, none: the whole tree.
    """
    if not NAME.match(name):
        raise BadTokenError(
            f"tên {name[:60]!r}: dùng 2 đến 40 ký tự a-z, 0-9, '.', '_', '-' / name: use 2 to 40 of those letters"
        )
    if not rights or not set(rights) <= set(RIGHTS):
        known = ", ".join(RIGHTS)
        raise BadTokenError(f"quyền: chọn trong {known} / rights: choose among {known}")
    if not 1 <= days <= DAYS_MAX:
        raise BadTokenError(f"số ngày: 1 đến {DAYS_MAX} / days: 1 to {DAYS_MAX}")
    made = PREFIX + secrets.token_urlsafe(32)
    words = " ".join(one for one in RIGHTS if one in rights)
    with transaction(db):
        if db.execute("SELECT 1 FROM tokens WHERE name = ? AND revoked_s = 0", (name,)).fetchone():
            raise BadTokenError(
                f"đã có mã tên {name!r}, hãy thu hồi trước / there is a token {name!r}: revoke it first"
            )
        number = db.execute(
            "INSERT INTO tokens (name, hash, rights, by, created_s, expires_s) VALUES (?, ?, ?, ?, ?, ?)",
            (name, hash_of(made), words, by, now_s, now_s + days * DAY_S),
        ).lastrowid
        for code in places:
            try:
                found = nodes_of(db, code)
            except BadAccountError as error:
                raise BadTokenError(str(error)) from None
            rows = [(number, node) for node in found]
            db.executemany("INSERT OR IGNORE INTO token_scopes (token, node) VALUES (?, ?)", rows)
        detail = {"token": name, "rights": words, "places": list(places), "days": days}
        audit.append(db, now_s, by, "token_new", detail)
    return made


def revoke(db: sqlite3.Connection, name: str, by: str, now_s: float) -> None:
    """End a token at once. A transaction of its own. Raises BadTokenError when there is none that stands."""
    with transaction(db):
        ended = db.execute("UPDATE tokens SET revoked_s = ? WHERE name = ? AND revoked_s = 0", (now_s, name)).rowcount
        if not ended:
            raise BadTokenError(f"không có mã tên {name[:60]!r} / there is no token {name[:60]!r}")
        audit.append(db, now_s, by, "token_revoked", {"token": name})


def find(reader: Reader, token: str, now_s: float) -> Token | None:
    """The token, if it is good now. The reader sees the whole tree."""
    row = reader.one(
        "SELECT id, name, rights, seen_s FROM tokens WHERE hash = ? AND revoked_s = 0 AND expires_s > ?"
        " AND created_s <= ?", hash_of(token), now_s, now_s + AHEAD_MAX_S,
    )  # fmt: skip
    if row is None:
        return None
    scope = frozenset(int(one[0]) for one in reader.all("SELECT node FROM token_scopes WHERE token = ?", row["id"]))
    rights = frozenset(RIGHTS[word] for word in row["rights"].split() if word in RIGHTS)
    return Token(row["id"], row["name"], rights, scope or None, row["seen_s"])


def touch(db: sqlite3.Connection, token: Token, address: str, now_s: float) -> None:
    """Note that the token is used, in the caller's transaction."""
    db.execute("UPDATE tokens SET seen_s = ?, seen_from = ? WHERE id = ?", (now_s, address[:64], token.id))


def listed(reader: Reader) -> list[Listed]:
    """Every token, those that stand first, then the newest."""
    rows = reader.all(
        "SELECT t.name, t.rights, COALESCE((SELECT group_concat(DISTINCT n.code) FROM token_scopes s"
        " LEFT JOIN nodes n ON n.id = s.node WHERE s.token = t.id), '') AS places, t.by, t.created_s, t.expires_s,"
        " t.seen_s, t.seen_from, t.revoked_s FROM tokens t ORDER BY t.revoked_s > 0, t.created_s DESC, t.id DESC"
        " LIMIT ?", _LIST_MAX,
    )  # fmt: skip
    return [Listed(*row) for row in rows]


def hash_of(token: str) -> str:
    """What is kept of a token: it has 256 bits of chance, so a plain hash cannot be turned back."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
