"""Static files under names that change with their content, so that browsers may keep them for ever."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import hub.console

FOLDER = Path(hub.console.__file__).parent / "static"


@cache
def url(name: str) -> str:
    """The address of a static file, with a digest of its content as the version."""
    digest = hashlib.sha256((FOLDER / name).read_bytes()).hexdigest()[:10]
    return f"/static/{name}?v={digest}"
