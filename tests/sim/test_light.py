"""A light room keeps the agent's contract: the same journal, the same interlock, the same words to the hub."""

from __future__ import annotations

from agent.core.events import DesiredChanged, OrderReceived
from agent.core.facts import FACTS, Instant
from agent.core.policy import Meeting
from agent.uplink.session import Incoming
from sim.faults import FAULTS
from sim.light import LightRoom, Shared
from tests.sim.seen import everything
from wire import messages as m
from wire.event_kinds import EventKind
from wire.topics import FLEET, Leaf, Topic

SCALE = 0.1
WALL_S = 1_795_390_000.0


class Days:
    """One light room and its hub's ear, in simulated time."""

    def __init__(self, seed: int = 3) -> None:
        self.at_s = 5000.0
        self.room = LightRoom("ph-1", Shared(SCALE), self.now, seed)
        self.events: list[m.Event] = []
        self.states: list[m.State] = []
        self.room.session.received(FLEET, m.encode(m.Fleet(hub_epoch="h1")), True, self.now)
        self.room.session.connected(self.now)

    @property
    def now(self) -> Instant:
        return Instant(self.at_s, WALL_S + self.at_s, True)

    def pass_s(self, seconds: float) -> None:
        end_s = self.at_s + seconds
        while self.at_s < end_s:
            self.at_s = min(end_s, max(self.at_s + 0.05, self.room.due_s))
            self.room.turn(self.now)
            for message in self.room.session.due(self.now):
                self.hear(message.topic, message.payload)

    def hear(self, topic: str, payload: bytes) -> None:
        leaf = Topic.parse(topic).leaf
        if leaf is Leaf.EVENT:
            event = m.decode(m.Event, payload)
            self.events.append(event)
            ack = m.encode(m.Ack(epoch=event.stamp.epoch, seq=event.stamp.seq, hub="h1"))
            self.room.session.received(str(Topic("ph-1", Leaf.ACK)), ack, False, self.now)
        elif leaf is Leaf.STATE:
            self.states.append(m.decode(m.State, payload))

    def asleep(self) -> bool:
        return self.room.asleep

    def kinds(self, rule: str) -> list[str]:
        return [event.kind for event in self.events if event.rule == rule]

    def put(self, fault: str, **args: float) -> None:
        FAULTS[fault].put(self.room.physics, self.at_s, args)


def test_a_quiet_room_says_that_it_started_and_how_it_is() -> None:
    days = Days()
    days.pass_s(30)
    assert [event.kind for event in days.events] == [EventKind.AGENT_STARTED]
    assert days.room.store.pending() == 0
    state = days.states[-1]
    assert state.faults == []
    assert state.in_call is False
    assert state.time_scale == SCALE
    assert {action.remedy for action in state.actions} >= {"codec_restart", "codec_power_cycle", "light_on"}
    assert not days.room.physics.witness.acts


def test_an_act_that_waits_for_a_last_look_is_not_forgotten() -> None:
    """A loaded machine turns the room late: the witnesses have grown old between the order and the turn."""
    days = Days()
    days.pass_s(30)
    days.at_s = days.room.due_s
    days.room.turn(days.now)
    days.room.hear(Incoming([OrderReceived("c1", "codec_power_cycle", "lan")]), days.now)
    days.at_s += 0.6
    assert days.at_s < days.room.due_s, "no look is due before"
    days.room.turn(days.now)
    assert not days.room.physics.witness.acts
    days.pass_s(5)
    assert days.room.physics.witness.acts


def test_everything_it_observes_is_in_the_catalogue() -> None:
    days = Days()
    seen = everything(days.room.physics, days.room.chance)
    assert set(seen) <= set(FACTS)


def test_a_hang_is_found_told_and_healed_with_an_act_that_is_journalled() -> None:
    days = Days()
    days.pass_s(10)
    days.put("codec_hang_soft")
    days.pass_s(60)
    assert days.kinds("codec_hung") == [
        EventKind.FAULT_CONFIRMED, EventKind.LEASE_WANTED, EventKind.REMEDY_STARTED, EventKind.REMEDY_DONE,
        EventKind.FAULT_CLEARED,
    ]  # fmt: skip
    assert [act.what for act in days.room.physics.witness.acts] == ["restart"]
    assert days.room.store.sent == len(days.events)
    assert days.states[-1].faults == []


