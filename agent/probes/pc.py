"""The conference PC, through a shell over SSH: one short conversation a look, and one an order.

A look is one question, all of it typed at once; so is the one of a witness. A look that hangs gives way to it, and to
an order.
"""

from __future__ import annotations

import time
from pathlib import Path
from types import ModuleType

from agent.config.devices import PcConfig
from agent.core.facts import NoReading, Reading
from agent.devices.base import IN_CALL
from agent.devices.pc import _shell, linux, windows
from agent.ports import BUSY, Asked, InTime, LateError, Outcome, always
from agent.probes.lines import PORTS
from agent.probes.link import not_obeyed
from agent.probes.names import Resolver, split_host_port
from agent.probes.turns import TURN_S, GaveWay, InterruptedPoll, Turns, cut_short
from agent.transports.clock import now_s
from agent.transports.errors import LinkFault
from agent.transports.holdoff import HoldOff
from agent.transports.ssh import KNOWN_HOSTS, SshPeer, SshStream

SYSTEMS: dict[str, ModuleType] = {windows.SYSTEM: windows, linux.SYSTEM: linux}
TIMEOUT_S = (2.0, 20.0)
ORDER_S = 15.0
ATTEST_S = 4.5
"""How long the question about calls may take: the contract gives 5 s."""
CONNECT_S = 4.0
KEPT_S = 15.0
"""How long a conversation is kept whose order came too late: the next one finds it logged in."""
SLICE_S = 0.5


class PcProbe:
    """Looks at the PC, says whether a call is up where there is no codec, and opens the conference software anew."""

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
        self.deadline_s = config.timeout_s + CONNECT_S + TURN_S + 1.0
        self._resolver = Resolver()
        self._hold = HoldOff()
        self._turns = Turns()
        self._stream: SshStream | None = None
        self._kept_until_s = 0.0
        """Until when `_stream` is kept though nobody speaks; 0 when it is not."""
        self._typed_at_s = 0.0
        self._closed = False

    def observe(self) -> Asked:
        """Look once; empty when it gave way."""
        try:
            with self._turns.sweep():
                return self._looked(time.monotonic() + self._config.timeout_s + CONNECT_S)
        except InterruptedPoll:
            return cut_short()

    def attest(self) -> Asked:
        """Whether a call is up, where the PC is the one to say so: what decides it is all of what a look asks."""
        if IN_CALL not in self.keys:
            return Asked()
        deadline_s = time.monotonic() + ATTEST_S
        with self._turns.urgent(ATTEST_S / 2) as mine:
            if not mine:
                return Asked()
            found = self._looked(deadline_s)
        return Asked({IN_CALL: found[IN_CALL]}, found.asked_s)

    def _looked(self, deadline_s: float) -> Asked:
        began_s = now_s()
        found: dict[str, Reading]
        try:
            sections = self._converse(self._system.look(self._process), self._system.COMMANDS, deadline_s)
            found = {"pc.alive": True, **self._system.facts(self._process, sections)}
            began_s = self._typed_at_s
        except GaveWay:
            self._turns.leave_early()
            return cut_short()
        except LinkFault as fault:
            # Nobody answers at a host that we can reach: that is a word about the PC. The rest is about us.
            dead = fault.kind in ("timeout", "refused")
            found = dict.fromkeys(self.keys, NoReading(fault.kind))
            found |= {"pc.alive": False} if dead else {}
        return Asked({key: found[key] for key in self.keys}, dict.fromkeys(self.keys, began_s))

    def perform(self, remedy: str, in_time: InTime = always) -> Outcome:
        """Open the conference software anew. Never raises. `in_time` is asked when it has logged in."""
        if remedy not in self.remedies:
            return Outcome(ok=False, reason="not_fitted", proof={"sent": False})
        deadline_s = time.monotonic() + ORDER_S
        with self._turns.urgent(ORDER_S / 2) as mine:
            if not mine:
                return Outcome(ok=False, reason=BUSY, proof={"answer": "a look held the line", "sent": False})
            self._typed_at_s = 0.0
            try:
                (said,) = self._converse(self._system.order(self._restart), 1, deadline_s, in_time)
            except (LateError, LinkFault) as error:
                return not_obeyed(error, sent=self._typed_at_s > 0)
        return Outcome(ok=_shell.DONE in said, reason="" if _shell.DONE in said else "refused")

    def close(self) -> None:
        """Let go."""
        self._closed = True
        stream = self._stream
        if stream is not None:
            stream.close()

    def _converse(self, typed: bytes, count: int, deadline_s: float, in_time: InTime = always) -> list[list[str]]:
        """Type, and wait for every section; it is our turn. Raises LinkFault, LateError, GaveWay."""
        if self._closed:
            raise LinkFault("link", "closed by us")
        self._hold.check(time.monotonic(), "the PC")
        stream = self._kept() or self._opened(deadline_s)
        self._stream, self._kept_until_s = stream, 0.0
        try:
            self._hold.accepted()
            if not in_time():
                self._kept_until_s = time.monotonic() + KEPT_S
                raise LateError
            self._typed_at_s = now_s()
            stream.send(typed, SLICE_S * 4)
            return self._sections(stream, count, deadline_s)
        finally:
            if not self._kept_until_s:
                self._drop()

    def _kept(self) -> SshStream | None:
        """The conversation of an order that came too late, where it is still there."""
        stream = self._stream
        if stream is not None:
            try:
                stream.recv(0.0)  # its greeting, or that it has ended
                if time.monotonic() < self._kept_until_s:
                    return stream
            except LinkFault:
                pass
            self._drop()
        return None

    def _drop(self) -> None:
        stream, self._stream, self._kept_until_s = self._stream, None, 0.0
        if stream is not None:
            stream.close()

    def _opened(self, deadline_s: float) -> SshStream:
        peer = SshPeer(
            self._resolver.address(self._host),
            self._port,
            self._config.user,
            f"{self._host}:{self._port}",
            Path(self._config.trust_dir) / KNOWN_HOSTS,
        )
        try:
            timeout_s = max(1.0, min(CONNECT_S, deadline_s - time.monotonic()))
            return SshStream.open(peer, self._config.password, timeout_s, self._system.SHELL)
        except LinkFault as fault:
            if fault.kind == "denied":
                self._hold.refused(time.monotonic())
            raise

    def _sections(self, stream: SshStream, count: int, deadline_s: float) -> list[list[str]]:
        sections = _shell.Sections(count)
        while (left_s := deadline_s - time.monotonic()) > 0:
            if self._turns.must_give_way:
                raise GaveWay
            sections.feed(stream.recv(min(SLICE_S, left_s)))
            if sections.whole is not None:
                return sections.whole
            if sections.lost:
                raise LinkFault("garbled", "the PC's answer is longer than anybody would believe")
        raise LinkFault("timeout", "the PC's shell did not answer in time")
