"""What a codec's settings should be, what they are, and which of them differ. Pure.

A technician writes down the settings that his rooms share; somebody changes one in a menu, a firmware update resets it.
They are read from the first look of a conversation on, again every `EVERY` looks, and at once after they were written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from agent.core.facts import SLOW, NoReading, Reading

KEYS = ("codec.settings_ok", "codec.settings_off")
REMEDY = "codec_settings_restore"
EVERY = 90
"""Looks: at one every 10 s, a quarter of an hour."""
SETTINGS_MAX = 30
AT_ONCE = 6
"""Settings asked in one poll, where each is a question of its own: the rest of the poll wants its time too."""
SHOWN_MAX = 200
VALUE = re.compile(r"""[^"'<>&|\\\x00-\x1f]{0,100}""")
SECRET = re.compile(
    r"pass(w|phrase|code)|pwd|psk|secret|community|token|credential|(pin(code|\d*)|key)(?![a-z])", re.IGNORECASE
)
AGAIN = frozenset({"timeout", "stale", "link"})
"""Why an answer is missing that may come at the next look; a codec that does not know a setting is left in peace."""


@dataclass(frozen=True, slots=True)
class Naming:
    """What a family calls its settings. Where a name is a command, `words` are the only ones: others may be orders."""

    shape: re.Pattern[str]
    example: str
    words: frozenset[str] = frozenset()

    @property
    def rule(self) -> str:
        """What a name must be, for the technician."""
        return f"one of {', '.join(sorted(self.words))}" if self.words else f"a name such as {self.example!r}"

    def knows(self, name: str) -> bool:
        """Whether this can be the name of a setting."""
        return name in self.words if self.words else self.shape.fullmatch(name) is not None


def problem(wanted: Mapping[str, str], naming: Naming) -> str:
    """What is wrong with a baseline, in one sentence for the technician; empty when nothing is."""
    if len(wanted) > SETTINGS_MAX:
        return f"codec.baseline: tối đa {SETTINGS_MAX} mục / at most {SETTINGS_MAX} settings"
    lowered = [name.lower() for name in wanted]
    for name, value in wanted.items():
        if lowered.count(name.lower()) > 1:
            return f"codec.baseline: {name!r}: ghi hai lần / stands here twice: names are compared without case"
        if SECRET.search(name):
            return f"codec.baseline: {name!r}: không ghi mật khẩu vào đây / a secret does not belong here: leave it out"
        if not naming.knows(name):
            known = (
                f"one of {', '.join(sorted(naming.words))}" if naming.words else f"a name such as {naming.example!r}"
            )
            return f"codec.baseline: {name!r}: tên sai / must be {known}"
        if not VALUE.fullmatch(value):
            return f"codec.baseline: {name!r}: giá trị sai / the value must be plain text without quotes"
    return ""


class Baseline:
    """The settings of one conversation; `wanted` by name, as the codec writes them. `at_once`: how many a poll asks."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._looks = 0
        self._pending: list[str] = []
        self._read: dict[str, str | NoReading] = {}
        self._facts: dict[str, Reading] = dict.fromkeys(KEYS, NoReading("absent"))
        self.differing: dict[str, str] = {}
        """Name and wanted value of what differs, by the last reading."""

    def due(self, wanted: Mapping[str, str]) -> list[str]:
        """The settings to ask for in the poll that begins now."""
        if self._looks % EVERY == 0:
            self._pending = list(wanted)
        self._looks += 1
        return self._pending[: self._at_once]

    def orders(self, wanted: Mapping[str, str]) -> dict[str, str]:
        """What to write now: what differs, or everything before the first reading. The next poll reads it again."""
        self._looks = 0
        return self.differing or dict(wanted)

    def completed(self, wanted: Mapping[str, str], read: Mapping[str, str | NoReading]) -> dict[str, Reading]:
        """The two facts, from what this poll has `read` or, between two readings, as they were."""
        if not self._read and SLOW in read.values():
            self._facts = dict.fromkeys(KEYS, SLOW)
        read = {name: answer for name, answer in read.items() if answer != SLOW}  # it is asked for at the next look
        self._pending = [name for name in self._pending if name not in read]
        self._read |= read
        if read and not self._pending and all(name in self._read for name in wanted):
            self._compare({name: (value, self._read[name]) for name, value in wanted.items()})
        return dict(self._facts)

    def _compare(self, settings: Mapping[str, tuple[str, str | NoReading]]) -> None:
        self.differing, silent, shown = {}, [], []
        for name, (value, is_now) in settings.items():
            if isinstance(is_now, NoReading):
                silent.append(is_now)
            elif is_now.strip().lower() != value.strip().lower():
                self.differing[name] = value
                shown.append(f"{name} = {is_now[:40]} ({value})")
        if any(reading.reason in AGAIN for reading in silent):
            self._looks = 0
        if shown:
            self._facts = {KEYS[0]: False, KEYS[1]: "; ".join(shown)[:SHOWN_MAX]}
        elif silent:
            self._facts = dict.fromkeys(KEYS, silent[0])
        else:
            self._facts = {KEYS[0]: True, KEYS[1]: "none"}
