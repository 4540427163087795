"""Sign-in and sessions: a random token in a cookie, its hash in a table, so that a session can be revoked at once.

An account with a second step has no session until that is done: what comes between stands in no table.

The token never stands in the database: who reads a backup cannot sign in with it. Each session has its own CSRF token,
which every form and request that changes something must carry.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import secrets
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hub.access import limits, permissions
from hub.access.accounts import rehashed, verify
from hub.access.browsers import AGENT_MAX
from hub.access.limits import LoginLimiter
from hub.access.outcomes import LASTING, ChangedError, HalfSignedIn, SignedIn, StepOverError, expect_lasting
from hub.access.permissions import Right
from hub.access.step import second_step
from hub.access.step.second_step import HalfIn
from hub.access.step.seeds import Seeds
from hub.port import HubBusyError
from hub.store import audit
from hub.store.db import cannot_write_now, transaction
from hub.store.read.reads import Reader

COOKIE = "diemcau_session"
SESSION_S = 12 * 3600.0
"""A shift. A session in use is prolonged; one that lies idle for a shift is over."""
VOUCHED_S = SESSION_S
"""A session that a provider vouched for ends after a shift, used or not: only a new sign-in hears what has changed."""
AHEAD_MAX_S = 60.0
"""A session that began, or was used, later than this from now is of a clock that was wrong, and would be good for as
long."""
_TOUCH_S = 60.0
DEVICE_COOKIE = "diemcau_device"
STEP_COOKIE = "diemcau_step"
"""Between the password and the code."""
DEVICE_S = 180 * 86_400.0
"""How long a browser is known after its last sign-in."""
WRITE_S = 2.0
"""How long a write waits for its turn in this process, and then as long for a lock held by another."""
WRITERS_MAX = 6
"""Writes that wait at the same time; each has a thread of the console's, and pages that only read need some."""
_DEVICES_MAX = 20
"""Browsers an account is known in; the one unused for longest is forgotten."""


@dataclass(frozen=True, slots=True)
class Session:
    """Who is signed in, and the token that their forms must carry."""

    user: str
    full_name: str
    role: str
    language: str
    csrf: str
    token_hash: str
    scope: frozenset[int] | None = None
    """Nodes at or beneath which this account sees rooms; None: the whole tree."""

    second_step: bool = False
    """Whether the account has one."""
    held: str = ""
    """What has to be done before anything else: `password` to change one that was given, `totp` to set up the second
    step where administrators must have one; empty: nothing."""
    vouched: bool = False
    """Whether the office's provider says who this is: there is no password, and a second step is there."""

    @property
    def rights(self) -> frozenset[Right]:
        """What this account may do."""
        if self.held:
            return permissions.HELD
        return permissions.rights(self.role, scoped=self.scope is not None)

    @property
    def may_act(self) -> bool:
        """Whether this account may do more than look."""
        return Right.MARK in self.rights

    @property
    def keeps_schedule(self) -> bool:
        """Whether this account may mark meetings as secret."""
        return Right.SCHEDULE in self.rights

    @property
    def keeps_accounts(self) -> bool:
        """Whether this account may add, change and lock others."""
        return Right.ACCOUNTS in self.rights

    @property
    def reads_log(self) -> bool:
        """Whether this account may read the log of who did what."""
        return Right.AUDIT in self.rights

    @property
    def shown_name(self) -> str:
        """The name as colleagues know it."""
        return self.full_name or self.user


