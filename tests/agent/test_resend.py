"""A hub with another database: what a room sends again, what it skips, and how often at most."""

from __future__ import annotations

import pytest

from agent.uplink import report
from agent.uplink.session import REWIND_EVERY_S, Incoming, Session
from tests.agent.test_session import WHO, ack, at, drain, fill, make
from wire import messages as m
from wire.topics import FLEET, Leaf, Topic


def fleet(session: Session, epoch: str, mono_s: float) -> Incoming:
    return session.received(FLEET, m.encode(m.Fleet(hub_epoch=epoch)), True, at(mono_s))


def test_a_hub_that_was_brought_back_gets_what_another_had_acknowledged() -> None:
    session, store = make(hub="")
    fill(store, 4)
    session.connected(at(10))
    assert fleet(session, "h1", 10).meta == {"hub_epoch": "h1"}
    assert drain(session, 10, 2) == [1, 2, 3, 4]
    ack(session, 3, 12)
    assert fleet(session, "h2", 13).meta == {}, "kept with the going back, in one transaction"
    out = session.due(at(13))
    assert store.remember("b").meta["hub_epoch"] == "h2"
    events = [m.decode(m.Event, o.payload) for o in out if o.topic == str(Topic("r-1", Leaf.EVENT))]
    assert [(e.stamp.seq, e.floor, e.hub) for e in events] == [(n, 1, "h2") for n in (1, 2, 3, 4)]


def test_the_state_goes_out_with_what_is_still_to_come() -> None:
    """A hub closes an incident that the state no longer has only when no event is on its way."""
    session, store = make()
    fill(store, 2)
    session.offer_state(m.State(stamp=report.stamp(WHO, at(1)), facts={}, outbox=0))
    session.connected(at(10))
    fleet(session, "h1", 10)
    drain(session, 10, 2)
    ack(session, 2, 12)
    fleet(session, "h2", 13)
    (state,) = [m.decode(m.State, o.payload) for o in session.due(at(13)) if o.topic.endswith("state")]
    assert state.outbox == 2


def test_a_hub_that_has_nearly_everything_is_not_sent_all_of_it() -> None:
    """Its copy is of last night: its first word says how far it knows this room, and the rest is skipped."""
    session, store = make()
    fill(store, 900)
    session.connected(at(10))
    fleet(session, "h1", 10)
    for second in range(60):
        sent = drain(session, 10 + second, 1)
        if sent:
            ack(session, sent[-1], 11 + second)
    assert store.pending() == 0
    fleet(session, "h2", 100)
    first = drain(session, 100, 1)
    ack(session, 900, 101, hub="h1")
    assert store.pending() == 900, "the last word of a database that is gone"
    ack(session, 850, 101, hub="h2")
    assert drain(session, 101.2, 5)[0] == 851
    assert first[0] == 1
    ack(session, 2**53, 107, hub="h2")
    fill(store, 1)
    assert drain(session, 108, 5) == [901], "what did not exist yet cannot have been meant"


def test_a_gap_in_the_numbers_is_told_of_as_soon_as_the_hub_has_come_to_it() -> None:
    """Every start leaves numbers out: a room that was away over several must not wait for each of them."""
    session, store = make()
    fill(store, 2)
    for _ in range(5):
        store.reserve_seq()
    fill(store, 2)
    session.connected(at(10))
    assert drain(session, 10, 2) == [1, 2, 8, 9]
    ack(session, 1, 12)
    assert drain(session, 12, 1) == []
    ack(session, 2, 13)
    again = [m.decode(m.Event, o.payload) for o in session.due(at(13)) if o.topic.endswith("event")]
    assert [(event.stamp.seq, event.floor) for event in again] == [(8, 8), (9, 8)]
    ack(session, 9, 14)
    assert store.pending() == 0


def test_a_hub_that_has_more_than_a_card_that_lost_its_end_is_believed() -> None:
    """The mark of what is acknowledged went with the end of the log: a hub that has all of it need not be sent any."""
    session, store = make()
    fill(store, 3)
    session.connected(at(10))
    fleet(session, "h1", 10)
    drain(session, 10, 1)
    ack(session, 7, 12, hub="h1")
    assert store.pending() == 0


def test_a_room_whose_card_takes_nothing_speaks_for_the_database_of_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else its floors would close gaps in the new one that it has not gone back to fill."""
    session, store = make()
    fill(store, 1)
    session.connected(at(10))
    fleet(session, "h1", 10)
    drain(session, 10, 1)
    ack(session, 1, 11)
    fill(store, 1)
    with monkeypatch.context() as broken:
        broken.setattr(store, "rewind", lambda _meta: False)
        fleet(session, "h2", 12)
        out = session.due(at(12))
    (event,) = [m.decode(m.Event, o.payload) for o in out if o.topic.endswith("event")]
    assert (event.stamp.seq, event.floor, event.hub) == (2, 2, "h1")
    assert drain(session, 12 + REWIND_EVERY_S, 1) == [1, 2]
    assert session.hub_epoch == "h2"


def test_nobody_makes_a_room_send_everything_again_and_again() -> None:
    session, store = make()
    fill(store, 1)
    session.connected(at(10))
    fleet(session, "h1", 10)
    drain(session, 10, 1)
    ack(session, 1, 11)
    sent = []
    for n in range(100):
        fleet(session, f"other-{n}", 20 + n)
        sent += drain(session, 20 + n, 1)
        ack(session, 1, 20.9 + n, hub=session.hub_epoch)
    assert sent == [1], "one going back in ten minutes"
    assert drain(session, 20 + REWIND_EVERY_S, 2) == [1], "and the last one that was named is served in the end"


def test_a_word_that_the_card_did_not_take_is_taken_when_it_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    session, store = make()
    fill(store, 1)
    session.connected(at(10))
    fleet(session, "h1", 10)
    drain(session, 10, 1)
    with monkeypatch.context() as broken:
        broken.setattr(store, "ack", lambda _seq: False)
        ack(session, 1, 11, hub="h1")
    ack(session, 1, 42, hub="h1")
    assert store.pending() == 0
