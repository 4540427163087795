"""One good order is obeyed. Every change of it, every repetition and every other way to send it is refused."""

from __future__ import annotations

import base64
import json
import random
from collections import Counter
from collections.abc import Iterator

import msgspec

from agent.core.facts import Instant
from agent.store.memory import MemoryStore
from agent.uplink import report
from agent.uplink.session import NONCE_GOOD_S, Session
from agent.uplink.trust import Trust
from tests.trust.notary import Notary
from wire import envelope as e
from wire import messages as m
from wire.topics import KEYS, Leaf, Topic

NOTARY = Notary()
GOOD = m.Command(id="c7", room="r-1", boot="b1", nonce="nonce1", counter=8, action="codec_power_cycle", by="lan")
TOPIC = str(Topic("r-1", Leaf.COMMAND, "c7"))
WANTED = 10_000


def at(mono_s: float) -> Instant:
    return Instant(mono_s, 1.79e9 + mono_s, synced=True)


def session(counter: int = 7, boot: str = "b1", first_nonce: int = 1) -> Session:
    """A connected room that knows whom to believe and has issued its first nonce."""
    numbers = iter(range(first_nonce, first_nonce + 900))
    trust, who = Trust(NOTARY.root_public), report.Identity(room="r-1", epoch="e1", boot=boot, version="1.0")
    made = Session(who, MemoryStore("e1"), lambda: f"nonce{next(numbers)}", trust=trust, counter=counter)
    assert not made.received(KEYS, NOTARY.keys(), True, at(1)).records
    made.connected(at(10))
    made.due(at(10))
    return made


def deliveries() -> Iterator[tuple[str, str, bytes, bool, float]]:
    """What is tried: what it is, topic, payload, whether retained, and when."""
    good = NOTARY.order(GOOD)
    dice = random.Random(20261123)
    for place in range(len(good)):  # every bit of every byte
        for bit in range(8):
            yield "bit", TOPIC, good[:place] + bytes([good[place] ^ (1 << bit)]) + good[place + 1 :], False, 11
    for end in range(len(good)):
        yield "cut", TOPIC, good[:end], False, 11
    for _ in range(7000):  # bytes replaced, left out, doubled, moved
        raw = bytearray(good)
        for _ in range(dice.randint(1, 4)):
            a, b = sorted(dice.sample(range(len(raw)), 2))
            match dice.randrange(4):
                case 0:
                    raw[a] = dice.randrange(256)
                case 1:
                    del raw[a : min(b, a + 9)]
                case 2:
                    raw[a:a] = raw[a : min(b, a + 40)]
                case _:
                    raw[a], raw[b] = raw[b], raw[a]
        if bytes(raw) != good:
            yield "bytes", TOPIC, bytes(raw), False, 11
    envelope = json.loads(good)
    fields: dict[str, list[object]] = {
        "room": ["r-2", "", "R-1"], "boot": ["b0", ""], "nonce": ["nonce2", "", "nonce0"], "counter": [9, 10**9, -1],
        "action": ["light_on", "codec_restart"], "by": ["hoa", ""], "expires_s": [1e9, 0.0], "id": ["c8", ""],
    }  # fmt: skip
    for field, values in fields.items():
        for value in values:  # the signature stays that of the good one
            body = m.encode(msgspec.structs.replace(GOOD, **{field: value}))
            yield (
                "field",
                TOPIC,
                json.dumps({**envelope, "payload": base64.b64encode(body).decode()}).encode(),
                False,
                11,
            )
    for changes in ({"room": "r-2"}, {"boot": "b0"}, {"nonce": "nonce0"}, {"counter": 7}, {"counter": 0}, {"id": "c8"}):
        yield "signed for another", TOPIC, NOTARY.order(msgspec.structs.replace(GOOD, **changes)), False, 11
    yield "retained", TOPIC, good, True, 11
    yield "another id", str(Topic("r-1", Leaf.COMMAND, "c8")), good, False, 11
    yield "another room's topic", str(Topic("r-2", Leaf.COMMAND, "c7")), good, False, 11
    yield "another leaf", str(Topic("r-1", Leaf.DESIRED)), good, False, 11
    yield "too late", TOPIC, good, False, 10 + NONCE_GOOD_S + 1
    yield "another kind", TOPIC, NOTARY.seal(e.Kind.DESIRED, m.encode(GOOD), NOTARY.key), False, 11
    yield "the root itself", TOPIC, NOTARY.seal(e.Kind.COMMAND, m.encode(GOOD), NOTARY.root), False, 11
    yield "bare", TOPIC, m.encode(GOOD), False, 11
    yield (
        "two signatures",
        TOPIC,
        e.seal(e.Kind.COMMAND, m.encode(GOOD), [("k1", b"x" * 64), ("k1", b"y" * 64)]),
        False,
        11,
    )


def test_ten_thousand_changed_orders_are_refused_and_the_good_one_is_obeyed() -> None:
    tried: Counter[str] = Counter()
    room = session()
    for what, topic, payload, retained, mono_s in deliveries():
        incoming = room.received(topic, payload, retained, at(mono_s))
        assert not incoming.events, (what, payload)
        assert not incoming.meta, (what, payload)
        tried[what] += 1
    assert sum(tried.values()) >= WANTED, tried
    obeyed = session().received(TOPIC, NOTARY.order(GOOD), False, at(11))
    assert [event.action for event in obeyed.events if hasattr(event, "action")] == ["codec_power_cycle"]


def test_the_good_order_is_obeyed_after_all_that_too() -> None:
    """A flood of false orders keeps the true one from nothing."""
    room = session()
    for _, topic, payload, retained, mono_s in deliveries():
        if mono_s == 11:
            room.received(topic, payload, retained, at(mono_s))
    assert room.received(TOPIC, NOTARY.order(GOOD), False, at(11)).events


def test_a_flood_of_false_orders_fills_no_outbox() -> None:
    room = session()
    told = [record for _, t, p, r, s in deliveries() for record in room.received(t, p, r, at(min(s, 11))).records]
    assert len(told) < 60, Counter(record.reason for record in told)


def test_a_captured_broker_that_sends_everything_again_moves_nothing() -> None:
    """All traffic of a day, in any order, after a restart of the agent, of the board, with and without its memory."""
    recorded: list[tuple[str, bytes]] = []
    room, counter = session(0), 0
    for counter in range(1, 40):
        order = msgspec.structs.replace(GOOD, id=f"c{counter}", counter=counter)
        payload = NOTARY.order(order)
        topic = str(Topic("r-1", Leaf.COMMAND, f"c{counter}"))
        assert room.received(topic, payload, False, at(11)).events
        recorded.append((topic, payload))
    for kept, boot in ((counter, "b1"), (0, "b1"), (0, "b2")):  # killed; card swapped; board started anew
        again = session(kept, boot, first_nonce=100)
        for topic, payload in [*recorded, *reversed(recorded)]:
            for retained in (False, True):
                assert not again.received(topic, payload, retained, at(11)).events
