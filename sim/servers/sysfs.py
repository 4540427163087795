"""The parts of /sys that an agent reads, as a folder of files. Every file is replaced at once, never half written."""

from __future__ import annotations

import random
from pathlib import Path

from sim.physics import RoomPhysics


class SysfsTree:
    """One room's sensors and network port, as the kernel's drivers would show them (device facts, "Environment")."""

    INTERFACE = "eth0"

    def __init__(self, root: Path, seed: int = 0) -> None:
        self.root = root
        self._chance = random.Random(seed)
        self._written: dict[str, str] = {}

    def update(self, room: RoomPhysics) -> None:
        """Write what has changed."""
        air, chance = room.climate, self._chance
        iio, hwmon = "bus/iio/devices", "class/hwmon"
        temp = round((air.temp_c + chance.gauss(0, 0.03)) * 1000)
        rack = round((air.rack_c(room.draw_w()) + chance.gauss(0, 0.03)) * 1000)
        files = {
            f"{iio}/iio:device0/name": "bme280",
            f"{iio}/iio:device0/in_temp_input": str(temp),
            f"{iio}/iio:device0/in_humidityrelative_input": str(round(air.humidity_pct * 1000)),
            f"{iio}/iio:device0/in_pressure_input": "100.8",
            f"{iio}/iio:device1/name": "bh1750",
            f"{iio}/iio:device1/in_illuminance_raw": str(round(air.light_lx(room.lamp_on()) / 0.83333)),
            f"{iio}/iio:device1/in_illuminance_scale": "0.833330",
            f"{hwmon}/hwmon0/name": "cpu_thermal",
            f"{hwmon}/hwmon0/temp1_input": "48200",
            f"{hwmon}/hwmon1/name": "rpi_volt",
            f"{hwmon}/hwmon1/in0_lcrit_alarm": "0",
            "class/thermal/thermal_zone0/type": "cpu-thermal",
            "class/thermal/thermal_zone0/temp": "48200",
            "bus/w1/devices/28-0316a2f0b1ff/temperature": str(rack),
            "bus/w1/devices/28-0316a2f0b1ff/name": "28-0316a2f0b1ff",
            f"class/net/{self.INTERFACE}/carrier": str(int(room.link_up())),
            f"class/net/{self.INTERFACE}/operstate": "up" if room.link_up() else "down",
        }
        for name, text in files.items():
            if self._written.get(name) != text:
                self._written[name] = text
                self._write(self.root / name, text)

    @staticmethod
    def _write(path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.new")
        fresh.write_text(text + "\n", "ascii")
        fresh.replace(path)
