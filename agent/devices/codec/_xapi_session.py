"""What the conversations with a Cisco codec have in common, whatever carries them: its orders, and what is compared.

Orders are written as `Audio/Volume/Set Level=50`, and settings as their path and value; each family puts them into its
own tongue. Unverified [M]: `Audio Volume Set` and `Unmute`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from agent.core.facts import NoReading, Reading
from agent.devices.base import Login
from agent.devices.codec._baseline import KEYS as SETTINGS_KEYS
from agent.devices.codec._baseline import REMEDY, Baseline
from agent.devices.codec._xapi_facts import CALLS, DECIDED_BY, facts_of
from agent.devices.codec._xapi_media import KEYS as MEDIA_KEYS
from agent.devices.codec._xapi_media import CallMedia
from agent.devices.codec._xapi_replies import Values
from agent.devices.codec._xapi_settings import settings_read
from agent.devices.inquiry import Inquiry, Query, in_turn

KEYS = (*facts_of({}, False), *MEDIA_KEYS, *SETTINGS_KEYS)
REMEDIES = frozenset({"codec_restart", "codec_wake", "codec_volume_restore", "codec_unmute", REMEDY})
RESTART, OLD_RESTART = "SystemUnit/Boot Action=Restart", "Boot"
"""CE and RoomOS know the first; TC, which does not, the second."""
ORDERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "codec_restart": (RESTART, OLD_RESTART),
        "codec_wake": ("Standby/Deactivate",),
        "codec_unmute": ("Audio/Microphones/Unmute",),
    }
)


class XapiInquiry(Inquiry[Values]):
    """See the module."""

    decided_by = DECIDED_BY
    orders_by_remedy = ORDERS

    def __init__(self, login: Login) -> None:
        super().__init__(login)
        self._media = CallMedia()
        self._baseline = Baseline()

    def _order_text(self, order: str) -> str:
        """An order in the family's tongue."""
        return order

    def _setting_text(self, path: str, value: str) -> str:
        """A setting that is to be written, in the family's tongue."""
        return f"{path}\n{value}"

    def _call_queries(self) -> Sequence[Query]:
        return [Query(path, path) for path in CALLS]

    def _orders(self, remedy: str) -> Sequence[Query]:
        if remedy == "codec_volume_restore":
            level = max(0, min(100, round(self.volume_pct)))
            louder, audible = (
                self._order_text(f"Audio/Volume/Set Level={level}"),
                self._order_text("Audio/Volume/Unmute"),
            )
            return [Query(remedy, louder, remedy), Query(remedy, audible, remedy, also=True)]
        if remedy == REMEDY:
            changes = self._baseline.orders(self.wanted)
            return in_turn(remedy, [self._setting_text(path, value) for path, value in changes.items()])
        return [Query(remedy, self._order_text(order), remedy) for order in self.orders_by_remedy.get(remedy, ())]

    def _compared(
        self, facts: Mapping[str, Reading], answers: Mapping[str, Values | NoReading]
    ) -> Mapping[str, Reading]:
        settings = self._baseline.completed(self.wanted, settings_read(self.wanted, answers))
        return self._media.look(facts, answers) | settings
