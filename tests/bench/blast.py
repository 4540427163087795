"""Many rooms' messages into a broker as fast as it takes them: MQTT 3.1.1 by hand, so that sending costs little."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterable, Iterator

from agent.core.facts import FACTS
from wire import messages as m
from wire.event_kinds import EventKind
from wire.topics import Leaf, Topic

CLUSTERS, ROOMS_EACH = 27, 23
ROOMS = [f"p{cluster}-{room}" for cluster in range(1, CLUSTERS + 1) for room in range(1, ROOMS_EACH + 1)]
"""621, as `tests.hub.rooms.fill_inventory` names them."""
PATTERN = (Leaf.METRIC, Leaf.METRIC, Leaf.METRIC, Leaf.STATE, Leaf.EVENT)
"""What a room sends in turn: three batches of samples to one state and one event."""
WALL_S = 1_795_410_000.0


def payloads(count: int) -> Iterator[tuple[str, bytes]]:
    """Topic and payload of each message, room after room."""
    numeric = [key for key, spec in FACTS.items() if spec.unit][:30]
    seqs = [0] * len(ROOMS)
    for number in range(count):
        index, turn = number % len(ROOMS), number // len(ROOMS)
        leaf = PATTERN[(turn + index) % len(PATTERN)]
        at_s = turn * 10.0
        if leaf is Leaf.EVENT:
            seqs[index] += 1
        stamp = m.Stamp(
            epoch=f"epoch-{index:04d}", seq=seqs[index] if leaf is Leaf.EVENT else turn + 1, boot=f"{index:032x}",
            mono_s=1000 + at_s, wall_s=WALL_S + at_s, synced=True,
        )  # fmt: skip
        yield str(Topic(ROOMS[index], leaf)), m.encode(_message(leaf, stamp, numeric, number))


def _message(leaf: Leaf, stamp: m.Stamp, numeric: list[str], number: int) -> m.State | m.Event | m.MetricBatch:
    if leaf is Leaf.METRIC:
        return m.MetricBatch(
            stamp=stamp,
            samples={key: [(10.0 * n, 20.0 + (number + n) % 7) for n in range(6)] for key in numeric[:10]},
        )
    if leaf is Leaf.STATE:
        facts = {key: m.FactNow(value=20.0 + number % 5, at_s=stamp.wall_s - 3) for key in numeric}
        return m.State(stamp=stamp, facts=facts, in_call=False, loads={"codec": "on"}, version="0.1.0")
    evidence = [m.Evidence("codec.api", None, 31.0, "timeout"), m.Evidence("codec.ping", True, 1.5)]
    return m.Event(stamp=stamp, kind=EventKind.REMEDY_REFUSED, rule="codec_hung", fault_id=1, reason="in_call",
                   severity="major", phase="confirmed", evidence=evidence)  # fmt: skip


def blast(port: int, messages: Iterable[tuple[str, bytes]]) -> tuple[int, int]:
    """Publish all with QoS 1 and wait until the broker has taken every one. Gives messages and payload bytes."""
    with socket.create_connection(("127.0.0.1", port), 10) as wire:
        wire.sendall(_packet(0x10, _text("MQTT") + b"\x04\x02\x00\x00" + _text("bench-blast")))
        assert wire.recv(4) == b"\x20\x02\x00\x00", "the broker did not accept us"
        count = size = 0
        taken = _Acks(wire)
        taken.start()
        block = bytearray()
        for topic, payload in messages:
            count += 1
            size += len(payload)
            block += _packet(0x32, _text(topic) + (count % 65_535 + 1).to_bytes(2, "big") + payload)
            if len(block) > 262_144:
                wire.sendall(block)
                block.clear()
                taken.leave_at_most(count, 20_000)
        wire.sendall(block)
        taken.leave_at_most(count, 0)
        wire.sendall(b"\xe0\x00")
        taken.end()
    return count, size


class _Acks(threading.Thread):
    """Counts PUBACKs, four bytes each. Packet numbers come again after 65,535, so never more may be open."""

    def __init__(self, wire: socket.socket) -> None:
        super().__init__(daemon=True)
        wire.settimeout(60)
        self._wire = wire
        self._bytes = 0
        self._more = threading.Condition()

    def run(self) -> None:
        with contextlib.suppress(OSError):
            while chunk := self._wire.recv(65_536):
                with self._more:
                    self._bytes += len(chunk)
                    self._more.notify_all()

    def end(self) -> None:
        """Wait for the broker to hang up."""
        self.join(5)

    def leave_at_most(self, sent: int, open_max: int) -> None:
        """Wait until no more than so many are unacknowledged."""
        with self._more:
            assert self._more.wait_for(lambda: sent - self._bytes // 4 <= open_max, 60), "the broker stopped taking"


def _text(text: str) -> bytes:
    raw = text.encode()
    return len(raw).to_bytes(2, "big") + raw


def _packet(head: int, body: bytes) -> bytes:
    length, digits = len(body), bytearray([head])
    while True:
        length, digit = divmod(length, 128)
        digits.append(digit | (0x80 if length else 0))
        if not length:
            return bytes(digits) + body
