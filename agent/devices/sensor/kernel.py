"""Environment sensors as the kernel's drivers show them: which file, which scale, which fact.

Source: device facts, "Environment". IIO: temperature in m°C, humidity in m%, light raw × scale. hwmon: m°C and m%.
DS18B20: m°C, and exactly 85000 is what the chip holds at power-up, not a reading.
"""

from __future__ import annotations

from dataclasses import dataclass

from agent.core.facts import NoReading, Reading, plausible
from agent.devices.about import About, Tested

ABOUT = About(
    "BME280, BME680, SHT3x, SHT4x, AHT10, HTU21, SI7020, DHT11, DHT22, LM75, BH1750, DS18B20, all "
    "through the kernel's drivers",
    (
        Tested(
            "I²C, GPIO, 1-wire: sysfs",
            "a folder of files as the kernel writes them",
            "tests/probes/test_network_and_board.py",
        ),
    ),
    facts=("env.temp_c", "env.rack_temp_c", "env.humidity_pct", "env.light_lx"),
    unseen="every chip: the files are those of the kernel's documentation",
)


@dataclass(frozen=True, slots=True)
class Channel:
    """One quantity of a chip: the fact's key is `env.` + `quantity`, its value file × scale file (or 1) × `factor`."""

    quantity: str
    file: str
    scale_file: str = ""
    factor: float = 1.0


IIO = (
    Channel("temp_c", "in_temp_input", factor=0.001),
    Channel("temp_c", "in_temp_raw", "in_temp_scale", 0.001),
    Channel("humidity_pct", "in_humidityrelative_input", factor=0.001),
    Channel("humidity_pct", "in_humidityrelative_raw", "in_humidityrelative_scale", 0.001),
    Channel("light_lx", "in_illuminance_input"),
    Channel("light_lx", "in_illuminance_raw", "in_illuminance_scale"),
)
"""Channels an IIO device may have; the first file that exists for a quantity is taken. Offsets are not used by any of
the chips named in the facts."""

HWMON = (
    Channel("temp_c", "temp1_input", factor=0.001),
    Channel("humidity_pct", "humidity1_input", factor=0.001),
)
ONE_WIRE = (Channel("temp_c", "temperature", factor=0.001),)
POWER_UP_MC = 85000.0

QUANTITIES: dict[str, tuple[str, ...]] = {
    "bme280": ("temp_c", "humidity_pct"),
    "bmp280": ("temp_c",),
    "bme680": ("temp_c", "humidity_pct"),
    "sht3x": ("temp_c", "humidity_pct"),
    "sht4x": ("temp_c", "humidity_pct"),
    "aht10": ("temp_c", "humidity_pct"),
    "aht20": ("temp_c", "humidity_pct"),
    "htu21": ("temp_c", "humidity_pct"),
    "si7020": ("temp_c", "humidity_pct"),
    "dht11": ("temp_c", "humidity_pct"),
    "lm75": ("temp_c",),
    "ds18b20": ("temp_c",),
    "bh1750": ("light_lx",),
}
"""What each known chip measures. A chip not named here is taken to measure temperature and humidity."""

ALIASES: dict[str, tuple[str, ...]] = {
    "dht11": ("dht11", "dht11@4"),
    "sht4x": ("sht4x", "sht40", "sht41", "sht45"),
    "htu21": ("htu21", "htu21d"),
    "lm75": ("lm75", "lm75a", "lm75b"),
}
"""Other words the `name` file may hold for a chip [M]."""


def names_of(chip: str) -> tuple[str, ...]:
    """The words to look for in `name` files."""
    return ALIASES.get(chip, (chip,))


def keys(chip: str, place: str) -> tuple[str, ...]:
    """The facts a chip at this place reports; in the rack only its temperature counts."""
    quantities = QUANTITIES.get(chip, ("temp_c", "humidity_pct"))
    if place == "rack":
        return ("env.rack_temp_c",) if "temp_c" in quantities else ()
    return tuple(f"env.{quantity}" for quantity in quantities)


def key_of(quantity: str, place: str) -> str:
    """The fact of a quantity at a place."""
    return "env.rack_temp_c" if place == "rack" and quantity == "temp_c" else f"env.{quantity}"


def reading(key: str, channel: Channel, raw: float, scale: float = 1.0) -> Reading:
    """The fact's value out of the number in the file."""
    if channel in ONE_WIRE and raw == POWER_UP_MC:
        return NoReading("stale")
    return plausible(key, raw * scale * channel.factor)
