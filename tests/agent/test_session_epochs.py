"""What was said under an earlier name, events that the card gives back spoilt, and the marks that a session keeps."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.core.facts import Instant
from agent.store.base import Batch
from agent.store.memory import MemoryStore
from agent.uplink import report
from agent.uplink.heed import SURELY
from agent.uplink.session import FLOOR, Session
from agent.uplink.trust import Trust
from tests.agent.test_heed import HAS, told
from tests.agent.test_resend import fleet
from tests.agent.test_session import WHO, ack, at, drain, fill, make, seqs
from wire import bounds
from wire import messages as m
from wire.event_kinds import EventKind
from wire.topics import Leaf, Topic

EARLIER = "e0"
BEFORE = report.Identity(WHO.room, EARLIER, "b0", "0.1")
EVENTS = str(Topic(WHO.room, Leaf.EVENT))


def written(store: MemoryStore, who: report.Identity, number: int | None = None) -> int:
    """An event of this name in the store; `number`: another than the one it stands under."""
    seq = store.reserve_seq()
    event = m.Event(stamp=report.stamp(who, at(1), number or seq), kind=EventKind.FAULT_CONFIRMED)
    store.commit(Batch(events=[(seq, m.encode(event))]))
    return seq


def moved() -> tuple[Session, MemoryStore]:
    """A room whose card comes from another board: three events under the earlier name, two under its own."""
    store = MemoryStore(WHO.epoch)
    store.earlier = {EARLIER: 3}
    for who in (BEFORE, BEFORE, BEFORE, WHO, WHO):
        written(store, who)
    session = Session(WHO, store, lambda: "nonce", trust=Trust(accept_unsigned=True), hub_epoch="h1")
    session.connected(at(10))
    return session, store


def events(session: Session, mono_s: float) -> list[m.Event]:
    sent = [out for n in range(10) for out in session.due(at(mono_s + n / 5))]
    return [m.decode(m.Event, out.payload) for out in sent if out.topic == EVENTS]


def test_each_name_has_a_floor_of_its_own() -> None:
    session, _ = moved()
    assert [(e.stamp.epoch, e.stamp.seq, e.floor) for e in events(session, 10)] == [
        (EARLIER, 1, 1), (EARLIER, 2, 1), (EARLIER, 3, 1), (WHO.epoch, 4, 4), (WHO.epoch, 5, 4),
    ]  # fmt: skip


def test_an_earlier_name_is_acknowledged_up_to_its_own_last_number() -> None:
    session, store = moved()
    drain(session, 10, 2)
    ack(session, 5, 13)
    assert store.floor() == 1, "of what was said under the earlier name this says nothing"
    ack(session, 99, 14, epoch=EARLIER)
    assert store.floor() == 4
    ack(session, 5, 15)
    assert store.pending() == 0


@pytest.mark.parametrize(
    ("who", "number"),
    [(WHO, 77), (report.Identity(WHO.room, "foreign", "b1", "0.1"), None)],
    ids=["another number", "a foreign name"],
)
def test_a_spoilt_event_is_dropped_and_those_behind_it_do_not_wait(who: report.Identity, number: int | None) -> None:
    session, store = make()
    fill(store, 1)
    written(store, who, number)
    fill(store, 1)
    session.connected(at(10))
    assert seqs(session.due(at(10))) == [1, 3], "in the same round"
    assert [seq for seq, _ in store.outbox(0, 9)] == [1, 3]
    assert store.dropped == 1


def test_another_database_takes_back_only_what_was_vouched_for() -> None:
    for surely, kept in ((None, None), (4, "0")):
        session, store = make()
        store.surely = surely
        fleet(session, "h2", 10)
        session.connected(at(10))
        session.due(at(10))
        assert session.hub_epoch == "h2"
        assert store.remember("b1").meta.get(SURELY) == kept
        assert store.surely == (None if surely is None else 0)


def test_samples_and_events_share_one_rate() -> None:
    session, store = make()
    session.connected(at(10))
    session.rate_per_s = 2.0
    for _ in range(2):
        session.offer_metrics(m.MetricBatch(stamp=report.stamp(WHO, at(10)), samples={}))
    assert [out.topic for out in session.due(at(100)) if out.topic.endswith(Leaf.METRIC)] != []
    fill(store, 2)
    assert events_at(session, 100) == 0, "the second is used up"
    assert events_at(session, 101) == 2


def events_at(session: Session, mono_s: float) -> int:
    return len([out for out in session.due(at(mono_s)) if out.topic == EVENTS])


# The hub's signed word


def acknowledged(seq: int) -> tuple[Session, MemoryStore]:
    """Eight events, of which so many are acknowledged; the others are on their way."""
    session, store = make()
    fill(store, 8)
    session.connected(at(10))
    fleet(session, "h1", 10)
    drain(session, 10, 2)
    ack(session, seq, 12)
    return session, store


def test_a_hub_that_has_what_it_acknowledged_is_sent_nothing_again() -> None:
    session, _ = acknowledged(5)
    incoming = told(session, 7, 13, seq=5)
    assert "hub_epoch" not in incoming.meta, "it is the database that the room knows"
    assert drain(session, 13, 2) == []


def test_a_hub_that_lacks_one_of_them_is_sent_that_one() -> None:
    session, _ = acknowledged(5)
    told(session, 7, 13, seq=4)
    assert drain(session, 13, 2)[0] == 5


# Documents from the future


def synced(mono_s: float) -> Instant:
    return Instant(mono_s, at(mono_s).wall_s, synced=True)


def desired(session: Session, version: int, now: Instant) -> dict[str, str]:
    body = m.encode(m.Desired(room=WHO.room, version=version, has=HAS))
    return session.received(str(Topic(WHO.room, Leaf.DESIRED)), body, True, now).meta


def test_a_session_that_has_heard_nothing_looks_at_nothing_again() -> None:
    session, _ = make()
    assert session.look_again(synced(10)).events == []


def test_a_document_from_the_future_is_taken_at_the_very_second_at_which_it_may_be() -> None:
    session, _ = make()
    session.connected(at(10))
    version = int(synced(10).wall_s + bounds.VERSION_AHEAD_MAX_S) + 5
    assert desired(session, version, synced(10)) == {}
    assert session.look_again(replace(synced(15), synced=False)).events == [], "this clock may be the wrong one"
    assert session.look_again(synced(14)).events == []
    assert session.desired_version == 0
    assert session.look_again(synced(15)).events != []
    assert session.desired_version == version
    assert session.look_again(synced(16)).events == [], "once"


def test_the_last_version_before_a_leap_is_kept_as_a_number() -> None:
    session, _ = make()
    session.connected(at(10))
    assert FLOOR not in desired(session, 1000, at(10))
    later = desired(session, 1000 + int(bounds.VERSION_AHEAD_MAX_S) + 10**9, at(11))
    assert later[FLOOR] == "1000"


def test_without_a_mark_of_the_last_true_version_any_is_taken_below_one_of_the_future() -> None:
    session, _ = make()
    session.connected(at(10))
    session.desired_version = int(synced(10).wall_s + bounds.VERSION_AHEAD_MAX_S) + 5
    assert desired(session, 0, synced(10)) != {}
    assert session.desired_version == 0


def test_each_refused_order_is_answered_by_its_own_count() -> None:
    session, _ = make()
    session.connected(at(10))
    for ident in ("c1", "c2", "c3", "c4", "c5", "c6"):
        session.received(str(Topic(WHO.room, Leaf.COMMAND, ident)), b"{}", True, at(11))
    replies = [out.topic for out in session.due(at(11)) if f"/{Leaf.REPLY}/" in out.topic]
    assert [topic.rpartition("/")[2] for topic in replies] == ["c1", "c2", "c3", "c4", "c5", "c6"]
