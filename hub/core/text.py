"""Vietnamese text: folding for search, and a key that sorts as a Vietnamese dictionary does.

Folding is lossy and for search alone: "nhu xuan" finds "Như Xuân". Names are stored in NFC and never altered.
"""

from __future__ import annotations

import unicodedata

_TONES = "\u0300\u0309\u0303\u0301\u0323"
"""Huyền, hỏi, ngã, sắc, nặng: the dictionary's order of tones, after the bare letter."""
_LETTERS = "aăâbcdđeêfghijklmnoôơpqrstuưvwxyz"
_RANK = {letter: chr(0x30 + index) for index, letter in enumerate(_LETTERS)}


def fold(text: str) -> str:
    """Lower case without marks, đ as d, runs of blanks as one. Both spellings of "Hoá" and "Hóa" come out the same."""
    bare = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    return " ".join("".join(char for char in bare if not unicodedata.combining(char)).split())


def sort_key(text: str) -> str:
    """A string that sorts as the text does in Vietnamese: first by letters (d before đ, o ô ơ apart), then by tones."""
    letters: list[str] = []
    tones: list[str] = []
    for char in unicodedata.normalize("NFC", text.casefold()):
        parts = unicodedata.normalize("NFD", char)
        tone = next((mark for mark in parts if mark in _TONES), "")
        letter = unicodedata.normalize("NFC", "".join(part for part in parts if part not in _TONES))
        # Letters rank above digits and blanks, which keep their own order below them.
        letters.append("~" + _RANK[letter] if letter in _RANK else letter)
        tones.append(str(_TONES.index(tone) + 1) if tone else "0")
    return "".join(letters) + "\x01" + "".join(tones)
