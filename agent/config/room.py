"""One room's configuration as plain, checked data. `agent.settings` makes it from file, environment and secrets."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from zlib import crc32

from agent.config.channel import RelayConfig, check
from agent.config.devices import RoomConfig
from agent.config.pace import LONGEST, SHORTEST, shortened
from agent.core.policy import Guards, Policy, Thresholds, make_policy
from agent.core.remedies import LOADS, Load
from agent.uplink.publisher import BrokerConfig

SENTENCE_MAX = 1500


class ConfigError(Exception):
    """The configuration cannot be used. `problems` holds one sentence for each mistake: where, what, and the mend."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = [problem[:SENTENCE_MAX] for problem in problems]


@dataclass(frozen=True, slots=True)
class LoadConfig:
    """What a room says of one load; None leaves the catalogue's value (`agent.core.remedies`)."""

    boot_s: float | None = None
    """Seconds from power to serving. 1 to 1800."""
    off_s: float | None = None
    """How long a cycle keeps it off. 1 to 120 s."""
    hold_on_s: float | None = None
    """Shortest time between two restarts. At least 180 s for equipment."""
    budget_per_hour: int | None = None
    budget_per_day: int | None = None
    cycles_per_hour: int | None = None
    cycles_per_day: int | None = None
    never_cut: bool | None = None
    """True for a projector: its lamp has to cool before its power goes. No relay cuts it then."""


HOLD_ON_MIN_S = 180.0
"""Electronics are not restarted more often than every 3 min (rooms-vn, guards); a room may only ask for more."""


@dataclass(frozen=True, slots=True)
class AgentConfig:
    """Everything the agent is told."""

    room: str
    state_dir: str = "/var/lib/diemcau"
    broker: BrokerConfig = field(default_factory=BrokerConfig)
    root_key: str = ""
    """Public half of the root key: who has signed the list of keys that may order. Empty: nobody may."""
    accept_unsigned: bool = False
    """Whether orders and desired documents without a signature are obeyed. Only for demonstrations on one machine."""
    probes: RoomConfig = field(default_factory=RoomConfig)
    relays: tuple[RelayConfig, ...] = ()
    loads: dict[str, LoadConfig] = field(default_factory=dict)
    thresholds: Thresholds = field(default_factory=Thresholds)
    guards: Guards = field(default_factory=Guards)
    phones: dict[str, str] = field(default_factory=dict)
    disabled: tuple[str, ...] = ()
    time_scale: float = 1.0

    def policy(self, apis: frozenset[str]) -> Policy:
        """The engine's policy for these settings and the API remedies of the fitted devices."""
        loads = {name: self._load(name) for name in self.loads}
        if self.probes.display is not None and self.probes.display.never_cut:
            loads["display"] = replace(loads.get("display", LOADS["display"]), never_cut=True)
        plain = make_policy(
            loads,
            relays=frozenset(relay.load for relay in self.relays),
            apis=apis,
            thresholds=self.thresholds,
            guards=self.guards,
            disabled=frozenset(self.disabled),
            phones=self.phones,
            room_hash=crc32(self.room.encode()) / 2**32,
        )
        return shortened(plain, self.time_scale)

    def _load(self, name: str) -> Load:
        asked = self.loads[name]
        given = {f.name: getattr(asked, f.name) for f in fields(asked) if getattr(asked, f.name) is not None}
        return replace(LOADS[name], **given)

    def problems(self) -> list[str]:
        """What is wrong beyond the types, a sentence each; empty when the room may start."""
        found = check(self.relays)
        for relay in self.relays:
            known = LOADS.get(relay.load)
            if known is None or not known.on_relay:
                names = ", ".join(sorted(name for name, load in LOADS.items() if load.on_relay))
                found.append(f"relays.{relay.load}: không có thiết bị này / no such load; use one of {names}")
            elif relay.contact == "no" and not known.may_stay_off:
                found.append(
                    f"relays.{relay.load}.contact: thiết bị phải đấu tiếp điểm thường đóng"
                    f' / equipment must hang on the normally closed contact: set contact = "nc" and wire it so'
                )
        for name, asked in self.loads.items():
            if name not in LOADS:
                found.append(
                    f"loads.{name}: không có thiết bị này / no such load; use one of {', '.join(sorted(LOADS))}"
                )
                continue
            if asked.off_s is not None and not 1 <= asked.off_s <= 120:
                found.append(f"loads.{name}.off_s: phải từ 1 đến 120 giây / must be 1 to 120 s, not {asked.off_s:g}")
            if asked.boot_s is not None and not 1 <= asked.boot_s <= 1800:
                found.append(
                    f"loads.{name}.boot_s: phải từ 1 đến 1800 giây / must be 1 to 1800 s, not {asked.boot_s:g}"
                )
            if asked.hold_on_s is not None and asked.hold_on_s < HOLD_ON_MIN_S and not LOADS[name].may_stay_off:
                found.append(
                    f"loads.{name}.hold_on_s: ít nhất 180 giây / must be at least 180 s, not {asked.hold_on_s:g}"
                )
            for key in ("budget_per_hour", "budget_per_day", "cycles_per_hour", "cycles_per_day"):
                limit = getattr(LOADS[name], key)
                value = getattr(asked, key)
                if value is not None and not 0 <= value <= limit:
                    found.append(f"loads.{name}.{key}: từ 0 đến {limit} / must be 0 to {limit}, not {value}")
        if not SHORTEST <= self.time_scale <= LONGEST:
            found.append(f"policy.time_scale: phải từ 0.01 đến 1 / must be 0.01 to 1, not {self.time_scale:g}")
        return found
