"""Smart plugs: our driver against simulated ones over real sockets, and what becomes of a room when things fail."""

from __future__ import annotations

import asyncio
import queue
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from agent.commands.doctor import RESTS, _outlet
from agent.config.channel import RelayConfig
from agent.config.devices import MeterConfig
from agent.core.events import RemedyDone, StartRemedy
from agent.core.facts import NoReading, Reading
from agent.core.remedies import LOADS, REMEDIES
from agent.core.state import Act
from agent.devices.power._outlets import Rest
from agent.ports import RelayError
from agent.power import rescue
from agent.power.actuators import Actuators
from agent.power.plug import Plug
from agent.power.relays import RoomRelays, light_up
from agent.probes.outlet import OutletMeterProbe, open_outlet
from agent.store.base import ActRow, Batch
from agent.store.sqlite import SqliteStore
from agent.transports.errors import LinkFault
from sim.hardware import RoomHardware
from sim.kinds import PASSWORD, RoomPlan
from sim.servers.apc import STATE
from tests.sim.stage import rack

FAMILIES = {"shelly": "cisco_ws", "tasmota": "cisco_http", "apc_rpdu2": "cisco_ssh"}
GIVES_BACK = ("shelly", "tasmota")
"""Those that end a cycle by themselves, measure, and know a password from silence."""
WAIT_S = 20.0


@pytest.fixture(params=FAMILIES)
def room(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RoomHardware]:
    """A room whose codec hangs on a plug of each family."""
    with rack(tmp_path, RoomPlan("r", FAMILIES[request.param])) as made:  # type: ignore[arg-type]
        yield made.rooms[0]


@pytest.fixture(params=GIVES_BACK)
def plugged(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RoomHardware]:
    """A room whose codec hangs on a smart plug."""
    with rack(tmp_path, RoomPlan("r", FAMILIES[request.param])) as made:  # type: ignore[arg-type]
        yield made.rooms[0]


def relay(room: RoomHardware, password: str = PASSWORD) -> RelayConfig:
    family = next(family for family, kind in FAMILIES.items() if kind == room.plan.kind)
    return RelayConfig("codec", family=family, uri=room.plug_uri, password=password)


def powered(room: RoomHardware) -> bool:
    return room.physics.closed["codec"]


def until(condition: Callable[[], bool], what: str) -> None:
    end_s = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end_s, what
        time.sleep(0.02)


def cycle(off_s: float) -> StartRemedy:
    remedy = REMEDIES["codec_power_cycle"]
    return StartRemedy(Act(1, remedy.name, "codec", 0.0, 60.0), remedy, replace(LOADS["codec"], off_s=off_s))


def test_a_plug_is_cut_and_gives_power_and_says_so(room: RoomHardware) -> None:
    relays = RoomRelays([relay(room)])
    relays.cut("codec")
    assert not powered(room)
    assert relays.powered("codec") is False
    relays.restore("codec")
    assert powered(room)
    assert relays.powered("codec") is True
    relays.close()


def test_a_whole_cycle_leaves_proof_and_power(room: RoomHardware) -> None:
    relays = RoomRelays([relay(room)])
    done: queue.Queue[RemedyDone] = queue.Queue()
    Actuators(relays, [], done.put).start(cycle(1.0))
    outcome = done.get(timeout=WAIT_S)
    assert outcome.ok, outcome
    if room.plan.kind == FAMILIES["tasmota"]:
        assert "line_cut" not in outcome.proof, "to ask would end the cut"
    else:
        assert outcome.proof["line_cut"] is True
    assert powered(room)
    relays.close()


