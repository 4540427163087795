"""One thing has one name: `docs/words.md` says which words name nothing of ours."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.source import PACKAGES, ROOT, python, tree

COLUMN = "not used"
DOCUMENT = "docs/words.md"


def unused() -> frozenset[str]:
    """The words of the column, as parts of names."""
    found: set[str] = set()
    at = -1
    for line in (ROOT / DOCUMENT).read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split(" | ")] if line.startswith("|") else []
        if COLUMN in cells:
            at = cells.index(COLUMN)
        elif not cells:
            at = -1
        elif 0 <= at < len(cells):
            found |= {word for word in re.split(r"[,\s]+", cells[at]) if word and not set(word) <= {"-", "|"}}
    return frozenset(found)


def names(path: Path) -> Iterator[str]:
    """Names of the module, its classes and its functions."""
    yield path.stem
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name


def parts(name: str) -> tuple[str, ...]:
    """`OrderReceived` and `order_received` alike: order, received."""
    return tuple(word.lower() for word in re.findall(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+", name))


def says(name: str, word: str) -> bool:
    """Whether a name holds the word, or the words in a row, of the column."""
    mine, theirs = parts(name), parts(word)
    return any(mine[at : at + len(theirs)] == theirs for at in range(len(mine) - len(theirs) + 1))


def test_the_document_names_words() -> None:
    assert {"Letter", "CommandReceived", "WaitingOrder"} <= unused()


@pytest.mark.parametrize("path", python(*PACKAGES), ids=str)
def test_nothing_is_called_by_another_word(path: Path) -> None:
    wrong = {f"{name}: {word}" for name in names(path) for word in unused() if says(name, word)}
    assert not wrong, f"{path} uses words that {DOCUMENT} does not: {sorted(wrong)}"


@pytest.mark.parametrize(
    ("name", "word", "held"),
    [("Letter", "Letter", True), ("DeadLetterBox", "Letter", True), ("letters", "Letter", False),
     ("WaitingOrder", "WaitingOrder", True), ("waiting_order", "WaitingOrder", True),
     ("OrderWaiting", "WaitingOrder", False)],
)  # fmt: skip
def test_parts_of_names(name: str, word: str, held: bool) -> None:
    assert says(name, word) is held
