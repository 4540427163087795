"""A camera that speaks VISCA over IP: UDP 52381, an 8-byte head before each message, numbered.

Source: device facts; Sony's "VISCA over IP" of the SRG and BRC series. Head: kind (`01 00` order, `01 10` question,
`01 11` answer, `02 00` control, `02 01` answer to it), length and sequence number, big-endian. An answer carries the
number of its question: anything else is late, doubled or somebody else's. `02 00 … 01` sets the count back to 0, and
`02 01 … 0F` says that a number was not expected: then we set it back and ask again. A datagram may be lost: every
question is sent once more, under its own number, before it counts as unanswered.

NewTek's NDI PTZ1 knows the numbers 1 to 3 only and answers each with 1; without a number (0) it is content
(vwout/obs-visca-control#7). A camera that has twice answered a later question with 1 is asked so.
"""

from __future__ import annotations

from agent.devices.about import About, Tested
from agent.devices.base import Event, ProtocolError, Session
from agent.devices.camera import _messages as visca
from agent.devices.camera.visca import ViscaSession
from agent.devices.inquiry import Query
from agent.devices.setup import Setup

FAMILY = "visca_ip"
PORT = 52381
BAUDS: tuple[int, ...] = ()
SCHEMES = ("udp",)
NUMBERS = range(1, 2)
"""Over IP every camera is number 1."""
KEYS = visca.KEYS
REMEDIES = visca.REMEDIES
ABOUT = About(
    "network cameras with VISCA over IP (Sony SRG, BRC and FR7; AVer, Lumens, Marshall)",
    (Tested("UDP 52381", "PyPI visca-over-ip judges our simulator; recordings", "tests/sim/test_visca.py"),),
    unseen="every camera; whether one that is asked from a second address still answers the first",
)

ORDER, QUESTION, ANSWER, CONTROL, CONTROL_ANSWER = b"\x01\x00", b"\x01\x10", b"\x01\x11", b"\x02\x00", b"\x02\x01"
RESET, ABNORMAL = b"\x01", 0x0F
HEAD_BYTES = 8
DATAGRAM_BYTES_MAX = HEAD_BYTES + visca.MESSAGE_BYTES_MAX
FIRST = "reset"
CANNOT_COUNT = 1
"""The number under which a camera answers that does not count, whatever the question's."""
RESETS_MAX = 2
"""In one look: a camera that is never content is not answered for ever."""


def session(setup: Setup, nonce: str = "") -> Session:  # noqa: ARG001 - a reset makes every conversation new
    """A fresh conversation."""
    return ViscaIpSession(setup)


class ViscaIpSession(ViscaSession):
    """See the module."""

    patience_s = 0.8

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._sequence = 0
        self._repeated = False
        self._resets = 0
        self._counts = True
        self._miscounted = False
        """The question was answered as if it had been the first."""

    def _first(self) -> Query:
        return Query(FIRST, FIRST)

    def open(self) -> None:
        """Begin the count anew."""
        self._tries += 1
        self._send(self._render(self._first()))

    def poll(self) -> None:
        """Ask for all facts."""
        self._resets = 0
        super().poll()

    def _unsay(self) -> None:
        """The number goes with it: the camera counts what it is asked."""
        super()._unsay()
        self._sequence = max(0, self._sequence - 1)

    def silence(self) -> list[Event]:
        """Nothing arrived: the question, or its answer, may have been lost."""
        self._forget()
        if self.ready and self._asked is not None and not self._repeated:
            self._repeated = True
            self._send(self._numbered(self._asked))
            return []
        return super().silence()

    def receive(self, data: bytes) -> list[Event]:
        """Take what arrived: whole datagrams, though it does not matter here how they are cut."""
        self._rest += data
        events: list[Event] = []
        while len(self._rest) > HEAD_BYTES:
            size = HEAD_BYTES + int.from_bytes(self._rest[2:4], "big")
            if self._rest[:2] not in (ANSWER, CONTROL_ANSWER) or size > DATAGRAM_BYTES_MAX:
                self._rest = self._rest[1:]
                continue
            if size > len(self._rest):
                break
            datagram, self._rest = self._rest[:size], self._rest[size:]
            events += self._datagram(datagram)
        return events

    def _datagram(self, datagram: bytes) -> list[Event]:
        sequence, payload = int.from_bytes(datagram[4:HEAD_BYTES], "big"), datagram[HEAD_BYTES:]
        if datagram.startswith(CONTROL_ANSWER):
            return self._controlled(payload)
        if sequence != self._sequence and not self._is_uncounted(sequence):
            return [ProtocolError(f"an answer to question {sequence} instead of {self._sequence}")]
        if not payload.endswith(visca.END):
            return [ProtocolError("a datagram without an end")]
        return self._message(payload[:-1])

    def _is_uncounted(self, sequence: int) -> bool:
        """Whether the camera does not count: the question and its repetition were both answered as the first."""
        if self._counts and sequence == CANNOT_COUNT:
            self._counts = not (self._miscounted and self._repeated)
            self._miscounted = True
        return not self._counts and sequence in (0, CANNOT_COUNT)

    def _controlled(self, payload: bytes) -> list[Event]:
        if payload == RESET:
            if not self.ready:
                return self._heard(FIRST, payload)
            if self._asked is not None and self._sequence == 0:
                return self._ask_again()
            return []
        if payload[:1] == bytes((ABNORMAL,)) and self.ready and self._asked is not None and self._resets < RESETS_MAX:
            # It has started anew, or another controller has set its count back.
            self._resets += 1
            self._send(self._render(self._first()))
        return []

    def _ask_again(self) -> list[Event]:
        assert self._asked is not None
        self._send(self._render(self._asked))
        return []

    def _render(self, query: Query) -> bytes:
        if query.key == FIRST:
            self._sequence = 0
            return CONTROL + len(RESET).to_bytes(2, "big") + bytes(4) + RESET
        self._sequence = self._sequence % 0xFFFFFFFF + 1 if self._counts else 0
        self._repeated = self._miscounted = False
        return self._numbered(query)

    def _numbered(self, query: Query) -> bytes:
        message = visca.words(query.text, self.number)
        kind = ORDER if query.key == visca.ON else QUESTION
        return kind + len(message).to_bytes(2, "big") + self._sequence.to_bytes(4, "big") + message
