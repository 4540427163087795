"""No raw word is shown: every reason that stands in the source is known to a catalogue or to the rule that gives it."""

from __future__ import annotations

import ast
import re
import sqlite3
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import get_args

import pytest

import agent.rules
from agent.transports.errors import Kind
from hub.console.words import LANGUAGES, Words, words
from tests.house.source import ROOT
from tests.hub.console.conftest import PLAIN, Client

NAMES = ("reason", "refused")
"""What a parameter, field or keyword is called that carries a reason."""
NOT_SHOWN = {"unknown", "_note", "_abandon"}
"""A verdict that opens no fault; what the fleet's journal says; an exchange with a codec, whose readings say it."""
RETURNED = {
    "agent/uplink/trust.py": ("",), "agent/uplink/session.py": ("",), "hub/changes/orders.py": ("",),
    "hub/signer/rules.py": ("signer_",), "wire/bounds.py": ("", "signer_"),
}  # fmt: skip
"""Modules whose functions give a reason back as a plain string, and what is put before it where it is told."""
RULES = {rule.name: rule for rule in agent.rules.load()}
OF_RULES = {f"reason.{reason}" for rule in RULES.values() for reason in rule.words["vi"].reasons}


@cache
def _trees() -> dict[str, ast.Module]:
    paths = [path for part in ("agent", "hub", "wire") for path in (ROOT / part).rglob("*.py")]
    return {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text("utf-8")) for path in paths}


def _texts(node: ast.expr | None) -> Iterator[str]:
    """The plain strings that an expression may give."""
    match node:
        case ast.Constant(value=str(text)) if text:
            yield text
        case ast.IfExp(body=one, orelse=other):
            yield from _texts(one)
            yield from _texts(other)
        case ast.BoolOp(values=several):
            for one in several:
                yield from _texts(one)
        case ast.Tuple(elts=[first, *_]):
            yield from _texts(first)
        case _:
            return


@cache
def _places() -> dict[str, set[int]]:
    """At which places functions and classes of ours take a reason."""
    found: dict[str, set[int]] = {}
    for node in (node for tree in _trees().values() for node in ast.walk(tree)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names = [one.arg for one in node.args.args if one.arg not in ("self", "cls")]
        elif isinstance(node, ast.ClassDef):
            names = [s.target.id for s in node.body if isinstance(s, ast.AnnAssign) and isinstance(s.target, ast.Name)]
        else:
            continue
        found.setdefault(node.name, set()).update(n for n, name in enumerate(names) if name in NAMES)
    return found


def _given() -> Iterator[tuple[str, str, str]]:
    """Every reason that is handed on as a literal: key of the catalogue, and where it stands."""
    for path, tree in _trees().items():
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            name = getattr(call.func, "id", getattr(call.func, "attr", ""))
            if name in NOT_SHOWN:
                continue
            kind = {"NoReading": "silent", "Marked": "error"}.get(name, "reason")
            args = [arg for n, arg in enumerate(call.args) if n in _places().get(name, ())]
            for value in [*args, *(k.value for k in call.keywords if k.arg in NAMES)]:
                for text in _texts(value):
                    yield f"{kind}.{text}", path, f"{path}:{call.lineno}"


def _returned() -> Iterator[tuple[str, str]]:
    for path, prefixes in RETURNED.items():
        for node in (node for node in ast.walk(_trees()[path]) if isinstance(node, ast.Return)):
            for text in _texts(node.value):
                yield from ((f"reason.{prefix}{text}", f"{path}:{node.lineno}") for prefix in prefixes)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_in_the_source_has_words(language: str) -> None:
    t = words(language)
    given = [(key, where) for key, _, where in _given()] + list(_returned())
    assert len(given) > 200
    raw = sorted({f"{key} ({where})" for key, where in given if not _is_told(t, key)})
    assert not raw, f"give these words in hub/console/i18n/{language}.json, or in the rule's own: {raw}"


def _is_told(t: Words, key: str) -> bool:
    kind, _, raw = key.partition(".")
    return t.has(key) or (kind == "reason" and (t.why(raw) != t("now.other_reason") or key in OF_RULES))


@pytest.mark.parametrize(
    "path", sorted(Path(agent.rules.__file__).parent.glob("[a-z]*.py")), ids=lambda path: path.stem
)
def test_a_rule_says_every_reason_it_gives(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    given = {
        text
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id in ("faulty", "healthy") and len(call.args) > 1
        for text in _texts(call.args[1])
    }
    told = RULES[path.stem].words
    assert all(given <= one.reasons.keys() for one in told.values()), given


def test_whatever_a_line_fails_of_has_words() -> None:
    for t in map(words, LANGUAGES):
        assert all(t.why(kind) != t("now.other_reason") for kind in get_args(Kind))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_reason_of_a_newer_room_is_not_shown_raw(language: str) -> None:
    t = words(language)
    assert t.why("brand_new") == t.reason({}, "brand_new") == t("now.other_reason")
    assert t.why("in_call") == t("reason.in_call")
    assert t.why("link") == t("silent.link")


RAW = re.compile(r"(?<![\w./@-])[a-z]+(?:_[a-z]+)+(?![\w./@-])")
"""A word as programs write it."""
SETTINGS = {"require_totp_for_admins"}
"""These are to be written into a file just so."""


def test_no_page_shows_a_raw_word(client: Client, db_path: Path) -> None:
    with sqlite3.connect(db_path) as db:
        incidents = [f"/incidents/{row[0]}" for row in db.execute("SELECT id FROM incidents")]
        rooms = [f"/rooms/{row[0]}" for row in db.execute("SELECT DISTINCT room FROM incidents")]
        db.execute("UPDATE users SET role = 'admin' WHERE name = 'thu.ha'")
    found: set[str] = set()
    for path in (*PLAIN, "/triage?tab=done", "/audit", "/users", *incidents, *rooms):
        text = client.get(path).text
        shown = re.sub(r"<(script|style)\b.*?</\1>", "", text, flags=re.DOTALL)
        told = re.findall(r'(?:title|aria-label|placeholder|alt)="([^"]*)"', shown)
        found |= {
            f"{path}: {word}"
            for one in (re.sub(r"<[^>]*>", "\n", shown), *told)
            for word in {*RAW.findall(one)} - SETTINGS
        }
    assert not found
