"""What an honest agent may wait for is counted from what its journal truly holds."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from agent.store.base import UNSENT, ActRow, Batch
from agent.store.sqlite import SqliteStore
from tests.prove.sim.calm import Calm
from tests.prove.sim.judge import Judge, acts_in
from wire import messages as m


def intent(act_id: int, remedy: str = "codec_power_cycle") -> ActRow:
    return ActRow(act_id, remedy, remedy.split("_")[0], "cycle", 50.0, 1_790_000_400.0, True, "b1")


def test_an_intent_of_a_commit_that_was_torn_counts_where_the_card_has_it(tmp_path: Path) -> None:
    """The world heard of no commit: the power went while it was written, and late enough that it is there."""
    store = SqliteStore(tmp_path / "room.db")
    store.commit(Batch(begun=[intent(1), intent(2), intent(3, "camera_power_cycle")]))
    store.commit(Batch(ended=[(2, UNSENT)]))
    world: Any = SimpleNamespace(
        now_s=500.0, clock=SimpleNamespace(boot="b2", booted_s=450.0), ledger=SimpleNamespace(died_at_s=400.0)
    )
    calm = Calm(world)
    calm.opened(acts_in(store))
    assert calm._ages_s() == [(100.0, True)]
    world.ledger.died_at_s, world.now_s = None, 600.0
    calm.opened(acts_in(store))
    assert calm._ages_s() == [(200.0, True)], "what is known already keeps its age"
    store.close()


def test_a_document_of_a_commit_that_was_torn_is_in_force_where_the_card_has_it(tmp_path: Path) -> None:
    def desired(version: int) -> dict[str, str]:
        return {"desired": m.encode(m.Desired(room="r", version=version)).decode("utf-8")}

    store = SqliteStore(tmp_path / "room.db")
    world: Any = SimpleNamespace(
        now_s=500.0, clock=SimpleNamespace(boot="b2", booted_s=450.0, moved=False),
        ledger=SimpleNamespace(died_at_s=None, committed={}),
    )  # fmt: skip
    judge = Judge(world)
    found = []
    for version in (3, 5, 4):  # one that goes back has forgotten, and is not believed
        store.commit(Batch(meta=desired(version)))
        judge.opened(store)
        found.append(judge.force and judge.force.version)
    assert found == [3, 5, 5]
    store.close()