def test_a_hard_hang_is_power_cycled_with_the_proof_measured() -> None:
    days = Days()
    days.pass_s(10)
    days.put("codec_hang_hard")
    days.pass_s(120)
    cycles = [e for e in days.events if e.remedy == "codec_power_cycle" and e.kind == EventKind.REMEDY_DONE]
    assert [event.outcome for event in cycles] == ["done"]
    proof = cycles[0].proof
    assert float(proof["draw_before_w"]) > 20
    assert float(proof["draw_off_w"]) == 0
    assert float(proof["off_s"]) >= 15 * SCALE
    assert [act.what for act in days.room.physics.witness.acts] == ["cut", "restore"]


def test_a_call_is_never_cut_however_dead_the_control_interface_is() -> None:
    days = Days()
    days.pass_s(10)
    days.put("codec_hang_soft", call_s=40)
    days.pass_s(39)
    assert days.room.physics.codec.in_call
    assert not days.room.physics.witness.acts
    assert EventKind.REMEDY_REFUSED in days.kinds("codec_hung")
    days.pass_s(60)
    assert days.room.physics.witness.harmed == 0
    assert days.room.physics.witness.calls_lost == 0
    assert days.kinds("codec_hung")[-1] == EventKind.FAULT_CLEARED


def test_a_board_without_power_says_nothing_and_starts_anew_with_its_memory() -> None:
    days = Days()
    days.pass_s(10)
    boot, epoch = days.room.room.who.boot, days.room.store.epoch
    assert days.room.physics.ups is not None
    days.room.physics.ups.left_s = 1.0
    days.put("mains_lost")
    days.pass_s(10)
    assert days.asleep()
    told = len(days.events)
    days.pass_s(20)
    assert len(days.events) == told
    FAULTS["mains_lost"].lift(days.room.physics, days.at_s)
    days.pass_s(10)
    assert not days.asleep()
    days.room.session.connected(days.now)
    days.pass_s(30)
    assert days.room.room.who.boot != boot
    assert days.room.store.epoch == epoch
    assert [event.kind for event in days.events].count(EventKind.AGENT_STARTED) == 2
    numbers = [event.stamp.seq for event in days.events]
    assert numbers == sorted(set(numbers))


def test_an_operator_s_order_passes_the_same_interlock() -> None:
    days = Days()
    days.pass_s(10)
    days.room.hear(Incoming([OrderReceived("c1", "codec_restart", "lan")]), days.now)
    days.pass_s(5)
    assert [act.what for act in days.room.physics.witness.acts] == ["restart"]
    days.pass_s(60)
    soon_s = days.now.wall_s + 300
    near = DesiredChanged(1, (Meeting("m", "Giao ban", soon_s, soon_s + 3600),))
    days.room.hear(Incoming([near, OrderReceived("c2", "codec_power_cycle", "lan")]), days.now)
    days.pass_s(5)
    refused = [event for event in days.events if event.kind == EventKind.COMMAND_REFUSED]
    assert [(event.command, event.reason) for event in refused] == [("c2", "meeting_near")]
    assert len(days.room.physics.witness.acts) == 1


def test_lights_and_wake_before_a_meeting() -> None:
    days = Days()
    soon_s = days.now.wall_s + 2400
    days.room.hear(Incoming([DesiredChanged(1, (Meeting("m", "Giao ban", soon_s, soon_s + 3600),))]), days.now)
    days.pass_s(10)
    days.put("room_dark")
    days.put("codec_asleep")
    days.pass_s(40)
    assert days.kinds("room_dark")[-1] == EventKind.FAULT_CLEARED
    assert days.kinds("display_asleep")[-1] == EventKind.FAULT_CLEARED
    assert days.room.physics.lamp_on()
    assert not days.room.physics.codec.standby
