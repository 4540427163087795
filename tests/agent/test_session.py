"""What leaves the room, when it may be forgotten, and which orders are refused by name."""

from __future__ import annotations

import base64
from itertools import count

import msgspec
import pytest

from agent.config.room import AgentConfig
from agent.core.events import DesiredChanged, OrderReceived, Record
from agent.core.facts import Instant
from agent.runtime.service import _trust
from agent.store.base import Batch
from agent.store.memory import MemoryStore
from agent.uplink import report
from agent.uplink.noise import TOLD_EVERY_S as NOISE_TOLD_EVERY_S
from agent.uplink.session import RESEND_S, WINDOW, Incoming, Outgoing, Session, desired_from
from agent.uplink.trust import Trust
from tests.trust.notary import Notary
from wire import messages as m
from wire.envelope import Kind
from wire.event_kinds import EventKind
from wire.topics import FLEET, KEYS, Leaf, Topic

WHO = report.Identity("r-1", "e1", "b1", "0.1")


def at(mono_s: float) -> Instant:
    return Instant(mono_s, 1.79e9 + mono_s)


def make(*, unsigned: bool = True, hub: str = "h1") -> tuple[Session, MemoryStore]:
    """A session and its store. `hub`: the database that the room reports to; empty: it has not heard of one."""
    store = MemoryStore("e1")
    numbers = count(1)
    trust = Trust(accept_unsigned=unsigned)
    return Session(WHO, store, lambda: f"nonce{next(numbers)}", trust=trust, hub_epoch=hub), store


def fill(store: MemoryStore, n: int) -> None:
    batch = Batch()
    for _ in range(n):
        seq = store.reserve_seq()
        event = m.Event(stamp=report.stamp(WHO, at(1), seq), kind=EventKind.FAULT_CONFIRMED)
        batch.events.append((seq, m.encode(event)))
    store.commit(batch)


def seqs(out: list[Outgoing]) -> list[int]:
    topic = str(Topic("r-1", Leaf.EVENT))
    return [m.decode(m.Event, o.payload).stamp.seq for o in out if o.topic == topic]


def drain(session: Session, start_s: float, seconds: int) -> list[int]:
    return [seq for n in range(seconds * 5) for seq in seqs(session.due(at(start_s + n / 5)))]


def ack(session: Session, seq: int, mono_s: float, epoch: str = "e1", hub: str = "h1") -> None:
    session.received(str(Topic("r-1", Leaf.ACK)), m.encode(m.Ack(epoch=epoch, seq=seq, hub=hub)), False, at(mono_s))


def test_events_wait_for_the_hubs_own_acknowledgement() -> None:
    session, store = make()
    fill(store, 3)
    assert session.due(at(10)) == []
    session.connected(at(10))
    assert drain(session, 10, 2) == [1, 2, 3]
    session.puback(0)
    assert store.pending() == 3, "a PUBACK is the broker's word, not the hub's"
    ack(session, 2, 12)
    assert store.pending() == 1
    assert drain(session, 12, 5) == [], "nothing is sent twice while the hub makes progress"


def test_foreign_or_invented_acknowledgements_change_nothing() -> None:
    session, store = make(hub="")
    fill(store, 3)
    session.connected(at(10))
    assert drain(session, 10, 2) == [1, 2, 3]
    ack(session, 3, 12, hub="")
    ack(session, 3, 12)
    assert store.pending() == 3, "no hub has named its database yet"
    session.received(FLEET, m.encode(m.Fleet(hub_epoch="h1")), True, at(12))
    ack(session, 3, 12, epoch="other")
    ack(session, 3, 12, epoch="")
    assert store.pending() == 3, "of another database of this room"
    ack(session, 3, 12, hub="h0")
    ack(session, 3, 12, hub="")
    assert store.pending() == 3, "by another database of the hub"
    ack(session, 3, 12)
    assert store.pending() == 0


def test_without_progress_everything_is_sent_again() -> None:
    session, store = make()
    fill(store, 2)
    session.connected(at(10))
    assert drain(session, 10, 2) == [1, 2]
    assert drain(session, 12, int(RESEND_S) + 3) == [1, 2]


