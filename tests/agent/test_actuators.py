"""Power comes back: after a cycle, after a relay that stutters, after an act that raises, after its own thread died."""

from __future__ import annotations

import queue
import threading
from dataclasses import replace

import pytest

from agent.core.events import RecordKind, RemedyDone, StartRemedy
from agent.core.remedies import LOADS, OFF_MAX_S, REMEDIES
from agent.core.state import Act
from agent.ports import LATE, InTime, LateError, Outcome, RelayError, always
from agent.power.actuators import DARK_TOLD_AFTER_S, GUARD_MARGIN_S, RESTORE_FOR_S, RESTORE_PAUSE_S, Actuators

FAILING = int(RESTORE_FOR_S / RESTORE_PAUSE_S) + 1
"""So many tries the act's own thread makes."""


class FakeRelays:
    """Implements `Relays` in memory, and can stutter."""

    names = frozenset({"codec", "light"})

    def __init__(self) -> None:
        self.on = dict.fromkeys(self.names, True)
        self.moves: list[tuple[str, bool]] = []
        self.fail_restore = 0
        self.fail_cut = False
        self.give_backs: list[float | None] = []
        self.slow = False
        self.fault = ""

    def cut(self, load: str, give_back_s: float | None = None, in_time: InTime = always) -> None:
        if not in_time():
            raise LateError(load)
        if self.fail_cut:
            raise RelayError("no line")
        self.give_backs.append(give_back_s)
        self.moves.append((load, False))
        self.on[load] = False

    def restore(self, load: str) -> None:
        if self.fail_restore:
            self.fail_restore -= 1
            raise RelayError("stutter")
        self.moves.append((load, True))
        self.on[load] = True

    def prod(self, load: str) -> bool:
        if not self.slow:
            self.restore(load)
        return not self.slow

    def powered(self, load: str) -> bool | None:
        return None if self.slow else self.on[load]

    def faults(self) -> dict[str, str]:
        return {"codec": self.fault} if self.fault else {}

    def close(self) -> None: ...


class FakeTime:
    """Sleeping moves the clock."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.broken = False

    def sleep(self, seconds: float) -> None:
        if self.broken:
            raise MemoryError("killed in mid sleep")
        self.now_s += seconds

    def monotonic(self) -> float:
        return self.now_s


class Codec:
    remedies = frozenset({"codec_restart"})

    def __init__(self, outcome: Outcome | None) -> None:
        self._outcome = outcome

    def perform(self, remedy: str, in_time: InTime = always) -> Outcome:
        if not in_time():
            return Outcome(ok=False, reason=LATE, proof={"sent": False})
        if self._outcome is None:
            raise RuntimeError(remedy)
        return self._outcome


def order(remedy: str, off_s: float = 15.0) -> StartRemedy:
    found = REMEDIES[remedy]
    load = replace(LOADS[found.load], off_s=off_s)
    return StartRemedy(Act(1, remedy, found.load, 0.0, 60.0), found, load)


def perform(remedy: str, relays: FakeRelays, *, off_s: float = 15.0, time: FakeTime | None = None,
            codec: Outcome | None = None, in_time: InTime = always) -> tuple[RemedyDone, Actuators]:  # fmt: skip
    done: queue.Queue[RemedyDone] = queue.Queue()
    clock = time or FakeTime()

    def draw_w(load: str, since_s: float) -> float | None:
        """A meter beside the load, looked at every 10 s: 31 W, and nothing while the relay is cut."""
        measured_s = clock.now_s // 10 * 10
        return None if load != "codec" or measured_s < since_s else 31.0 if relays.on["codec"] else 0.4

    made = Actuators(relays, [Codec(codec)], done.put, draw_w, clock.sleep, clock.monotonic)
    made.start(order(remedy, off_s), in_time)
    return done.get(timeout=10), made


def test_a_cycle_cuts_waits_and_restores_with_proof() -> None:
    relays = FakeRelays()
    done, _ = perform("codec_power_cycle", relays)
    assert relays.moves == [("codec", False), ("codec", True)]
    assert done.ok
    assert done.proof == {
        "draw_before_w": 31.0, "draw_off_w": 0.4, "line_cut": True, "off_s": 15.0, "line_restored": True,
    }  # fmt: skip


def test_a_reading_from_before_the_cut_is_no_proof_of_it() -> None:
    done, _ = perform("codec_power_cycle", FakeRelays(), off_s=9.0)
    assert "draw_off_w" not in done.proof


def test_no_configuration_keeps_a_load_off_beyond_the_bound() -> None:
    done, _ = perform("codec_power_cycle", FakeRelays(), off_s=9999)
    assert done.proof["off_s"] == OFF_MAX_S


def test_a_relay_that_stutters_is_tried_again_and_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    relays = FakeRelays()
    relays.fail_restore = 4
    done, _ = perform("codec_power_cycle", relays)
    assert done.ok
    assert relays.on["codec"]
    down, back = [record.message for record in caplog.records]
    assert "stutter" in down
    assert back == "codec has power again, at try 5"


def test_power_comes_back_when_the_act_breaks_in_the_middle() -> None:
    relays, clock = FakeRelays(), FakeTime()
    clock.broken = True
    done, _ = perform("codec_power_cycle", relays, time=clock)
    assert (done.ok, done.reason) == (False, "bug")
    assert relays.on["codec"]


class Stuck(FakeTime):
    """A cycle's own thread that never wakes again: its sleep lasts until the test lets it go."""

    def __init__(self) -> None:
        super().__init__()
        self.asleep, self.let_go = threading.Event(), threading.Event()

    def sleep(self, seconds: float) -> None:
        del seconds
        self.asleep.set()
        self.let_go.wait(30)
        self.now_s += 60


