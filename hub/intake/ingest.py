"""Reads what came from the broker: a typed message of a room, or the reason why it cannot be read. Never an exception.

The room is taken from the topic alone, which the broker's access list vouches for. Numbers that the database could not
hold, and an epoch that belongs to the hub itself, are refused here, so that nothing behind has to think of them. These
limits do not stand in the message types: a room reads its own outbox by those and discards what it cannot read, whereas
here it is kept, shown and counted as committed.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from typing import Any

import msgspec

from hub.core.liveness import EPOCH as HUB_EPOCH
from hub.intake.link import Received
from wire.messages import (
    PAYLOAD_MAX_BYTES,
    BadMessageError,
    Event,
    MetricBatch,
    NewerVersionError,
    Reply,
    Stamp,
    State,
    Status,
    decode,
)
from wire.topics import UP, BadTopicError, Leaf, Topic

Message = Status | State | Event | MetricBatch | Reply
KINDS: dict[Leaf, type[Any]] = {
    Leaf.STATUS: Status,
    Leaf.STATE: State,
    Leaf.EVENT: Event,
    Leaf.METRIC: MetricBatch,
    Leaf.REPLY: Reply,
}
_INT_MAX = 2**53
"""The greatest integer that JSON, SQLite and a double all hold."""
_SECONDS_MAX = 1e11
_NAME_MAX = 64
_FACTS_MAX = 500


@dataclass(frozen=True, slots=True)
class Heard:
    """A message that could be read."""

    topic: Topic
    message: Message
    source: Received


@dataclass(frozen=True, slots=True)
class Unread:
    """A message that is set aside. `kind` groups the log: `topic`, `oversized`, `newer`, `message`, `content`, `defect`
    or `deadly`."""

    kind: str
    reason: str
    source: Received
    room: str = ""
    """Whose it is; empty when its topic is none of a room's."""
    leaf: Leaf | None = None
    epoch: str = ""
    seq: int = 0
    """Of an event whose number can be read all the same: it counts as committed. 0: it cannot."""


class _Number(msgspec.Struct):
    epoch: str
    seq: int


class _Numbered(msgspec.Struct):
    stamp: _Number


_numbered = msgspec.json.Decoder(_Numbered)
_STAMP = re.compile(rb'"epoch"\s*:\s*"([^"\\]{1,64})"\s*,\s*"seq"\s*:\s*([0-9]{1,16})[\s,}]')


def interpret(received: Received) -> Heard | Unread:
    """The typed message, or why there is none."""
    try:
        topic = Topic.parse(received.topic)
    except BadTopicError as error:
        return unread("topic", str(error), received)
    if topic.leaf not in UP:
        return unread("topic", f"{topic.leaf} is a leaf that only the hub publishes", received)
    if len(received.payload) > PAYLOAD_MAX_BYTES:
        reason = f"payload of {len(received.payload)} bytes is over the limit of {PAYLOAD_MAX_BYTES}"
        return unread("oversized", reason, received)
    try:
        message: Message = decode(KINDS[topic.leaf], received.payload)
    except NewerVersionError as error:
        return unread("newer", str(error), received)
    except BadMessageError as error:
        return unread("message", str(error), received)
    except (ValueError, MemoryError, msgspec.MsgspecError) as error:
        return unread("message", f"{type(error).__name__}: {error}", received)
    wrong = _wrong(message)
    return unread("content", wrong, received) if wrong else Heard(topic, message, received)


def unread(kind: str, reason: str, received: Received, *, scan: bool = False) -> Unread:
    """A message that is set aside, with as much of it as can be made out. Raises nothing.

    `scan`: its text is looked through and not taken apart, since that has ended the program before.
    """
    try:
        topic = Topic.parse(received.topic)
    except (BadTopicError, ValueError):
        return Unread(kind, reason, received)
    epoch, seq = number_of(received.payload, scan=scan) if topic.leaf is Leaf.EVENT else ("", 0)
    return Unread(kind, reason, received, topic.room, topic.leaf, epoch, seq)


