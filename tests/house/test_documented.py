"""What is not written down does not exist: these fail when a rule, a setting, a command or a topic has no words."""

from __future__ import annotations

import importlib
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

import agent.rules
import agent.settings
from tests.house.source import ROOT, docs
from tools import asyncapi, command_docs
from tools import docs as generated
from wire.event_kinds import EventKind
from wire.topics import Leaf

DOCS = ROOT / "docs"


def _text(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


def test_generated_documents_are_up_to_date() -> None:
    assert generated.stale(generated.pages()) == [], "run `make docs`"


@pytest.mark.parametrize("rule", agent.rules.load(), ids=lambda rule: rule.name)
def test_a_rule_has_a_page_and_words_in_both_languages(rule: Any) -> None:
    page = _text(f"faults/{rule.name}.md")
    for language in ("vi", "en"):
        words = rule.words[language]
        assert words.title
        assert words.steps
        fixed = re.sub(r"\[[^][]*\]", "", words.title)
        assert fixed in page, f"{rule.name}: {fixed!r} is not on its page"


@pytest.mark.parametrize("section", agent.settings.all_sections())
def test_a_setting_of_the_agent_is_documented(section: str) -> None:
    text = _text("settings.md")
    assert f"[{section}" in text or f"[[{section}" in text, f"docs/settings.md has no section [{section}]"
    missing = [name for name in agent.settings.section_fields(section) if f"`{name}`" not in text]
    assert not missing, f"docs/settings.md does not explain {section}: {missing}"


def _names(model: type[BaseModel]) -> set[str]:
    """Names of all its settings, those of nested models too."""
    names: set[str] = set()
    for name, field in model.model_fields.items():
        inner = field.annotation
        names |= _names(inner) if isinstance(inner, type) and issubclass(inner, BaseModel) else {name}
    return names


def test_a_setting_of_the_hub_is_documented() -> None:
    settings = importlib.import_module("hub.settings")
    models = [
        value
        for value in vars(settings).values()
        if isinstance(value, type) and issubclass(value, BaseModel) and value.__module__ == "hub.settings"
    ]
    assert models, "hub.settings has no pydantic model"
    text = _text("hub.md")
    names = set().union(*map(_names, models))
    missing = sorted(name for name in names if not re.search(rf"`[^`]*\b{name}\b[^`]*`", text))
    assert not missing, f"docs/hub.md does not explain {missing}"


def test_every_leaf_and_event_kind_is_in_the_contract() -> None:
    contract = yaml.safe_load(_text("asyncapi.yaml"))
    assert set(contract["channels"]) == {*Leaf, "fleet"}
    kinds = contract["components"]["schemas"]["Event"]["properties"]["kind"]["description"]
    meanings = asyncapi.field_docs(EventKind)
    assert all(f"`{kind}`: {meanings[kind.name]}" in kinds for kind in EventKind)


def test_every_program_and_command_is_documented() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]
    parsers = command_docs.programs()
    assert set(parsers) == set(scripts), "a program has no parser to document; see tools/command_docs.py"
    page = _text("commands.md")
    for program, parser in parsers.items():
        for name, inner in command_docs.commands(parser, program):
            assert f"`{name}`" in page
            bare = [
                written
                for written, text in command_docs.options(inner)
                if written.startswith("-") and not text and "|" not in written
            ]
            assert not bare, f"{name}: no help text for {bare}"


@pytest.mark.parametrize("target", re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
def test_every_make_target_is_documented(target: str) -> None:
    assert f"make {target}" in _text("development.md")


LINK = re.compile(r"!?\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("path", docs(), ids=str)
def test_links_lead_somewhere(path: Path) -> None:
    text = re.sub(r"```.*?```", "", (ROOT / path).read_text("utf-8"), flags=re.DOTALL)
    dead = [
        target
        for target in LINK.findall(text)
        if "://" not in target and not target.startswith("mailto:") and not (ROOT / path.parent / target).exists()
    ]
    assert not dead, f"{path}: {dead}"


def test_decisions_are_numbered_and_complete() -> None:
    records = sorted((DOCS / "adr").glob("[0-9]*.md"))
    numbers = [path.name[:4] for path in records]
    assert numbers == [f"{n:04d}" for n in range(1, len(records) + 1)]
    for path in records:
        text = path.read_text("utf-8")
        assert all(f"## {part}" in text for part in ("Context", "Decision", "Consequences")), path.name
