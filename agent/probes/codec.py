"""The codec, seen from outside (ping, TCP, SIP) and through its control interface."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent.config.devices import CodecConfig
from agent.core.facts import NoReading, Reading
from agent.devices.base import IN_CALL, Login
from agent.devices.codec._baseline import KEYS as SETTINGS_KEYS
from agent.devices.codec._baseline import problem
from agent.ports import Asked
from agent.probes.families import Family, load
from agent.probes.lines import Access, Line, parse_line
from agent.probes.link import Link, api_reading
from agent.probes.names import Resolver
from agent.probes.reach import Target, check, device_reading, host_lives, parse
from agent.probes.streamlink import StreamLink
from agent.probes.turns import InterruptedPoll, cut_short
from agent.probes.weblink import HttpLink
from agent.transports.attempts import Answer
from agent.transports.clock import now_s
from agent.transports.errors import LinkFault
from agent.transports.trust import Trust

HOST = "host"
"""Name of the silent extra ping that tells a codec that is off from one whose control interface hangs."""


ATTEST_S = 4.5
"""How long the question about calls alone may take: the contract gives 5 s."""


class CodecProbe:
    """Looks at the codec, and can be asked about calls alone."""

    name = "codec"

    def __init__(self, config: CodecConfig) -> None:
        self._config = config
        family = load(config.family)
        line = parse_line(config.uri, family.port, family.bauds, family.schemes) if config.uri else None
        if line is None and family.keys:
            raise ValueError(f"codec family {family.name} needs a uri")
        self._resolver = Resolver()
        self._line = line
        self.link = _link(config, family, line, self._resolver)
        self._targets = _targets(config, line)
        reach_keys = tuple(key for key in self._targets if key != HOST)
        if config.baseline:
            _check_baseline(config.baseline, family)
        left_out = () if config.baseline else SETTINGS_KEYS
        api_keys = tuple(key for key in family.keys if key not in left_out) if self.link else ()
        self.keys = tuple(key for key in (*reach_keys, *api_keys) if key not in config.ignore)
        self.keys_of_api = tuple(key for key in self.keys if key not in self._targets)
        """The facts that come over the control interface."""
        self.period_s = config.period_s
        self.deadline_s = config.reach_timeout_s + (config.api_timeout_s if self.link else 0.0) + 6.0

    def observe(self) -> Asked:
        """Look once. What a look that gave way has not been answered is left out."""
        answers = check(self._targets, self._config.reach_timeout_s, self._resolver)
        readings = Asked({key: device_reading(answers[key]) for key in answers if key != HOST})
        if self.link is not None:
            api = self._api(self.link, answers)
            readings.update(api)
            readings.asked_s.update(api.asked_s)
            readings.cut_short = api.cut_short
        return self._ours(readings)

    def attest(self) -> Asked:
        """Whether a call is up, and nothing else: a look under way gives way.

        Empty where the codec says nothing of calls, and where it could not be asked: a look that has given way twice
        is let through first.
        """
        if self.link is None or IN_CALL not in self.keys:
            return Asked()
        began_s = now_s()
        try:
            return self._ours(self.link.attest(ATTEST_S))
        except InterruptedPoll:
            return Asked()
        except LinkFault as fault:
            return Asked({IN_CALL: NoReading(fault.kind)}, {IN_CALL: began_s})

    def _api(self, link: Link[Any], answers: Mapping[str, Answer]) -> Asked:
        began_s = now_s()
        try:
            return link.observe(self._config.api_timeout_s)
        except InterruptedPoll:
            return cut_short()
        except LinkFault as fault:
            lives = any(host_lives(answer) for answer in answers.values())
            api = api_reading(link, fault, host_is_up=lives)
            silent: dict[str, Reading] = dict.fromkeys(self.keys_of_api, NoReading(fault.kind))
            return Asked(silent | {"codec.api": api}, dict.fromkeys(self.keys_of_api, began_s))

    def _ours(self, found: Asked) -> Asked:
        ours = Asked({key: found[key] for key in self.keys if key in found}, found.asked_s)
        ours.cut_short = found.cut_short
        return ours

    def close(self) -> None:
        """Let go."""
        if self.link is not None:
            self.link.close()


def _link(config: CodecConfig, family: Family, line: Line | None, resolver: Resolver) -> Link[Any] | None:
    if line is None or not family.keys:
        return None
    folder = Path(config.trust_dir) if config.trust_dir else None
    trust = Trust(config.certificate, folder, old_tls=config.old_tls)
    access = Access(Login(config.user, config.password), trust, folder)
    kind = HttpLink if line.is_web else StreamLink
    return kind(family, line, access, resolver, config.volume_pct, config.baseline)


def _check_baseline(baseline: Mapping[str, str], family: Family) -> None:
    """Raise ValueError with one sentence when the room cannot have these settings."""
    if family.settings is None:
        raise ValueError(f"codec.baseline: {family.name} has no settings that can be read and written")
    if wrong := problem(baseline, family.settings):
        raise ValueError(wrong)


def _targets(config: CodecConfig, line: Line | None) -> dict[str, Target]:
    wanted = {"codec.ping": config.ping, "codec.tcp": config.tcp, "codec.sip": config.sip}
    targets = {key: parse(text) for key, text in wanted.items() if text and key not in config.ignore}
    if line is not None and not line.is_serial:
        targets[HOST] = Target("icmp", line.host)
    return targets
