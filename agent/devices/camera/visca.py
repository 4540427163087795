"""A camera that speaks VISCA on a serial line (RS-232, RS-422), or its bytes over TCP 5678, as PTZOptics has it [M].

Some take the same bytes over UDP, without Sony's head, at a port of their own (1259: glikely/obs-ptz#177, AVKANS).

Source: see `agent.devices.camera._messages`. On a serial line cameras number themselves 1 to 7 when they are told to
(`88 30 01 FF`), and forget it with their power: every conversation begins with that, and goes on with it when one says
that the chain has changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agent.core.facts import NoReading, Reading
from agent.devices.about import About, Tested
from agent.devices.base import Event, ProtocolError, Session
from agent.devices.camera import _messages as visca
from agent.devices.inquiry import Query
from agent.devices.proven import ProvenSession
from agent.devices.setup import Setup

FAMILY = "visca"
PORT = 5678
BAUDS = (9600, 38400)
SCHEMES = ("tcp", "serial", "udp")
NUMBERS = visca.NUMBERS
KEYS = visca.KEYS
REMEDIES = visca.REMEDIES
ABOUT = About(
    "cameras with VISCA on a serial port (Sony EVI, SRG, BRC; AVer, Lumens, PTZOptics, VHD), or its bytes over TCP",
    (
        Tested("serial 9600, 38400 (by trying)", "our simulator over a pty; recordings", "tests/sim/test_visca.py"),
        Tested("TCP 5678", "our simulator; recordings", "tests/sim/test_visca.py"),
        Tested("UDP (its port in the `uri`)", "our simulator", "tests/sim/test_visca.py"),
    ),
    unseen="every camera; Cisco's PrecisionHD cameras speak VISCA to their codec only",
)

NUMBER_YOURSELVES = bytes.fromhex("88 30 01 FF")


def session(setup: Setup, nonce: str = "") -> Session:  # noqa: ARG001 - this tongue has no place for a nonce
    """A fresh conversation."""
    return ViscaSession(setup)


class ViscaSession(ProvenSession[bytes]):
    """See the module."""

    decided_by = visca.DECIDED_BY

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup.login)
        self.number = setup.number
        self._rest = b""
        self._chain_changed = False

    @property
    def buffered(self) -> int:
        """Bytes kept of what arrived."""
        return len(self._rest)

    def open(self) -> None:
        """Let the cameras number themselves, then ask."""
        self._send(NUMBER_YOURSELVES)
        super().open()

    def _forget(self) -> None:
        self._rest = b""

    def receive(self, data: bytes) -> list[Event]:
        """Take what arrived."""
        *messages, rest = (self._rest + data).split(visca.END)
        self._rest = rest[-visca.MESSAGE_BYTES_MAX :]
        return [event for message in messages for event in self._message(message)]

    def _message(self, message: bytes) -> list[Event]:
        if message.startswith(NUMBER_YOURSELVES[:2]):
            return []  # how many they are
        said, data = visca.heard(message, self.number)
        if said == "noise":
            return [ProtocolError("no VISCA message of this camera")] if message else []
        asked = self._asked.key if self._asked is not None else "" if self.ready else visca.POWER
        self._chain_changed |= said == "changed"
        if said == "changed" or not asked:
            return []
        if said in ("taken", "done"):
            # A camera that wakes has done it half a minute later: that it will is answer enough.
            return self._heard(asked, data, message.hex(" ")) if asked == visca.ON else []
        if said == "refused":
            return self._heard(asked, visca.refusal(asked, data), message.hex(" "))
        if asked == visca.ON or not visca.fits(asked, data):
            return [ProtocolError("an answer to an earlier question")]
        return self._heard(asked, data, message.hex(" "))

    # -- what it is asked

    def _queries(self) -> Sequence[Query]:
        return [Query(visca.POWER, visca.POWER), Query(visca.MODEL, visca.MODEL)]

    def _orders(self, remedy: str) -> Sequence[Query]:
        return [Query(visca.ON, visca.ON, remedy)] if remedy == "camera_on" else []

    def _render(self, query: Query) -> bytes:
        head, self._chain_changed = NUMBER_YOURSELVES if self._chain_changed else b"", False
        return head + visca.words(query.text, self.number)

    def _facts(self, answers: Mapping[str, bytes | NoReading]) -> Mapping[str, Reading]:
        return visca.facts_of(answers)
