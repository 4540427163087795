"""How much a session says at a time, from its first turn on: windows, pace, and what is kept for how long."""

from __future__ import annotations

from agent.uplink import report
from tests.agent.test_session import WHO, ack, at, fill, make, seqs
from wire import messages as m
from wire.topics import Leaf, Topic


def test_before_the_hub_has_named_its_database_there_is_nothing_to_go_back_to() -> None:
    session, store = make()
    fill(store, 2)
    session.connected(at(10))
    session.due(at(10))
    ack(session, 2, 11)
    assert seqs(session.due(at(12))) == []
    assert store.pending() == 0


def test_nothing_is_due_that_nobody_has_offered() -> None:
    session, store = make()
    session.connected(at(10))
    assert [o.topic for o in session.due(at(10))] == [str(Topic("r-1", Leaf.STATUS))]
    assert session._state is None
    fill(store, 3)
    session.connected(at(0.5))
    session._allowance, session._allowed_at_s = 0.0, 0.5
    assert seqs(session.due(at(0.5))) == []


def test_the_first_turn_of_a_room_may_say_what_its_uptime_has_saved() -> None:
    session, store = make()
    fill(store, 30)
    session.connected(at(0.5))
    assert seqs(session.due(at(0.5))) == list(range(1, 11)), "half a second at twenty a second"


def test_one_batch_goes_for_one_that_is_saved_up() -> None:
    session, _ = make()
    for n in range(3):
        session.offer_metrics(m.MetricBatch(stamp=report.stamp(WHO, at(n)), samples={}))
    session.connected(at(0))
    assert len([o for o in session.due(at(0.05)) if o.topic.endswith("metric")]) == 1


def test_answers_beyond_two_hundred_push_out_the_oldest() -> None:
    session, _ = make()
    for n in range(201):
        session.offer_reply(f"c{n}", m.Reply(stamp=report.stamp(WHO, at(1)), outcome="done"))
    session.connected(at(10))
    replies = [o.topic.rsplit("/", 1)[1] for o in session.due(at(10)) if "/reply/" in o.topic]
    assert replies == [f"c{n}" for n in range(1, 201)]


def test_after_a_reconnect_the_window_is_as_wide_as_ever() -> None:
    session, store = make()
    fill(store, 150)
    session.connected(at(10))
    session.rate_per_s = 200.0
    session.due(at(10))
    ack(session, 20, 11)
    session.connected(at(12))
    assert seqs(session.due(at(13))) == list(range(21, 121))


def test_what_is_told_of_a_stranger_says_why_and_is_cut() -> None:
    session, _ = make()
    (record,) = session.received(f"diemcau/1/00/r-2/command/{'c' * 500}", b"", False, at(1)).records
    why = record.detail["why"]
    assert isinstance(why, str)
    assert (why[:5], len(why)) == ("id 'c", 200)
