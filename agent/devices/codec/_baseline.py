"""What a codec's settings should be, what they are, and which of them differ. Pure.

A technician writes down the settings that his rooms share; somebody changes one in a menu, a firmware update resets it.
They are read at the first look of a conversation, then every `EVERY` looks, and at once after they were written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from agent.core.facts import NoReading, Reading
from agent.devices.codec._xapi_replies import Values

HEAD = "Configuration"
"""First word of every path, and of a question's key."""
KEYS = ("codec.settings_ok", "codec.settings_off")
REMEDY = "codec_settings_restore"
EVERY = 90
"""Looks: at one every 10 s, a quarter of an hour."""
SETTINGS_MAX = 30
SHOWN_MAX = 200
PATH = re.compile(r"[A-Z][A-Za-z0-9]*( [A-Za-z0-9]+){0,11}")
VALUE = re.compile(r"""[^"'<>&|\\\x00-\x1f]{0,100}""")
SECRET = re.compile(r"passw|passphrase|secret|community|pin\b|key\b", re.IGNORECASE)


def problem(wanted: Mapping[str, str]) -> str:
    """What is wrong with a baseline, in one sentence for the technician; empty when nothing is."""
    if len(wanted) > SETTINGS_MAX:
        return f"codec.baseline: tối đa {SETTINGS_MAX} mục / at most {SETTINGS_MAX} settings"
    for path, value in wanted.items():
        if not PATH.fullmatch(path):
            return f'codec.baseline: {path!r} sai / must be a path such as "Audio DefaultVolume"'
        if SECRET.search(path):
            return f"codec.baseline: {path!r}: không ghi mật khẩu vào đây / a secret does not belong here: leave it out"
        if not VALUE.fullmatch(value):
            return f"codec.baseline: {path!r}: giá trị sai / the value must be plain text without quotes"
    return ""


class Baseline:
    """The settings of one conversation; `wanted` by path, as the codec writes them, without `Configuration`."""

    def __init__(self) -> None:
        self._looks = 0
        self._facts: dict[str, Reading] = dict.fromkeys(KEYS, NoReading("absent"))
        self.differing: dict[str, str] = {}
        """Path and wanted value of what differs, by the last reading."""

    def due(self, wanted: Mapping[str, str]) -> list[str]:
        """The settings to ask for in the poll that begins now."""
        paths = list(wanted) if self._looks % EVERY == 0 else []
        self._looks += 1
        return paths

    def written(self) -> None:
        """Something was ordered: read again at the next poll."""
        self._looks = 0

    def completed(self, wanted: Mapping[str, str], answers: Mapping[str, Values | NoReading]) -> dict[str, Reading]:
        """The two facts, from this poll's answers or, between two readings, as they were."""
        asked = [path for path in wanted if f"{HEAD} {path}" in answers]
        if asked:
            self._compare({path: wanted[path] for path in asked}, answers)
        return dict(self._facts)

    def _compare(self, wanted: Mapping[str, str], answers: Mapping[str, Values | NoReading]) -> None:
        self.differing, silent, shown = {}, [], []
        for path, value in wanted.items():
            answer = answers[f"{HEAD} {path}"]
            is_now = answer if isinstance(answer, NoReading) else answer.get(HEAD, *path.split())
            if isinstance(is_now, NoReading) or is_now is None:
                silent.append(is_now or NoReading("garbled"))
            elif is_now.strip().lower() != value.strip().lower():
                self.differing[path] = value
                shown.append(f"{path} = {is_now[:40]} ({value})")
        if shown:
            self._facts = {KEYS[0]: False, KEYS[1]: "; ".join(shown)[:SHOWN_MAX]}
        elif silent:
            self._facts = dict.fromkeys(KEYS, silent[0])
            self._looks = 0  # what could not be read is asked for again at once
        else:
            self._facts = {KEYS[0]: True, KEYS[1]: "none"}
