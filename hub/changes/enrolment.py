"""New boards: each makes its own key and shows a code of it, a technician says which room it is, the authority issues.

The code is the beginning of the key's fingerprint, so whoever reads it out at the board names that very key. Nothing
secret travels: not in the question, not in the answer, and not on the card.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from hub.pki.authority import BUNDLE, Issuer, now_utc
from hub.pki.book import Book
from hub.pki.files import PkiError, cert_pem, read_request
from hub.store import audit, tables
from wire.topics import valid_id

CODE_CHARS = 10
WAITING_MAX = 500
WAITS_S = 7 * 86_400.0
"""A board that nobody has claimed for this long is forgotten; it asks again by itself."""
CSR_MAX_BYTES = 4096
BOARD_MAX = 80


class EnrolmentError(Exception):
    """What is asked cannot be done. `key` is a word of the catalogues."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


@dataclass(frozen=True, slots=True)
class Board:
    """A board that has asked."""

    fingerprint: str
    code: str
    board: str
    address: str
    asked_s: float
    seen_s: float
    room: str
    by: str
    issued: bool


def code_of(fingerprint: str) -> str:
    """What people read out: ten letters and digits in two groups, e.g. `K7QDA-3M2XZ`; 50 bits of the fingerprint."""
    text = base64.b32encode(bytes.fromhex(fingerprint)).decode("ascii")[:CODE_CHARS]
    return f"{text[:5]}-{text[5:]}"


def plain_code(typed: str) -> str:
    """A code as it was typed: case, spaces and hyphens do not matter, nor a zero for an O or a one for an I."""
    letters = "".join(c for c in typed.upper() if c.isalnum()).replace("0", "O").replace("1", "I").replace("8", "B")
    return f"{letters[:5]}-{letters[5:]}"


def ask(db: sqlite3.Connection, csr: bytes, board: str, address: str, now_s: float) -> Board:
    """A board asks, for the first time or again. Raises EnrolmentError for what is no sound request."""
    if len(csr) > CSR_MAX_BYTES:
        raise EnrolmentError("enrol.bad_request")
    try:
        key = read_request(csr, "request").public_key()
    except PkiError:
        raise EnrolmentError("enrol.bad_request") from None
    raw = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    fingerprint = hashlib.sha256(raw).hexdigest()
    db.execute("DELETE FROM enrolments WHERE room = '' AND seen_s < ?", (now_s - WAITS_S,))
    db.execute(
        "INSERT INTO enrolments (fingerprint, code, csr, board, address, asked_s, seen_s) VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (fingerprint) DO UPDATE SET seen_s = excluded.seen_s, address = excluded.address",
        (fingerprint, code_of(fingerprint), csr.decode("ascii", "replace"), tables.clean(board)[:BOARD_MAX],
         tables.clean(address)[:BOARD_MAX], now_s, now_s),
    )  # fmt: skip
    db.execute(
        "DELETE FROM enrolments WHERE room = '' AND fingerprint NOT IN"
        " (SELECT fingerprint FROM enrolments WHERE room = '' ORDER BY seen_s DESC LIMIT ?)",
        (WAITING_MAX,),
    )
    return _board(db.execute("SELECT * FROM enrolments WHERE fingerprint = ?", (fingerprint,)).fetchone())


def boards(db: sqlite3.Connection, rooms: Collection[str] | None = None) -> list[Board]:
    """Those that wait, the newest first, then those that were given a room lately.

    `rooms`: all that the asker may know of. A board that waits is nobody's yet: who knows only some rooms reads its
    code at the board itself, and is not shown those of the whole province.
    """
    bound = json.dumps(sorted(rooms)) if rooms is not None else None
    found = db.execute(
        "SELECT * FROM enrolments WHERE ? IS NULL OR (room != '' AND room IN (SELECT value FROM json_each(?)))"
        " ORDER BY room != '', seen_s DESC LIMIT 60", (bound, bound or "[]"),
    )  # fmt: skip
    return [_board(row) for row in found]


def has_board(db: sqlite3.Connection, room: str) -> bool:
    """Whether a room has a board: one was given to it, or has spoken for it."""
    given = db.execute("SELECT 1 FROM enrolments WHERE room = ? LIMIT 1", (room,)).fetchone()
    return bool(given or db.execute("SELECT 1 FROM twins WHERE room = ? AND heard_s > 0", (room,)).fetchone())