def test_a_new_connection_sends_everything_unacknowledged_again() -> None:
    session, store = make()
    fill(store, 2)
    session.connected(at(10))
    drain(session, 10, 2)
    session.disconnected()
    assert session.due(at(13)) == []
    session.connected(at(14))
    assert drain(session, 14, 2) == [1, 2]


def test_window_and_rate_are_bounded() -> None:
    session, store = make()
    fill(store, 1000)
    session.connected(at(10))
    first = seqs(session.due(at(10)))
    assert len(first) <= session.rate_per_s
    assert len(first) + len(drain(session, 10.2, 20)) == WINDOW


def test_every_event_says_what_lies_below_it() -> None:
    session, store = make()
    fill(store, 5)
    session.connected(at(10))
    drain(session, 10, 2)
    ack(session, 3, 12)
    session.disconnected()
    session.connected(at(13))
    out = [m.decode(m.Event, o.payload) for o in session.due(at(13)) if o.topic.endswith("event")]
    assert [(e.stamp.seq, e.floor) for e in out] == [(4, 4), (5, 4)]


def test_metrics_leave_on_puback_newest_first_and_come_back_when_the_line_breaks() -> None:
    session, _ = make()
    for n in range(25):
        batch = m.MetricBatch(stamp=report.stamp(WHO, at(n)), samples={"mains.voltage_v": [(0.0, 220.0 + n)]})
        session.offer_metrics(batch)
    session.connected(at(100))
    out = [o for n in range(30) for o in session.due(at(100 + n / 5)) if o.topic.endswith("metric")]
    values = [m.decode(m.MetricBatch, o.payload).samples["mains.voltage_v"][0][1] for o in out]
    assert values[0] == 244.0
    assert len(out) == 20, "so many may be in flight"
    for o in out[:5]:
        session.puback(o.token)
    session.disconnected()
    left = len(session.metrics)
    session.connected(at(200))
    again = [o for n in range(60) for o in session.due(at(200 + n / 5)) if o.topic.endswith("metric")]
    assert left == 15
    assert len({o.payload for o in again} | {o.payload for o in out[:5]}) == 25


def test_state_is_sent_again_after_a_reconnect_and_only_the_latest() -> None:
    session, _ = make()
    for version in ("a", "b"):
        session.offer_state(m.State(stamp=report.stamp(WHO, at(1)), facts={}, version=version))
    session.connected(at(10))
    states = [m.decode(m.State, o.payload).version for o in session.due(at(10)) if o.topic.endswith("state")]
    assert states == ["b"]
    assert not [o for o in session.due(at(11)) if o.topic.endswith("state")]
    session.connected(at(12))
    assert [o.retain for o in session.due(at(12)) if o.topic.endswith("state")] == [True]


def test_the_nonce_is_new_every_minute_and_with_every_connection() -> None:
    session, _ = make()
    session.connected(at(10))
    nonces = []
    for second in range(150):
        nonces += [
            m.decode(m.Status, o.payload).nonce for o in session.due(at(10 + second)) if o.topic.endswith("status")
        ]
    assert nonces == ["nonce1", "nonce2", "nonce3"]


def order(session: Session, changes: dict[str, object] | None = None) -> m.Command:
    session.connected(at(20))
    session.due(at(20))
    plain = m.Command(id="c1", room="r-1", boot="b1", nonce="nonce1", counter=1, action="codec_restart", by="lan")
    return msgspec.structs.replace(plain, **(changes or {}))


def test_a_nonce_ends_with_its_connection() -> None:
    """An order that the broker kept for a room whose line was down is as old as that line."""
    session, _ = make()
    command = order(session)
    topic = str(Topic("r-1", Leaf.COMMAND, "c1"))
    session.disconnected()
    session.connected(at(22))
    early = session.received(topic, m.encode(command), False, at(22))
    session.due(at(22))
    late = session.received(topic, m.encode(command), False, at(23))
    assert [r.reason for r in early.records] == ["bad_nonce"]
    (answer,) = [m.decode(m.Reply, o.payload) for o in session.due(at(23)) if "/reply/" in o.topic]
    assert (answer.outcome, answer.reason) == ("refused", "bad_nonce"), "the second is answered too"
    assert (early.events, late.events) == ([], [])
    fresh = msgspec.structs.replace(command, nonce="nonce2")
    assert session.received(topic, m.encode(fresh), False, at(24)).events


