"""docs/commands.md: every program, command and flag, written from the parsers themselves.

Not from the text of `--help`, which looks different from one Python to the next.
"""

from __future__ import annotations

import argparse
import importlib
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]


def programs() -> dict[str, argparse.ArgumentParser]:
    """The parser of every program that the distribution installs.

    Beside its entry point each module has functions without arguments, `parser` or `<what>_parser`; the one whose
    `prog` is the program's name is its own.
    """
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]
    found: dict[str, argparse.ArgumentParser] = {}
    for name, target in scripts.items():
        module = importlib.import_module(target.partition(":")[0])
        makers = [value for key, value in vars(module).items() if key == "parser" or key.endswith("_parser")]
        found.update((parser.prog, parser) for parser in (make() for make in makers) if parser.prog == name)
    return found


def commands(parser: argparse.ArgumentParser, name: str) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """The parser itself and those of all its commands, with the words one types."""
    yield name, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, inner in action.choices.items():
                yield from commands(inner, f"{name} {word}")


def options(parser: argparse.ArgumentParser) -> list[tuple[str, str]]:
    """What may be given: how it is written, and what it means."""
    rows = []
    for action in parser._actions:
        if isinstance(action, argparse._HelpAction | argparse._SubParsersAction) or action.help == argparse.SUPPRESS:
            continue
        metavar = action.metavar or (action.dest.upper() if action.nargs != 0 else "")
        value = "|".join(map(str, action.choices)) if action.choices else str(metavar)
        written = f"{', '.join(action.option_strings)} {value}".strip() if action.option_strings else str(value)
        rows.append((written, _meaning(action)))
    return rows


def _meaning(action: argparse.Action) -> str:
    if isinstance(action, argparse._VersionAction):
        return "print the version and end"
    text = action.help or ""
    plain = action.default not in (None, argparse.SUPPRESS, False, True) and action.option_strings
    return text % {"default": action.default, "dest": action.dest} + (
        f" (default {action.default})" if plain and "default" not in text else ""
    )


def page() -> str:
    """The whole page."""
    parts = [
        "<!-- Written by `make docs` from the programs' own parsers. Do not edit. -->",
        "# Commands",
        "Every program takes `--help`. In a working copy they stand in `.venv/bin`; `make demo` calls the first one.",
    ]
    for program, parser in programs().items():
        for name, inner in commands(parser, program):
            parts.append(f"{'##' if name == program else '###'} `{name}`")
            told = inner.description or _help_of(parser, name.removeprefix(program).split())
            if told:
                parts.append(told.strip())
            rows = options(inner)
            if rows:
                table = "\n".join(f"| `{_cell(written)}` | {_cell(text)} |" for written, text in rows)
                parts.append(f"| | |\n|---|---|\n{table}")
    return "\n\n".join(parts) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _help_of(parser: argparse.ArgumentParser, words: list[str]) -> str:
    """The help line under which a command stands in its parent."""
    text = ""
    for word in words:
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction) and word in action.choices:
                text = next((c.help or "" for c in action._choices_actions if c.dest == word), "")
                parser = action.choices[word]
    return text
