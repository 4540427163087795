"""Topics: what is written can be read back, and nothing else can."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.topics import (
    DOWN,
    FLEET,
    RETAINED,
    UP,
    WITH_ID,
    BadTopicError,
    Leaf,
    Topic,
    hub_filters,
    room_filter,
    shard_of,
    valid_id,
)

IDS = st.from_regex(r"\A[a-z0-9](?:[a-z0-9-]{0,34}[a-z0-9])?\Z")


@given(room=IDS, leaf=st.sampled_from(Leaf), own=IDS)
def test_every_topic_survives_the_round_trip(room: str, leaf: Leaf, own: str) -> None:
    topic = Topic(room, leaf, own if leaf in WITH_ID else "")
    assert Topic.parse(str(topic)) == topic
    assert str(topic).startswith(room_filter(room) + "/")
    assert len(str(topic)) <= 120


@given(st.text(max_size=80))
def test_any_text_is_a_topic_or_a_bad_topic(text: str) -> None:
    try:
        topic = Topic.parse(text)
    except BadTopicError:
        return
    assert str(topic) == text


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", "is not"),
        ("diemcau/1/fleet", "is not"),
        ("other/1/00/a/state", "is not"),
        ("diemcau/2/00/a/state", "version"),
        (f"diemcau/1/{shard_of('a')}/a/nonsense", "unknown leaf"),
        (f"diemcau/1/{shard_of('a')}/a/state/extra", "takes no id"),
        (f"diemcau/1/{shard_of('a')}/a/command", "needs id"),
        (f"diemcau/1/{shard_of('a')}/a/command/", "needs id"),
        (f"diemcau/1/{shard_of('b')}/a/state", "shard"),
        (f"diemcau/1/{shard_of('a').upper()}x/a/state", "shard"),
        ("diemcau/1/00/A/state", "room id"),
        ("diemcau/1/00/-a/state", "room id"),
        ("diemcau/1/00/a-/state", "room id"),
        ("diemcau/1/00/+/state", "room id"),
        ("diemcau/1/00/#/state", "room id"),
        ("diemcau/1/00//state", "room id"),
        ("diemcau/1/00/a\n/state", "room id"),
        ("diemcau/1/00/" + "a" * 37 + "/state", "room id"),
        (f"diemcau/1/{shard_of('a')}/a/reply/x/y", "is not"),
        (f"/diemcau/1/{shard_of('a')}/a/state", "is not"),
    ],
)
def test_a_bad_topic_is_named(text: str, names: str) -> None:
    with pytest.raises(BadTopicError, match=names):
        Topic.parse(text)


def test_shards_never_change() -> None:
    """They are in certificates, access lists and retained topics: these values are for ever."""
    assert {room: shard_of(room) for room in ("thx-0001", "a", "phong-hop-tinh")} == {
        "thx-0001": "60",
        "a": "43",
        "phong-hop-tinh": "5a",
    }


def test_shards_spread_the_rooms() -> None:
    shards = [shard_of(f"r{n:04d}") for n in range(4096)]
    assert len(set(shards)) == 256
    assert max(shards.count(shard) for shard in set(shards)) < 3 * 16


def test_every_leaf_has_one_direction() -> None:
    assert set(Leaf) == UP | DOWN
    assert not UP & DOWN
    assert Leaf.COMMAND not in RETAINED, "a retained command would act again at every reconnect"


def test_the_hub_hears_what_goes_up_and_nothing_else() -> None:
    def matches(filter_: str, topic: str) -> bool:
        ours, theirs = filter_.split("/"), topic.split("/")
        return len(ours) == len(theirs) and all(a in ("+", b) for a, b in zip(ours, theirs, strict=True))

    for leaf in Leaf:
        topic = str(Topic("thx-0001", leaf, "c1" if leaf in WITH_ID else ""))
        assert any(matches(f, topic) for f in hub_filters()) == (leaf in UP)
    assert not any(matches(f, FLEET) for f in hub_filters())


def test_an_id_is_safe_everywhere() -> None:
    assert not any(valid_id(text) for text in ("", "a/b", "a+b", "a#", "a b", "a.b", "é", "a\x00", "a\n", "A"))