def test_a_good_order_becomes_an_event_once() -> None:
    session, _ = make()
    command = order(session)
    incoming = session.received(str(Topic("r-1", Leaf.COMMAND, "c1")), m.encode(command), False, at(21))
    assert incoming.events == [OrderReceived("c1", "codec_restart", "lan", "")]
    assert incoming.meta == {"counter": "1"}
    same = msgspec.structs.replace(command, id="c2")
    again = session.received(str(Topic("r-1", Leaf.COMMAND, "c2")), m.encode(same), False, at(22))
    assert [r.reason for r in again.records] == ["replayed"]


REFUSALS: list[tuple[str, dict[str, object], float, bool]] = [
    ("retained", {}, 21.0, True),
    ("foreign_room", {"room": "r-2"}, 21.0, False),
    ("wrong_boot", {"boot": "b0"}, 21.0, False),
    ("bad_nonce", {"nonce": "guess"}, 21.0, False),
    ("bad_nonce", {"nonce": ""}, 21.0, False),
    ("expired", {"expires_s": 0.0}, 20.0 + 61, False),
    ("expired", {}, 20.0 + 121, False),
    ("expired", {"expires_s": 1e9}, 20.0 + 121, False),
    ("replayed", {"counter": 0}, 21.0, False),
    ("foreign_id", {"id": "c2"}, 21.0, False),
    ("foreign_id", {"id": ""}, 21.0, False),
]


@pytest.mark.parametrize(("reason", "changes", "mono_s", "retained"), REFUSALS)
def test_a_bad_order_is_refused_by_name_and_answered(
    reason: str, changes: dict[str, object], mono_s: float, retained: bool
) -> None:
    session, _ = make()
    command = order(session, changes)
    incoming = session.received(str(Topic("r-1", Leaf.COMMAND, "c1")), m.encode(command), retained, at(mono_s))
    assert incoming.events == []
    assert [r.reason for r in incoming.records] == [reason]
    replies = [m.decode(m.Reply, o.payload) for o in session.due(at(mono_s)) if "/reply/" in o.topic]
    assert [(r.outcome, r.reason) for r in replies] == [("refused", reason)]


def test_without_the_explicit_word_an_unsigned_order_is_refused() -> None:
    session, _ = make(unsigned=False)
    command = order(session)
    incoming = session.received(str(Topic("r-1", Leaf.COMMAND, "c1")), m.encode(command), False, at(21))
    assert [r.reason for r in incoming.records] == ["unsigned"]
    desired = m.encode(m.Desired(room="r-1", version=5))
    assert session.received(str(Topic("r-1", Leaf.DESIRED)), desired, True, at(21)).events == []


def test_an_older_desired_document_is_refused_and_the_same_one_is_silent() -> None:
    session, _ = make()
    topic = str(Topic("r-1", Leaf.DESIRED))
    meeting = m.Meeting("m1", "Giao ban", 1.79e9, 1.79e9 + 60)
    good = m.encode(m.Desired(room="r-1", version=5, meetings=[meeting]))
    incoming = session.received(topic, good, True, at(1))
    assert isinstance(incoming.events[0], DesiredChanged)
    assert incoming.events[0].meetings[0].title == "Giao ban"
    assert session.received(topic, good, True, at(2)).events == []
    old = session.received(topic, m.encode(m.Desired(room="r-1", version=4)), True, at(3))
    assert [r.reason for r in old.records] == ["outdated"]
    assert desired_from(incoming.meta["desired"]) == incoming.events[0]
    assert desired_from("") is None


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b"\xff\xfe", b'{"v":1}', b"x" * 70_000, b'{"v":2,"room":"r-1"}'])
@pytest.mark.parametrize("leaf", ["command/c1", "desired", "ack", "nonsense"])
def test_garbage_is_refused_and_changes_nothing(payload: bytes, leaf: str) -> None:
    session, store = make()
    fill(store, 1)
    session.connected(at(1))
    session.due(at(1))
    topic = f"{str(Topic('r-1', Leaf.ACK))[:-4]}/{leaf}"
    assert session.received(topic, payload, False, at(2)).events == []
    assert session.received(FLEET, payload, True, at(2)).events == []
    assert store.pending() == 1


