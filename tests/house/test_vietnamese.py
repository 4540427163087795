"""People are told things in their own words: what the field does not say stands in no catalogue, rule or document."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

import agent.rules
from agent.core.remedies import REMEDIES
from agent.core.rule import Words
from tests.house.source import ROOT

LANGUAGES = ("vi", "en")
VIETNAMESE_DOCUMENTS = ("docs/operators.md", "docs/technicians.md")
NOT_SAID = {
    "vi": {
        r"\bnghe (được|lại được) (phòng|{n}|\d)": "đang kết nối",
        r"\bphòng nghe được\b": "phòng đang kết nối",
        r"\b(không còn|vẫn|còn) nghe( phòng)?\b": "(không) nhận được dữ liệu",
        r"\bhub\b": "máy chủ trung tâm",
        r"\bbước (xác nhận )?thứ hai\b": "xác thực hai bước",
        r"\bdùng gần nhất\b": "lần hoạt động gần nhất",
        r"\bthôi nhận\b": "bỏ nhận",
        r"\bcảnh báo an toàn\b": "cảnh báo an ninh",
        r"\bđã quay lại\b": "đã khôi phục phiên bản trước",
        r"\bbộ chuyển mạch\b": "switch",
        r"\bcông tơ\b": "mô-đun đo điện",
        r"\bkhông mang khóa\b": "không chứa khóa",
        r"\bcổng hình\b": "ngõ vào hình",
        r"\bcổng ra\b": "gateway",
        r"\btạm gác\b": "tạm ẩn",
        r"\bbo mạch\b": "bộ giám sát",
        r"\b(cầu dao|át-tô-mát|áp-tô-mát)\b": "aptomat",
        r"\bbản vá\b": "bản cập nhật",
        r"\bmật khẩu hiện nay\b": "mật khẩu hiện tại",
        r"\btương lai\b": "sau giờ hiện tại",
        r"\b[Bb]ạn\b": "anh/chị",
    },
    "en": {
        r"\b(rooms|is|being) heard\b": "connected",
        r"\bhearing {n}": "connected",
        r"\bsecond step\b": "two-step verification",
        r"\bgo(ing|ne) back\b": "version before restored",
    },
}
"""Calques and second names, with what is said instead. Compared without regard to case."""
ELSEWHERE = {"vi": r"hub\.toml|diemcau-hub|codec\w*", "en": r"$^"}
"""Names of files, commands and facts: no words."""
SWITCHES_ON = re.compile(r"\bbật (?!micro|điều hòa|hết đèn|máy phát|thiết bị khi còn)", re.IGNORECASE)
TOUCHES = re.compile(r"(?i)^(?!không|xem|kiểm tra)(?=.*\b(ấn chặt|cắm|rút|chạm vào|sờ|lau)\b)")
"""A Vietnamese step that puts a hand to a plug, a socket or a lead."""
DRY = re.compile(r"(?i)\b(khô|ướt)\b")


def sentences(language: str) -> Iterator[tuple[str, str]]:
    """Every sentence that people are told in a language, with where it stands."""
    texts = json.loads((ROOT / f"hub/console/i18n/{language}.json").read_text("utf-8"))
    yield from ((f"{language}.json {key}", text) for key, text in texts.items())
    for rule in agent.rules.load():
        said = rule.words[language]
        told = (said.name, said.title, *said.steps, *said.working, *said.power, *said.reasons.values())
        yield from ((f"rule {rule.name}", text) for text in told)
    yield from ((f"remedy {name}", getattr(remedy, language)) for name, remedy in REMEDIES.items())
    if language == "vi":
        for document in VIETNAMESE_DOCUMENTS:
            lines = (ROOT / document).read_text("utf-8").splitlines()
            yield from ((f"{document}:{number}", line) for number, line in enumerate(lines, 1))


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_said_in_other_words(language: str) -> None:
    wrong = [
        f"{where}: {found.group()!r}, say {right!r}"
        for where, text in sentences(language)
        for other, right in NOT_SAID[language].items()
        if (found := re.search(other, re.sub(ELSEWHERE[language], "", text), re.IGNORECASE))
    ]
    assert not wrong, "\n".join(wrong)


def test_the_page_of_sentences_holds_every_one_of_the_console() -> None:
    page = (ROOT / "docs/sentences.md").read_text("utf-8")
    texts = {lang: json.loads((ROOT / f"hub/console/i18n/{lang}.json").read_text("utf-8")) for lang in LANGUAGES}
    rows = {key: f"| `{key}` | {text} | {texts['en'][key]} |" for key, text in texts["vi"].items()}
    missing = [key for key, row in rows.items() if row not in page]
    assert not missing, missing


@pytest.mark.parametrize("rule", [rule.name for rule in agent.rules.load()])
def test_a_hand_goes_only_to_what_is_dry(rule: str) -> None:
    """Steps that take power away are told after a sentence on dry hands and sockets; any other has to say it itself."""
    said: Words = next(one for one in agent.rules.load() if one.name == rule).words["vi"]
    wet = [step for step in (*said.steps, *said.working) if TOUCHES.search(step) and not DRY.search(step)]
    assert not wet, f"{rule}: say that it must be dry: {wet}"


@pytest.mark.parametrize("rule", [rule.name for rule in agent.rules.load()])
def test_what_switches_equipment_on_says_so(rule: str) -> None:
    """It is left out while equipment is wet. Lamps and air conditioners are no equipment of the room's."""
    said: Words = next(one for one in agent.rules.load() if one.name == rule).words["vi"]
    assert [step for step in said.steps if SWITCHES_ON.search(step) and step not in said.on] == []


@pytest.mark.parametrize(
    ("step", "touches"),
    [
        ("Ấn chặt đầu dây nguồn vào bộ giám sát.", True),
        ("Lau ổ cắm.", True),
        ("Không rút điện UPS.", False),
        ("Xem phích điện của máy họp có cắm không.", False),
        ("Gọi nhà mạng.", False),
    ],
)
def test_what_touches(step: str, touches: bool) -> None:
    assert bool(TOUCHES.search(step)) is touches
