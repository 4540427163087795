"""Every act of the morning in a light room, in simulated time: it comes to the end that is expected of it before the
account is made, under its own name and no other.
"""

from __future__ import annotations

import pytest

from agent.core.events import DesiredChanged
from agent.core.phases import Phase
from agent.core.policy import Meeting
from agent.uplink.session import Incoming
from sim import fitout, places, scenario
from sim.book import Book, Entry
from sim.demo import SETTLE_S
from sim.director import Director, Planned
from sim.fault_kind import expected
from sim.faults import FAULTS
from sim.light import LightRoom, Shared
from sim.morning import CALL_LEAD_S
from sim.province import SCALE
from tests.sim.test_light import WALL_S, Days
from wire.event_kinds import EventKind

SEED = 1
BEGIN_S = 20.0
"""How long a room is watched before the morning."""
MORNING_S = 90.0
HUB_GRACE_S = 30.0
"""A room that is silent for longer is told of by the hub."""
COMMON = Shared(SCALE)


def suits(room: str, fault: str) -> bool:
    kind = FAULTS[fault]
    return expected(kind, fitout.of_light(room, SEED, SCALE)) == kind.expect


def first_round() -> list[tuple[Planned, str]]:
    """Each act with every sort of light room that it strikes: with and without a UPS."""
    director = Director(scenario.load("morning"), places.province(621, SEED), {}, SEED, suits)
    found: dict[tuple[float, str, bool], tuple[Planned, str]] = {}
    for planned in director.first_round():
        for room in planned.rooms:
            backed = fitout.of_light(room, SEED, SCALE).ups_runtime_s > 0
            found.setdefault((planned.at_s, planned.line.fault, backed), (planned, room))
    return list(found.values())


class Morning(Days):
    """One room of the province, which loses its connection with its line, and a book of what strikes it."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.room = LightRoom(name, COMMON, self.now, SEED, fitting=fitout.of_light(name, SEED, SCALE))
        self.book = Book({name: self.room.physics})
        self.silent_s = 0.0
        """The longest silence."""
        self._silent_since_s = self.at_s
        self._connected = False

    def pass_s(self, seconds: float) -> None:
        end_s = self.at_s + seconds
        while self.at_s < end_s:
            super().pass_s(min(0.2, end_s - self.at_s))
            self.book.watch(self.at_s)
            self._mind_the_line()

    def _mind_the_line(self) -> None:
        way = self.room.physics.hub_up() and not self.asleep()
        if way and not self._connected:
            self.room.session.connected(self.now)
            meeting = Meeting("m", "Giao ban", WALL_S + 7500.0, WALL_S + 10200.0)
            told_in = self.room.session.connection
            self.room.hear(Incoming(events=[DesiredChanged(1, (meeting,))], told_in=told_in), self.now)
        elif self._connected and not way:
            self.room.session.disconnected()
            self._silent_since_s = self.at_s
        if not way:
            self.silent_s = max(self.silent_s, self.at_s - self._silent_since_s)
        self._connected = way

    def struck_by(self, planned: Planned) -> Entry:
        line = planned.line
        self.pass_s(BEGIN_S + planned.at_s - CALL_LEAD_S)
        if line.call_s:
            assert self.room.physics.start_call(line.call_s + CALL_LEAD_S, self.at_s)
        self.pass_s(CALL_LEAD_S)
        entry = self.book.inject(self.room.name, line.fault, self.at_s, 0.0, dict(line.args), line.lasts_s)
        self.pass_s(MORNING_S + SETTLE_S - planned.at_s)
        return entry


@pytest.mark.parametrize(
    ("planned", "room"), [pytest.param(*one, id=f"{one[0].line.fault}-{one[1]}") for one in first_round()]
)
def test_an_act_of_the_morning_is_told_and_ends_as_expected(planned: Planned, room: str) -> None:
    morning, kind = Morning(room), FAULTS[planned.line.fault]
    entry = morning.struck_by(planned)
    told = {event.rule for event in morning.events if event.kind == EventKind.FAULT_CONFIRMED}
    left = {rule: fault.phase for rule, fault in morning.room.room.state.faults.items() if fault.fault_id}
    assert told <= set(kind.rules), "nothing is told under another name"
    assert told or morning.silent_s > HUB_GRACE_S, "somebody is told"
    if entry.gone_s:
        assert not left
        assert entry.ended_by == ("act" if kind.expect == "healed" else "cause")
    else:
        assert kind.expect == "escalated"
        assert set(left.values()) <= {Phase.ESCALATED}
    witness = morning.room.physics.witness
    assert (witness.harmed, witness.needless, witness.calls_lost) == (0, 0, 0)