def test_a_cycle_lasts_as_long_as_it_should_though_the_meter_looks(plugged: RoomHardware) -> None:
    """Any command ends a `Delay` of Tasmota's: after 0.2 s the codec would have had power again."""
    assert plugged.plug is not None
    relays, told = RoomRelays([relay(plugged)]), relay(plugged)
    probe = OutletMeterProbe(MeterConfig("codec", told.family, told.uri, password=PASSWORD))
    done: queue.Queue[RemedyDone] = queue.Queue()
    Actuators(relays, [], done.put).start(cycle(2.0))
    seen: set[Reading] = set()
    while done.empty():
        seen.add(probe.observe()["codec.draw_w"])
        time.sleep(0.05)
    assert done.get().ok
    (cut_s, off), (given_s, on) = plugged.plug.moves[-2:]
    assert (off, on) == (False, True)
    assert given_s - cut_s >= 2.0
    quiet = {NoReading("busy")} if told.family == "tasmota" else {0.0}
    assert quiet <= seen
    assert isinstance(probe.observe()["codec.draw_w"], float), "it is asked again afterwards"
    relays.close()
    probe.close()


def test_no_order_ends_the_cut_of_another_relay(plugged: RoomHardware) -> None:
    first, told = open_outlet(relay(plugged)), relay(plugged)
    first.cut(100.0, 3.0)
    if told.family == "tasmota":
        second = open_outlet(replace(told, load="display", number=2))
        for act in (lambda: second.cut(1.0, 3.0), lambda: second.look(3.0), lambda: first.rests(3.0)):
            with pytest.raises(LinkFault) as caught:
                act()
            assert caught.value.kind == "busy"
    assert not powered(plugged)
    first.give(3.0)
    assert powered(plugged)
    assert first.look(3.0).on is True


def test_power_comes_back_by_itself_when_whoever_cut_it_is_gone(plugged: RoomHardware) -> None:
    outlet = open_outlet(relay(plugged))
    outlet.cut(1.0, 3.0)
    outlet.close()
    assert not powered(plugged)
    until(lambda: powered(plugged), "the plug did not give power back")


def test_a_fresh_agent_ends_the_cycle_of_a_dead_one_at_once(room: RoomHardware) -> None:
    open_outlet(relay(room)).cut(100.0, 3.0)
    assert light_up([relay(room)], 5.0) == {"codec"}
    assert powered(room)


def test_an_outlet_whose_word_lags_is_given_power_after_a_cut_all_the_same(room: RoomHardware) -> None:
    """It still says "on" from before the cut when the cycle ends."""
    assert room.plug is not None
    room.plug.lag_s = 5.0
    relays = RoomRelays([relay(room)])
    until(lambda: relays.prod("codec"), "it did not have power at first")
    done: queue.Queue[RemedyDone] = queue.Queue()
    relays.cut("codec", None)  # none of its own timers helps
    assert relays.powered("codec") is True, "as it says"
    relays.restore("codec")
    assert powered(room)
    Actuators(relays, [], done.put).start(cycle(1.0))
    assert done.get(timeout=WAIT_S).ok
    assert powered(room)
    relays.close()


def test_a_fresh_agent_does_not_believe_a_lagging_word_about_the_cut_of_a_dead_one(room: RoomHardware) -> None:
    assert room.plug is not None
    room.plug.lag_s = 60.0
    open_outlet(relay(room)).cut(100.0, 3.0)
    assert light_up([relay(room)], 5.0) == {"codec"}
    assert powered(room)


def test_a_service_that_starts_ends_the_cycle_that_a_dead_one_has_left_open(room: RoomHardware, tmp_path: Path) -> None:
    """What ends it before the configuration is read, from the journal and the last good table alone."""
    state = tmp_path / "state"
    state.mkdir()
    config = tmp_path / "room.toml"
    config.write_text(f'[room]\nid = "r"\nstate_dir = "{state}"\n', "utf-8")
    secret = tmp_path / "plug.pw"
    secret.write_text(PASSWORD + "\n", "utf-8")
    secret.chmod(0o600)
    table = [relay(room, str(tmp_path / "gone")), relay(room, str(secret))]
    body = msgspec.json.encode({"room": "r", "relays": [replace(table[0], load="display"), table[1]]})
    (state / rescue.CACHE).write_bytes(b"mark\n" + body)
    store = SqliteStore(state / rescue.DATABASE)
    begun = [
        ActRow(number, f"{load}_power_cycle", load, "cycle", 1.0, 2.0, True, "b")
        for number, load in enumerate(("display", "codec"), 1)
    ]
    store.commit(Batch(begun=begun))
    store.close()
    open_outlet(relay(room)).cut(None, 3.0)
    assert not powered(room)
    assert rescue.power_up(config) == {"codec"}, "also when another outlet's password is gone"
    assert powered(room)


