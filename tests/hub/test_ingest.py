"""Whatever comes in, it is either a message or set aside with a reason; nothing raises."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.intake.ingest import Heard, Unread, interpret
from hub.intake.link import Received
from wire.event_kinds import EventKind
from wire.messages import Event, Stamp, Status, encode
from wire.topics import Leaf, Topic

STAMP = {"epoch": "e1", "seq": 1, "boot": "b1", "mono_s": 1.5, "wall_s": 1.78e9, "synced": True}


def came(payload: bytes, topic: str = "") -> Received:
    return Received(topic or str(Topic("p1", Leaf.EVENT)), payload, False, 1.78e9, lambda: None)


def event(**changes: Any) -> bytes:
    stamp = STAMP | changes.pop("stamp", {})
    return json.dumps({"stamp": stamp, "kind": EventKind.AGENT_STARTED} | changes).encode()


def test_honest_event_is_read_with_the_room_of_the_topic() -> None:
    found = interpret(came(event(room="p9", detail={"new": [1]}, unknown_field=3)))
    assert isinstance(found, Heard)
    assert (found.topic.room, found.message.stamp.seq) == ("p1", 1)


@pytest.mark.parametrize(
    ("payload", "kind", "word"),
    [
        (b"", "message", "not a Event"),
        (b"\xff\xfe", "message", "not a Event"),
        (b"{", "message", "not a Event"),
        (b"[]", "message", "not a Event"),
        (b"null", "message", "not a Event"),
        (b"[" * 60_000, "message", ""),
        (b'{"kind":"x"}', "message", "stamp"),
        (b" " * 70_000, "oversized", "70000"),
        (event(v=2), "newer", "version 2"),
        (b'{"v":3,"stamp":7}', "newer", "version 3"),
        (event(stamp={"seq": 0}), "content", "event number 0"),
        (event(stamp={"seq": -1}), "content", "seq"),
        (event(stamp={"seq": 2**62}), "content", "seq"),
        (event(stamp={"seq": 2**70}), "content", "seq"),
        (event(stamp={"seq": "1"}), "message", "seq"),
        (event(stamp={"epoch": "hub"}), "content", "belongs to the hub"),
        (event(stamp={"epoch": ""}), "content", "epoch"),
        (event(stamp={"boot": "b" * 99}), "content", "boot"),
        (event(stamp={"boot": "a b"}), "content", "boot"),
        (event(stamp={"mono_s": -1}), "content", "mono_s"),
        (event(stamp={"wall_s": 1e300}), "content", "wall_s"),
        (event(fault_id=-2), "content", "fault_id"),
        (event(kind=""), "content", "kind"),
        (event(rule="r" * 65), "content", "rule"),
        (event(since_s=-5), "content", "since_s"),
        (event(words={"vi": 7}), "message", "words"),
    ],
)
def test_bad_payload_is_set_aside_with_a_reason(payload: bytes, kind: str, word: str) -> None:
    found = interpret(came(payload))
    assert isinstance(found, Unread)
    assert found.kind == kind
    assert word in found.reason


@pytest.mark.parametrize(
    "topic",
    ["", "x", "diemcau/1/00/p1/event", "diemcau/2/00/p1/event", "diemcau/1/fleet", str(Topic("p1", Leaf.DESIRED)),
     str(Topic("p1", Leaf.COMMAND, "c1")), f"{Topic('p1', Leaf.EVENT)}/x", "diemcau/1/zz/../event", "\x00"],
)  # fmt: skip
def test_bad_topic_is_set_aside(topic: str) -> None:
    found = interpret(Received(topic, event(), False, 0, lambda: None))
    assert isinstance(found, Unread)
    assert found.kind == "topic"


@pytest.mark.parametrize(
    ("leaf", "content"),
    [
        (Leaf.STATUS, {"online": True, "counter": -1}),
        (Leaf.STATE, {"facts": {}, "outbox": -1}),
        (Leaf.METRIC, {"samples": {"": [[0, 1]]}}),
        (Leaf.METRIC, {"samples": {str(n): [] for n in range(501)}}),
    ],
)
def test_other_leaves_are_checked_too(leaf: Leaf, content: dict[str, Any]) -> None:
    found = interpret(came(json.dumps({"stamp": STAMP} | content).encode(), str(Topic("p1", leaf))))
    assert isinstance(found, Unread)
    assert found.kind == "content"


@given(st.binary(max_size=200), st.text(max_size=60))
def test_noise_never_raises(payload: bytes, topic: str) -> None:
    assert isinstance(interpret(Received(topic, payload, False, 0, lambda: None)), Unread)
    interpret(came(payload))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    ),
    st.sampled_from(sorted(STAMP)),
)
def test_any_json_in_any_place_never_raises(value: Any, key: str) -> None:
    for name in ("stamp", "kind", "fault_id", "evidence", "words", "detail", "proof"):
        changes = {name: {key: value} if name == "stamp" else value}
        interpret(came(event(**changes)))


def test_round_trip_of_our_own_messages() -> None:
    stamp = Stamp(epoch="e", seq=5, boot="b", mono_s=1, wall_s=2, synced=False)
    for leaf, message in ((Leaf.EVENT, Event(stamp=stamp, kind="k")), (Leaf.STATUS, Status(stamp=stamp, online=True))):
        found = interpret(came(encode(message), str(Topic("p1", leaf))))
        assert isinstance(found, Heard)
        assert found.message == message
