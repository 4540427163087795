"""The conference PC, through a shell over SSH: one short conversation a look, and one an order."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from agent.core.facts import NoReading, Reading
from agent.devices.pc import _shell, linux, windows
from agent.ports import Outcome
from agent.probes.config import PcConfig
from agent.probes.lines import PORTS
from agent.probes.names import Resolver, split_host_port
from agent.transports.errors import LinkFault
from agent.transports.holdoff import HoldOff
from agent.transports.ssh import KNOWN_HOSTS, SshPeer, SshStream

SYSTEMS: dict[str, ModuleType] = {windows.SYSTEM: windows, linux.SYSTEM: linux}
TIMEOUT_S = (2.0, 20.0)
ORDER_S = 15.0
CONNECT_S = 4.0
SLICE_S = 0.5


class PcProbe:
    """Looks at the PC, and opens the conference software anew."""

    name = "pc"

    def __init__(self, config: PcConfig, *, witness: bool) -> None:
        """`witness`: there is no codec, so the PC says whether a call is up. Raises ValueError with one sentence."""
        if config.system not in SYSTEMS:
            raise ValueError(f"pc: system {config.system!r} must be one of {', '.join(SYSTEMS)}")
        scheme, _, authority = config.uri.partition("://")
        if scheme != "ssh":
            raise ValueError(f"pc: {config.uri!r} must be ssh://HOST")
        try:
            self._host, self._port = split_host_port(authority.rstrip("/"), PORTS["ssh"])
        except ValueError as error:
            raise ValueError(f"pc: {error}") from error
        if not config.user:
            raise ValueError("pc: user is missing; give the account that the meetings run under")
        if not TIMEOUT_S[0] <= config.timeout_s <= TIMEOUT_S[1]:
            raise ValueError(f"pc: timeout_s must be {TIMEOUT_S[0]:g}..{TIMEOUT_S[1]:g}")
        self._process = _shell.checked_name("pc.process", config.process)
        if config.system == linux.SYSTEM and len(config.process) > linux.PROCESS_MAX:
            raise ValueError(
                f"pc.process: Linux chỉ giữ {linux.PROCESS_MAX} chữ của tên"
                f" / keeps {linux.PROCESS_MAX} letters of a name:"
                f" write {config.process[: linux.PROCESS_MAX]!r}"
            )
        self._restart = _shell.checked_name("pc.restart", config.restart) if config.restart else ""
        self._system = SYSTEMS[config.system]
        self._config = config
        self.keys = tuple(key for key in self._system.KEYS if witness or key != "codec.in_call")
        self.remedies = frozenset({"pc_app_restart"}) if self._restart else frozenset()
        self.period_s = config.period_s
        self.deadline_s = config.timeout_s + CONNECT_S + 6.0
        self._resolver = Resolver()
        self._hold = HoldOff()
        self._lock = threading.Lock()
        self._stream: SshStream | None = None
        self._closed = False

    def observe(self) -> Mapping[str, Reading]:
        """Look once."""
        try:
            sections = self._converse(self._system.look(self._process), self._system.COMMANDS, self._config.timeout_s)
        except LinkFault as fault:
            # Nobody answers at a host that we can reach: that is a word about the PC. The rest is about us.
            dead = fault.kind in ("timeout", "refused")
            silent: dict[str, Reading] = dict.fromkeys(self.keys, NoReading(fault.kind))
            return silent | ({"pc.alive": False} if dead else {})
        found = {"pc.alive": True, **self._system.facts(self._process, sections)}
        return {key: found[key] for key in self.keys}

    def perform(self, remedy: str) -> Outcome:
        """Open the conference software anew. Never raises."""
        if remedy not in self.remedies:
            return Outcome(ok=False, reason="not_fitted")
        try:
            (said,) = self._converse(self._system.order(self._restart), 1, ORDER_S)
        except LinkFault as fault:
            return Outcome(ok=False, reason=fault.kind, proof={"answer": str(fault)[:200]})
        return Outcome(ok=_shell.DONE in said, reason="" if _shell.DONE in said else "refused")

    def close(self) -> None:
        """Let go."""
        self._closed = True
        stream = self._stream
        if stream is not None:
            stream.close()

    def _converse(self, typed: bytes, count: int, timeout_s: float) -> list[list[str]]:
        """Type, and wait for every section. Raises LinkFault."""
        deadline_s = time.monotonic() + timeout_s + CONNECT_S
        if not self._lock.acquire(timeout=timeout_s):
            raise LinkFault("link", "another conversation with the PC is under way")
        try:
            if self._closed:
                raise LinkFault("link", "closed by us")
            if self._hold.holds(time.monotonic()):
                raise LinkFault("denied", "the PC refused our password; waiting before the next try")
            self._stream = stream = self._opened()
            self._hold.accepted()
            try:
                return self._sections(stream, typed, count, deadline_s)
            finally:
                self._stream = None
                stream.close()
        finally:
            self._lock.release()

    def _opened(self) -> SshStream:
        peer = SshPeer(
            self._resolver.address(self._host),
            self._port,
            self._config.user,
            f"{self._host}:{self._port}",
            Path(self._config.trust_dir) / KNOWN_HOSTS,
        )
        try:
            return SshStream.open(peer, self._config.password, CONNECT_S, self._system.SHELL)
        except LinkFault as fault:
            if fault.kind == "denied":
                self._hold.refused(time.monotonic())
            raise

    @staticmethod
    def _sections(stream: SshStream, typed: bytes, count: int, deadline_s: float) -> list[list[str]]:
        stream.send(typed, SLICE_S * 4)
        sections = _shell.Sections(count)
        while (left_s := deadline_s - time.monotonic()) > 0:
            sections.feed(stream.recv(min(SLICE_S, left_s)))
            if sections.whole is not None:
                return sections.whole
            if sections.lost:
                raise LinkFault("garbled", "the PC's answer is longer than anybody would believe")
        raise LinkFault("timeout", "the PC's shell did not answer in time")
