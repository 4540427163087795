"""Environment sensors as the kernel's drivers show them: which file, which scale, which fact.

Source: device facts, "Environment". IIO: temperature in m°C, humidity in m%, light raw × scale. hwmon: m°C and m%.
DS18B20: m°C, and exactly 85000 is what the chip holds at power-up, not a reading; nor is 0, which is what a line gives
that is held down: nothing but zeros, whose checksum is right (`00 … 00 : crc=00 YES`).

From the drivers of the kernel: `si7020` has an offset beside raw value and scale, and calls itself by its place on the
bus (`1-0040`); `sht4x` and `htu21` turn the chip's scale from -6 to 119 % into numbers as they come, so air that is
full of water reads more than 100 %.
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
    """One quantity of a chip: the fact's key is `env.` + `quantity`.

    Its value is (file + offset file, or 0) × scale file (or 1) × `factor`.
    """

    quantity: str
    file: str
    scale_file: str = ""
    factor: float = 1.0
    offset_file: str = ""
    """Only some drivers have it, beside the same raw value."""


IIO = (
    Channel("temp_c", "in_temp_input", factor=0.001),
    Channel("temp_c", "in_temp_raw", "in_temp_scale", 0.001, "in_temp_offset"),
    Channel("humidity_pct", "in_humidityrelative_input", factor=0.001),
    Channel(
        "humidity_pct", "in_humidityrelative_raw", "in_humidityrelative_scale", 0.001, "in_humidityrelative_offset"
    ),
    Channel("light_lx", "in_illuminance_input"),
    Channel("light_lx", "in_illuminance_raw", "in_illuminance_scale"),
)
"""Channels an IIO device may have; the first file that exists for a quantity is taken."""

HWMON = (
    Channel("temp_c", "temp1_input", factor=0.001),
    Channel("humidity_pct", "humidity1_input", factor=0.001),
)
ONE_WIRE = (Channel("temp_c", "temperature", factor=0.001),)
NO_READINGS_MC = (85000.0, 0.0)
"""Of a DS18B20: what it holds at power-up, and what a line gives that is held down."""
HUMIDITY_SCALE_PCT = (-6.0, 119.0)
"""Where the chips' own scale ends: what is beyond 0 and 100 within it is cut off, as Sensirion's data sheet tells."""

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
    "si7020": ("si7020", *(f"{bus}-0040" for bus in range(24))),
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


def reading(key: str, channel: Channel, raw: float, scale: float = 1.0, offset: float = 0.0) -> Reading:
    """The fact's value out of the numbers in the files."""
    if channel in ONE_WIRE and raw in NO_READINGS_MC:
        return NoReading("stale")
    value = (raw + offset) * scale * channel.factor
    low, high = HUMIDITY_SCALE_PCT
    if channel.quantity == "humidity_pct" and low <= value <= high:
        value = min(100.0, max(0.0, value))
    return plausible(key, value)
