"""Poly command-line answers as facts of the catalogue. Source: device facts, "Poly / Polycom HDX and Group"."""

from __future__ import annotations

import re
from collections.abc import Mapping

from agent.core.facts import NoReading, Reading
from agent.devices.base import number

Answers = Mapping[str, tuple[str, ...] | NoReading]
"""The lines of each answer, by query."""

CALL_OVER = frozenset({"disconnected", "inactive", "terminated", "cleared", "ended"})
"""States of a row that is no call any more; every other one (also one never heard of) is a call."""

SET_UP = frozenset({
    "allocated", "bonding", "ringing", "connecting", "proceeding", "opened", "partial", "established", "incoming",
})  # fmt: skip
"""States during which nothing more may be asked [D: none while a call is being set up; the words are M,
`bonding` and `opened` those of Solo Control's module for AMX]."""

NOT_IN_CALL = "system is not in a call"
LINES_OF_CALLS = ("active: call[", "cleared: call[", "ended: call[", "incoming: call[")
"""Lines that tell of a call unasked: `active: call[34] speed [384]`, `cleared: call[34]`, `ended: call[34]`, and of one
to come (Extron's module for a Group): `incoming: call[34] name[…] dialstr[…] state[RINGING]`."""
REFUSED = "password failed"
"""Said before, or instead of, another prompt (Extron's module for a Group, and another's)."""
ABOUT_ITSELF = frozenset({
    "hi, my name is", "here is what i know about myself", "model", "serial number", "software version",
    "build information", "contact number", "total time in calls", "total calls", "sntp time service", "local time is",
    "ip video number", "mp enabled", "h323 enabled", "htp enabled", "snmp enabled",
})  # fmt: skip
"""What stands before the colon of its lines about itself."""
MUTED = frozenset({"muted", "notmuted"})
CALL_STATE = re.compile(r"\bstate\[(?P<state>[^\]]*)\]")
NEXT_ROW = re.compile(r"(?<=.)(?=callinfo:\d+:)")
VOLUME_MAX = 50


def state_of(line: str) -> str | None:
    """The call state a line speaks of, lower case; None when the line is not about a call.

    `callinfo:43:Name:192.168.1.101:384:connected:notmuted:outgoing:videocall`: a far-end name may contain colons or be
    left out, so the state is the fourth from the right. A row too short for that is a call nobody understands:
    "unreadable". So is one that is over by a word in the wrong place: the far end may be called `ended`.

    Source of the rows without name, of `LINES_OF_CALLS`, and of two rows without a line end between them (the maker's
    guide): ICD.Connect.Conferencing, CallStatus and its tests. Of two rows the one that is a call counts; that both are
    over is not believed of such a line.
    """
    text = line.strip().lower()
    rows = NEXT_ROW.split(text)
    if len(rows) > 1:
        states = (state_of(row) or "" for row in rows)
        return next((state for state in states if state not in (*CALL_OVER, "unreadable", "")), "unreadable")
    if text.startswith(LINES_OF_CALLS):
        return text.partition(":")[0]
    if text.startswith("callinfo:"):
        parts = text.split(":")
        if len(parts) < 8 or (parts[-4] in CALL_OVER and parts[-3] not in MUTED):
            return "unreadable"
        return parts[-4]
    if text.startswith("cs:"):
        if match := CALL_STATE.search(text):
            return match["state"]
        return "inactive" if text.endswith("inactive") else "unreadable"
    if text.startswith("notification:callstatus:"):
        # notification:callstatus:outgoing:34:Name:192.168.1.101:connected:384:0:videocall
        parts = text.split(":")
        return parts[-4] if len(parts) >= 9 else "unreadable"
    if text.startswith("notification:linestatus:"):
        # notification:linestatus:outgoing:32:0:0:disconnected
        return text.rpartition(":")[2] if text.count(":") >= 6 else "unreadable"
    return None


def speaks_of_call(line: str) -> bool:
    """Whether a line alone proves a call."""
    state = state_of(line)
    return state is not None and state != "unreadable" and state not in CALL_OVER


def facts_of(answers: Answers, call_seen: bool, whoami: Mapping[str, str], asleep: bool | None) -> dict[str, Reading]:
    """Every fact of the family. `asleep` is what notifications said since the session began, None when nothing."""
    return {
        "codec.api": any(isinstance(a, tuple) or a.reason in ("absent", "refused") for a in answers.values()),
        "codec.in_call": True if call_seen else in_call(answers),
        "codec.standby": NoReading("absent") if asleep is None else asleep,
        "codec.registered": _registered(answers),
        "codec.mic_muted": _word(answers, "mute near get", "mute near ", {"on": True, "off": False}),
        "codec.mic_connected": _mic_connected(answers),
        "codec.volume_pct": _volume(answers),
        "codec.model": whoami.get("model") or NoReading("absent"),
        "codec.software": whoami.get("software version") or NoReading("absent"),
    }


DECIDED_BY: Mapping[str, tuple[str, ...]] = {
    "codec.registered": ("status",),
    "codec.mic_connected": ("status",),
    "codec.mic_muted": ("mute near get",),
    "codec.volume_pct": ("volume get",),
}
"""Which questions decide a fact."""

