"""What a session says word for word, and every bound at the very number.

Mutation testing (`make mutants ARGS="session.py"`) asks for these.
"""

from __future__ import annotations

from itertools import count

import msgspec
import pytest

from agent.core.events import DesiredChanged, OrderReceived, RecordKind
from agent.core.policy import Meeting
from agent.store.memory import MemoryStore
from agent.uplink import report
from agent.uplink.session import Incoming, Outgoing, Session, desired_from
from agent.uplink.trust import Trust
from tests.agent.test_session import WHO, ack, at, drain, fill, make, order, seqs
from tests.trust.notary import Notary
from wire import messages as m
from wire.envelope import Kind
from wire.topics import FLEET, KEYS, Leaf, Topic

COMMAND, DESIRED = str(Topic("r-1", Leaf.COMMAND, "c1")), str(Topic("r-1", Leaf.DESIRED))


def status(out: list[Outgoing]) -> list[m.Status]:
    return [m.decode(m.Status, o.payload) for o in out if o.topic == str(Topic("r-1", Leaf.STATUS))]


def test_a_session_begins_with_nothing() -> None:
    session, store = make()
    assert (session.who, session.store) == (WHO, store)
    assert (session.counter, session.desired_version, Session(WHO, store, lambda: "n").hub_epoch) == (0, 0, "")
    assert (session.rate_per_s, session.connection, session.online) == (20.0, 0, False)
    assert Session(WHO, store, lambda: "n").trust.open(b"{}", Kind.COMMAND).refused == "unsigned"


def test_the_will_is_of_the_connection_that_begins() -> None:
    session, _ = make()
    session.connected(at(10))
    will = session.last_will(at(20))
    assert (will.topic, will.retain, will.token) == (str(Topic("r-1", Leaf.STATUS)), True, 0)
    assert m.decode(m.Status, will.payload) == m.Status(
        stamp=report.stamp(WHO, at(20)), online=False, version="0.1", connection=2
    )


def test_a_status_says_who_is_there_and_what_an_order_has_to_name() -> None:
    session, _ = make()
    session.counter = 5
    session.connected(at(10))
    (first,) = [o for o in session.due(at(11)) if o.topic.endswith("status")]
    assert first.retain
    assert m.decode(m.Status, first.payload) == m.Status(
        stamp=report.stamp(WHO, at(11)), online=True, version="0.1", connection=1, nonce="nonce1", counter=5
    )
    assert status(session.due(at(70.9))) == []
    assert [s.nonce for s in status(session.due(at(71)))] == ["nonce2"], "a minute later"


def test_an_order_may_name_one_of_the_last_four_nonces() -> None:
    numbers = count(1)
    session = Session(WHO, MemoryStore("e1"), lambda: f"nonce{next(numbers)}", trust=Trust(accept_unsigned=True))
    session.connected(at(0))
    for minute in range(5):
        session.due(at(60.0 * minute))
    assert [nonce for nonce, _ in session._nonces] == ["nonce2", "nonce3", "nonce4", "nonce5"]


def test_a_line_that_breaks_leaves_nothing_to_say() -> None:
    session, store = make()
    fill(store, 1)
    session.connected(at(10))
    session.disconnected()
    assert [session.online, session.due(at(500))] == [False, []]
    session.connected(at(501))
    assert (session.online, session.connection) == (True, 2)


def test_batches_wait_in_memory_up_to_ten_and_are_written_together() -> None:
    session, store = make()
    for n in range(10):
        session.offer_metrics(m.MetricBatch(stamp=report.stamp(WHO, at(n)), samples={}))
    assert (len(session.metrics), len(store._metrics)) == (10, 0)
    session.offer_metrics(m.MetricBatch(stamp=report.stamp(WHO, at(10)), samples={}))
    assert (len(session.metrics), len(store._metrics)) == (0, 11)


def test_batches_in_flight_have_numbers_and_are_forgotten_one_by_one() -> None:
    session, _ = make()
    for n in range(3):
        session.offer_metrics(m.MetricBatch(stamp=report.stamp(WHO, at(n)), samples={}))
    session.connected(at(10))
    out = [o for o in session.due(at(10)) if o.topic.endswith("metric")]
    assert ([o.token for o in out], [o.retain for o in out]) == ([1, 2, 3], [False] * 3)
    assert [m.decode(m.MetricBatch, o.payload).stamp.mono_s for o in out] == [2, 1, 0]
    session.puback(2)
    session.puback(2)
    session.puback(99)
    session.disconnected()
    assert [msgspec.json.decode(b)["stamp"]["mono_s"] for b in session.metrics] == [2, 0]


