"""MH-Z19 carbon dioxide sensor (Winsen MH-Z19, -B, -C): serial, 9600 8N1, asked and answered in frames of nine bytes.

Source: device facts, "Environment": `FF 01 86 00 00 00 00 00 79` asks for the concentration, `FF 86 HH LL …` answers,
and what it says in the first three minutes under power is no measurement. The last byte of a frame is the negated sum
of bytes 1 to 7 plus one [M]: the request itself obeys it. Bytes 4 to 7 of an answer are not documented; of the first
model the last two are 15000 while it boots (esphome/esphome#588), and of the others they are 0.

It measures up to 2000, 5000 or 10000 ppm, as it is set, and shows that number for all that is more
(UedaTakeyuki/mh-z19#19), or for hours in fresh air when it has lost its zero (#25 there): such a number is the end of
its range and no measurement. Nor is 0 (WifWaf/MH-Z19#48): no air has less than 300 ppm.
"""

from __future__ import annotations

from agent.core.facts import NoReading, Reading, plausible
from agent.devices.about import About, Tested
from agent.devices.base import Event, Facts, ProtocolError

CHIP = "mhz19"
ABOUT = About(
    "Winsen MH-Z19, MH-Z19B, MH-Z19C carbon dioxide sensor",
    (
        Tested(
            "serial 9600, or TCP to a transparent serial server",
            "PyPI pymhz19-async judges our simulator over a pty",
            "tests/sim/test_public_clients.py",
        ),
    ),
    facts=("env.co2_ppm",),
    unseen="The sensor itself: frames and warm-up are those of its data sheet",
)
KEY = "env.co2_ppm"
BAUDS = (9600,)
WARM_UP_S = 180.0
"""From power on; the shell counts it from the first good answer, since the sensor does not say how long it is on."""
ENDS_PPM = frozenset({2000, 5000, 10_000})
BOOTING = 15_000
FRAME_BYTES = 9
BUFFER_BYTES_MAX = 128
REQUEST = bytes.fromhex("FF 01 86 00 00 00 00 00 79")
_HEAD = b"\xff\x86"


def checksum(frame: bytes) -> int:
    """The ninth byte of a frame, out of its first eight."""
    return -sum(frame[1:8]) & 0xFF


def reading_of(ppm: int, state: int = 0) -> Reading:
    """What a concentration that it shows is worth, with the number that stands behind it in the frame."""
    if state == BOOTING:
        return NoReading("warming")
    return NoReading("end_of_range") if ppm in ENDS_PPM else plausible(KEY, ppm)


class Mhz19:
    """One sensor on one line. Ask with `request`, feed what arrives to `receive`."""

    listens_on_s = 0.0
    """It has no address: two on one line are no mistake that anybody makes."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def buffered(self) -> int:
        """Bytes kept of what arrived."""
        return len(self._buffer)

    def request(self) -> bytes:
        """The question. Forgets what came before: a late answer to an earlier question is none to this one."""
        self._buffer.clear()
        return REQUEST

    def receive(self, data: bytes) -> list[Event]:
        """Take what arrived, cut anywhere, with noise around it. A frame counts only with a good checksum."""
        self._buffer += data
        events: list[Event] = []
        at = 0
        while (at := self._buffer.find(_HEAD, at)) >= 0 and at + FRAME_BYTES <= len(self._buffer):
            frame = bytes(self._buffer[at : at + FRAME_BYTES])
            if frame[-1] == checksum(frame):
                del self._buffer[: at + FRAME_BYTES]
                at = 0
                ppm, state = (int.from_bytes(frame[place : place + 2], "big") for place in (2, 6))
                events.append(Facts({KEY: reading_of(ppm, state)}))
            else:
                at += 1
        if len(self._buffer) > BUFFER_BYTES_MAX:
            del self._buffer[: -FRAME_BYTES + 1]
            events.append(ProtocolError("noise on the line of the carbon dioxide sensor"))
        return events