def test_the_guard_gives_power_back_when_the_acts_own_thread_hangs() -> None:
    relays, clock = FakeRelays(), Stuck()
    done: queue.Queue[RemedyDone] = queue.Queue()
    actuators = Actuators(relays, [], done.put, sleep=clock.sleep, monotonic=clock.monotonic)
    actuators.start(order("codec_power_cycle", 15.0))
    assert clock.asleep.wait(10)
    clock.now_s += 15 + GUARD_MARGIN_S
    assert (actuators.guard(), relays.on["codec"]) == ([], False), "its own thread has until then"
    clock.now_s += 0.1
    assert (actuators.guard(), relays.on["codec"]) == (["codec"], True)
    assert actuators.guard() == []
    clock.let_go.set()
    assert done.get(timeout=10).ok
    assert relays.on["codec"]


def refusing_at(number: int) -> tuple[InTime, list[int]]:
    """Whether it is still time: no, from the question with this number on."""
    asked: list[int] = []

    def in_time() -> bool:
        asked.append(len(asked) + 1)
        return asked[-1] < number

    return in_time, asked


@pytest.mark.parametrize("remedy", ["codec_power_cycle", "light_off", "codec_restart", "light_on"])
def test_what_comes_too_late_is_not_begun(remedy: str) -> None:
    relays = FakeRelays()
    in_time, asked = refusing_at(1)
    done, _ = perform(remedy, relays, codec=Outcome(ok=True), in_time=in_time)
    assert (done.ok, done.reason, done.proof) == (False, LATE, {"sent": False})
    assert (asked, relays.moves) == ([1], [])


@pytest.mark.parametrize("remedy", ["codec_power_cycle", "light_off", "codec_restart"])
def test_what_becomes_too_late_while_a_lock_is_waited_for_moves_nothing(remedy: str) -> None:
    relays, clock = FakeRelays(), FakeTime()
    in_time, asked = refusing_at(2)
    done, actuators = perform(remedy, relays, time=clock, codec=Outcome(ok=True), in_time=in_time)
    assert (done.ok, done.reason, done.proof) == (False, LATE, {"sent": False})
    assert (asked, relays.moves) == ([1, 2], []), "no power is given back that was not taken"
    clock.now_s += 1000
    assert actuators.guard() == []


def test_a_load_is_off_from_the_cut_on_and_not_from_the_wait_before_it() -> None:
    clock = FakeTime()

    class Waiting(FakeRelays):
        def cut(self, load: str, give_back_s: float | None = None, in_time: InTime = always) -> None:
            clock.now_s += 8  # another exchange holds the outlet
            super().cut(load, give_back_s, in_time)

    done, _ = perform("codec_power_cycle", Waiting(), time=clock)
    assert done.proof["off_s"] == 15.0


def test_a_load_that_cannot_be_given_power_is_told_of_once_and_once_when_it_has_it_again() -> None:
    relays, clock = FakeRelays(), FakeTime()
    actuators = Actuators(relays, [], lambda _: None, monotonic=clock.monotonic)
    relays.fault = "outlet of codec: it does not answer"
    assert actuators.news() == []
    clock.now_s += DARK_TOLD_AFTER_S
    (missing,) = actuators.news()
    assert (missing.kind, missing.load) == (RecordKind.POWER_MISSING, "codec")
    assert missing.detail == {"error": "outlet of codec: it does not answer"}
    assert actuators.news() == []
    relays.fault = ""
    (back,) = actuators.news()
    assert (back.kind, back.load, back.detail) == (RecordKind.POWER_BACK, "codec", {"after_s": 30})
    assert actuators.news() == []


