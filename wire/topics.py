"""Topic names, both ways. Everything about a topic stands here, so that a round trip proves it.

A room's topics are ``diemcau/1/{shard}/{room}/{leaf}`` with an optional ``/{id}`` for commands and replies. The room is
an opaque id and never a place in the site tree: a room that moves keeps its identity, certificate and history. The
shard is two hex digits of crc32(room); it is there from day one so that the hub can be split without renaming topics.
"""

from __future__ import annotations

import enum
import re
import zlib
from dataclasses import dataclass

ROOT = "diemcau"
MAJOR = "1"
FLEET = f"{ROOT}/{MAJOR}/fleet"
"""Retained words of the hub to all rooms: reconnect window, rates, hub epoch."""

KEYS = f"{ROOT}/{MAJOR}/keys"
"""Retained: the keys whose signature rooms believe, in an envelope signed by the root key."""

_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,34}[a-z0-9])?\Z")
"""1 to 36 of a-z, 0-9 and '-', neither first nor last a '-': safe in a topic, a file name, a URL and a certificate."""


class Leaf(enum.StrEnum):
    """The last word of a room's topic. The comments give direction, QoS and whether the broker keeps it."""

    STATUS = "status"  # up, 1, retained, also the last will
    STATE = "state"  # up, 1, retained
    EVENT = "event"  # up, 1
    METRIC = "metric"  # up, 1
    REPLY = "reply"  # up, 1, with id
    DESIRED = "desired"  # down, 1, retained
    COMMAND = "command"  # down, 1, with id; never retained
    ACK = "ack"  # down, 1


UP = frozenset({Leaf.STATUS, Leaf.STATE, Leaf.EVENT, Leaf.METRIC, Leaf.REPLY})
DOWN = frozenset({Leaf.DESIRED, Leaf.COMMAND, Leaf.ACK})
RETAINED = frozenset({Leaf.STATUS, Leaf.STATE, Leaf.DESIRED})
WITH_ID = frozenset({Leaf.REPLY, Leaf.COMMAND})


class BadTopicError(ValueError):
    """The text is no topic of ours. The message names the part that is wrong."""


def valid_id(text: str) -> bool:
    """Whether the text may serve as a room's or a command's id."""
    return _ID.match(text) is not None


def shard_of(room: str) -> str:
    """Two lower-case hex digits, the same for a room for ever."""
    return f"{zlib.crc32(room.encode()) & 0xFF:02x}"


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic of one room. ``str()`` writes it, ``parse`` reads it back."""

    room: str
    leaf: Leaf
    id: str = ""

    def __post_init__(self) -> None:
        if not valid_id(self.room):
            raise BadTopicError(f"room id {self.room!r}: use 1 to 36 of a-z, 0-9 and '-'")
        if (self.leaf in WITH_ID) != bool(self.id):
            raise BadTopicError(f"{self.leaf} {'needs' if self.leaf in WITH_ID else 'takes no'} id")
        if self.id and not valid_id(self.id):
            raise BadTopicError(f"id {self.id!r}: use 1 to 36 of a-z, 0-9 and '-'")

    def __str__(self) -> str:
        tail = f"/{self.id}" if self.id else ""
        return f"{ROOT}/{MAJOR}/{shard_of(self.room)}/{self.room}/{self.leaf}{tail}"

    @classmethod
    def parse(cls, text: str) -> Topic:
        """Read a topic. Raises BadTopicError, also when the shard does not belong to the room."""
        parts = text.split("/")
        if len(parts) not in (5, 6) or parts[0] != ROOT:
            raise BadTopicError(f"{text[:80]!r} is not {ROOT}/{MAJOR}/shard/room/leaf")
        if parts[1] != MAJOR:
            raise BadTopicError(f"{text[:80]!r} is of version {parts[1][:8]!r}, this program speaks {MAJOR}")
        try:
            leaf = Leaf(parts[4])
        except ValueError:
            raise BadTopicError(f"unknown leaf {parts[4][:40]!r}") from None
        topic = cls(parts[3], leaf, parts[5] if len(parts) == 6 else "")
        if parts[2] != shard_of(topic.room):
            raise BadTopicError(f"shard {parts[2][:8]!r} is not that of room {topic.room}")
        return topic


def room_filter(room: str) -> str:
    """What a room subscribes to, one filter a leaf, is built from its own id alone."""
    return f"{ROOT}/{MAJOR}/{shard_of(room)}/{room}"


def hub_filters() -> tuple[str, ...]:
    """What the hub subscribes to: every leaf that goes up, of every room."""
    return tuple(f"{ROOT}/{MAJOR}/+/+/{leaf}{'/+' if leaf in WITH_ID else ''}" for leaf in sorted(UP))