def test_whoever_takes_the_outlets_gives_power_to_all_that_must_not_be_off(room: RoomHardware) -> None:
    open_outlet(relay(room)).cut(None, 3.0)
    relays = RoomRelays([relay(room)], off=["light"])
    until(lambda: powered(room), "nobody gave power back")
    relays.close()


def test_what_was_left_off_stays_off(room: RoomHardware) -> None:
    open_outlet(relay(room)).cut(None, 3.0)
    relays = RoomRelays([relay(room)], off=["codec"])
    assert relays.powered("codec") is False
    assert not powered(room)
    relays.close()


def test_an_outlet_that_stays_silent_is_a_trouble_until_it_answers(
    room: RoomHardware, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert room.plug is not None
    monkeypatch.setattr("agent.power.plug.ORDER_S", 0.3)
    room.plug.deaf = True
    relays = RoomRelays([relay(room)])
    until(lambda: "codec" in relays.faults(), "nobody says that it does not answer")
    room.plug.deaf = False
    until(lambda: relays.faults() == {}, "the trouble has not ended")
    relays.close()


def test_a_plug_whose_web_server_hangs_in_mid_cycle_has_power_all_the_same_and_is_told_of(
    plugged: RoomHardware, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert plugged.plug is not None
    monkeypatch.setattr("agent.power.plug.ORDER_S", 0.3)
    plug = Plug("codec", open_outlet(relay(plugged)))
    plug.cut(1.0)
    plugged.plug.deaf = True
    assert plug.powered() is None
    with pytest.raises(RelayError):
        plug.restore()
    until(lambda: powered(plugged), "the plug did not give power back")
    assert not plug.prod(), "nobody has said that it is on"
    plugged.plug.deaf = False
    until(plug.prod, "the worker did not find out")
    plug.close()


def test_an_answer_that_was_lost_may_have_cut(room: RoomHardware, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order arrives, its answer does not: the act fails, and power is given back."""
    assert room.plug is not None
    moved = room.plug.move

    def move_and_hang(on: bool, flip_after_s: float | None = None) -> None:
        moved(on, flip_after_s)
        if not on:
            raise SystemError("the plug's web server dies here")

    monkeypatch.setattr("agent.power.plug.ORDER_S", 0.3)
    monkeypatch.setattr(room.plug, "move", move_and_hang)
    relays = RoomRelays([relay(room)])
    done: queue.Queue[RemedyDone] = queue.Queue()
    actuators = Actuators(relays, [], done.put)
    actuators.start(cycle(60.0))
    outcome = done.get(timeout=WAIT_S)
    assert (outcome.ok, outcome.reason) == (False, "relay")
    until(lambda: powered(room), "power was not given back")
    relays.close()


def test_a_wrong_password_is_tried_once_and_never_passes_for_an_order(plugged: RoomHardware) -> None:
    outlet = open_outlet(relay(plugged, "sai"))
    for words in ("refuses", "refused our password; waiting"):
        with pytest.raises(LinkFault, match=words if plugged.plan.kind == "cisco_ws" else "password|denied") as caught:
            outlet.cut(None, 3.0)
        assert caught.value.kind == "denied"
    assert powered(plugged)


def test_its_meter_tells_the_draw(plugged: RoomHardware) -> None:
    told = relay(plugged)
    probe = OutletMeterProbe(MeterConfig("codec", told.family, told.uri, password=PASSWORD))
    assert probe.keys == ("codec.draw_w",)
    before = probe.observe()["codec.draw_w"]
    assert isinstance(before, float)
    assert before > 10
    open_outlet(told).cut(None, 3.0)
    assert probe.observe() == {"codec.draw_w": 0.0}
    probe.close()


def test_a_silent_plug_is_no_reading_of_zero(plugged: RoomHardware) -> None:
    assert plugged.plug is not None
    plugged.plug.deaf = True
    told = relay(plugged)
    probe = OutletMeterProbe(MeterConfig("room", told.family, told.uri, password=PASSWORD, timeout_s=0.3))
    assert set(probe.observe().values()) == {NoReading("timeout")}
    assert probe.keys == ("room.draw_w", "mains.voltage_v", "mains.frequency_hz")


def test_what_it_does_after_a_power_cut_can_be_asked(plugged: RoomHardware) -> None:
    assert plugged.plug is not None
    outlet = open_outlet(relay(plugged))
    assert outlet.rests(3.0) is Rest.ON
    plugged.plug.pulse_s = 0.5
    assert outlet.rests(3.0) is Rest.MOVES
    outlet.give(3.0)
    until(lambda: not powered(plugged), "its own timer does not cut")
    outlet.close()


def test_the_technician_is_told_of_a_plug_that_cuts_by_itself(
    plugged: RoomHardware, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert plugged.plug is not None
    plugged.plug.pulse_s = 5.0
    _outlet(relay(plugged))
    said = capsys.readouterr().out
    assert RESTS[Rest.MOVES] in said
    assert RESTS[Rest.DARK] not in said


def test_each_relay_of_a_plug_has_its_own_draw(tmp_path: Path) -> None:
    with rack(tmp_path, RoomPlan("r", FAMILIES["tasmota"])) as made:  # type: ignore[arg-type]
        room = made.rooms[0]
        assert room.plug is not None
        alone = OutletMeterProbe(MeterConfig("codec", "tasmota", room.plug_uri, password=PASSWORD))
        before = alone.observe()["codec.draw_w"]
        room.plug.others_w = (900.0,)
        assert alone.observe()["codec.draw_w"] == pytest.approx(before, rel=0.2)
        alone.close()


def test_a_strip_that_cannot_end_a_cycle_is_given_power_as_soon_as_it_can_be_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.power.plug.ORDER_S", 0.3)
    with rack(tmp_path, RoomPlan("r", "cisco_ssh")) as made:
        room = made.rooms[0]
        assert room.plug is not None
        relays = RoomRelays([relay(room)])
        relays.cut("codec", 1.0)
        room.plug.deaf = True
        with pytest.raises(RelayError):
            relays.restore("codec")
        assert not relays.prod("codec")
        assert not powered(room), "nothing in the strip has given it power"
        room.plug.deaf = False
        until(lambda: relays.prod("codec"), "the worker did not find it again")
        assert powered(room)
        relays.close()


def test_the_strip_of_the_simulator_is_read_by_a_public_client(tmp_path: Path) -> None:
    from pysnmp.hlapi.v3arch import asyncio as hlapi
    from pysnmp.hlapi.v3arch.asyncio.auth import CommunityData

    async def read(port: int, oid: str) -> tuple[object, int]:
        engine = hlapi.SnmpEngine()
        target = await hlapi.UdpTransportTarget.create(("127.0.0.1", port))
        error, status, _, rows = await hlapi.get_cmd(
            engine, CommunityData(PASSWORD, mpModel=0), target, hlapi.ContextData(),
            hlapi.ObjectType(hlapi.ObjectIdentity(oid)),
        )  # fmt: skip
        engine.close_dispatcher()
        return error or int(status), int(rows[0][1]) if rows and not int(status) else 0

    with rack(tmp_path, RoomPlan("r", "cisco_ssh")) as made:
        port = int(made.rooms[0].plug_uri.rpartition(":")[2])
        assert asyncio.run(read(port, STATE)) == (0, 2)
        open_outlet(relay(made.rooms[0])).cut(None, 3.0)
        assert asyncio.run(read(port, STATE)) == (0, 1), "1 is off in this generation"
        assert asyncio.run(read(port, "1.3.6.1.4.1.318.1.1.26.9.2.3.1.5.9"))[0] == 2
