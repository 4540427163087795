"""When a codec is asked for its settings, and when it is left alone."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from agent.devices.base import Told
from agent.probes.turns import GaveWay

SETTINGS_PAUSE_S = 900.0


class SettingsPause:
    """Settings that nobody answers are left alone for a while: they must not cost every look its conversation."""

    def __init__(self) -> None:
        self._until_s = -SETTINGS_PAUSE_S

    @contextlib.contextmanager
    def asked_of(self, session: Told) -> Iterator[None]:
        """One poll."""
        session.asks_settings = time.monotonic() >= self._until_s
        had_time = True
        try:
            yield
        except GaveWay:
            had_time = False
            raise
        finally:
            if session.optional_silent or (session.waits_for_optional and had_time):
                session.optional_silent = False
                self._until_s = time.monotonic() + SETTINGS_PAUSE_S
