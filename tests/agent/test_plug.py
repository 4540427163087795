"""A load on an outlet of the network has power again after a cut of ours, whatever the outlet says of itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from agent.devices.power._outlets import OutletState, Rest
from agent.ports import LateError, RelayError
from agent.power import plug as plugs
from agent.power.actuators import Actuators
from agent.power.plug import Plug
from agent.power.relays import RoomRelays
from agent.transports.errors import LinkFault


class Clock:
    """Sleeping moves it, and lets the outlet live."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.each: Callable[[], None] = lambda: None

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        self.each()

    def monotonic(self) -> float:
        return self.now_s


class LaggingOutlet:
    """An outlet whose word is `lag_s` older than its relay, and whose relay may stick."""

    def __init__(self, clock: Clock, lag_s: float = 0.0, *, gives_back: bool = False, on: bool = True) -> None:
        self.gives_back = gives_back
        self.lag_s = lag_s
        self.orders: list[str] = []
        self.deaf = False
        self.sticks = 0
        """So many orders to give power are taken, and move nothing."""
        self._clock = clock
        self._moves = [(float("-inf"), on)]
        self._flip_s: float | None = None

    @property
    def on(self) -> bool:
        self.live()
        return self._moves[-1][1]

    def live(self) -> None:
        """Its own give-back turns the relay over, as a Shelly's does, whatever was ordered meanwhile."""
        if self._flip_s is not None and self._clock.now_s >= self._flip_s:
            at_s, self._flip_s = self._flip_s, None
            self._moves.append((at_s, not self._moves[-1][1]))

    def look(self, timeout_s: float) -> OutletState:
        self._answer(timeout_s)
        said = [on for at_s, on in self._moves if at_s <= self._clock.now_s - self.lag_s][-1]
        return OutletState(said)

    def give(self, timeout_s: float) -> None:
        self._answer(timeout_s)
        self.orders.append("on")
        if self.sticks:
            self.sticks -= 1
        else:
            self._moves.append((self._clock.now_s, True))

    def cut(self, give_back_s: float | None, timeout_s: float) -> None:
        self._answer(timeout_s)
        self.orders.append("off")
        self._moves.append((self._clock.now_s, False))
        self._flip_s = None if give_back_s is None else self._clock.now_s + give_back_s

    def rests(self, timeout_s: float) -> Rest:
        del timeout_s
        return Rest.UNSAID

    def close(self) -> None: ...

    def _answer(self, timeout_s: float) -> None:
        self.live()
        if self.deaf:
            self._clock.now_s += timeout_s
            raise LinkFault("timeout", "it does not answer")


def until(condition: Callable[[], bool]) -> None:
    """Wait for another thread."""
    end_s = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.005)


class Stepped(Plug):
    """Its own thread works only when the test lets it: two threads would move one clock."""

    wanted = False

    def _work(self) -> None:
        self.wanted = True

    def settle(self) -> None:
        """What its own thread does until it ends."""
        while self.wanted:
            self.wanted = False
            self._until_it_is_on()


def made(clock: Clock, outlet: LaggingOutlet) -> Stepped:
    return Stepped("codec", outlet, clock.sleep, clock.monotonic)


def give(plug: Plug, clock: Clock) -> None:
    """Give power as `Actuators` does: again and again for so long."""
    relays = RoomRelays(())
    relays.names, relays._plugs = frozenset({"codec"}), {"codec": plug}
    actuators = Actuators(relays, [], lambda _: None, sleep=clock.sleep, monotonic=clock.monotonic)
    assert actuators._restore(relays, "codec"), "an outlet whose word lags has not failed"


@pytest.mark.parametrize("lag_s", [0.0, 5.0, 9.0, 29.0, 3600.0])
def test_after_our_cut_power_is_ordered_whatever_the_outlet_says(lag_s: float) -> None:
    clock = Clock()
    outlet = LaggingOutlet(clock, lag_s)
    plug = made(clock, outlet)
    plug.cut(15.0)
    clock.sleep(15)
    give(plug, clock)
    assert (outlet.on, outlet.orders[:2]) == (True, ["off", "on"])
    plug.settle()
    assert (outlet.on, plug.fault) == (True, "")


