"""For how long a room has waited to be heard, where the looks of a room at rest are left out."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from tests.prove.invariants import INVARIANTS, Moment
from tests.prove.promised import HEARD_WITHIN_S
from tests.prove.rooms import simulate
from tests.prove.sim.chaos import Happening
from tests.prove.sim.crash import Plan
from tests.prove.sim.judge import VIOLATIONS_MAX, Violation
from tests.prove.sim.world import World

heard = INVARIANTS["room_is_heard"].check


def world() -> Any:
    """A connected room that has nothing to tell."""
    store = SimpleNamespace(pending=lambda: 0)
    return SimpleNamespace(
        now_s=0.0, board=SimpleNamespace(store=store), ledger=SimpleNamespace(alive_since_s=0.0),
        judge=SimpleNamespace(unheard_since_s=float("inf")),
        line=SimpleNamespace(works=lambda: True, hub=SimpleNamespace(up=True)),
    )  # fmt: skip


def at(room: Any, now_s: float, waiting: int) -> str:
    """A turn at that moment, with so many events in the outbox."""
    room.now_s, room.board.store.pending = now_s, lambda: waiting
    return heard(room, Moment())


def test_what_a_room_has_to_tell_after_hours_of_rest_has_not_waited_for_hours() -> None:
    room = world()
    assert at(room, 100.0, 0) == ""
    assert at(room, 20_000.0, 1) == "", "no turn was made since, and nothing waited"
    assert at(room, 20_000.0 + HEARD_WITHIN_S, 1) == ""
    assert at(room, 20_000.1 + HEARD_WITHIN_S, 1) != ""
    assert at(room, 20_001.0 + HEARD_WITHIN_S, 0) == ""
    assert at(room, 20_002.0 + HEARD_WITHIN_S, 1) == "", "that is another one"


def test_a_room_that_is_stopped_early_is_not_judged_by_its_end() -> None:
    def break_many(room: World) -> None:
        """While the first event still waits."""
        room.judge.violations += [Violation("made_up", room.now_s, "")] * VIOLATIONS_MAX

    broken = simulate(1, 0.02, plan=Plan(), script=[Happening(0.1, "too much", break_many)], calm_s=60.0)
    assert {one.invariant for one in broken.violations} == {"made_up"}
