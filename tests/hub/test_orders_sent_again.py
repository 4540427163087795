"""An honest order that met a dropped line is sent once more and is no attack; what others made stays listed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.changes import orders
from hub.changes.orders import OrderMessage
from hub.core.leases import Budget
from hub.intake.apply import Applier
from hub.port import Change, Ordered
from hub.store.db import open_db, transaction
from hub.store.orders import expire, waiting_again
from hub.store.read.read_security import security
from hub.store.read.reads import Reader
from tests.hub.rooms import Room, fill_inventory
from wire.event_kinds import EventKind
from wire.messages import Command, Reply, decode


class Bench:
    """A hub's records and one room, whose line may drop."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "hub.db"
        self.db = open_db(self.path)
        fill_inventory(self.db)
        self.applier = Applier(self.db, 60.0)
        self.room = Room()
        self.say(self.room.status())

    def say(self, message: Any, id_: str = "") -> None:
        with transaction(self.db):
            self.applier.apply([self.room.heard(message, id_=id_)], self.room.now_s)

    def order(self, action: str = "recheck") -> OrderMessage:
        with transaction(self.db):
            message, _ = orders.write(
                self.db, self.applier, self.room.now_s, room="p1-1", action=action, by="an", why="thử", incident=None,
                confirmed="Lê Văn A",
            )  # fmt: skip
        assert isinstance(message, OrderMessage)
        with transaction(self.db):
            orders.sent(self.db, message.order, self.room.now_s)
        return message

    def refuse(self, order_id: str, reason: str = "bad_nonce", messages: int = 1) -> None:
        """As a room does: a reply, and an event that may be an hour's."""
        self.say(Reply(stamp=self.room.stamp(), outcome="refused", reason=reason), order_id)
        self.tell(order_id, reason, messages)

    def tell(self, order_id: str, reason: str = "bad_nonce", messages: int = 1) -> None:
        self.say(
            self.room.event(
                EventKind.COMMAND_REFUSED, reason=reason, detail={"command": order_id, "messages": messages}
            )
        )

    def again(self, order_id: str) -> Command | None:
        assert waiting_again(self.db) in ([], [order_id])
        with transaction(self.db):
            message, _ = orders.again(self.db, self.applier, self.room.now_s, order_id)
            if message is None:
                return None
            orders.sent(self.db, message.order, self.room.now_s)
        return decode(Command, message.payload)

    def lease(self, budget: Budget) -> tuple[Ordered | OrderMessage, Change]:
        with transaction(self.db):
            return orders.lease(self.db, self.applier, self.room.now_s, room="p1-1", budget=budget)

    def outcome(self, order_id: str) -> tuple[str, str]:
        row = self.db.execute("SELECT outcome, reason FROM orders WHERE id = ?", (order_id,)).fetchone()
        return str(row[0]), str(row[1])

    def attacks(self) -> list[tuple[str, int]]:
        return [(one.reason, one.messages) for one in security(Reader(self.path))]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.db.close()


def test_an_order_refused_for_its_nonce_is_sent_once_more_with_the_fresh_one(bench: Bench) -> None:
    message = bench.order()
    first = decode(Command, message.payload)
    bench.refuse(first.id)
    assert bench.outcome(first.id) == ("waiting", "")
    assert bench.again(first.id) is None, "the nonce that was refused is no fresh one"
    bench.say(bench.room.status())
    second = bench.again(first.id)
    assert second is not None
    assert (second.id, second.action, second.by) == (first.id, first.action, first.by)
    assert second.counter > first.counter
    assert second.nonce != first.nonce
    assert second.confirmed == first.confirmed, "it was heard when it was heard"
    assert bench.again(first.id) is None, "once"
    bench.say(Reply(stamp=bench.room.stamp(), outcome="done"), first.id)
    assert bench.outcome(first.id) == ("done", "")
    assert bench.attacks() == []


