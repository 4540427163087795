"""The two catalogues say the same things, and know every name the rooms use."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import agent.rules
import hub
import hub.console
from agent.core.facts import FACTS
from agent.core.reasons import Reason
from agent.core.remedies import LOADS, REMEDIES
from agent.devices.display import pjlink, samsung_mdc
from hub.console.words import LANGUAGES, words
from hub.core.incident import OUTCOMES
from hub.core.own import OwnEventKind
from hub.core.rollout import Phase
from hub.core.twin import Unseen
from hub.store.read.reads import VERDICTS
from wire.event_kinds import EventKind

CONSOLE = Path(hub.console.__file__).parent
TEXTS = {lang: json.loads((CONSOLE / f"i18n/{lang}.json").read_text("utf-8")) for lang in LANGUAGES}
SAID = [
    *pjlink.POWERS.values(), "none", "failure",
    *(f"{part}_{how}" for part in pjlink.PARTS for how in ("warning", "error")),
    *(f"{part.replace(' ', '_')}_error" for _, part in samsung_mdc.COMPLAINTS),
]  # fmt: skip
"""Our own words for what displays and cameras say of themselves."""
_PLACES = re.compile(r"{(\w+)}")


def test_same_keys_and_places() -> None:
    assert TEXTS["vi"].keys() == TEXTS["en"].keys()
    for key, text in TEXTS["vi"].items():
        assert set(_PLACES.findall(text)) == set(_PLACES.findall(TEXTS["en"][key])), key


def test_no_key_stands_twice_and_none_is_empty() -> None:
    for lang in LANGUAGES:
        pairs = json.loads((CONSOLE / f"i18n/{lang}.json").read_text("utf-8"), object_pairs_hook=list)
        assert len(pairs) == len({key for key, _ in pairs})
        assert all(text.strip() for _, text in pairs)


def test_every_key_in_use_is_known() -> None:
    sources = [*CONSOLE.glob("templates/*.html"), *Path(hub.__path__[0]).rglob("*.py")]
    used = {
        key
        for path in sources
        for key in re.findall(r"""\bt\(\s*f?['"]([a-z_.]+[a-z_])['"]""", path.read_text("utf-8"))
    }
    assert len(used) > 100
    missing = sorted(used - TEXTS["vi"].keys())
    assert not missing, f"give these words in hub/console/i18n/vi.json and en.json: {missing}"


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("fact", list(FACTS)),
        ("remedy", [*REMEDIES, "recheck"]),
        ("load", list(LOADS)),
        ("said", SAID),
        ("reason", list(Reason)),
        ("event", [*EventKind, *OwnEventKind]),
        ("state", list(VERDICTS)),
        ("unseen", list(Unseen)),
        ("severity", ["critical", "major", "warning"]),
        ("phase", list(Phase)),
        ("order", ["waiting", "sent", "accepted", "done", "failed", "refused", "expired"]),
        ("outcome", [*OUTCOMES, "needless", "superseded"]),
    ],
)
def test_every_name_of_the_rooms_is_known(kind: str, names: list[str]) -> None:
    missing = [f"{kind}.{name}" for name in names if f"{kind}.{name}" not in TEXTS["vi"]]
    assert not missing, f"give these words in hub/console/i18n/vi.json and en.json: {missing}"


def test_no_rule_s_words_stand_in_a_catalogue() -> None:
    """They come with its events: a new fault needs no new console."""
    rules = agent.rules.load()
    theirs = {f"reason.{reason}" for rule in rules for words in rule.words.values() for reason in words.reasons}
    twice = sorted(key for key in TEXTS["vi"] if key in theirs or key.startswith("rule."))
    assert not twice, f"take these out of both catalogues, the rule's own words say them: {twice}"


def test_a_fault_is_called_as_its_room_calls_it() -> None:
    vi, en = words("vi"), words("en")
    told = {"vi": {"title": "Không khí bí", "name": "Bí khí", "reasons": {"stale_air": "quá nhiều CO₂"}}}
    assert vi.fault(told) == en.fault(told) == "Bí khí", "any language rather than none"
    assert vi.fault({"vi": {"title": "Không khí bí"}}) == "Không khí bí"
    assert [vi.fault(bad) for bad in ({}, {"vi": "?"})] == [vi("incident.nameless")] * 2
    assert vi.reason(told, "stale_air") == "quá nhiều CO₂"
    assert vi.reason(told, "in_call") == vi.name("reason", "in_call") != "in_call"
    assert vi.reason({"vi": {"reasons": ["?"]}}, "stale_air") == vi("now.other_reason")


def test_unknown_names_are_shown_as_they_are() -> None:
    t = words("vi")
    assert t.name("fact", "something.new") == "something.new"
    assert t.value("codec.new_thing", 3.5) == "3,5"


def test_numbers_ages_and_values() -> None:
    vi, en = words("vi"), words("en")
    assert vi.value("codec.draw_w", 31.4) == "31,4 W"
    assert en.value("codec.draw_w", 31.4) == "31.4 W"
    assert vi.value("ups.on_battery", True) == "có"
    assert vi.value("display.power", "off") == "tắt"
    assert en.value("display.fault", "lamp warning, filter error, flux error") == (
        "lamp: warning, air filter blocked, flux error"
    )
    assert [vi.value("ups.fault", said) for said in ("none", "overload", "UPS bị quạt")] == [
        "không có", "quá tải", "UPS bị quạt",
    ]  # fmt: skip
    assert vi.value("codec.settings_off", "none") == "không có"
    assert vi.value("display.model", "off") == "off", "a device's own words are left alone"
    assert vi.value("ups.on_battery", None) == "chưa rõ"
    assert [vi.age(s) for s in (0, 59, 60, 3600, 7800, 86400, 100_000)] == [
        "0 giây", "59 giây", "1 phút", "1 giờ", "2 giờ 10 phút", "1 ngày", "1 ngày 3 giờ",
    ]  # fmt: skip
    assert vi.count(1204331) == "1.204.331"
