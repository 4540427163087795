"""What the engine knows, as messages that a hub can read back."""

from __future__ import annotations

from agent.core.events import DesiredChanged, Observed, OrderReceived, Record, RecordKind, RemedyDone
from agent.core.facts import Evidence, Instant, NoReading, Observation, Reading
from agent.runtime.room import Room
from agent.runtime.snapshots import STATE_EVERY_S, Samples, Snapshots
from agent.store.memory import MemoryStore
from agent.uplink import report
from tests.agent.core.world import IDLE, WALL_S
from tests.agent.test_room import hang, make, now, see
from wire import messages as m

WHO = report.Identity("r-1", "e1", "b1", "0.1")


def state_of(room: Room, at_s: float) -> m.State:
    made = report.snapshot(room.state, report.stamp(WHO, now(at_s)), now(at_s), "0.1", outbox=3, dropped=1)
    assert m.decode(m.State, m.encode(made)) == made
    return made


def test_an_event_survives_the_wire_with_every_field() -> None:
    record = Record(
        RecordKind.REMEDY_DONE, "codec_hung", 7, "major", "settling", "ok", 12.5,
        (Evidence("codec.api", None, 3.2, "timeout"),), 9, "codec_power_cycle", "codec", "done", {"off_s": 15.0},
        "c1", "lan", {}, {"acts": 1},
    )  # fmt: skip
    made = report.event(record, report.stamp(WHO, now(5), 4))
    again = m.decode(m.Event, m.encode(made))
    assert again == made
    assert (again.stamp.seq, again.stamp.epoch, again.fault_id, again.act_id) == (4, "e1", 7, 9)
    assert again.evidence == [m.Evidence("codec.api", None, 3.2, "timeout")]
    assert (again.proof, again.detail, again.since_s) == ({"off_s": 15.0}, {"acts": 1}, 12.5)


def test_a_snapshot_tells_facts_faults_words_actions_and_loads() -> None:
    room = make(MemoryStore("e1"))
    hang(room, 100)
    room.commit(now(131))
    made = state_of(room, 131)
    assert made.facts["codec.api"].value is False
    assert made.facts["codec.in_call"].reason
    assert not made.facts["codec.in_call"].ok
    assert made.facts["codec.in_call"].value is False, "the last good value stays beside the failed attempt"
    (fault,) = made.faults
    assert (fault.rule, fault.phase) == ("codec_hung", "remedying")
    assert set(fault.words) == {"vi", "en"}
    told = fault.words["vi"]
    assert all((told.title, told.steps, told.name, told.working, told.power))
    assert told.reasons == {}
    assert (fault.act, fault.acts, fault.takes_s, fault.left_s) == ("codec_restart", 1, 150.0, 149.0)
    assert made.hands_off == ""
    refused = {a.remedy: a.refused for a in made.actions}
    assert refused["codec_power_cycle"] == "load_busy"
    assert refused["light_on"] == ""
    assert made.loads["codec"] == "cycling"
    assert (made.outbox, made.dropped, made.mode) == (3, 1, "normal")
    (act,) = room.state.acts
    room.feed(RemedyDone(act, ok=True), now(140))
    assert state_of(room, 141).loads["codec"] == "settling"


def test_what_was_never_known_is_not_invented() -> None:
    room = make(MemoryStore("e1"))
    made = state_of(room, 100)
    assert made.facts == {}
    assert made.in_call is None
    see(room, {"env.temp_c": NoReading("link")}, 101)
    fact = state_of(room, 102).facts["env.temp_c"]
    assert (fact.value, fact.at_s, fact.ok, fact.reason) == (None, 0.0, False, "link")


def test_maintenance_is_a_mode() -> None:
    room = make(MemoryStore("e1"))
    room.feed(DesiredChanged(1, maintenance_until_s=WALL_S + 5000), now(100))
    assert state_of(room, 101).mode == "maintenance"
    assert state_of(room, 5001).mode == "normal"


def test_only_records_of_a_command_are_answered() -> None:
    at = report.stamp(WHO, now(1))
    assert report.reply(Record(RecordKind.REMEDY_STARTED), at) is None
    answers = [
        report.reply(Record(RecordKind.REMEDY_STARTED, command="c"), at),
        report.reply(Record(RecordKind.COMMAND_REFUSED, command="c", reason="in_call"), at),
        report.reply(Record(RecordKind.REMEDY_DONE, command="c", outcome="done"), at),
        report.reply(Record(RecordKind.REMEDY_DONE, command="c", outcome="interrupted"), at),
    ]
    assert [a.outcome for a in answers if a] == ["accepted", "refused", "done", "interrupted"]


class TestSnapshots:
    def test_news_at_once_but_a_second_apart_and_the_rest_every_ten_minutes(self) -> None:
        room, due = make(MemoryStore("e1")), Snapshots()
        assert due.due(room, now(100)) is not None
        assert due.due(room, now(100.5)) is None
        see(room, IDLE, 100.6)
        assert due.due(room, now(100.7)) is None, "not within a second"
        assert due.due(room, now(101.1)) is not None
        see(room, IDLE, 111)
        assert due.due(room, now(111)) is None, "the same again is no news"
        room.feed(Observed(Observation("t", IDLE)), now(101 + STATE_EVERY_S))
        assert due.due(room, now(102 + STATE_EVERY_S)) is not None

    def test_a_number_that_drifts_is_news_after_a_minute(self) -> None:
        room, due = make(MemoryStore("e1")), Snapshots()
        see(room, {"env.temp_c": 27.0}, 100)
        due.due(room, now(100))
        see(room, {"env.temp_c": 27.4}, 170)
        assert due.due(room, now(170)) is None
        see(room, {"env.temp_c": 33.0}, 175)
        assert due.due(room, now(175)) is not None

    def test_a_refusal_that_changes_for_an_offered_action_needs_no_snapshot_of_its_own(self) -> None:
        room, due = make(MemoryStore("e1")), Snapshots()
        see(room, IDLE, 100)
        due.due(room, now(100))
        room.feed(OrderReceived("c", "light_on", "lan"), now(102))
        assert due.due(room, now(102)) is not None, "a load in use is news"


class TestSamples:
    def test_a_minute_of_numbers_is_one_batch(self) -> None:
        samples = Samples()
        for n in range(7):
            at = Instant(100 + 10 * n, WALL_S)
            readings: dict[str, Reading] = {
                "env.temp_c": 27.0 + n,
                "codec.api": True,
                "codec.model": "SX20",
                "codec.draw_w": NoReading("x"),
            }
            samples.add(Observed(Observation("t", readings)), at)
            if n < 6:
                assert samples.due(WHO, at) is None
        batch = samples.due(WHO, Instant(160, WALL_S))
        assert batch is not None
        assert batch.samples == {"env.temp_c": [(10.0 * n, 27.0 + n) for n in range(7)]}
        assert samples.due(WHO, Instant(300, WALL_S)) is None, "nothing new, nothing sent"
        assert m.decode(m.MetricBatch, m.encode(batch)).stamp.mono_s == 100

    def test_every_look_of_those_that_waited_together_is_kept(self) -> None:
        samples = Samples()
        looks = [Observation("t", {"env.temp_c": float(n)}) for n in range(3)]
        samples.add(Observed(looks[0], tuple(looks[1:])), Instant(100, WALL_S))
        batch = samples.due(WHO, Instant(160, WALL_S))
        assert batch is not None
        assert [value for _, value in batch.samples["env.temp_c"]] == [0.0, 1.0, 2.0]
