"""What the simulator's tests share."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder with a short name: pytest's own are too long for the unix sockets in it."""
    folder = Path(tempfile.mkdtemp(prefix="dc-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
