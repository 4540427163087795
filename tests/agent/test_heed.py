"""The hub's signed word on what it has: a room that believes more sends it again, and forgets only what is signed."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from agent.store import base
from agent.store.memory import MemoryStore
from agent.store.sqlite import SqliteStore
from agent.uplink.heed import SURELY, surely_of
from agent.uplink.session import Incoming, Session
from tests.agent.test_resend import fleet
from tests.agent.test_session import WHO, ack, at, drain, fill, make
from wire import messages as m
from wire.topics import Leaf, Topic

HAS = m.Has(hub="h1", epoch=WHO.epoch, seq=2, at_s=1000.0)


def told(session: Session, version: int, mono_s: float, **changes: object) -> Incoming:
    document = m.Desired(room=WHO.room, version=version, has=msgspec.structs.replace(HAS, **changes))
    return session.received(str(Topic(WHO.room, Leaf.DESIRED)), m.encode(document), True, at(mono_s))


@pytest.fixture
def lied_to() -> Session:
    """A room that has acknowledgements of five events, two of which the hub has."""
    session, store = make()
    fill(store, 5)
    session.connected(at(10))
    fleet(session, "h1", 10)
    assert drain(session, 10, 2) == [1, 2, 3, 4, 5]
    ack(session, 5, 12, hub="h1")
    assert store.pending() == 0
    return session


def test_what_was_acknowledged_and_is_not_there_is_sent_again(lied_to: Session) -> None:
    incoming = told(lied_to, 7, 20)
    assert (incoming.meta[SURELY], surely_of(incoming.meta)) == ("2", 2)
    assert lied_to.store.floor() == 3
    assert drain(lied_to, 21, 2) == [3, 4, 5]
    ack(lied_to, 5, 24, hub="h1")
    assert lied_to.store.pending() == 0


def test_once_for_each_document_and_not_for_another_epoch(lied_to: Session) -> None:
    told(lied_to, 7, 20)
    drain(lied_to, 21, 2)
    ack(lied_to, 5, 24, hub="h1")
    told(lied_to, 7, 30)
    told(lied_to, 6, 31, seq=0)
    told(lied_to, 8, 32, epoch="another card's")
    assert lied_to.store.pending() == 0
    told(lied_to, 9, 33, seq=9)
    assert (lied_to.store.pending(), lied_to.store.surely) == (0, 9), "the hub has more than the card"


def test_a_word_of_another_database_counts_for_that_one(lied_to: Session) -> None:
    """The broker may have said in `fleet`, which is not signed, that another one speaks."""
    assert told(lied_to, 7, 20, hub="h2").meta["hub_epoch"] == "h2"
    assert (lied_to.hub_epoch, lied_to.store.floor()) == ("h2", 3)
    ack(lied_to, 5, 24, hub="h1")
    assert lied_to.store.pending() == 3


def test_another_database_has_vouched_for_nothing(lied_to: Session) -> None:
    told(lied_to, 7, 20, seq=5)
    assert lied_to.store.surely == 5
    fleet(lied_to, "h2", 700)
    lied_to.due(at(700))
    assert lied_to.store.surely == 0
    assert lied_to.store.remember("b").meta[SURELY] == "0", "kept with the going back"


@pytest.mark.parametrize("kept", ["", "x", "-1", "²", "1.5"])
def test_what_is_no_number_was_never_said(kept: str) -> None:
    assert surely_of({SURELY: kept}) is None


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_an_acknowledgement_alone_lets_nothing_be_forgotten(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("agent.store.memory", "agent.store.sqlite"):
        monkeypatch.setattr(f"{name}.KEPT_BYTES_MAX", 1000)
        monkeypatch.setattr(f"{name}.OUTBOX_BYTES_MAX", 4000)
    store: base.Store = MemoryStore("e", 1000) if kind == "memory" else SqliteStore(tmp_path / "room.db")

    def put(count: int) -> None:
        for _ in range(count):
            seq = store.reserve_seq()
            store.commit(base.Batch(events=[(seq, b"x" * 100)]))
            assert store.ack(seq)

    def kept() -> int:
        assert store.rewind({}, 0)
        count = store.pending()
        assert store.ack(store.newest())
        return count

    store.surely = 5
    put(30)
    assert kept() >= 25, "all that nobody has vouched for"
    put(30)
    assert kept() <= 40, "but the card has its bound"
    store.surely = store.newest()
    put(1)
    assert kept() <= 11, "what is vouched for goes as before"
    store.close()


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_a_store_goes_back_to_a_number_and_keeps_what_is_before(kind: str, tmp_path: Path) -> None:
    store: base.Store = MemoryStore("e") if kind == "memory" else SqliteStore(tmp_path / "room.db")
    for _ in range(6):
        store.commit(base.Batch(events=[(store.reserve_seq(), b"x")]))
    store.ack(4)
    assert store.rewind({"k": "v"}, 2)
    assert [seq for seq, _ in store.outbox(0, 9)] == [3, 4, 5, 6]
    assert (store.floor(), store.pending(), store.remember("b").meta["k"]) == (3, 4, "v")
    store.ack(6)
    assert store.rewind({}, 0)
    assert store.pending() == 6
    store.close()
