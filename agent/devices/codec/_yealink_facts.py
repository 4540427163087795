"""What a Yealink VC says, as facts of the catalogue. Sources as in `yealink_vc`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from agent.core.facts import SLOW, NoReading, Reading
from agent.devices.base import number
from agent.devices.codec._baseline import Naming
from agent.devices.codec._call_loss import LossSinceLook, Stream, Way

VOLUME_MAX = 10
CALLING = frozenset({"outgoing", "ringing", "talking", "finished"})
"""`talking max` is one of them: every line is in use. `finished` is a call being torn down, and comes only unasked."""
RESTING: Mapping[str, Reading] = {"idle": False, "sleeping": True}
"""Without a call, and whether it sleeps."""
STATUS, CALLS, MUTE, VOLUME = "sysstatus get", "callinfo all", "mute near get", "volume get"
VERSION = "version"
DECIDED_BY: Mapping[str, tuple[str, ...]] = {
    "codec.standby": (STATUS,),
    "codec.mic_muted": (MUTE,),
    "codec.volume_pct": (VOLUME,),
}
"""Which questions decide a fact."""
NAMING = Naming(re.compile("[a-z ]+"), "donotdisturb global", frozenset({"donotdisturb global", "donotdisturb talk"}))
"""The two settings that can be asked: in *do not disturb* it refuses the calls of the centre, all or while it talks."""
QUALITY_KEYS = ("codec.rx_loss_pct", "codec.tx_loss_pct", "codec.jitter_ms")
STATE = re.compile(r'sysstatus (?:get )?"?([a-z]+)')
FIELD = re.compile(r'"(\w{1,20}):([^"]{0,100})"')
STREAMS: tuple[tuple[Way, str, str], ...] = (
    ("RX", "vtplrecv", "vtplprecv"), ("TX", "vtplsend", "vtplpsend"),
    ("RX", "atplrecv", "atplprecv"), ("TX", "atplsend", "atplpsend"),
)  # fmt: skip
"""Packets lost and their percentage, of picture (V) and sound (A), in a line of `callinfo`."""
JITTERS = ("vjrrecv", "ajrrecv")

Lines = tuple[str, ...]
SILENT = NoReading("timeout")


def state_of(line: str) -> str:
    """The state a line speaks of, empty when it speaks of none."""
    found = STATE.match(line)
    return found[1] if found else ""


def facts_of(answers: Mapping[str, Lines | NoReading], call_seen: bool, about: Mapping[str, str]) -> dict[str, Reading]:
    """The facts that need no memory of the look before."""
    status = answers.get(STATUS, SILENT)
    return {
        "codec.api": any(
            isinstance(answer, tuple) or answer.reason in ("absent", "refused") for answer in answers.values()
        ),
        "codec.in_call": True if call_seen else in_call(status),
        "codec.standby": _standby(status),
        "codec.mic_muted": _word(answers.get(MUTE, SILENT), {"on": True, "off": False}),
        "codec.volume_pct": _volume(answers.get(VOLUME, SILENT)),
        "codec.model": about.get("model") or NoReading("absent"),
        "codec.software": about.get("firmware") or NoReading("absent"),
    }


def in_call(status: Lines | NoReading) -> Reading:
    """Whether its state is one of a call; a word that is not known is neither."""
    if isinstance(status, NoReading):
        return status
    word = state_of(status[-1])
    return True if word in CALLING else False if word in RESTING else NoReading("garbled")


def quality_of(answers: Mapping[str, Lines | NoReading], loss: LossSinceLook) -> dict[str, Reading]:
    """Loss since the last look and jitter, of all calls; without a call there is none."""
    calls = answers.get(CALLS, SLOW if answers.get(STATUS) == SLOW else NoReading("absent"))
    none = calls if isinstance(calls, NoReading) else NoReading("absent")
    rows = list(_rows(() if isinstance(calls, NoReading) else calls))
    streams = [
        Stream(way, f"{row.get('callid', '')} {lost}", _amount(row.get(lost, "")), _amount(row.get(share, "")))
        for row in rows
        for way, lost, share in STREAMS
    ]
    worst = loss.look(streams, none)
    jitters = [value for row in rows for name in JITTERS if isinstance(value := _amount(row.get(name, "")), float)]
    return dict(zip(QUALITY_KEYS, (worst["RX"], worst["TX"], max(jitters, default=none)), strict=True))


def settings_read(wanted: Mapping[str, str], answers: Mapping[str, Lines | NoReading]) -> dict[str, str | NoReading]:
    """The wanted settings that this poll has asked for."""
    read: dict[str, str | NoReading] = {}
    for name in wanted:
        answer = answers.get(f"{name} get")
        if answer is not None:
            read[name] = answer if isinstance(answer, NoReading) else answer[-1].rsplit(" ", 1)[-1]
    return read


def _rows(calls: Lines) -> Iterator[dict[str, str]]:
    """One per call; names are written in either case, by the maker's own examples."""
    for line in calls:
        if fields := {name.lower(): value for name, value in FIELD.findall(line)}:
            yield fields


def _amount(text: str) -> Reading:
    """`3`, `3ms`, `0.5%`."""
    found = number(text.strip().lower().removesuffix("%").removesuffix("ms").strip())
    return float(found) if isinstance(found, int | float) else NoReading("absent")


def _standby(status: Lines | NoReading) -> Reading:
    if isinstance(status, NoReading):
        return status
    word = state_of(status[-1])
    return False if word in CALLING else RESTING.get(word, NoReading("garbled"))


def _word(lines: Lines | NoReading, words: Mapping[str, bool]) -> Reading:
    if isinstance(lines, NoReading):
        return lines
    found = words.get(lines[-1].split()[-1])
    return NoReading("garbled") if found is None else found


def _volume(lines: Lines | NoReading) -> Reading:
    if isinstance(lines, NoReading):
        return lines
    steps = number(lines[-1].split()[-1])
    return NoReading("garbled") if isinstance(steps, NoReading | str) else steps * 100 / VOLUME_MAX
