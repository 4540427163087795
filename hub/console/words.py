"""The console's words in one language: texts, names, numbers, ages and times as people here write them.

Catalogues are flat JSON files of the same keys. They know no rule: a fault's name and its reasons come with its events.
A name that is not known (a new fact or refusal of a newer room) is shown as it came: never hidden, never an error.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from pathlib import Path
from typing import Any

from wire import messages as m

LANGUAGES = ("vi", "en")
ZONE = timezone(timedelta(hours=7))
"""Vietnam has no summer time: a fixed offset needs no time-zone data on the host."""

_FOLDER = Path(__file__).parent / "i18n"
_UNITS = {
    "pct": "%", "c": "°C", "w": "W", "v": "V", "hz": "Hz", "ms": "ms", "lx": "lx", "mb": "MB", "dbc": "dBC",
    "h": "h", "ppm": "ppm", "mbps": "Mbit/s",
}  # fmt: skip
_SPOKEN = frozenset({"display.power", "display.fault", "camera.power", "ups.fault", "codec.settings_off"})
"""Facts whose values are our own words, several with commas between; other texts are the device's, and left alone."""
_UNIT_OF_KEY = re.compile(r"_([a-z]+)\Z")


class Words:
    """All texts of one language. Instances are shared and never change."""

    def __init__(self, language: str, texts: dict[str, str]) -> None:
        self.language = language
        self._texts = texts

    def __call__(self, key: str, **values: Any) -> str:
        """The text of a key with its places filled; the key itself when it is unknown, so a slip shows at once."""
        text = self._texts.get(key, key)
        return text.format(**values) if values else text

    def has(self, key: str) -> bool:
        """Whether the catalogue knows the key."""
        return key in self._texts

    def name(self, kind: str, raw: str) -> str:
        """The name of a fact, reason or remedy, or the raw name where there is none."""
        return self._texts.get(f"{kind}.{raw}", raw)

    def number(self, value: float, digits: int = 1) -> str:
        """A number with a decimal comma in Vietnamese; whole numbers have no decimals."""
        text = f"{value:.{digits}f}"
        if "." in text:
            text = text.rstrip("0").rstrip(".")
        return text.replace(".", ",") if self.language == "vi" else text

    def count(self, value: float) -> str:
        """A whole number in groups of three."""
        return f"{value:,.0f}".replace(",", "." if self.language == "vi" else ",")

    def age(self, seconds: float) -> str:
        """A length of time in at most two units: 12 giây, 5 phút, 2 giờ 10 phút, 3 ngày 4 giờ."""
        whole = max(0, int(seconds))
        if whole < 60:
            return self("age.s", n=whole)
        if whole < 3600:
            return self("age.min", n=whole // 60)
        hours, minutes = divmod(whole // 60, 60)
        if hours < 24:
            return self("age.h_min", n=hours, m=minutes) if minutes else self("age.h", n=hours)
        days, hours = divmod(hours, 24)
        return self("age.d_h", n=days, m=hours) if hours else self("age.d", n=days)

    def value(self, key: str, value: Any) -> str:
        """A fact's value with its unit, taken from the last part of its key."""
        if value is None:
            return self("none")
        if isinstance(value, bool):
            return self("yes" if value else "no")
        if isinstance(value, int | float):
            found = _UNIT_OF_KEY.search(key)
            unit = found[1] if found else ""
            if unit == "s":
                return self.age(value) if abs(value) >= 60 else f"{self.number(value)} s"
            return f"{self.number(value)} {_UNITS.get(unit, '')}".strip()
        if key in _SPOKEN:
            return ", ".join(self._texts.get(f"said.{word.replace(' ', '_')}", word) for word in str(value).split(", "))
        return str(value)

    def told(self, words: Mapping[str, Any]) -> m.Words:
        """The words of a fault that a room sent, in this language or else in any it has; empty when it sent none."""
        found = words.get(self.language) or words.get("vi") or words.get("en")
        if isinstance(found, m.Words):
            return found
        row: dict[str, Any] = found if isinstance(found, dict) else {}
        steps, working, power, on = (
            [str(step) for step in one] if isinstance(one := row.get(kind), list) else []
            for kind in ("steps", "working", "power", "on")
        )
        return m.Words(str(row.get("title", "")), steps, str(row.get("name", "")), working=working, power=power, on=on)

    def fault(self, words: dict[str, Any]) -> str:
        """The name of a fault as its room sent it, or its title; one without either is said to have none."""
        found = self._of(words)
        return str(found.get("name") or found.get("title") or self("incident.nameless"))

    def reason(self, words: dict[str, Any], raw: str) -> str:
        """A reason in the words that came with its fault, else in the console's own; see `why`."""
        said = self._of(words).get("reasons")
        return str(said[raw]) if isinstance(said, dict) and said.get(raw) else self.why(raw)

    def why(self, raw: str) -> str:
        """A reason in words that go on after a colon; why a device gave no reading is one, too.

        One that is new here, of a newer room, is not shown by its raw name.
        """
        for key in (f"reason.{raw}", f"reason.{raw.removeprefix('signer_')}", f"silent.{raw}"):
            if key in self._texts:
                return self._texts[key]
        return self("now.other_reason")

    def _of(self, words: dict[str, Any]) -> dict[str, Any]:
        found = words.get(self.language) or words.get("vi") or words.get("en")
        return found if isinstance(found, dict) else {}


@lru_cache(maxsize=len(LANGUAGES))
def words(language: str) -> Words:
    """The words of a language, `vi` or `en`."""
    texts: dict[str, str] = json.loads((_FOLDER / f"{language}.json").read_text("utf-8"))
    return Words(language, texts)


def local(at_s: float) -> datetime:
    """The moment on the wall clock of the rooms."""
    return datetime.fromtimestamp(at_s, ZONE)


def day_time(at_s: float) -> str:
    """dd/MM/yyyy HH:mm."""
    return local(at_s).strftime("%d/%m/%Y %H:%M")


def clock(at_s: float) -> str:
    """HH:mm:ss."""
    return local(at_s).strftime("%H:%M:%S")


def short_time(at_s: float, now_s: float) -> str:
    """HH:mm today, dd/MM HH:mm within half a year, else with the year: as little as is clear."""
    then, today = local(at_s), local(now_s)
    if then.date() == today.date():
        return then.strftime("%H:%M")
    return then.strftime("%d/%m %H:%M") if abs(at_s - now_s) < 180 * 86400 else day_time(at_s)