@pytest.mark.parametrize(
    ("said", "rate_per_s"), [(1000.0, 100.0), (100.0, 100.0), (99.5, 99.5), (1.5, 1.5), (0.5, 1.0), (-3.0, 1.0)]
)
def test_the_hub_sets_the_pace_within_bounds(said: float, rate_per_s: float) -> None:
    session, _ = make(hub="")
    fleet = m.Fleet(hub_epoch="h1", rate_per_s=said)
    assert session.received(FLEET, m.encode(fleet), True, at(1)) == Incoming(fleet=fleet, meta={"hub_epoch": "h1"})
    assert session.rate_per_s == rate_per_s
    assert session.received(FLEET, m.encode(fleet), True, at(2)) == Incoming(fleet=fleet), "kept once"
    nameless = m.Fleet(hub_epoch="", rate_per_s=said)
    assert make(hub="")[0].received(FLEET, m.encode(nameless), True, at(1)) == Incoming(fleet=nameless)


def test_the_pace_is_saved_up_for_one_second_at_most_and_shared_with_batches() -> None:
    session, store = make()
    fill(store, 50)
    session.connected(at(100))
    assert len(seqs(session.due(at(100)))) == 20
    assert seqs(session.due(at(100))) == []
    assert len(seqs(session.due(at(100.25)))) == 5
    for n in range(30):
        session.offer_metrics(m.MetricBatch(stamp=report.stamp(WHO, at(n)), samples={}))
    ack(session, 25, 101)
    out = session.due(at(200))
    assert (len(seqs(out)), sum(o.topic.endswith("metric") for o in out)) == (20, 0)
    out = session.due(at(200.4))
    assert (len(seqs(out)), sum(o.topic.endswith("metric") for o in out)) == (5, 3)


def test_events_are_sent_up_to_a_hundred_unacknowledged_ones_and_the_rest_with_the_acknowledgements() -> None:
    session, store = make()
    fill(store, 150)
    session.connected(at(10))
    assert drain(session, 10, 20) == list(range(1, 101))
    ack(session, 1, 30)
    assert drain(session, 30, 5) == [101]
    ack(session, 51, 36)
    assert drain(session, 36, 10) == list(range(102, 151))


def test_after_thirty_seconds_without_progress_and_no_sooner_all_is_sent_again() -> None:
    session, store = make()
    fill(store, 3)
    session.connected(at(10))
    assert seqs(session.due(at(10))) == [1, 2, 3]
    assert seqs(session.due(at(40))) == []
    assert seqs(session.due(at(40.1))) == [1, 2, 3]
    assert seqs(session.due(at(70.1))) == []
    ack(session, 1, 70.1)
    assert seqs(session.due(at(100.1))) == [], "an acknowledgement is progress"
    assert seqs(session.due(at(100.2))) == [2, 3]


def test_time_without_events_is_no_time_without_progress() -> None:
    session, store = make()
    session.connected(at(10))
    session.due(at(500))
    fill(store, 1)
    assert seqs(session.due(at(500.2))) == [1]
    assert seqs(session.due(at(529))) == []


def test_an_acknowledgement_that_says_nothing_new_is_no_progress() -> None:
    session, store = make()
    fill(store, 3)
    session.connected(at(10))
    session.due(at(10))
    ack(session, 2, 11)
    for second in range(12, 41):
        ack(session, 2, second)
    assert seqs(session.due(at(41.1))) == [3]


def test_what_follows_a_gap_is_sent_anew_with_its_floor() -> None:
    session, store = make()
    fill(store, 2)
    assert store.reserve_seq() == 3, "a number that no event has"
    fill(store, 1)
    session.connected(at(10))
    assert seqs(session.due(at(10))) == [1, 2, 4]
    ack(session, 1, 10.5)
    assert seqs(session.due(at(11))) == [], "no gap yet"
    ack(session, 2, 11)
    again = [m.decode(m.Event, o.payload) for o in session.due(at(12)) if o.topic.endswith("event")]
    assert [(event.stamp.seq, event.floor) for event in again] == [(4, 4)]


