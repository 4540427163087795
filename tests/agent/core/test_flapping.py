"""A symptom that comes and goes is told, and not acted upon."""

from __future__ import annotations

import pytest

from agent.core import flapping
from agent.core.events import RecordKind
from agent.core.flapping import HIGH_PCT, change_pct, flaps, with_look
from agent.core.phases import Phase
from tests.agent.core.test_codec_hung_story import HUNG
from tests.agent.core.world import IDLE, World


def test_the_share_follows_the_published_weights() -> None:
    assert change_pct(()) == change_pct((True,)) == change_pct((False,) * 30) == 0.0
    every = tuple(n % 2 == 0 for n in range(21))
    assert round(change_pct(every), 6) == 100.0
    newest, oldest = (False,) * 20 + (True,), (False,) + (True,) * 20
    assert change_pct(newest) > change_pct(oldest) > 0


def test_between_the_limits_it_stays_as_it_was() -> None:
    some = (False,) * 11 + (True, False, True, False, False, True, True, True, True, True)
    assert 20 <= change_pct(some) < HIGH_PCT
    assert flaps(some, before=True)
    assert not flaps(some, before=False)


@pytest.mark.parametrize(("pct", "before", "expected"), [(30.0, False, True), (29.9, False, False), (20.0, True, True)])
def test_a_limit_itself_counts_as_reached(
    pct: float, before: bool, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flapping, "change_pct", lambda _history: pct)
    assert flaps((), before) is expected


def test_before_its_first_look_all_was_steady() -> None:
    assert change_pct((False, True)) == change_pct((False,) * 20 + (True,))


def test_the_history_is_bounded() -> None:
    history: tuple[bool, ...] = ()
    for _ in range(100):
        history = with_look(history, faulty=True)
    assert len(history) == 21


def test_an_ordinary_fault_does_not_flap() -> None:
    world = World()
    for _ in range(3):
        world.run(IDLE, 220)
        world.run(HUNG, 30)
    assert "codec_hung" not in world.state.flapping


def test_a_flapping_codec_is_told_and_left_alone() -> None:
    world = World()
    for _ in range(6):
        world.run(IDLE, 10)
        world.run(HUNG, 20)
    assert "codec_hung" in world.state.flapping
    world.run(HUNG, 10)
    assert world.remedies() == []
    assert world.phase("codec_hung") is Phase.CONFIRMED
    assert world.records(RecordKind.REMEDY_REFUSED)[0].reason == "flapping"
    world.run(HUNG, 130)
    assert world.remedies() == ["codec_restart"], "once it stays, it is acted upon"