NETSTATS, ADVNETSTATS = "netstats", "advnetstats"
QUALITY_KEYS = ("codec.tx_loss_pct", "codec.jitter_ms")
LOSS = re.compile(r"%pktloss:\s*([0-9.]+)\s*%", re.IGNORECASE)
JITTER = re.compile(r"\br[av]j:\s*([0-9.]+)\s*ms", re.IGNORECASE)


def quality_of(answers: Answers) -> dict[str, Reading]:
    """How the call goes: loss on the way there, which the codec reckons itself, and the jitter of what arrives.

    Source: device facts; `netstats` speaks of sending only, `---` is nothing measured. The worst of several counts.
    """
    return {
        QUALITY_KEYS[0]: _worst(answers.get(NETSTATS, NoReading("absent")), LOSS),
        QUALITY_KEYS[1]: _worst(answers.get(ADVNETSTATS, NoReading("absent")), JITTER),
    }


def _worst(lines: tuple[str, ...] | NoReading, pattern: re.Pattern[str]) -> Reading:
    if isinstance(lines, NoReading):
        return lines
    found = [number(text) for line in lines for text in pattern.findall(line)]
    values = [float(value) for value in found if isinstance(value, int | float)]
    return max(values) if values else NoReading("absent")


def in_call(answers: Answers) -> Reading:
    """True as soon as one witness says so. False only when `callinfo all` denies it and no other was left unread.

    `status` and `getcallstate` may be unknown to a model ("absent"); `callinfo all` may not.
    """
    witnesses = [_witness_info(answers), _witness_state(answers), _witness_status(answers)]
    if any(witness is True for witness in witnesses):
        return True
    return next((witness for witness in witnesses if isinstance(witness, NoReading)), False)


def _witness_info(answers: Answers) -> Reading:
    lines = answers.get("callinfo all", NoReading("timeout"))
    if isinstance(lines, NoReading):
        return lines
    states = [state_of(line) for line in lines if line.lower().startswith("callinfo:")]
    if any(state not in CALL_OVER and state != "unreadable" for state in states):
        return True
    block = {"callinfo begin", "callinfo end"}
    denied = any(line.lower() == NOT_IN_CALL for line in lines) or block <= {line.lower() for line in lines}
    # A row that has lost its colon is no row, and would leave an empty block behind.
    foreign = any(
        line.lower() not in (*block, NOT_IN_CALL) and not line.lower().startswith(("callinfo:", "cs:"))
        for line in lines
    )
    return False if denied and not foreign and "unreadable" not in states else NoReading("garbled")


def _witness_state(answers: Answers) -> Reading:
    lines = answers.get("getcallstate", NoReading("timeout"))
    if isinstance(lines, NoReading):
        return False if lines.reason == "absent" else lines
    states = [state_of(line) for line in lines if line.lower().startswith("cs:")]
    if any(state not in CALL_OVER and state != "unreadable" for state in states):
        return True
    return False if states and "unreadable" not in states else NoReading("garbled")


def _witness_status(answers: Answers) -> Reading:
    lines = answers.get("status", NoReading("timeout"))
    if isinstance(lines, NoReading):
        return False if lines.reason == "absent" else lines
    word = _status_of(lines, "inacall")
    if word is None:
        # A model that knows `status` but not this row.
        return False
    return True if word == "online" else False if word == "offline" else NoReading("garbled")


def _status_of(lines: tuple[str, ...], name: str) -> str | None:
    for line in lines:
        parts = line.lower().split()
        if len(parts) == 2 and parts[0] == name:
            return parts[1]
    return None


def _registered(answers: Answers) -> Reading:
    lines = answers.get("status", NoReading("timeout"))
    if isinstance(lines, NoReading):
        return lines
    words = [word for name in ("gatekeeper", "sipserver") if (word := _status_of(lines, name)) is not None]
    if "online" in words:
        return True
    return False if words else NoReading("absent")


def _mic_connected(answers: Answers) -> Reading:
    lines = answers.get("status", NoReading("timeout"))
    if isinstance(lines, NoReading):
        return lines
    word = _status_of(lines, "microphones")
    return NoReading("absent") if word is None else word == "online"


def _word(answers: Answers, key: str, head: str, words: Mapping[str, bool]) -> Reading:
    lines = answers.get(key, NoReading("timeout"))
    if isinstance(lines, NoReading):
        return lines
    found = [words.get(line.lower()[len(head) :].strip()) for line in lines if line.lower().startswith(head)]
    word = found[-1] if found else None
    return NoReading("garbled") if word is None else word


def _volume(answers: Answers) -> Reading:
    lines = answers.get("volume get", NoReading("timeout"))
    if isinstance(lines, NoReading):
        return lines
    words = [line.split()[-1] for line in lines if line.lower().startswith("volume ")]
    steps = number(words[-1]) if words else NoReading("garbled")
    return NoReading("garbled") if isinstance(steps, NoReading | str) else steps * 100 / VOLUME_MAX
