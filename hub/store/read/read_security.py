"""What rooms would not believe: orders, documents and lists of keys that somebody forged or sent again."""

from __future__ import annotations

from dataclasses import dataclass

from hub.store.read.reads import Reader
from wire.event_kinds import EventKind
from wire.messages import BadMessageError, Event, decode

FOREIGN = frozenset(
    {
        "unsigned", "bad_signature", "unknown_key", "revoked_key", "wrong_kind", "foreign_id", "foreign_room",
        "wrong_boot", "bad_nonce", "replayed", "retained", "keys_unsigned", "keys_bad_signature", "keys_wrong_kind",
        "keys_outdated", "keys_malformed",
    }
)  # fmt: skip
"""Reasons for refusing an order that no honest hub gives cause for: somebody forges, or sends again."""

DROPPED = frozenset({"bad_nonce", "wrong_boot"})
"""What an honest order meets as well, when line or board drop while it is on its way."""
TOLD_EVERY_S = 3600.0
"""A room tells of one kind of refusal that often (`agent.uplink.noise`), with the number of those in between."""
ORDER_S = 180.0
"""From an order's making to its refusal, with the minutes that a broker may hold it."""
AHEAD_S = 120.0
"""What the clocks of hub and room may differ."""


@dataclass(frozen=True, slots=True)
class Security:
    """One order, document or list that a room did not believe."""

    room: str
    at_s: float
    reason: str
    messages: int
    """How many there were of the same kind when the room told of it."""


def security(reader: Reader, limit: int = 30, room: str = "") -> list[Security]:
    """What rooms have refused as forged or sent again, the newest first; of the newest thousand refusals.

    Without the hub's own orders that met a line or a board which had just dropped: those it knows itself.
    """
    rows = reader.all(
        # Written out and no parameter: else its partial index would serve it no more.
        f"SELECT room, at_s, received_s, raw FROM events WHERE kind = '{EventKind.COMMAND_REFUSED}'"  # noqa: S608
        " AND (:room = '' OR room = :room) ORDER BY received_s DESC LIMIT 1000",
        {"room": room},
    )
    told: list[tuple[str, float, float, Event]] = []
    for row in rows:
        try:
            event = decode(Event, bytes(row["raw"]))
        except BadMessageError:
            continue
        if event.reason in FOREIGN:
            told.append((row["room"], row["at_s"], row["received_s"], event))
    found: list[Security] = []
    before: dict[tuple[str, str], float] = {}
    for who, at_s, received_s, event in sorted(told, key=lambda one: one[1]):
        said = event.detail.get("messages", 1)
        messages = said if isinstance(said, int) else 1
        if event.reason in DROPPED:
            since_s = max(before.get((who, event.reason), 0.0), at_s - TOLD_EVERY_S)
            before[who, event.reason] = at_s
            messages -= _own(reader, who, event.reason, since_s, at_s)
        if messages > 0:
            found.append(Security(who, received_s, event.reason, messages))
    return sorted(found, key=lambda one: -one.at_s)[:limit]


def _own(reader: Reader, room: str, reason: str, since_s: float, until_s: float) -> int:
    """How many messages of that kind the hub's own orders between two records explain at most.

    A room tells once an hour, with a number, and names one order of them: so orders are counted and not matched. One
    that got no answer may have been refused like those that did. An order explains its one or two sendings and no
    more, so that one which somebody has captured and sends again and again stays listed.
    """
    row = reader.one(
        "SELECT COALESCE(SUM(CASE WHEN :reason = 'bad_nonce' AND (missed_replies > 0 OR missed_events > 0)"
        " THEN MIN(2, MAX(1, missed_replies, missed_events))"
        " WHEN outcome = 'refused' AND reason = :reason OR outcome = 'expired' AND reason = 'no_reply' THEN 1"
        " ELSE 0 END), 0) AS own FROM orders WHERE room = :room AND sent_s > 0"
        " AND created_s BETWEEN :since AND :until",
        {"reason": reason, "room": room, "since": since_s - ORDER_S, "until": until_s + AHEAD_S},
    )
    return int(row["own"]) if row is not None else 0
