"""A room for tests of the engine: time moves when the test says so, and every effect is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import agent.rules
from agent.core.engine import initial, step
from agent.core.events import Effect, Event, Observed, Record, RecordKind, RemedyDone, StartRemedy, Tick
from agent.core.facts import FACTS, Instant, Observation, Reading
from agent.core.phases import Phase
from agent.core.policy import Policy, Thresholds, make_policy
from agent.core.remedies import LOADS, REMEDIES, Method
from agent.core.state import RoomState

ALL_RELAYS = frozenset(name for name, load in LOADS.items() if load.on_relay) - {"pc"}
APIS = frozenset(name for name, remedy in REMEDIES.items() if remedy.method is Method.API)
WALL_S = 1_790_000_000.0

FULL: dict[str, Reading] = {key: spec.good for key, spec in FACTS.items()}
"""A good room that has everything, in no call."""
WATCHED = frozenset(key for rule in agent.rules.load() for key in rule.watches)
SPARE = frozenset({
    "codec.tcp", "codec.sip", "codec.display_out", "codec.rx_loss_pct", "codec.tx_loss_pct", "codec.jitter_ms",
    "codec.temp_c", "codec.overheated", "display.draw_w", "display.power", "display.input_right",
    "display.picture_muted", "display.temp_c", "display.lamp_h", "camera.api", "camera.power", "net.beyond",
    "hub.session", "self.cpu_pct", "self.rss_mb",
})  # fmt: skip
"""Further witnesses of what another fact tells already: a test fits the one that it is about."""
IDLE: dict[str, Reading] = {key: FULL[key] for key in FULL if key in WATCHED - SPARE}
"""A good room with what the rules watch, one witness for each thing, in no call."""


def policy(**changes: object) -> Policy:
    """The policy of a fully fitted room with a calibrated meter."""
    made = make_policy(relays=ALL_RELAYS, apis=APIS, thresholds=Thresholds(call_draw_w=40.0))
    return replace(made, **changes)  # type: ignore[arg-type]


@dataclass
class World:
    """One room, its time and what has come out of it."""

    state: RoomState = field(default_factory=lambda: initial(policy(), agent.rules.load()))
    mono_s: float = 1000.0
    synced: bool = True
    effects: list[Effect] = field(default_factory=list)

    @property
    def now(self) -> Instant:
        return Instant(self.mono_s, WALL_S + self.mono_s, self.synced)

    def feed(self, event: Event) -> tuple[Effect, ...]:
        self.state, effects = step(self.state, event, self.now)
        self.effects += effects
        return effects

    def see(self, readings: Mapping[str, Reading], source: str = "test") -> tuple[Effect, ...]:
        return self.feed(Observed(Observation(source, readings)))

    def run(self, readings: Mapping[str, Reading], seconds: float, every_s: float = 10.0) -> None:
        """Look every `every_s` for so many seconds, ticking each second, without finishing any act."""
        end_s = self.mono_s + seconds
        next_look_s = self.mono_s
        while self.mono_s < end_s:
            if self.mono_s >= next_look_s:
                self.see(readings)
                next_look_s += every_s
            self.feed(Tick())
            self.mono_s += 1.0

    def started(self) -> list[StartRemedy]:
        return [e for e in self.effects if isinstance(e, StartRemedy)]

    def remedies(self) -> list[str]:
        return [e.remedy.name for e in self.started()]

    def records(self, kind: RecordKind) -> list[Record]:
        return [e for e in self.effects if isinstance(e, Record) and e.kind == kind]

    def finish(self, *, ok: bool = True, reason: str = "") -> None:
        """Report the latest act."""
        self.feed(RemedyDone(self.started()[-1].act.act_id, ok, reason, {"off_s": 15.0}))

    def phase(self, rule: str) -> Phase:
        return self.state.fault(rule).phase
