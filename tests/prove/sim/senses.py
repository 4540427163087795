"""What the probes say: the truth as `sim.observe` has it, and then what a lying sensor makes of it.

One limit: of the two witnesses of a call, the codec's word and its draw, one at least is honest and speaks at any
moment. With both lying no agent could know of a call; docs/safety.md says so.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass

from agent.core.facts import FACTS, NoReading, Reading
from sim import observe
from tests.prove.sim.place import Place

LOOK_S = {"codec": 10.0, "power": 10.0, "network": 10.0, "air": 30.0}
"""How often each probe looks (the real ones' defaults)."""
LOOK_TAKES_S = {"power": 0.5, "codec": 2.5}
"""How long a look at a witness of a call may take when it is asked for."""
SILENT_S = 8.0
"""A codec that says nothing is waited for this long (the probe's default)."""
WORDS = frozenset(observe.CODEC_SAID)


@dataclass(slots=True)
class Lie:
    """What is wrong with one fact."""

    kind: str
    """`silent`, `stale`, `stuck`, `noisy`, `milli` (wrong unit), `flip`, `high`, `low`."""
    held: Reading | None = None


class Senses:
    """Readings of one room."""

    def __init__(self, place: Place, dice: random.Random) -> None:
        self._place = place
        self._dice = dice
        self.lies: dict[str, Lie] = {}

    def look(self, probe: str, now_s: float, synced: bool) -> dict[str, Reading]:
        """What this probe says at a true moment."""
        self._place.room.advance(now_s)
        readings = self._told(probe, self._truth(probe, synced))
        return dict(readings)

    def _truth(self, probe: str, synced: bool) -> dict[str, Reading]:
        place, dice = self._place, self._dice
        room = place.room
        match probe:
            case "codec":
                found = observe.codec(room)
                camera = room.devices["camera"]
                found["codec.camera"] = camera.serving(room.now_s)
                found["codec.mic_connected"] = place.mic
                if found["codec.api"] is not True:
                    found |= dict.fromkeys(WORDS, NoReading("timeout"))
                found["pc.alive"] = room.mains.present and room.devices["pc"].serving(room.now_s)
                found["pc.app_running"] = place.pc_app if found["pc.alive"] else NoReading("timeout")
            case "power":
                found = observe.power(room, dice)
            case "network":
                found = observe.network(room) | observe.line(room, dice)
                found["net.clock_synced"] = synced
            case _:
                found = observe.air(room, dice)
        return found

    def _told(self, probe: str, truth: dict[str, Reading]) -> Iterable[tuple[str, Reading]]:
        if probe == "codec" and "codec.api" in self.lies and self._meter_honest():
            # Not the codec fails but our way to it, e.g. its password was changed.
            truth |= {"codec.api": False} | dict.fromkeys(WORDS, NoReading("denied"))
        for key, value in truth.items():
            lie = self.lies.get(key)
            if (
                lie is None
                or key == "codec.api"
                or (key == "codec.in_call" and not self._meter_honest())
                or (key == "codec.draw_w" and not self.word_honest())
            ):
                yield key, value
            else:
                yield key, self._lied(key, lie, value)

    def word_honest(self) -> bool:
        """Whether the codec itself answers, and truly."""
        room = self._place.room
        lied = "codec.api" in self.lies or "codec.in_call" in self.lies
        return not lied and room.gateway_up() and room.codec.answers(room.now_s)

    def _meter_honest(self) -> bool:
        return "codec.draw_w" not in self.lies and self._place.room.backed()

    def _lied(self, key: str, lie: Lie, truth: Reading) -> Reading:
        if lie.kind in ("silent", "stale"):
            return NoReading("timeout" if lie.kind == "silent" else "stale")
        if lie.held is None:
            lie.held = truth
        if lie.kind == "stuck" or isinstance(truth, NoReading):
            return lie.held
        if isinstance(truth, bool):
            return not truth
        if isinstance(truth, str):
            return truth
        spec = FACTS[key]
        match lie.kind:
            case "noisy":
                return round(truth * self._dice.uniform(0.5, 1.6), 1)
            case "milli":
                return truth / 1000
            case "high":
                return spec.high if spec.high is not None else truth * 10
            case _:
                return spec.low if spec.low is not None else 0.0
