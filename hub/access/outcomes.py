"""What becomes of trying to sign in."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

TEMPORARY_S = 3 * 86_400.0
"""How long a temporary password opens anything: it was read out or written down, and nobody may find it next month."""
LASTING = f"(must_change = 0 OR ? BETWEEN given_s - 3600 AND given_s + {TEMPORARY_S})"
"""In SQL, of a row of `users` at a moment. Given in the future, by a clock that was wrong: over as well."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The tokens of a fresh session and of the browser, for its cookies."""

    token: str
    device: str


@dataclass(frozen=True, slots=True)
class HalfSignedIn:
    """The password was right, and a code is to come: a token for that alone, which opens nothing else."""

    token: str


class StepOverError(Exception):
    """The code came too late or too often: it begins with the password again."""


class ChangedError(Exception):
    """The account has changed while its password was checked: it has to be given again."""


class TemporaryOverError(Exception):
    """The password was a temporary one, and its time is over: an administrator has to give another."""


def expect_lasting(db: sqlite3.Connection, name: str, now_s: float) -> None:
    """Raises TemporaryOverError when the password was given for three days, and they are over."""
    (left,) = db.execute(f"SELECT COUNT(*) FROM users WHERE name = ? AND {LASTING}", (name, now_s)).fetchone()  # noqa: S608
    if not left:
        raise TemporaryOverError
