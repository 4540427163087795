"""The conference PC: its software opens by itself when it starts, and may go while the PC lives on."""

from __future__ import annotations

from sim.physics.device import Device, Profile


class Pc(Device):
    """See the module."""

    def __init__(self, profile: Profile, now_s: float) -> None:
        super().__init__(profile, now_s)
        self.app = True
        """Its conference software is open; whether that runs is also a matter of the PC."""

    def _reset(self, now_s: float) -> None:
        super()._reset(now_s)
        self.app = True

    def app_runs(self, now_s: float) -> bool:
        """Whether the conference software runs."""
        return self.app and self.serving(now_s)

    def open_app(self, now_s: float) -> bool:
        """Obey an order to open it anew. False when the PC cannot."""
        if not self.serving(now_s):
            return False
        self.app = True
        return True