def test_a_fresh_agent_does_not_believe_an_outlet_that_a_dead_one_has_cut() -> None:
    clock = Clock()
    outlet = LaggingOutlet(clock, lag_s=30.0)
    outlet.cut(None, 3.0)
    plug = made(clock, outlet)
    assert not plug.prod()
    plug.settle()
    assert (outlet.on, plug.lit) == (True, True)


def test_a_word_from_before_the_cut_is_found_out_by_a_second_look() -> None:
    """The order is taken, the relay sticks, and the outlet still says what was before: only time tells."""
    clock = Clock()
    outlet = LaggingOutlet(clock, lag_s=20.0)
    plug = made(clock, outlet)
    plug.cut(15.0)
    clock.sleep(15)
    outlet.sticks = 1
    plug.restore()
    plug.settle()
    assert outlet.orders[:3] == ["off", "on", "on"]
    assert (outlet.on, plug.fault) == (True, "")


def test_an_outlet_that_turns_over_by_itself_after_our_order_is_ordered_again() -> None:
    clock = Clock()
    outlet = LaggingOutlet(clock, lag_s=20.0, gives_back=True)
    plug = made(clock, outlet)
    plug.cut(60.0)
    clock.sleep(5)
    plug.restore()
    assert outlet.on
    plug.settle()
    assert clock.now_s > 1060.0, "its own thread has waited for that moment"
    assert outlet.on, "it turned the relay over, and its word lagged"


def test_one_that_does_not_come_on_says_why_and_until_when() -> None:
    clock = Clock()
    outlet = LaggingOutlet(clock)
    plug = made(clock, outlet)
    plug.cut(15.0)
    assert plug.fault == ""
    outlet.sticks = 6
    with pytest.raises(RelayError, match="gives none"):
        plug.restore()
    assert "gives none" in plug.fault
    plug.settle()
    assert (outlet.on, plug.fault) == (True, "")


def test_what_is_cut_in_order_is_no_trouble() -> None:
    clock = Clock()
    outlet = LaggingOutlet(clock)
    plug = made(clock, outlet)
    outlet.deaf = True
    with pytest.raises(RelayError):
        plug.restore()
    assert "does not answer" in plug.fault
    outlet.deaf = False
    plug.cut(None)
    assert plug.fault == ""
    plug.settle()
    assert not outlet.on, "nobody gives it power again"


def test_a_switched_on_lamp_that_does_not_answer_is_worked_on_until_it_does() -> None:
    clock = Clock()
    outlet = LaggingOutlet(clock, on=False)
    plug = made(clock, outlet)
    outlet.deaf = True
    looks = iter(range(3))

    def heal() -> None:
        outlet.deaf = next(looks, None) is not None

    clock.each = heal
    with pytest.raises(RelayError):
        plug.restore()
    plug.settle()
    assert outlet.on


def test_a_cut_that_comes_too_late_touches_nothing() -> None:
    clock = Clock()
    outlet = LaggingOutlet(clock)
    plug = made(clock, outlet)
    with pytest.raises(LateError):
        plug.cut(15.0, lambda: False)
    assert (outlet.on, outlet.orders) == (True, [])


def test_whether_it_is_still_time_is_asked_after_the_wait_for_another_exchange() -> None:
    clock = Clock()
    outlet = LaggingOutlet(clock)
    plug = made(clock, outlet)
    asked = threading.Event()
    plug._lock.acquire()
    ended: list[str] = []

    def in_time() -> bool:
        asked.set()
        return False

    def cut() -> None:
        with pytest.raises(LateError):
            plug.cut(15.0, in_time)
        ended.append("late")

    thread = threading.Thread(target=cut)
    thread.start()
    assert not asked.wait(0.05)
    plug._lock.release()
    thread.join(10)
    assert (asked.is_set(), ended, outlet.orders) == (True, ["late"], [])


def test_the_thread_ends_when_the_word_is_certain() -> None:
    clock = Clock()
    outlet = LaggingOutlet(clock)
    plug = Plug("codec", outlet, clock.sleep, clock.monotonic)
    began_s = clock.now_s
    plug.prod()
    until(lambda: plug._worker is None)
    assert clock.now_s - began_s == pytest.approx(plugs.WORD_LAG_S)
    assert plug.prod()
    assert outlet.orders == ["on"]
