"""What the hub refuses by itself, and what an order carries."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from hub.changes.orders import COUNTER_LEAP_MAX, OrderMessage, refusal, sent, write
from hub.core.twin import Twin
from hub.intake.apply import Applier
from hub.port import Change, Ordered
from hub.store.db import open_db, transaction
from hub.store.tables import Listed
from tests.hub.rooms import T0, Room, fill_inventory
from wire.messages import ActionNow, Command, Confirmed, State, decode, encode
from wire.topics import Leaf, Topic

NOW = T0 + 100.0
STATE = encode(Room().state(actions=[ActionNow(remedy="codec_restart", load="codec")]))
GOOD = Twin("p1", online=True, heard_s=NOW, boot="b", nonce="n", nonce_heard_s=NOW - 60, state_raw=STATE)
HERE = Listed("p1", True, "c1")


@pytest.mark.parametrize(
    ("twin", "listed", "action", "lost", "word"),
    [
        (GOOD, HERE, "recheck", False, ""),
        (GOOD, HERE, "codec_restart", False, ""),
        (GOOD, None, "recheck", False, "unknown_room"),
        (GOOD, Listed("p1", False, ""), "recheck", False, "unknown_room"),
        (GOOD, HERE, "recheck", True, "offline"),
        (replace(GOOD, online=False), HERE, "recheck", False, "offline"),
        (replace(GOOD, nonce=""), HERE, "recheck", False, "no_nonce"),
        (replace(GOOD, nonce_heard_s=NOW - 121), HERE, "recheck", False, "no_nonce"),
        (replace(GOOD, nonce_heard_s=0), HERE, "recheck", False, "no_nonce"),
        (GOOD, HERE, "light_on", False, "not_offered"),
        (replace(GOOD, state_raw=None), HERE, "codec_restart", False, "not_offered"),
        (replace(GOOD, state_raw=b"damaged"), HERE, "codec_restart", False, "not_offered"),
        (replace(GOOD, state_raw=None), HERE, "recheck", False, ""),
    ],
)
def test_refusal_of_an_order_by_the_hub_itself(
    twin: Twin, listed: Listed | None, action: str, lost: bool, word: str
) -> None:
    assert refusal(twin, listed, action, lost=lost, now_s=NOW) == word


def order(applier: Applier, action: str = "recheck", room: str = "p1-1") -> Ordered | OrderMessage:
    with transaction(applier._db):
        message, _ = write(
            applier._db, applier, NOW, room=room, action=action, by="thu.ha", why="xem lại", incident=None
        )
    return message


@pytest.fixture
def applier(tmp_path: Path) -> Applier:
    db = open_db(tmp_path / "hub.db")
    fill_inventory(db)
    made, room = Applier(db, 60), Room()
    names = ("codec_restart", "light_on", "fan_on")
    state: State = room.state(actions=[ActionNow(remedy=name, load="x") for name in names])
    made.apply([room.heard(room.status(counter=7), NOW - 1), room.heard(state, NOW - 1)], NOW)
    return made


def test_order_is_bound_to_room_boot_nonce_and_counter(applier: Applier) -> None:
    message = order(applier)
    assert isinstance(message, OrderMessage)
    topic, command = Topic.parse(message.topic), decode(Command, message.payload)
    assert (topic.room, topic.leaf, topic.id) == ("p1-1", Leaf.COMMAND, message.order.id)
    assert (command.room, command.boot, command.nonce, command.counter) == ("p1-1", "b1", "n1", 8)
    assert (command.by, command.reason, command.expires_s) == ("thu.ha", "xem lại", 60)
    assert tuple(applier._db.execute("SELECT by, what FROM audit").fetchone()) == ("thu.ha", "order")


def test_what_was_confirmed_is_signed_with_its_moment_kept_and_audited(applier: Applier) -> None:
    db = applier._db
    with transaction(db):
        message, _ = write(
            db, applier, NOW, room="p1-1", action="codec_restart", by="thu.ha", why="xem lại", incident=None,
            confirmed="Lê Văn Thắng",
        )  # fmt: skip
    assert isinstance(message, OrderMessage)
    said = decode(Command, message.payload).confirmed
    assert said == Confirmed(person="Lê Văn Thắng", what="no_picture_no_sound", at_s=NOW)
    assert db.execute("SELECT confirmed FROM orders").fetchone()[0] == "Lê Văn Thắng"
    assert json.loads(db.execute("SELECT detail FROM audit").fetchone()[0])["confirmed"] == "Lê Văn Thắng"
    plain = order(applier)
    assert isinstance(plain, OrderMessage)
    assert decode(Command, plain.payload).confirmed is None


def test_counter_rises_also_when_the_room_forgot_its_own(applier: Applier) -> None:
    first = order(applier)
    assert isinstance(first, OrderMessage)
    fresh = Room(boot="b2", start_s=T0 + 50)
    applier.apply([fresh.heard(fresh.status(counter=0), NOW)], NOW)
    second = order(applier, "codec_restart")
    assert isinstance(second, OrderMessage) or second.refused == "not_offered"
    second = order(applier, "light_on") if not isinstance(second, OrderMessage) else second
    assert isinstance(second, OrderMessage)
    assert second.order.counter == 9


def test_a_forged_count_does_not_use_up_the_numbers_of_a_room(applier: Applier) -> None:
    forged = Room(boot="b2", start_s=T0 + 50)
    applier.apply([forged.heard(forged.status(counter=2**53), NOW)], NOW)
    assert applier.twin("p1-1").counter == 2**53
    message = order(applier)
    assert isinstance(message, OrderMessage)
    assert message.order.counter == COUNTER_LEAP_MAX + 1


def test_same_order_twice_and_too_many_are_refused(applier: Applier) -> None:
    assert isinstance(order(applier), OrderMessage)
    assert order(applier) == Ordered(refused="busy")
    assert isinstance(order(applier, "light_on"), OrderMessage)
    assert isinstance(order(applier, "fan_on"), OrderMessage)
    assert order(applier, "codec_restart") == Ordered(refused="too_many")
    assert order(applier, room="p9") == Ordered(refused="unknown_room")
    audited = [row[0] for row in applier._db.execute("SELECT what FROM audit ORDER BY id")]
    assert audited.count("order_refused") == 3


def test_what_the_broker_did_not_take_has_ended(applier: Applier) -> None:
    message = order(applier)
    assert isinstance(message, OrderMessage)
    assert sent(applier._db, message.order, NOW, failed="no_broker") == Change(frozenset({"p1-1"}))
    row = applier._db.execute("SELECT outcome, reason FROM orders").fetchone()
    assert tuple(row) == ("expired", "no_broker")
    assert isinstance(order(applier), OrderMessage), "the way is free again"
