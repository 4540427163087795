"""How well a Cisco codec's call arrives: what its channels lost since the last look.

Source: device facts, "media": CE 8.3 and later, `MediaChannels Call n Channel m {Type, Direction, Netstat {Packets,
Loss, MaxJitter}}`. Packets and Loss count from the channel's beginning, so only the difference between two looks says
how the line is now. Asked only while a call is up: an idle look stays as short as it was.
"""

from __future__ import annotations

from collections.abc import Mapping

from agent.core.facts import SLOW, NoReading, Reading
from agent.devices.base import checked, number
from agent.devices.codec._xapi_replies import Values

MEDIA = "MediaChannels"
KEYS = ("codec.rx_loss_pct", "codec.tx_loss_pct", "codec.jitter_ms")
WAYS = {"incoming": "codec.rx_loss_pct", "outgoing": "codec.tx_loss_pct"}
CHANNELS_MAX = 100
Counts = tuple[float, float]
"""Packets that came, and packets lost."""


class CallMedia:
    """Remembers the counters of the last look. Which facts it gives: `KEYS`."""

    def __init__(self) -> None:
        self._before: dict[str, Counts] = {}
        self._in_call = False

    @property
    def queries(self) -> tuple[str, ...]:
        """What to ask in this poll besides: the channels, when the last look found a call."""
        return (MEDIA,) if self._in_call else ()

    def look(self, facts: Mapping[str, Reading], answers: Mapping[str, Values | NoReading]) -> dict[str, Reading]:
        """The facts of the call's quality; `facts` are the others of the same poll."""
        answer = answers.get(MEDIA, NoReading("absent"))
        if SLOW in (answer, facts.get("codec.in_call")):
            return dict.fromkeys(KEYS, SLOW)  # the look after this one is compared with the one before it
        self._in_call = facts.get("codec.in_call") is True
        if not self._in_call or isinstance(answer, NoReading):
            self._before = {}
            none = answer if self._in_call and isinstance(answer, NoReading) else NoReading("absent")
            return dict.fromkeys(KEYS, none)
        return self._counted(answer)

    def _counted(self, values: Values) -> dict[str, Reading]:
        before, self._before = self._before, {}
        carried = dict.fromkeys(WAYS, 0.0)
        lost = dict.fromkeys(WAYS, 0.0)
        compared: set[str] = set()
        jitters: list[float] = []
        for channel in _channels(values):
            way = (values.get(*channel, "Direction") or "").lower()
            packets, gone = (_count(values, *channel, "Netstat", name) for name in ("Packets", "Loss"))
            if way not in WAYS or packets is None or gone is None:
                continue
            name = " ".join((*channel, way))
            self._before[name] = (packets, gone)
            jitter = _count(values, *channel, "Netstat", "MaxJitter")
            if way == "incoming" and jitter is not None:
                jitters.append(jitter)
            old = before.get(name)
            if old is not None and packets >= old[0] and gone >= old[1]:  # else the channel began anew
                compared.add(way)
                carried[way] += packets - old[0]
                lost[way] += gone - old[1]
        found: dict[str, Reading] = {"codec.jitter_ms": max(jitters) if jitters else _none(values)}
        for way, key in WAYS.items():
            total = carried[way] + lost[way]
            known = way in compared and total > 0
            found[key] = 100.0 * lost[way] / total if known else _none(values)
        return checked(found)


def _none(values: Values) -> NoReading:
    return NoReading("garbled" if values.tainted else "absent")


def _channels(values: Values) -> list[tuple[str, ...]]:
    """`mediachannels call 3 channel 1` of every channel that says anything."""
    found = dict.fromkeys(
        path[:5] for path in values.values if len(path) > 5 and path[0] == "mediachannels" and path[3] == "channel"
    )
    return list(found)[:CHANNELS_MAX]


def _count(values: Values, *path: str) -> float | None:
    said = number(values.get(*path) or "")
    return float(said) if isinstance(said, int | float) and said >= 0 else None
