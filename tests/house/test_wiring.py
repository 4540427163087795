"""The wiring document: its drawings can be read by everybody, and its pins are those that the agent allows."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from agent.config.channel import SAFE_PINS, RelayConfig, check
from tests.house.source import ROOT

PAGE = ROOT / "docs/wiring.md"
FOLDER = ROOT / "docs/img/wiring"
SVG = "{http://www.w3.org/2000/svg}"
DRAWINGS = sorted(FOLDER.glob("*.svg"))


def test_every_drawing_is_shown_with_words_and_none_is_missing() -> None:
    shown = re.findall(r"!\[([^\]]+)\]\(img/wiring/([\w-]+\.svg)\)", PAGE.read_text("utf-8"))
    assert sorted(name for _, name in shown) == [path.name for path in DRAWINGS]
    assert len(DRAWINGS) >= 5


@pytest.mark.parametrize("path", DRAWINGS, ids=lambda path: path.stem)
def test_a_drawing_is_well_formed_named_and_self_contained(path: object) -> None:
    text = (FOLDER / str(path)).read_text("utf-8")
    root = ET.fromstring(text)
    title, desc = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert desc is not None
    assert " / " in (title.text or ""), "Vietnamese / English"
    assert len(desc.text or "") > 80
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == f"{title.get('id')} {desc.get('id')}"
    urls = set(re.findall(r"https?://[^\"' )]+", text)) - {"http://www.w3.org/2000/svg"}
    assert not urls, "nothing is fetched from anywhere"


@pytest.mark.parametrize("path", DRAWINGS, ids=lambda path: path.stem)
def test_a_drawing_brings_its_own_ground_and_stays_within_it(path: object) -> None:
    """Dark ink needs a light ground of its own, or it vanishes on a dark page."""
    root = ET.fromstring((FOLDER / str(path)).read_text("utf-8"))
    _, _, width, height = map(float, (root.get("viewBox") or "").split())
    ground = root.find(f"{SVG}rect")
    assert ground is not None
    assert ground.get("class") == "card"
    assert (float(ground.get("width", 0)), float(ground.get("height", 0))) == (width - 2, height - 2)
    for words in root.iter(f"{SVG}text"):
        if "transform" not in words.attrib:
            assert 0 < float(words.attrib["x"]) < width, words.text
            assert 0 < float(words.attrib["y"]) < height, words.text


def test_the_table_of_pins_is_what_the_agent_allows() -> None:
    part = PAGE.read_text("utf-8").partition("<!-- pins -->")[2].partition("<!-- /pins -->")[0]
    rows = re.findall(r"\| GPIO (\d+)–(\d+) \|[^|]*\| (yes|no)", part)
    said = {pin: word == "yes" for low, high, word in rows for pin in range(int(low), int(high) + 1)}
    assert said == {pin: pin in SAFE_PINS for pin in range(28)}
    assert said == {pin: not check([RelayConfig("codec", pin)]) for pin in range(28)}
