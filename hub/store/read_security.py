"""What rooms would not believe: orders, documents and lists of keys that somebody forged or sent again."""

from __future__ import annotations

from dataclasses import dataclass

from hub.store.reads import Reader
from wire.messages import BadMessageError, Event, decode

FOREIGN = frozenset(
    {
        "unsigned", "bad_signature", "unknown_key", "revoked_key", "wrong_kind", "foreign_id", "foreign_room",
        "wrong_boot", "bad_nonce", "replayed", "retained", "keys_unsigned", "keys_bad_signature", "keys_wrong_kind",
        "keys_outdated", "keys_malformed",
    }
)  # fmt: skip
"""Reasons for refusing an order that no honest hub gives cause for: somebody forges, or sends again."""


@dataclass(frozen=True, slots=True)
class Security:
    """One order, document or list that a room did not believe."""

    room: str
    at_s: float
    reason: str
    messages: int
    """How many there were of the same kind when the room told of it."""


def security(reader: Reader, limit: int = 30, room: str = "") -> list[Security]:
    """What rooms have refused as forged or sent again, the newest first; of the newest thousand refusals."""
    rows = reader.all(
        "SELECT room, received_s, raw FROM events WHERE kind = 'command_refused' AND (:room = '' OR room = :room)"
        " ORDER BY received_s DESC LIMIT 1000",
        {"room": room},
    )
    found: list[Security] = []
    for row in rows:
        try:
            event = decode(Event, bytes(row["raw"]))
        except BadMessageError:
            continue
        if event.reason in FOREIGN:
            messages = event.detail.get("messages", 1)
            found.append(
                Security(row["room"], row["received_s"], event.reason, messages if isinstance(messages, int) else 1)
            )
    return found[:limit]