@pytest.mark.parametrize("first_word", ["reply", "event"])
def test_the_two_words_of_one_refusal_end_the_second_sending_not(bench: Bench, first_word: str) -> None:
    order_id = bench.order().order.id
    reply = Reply(stamp=bench.room.stamp(), outcome="refused", reason="bad_nonce")
    words: list[Callable[[], None]] = [lambda: bench.say(reply, order_id), lambda: bench.tell(order_id)]
    early, late = words if first_word == "reply" else words[::-1]
    early()
    bench.say(bench.room.status())
    assert bench.again(order_id) is not None
    late()
    assert bench.outcome(order_id)[0] == "sent"
    early()  # of the second sending
    assert bench.outcome(order_id) == ("refused", "bad_nonce")


def test_an_order_is_not_sent_again_to_another_start_of_the_board_nor_after_its_time(bench: Bench) -> None:
    order_id = bench.order().order.id
    bench.refuse(order_id)
    bench.room.boot, bench.room.mono_s, bench.room.start_s = "b2", 0.0, bench.room.now_s
    bench.say(bench.room.status())
    assert bench.again(order_id) is None
    bench.room.mono_s += 60
    with transaction(bench.db):
        expire(bench.db, bench.room.now_s)
    assert bench.outcome(order_id) == ("expired", "no_reply")
    bench.say(bench.room.status())
    late = bench.order().order.id
    bench.room.mono_s += 61
    bench.refuse(late)
    assert bench.outcome(late) == ("refused", "bad_nonce")


def test_another_refusal_ends_an_order(bench: Bench) -> None:
    order_id = bench.order().order.id
    bench.refuse(order_id, "expired")
    assert bench.outcome(order_id) == ("refused", "expired")
    assert waiting_again(bench.db) == []


def test_a_refused_order_that_the_hub_did_not_make_is_listed(bench: Bench) -> None:
    bench.tell("forged")
    bench.tell("forged", "bad_signature")
    assert sorted(bench.attacks()) == [("bad_nonce", 1), ("bad_signature", 1)]


def test_the_list_leaves_the_hub_s_own_orders_out_of_an_hour_s_number(bench: Bench) -> None:
    ids = []
    for _ in range(3):
        ids.append(bench.order().order.id)
        bench.refuse(ids[-1]) if len(ids) == 1 else bench.say(
            Reply(stamp=bench.room.stamp(), outcome="refused", reason="bad_nonce"), ids[-1]
        )
        bench.say(bench.room.status())
        assert bench.again(ids[-1])
        bench.say(Reply(stamp=bench.room.stamp(), outcome="done"), ids[-1])
    bench.room.mono_s += 200
    bench.tell(ids[-1], messages=2)
    assert bench.attacks() == [], "all of them were ours"
    bench.room.mono_s += 3600
    bench.tell("forged", messages=40)
    assert bench.attacks() == [("bad_nonce", 40)]


def test_a_captured_order_sent_again_and_again_is_listed(bench: Bench) -> None:
    order_id = bench.order().order.id
    bench.say(Reply(stamp=bench.room.stamp(), outcome="done"), order_id)
    bench.tell(order_id, "replayed", 5000)
    bench.tell(order_id, "bad_nonce", 5000)
    assert sorted(bench.attacks()) == [("bad_nonce", 5000), ("replayed", 5000)]


def test_one_room_is_granted_two_and_answered_four_times(bench: Bench) -> None:
    answers = []
    for _ in range(6):
        message, change = bench.lease(Budget(100.0, 621))
        if isinstance(message, OrderMessage):
            answers.append(message.order.action)
            bench.say(Reply(stamp=bench.room.stamp(), outcome="done"), message.order.id)
        else:
            assert message.refused == "too_many"
            assert change.rooms == {"p1-1"}
    assert answers == ["lease_granted", "lease_granted", "lease_denied", "lease_denied"]
    assert [tuple(row) for row in bench.db.execute("SELECT rule, reason FROM incidents")] == [
        ("room_floods", "lease_greed")
    ]
    assert bench.db.execute("SELECT COUNT(*) FROM audit WHERE what = 'order_refused'").fetchone()[0] == 0
    bench.room.mono_s += 601
    for _ in range(3):  # its nonce has grown old
        assert isinstance(bench.lease(Budget())[0], Ordered)
    assert bench.db.execute("SELECT COUNT(*) FROM audit WHERE what = 'order_refused'").fetchone()[0] == 0
    bench.say(bench.room.status())
    message, _ = bench.lease(Budget())
    assert isinstance(message, OrderMessage), "a window later it is a room like any other"