def rooms_with_board(db: sqlite3.Connection) -> frozenset[str]:
    """All rooms of which `has_board` is true."""
    rows = db.execute("SELECT room FROM enrolments WHERE room != '' UNION SELECT room FROM twins WHERE heard_s > 0")
    return frozenset(row["room"] for row in rows)


def give(
    db: sqlite3.Connection, typed: str, room: str, by: str, now_s: float, *, replace: bool = False,
    rooms: Collection[str] | None = None,
) -> Board:  # fmt: skip
    """Say which room a board is. Raises EnrolmentError. In the caller's transaction, with its row in the audit log.

    A room that has a board is given another only in its place (`replace`): the hub then forgets the one before, whose
    certificate has to be revoked. `rooms`: all that the asker may know of; who knows only some replaces none.
    """
    code = plain_code(typed)
    rows = db.execute("SELECT * FROM enrolments WHERE code = ?", (code,)).fetchall()
    if len(rows) != 1 or (rooms is not None and rows[0]["room"] and rows[0]["room"] not in rooms):
        raise EnrolmentError("enrol.unknown_code")
    if not valid_id(room) or db.execute("SELECT 1 FROM rooms WHERE room = ?", (room,)).fetchone() is None:
        raise EnrolmentError("enrol.unknown_room")
    if rows[0]["room"] not in ("", room):
        raise EnrolmentError("enrol.taken")
    if rows[0]["room"] == "" and has_board(db, room):
        if rooms is not None:
            raise EnrolmentError("enrol.has_board_bound")
        if not replace:
            raise EnrolmentError("enrol.has_board")
    before = [
        row["code"] for row in db.execute("SELECT code FROM enrolments WHERE room = ? AND code != ?", (room, code))
    ]
    db.execute("DELETE FROM enrolments WHERE room = ? AND code != ?", (room, code))
    db.execute(
        "UPDATE enrolments SET room = ?, by = ?, decided_s = ? WHERE fingerprint = ?",
        (room, by, now_s, rows[0]["fingerprint"]),
    )
    audit.append(
        db, now_s, by, "board_given", {"room": room, "code": code, "board": rows[0]["board"], "in_place_of": before}
    )
    return _board(db.execute("SELECT * FROM enrolments WHERE code = ?", (code,)).fetchone())


def issue(db: sqlite3.Connection, authority: Path, now_s: float) -> list[str]:
    """Issue the certificates of all boards that were given a room. Returns the rooms. Raises PkiError."""
    rows = db.execute("SELECT * FROM enrolments WHERE room != '' AND cert = ''").fetchall()
    if not rows:
        return []
    issuer, book = Issuer.load(authority), Book(authority)
    for row in rows:
        key = read_request(row["csr"].encode("ascii"), row["room"]).public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)  # read_request lets nothing else pass
        cert = issuer.issue(row["room"], "room", key, now_utc())
        book.issued(cert, "room", now_utc())
        text = cert_pem(cert, issuer.cert).decode("ascii")
        db.execute("UPDATE enrolments SET cert = ? WHERE fingerprint = ?", (text, row["fingerprint"]))
        audit.append(db, now_s, "authority", "certificate_issued", {"room": row["room"], "code": row["code"]})
    return [str(row["room"]) for row in rows]


def answer(db: sqlite3.Connection, fingerprint: str, authority: Path | None, settings: Path | None) -> dict[str, str]:
    """What a board is told: `waiting`, or its room, certificate, authority and, where there is one, its room.toml."""
    row = db.execute("SELECT * FROM enrolments WHERE fingerprint = ?", (fingerprint,)).fetchone()
    if row is None:
        return {"state": "unknown"}
    if not row["cert"]:
        return {"state": "waiting", "code": row["code"]}
    told = {"state": "given", "room": row["room"], "cert": row["cert"]}
    for name, path in (("ca", authority / BUNDLE if authority else None),
                       ("settings", settings / f"{row['room']}.toml" if settings else None)):  # fmt: skip
        if path is not None and path.is_file():
            told[name] = path.read_text("utf-8-sig")
    return told


def _board(row: sqlite3.Row) -> Board:
    return Board(
        row["fingerprint"], row["code"], row["board"], row["address"], row["asked_s"], row["seen_s"], row["room"],
        row["by"], bool(row["cert"]),
    )  # fmt: skip