def test_the_hubs_own_word_reaches_up_to_the_newest_event_and_no_further() -> None:
    session, store = make()
    fill(store, 2)
    session.received(FLEET, m.encode(m.Fleet(hub_epoch="h1")), True, at(9))
    session.connected(at(10))
    ack(session, 10**6, 10, hub="h1")
    assert (store.pending(), session._acked, session._sent) == (0, 2, 2)
    fill(store, 1)
    assert seqs(session.due(at(11))) == [3]


def test_a_false_order_is_told_and_answered_once_an_hour() -> None:
    session, _ = make(unsigned=False)
    command = order(session)
    first = session.received(COMMAND, m.encode(command), False, at(21))
    (record,) = first.records
    assert (record.kind, record.reason, dict(record.detail)) == (
        RecordKind.COMMAND_REFUSED, "unsigned", {"command": "c1", "messages": 1},
    )  # fmt: skip
    (reply,) = [o for o in session.due(at(22)) if "/reply/" in o.topic]
    assert (reply.topic, reply.retain) == (str(Topic("r-1", Leaf.REPLY, "c1")), False)
    assert m.decode(m.Reply, reply.payload) == m.Reply(
        stamp=report.stamp(WHO, at(21)), outcome="refused", reason="unsigned"
    )
    assert session.received(COMMAND, m.encode(command), False, at(23)) == Incoming()
    assert [o for o in session.due(at(24)) if "/reply/" in o.topic] == []


def test_a_refused_order_is_told_with_who_gave_it() -> None:
    session, _ = make()
    command = order(session, {"boot": "b0", "by": "x" * 80})
    (record,) = session.received(COMMAND, m.encode(command), False, at(21)).records
    assert (record.kind, record.reason, record.by) == (RecordKind.COMMAND_REFUSED, "wrong_boot", "x" * 64)
    assert record.detail["command"] == "c1"
    (reply,) = [o for o in session.due(at(22)) if "/reply/" in o.topic]
    assert m.decode(m.Reply, reply.payload).stamp == report.stamp(WHO, at(21))


def test_an_order_that_the_broker_kept_is_told_without_a_name_that_nobody_has_read() -> None:
    session, _ = make()
    (record,) = session.received(COMMAND, m.encode(order(session)), True, at(21)).records
    assert (record.reason, record.by, dict(record.detail)) == ("retained", "", {"command": "c1", "messages": 1})


def test_an_order_is_cut_to_what_a_page_can_show_and_counted() -> None:
    session, _ = make()
    command = order(session, {"by": "b" * 80, "reason": "r" * 300, "counter": 7})
    incoming = session.received(COMMAND, m.encode(command), False, at(21))
    assert incoming.events == [OrderReceived("c1", "codec_restart", "b" * 64, "r" * 200)]
    assert (incoming.meta, session.counter) == ({"counter": "7"}, 7)
    assert (incoming.records, incoming.told_in) == ([], 0)


@pytest.mark.parametrize(
    ("expires_s", "good_until_s"), [(0.0, 60.0), (-5.0, 60.0), (30.0, 90.0), (60.0, 120.0), (1e9, 120.0)]
)
def test_an_order_is_good_for_its_own_time_and_two_minutes_at_most(expires_s: float, good_until_s: float) -> None:
    for late_s, taken in ((0.0, True), (0.5, False)):
        session, _ = make()
        command = order(session, {"expires_s": expires_s})
        incoming = session.received(COMMAND, m.encode(command), False, at(20 + good_until_s + late_s))
        assert bool(incoming.events) is taken


def test_a_topic_of_another_room_is_told_by_its_beginning() -> None:
    session, _ = make()
    topic = str(Topic("r" * 36, Leaf.COMMAND, "c" * 36))
    (record,) = session.received(topic, b"", False, at(1)).records
    assert (record.kind, record.reason, record.detail["topic"]) == (
        RecordKind.COMMAND_REFUSED,
        "foreign_room",
        topic[:100],
    )
    (record,) = session.received("a/b", b"", False, at(1)).records
    assert (record.reason, bool(record.detail["why"])) == ("malformed", True)


