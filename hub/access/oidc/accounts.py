"""How a person of the provider's becomes an account of the console's.

Such an account has no password; in its place stands which person it is: a digest of issuer and subject. So no provider
can take over an account with a password, and none of its people another's: names may change, the subject never does
(OpenID Connect Core, 5.7).

    oidc$given$            made before, with role and places of ours; the first person of that name becomes its owner
    oidc$given$DIGEST      its owner
    oidc$claims$DIGEST     made at a first sign-in; role and places follow the claims at every sign-in
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from hub.access.accounts import NAME, BadAccountError, set_scope
from hub.access.oidc.options import OidcError, Options, Reason, claim_of, words_of
from hub.access.permissions import ROLES
from hub.store import audit
from hub.store.db import transaction

GIVEN = "oidc$given$"
CLAIMS = "oidc$claims$"
WHOLE_TREE = "*"
"""The word of the claim of places for someone who is bound to none."""
PLACES_MAX = 200


def add_oidc_user(
    db: sqlite3.Connection, name: str, role: str, *, places: Sequence[str] = (), by: str, now_s: float
) -> None:
    """Make an account for someone who signs in at the provider. An account of that name loses its password.

    Raises BadAccountError when name, role or a place are not known.
    """
    if not NAME.match(name):
        raise BadAccountError(f"name {name!r}: use 2 to 40 of a-z, 0-9, '.', '_' and '-'")
    if role not in ROLES:
        raise BadAccountError(f"role {role!r}: use one of {', '.join(ROLES)}")
    with transaction(db):
        _put(db, name, GIVEN, role, now_s)
        db.execute("DELETE FROM sessions WHERE user = ?", (name,))
        db.execute("DELETE FROM devices WHERE user = ?", (name,))
        set_scope(db, name, places)
        audit.append(db, now_s, by, "user_set", {"user": name, "role": role, "places": list(places), "oidc": True})


def account_of(db: sqlite3.Connection, options: Options, claims: Mapping[str, Any], now_s: float) -> str:
    """The account of whoever these claims are about, made or brought up to them. Within the caller's transaction.

    Raises OidcError: the transaction is to be undone then, and sessions of its `account` are to end.
    """
    digest = _digest(options.issuer, str(claims["sub"]))
    given, claimed = GIVEN + digest, CLAIMS + digest
    row = db.execute("SELECT name, hash, disabled FROM users WHERE hash IN (?, ?)", (given, claimed)).fetchone()
    if row is None:
        return _first_time(db, options, claims, digest, now_s)
    name = str(row["name"])
    if row["disabled"]:
        raise OidcError(Reason.DISABLED, name)
    if row["hash"] == claimed:
        _follow(db, options, claims, name, claimed, now_s)
    return name


def _first_time(
    db: sqlite3.Connection, options: Options, claims: Mapping[str, Any], digest: str, now_s: float
) -> str:  # fmt: skip
    told = claim_of(claims, options.user_claim)
    name = told.strip().casefold() if isinstance(told, str) else ""
    if not NAME.match(name):
        raise OidcError(Reason.NAME, f"{options.user_claim}: {str(told)[:60]!r}")
    row = db.execute("SELECT hash, disabled FROM users WHERE name = ?", (name,)).fetchone()
    if row is None:
        if not options.role_claim:
            raise OidcError(Reason.NO_ACCOUNT, name)
        _follow(db, options, claims, name, CLAIMS + digest, now_s)
        return name
    if not row["hash"].startswith((GIVEN, CLAIMS)):
        raise OidcError(Reason.LOCAL, name)
    if row["hash"] != GIVEN:
        raise OidcError(Reason.TAKEN, name)
    if row["disabled"]:
        raise OidcError(Reason.DISABLED, name)
    db.execute("UPDATE users SET hash = ? WHERE name = ?", (GIVEN + digest, name))
    audit.append(db, now_s, name, "oidc_bound", {"user": name, "subject": str(claims["sub"])[:200]})
    return name


def _follow(
    db: sqlite3.Connection, options: Options, claims: Mapping[str, Any], name: str, proof: str, now_s: float
) -> None:  # fmt: skip
    """Give the account the role and places that the claims say, and nobody else's."""
    role = role_of(options, claims)
    if not role:
        raise OidcError(Reason.NO_ROLE, name, account=name)
    places = words_of(claim_of(claims, options.place_claim))[:PLACES_MAX]
    if not places:
        raise OidcError(Reason.NO_PLACE, name, account=name)
    bound = [] if WHOLE_TREE in places else sorted(set(places))
    before = db.execute("SELECT role FROM users WHERE name = ?", (name,)).fetchone()
    was = {int(row[0]) for row in db.execute("SELECT node FROM user_scopes WHERE user = ?", (name,))}
    _put(db, name, proof, role, now_s)
    try:
        set_scope(db, name, bound)
    except BadAccountError:
        raise OidcError(Reason.NO_PLACE, f"{name}: {', '.join(bound)}", account=name) from None
    now = {int(row[0]) for row in db.execute("SELECT node FROM user_scopes WHERE user = ?", (name,))}
    if before is None or before["role"] != role or was != now:
        audit.append(db, now_s, name, "user_set", {"user": name, "role": role, "places": bound, "oidc": True})


def role_of(options: Options, claims: Mapping[str, Any]) -> str:
    """The role that may most of those that the claim's words stand for; empty when none does."""
    if not options.role_claim:
        return ""
    told = {options.roles.get(word, "") for word in words_of(claim_of(claims, options.role_claim))}
    ranks = list(ROLES)  # from the one that may least to the one that may most
    return max((role for role in told if role in ROLES), key=ranks.index, default="")


def _put(db: sqlite3.Connection, name: str, proof: str, role: str, now_s: float) -> None:
    db.execute(
        "INSERT INTO users (name, hash, role, created_s) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (name) DO UPDATE SET hash = excluded.hash, role = excluded.role, must_change = 0",
        (name, proof, role, now_s),
    )


def _digest(issuer: str, subject: str) -> str:
    return hashlib.sha256(json.dumps([issuer, subject]).encode()).hexdigest()
