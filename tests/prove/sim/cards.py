"""What becomes of the card in a board: it works or not, is there or not, and may be copied."""

from __future__ import annotations

from pathlib import Path


def take_away(database: Path) -> bool:
    """Let the database be impossible to open: its name belongs to a folder meanwhile. False when it is so already."""
    away = database.with_name("away")
    if away.exists():
        return False
    away.mkdir()
    for part in database.parent.glob("room.db*"):
        part.rename(away / part.name)
    database.mkdir()
    return True


def bring_back(database: Path) -> None:
    """The database can be opened again."""
    away = database.with_name("away")
    if away.exists():
        database.rmdir()
        for part in away.iterdir():
            part.rename(database.with_name(part.name))
        away.rmdir()
