"""When a codec is asked for its settings, and when it is left alone."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from agent.devices.base import Told
from agent.probes.turns import GaveWay, OutOfTime

SETTINGS_PAUSE_S = 900.0


class SettingsPause:
    """Settings that nobody answers are left alone for a while: they must not cost every look its conversation."""

    def __init__(self) -> None:
        self._until_s = float("-inf")

    @contextlib.contextmanager
    def asked_of(self, session: Told, now_s: Callable[[], float]) -> Iterator[None]:
        """One poll."""
        session.asks_settings = now_s() >= self._until_s
        had_time = True
        try:
            yield
        except (GaveWay, OutOfTime):  # it is asked first at the next look, and has its time then
            had_time = False
            raise
        finally:
            if session.optional_silent or (session.waits_for_optional and had_time):
                session.optional_silent = False
                self._until_s = now_s() + SETTINGS_PAUSE_S