def number_of(payload: bytes, *, scan: bool = False) -> tuple[str, int]:
    """Epoch and number of an event that cannot be used otherwise; ("", 0) when they cannot be read either."""
    epoch, seq = "", 0
    if not scan and len(payload) <= PAYLOAD_MAX_BYTES:
        with contextlib.suppress(msgspec.MsgspecError, ValueError, RecursionError, MemoryError):
            stamp = _numbered.decode(payload).stamp
            epoch, seq = stamp.epoch, stamp.seq
    if not epoch and (found := _STAMP.search(payload[:PAYLOAD_MAX_BYTES])):
        epoch, seq = found[1].decode("utf-8", "replace"), int(found[2])
    good = 0 < len(epoch) <= _NAME_MAX and epoch != HUB_EPOCH and 1 <= seq <= _INT_MAX and "\x00" not in epoch
    return (epoch, seq) if good else ("", 0)


def _wrong(message: Message) -> str:
    """What no honest room can say, or empty."""
    wrong = _wrong_stamp(message.stamp)
    match message:
        case Event(stamp=stamp, fault_id=fault_id, act_id=act_id, floor=floor, kind=kind, since_s=since_s):
            if not 1 <= stamp.seq <= _INT_MAX:
                wrong = wrong or f"event number {stamp.seq} is outside 1 to {_INT_MAX}"
            if not (0 <= fault_id <= _INT_MAX and 0 <= act_id <= _INT_MAX and floor <= _INT_MAX):
                wrong = wrong or "fault_id, act_id or floor is out of range"
            if not kind or len(kind) > _NAME_MAX or len(message.rule) > _NAME_MAX:
                wrong = wrong or f"kind or rule is empty or over {_NAME_MAX} characters"
            if len(message.hub) > _NAME_MAX:
                wrong = wrong or f"hub is over {_NAME_MAX} characters"
            if not 0 <= since_s <= _SECONDS_MAX:
                wrong = wrong or "since_s is out of range"
        case Status(connection=connection, counter=counter, nonce=nonce):
            if not (0 <= connection <= _INT_MAX and 0 <= counter <= _INT_MAX and len(nonce) <= 2 * _NAME_MAX):
                wrong = wrong or "connection, counter or nonce is out of range"
        case State(outbox=outbox, dropped=dropped, mode=mode):
            if not (0 <= outbox <= _INT_MAX and 0 <= dropped <= _INT_MAX and len(mode) <= _NAME_MAX):
                wrong = wrong or "outbox, dropped or mode is out of range"
        case MetricBatch(samples=samples):
            if len(samples) > _FACTS_MAX or any(not 0 < len(fact) <= _NAME_MAX for fact in samples):
                wrong = wrong or f"over {_FACTS_MAX} facts, or a fact's name is empty or over {_NAME_MAX} characters"
        case Reply(act_id=act_id, outcome=outcome):
            if not 0 <= act_id <= _INT_MAX or len(outcome) > _NAME_MAX:
                wrong = wrong or "act_id or outcome is out of range"
    return wrong


def _wrong_stamp(stamp: Stamp) -> str:
    if not stamp.boot or len(stamp.boot) > _NAME_MAX or any(char.isspace() for char in stamp.boot):
        return f"boot is empty, has a blank or is over {_NAME_MAX} characters"
    if not stamp.epoch or len(stamp.epoch) > _NAME_MAX:
        return f"epoch is empty or over {_NAME_MAX} characters"
    if stamp.epoch == HUB_EPOCH:
        return f"epoch {HUB_EPOCH!r} belongs to the hub"
    if not 0 <= stamp.seq <= _INT_MAX:
        return "seq is out of range"
    if not (0 <= stamp.mono_s <= _SECONDS_MAX and -_SECONDS_MAX <= stamp.wall_s <= _SECONDS_MAX):
        return "mono_s or wall_s is out of range"
    return ""