def test_another_hub_database_gets_everything_again() -> None:
    session, store = make()
    fill(store, 2)
    session.offer_state(m.State(stamp=report.stamp(WHO, at(1)), facts={}))
    session.connected(at(10))
    session.received(FLEET, m.encode(m.Fleet(hub_epoch="h1")), True, at(10))
    drain(session, 10, 2)
    session.received(FLEET, m.encode(m.Fleet(hub_epoch="h2")), False, at(13))
    out = session.due(at(13))
    assert seqs(out) == [1, 2]
    assert [o for o in out if o.topic.endswith("state")]


def test_topics_of_other_rooms_are_not_listened_to() -> None:
    session, _ = make()
    assert all("r-1" in pattern or pattern in (FLEET, KEYS) for pattern in session.subscriptions())


@pytest.mark.parametrize(
    ("topic", "payload", "reason"),
    [
        (str(Topic("r-2", Leaf.ACK)), m.encode(m.Ack(epoch="e1", seq=1)), "foreign_room"),
        (str(Topic("r-1", Leaf.COMMAND, "c-1")), b"{", "malformed"),
    ],
)
def test_what_nobody_should_send_here_is_told_of_once_with_its_number(topic: str, payload: bytes, reason: str) -> None:
    session, _ = make()

    def told(at_s: float) -> list[Record]:
        return session.received(topic, payload, False, at(at_s)).records

    first = told(1)
    assert [(r.reason, r.detail["messages"]) for r in first] == [(reason, 1)]
    assert [told(2 + n / 1000) for n in range(800)] == [[]] * 800, "a flood must not fill the outbox"
    assert [(r.reason, r.detail["messages"]) for r in told(1 + NOISE_TOLD_EVERY_S)] == [(reason, 801)]


def test_a_document_that_overtakes_the_list_of_its_key_is_read_when_the_list_comes() -> None:
    """Retained messages come once a connection, in an order that nobody promises."""
    notary, store = Notary(), MemoryStore("e1")
    session = Session(WHO, store, lambda: "n", trust=Trust(notary.root_public))
    desired = notary.seal(Kind.DESIRED, m.encode(m.Desired(room="r-1", version=5)), notary.key)
    early = session.received(str(Topic("r-1", Leaf.DESIRED)), desired, True, at(1))
    assert (early.events, [r.reason for r in early.records]) == ([], ["unknown_key"])
    late = session.received(KEYS, notary.keys(), True, at(2))
    assert [event.version for event in late.events if isinstance(event, DesiredChanged)] == [5]
    assert set(late.meta) == {"keys", "desired"}
    assert session.received(KEYS, notary.keys(), True, at(3)) == Incoming()
    assert session.received(KEYS, notary.keys(2), True, at(4)).events == []


def test_an_older_list_of_keys_is_not_believed_after_a_restart() -> None:
    """The newest list is kept with the journal; else a captured broker could bring a revoked key back with a reboot."""
    notary, store = Notary(), MemoryStore("e1")
    session = Session(WHO, store, lambda: "n", trust=Trust(notary.root_public))
    assert session.received(KEYS, notary.keys(2, revoked=True), True, at(1)).meta == {
        "keys": notary.keys(2, revoked=True).decode()
    }
    store.commit(Batch(meta=session.received(KEYS, notary.keys(3, revoked=True), True, at(2)).meta))
    known = store.remember("b2").meta["keys"]
    config = AgentConfig(room="r-1", root_key=base64.b64encode(notary.root_public).decode())
    again = Session(WHO, store, lambda: "n", trust=_trust(config, known))
    assert again.trust.version == 3
    for old in (1, 2):
        refused = again.received(KEYS, notary.keys(old), True, at(3 + old * NOISE_TOLD_EVERY_S))
        assert ([r.reason for r in refused.records], refused.meta) == (["keys_outdated"], {})
    sealed = notary.seal(Kind.DESIRED, m.encode(m.Desired(room="r-1", version=5)), notary.key)
    assert again.received(str(Topic("r-1", Leaf.DESIRED)), sealed, True, at(9)).events == []
