"""The sound level in the room, where nobody's words are secret. Only the level leaves this file."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Mapping

from agent.config.devices import SoundConfig
from agent.core.facts import NoReading, Reading
from agent.devices.sensor import sound
from agent.transports.errors import LinkFault
from agent.transports.recorder import StoppedError, record_into
from agent.uplink.gate import MeteringGate


class SoundProbe:
    """Listens for one second a look, in a child process that lives no longer than that. Starts none while the gate is
    closed, and ends a running one when it closes."""

    def __init__(self, config: SoundConfig, gate: MeteringGate) -> None:
        if not config.device:
            raise ValueError("sound: device must be named, e.g. plughw:CARD=Microphone; arecord -L lists them")
        if not config.command:
            raise ValueError("sound: command must not be empty; it is arecord")
        if not 60 <= config.calibration_dbc <= 160:
            raise ValueError("sound: calibration_dbc must be 60..160")
        if not 2 <= config.timeout_s <= 20:
            raise ValueError("sound: timeout_s must be 2..20")
        self.name = "sound"
        self.keys: tuple[str, ...] = (sound.KEY,)
        self.period_s = config.period_s
        self.deadline_s = config.timeout_s + 5.0
        self._timeout_s = config.timeout_s
        self._calibration_dbc = config.calibration_dbc
        # One second is more than is read: a recorder that we cannot kill any more ends by itself.
        self._command = (
            *config.command, "-q", "-D", config.device, "-t", "raw", "-f", "S16_LE", "-r", str(sound.RATE_HZ),
            "-c", "1", "-d", "2",
        )  # fmt: skip
        self._gate = gate
        self._shut = False

    def observe(self) -> Mapping[str, Reading]:
        """Look once."""
        return {sound.KEY: self._level()}

    def _level(self) -> Reading:
        heard = bytearray(sound.WINDOW_BYTES)
        try:
            record_into(heard, self._command, self._timeout_s, self._stopped)
            samples = array("h", bytes(heard))
            if sys.byteorder == "big":
                samples.byteswap()
            reading = sound.level(samples, self._calibration_dbc)
            samples[:] = array("h", bytes(len(heard)))
        except StoppedError as stopped:
            return NoReading(str(stopped))
        except LinkFault as fault:
            return NoReading(fault.kind)
        finally:
            heard[:] = bytes(len(heard))
        # A meeting that became secret while we were reckoning: its level is not told either.
        return NoReading(why) if (why := self._stopped()) else reading

    def _stopped(self) -> str:
        return "link" if self._shut else self._gate.closed()

    def close(self) -> None:
        """Listen no more; a running recorder is ended."""
        self._shut = True
