"""Folding and sorting of Vietnamese names."""

from __future__ import annotations

import csv
import unicodedata

import pytest

from hub.core.text import fold, sort_key
from tests.hub.console.province import COMMUNES


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Như Xuân", "nhu xuan"),
        ("Đông Sơn", "dong son"),
        ("ĐÀO DUY TỪ", "dao duy tu"),
        ("Hoá", fold("Hóa")),
        (unicodedata.normalize("NFD", "Thiết Ống"), "thiet ong"),
        ("  nhiều   khoảng ", "nhieu khoang"),
    ],
)
def test_fold(text: str, folded: str) -> None:
    assert fold(text) == folded


def test_every_commune_folds_to_ascii() -> None:
    with COMMUNES.open(encoding="utf-8") as file:
        names = [row["name"] for row in csv.DictReader(file, delimiter=";")]
    assert len(names) == 166
    assert all(fold(name).isascii() for name in names)


def test_sorts_as_a_vietnamese_dictionary() -> None:
    # Letters first (a ă â, d đ, o ô ơ), tones after; plain sorting puts Đ behind Z.
    names = ["Đông", "Dương", "Âu", "Ăn", "An", "Ân", "Ơn", "Ông", "Oanh", "Zét", "ma", "mà", "mả", "mã", "má", "mạ"]
    wanted = ["An", "Ăn", "Ân", "Âu", "Dương", "Đông", "ma", "mà", "mả", "mã", "má", "mạ", "Oanh", "Ông", "Ơn", "Zét"]
    assert sorted(names, key=sort_key) == wanted
    assert sorted(["Xã 10", "Xã 2"], key=sort_key) == ["Xã 10", "Xã 2"]
