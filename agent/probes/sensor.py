"""Environment sensors that the kernel serves in sysfs, found anew on every look: indices change, names do not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from agent.config.devices import SensorConfig
from agent.core.facts import NoReading, Reading
from agent.devices.sensor import kernel
from agent.transports.errors import LinkFault
from agent.transports.sysfs import named_folders, read_number


class SensorProbe:
    """Looks at one chip."""

    def __init__(self, config: SensorConfig) -> None:
        self._config = config
        self._root = Path(config.sysfs_root)
        self.keys = kernel.keys(config.chip, config.place)
        if not self.keys:
            raise ValueError(f"a {config.chip} in the rack measures nothing we use there")
        if config.chip == "ds18b20" and config.serial and not config.serial.startswith("28-"):
            raise ValueError(f"1-wire serial {config.serial!r} must look like 28-0316a2f0b1ff")
        self.name = f"sensor-{config.chip}-{config.place}"
        self.period_s = config.period_s
        self.deadline_s = 10.0

    def observe(self) -> Mapping[str, Reading]:
        """Look once. A chip that is not there is "link": cable, address or overlay."""
        readings: dict[str, Reading] = {}
        for channel, folder in self._channels():
            key = kernel.key_of(channel.quantity, self._config.place)
            if key in self.keys and key not in readings and (folder / channel.file).exists():
                readings[key] = self._read(key, channel, folder)
        return {key: readings.get(key, NoReading("link")) for key in self.keys}

    def _channels(self) -> Iterator[tuple[kernel.Channel, Path]]:
        if self._config.chip == "ds18b20":
            pattern = self._config.serial or "28-*"
            for folder in sorted((self._root / "bus/w1/devices").glob(pattern)):
                yield from ((channel, folder) for channel in kernel.ONE_WIRE)
            return
        for name in kernel.names_of(self._config.chip):
            for folder in named_folders(self._root / "bus/iio/devices", name):
                yield from ((channel, folder) for channel in kernel.IIO)
            for folder in named_folders(self._root / "class/hwmon", name):
                yield from ((channel, folder) for channel in kernel.HWMON)

    def _read(self, key: str, channel: kernel.Channel, folder: Path) -> Reading:
        try:
            scale = read_number(folder / channel.scale_file) if channel.scale_file else 1.0
            has_offset = channel.offset_file and (folder / channel.offset_file).exists()
            offset = read_number(folder / channel.offset_file) if has_offset else 0.0
            return kernel.reading(key, channel, read_number(folder / channel.file), scale, offset)
        except LinkFault as fault:
            return NoReading(fault.kind)

    def close(self) -> None:
        """Nothing is kept open."""
