"""`make docs`: write every generated document. `python -m tools.docs --check` only says which ones are old."""

from __future__ import annotations

import sys
from pathlib import Path

from tools import (
    asyncapi,
    command_docs,
    device_docs,
    engine_docs,
    fault_docs,
    openapi,
    safety_docs,
    sentence_docs,
    settings_docs,
)

DOCS = Path(__file__).parents[1] / "docs"


def pages() -> dict[str, str]:
    """Every generated document: path under docs/ and the text that belongs there."""
    return {
        "asyncapi.yaml": asyncapi.text(),
        "openapi.yaml": openapi.text(),
        "engine.md": engine_docs.page(),
        "safety.md": safety_docs.page(),
        "commands.md": command_docs.page(),
        "devices.md": device_docs.page(),
        "settings.md": settings_docs.page(),
        "sentences.md": sentence_docs.page(),
        **fault_docs.pages(),
    }


def stale(fresh: dict[str, str]) -> list[str]:
    """Files of docs/ that do not say what the code says, are missing, or belong to a fault that is no more."""
    left_over = [f"faults/{path.name}" for path in (DOCS / "faults").glob("*.md")]
    return [name for name, text in fresh.items() if not _same(DOCS / name, text)] + [
        name for name in left_over if name not in fresh
    ]


def _same(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text("utf-8") == text


def main() -> int:
    """Entry point."""
    try:
        fresh = pages()
    except device_docs.NothingSaidError as fault:
        sys.stderr.write(f"{fault}\n")
        return 1
    old = stale(fresh)
    if "--check" in sys.argv[1:]:
        sys.stdout.writelines(f"docs/{name} is old: run make docs\n" for name in old)
        return 1 if old else 0
    for name in old:
        path = DOCS / name
        if name in fresh:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(fresh[name], "utf-8")
        else:
            path.unlink()
        sys.stdout.write(f"docs/{name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
