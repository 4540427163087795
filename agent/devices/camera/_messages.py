"""What VISCA says, however it is carried: a byte for who speaks to whom, the words, and FF at the end.

Source: device facts, "Displays and cameras"; Sony's command lists of the EVI, SRG and BRC series. `8x 09 …` asks camera
x, `y0 50 … FF` answers, `y0 4z FF` takes an order, `y0 5z FF` has done it, `y0 6z EE FF` refuses; y is x + 8. An answer
does not say to what: it is known by its length and its values, since nothing else protects it.

What cameras do otherwise: one that is alone may answer as camera 2 (PTZOptics with firmware 9.1.35,
bitfocus/companion-module-ptzoptics-visca#57), says by itself that the chain has changed (`z0 38 FF`, AVer and Sony, #51
there), takes an order long before it has done it (#41), and may turn the question about its power down while it sleeps
(`y0 6z 41 FF`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from agent.core.facts import BUSY, NoReading, Reading
from agent.devices.base import is_heard

KEYS = ("camera.api", "camera.power", "camera.model")
REMEDIES = frozenset({"camera_on"})
NUMBERS = range(1, 8)

END = b"\xff"
MESSAGE_BYTES_MAX = 16
POWER, MODEL, ON = "power", "model", "on"
WORDS = {POWER: "09 04 00", MODEL: "09 00 02", ON: "01 04 00 02"}
"""Two questions and an order."""
DECIDED_BY: Mapping[str, tuple[str, ...]] = {"camera.power": (POWER,), "camera.model": (MODEL,)}
"""Which question decides a fact."""
POWERS = {2: "on", 3: "off"}
"""4 is a fault of its own power circuit: neither."""
ASLEEP = b"\x03"
VERSION_BYTES = 7
ALONE = 1
"""Who is camera 1 is mostly the only one. The others of a chain speak when they are spoken to."""
SENDERS = range(0x90, 0x100, 0x10)
CHAIN_CHANGED = 0x38
NOT_NOW = b"\x41"
"""`Command not executable`: a camera knows the words, and not in its present state."""
UNKNOWN = frozenset({b"\x01", b"\x02", NOT_NOW})
"""Refusals that speak of the words: wrong length, wrong syntax. Others (`04`, `05`) are of the moment."""
BUFFER_FULL = b"\x03"

Said = Literal["answer", "taken", "done", "refused", "changed", "noise"]


def words(key: str, number: int) -> bytes:
    """A question or an order to camera 1..7."""
    return bytes((0x80 | number,)) + bytes.fromhex(WORDS[key]) + END


def heard(message: bytes, number: int) -> tuple[Said, bytes]:
    """What a message without its FF is, and its data."""
    if len(message) < 2 or 0xFF in message:
        return "noise", b""
    if len(message) == 2 and message[1] == CHAIN_CHANGED and message[0] in (0x80, *SENDERS):
        return "changed", b""
    if message[0] not in SENDERS or number not in (ALONE, (message[0] >> 4) - 8):
        return "noise", b""
    kind, data = message[1] & 0xF0, message[2:]
    if kind == 0x40 and not data:
        return "taken", b""
    if kind == 0x50:
        return ("answer", data) if data else ("done", b"")
    return ("refused", data) if kind == 0x60 and len(data) == 1 else ("noise", b"")


def fits(key: str, data: bytes) -> bool:
    """Whether an answer can be one to this question."""
    return len(data) == VERSION_BYTES if key == MODEL else len(data) == 1 and data[0] in (2, 3, 4)


def refusal(key: str, data: bytes) -> bytes | NoReading:
    """What it means that a question or an order was turned down."""
    if key == ON:
        return NoReading("refused")
    if key == POWER and data == NOT_NOW:
        return ASLEEP
    if data == BUFFER_FULL:
        return BUSY
    return NoReading("absent" if data in UNKNOWN else "refused")


def facts_of(answers: Mapping[str, bytes | NoReading]) -> dict[str, Reading]:
    """The facts of one poll."""
    power, version = answers.get(POWER, NoReading("absent")), answers.get(MODEL, NoReading("absent"))
    return {
        "camera.api": is_heard(answers),
        "camera.power": power if isinstance(power, NoReading) else POWERS.get(power[0], NoReading("failed")),
        "camera.model": version if isinstance(version, NoReading) else f"{version[:2].hex()}:{version[2:4].hex()}",
    }
