"""Power comes back before anything else, also when the configuration has been spoilt meanwhile."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import msgspec
import pytest
from gpiozero.devices import Device
from gpiozero.pins.mock import MockFactory, MockPin

from agent.config.channel import RelayConfig
from agent.core.events import PastAct
from agent.core.facts import Instant
from agent.core.policy import make_policy
from agent.main import main
from agent.power import rescue
from agent.runtime.service import left_off
from agent.store.base import ActRow, Batch, LoadRow, Memory
from agent.store.sqlite import SqliteStore

TABLE = (RelayConfig("codec", 17), RelayConfig("switch", 18), RelayConfig("light", 22, "no"))
driven: list[tuple[str, bool]] = []


class Noted(MockPin):
    """A mock pin that says what it was driven to."""

    def output_with_state(self, state: bool) -> None:
        super().output_with_state(state)
        driven.append((str(self.info.name), bool(state)))


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A room.toml whose last good version left a table behind, and pins that can be watched."""
    driven.clear()
    monkeypatch.setattr(Device, "pin_factory", MockFactory(pin_class=Noted))
    state = tmp_path / "state"
    state.mkdir()
    body = msgspec.json.encode({"room": "r-1", "relays": TABLE, "more": 1})
    (state / rescue.CACHE).write_bytes(b"mark\n" + body)
    config = tmp_path / "room.toml"
    config.write_text(f'[room]\nid = "r-1"\nstate_dir = "{state}"\nmistake = 1\n', "utf-8")
    return config


def begin(config: Path, act_id: int, remedy: str, load: str, method: str) -> SqliteStore:
    store = SqliteStore(rescue.state_dir(config) / rescue.DATABASE)
    store.commit(Batch(begun=[ActRow(act_id, remedy, load, method, 1.0, 2.0, True, "b")]))
    return store


def test_an_interrupted_cycle_gets_its_power_whatever_the_file_says(room: Path) -> None:
    begin(room, 1, "codec_power_cycle", "codec", "cycle")  # never closed, as after a kill: its journal is still hot
    assert rescue.power_up(room) == {"codec"}
    assert driven == [("GPIO17", False)], "only that relay, straight to rest"


def test_the_services_own_command_gives_it_back(room: Path) -> None:
    begin(room, 1, "codec_power_cycle", "codec", "cycle")
    assert main(["rescue", "--config", str(room)]) == 0
    assert driven == [("GPIO17", False)]


def test_ended_acts_and_acts_without_a_relay_move_nothing(room: Path) -> None:
    begin(room, 1, "codec_restart", "codec", "api").close()
    store = begin(room, 2, "switch_power_cycle", "switch", "cycle")
    store.commit(Batch(ended=[(2, "done")]))
    store.close()
    assert rescue.power_up(room) == frozenset()
    assert driven == []


def test_a_lamp_that_was_switched_off_stays_off(room: Path) -> None:
    begin(room, 1, "light_off", "light", "off").close()
    assert rescue.power_up(room) == frozenset()


@pytest.mark.parametrize("spoil", ["no database", "bad database", "no table", "bad table", "bad config"])
def test_what_is_missing_or_spoilt_stops_nothing(room: Path, spoil: str) -> None:
    state = rescue.state_dir(room)
    if spoil != "no database":
        begin(room, 1, "codec_power_cycle", "codec", "cycle").close()
    if spoil == "bad database":
        (state / rescue.DATABASE).write_bytes(b"\xa5" * 9000)
    if spoil == "no table":
        (state / rescue.CACHE).unlink()
    if spoil == "bad table":
        (state / rescue.CACHE).write_bytes(b"x\n{")
    if spoil == "bad config":
        room.write_text("[room", "utf-8")
    assert rescue.power_up(room) == ({"codec", "switch"} if spoil == "bad database" else frozenset())


def test_of_an_act_that_cannot_be_read_the_load_gets_power(room: Path) -> None:
    begin(room, 1, "codec_power_cycle", "codec", "cycle").close()
    database = rescue.state_dir(room) / rescue.DATABASE
    for change, lit in (
        ("outcome = 'dxne'", {"codec"}),
        ("method = x'ff'", {"codec"}),
        ("load = x'00', outcome = 'done'", {"codec"}),
        ("load = 'codxc', remedy = 'x'", {"codec", "switch"}),
    ):
        with sqlite3.connect(database) as db:
            db.execute(f"UPDATE acts SET {change}")
        assert rescue.power_up(room) == lit, change
    SqliteStore(database).close()  # has dropped it, and ended before it gave power
    with sqlite3.connect(database) as db:
        assert db.execute("SELECT count(*) FROM acts").fetchone() == (0,)
    assert rescue.power_up(room) == {"codec", "switch"}
    (database.parent / f"{rescue.DATABASE}-wal").unlink(missing_ok=True)
    database.unlink()
    database.mkdir()
    assert rescue.power_up(room) == {"codec", "switch"}, "not even a file"


def test_a_line_that_cannot_be_had_is_tried_and_reported(
    room: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    begin(room, 1, "codec_power_cycle", "codec", "cycle").close()
    monkeypatch.setattr(Device, "pin_factory", None)
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "no_such_factory")
    assert rescue.power_up(room) == frozenset()
    assert caplog.text.count("could not give power back") == rescue.TRIES


def test_a_start_leaves_off_what_was_switched_off_but_for_an_interrupted_cycle() -> None:
    policy = make_policy()
    off = {load: LoadRow(off=True) for load in ("amplifier", "display", "light")} | {"fan": LoadRow()}
    assert left_off(Memory(loads=off), policy) == {"amplifier", "light"}, "equipment is never left off"
    at = Instant(1.0, 2.0)
    acts = tuple(
        PastAct(n, remedy, load, at, same_boot=True)
        for n, (remedy, load) in enumerate((("codec_power_cycle", "amplifier"), ("light_off", "light")), 1)
    )
    assert left_off(Memory(loads=off, open_acts=acts), policy) == {"light"}
    assert left_off(Memory(loads=off, doubted=frozenset({"light"})), policy) == {"amplifier"}
    assert left_off(Memory(loads=off, lost=True), policy) == frozenset(), "dark is worse than lit"
