"""Orders and documents that a room does not obey, thousands of each: one record an hour and reason, and few answers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agent.core.events import Record, RecordKind
from agent.store.base import Batch
from agent.store.memory import MemoryStore
from agent.uplink import noise, report
from agent.uplink.session import Session
from tests.agent.test_session import WHO, at, make, order
from wire import messages as m
from wire.topics import Leaf, Topic

COPIES = 5000
COMMAND, DESIRED = str(Topic("r-1", Leaf.COMMAND, "c1")), str(Topic("r-1", Leaf.DESIRED))


def kept(session: Session, store: MemoryStore, records: list[Record], mono_s: float) -> None:
    """What the loop makes of records: events in the outbox."""
    for record in records:
        seq = store.reserve_seq()
        store.commit(Batch(events=[(seq, m.encode(report.event(record, report.stamp(WHO, at(mono_s), seq))))]))


def retained(session: Session) -> tuple[str, bytes, bool]:
    return COMMAND, m.encode(order(session)), True


def changed(**fields: object) -> Callable[[Session], tuple[str, bytes, bool]]:
    return lambda session: (COMMAND, m.encode(order(session, fields)), False)


def obeyed(session: Session) -> tuple[str, bytes, bool]:
    """A captured good order, which the room has obeyed."""
    payload = m.encode(order(session))
    assert session.received(COMMAND, payload, False, at(20)).events
    return COMMAND, payload, False


def document(**fields: object) -> Callable[[Session], tuple[str, bytes, bool]]:
    def made(session: Session) -> tuple[str, bytes, bool]:
        session.received(DESIRED, m.encode(m.Desired(room="r-1", version=5)), True, at(20))
        return DESIRED, m.encode(m.Desired(**{"room": "r-1", "version": 5, **fields})), True  # type: ignore[arg-type]

    return made


@pytest.mark.parametrize(
    ("reason", "captured"),
    [
        ("retained", retained),
        ("replayed", obeyed),
        ("foreign_room", changed(room="r-2")),
        ("wrong_boot", changed(boot="b0")),
        ("bad_nonce", changed(nonce="old")),
        ("expired", changed(expires_s=-1e9)),
        ("foreign_id", changed(id="c9")),
        ("outdated", document(version=4)),
        ("foreign_room", document(room="r-2")),
        ("version_ahead", document(version=2**52)),
    ],
    ids=["retained", "replayed", "room", "boot", "nonce", "expired", "id", "outdated", "other-document", "ahead"],
)
def test_five_thousand_copies_are_one_record_an_hour_with_their_number(
    reason: str, captured: Callable[[Session], tuple[str, bytes, bool]]
) -> None:
    session, store = make()
    topic, payload, flag = captured(session)
    began_s = 90.0 if reason == "expired" else 30.0
    replies = 0
    for n in range(COPIES):
        incoming = session.received(topic, payload, flag, at(began_s + n * 0.001))
        assert not incoming.events
        kept(session, store, incoming.records, began_s)
    replies += sum("/reply/" in out.topic for out in session.due(at(began_s + 6)))
    assert store.pending() == 1
    assert replies <= noise.ANSWERS_EACH_MAX
    # Whatever comes next, the rest is told once the hour is over, though no copy comes any more.
    other = str(Topic("r-1", Leaf.ACK)), m.encode(m.Ack(epoch="e1", seq=0)), False
    assert session.received(*other, at(began_s + noise.TOLD_EVERY_S - 1)).records == []
    kept(session, store, session.received(*other, at(began_s + noise.TOLD_EVERY_S)).records, began_s)
    events = [m.decode(m.Event, body) for _, body in store.outbox(0, 9)]
    assert [(event.reason, event.detail["messages"]) for event in events] == [(reason, 1), (reason, COPIES - 1)]


def test_many_different_orders_get_few_answers_and_others_still_get_theirs() -> None:
    session, _ = make()
    payload = m.encode(order(session, {"nonce": "old"}))
    for n in range(COPIES):
        session.received(str(Topic("r-1", Leaf.COMMAND, f"c{n}")), payload, False, at(30 + n * 0.001))
    assert sum("/reply/" in out.topic for out in session.due(at(36))) == noise.ANSWERS_MAX
    session.received(str(Topic("r-1", Leaf.COMMAND, "mine")), payload, False, at(36 + noise.ANSWER_EVERY_S))
    (reply,) = [out for out in session.due(at(70)) if "/reply/" in out.topic]
    assert reply.topic.endswith("/mine")


def test_an_order_is_answered_three_times_and_of_many_the_oldest_is_forgotten() -> None:
    heard = noise.Noise()
    assert [heard.answered("c", at(n)) for n in range(5)] == [True, True, True, False, False]
    for n in range(noise.ORDERS_KEPT):
        assert heard.answered(f"o{n}", at(100 + n * noise.ANSWER_EVERY_S))
    assert heard.answered("c", at(1e6))


def test_every_reason_has_its_own_hour() -> None:
    heard = noise.Noise()
    for n, reason in enumerate(("a", "b", "a")):
        heard.heard(Record(RecordKind.COMMAND_REFUSED, reason=reason), at(n))
    assert heard.heard(Record(RecordKind.DESIRED_REFUSED, reason="a"), at(3)) != []
    (again,) = heard.overdue(at(noise.TOLD_EVERY_S))
    assert (again.reason, again.detail) == ("a", {"messages": 1})
    assert heard.overdue(at(1e9)) == []
