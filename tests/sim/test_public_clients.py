"""Public clients judge the simulated display, plugs, UPS, meter and sensor: they have to take these for devices.

Where such a client is wrong about devices, so may the simulator be: it is a witness, and no proof.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
import serial_asyncio
from aionut import AIONUTClient, NUTCommandError
from lgtv_rs232 import LgTV
from mhz19_async import mhz19
from pymodbus import FramerType
from pymodbus.client import ModbusSerialClient, ModbusTcpClient
from ShellyPy import Shelly
from ShellyPy.error import BadLogin, BadResponse
from tasmotadevicecontroller import AuthenticationError, TasmotaDevice
from tasmotadevicecontroller.tasmota_types import PowerType, StatusType

from sim.kinds import PASSWORD, RoomPlan
from sim.servers.lg import LgConversation
from sim.servers.mhz19 import WARM_UP_S, Mhz19Conversation
from sim.servers.nut import NutConversation
from sim.servers.outlets import VOLTAGE_V
from sim.servers.pzem import PzemConversation
from tests.sim.line import served
from tests.sim.stage import rack

WAIT_S = 10.0


def judged(talk: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(talk, WAIT_S))


def test_lg_by_lgtv_rs232(tmp_path: Path) -> None:
    with served(tmp_path, lambda room, clock: LgConversation(room, clock, 12)) as (room, _, serial):
        judge = LgTV(serial.removeprefix("serial://"), 12, update=False)
        assert judge.is_on
        assert judge.request("input", "check") == "hdmi1"
        assert judge.request("input", "hdmi2") is True
        assert room.display.input == "digital2"
        assert judge.request("screen_mute", "on") is True
        assert room.display.picture_muted
        assert judge.request("screen_mute", "check") == "on"
        assert judge.request("power", "off") is True
        assert not judge.is_on
        assert judge.request("input", "check") is False, "it refuses while it is off"
        other = LgTV(serial.removeprefix("serial://"), 3, update=False)
        assert not other.is_on, "nobody of this number is there"


def test_shelly_by_shellypy(tmp_path: Path) -> None:
    with rack(tmp_path, RoomPlan("r", "cisco_ws")) as made:
        room = made.rooms[0]
        host, _, port = room.plug_uri.removeprefix("http://").partition(":")
        judge = Shelly(host, port, login={"username": "admin", "password": PASSWORD})
        assert judge.relay(0)["output"] is True
        assert judge.relay(0)["voltage"] == VOLTAGE_V
        assert judge.relay(0, turn=False) == {"was_on": True}
        assert not room.physics.closed["codec"]
        assert judge.relay(0, turn=True) == {"was_on": False}
        assert judge.relay(0, turn=False, timer=60) == {"was_on": True}
        assert judge.relay(0)["timer_duration"] == 60
        assert judge.relay(0)["apower"] == 0.0
        with pytest.raises(BadResponse, match="-105"):
            judge.relay(7)
        with pytest.raises(BadLogin):
            Shelly(host, port, login={"username": "admin", "password": "sai"}).relay(0)


def test_tasmota_by_tasmotadevicecontroller(tmp_path: Path) -> None:
    with rack(tmp_path, RoomPlan("r", "cisco_http")) as made:
        room = made.rooms[0]

        def powered() -> bool:
            return room.physics.closed["codec"]

        async def judge() -> None:
            with pytest.raises(AuthenticationError):
                await TasmotaDevice.connect(room.plug_uri, "admin", "sai")
            plug = await TasmotaDevice.connect(room.plug_uri, "admin", PASSWORD)
            assert await plug.getPower() is True
            assert await plug.setPower(PowerType.OFF) is False
            assert not powered()
            assert await plug.setPower(PowerType.TOGGLE) is True
            assert powered()
            told = await plug.getStatus(StatusType.CONNECTED_SENSOR)
            assert told["StatusSNS"]["ENERGY"]["Voltage"] == VOLTAGE_V

        judged(judge())


def test_nut_by_aionut(tmp_path: Path) -> None:
    with served(tmp_path, NutConversation) as (room, tcp, _):
        assert room.ups is not None
        host, _, port = tcp.removeprefix("tcp://").partition(":")

        async def judge() -> None:
            client = AIONUTClient(host, int(port), "monitor", "right", persistent=False)
            assert await client.list_ups() == {"ups": "simulated"}
            assert await client.description("ups") == "simulated"
            told = await client.list_vars("ups")
            assert (told["ups.status"], told["battery.charge"]) == ("OL", "100")
            room.mains.volts = 0.0
            assert (await client.list_vars("ups"))["ups.status"].split()[0] == "OB"
            assert await client.list_commands("ups") == set()
            with pytest.raises(NUTCommandError, match="CMD-NOT-SUPPORTED"):
                await client.run_command("ups", "test.battery.start.quick")
            with pytest.raises(NUTCommandError, match="UNKNOWN-UPS"):
                await client.list_vars("khac")
            client.shutdown()

        judged(judge())


@pytest.mark.parametrize("line", ["tcp", "serial"])
def test_pzem004t_by_pymodbus(tmp_path: Path, line: str) -> None:
    with served(tmp_path, lambda room, clock: PzemConversation(room, clock, "room")) as (room, tcp, serial):
        host, _, port = tcp.removeprefix("tcp://").partition(":")
        judge = (
            ModbusTcpClient(host, port=int(port), framer=FramerType.RTU)
            if line == "tcp"
            else ModbusSerialClient(serial.removeprefix("serial://"), baudrate=9600)
        )
        assert judge.connect()
        try:
            words = judge.read_input_registers(0, count=10, device_id=1).registers
            assert words[0] / 10 == pytest.approx(room.mains.volts, abs=5)
            assert (words[3] + (words[4] << 16)) / 10 == pytest.approx(room.draw_w(), rel=0.2)
            assert words[7] / 10 == 50.0
            assert judge.read_input_registers(9, count=5, device_id=1).exception_code == 2
            assert judge.read_holding_registers(0, count=1, device_id=1).exception_code == 1
        finally:
            judge.close()


class Sensor(mhz19.MHZ19Protocol):  # type: ignore[misc]
    """The client of the sensor, and what it has understood."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    def event_received(self, event: dict[str, Any]) -> None:
        """Called for every frame whose sum is right."""
        self.heard.put_nowait(event)


def test_mhz19_by_pymhz19_async(tmp_path: Path) -> None:
    began_s = time.monotonic()
    later_s = 0.0

    def clock() -> float:
        return time.monotonic() + later_s

    with served(tmp_path, lambda room, _: Mhz19Conversation(room, clock)) as (room, _, serial):
        room.climate.co2_ppm = 1234.0

        async def judge() -> None:
            nonlocal later_s
            loop = asyncio.get_running_loop()
            transport, sensor = await serial_asyncio.create_serial_connection(
                loop, lambda: Sensor(loop), serial.removeprefix("serial://"), **Sensor.SERIAL_OPTIONS
            )
            try:
                await sensor.connected.wait()
                sensor.send_command(Sensor.Codes.GET_CLAMPED_CO2_TEMPERATURE)
                assert (await sensor.heard.get())["CO2"] == 410, "it warms up"
                later_s = WARM_UP_S + time.monotonic() - began_s
                sensor.send_command(Sensor.Codes.GET_CLAMPED_CO2_TEMPERATURE)
                told = await sensor.heard.get()
                assert (told["CO2"], told["temperature"]) == (1234, 25)
                assert "error" not in told
            finally:
                transport.close()

        judged(judge())
