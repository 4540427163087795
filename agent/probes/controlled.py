"""A display or a camera on its control line: looked at, and told apart from a fault of the line."""

from __future__ import annotations

import importlib
from dataclasses import replace

from agent.config.devices import CameraConfig, DisplayConfig
from agent.core.facts import NoReading
from agent.devices.base import Login
from agent.devices.setup import Setup
from agent.ports import Asked
from agent.probes.families import Family, load
from agent.probes.lines import Access, parse_line
from agent.probes.link import api_reading
from agent.probes.names import Resolver
from agent.probes.reach import Target, check, host_lives
from agent.probes.streamlink import StreamLink
from agent.probes.turns import InterruptedPoll, cut_short
from agent.transports.errors import LinkFault

PING_S = 1.0
"""Only after a connection that timed out: is its host there?"""
TIMEOUT_S = (2.0, 20.0)
NUMBERS = range(255)
"""Of a device on its line, where the family does not say less."""


class ControlledProbe:
    """One device with a control line. Raises ValueError when it is made of settings that cannot be."""

    def __init__(self, kind: str, config: DisplayConfig | CameraConfig, setup: Setup) -> None:
        family = load(config.family, kind)
        if not TIMEOUT_S[0] <= config.timeout_s <= TIMEOUT_S[1]:
            raise ValueError(f"{kind}: timeout_s must be {TIMEOUT_S[0]:g}..{TIMEOUT_S[1]:g}")
        try:
            line = parse_line(config.uri, family.port, family.bauds, family.schemes)
        except ValueError as error:
            raise ValueError(f"{kind}: {error}") from error
        self.name = kind
        self.family: Family = replace(family, session=lambda _login, nonce: family.session(setup, nonce))
        self.keys = family.keys
        self.period_s = config.period_s
        self.deadline_s = config.timeout_s + PING_S + 5.0
        self._timeout_s = config.timeout_s
        self._resolver = Resolver()
        self._host = line.host
        self.link = StreamLink(self.family, line, Access(setup.login), self._resolver)

    def observe(self) -> Asked:
        """Look once. What a look that gave way has not been answered is left out."""
        try:
            found = self.link.observe(self._timeout_s)
        except InterruptedPoll:
            return cut_short()
        except LinkFault as fault:
            api = api_reading(self.link, fault, host_is_up=self._host_is_up(fault))
            found = Asked(dict.fromkeys(self.keys, NoReading(fault.kind)) | {f"{self.name}.api": api})
        ours = Asked({key: found[key] for key in self.keys if key in found}, found.asked_s)
        ours.cut_short = found.cut_short
        return ours

    def _host_is_up(self, fault: LinkFault) -> bool:
        if not self._host or self.link.opened or fault.kind != "timeout":
            return False
        return any(map(host_lives, check({"host": Target("icmp", self._host)}, PING_S, self._resolver).values()))

    def close(self) -> None:
        """Let go."""
        self.link.close()


def display_probe(config: DisplayConfig) -> ControlledProbe:
    """The display's probe. Raises ValueError with one sentence for the technician."""
    module = importlib.import_module(f"agent.devices.display.{load(config.family, 'display').name}")
    if config.input and not module.input_code(config.input):
        raise ValueError(f"display: {config.family} has no input {config.input!r}; there are: {module.INPUTS}")
    _check_number("display", config.number, getattr(module, "NUMBERS", NUMBERS))
    probe = ControlledProbe("display", config, Setup(Login("", config.password), config.number, config.input))
    if not config.input:
        probe.keys = tuple(key for key in probe.keys if key != "display.input_right")
    return probe


def camera_probe(config: CameraConfig) -> ControlledProbe:
    """The camera's probe. Raises ValueError with one sentence for the technician."""
    module = importlib.import_module(f"agent.devices.camera.{load(config.family, 'camera').name}")
    _check_number("camera", config.number, module.NUMBERS)
    return ControlledProbe("camera", config, Setup(number=config.number))


def _check_number(kind: str, number: int, numbers: range) -> None:
    if number not in numbers:
        raise ValueError(f"{kind}: number must be {numbers[0]}..{numbers[-1]}")


def display_orders(config: DisplayConfig) -> frozenset[str]:
    """What the display can be told: its input only when the settings say which."""
    remedies = load(config.family, "display").remedies
    return remedies if config.input else remedies - {"display_input"}