def test_a_short_trouble_with_an_outlet_is_not_told() -> None:
    relays, clock = FakeRelays(), FakeTime()
    actuators = Actuators(relays, [], lambda _: None, monotonic=clock.monotonic)
    for _ in range(3):
        relays.fault = "outlet of codec: it boots with the room"
        assert actuators.news() == []
        clock.now_s += DARK_TOLD_AFTER_S - 1
        relays.fault = ""
        assert actuators.news() == []


def test_the_guard_restores_what_its_own_thread_could_not() -> None:
    relays, clock = FakeRelays(), FakeTime()
    relays.fail_restore = FAILING
    done, actuators = perform("codec_power_cycle", relays, time=clock)
    assert (done.ok, done.reason, relays.on["codec"]) == (False, "relay", False)
    actuators._off_until_s["codec"] = clock.now_s  # as if that thread still believed to be in its cycle
    assert actuators.guard() == []
    clock.now_s += 2.5
    assert actuators.guard() == ["codec"]
    assert relays.on["codec"]


def test_a_line_that_cannot_be_driven_is_a_failed_act() -> None:
    relays = FakeRelays()
    relays.fail_cut = True
    done, _ = perform("codec_power_cycle", relays)
    assert not done.ok
    assert relays.on["codec"]


def test_lights_stay_where_they_are_put() -> None:
    relays = FakeRelays()
    assert perform("light_off", relays)[0].proof == {"powered": False}
    assert not relays.on["light"]
    assert perform("light_on", relays)[0].ok
    assert relays.on["light"]


def test_api_orders_go_to_their_device() -> None:
    assert perform("codec_restart", FakeRelays(), codec=Outcome(ok=True))[0].ok
    assert perform("codec_restart", FakeRelays(), codec=None)[0].reason == "bug"
    assert perform("codec_wake", FakeRelays())[0].reason == "not_fitted"
    assert perform("switch_power_cycle", FakeRelays())[0].reason == "not_fitted"


def test_ending_the_agent_ends_a_cycle_early_with_power() -> None:
    relays, clock = FakeRelays(), FakeTime()
    done: queue.Queue[RemedyDone] = queue.Queue()

    def ends(seconds: float) -> None:
        clock.sleep(seconds)
        made.close(wait_s=0.0)

    made = Actuators(relays, [], done.put, sleep=ends, monotonic=clock.monotonic)
    made.start(order("codec_power_cycle"))
    assert done.get(timeout=10).proof["off_s"] == 0.5
    assert relays.on["codec"]


@pytest.mark.parametrize("remedy", ["codec_power_cycle", "light_off", "codec_restart"])
def test_what_waits_for_a_lock_when_the_agent_ends_is_not_begun(remedy: str) -> None:
    """The process is gone before its off time is over, and the outlet's lock may be free only after the goodbye."""
    relays, ends = FakeRelays(), queue.Queue[Actuators]()
    asked: list[int] = []

    def in_time() -> bool:
        if not asked:
            ends.get(timeout=10).close(wait_s=0.0)  # between its thread's first question and the relay's
        asked.append(1)
        return True

    done: queue.Queue[RemedyDone] = queue.Queue()
    made = Actuators(relays, [Codec(Outcome(ok=True))], done.put)
    ends.put(made)
    made.start(order(remedy), in_time)
    ended = done.get(timeout=10)
    assert (ended.ok, ended.reason, dict(ended.proof)) == (False, LATE, {"sent": False})
    assert relays.moves == []


def test_a_relay_that_fails_for_long_is_tried_until_it_gives_power_again() -> None:
    relays, clock = FakeRelays(), FakeTime()
    relays.fail_restore = FAILING + 5
    done, actuators = perform("codec_power_cycle", relays, time=clock)
    assert (done.ok, relays.on["codec"]) == (False, False)
    clock.now_s += 20
    given = [actuators.guard() for _ in range(8)]
    assert given == [[], [], [], [], [], ["codec"], [], []]
    assert relays.on["codec"]


def test_a_cycles_cut_says_when_power_has_to_be_back_and_a_lasting_one_does_not() -> None:
    relays = FakeRelays()
    perform("codec_power_cycle", relays, off_s=9999)
    perform("light_off", relays)
    assert relays.give_backs == [OFF_MAX_S, None]


def test_what_an_outlet_does_not_say_is_no_proof() -> None:
    relays = FakeRelays()
    relays.slow = True
    assert "line_cut" not in perform("codec_power_cycle", relays)[0].proof
    assert perform("light_off", relays)[0].proof == {}


def test_the_guard_does_not_wait_for_an_outlet_and_asks_again_at_every_turn() -> None:
    relays, clock = FakeRelays(), FakeTime()
    relays.fail_restore = FAILING
    _, actuators = perform("codec_power_cycle", relays, time=clock)
    relays.slow = True
    clock.now_s += 60
    assert [actuators.guard() for _ in range(3)] == [[], [], []]
    relays.slow = False
    assert actuators.guard() == ["codec"]