class Sessions:
    """The sessions table. Own short write transactions beside the hub's writer; SQLite's busy wait orders the two.

    What only reads has connections of its own and waits for no writer, neither ours nor another process's.
    """

    def __init__(
        self, path: Path, clock: Callable[[], float], *, totp_for_admins: bool = False, seeds: Seeds | None = None
    ) -> None:
        self.totp_for_admins = totp_for_admins
        self.seeds = seeds or Seeds()
        self.half_in = HalfIn()
        self.step_limiter = LoginLimiter()
        """Of wrong codes: apart from that of passwords, which a right one makes forget."""
        self._clock = clock
        self._lock = threading.Lock()
        self._few = threading.BoundedSemaphore(WRITERS_MAX)
        self._reader = Reader(path)
        self._db = sqlite3.connect(path, timeout=WRITE_S, check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA synchronous = FULL")
        self.limiter = LoginLimiter()

    def close(self) -> None:
        """Close the connection, when nobody writes on it any more."""
        with self._lock:
            self._db.close()

    def keys(self, name: str, address: str, device: str) -> tuple[str, ...]:
        """What a try to sign in counts for. `device`: the browser's token, if it brings one."""
        known = device and self._reader.one(
            "SELECT 1 FROM devices WHERE hash = ? AND user = ? AND expires_s > ?", hash_of(device), name, self._clock()
        )
        return limits.keys(name, address, hash_of(device) if known else "")

    def oidc_keys(self, address: str, device: str) -> tuple[str, ...]:
        """What coming back from the provider counts for. `device`: the browser's token, if it brings one."""
        known = device and self._reader.one(
            "SELECT 1 FROM devices WHERE hash = ? AND expires_s > ?", hash_of(device), self._clock()
        )
        return limits.oidc_keys(address, hash_of(device) if known else "")

    def login(
        self, name: str, password: str, address: str, device: str = "", agent: str = ""
    ) -> SignedIn | HalfSignedIn | None:
        """A new session, or a token for the second step; None when name or password is wrong.

        Slow on purpose (argon2). Raises BusyError.
        """
        now_s = self._clock()
        row = self._reader.one("SELECT hash, disabled FROM users WHERE name = ?", name)
        keys = self.keys(name, address, device)
        if not verify(row["hash"] if row and not row["disabled"] else None, password, known=limits.is_vouched(keys)):
            self.limiter.failed(keys, now_s)
            # A name that is no account may be a password typed into the wrong field: it is not kept.
            self.audit(name if row else "?", "login_failed", {"address": address})
            return None
        assert row is not None
        self.limiter.succeeded(keys)
        hashed = str(row["hash"])
        renewed = rehashed(hashed, password)
        with self.writing() as db:
            self._expect_unchanged(db, name, hashed)
            expect_lasting(db, name, now_s)
            if (
                renewed
                and db.execute(
                    "UPDATE users SET hash = ? WHERE name = ? AND hash = ?", (renewed, name, hashed)
                ).rowcount
            ):
                hashed = renewed
            if second_step.state(db, name).on:
                return HalfSignedIn(self.half_in.begin(name, hashed, now_s))
            return self._begin(db, name, address, device, agent, {})

    def login_by(
        self, account: Callable[[sqlite3.Connection], str], address: str, device: str = "", agent: str = ""
    ) -> SignedIn | HalfSignedIn:
        """As `login`, for the account that somebody else vouches for, in one transaction with what it is asked of."""
        with self.writing() as db:
            name = account(db)
            if second_step.state(db, name).on:
                (proof,) = db.execute("SELECT hash FROM users WHERE name = ?", (name,)).fetchone()
                return HalfSignedIn(self.half_in.begin(name, proof, self._clock()))
            return self._begin(db, name, address, device, agent, {"through": "oidc"})

    def end_all(self, name: str) -> None:
        """End every session of an account."""
        with self.writing() as db:
            db.execute("DELETE FROM sessions WHERE user = ?", (name,))

    @staticmethod
    def _expect_unchanged(db: sqlite3.Connection, name: str, hashed: str) -> None:
        """Raises ChangedError when the account was locked or given another password while this one was checked."""
        if db.execute("SELECT 1 FROM users WHERE name = ? AND hash = ? AND disabled = 0", (name, hashed)).fetchone():
            return
        raise ChangedError

    def second(self, token: str, given: str, address: str, device: str = "", agent: str = "") -> SignedIn | None:
        """A session for someone whose password was right and who now gives a code; None when the code is wrong.

        Raises StepOverError when the password has to be given again.
        """
        now_s = self._clock()
        half = self.half_in.find(token, now_s)
        if half is None:
            raise StepOverError
        keys = self.keys(half.user, address, device)
        with self.writing() as db:
            stands = db.execute(
                "SELECT 1 FROM users WHERE name = ? AND hash = ? AND disabled = 0", (half.user, half.password_hash)
            ).fetchone()
            if stands is None or not second_step.state(db, half.user).on:
                self.half_in.end(token)
                raise StepOverError
            by = second_step.take(db, self.seeds, half.user, given, now_s)
            if by and self.half_in.end(token):
                self.step_limiter.succeeded(keys)
                return self._begin(db, half.user, address, device, agent, {"second": by})
            self.half_in.failed(token)
            self.step_limiter.failed(keys, now_s)
            audit.append(db, now_s, half.user, "second_step_failed", {"address": address})
        return None

    def _begin(
        self, db: sqlite3.Connection, name: str, address: str, device: str, agent: str, detail: dict[str, str]
    ) -> SignedIn:
        """Write a session and the browser it is of, within the caller's transaction."""
        now_s = self._clock()
        made = SignedIn(secrets.token_urlsafe(32), secrets.token_urlsafe(32))
        db.execute(
            "INSERT INTO sessions (token_hash, user, csrf, created_s, seen_s, expires_s, address, agent)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (hash_of(made.token), name, secrets.token_urlsafe(24), now_s, now_s, now_s + SESSION_S,
             address[:64], agent[:AGENT_MAX]),
        )  # fmt: skip
        self._know(db, name, made.device, device)
        audit.append(db, now_s, name, "login", {"address": address, **detail})
        return made

    def move(self, db: sqlite3.Connection, session: Session, device: str) -> tuple[SignedIn, int]:
        """End all sessions of an account but the asking one, which goes on under another token: so a copy of its
        cookie ends as well. Within the caller's transaction; gives the new tokens, and how many others there were."""
        made = SignedIn(secrets.token_urlsafe(32), secrets.token_urlsafe(32))
        moved = db.execute(
            "UPDATE sessions SET token_hash = ? WHERE token_hash = ? AND user = ?",
            (hash_of(made.token), session.token_hash, session.user),
        ).rowcount
        if not moved:  # it was ended a moment ago, by somebody who was faster
            raise ChangedError
        ended = db.execute(
            "DELETE FROM sessions WHERE user = ? AND token_hash <> ?", (session.user, hash_of(made.token))
        ).rowcount
        self.half_in.forget(session.user)
        self._know(db, session.user, made.device, device)
        return made, ended

    def _know(self, db: sqlite3.Connection, name: str, made: str, device: str) -> None:
        """Know the browser by a new token, in place of the one that it brought."""
        now_s = self._clock()
        db.execute("DELETE FROM devices WHERE hash = ?", (hash_of(device),))
        db.execute("INSERT INTO devices VALUES (?, ?, ?)", (hash_of(made), name, now_s + DEVICE_S))
        db.execute(
            "DELETE FROM devices WHERE user = ? AND hash NOT IN"
            " (SELECT hash FROM devices WHERE user = ? ORDER BY expires_s DESC LIMIT ?)",
            (name, name, _DEVICES_MAX),
        )

    def find(self, token: str) -> Session | None:
        """The session of a token, if it is still good; prolongs it, with at most one write a minute."""
        hashed = hash_of(token)
        return self.find_all([hashed]).get(hashed)

    def find_all(self, hashes: Collection[str]) -> dict[str, Session]:
        """Those of these sessions that are still good, by their hash: for streams, which live longer than one request.

        Two questions, however many they are.
        """
        now_s, asked = self._clock(), json.dumps(sorted(hashes))
        rows = self._reader.all(
            "SELECT s.token_hash, s.user, s.csrf, s.seen_s, u.full_name, u.role, u.language, u.must_change,"  # noqa: S608
            " t.user AS totp, u.hash LIKE 'oidc$%' AS vouched"
            " FROM sessions s JOIN users u ON u.name = s.user"
            " LEFT JOIN totp t ON t.user = s.user AND t.since_s > 0"
            " WHERE s.token_hash IN (SELECT value FROM json_each(?)) AND s.expires_s > ? AND u.disabled = 0"
            f" AND MAX(s.created_s, s.seen_s) <= ? + {AHEAD_MAX_S}"
            f" AND (u.hash NOT LIKE 'oidc$%' OR s.created_s > ?) AND {LASTING}",
            asked, now_s, now_s, now_s - VOUCHED_S, now_s,
        )  # fmt: skip
        if not rows:
            return {}
        bound: dict[str, set[int]] = {}
        for row in self._reader.all(
            "SELECT user, node FROM user_scopes WHERE user IN"
            " (SELECT user FROM sessions WHERE token_hash IN (SELECT value FROM json_each(?)))", asked,
        ):  # fmt: skip
            bound.setdefault(row["user"], set()).add(int(row["node"]))
        self._prolong([row["token_hash"] for row in rows if now_s - row["seen_s"] > _TOUCH_S], now_s)
        return {row["token_hash"]: self._session(row, frozenset(bound.get(row["user"], ())) or None) for row in rows}

    def _session(self, row: sqlite3.Row, scope: frozenset[int] | None) -> Session:
        stepped, vouched = row["totp"] is not None, bool(row["vouched"])
        needs_step = self.totp_for_admins and row["role"] == permissions.ADMIN and not stepped and not vouched
        return Session(
            row["user"], row["full_name"], row["role"], row["language"], row["csrf"], row["token_hash"], scope, stepped,
            "password" if row["must_change"] and not vouched else "totp" if needs_step else "", vouched,
        )  # fmt: skip

    def _prolong(self, hashes: list[str], now_s: float) -> None:
        """Note that sessions are used; not now when somebody writes, for a request that reads waits for nobody."""
        if not hashes:
            return
        with contextlib.suppress(HubBusyError), self.writing(0.0) as db:
            db.execute(
                "UPDATE sessions SET seen_s = ?, expires_s = ?"
                " WHERE token_hash IN (SELECT value FROM json_each(?)) AND expires_s > ?",
                (now_s, now_s + SESSION_S, json.dumps(hashes), now_s),
            )

    def logout(self, session: Session) -> None:
        """End the session at once."""
        with self.writing() as db:
            db.execute("DELETE FROM sessions WHERE token_hash = ?", (session.token_hash,))
            audit.append(db, self._clock(), session.user, "logout", {})

    def set_language(self, session: Session, language: str) -> None:
        """Remember the language an account wants."""
        with self.writing() as db:
            db.execute("UPDATE users SET language = ? WHERE name = ?", (language, session.user))
            audit.append(db, self._clock(), session.user, "language", {"language": language})

    def audit(self, by: str, what: str, detail: dict[str, str]) -> None:
        """One row for the log of who did what, about something that is no row of its own."""
        with self.writing() as db:
            audit.append(db, self._clock(), by, what, detail)

    def reading(self) -> sqlite3.Connection:
        """A connection of this thread's that only reads."""
        return self._reader.connection()

    @contextmanager
    def writing(self, patience_s: float | None = None) -> Iterator[sqlite3.Connection]:
        """One write transaction; it takes the file's write lock at once, as the writer does.

        Raises HubBusyError when it cannot be had: after `patience_s`, else `WRITE_S`, for the others of this process
        and as long for those of another, and at once when many wait already. It was not done then.
        """
        patience_s = WRITE_S if patience_s is None else patience_s
        if not self._few.acquire(blocking=False):
            raise HubBusyError("too many writes wait for the database")
        try:
            if not self._lock.acquire(timeout=patience_s):
                raise HubBusyError("others write")
            try:
                self._db.execute(f"PRAGMA busy_timeout = {int(patience_s * 1000)}")
                with transaction(self._db):
                    yield self._db
            except sqlite3.OperationalError as error:
                if not cannot_write_now(error):
                    raise
                raise HubBusyError(str(error)) from error
            finally:
                self._lock.release()
        finally:
            self._few.release()


def cookie_name(name: str, scheme: str) -> str:
    """A cookie's name: behind TLS with the prefix that binds it to this very host, which browsers enforce."""
    return f"__Host-{name}" if scheme == "https" else name


def csrf_fits(session: Session, given: str) -> bool:
    """Whether a form's token is the session's, compared in constant time."""
    return hmac.compare_digest(session.csrf.encode(), given.encode())


def hash_of(token: str) -> str:
    """How a token stands in the database."""
    return hashlib.sha256(token.encode()).hexdigest()
