"""The board the agent runs on: load, memory, card, temperature, supply. All from procfs and sysfs, without a library.

psutil would cost 7 MB of the 45 the agent may use, and hides what matters here (pi facts: `rpi_volt`, the SoC zone).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from agent.config.devices import SelfConfig
from agent.core.facts import NoReading, Reading
from agent.devices.base import checked
from agent.ports import LATE, InTime, Outcome, always
from agent.transports.command import run_command
from agent.transports.errors import LinkFault
from agent.transports.sysfs import named_folders, read_number, read_text

UNDERVOLTAGE_NOW = 1 << 0
"""Bit of `vcgencmd get_throttled`: under-voltage now (bit 16: since boot)."""
VCGENCMD_S = 3.0
REBOOT_S = 15.0


class SelfProbe:
    """Looks at the board."""

    name = "self"
    keys: tuple[str, ...] = (
        "self.cpu_pct",
        "self.mem_pct",
        "self.rss_mb",
        "self.disk_pct",
        "self.disk_readonly",
        "self.soc_temp_c",
        "self.undervoltage",
    )

    def __init__(self, config: SelfConfig) -> None:
        self._config = config
        self._sys = Path(config.sysfs_root)
        self._proc = Path(config.proc_root)
        self.period_s = config.period_s
        self.deadline_s = VCGENCMD_S + 5.0
        self._cpu_before: tuple[int, int] | None = None

    def observe(self) -> Mapping[str, Reading]:
        """Look once."""
        readings: dict[str, Reading] = {}
        for read in (self._cpu, self._memory, self._rss, self._disk, self._temperature, self._supply):
            readings |= read()
        return checked(readings)

    def _cpu(self) -> dict[str, Reading]:
        """Load since the last look, all cores together; the first look has nothing to compare with."""
        key = "self.cpu_pct"
        try:
            ticks = [int(word) for word in read_text(self._proc / "stat").splitlines()[0].split()[1:9]]
        except LinkFault as fault:
            return {key: NoReading(fault.kind)}
        except (ValueError, IndexError):
            return {key: NoReading("garbled")}
        if len(ticks) < 5:
            return {key: NoReading("garbled")}
        total, idle = sum(ticks), ticks[3] + ticks[4]
        before, self._cpu_before = self._cpu_before, (total, idle)
        if before is None or total <= before[0]:
            return {key: NoReading("stale")}
        return {key: max(0.0, min(100.0, 100.0 * (1 - (idle - before[1]) / (total - before[0]))))}

    def _memory(self) -> dict[str, Reading]:
        try:
            rows = dict(line.split(":", 1) for line in read_text(self._proc / "meminfo").splitlines() if ":" in line)
            total, free = (float(rows[name].split()[0]) for name in ("MemTotal", "MemAvailable"))
            return {"self.mem_pct": 100.0 * (1 - free / total)}
        except LinkFault as fault:
            return {"self.mem_pct": NoReading(fault.kind)}
        except (KeyError, ValueError, IndexError, ZeroDivisionError):
            return {"self.mem_pct": NoReading("garbled")}

    def _rss(self) -> dict[str, Reading]:
        """Resident memory in MB (10^6 bytes)."""
        try:
            pages = int(read_text(self._proc / "self/statm").split()[1])
            return {"self.rss_mb": pages * os.sysconf("SC_PAGE_SIZE") / 1e6}
        except LinkFault as fault:
            return {"self.rss_mb": NoReading(fault.kind)}
        except (ValueError, IndexError):
            return {"self.rss_mb": NoReading("garbled")}

    def _disk(self) -> dict[str, Reading]:
        """Space as `df` counts it, and the flag a file system gets when errors made the kernel stop writing.

        Nothing is written to find out: a dying card should not be worn by its own check.
        """
        try:
            stat = os.statvfs(self._config.state_path)
        except OSError:
            return {"self.disk_pct": NoReading("link"), "self.disk_readonly": NoReading("link")}
        used = stat.f_blocks - stat.f_bfree
        usable = used + stat.f_bavail
        return {
            "self.disk_pct": 100.0 * used / usable if usable else NoReading("absent"),
            "self.disk_readonly": bool(stat.f_flag & os.ST_RDONLY),
        }

    def _temperature(self) -> dict[str, Reading]:
        key = "self.soc_temp_c"
        try:
            return {key: read_number(self._sys / "class/thermal/thermal_zone0/temp") / 1000}
        except LinkFault as fault:
            return {key: NoReading("absent" if fault.kind == "link" else fault.kind)}

    def _supply(self) -> dict[str, Reading]:
        key = "self.undervoltage"
        for folder in named_folders(self._sys / "class/hwmon", "rpi_volt"):
            try:
                return {key: read_number(folder / "in0_lcrit_alarm") != 0}
            except LinkFault:
                continue
        if not self._config.vcgencmd:
            return {key: NoReading("absent")}
        try:
            return {key: throttled_now(run_command(self._config.vcgencmd, VCGENCMD_S))}
        except LinkFault as fault:
            return {key: NoReading("absent" if fault.kind == "link" else fault.kind)}

    def close(self) -> None:
        """Nothing is kept open."""


class BoardEffector:
    """Starts the board anew. The journal holds the intent by then; every relay line falls to "powered"."""

    remedies = frozenset({"board_reboot"})

    def __init__(self, command: tuple[str, ...]) -> None:
        self._command = command

    def perform(self, remedy: str, in_time: InTime = always) -> Outcome:
        """Give the order. What becomes of it is known to the next start only."""
        del remedy
        if not in_time():
            return Outcome(ok=False, reason=LATE, proof={"sent": False})
        try:
            run_command(self._command, REBOOT_S)
        except LinkFault as fault:
            return Outcome(ok=False, reason=fault.kind)
        return Outcome(ok=True)


def throttled_now(text: str) -> Reading:
    """Under-voltage out of `throttled=0x50005`."""
    head, _, value = text.strip().partition("=0x")
    if head != "throttled":
        return NoReading("garbled")
    try:
        return bool(int(value, 16) & UNDERVOLTAGE_NOW)
    except ValueError:
        return NoReading("garbled")