def test_what_cannot_be_read_in_a_documents_place_leaves_the_room_in_doubt() -> None:
    session, _ = make()
    assert session.received(DESIRED, b"{", True, at(1)).told_in == -1
    assert session.received(DESIRED, b"{", True, at(2)).told_in == -1, "told or not"
    assert session.received(COMMAND, b"{", False, at(3)).told_in == 0
    other = make(unsigned=False)[0].received(DESIRED, m.encode(m.Desired(room="r-1", version=1)), True, at(1))
    assert (other.told_in, other.records[0].reason, other.records[0].detail["leaf"]) == (-1, "unsigned", "desired")


def test_a_document_is_told_in_its_connection_and_kept_as_it_was_signed() -> None:
    session, _ = make()
    for _ in range(3):
        session.connected(at(1))
    body = m.encode(m.Desired(room="r-1", version=5))
    taken = session.received(DESIRED, body, True, at(1))
    assert (taken.told_in, taken.meta, session.desired_version) == (3, {"desired": body.decode()}, 5)
    assert session.received(DESIRED, body, True, at(2)) == Incoming(told_in=3)
    for changes, reason in (({"room": "r-2"}, "foreign_room"), ({"version": 4}, "outdated")):
        other = msgspec.structs.replace(m.Desired(room="r-1", version=5), **changes)
        refused = session.received(DESIRED, m.encode(other), True, at(3))
        assert (refused.events, refused.told_in, session.desired_version) == ([], -1, 5)
        assert [(r.kind, r.reason) for r in refused.records] == [(RecordKind.DESIRED_REFUSED, reason)]
        assert refused.records[0].detail["version"] == other.version


def test_a_document_says_all_of_a_meeting_and_at_most_a_hundred() -> None:
    kept = m.Meeting(id="m1", title="Giao ban", start_s=10.0, end_s=20.0, trial=True, secret=True)
    many = [kept] + [m.Meeting(id=f"x{n}", title="", start_s=1.0, end_s=2.0) for n in range(120)]
    changed = desired_from(m.encode(m.Desired(room="r-1", version=9, meetings=many, maintenance_until_s=77.0)).decode())
    assert isinstance(changed, DesiredChanged)
    assert (changed.version, changed.maintenance_until_s, len(changed.meetings)) == (9, 77.0, 100)
    assert changed.meetings[0] == Meeting("m1", "Giao ban", 10.0, 20.0, True, True)
    assert changed.meetings[1].secret is False


def test_a_list_of_keys_that_is_refused_is_told_by_its_reason() -> None:
    session = Session(WHO, MemoryStore("e1"), lambda: "n", trust=Trust(Notary().root_public))
    refused = session.received(KEYS, b"{}", True, at(1))
    assert [(r.kind, r.reason, dict(r.detail)) for r in refused.records] == [
        (RecordKind.COMMAND_REFUSED, "keys_unsigned", {"messages": 1})
    ]


def test_a_document_by_an_unknown_key_is_tried_once_when_the_key_is_known() -> None:
    notary = Notary()
    session = Session(WHO, MemoryStore("e1"), lambda: "n", trust=Trust(notary.root_public))
    sealed = notary.seal(Kind.DESIRED, m.encode(m.Desired(room="r-1", version=5)), notary.key)
    early = session.received(DESIRED, sealed, True, at(1))
    assert (early.told_in, [r.reason for r in early.records]) == (-1, ["unknown_key"])
    assert session.received(KEYS, notary.keys(1), True, at(2)).told_in == 0
    assert session.desired_version == 5
    assert session.received(KEYS, notary.keys(2), True, at(3)) == Incoming(meta={"keys": notary.keys(2).decode()})


@pytest.mark.parametrize(("kind", "reason"), [(Kind.COMMAND, "bad_nonce"), (Kind.DESIRED, "wrong_kind")])
def test_a_document_that_is_signed_is_no_order(kind: Kind, reason: str) -> None:
    notary = Notary()
    session = Session(WHO, MemoryStore("e1"), lambda: "n", trust=Trust(notary.root_public))
    assert session.received(KEYS, notary.keys(1), True, at(1)) == Incoming(meta={"keys": notary.keys(1).decode()})
    command = m.Command(id="c1", room="r-1", boot="b1", nonce="old", counter=1, action="light_on", by="lan")
    sealed = notary.seal(kind, m.encode(command), notary.key)
    assert [r.reason for r in session.received(COMMAND, sealed, False, at(2)).records] == [reason]
