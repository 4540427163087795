"""The second step of signing in: six digits of an authenticator app (RFC 6238), or a recovery code, each taken once.

The functions work within the caller's write transaction, so that two requests with the same code cannot both pass.
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
import threading
from collections import OrderedDict
from dataclasses import dataclass, replace

import pyotp
from pyotp.exceptions import OTPVerificationError

from hub.access.step.seeds import Seeds

WINDOW = 1
"""Steps of 30 s that a phone's clock may be off, either way (RFC 6238, 5.2)."""
RECOVERY_CODES = 10
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without i, l, o, 0 and 1, which are misread from paper."""
_GROUPS = 4
"""Of four letters each: 79 bits, so that a fast hash is enough."""
ISSUER = "Diem Cau"
"""As the app shows it; some of them cannot show other letters."""
WAITS_S = 300.0
"""From the password to the code."""
TRIES_MAX = 5
"""Wrong codes until the password is asked for again."""
_WAITING_MAX = 256


@dataclass(frozen=True, slots=True)
class State:
    """Whether an account has a second step."""

    since_s: float = 0.0
    """0: it has none."""
    codes_left: int = 0

    @property
    def on(self) -> bool:
        """Whether a code is asked for."""
        return self.since_s > 0


def state(db: sqlite3.Connection, user: str) -> State:
    """As it is now."""
    row = db.execute("SELECT since_s FROM totp WHERE user = ? AND since_s > 0", (user,)).fetchone()
    if row is None:
        return State()
    left = db.execute("SELECT COUNT(*) FROM recovery_codes WHERE user = ?", (user,)).fetchone()[0]
    return State(float(row[0]), int(left))


def offer(db: sqlite3.Connection, seeds: Seeds, user: str) -> str:
    """A new secret, base32, which counts once a code confirms it. Empty when the account has a second step already."""
    secret = pyotp.random_base32()
    made = db.execute(
        "INSERT INTO totp (user, secret) VALUES (?, ?) ON CONFLICT (user) DO UPDATE SET secret = excluded.secret"
        " WHERE since_s = 0", (user, seeds.sealed(user, secret)),
    ).rowcount  # fmt: skip
    return secret if made else ""


def offered(db: sqlite3.Connection, seeds: Seeds, user: str) -> str:
    """The secret that waits to be confirmed; empty when none does."""
    row = db.execute("SELECT secret FROM totp WHERE user = ? AND since_s = 0", (user,)).fetchone()
    return seeds.opened(user, str(row[0])) if row else ""


def confirm(db: sqlite3.Connection, seeds: Seeds, user: str, code: str, now_s: float) -> list[str]:
    """Switch it on, when the code is of the offered secret. Gives the recovery codes; empty when it is not."""
    secret = offered(db, seeds, user)
    step = _step(secret, code, now_s) if secret else None
    if step is None:
        return []
    db.execute("UPDATE totp SET since_s = ?, step = ? WHERE user = ?", (now_s, step, user))
    return new_codes(db, user)


def new_codes(db: sqlite3.Connection, user: str) -> list[str]:
    """Recovery codes in place of those of before. They stand in the database as hashes only."""
    codes = [
        "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(_GROUPS))
        for _ in range(RECOVERY_CODES)
    ]
    db.execute("DELETE FROM recovery_codes WHERE user = ?", (user,))
    db.executemany("INSERT INTO recovery_codes VALUES (?, ?)", [(_hash(user, code), user) for code in codes])
    return codes


def take(db: sqlite3.Connection, seeds: Seeds, user: str, given: str, now_s: float) -> str:
    """Use a code up: `totp` or `recovery`, and empty when it is wrong, too old or was taken before."""
    row = db.execute("SELECT secret, step FROM totp WHERE user = ? AND since_s > 0", (user,)).fetchone()
    if row is None:
        return ""
    step = _step(seeds.opened(user, row["secret"]), given, now_s)
    if step is not None:
        later = db.execute("UPDATE totp SET step = ? WHERE user = ? AND step < ?", (step, user, step)).rowcount
        return "totp" if later else ""
    used = db.execute("DELETE FROM recovery_codes WHERE user = ? AND hash = ?", (user, _hash(user, given))).rowcount
    return "recovery" if used else ""


def remove(db: sqlite3.Connection, user: str) -> bool:
    """Take the second step from an account. False when it had none."""
    had = state(db, user).on
    db.execute("DELETE FROM totp WHERE user = ?", (user,))
    db.execute("DELETE FROM recovery_codes WHERE user = ?", (user,))
    return had


def address(user: str, secret: str) -> str:
    """What the QR picture says to the app."""
    return pyotp.TOTP(secret).provisioning_uri(name=user, issuer_name=ISSUER)


def _step(secret: str, given: str, now_s: float) -> int | None:
    digits = "".join(given.split())
    if not (secret and len(digits) == 6 and digits.isascii() and digits.isdigit()):
        return None
    try:
        return pyotp.TOTP(secret).verify_and_get_timecode(digits, for_time=now_s, valid_window=WINDOW)
    except OTPVerificationError:
        return None


def _hash(user: str, code: str) -> str:
    plain = "".join(char for char in code.casefold() if char.isalnum())
    return hashlib.sha256(f"{user}\n{plain}".encode("utf-8", "replace")).hexdigest()


@dataclass(frozen=True, slots=True)
class Half:
    """Someone whose password was right."""

    user: str
    password_hash: str
    """A password that was changed since begins anew."""
    until_s: float
    tries: int = 0


class HalfIn:
    """Who may now send a code. In memory only: it opens nothing, and a restart asks for the password again.

    Bounded: at most `_WAITING_MAX`, the oldest is forgotten first.
    """

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, Half] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, user: str, password_hash: str, now_s: float) -> str:
        """A token for the browser of someone whose password was right."""
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._waiting[token] = Half(user, password_hash, now_s + WAITS_S)
            while len(self._waiting) > _WAITING_MAX:
                self._waiting.popitem(last=False)
        return token

    def find(self, token: str, now_s: float) -> Half | None:
        """Who waits with this token; None when it is over."""
        with self._lock:
            found = self._waiting.get(token)
            if found is not None and not 0 < found.until_s - now_s <= WAITS_S:
                del self._waiting[token]
                return None
            return found

    def failed(self, token: str) -> None:
        """Count a wrong code; the last one that is allowed ends it."""
        with self._lock:
            found = self._waiting.pop(token, None)
            if found is not None and found.tries + 1 < TRIES_MAX:
                self._waiting[token] = replace(found, tries=found.tries + 1)

    def forget(self, user: str) -> None:
        """Let nobody go on who has begun as this account: its password, its second step or its lock has changed."""
        with self._lock:
            for token in [token for token, half in self._waiting.items() if half.user == user]:
                del self._waiting[token]

    def end(self, token: str) -> bool:
        """Forget it. False when it was over: of two requests at the same time one goes on."""
        with self._lock:
            return self._waiting.pop(token, None) is not None
