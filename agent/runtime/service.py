"""Puts the agent of one room together, in the order in which a room must come up: power first."""

from __future__ import annotations

import gc
import logging
import secrets
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import agent.rules
from agent import __version__
from agent.config.pace import shortened_rules
from agent.config.room import AgentConfig
from agent.core.facts import Value
from agent.core.policy import Policy
from agent.core.remedies import REMEDIES, Method
from agent.power.actuators import Actuators
from agent.power.relays import RoomRelays
from agent.power.rescue import DATABASE
from agent.runtime import starts
from agent.runtime.board import serial_number
from agent.runtime.checkin import CheckIn, came_back
from agent.runtime.loop import Loop
from agent.runtime.room import Room, off_loads
from agent.store.base import Batch, Memory, Store, StoreError
from agent.store.sqlite import SqliteStore
from agent.store.unwritten import UnwrittenStore, mended, open_store
from agent.transports.clock import SystemClock, boot_id
from agent.uplink.gate import MeteringGate
from agent.uplink.heed import surely_of
from agent.uplink.publisher import Publisher
from agent.uplink.session import FLOOR, Session, desired_from
from agent.uplink.trust import Trust, read_root
from wire import sd_notify

log = logging.getLogger(__name__)

STUCK_S = 3600.0
JOURNAL_BROKEN_S = 300.0
JOURNAL_ASK_S = 60.0


class Service:
    """One room's agent. Making it re-powers what a crash has left off; `run` blocks until `stop`."""

    def __init__(self, config: AgentConfig) -> None:
        """Raises RelayError or ConfigError with one sentence; power is restored before any of the rest."""
        self._clock = SystemClock()
        self._folder = Path(config.state_dir)
        boot = boot_id()
        self._store = open_store(self._folder / DATABASE, serial_number())
        memory = self._store.remember(boot)
        self._store.surely = surely_of(memory.meta)
        policy = config.policy(frozenset())
        # This powers all equipment, and so ends a cycle that a crash has interrupted.
        self._relays = RoomRelays(config.relays, left_off(memory, policy))

        from agent.probes.attended import AttendedProbe
        from agent.probes.build import build_probes

        gate = MeteringGate()
        probes, effectors = build_probes(config.probes, gate)
        probes.append(AttendedProbe(self._folder, boot))
        apis = frozenset(name for effector in effectors for name in effector.remedies)
        mono_s = self._clock.now().mono_s
        self._starts = self._count_start(memory.meta, boot, mono_s)
        policy = replace(config.policy(apis), safe_mode=self._starts.safe(mono_s))
        if policy.safe_mode:
            left_min = (self._starts.safe_until_s - mono_s) / 60
            log.error("crashes in a row: safe mode, nothing will be switched for %.0f minutes", left_min)
        if config.time_scale != 1.0:
            log.warning("time_scale %g: durations are shortened; for demonstrations only", config.time_scale)
        rules = shortened_rules(agent.rules.load(), config.time_scale)
        room = Room(rules, policy, self._store, boot, __version__, config.room, time_scale=config.time_scale)
        now = self._clock.now()
        counted = {"crashes": self._starts.crashes, "power_cuts": self._starts.power_cuts}
        room.restore(now, counted | _state_of(self._store) | came_back(__version__))
        self._check_in = CheckIn(self._folder, __version__, now.mono_s)
        desired = desired_from(memory.meta.get("desired", ""))
        if desired is not None:
            room.feed(desired, now)
        self._room = room
        session = Session(
            room.who,
            self._store,
            lambda: secrets.token_hex(8),
            trust=_trust(config, memory.meta.get("keys", "")),
            counter=int(memory.meta.get("counter", "0")),
            desired_version=desired.version if desired else 0,
            desired_floor=int(memory.meta.get(FLOOR, "0")),
            hub_epoch=memory.meta.get("hub_epoch", ""),
        )
        broker = replace(config.broker, time_scale=config.time_scale)
        self._publisher = Publisher(session, broker, self._clock, lambda: self._loop.wake())
        self._actuators = Actuators(
            self._relays, effectors, lambda done: self._loop.put(done), self._draw_w,
            monotonic=lambda: self._clock.now().mono_s,
        )  # fmt: skip
        self._loop = Loop(
            room, probes, self._actuators, self._clock, publisher=self._publisher,
            feed_watchdog=self._feed, on_clock_synced=self._synced, gate=gate,
        )  # fmt: skip
        self._fed_s = 0.0
        self._journal_seen_s = self._journal_asked_s = time.monotonic()

    def run(self) -> None:
        """Work until `stop`; then power is back on everything, and the hub knows that the end was on purpose."""
        # What is here now stays. Without it the collector looks at the rest, faults of lines with their tracebacks,
        # only when that has grown to a quarter of everything: megabytes, in a room where nothing answers.
        gc.collect()
        gc.freeze()
        self._publisher.start()
        sd_notify.notify("READY=1")
        log.info("agent %s of room %s is up", __version__, self._room.who.room)
        try:
            self._loop.run()
        finally:  # whatever ended the loop: a load that is off in mid cycle gets its power back
            sd_notify.notify("STOPPING=1")
            self._actuators.close()
        self._loop.finish()
        self._room.remember_meta(starts.KEY, starts.text(starts.ended(self._starts)))
        self._room.commit(self._clock.now())
        self._publisher.close()
        self._relays.close()
        self._store.close()

    def stop(self) -> None:
        """End `run` within a second; safe to call from a signal handler."""
        self._loop.stop()

    def _count_start(self, meta: Mapping[str, str], boot: str, mono_s: float) -> starts.Starts:
        """Count this start, and keep it at once: one that dies before its first turn counts as well."""
        counted = starts.begun(starts.parse(meta.get(starts.KEY, "")), boot, mono_s)
        try:
            self._store.commit(Batch(meta={starts.KEY: starts.text(counted)}))
        except StoreError as error:
            log.error("this start is not counted: %s", error)
        return counted

    def _draw_w(self, load: str, since_s: float) -> float | None:
        """What a load draws, by a fresh reading made after this moment of the monotonic clock; None when unknown."""
        if load not in ("codec", "display"):
            return None
        view = self._room.state.view(self._clock.now())
        at = view.seen(f"{load}.draw_w").good_at
        return view.number(f"{load}.draw_w") if at is not None and at.mono_s >= since_s else None

    def _synced(self, synced: bool) -> None:
        self._clock.synced = synced

    def _feed(self) -> None:
        """Feed the service manager's watchdog, at most once a second."""
        if time.monotonic() - self._fed_s >= 1.0:
            self._fed_s = time.monotonic()
            sd_notify.notify("WATCHDOG=1")
            sound = self._store.durable and not self._room.state.policy.safe_mode
            self._check_in.mind(self._clock.now().mono_s, heard=self._publisher.heard, sound=sound)
            self._mind_journal()
            self._mind_safe_mode()
            self._mind_line()

    def _mind_safe_mode(self) -> None:
        """End safe mode when it has lasted long enough: a room may never be given up."""
        now = self._clock.now()
        if self._room.state.policy.safe_mode and not self._starts.safe(now.mono_s):
            self._starts = starts.lifted(self._starts, now.mono_s)
            self._room.remember_meta(starts.KEY, starts.text(self._starts))
            self._room.end_safe_mode(now)

    def _mind_line(self) -> None:
        """End in good order, to be started again, when every try to reach the hub has hung for an hour: a new start has
        none of them. Not while something is being restarted; the room needs no hub for that."""
        if self._publisher.stuck_s() > STUCK_S and not self._room.state.acts:
            log.error("nothing could be tried for an hour to reach the hub: starting anew")
            self.stop()

    def _mind_journal(self) -> None:
        """End, to be started again, when that will mend the journal: a new start sets a broken file aside, goes on
        without a journal on a card that has become read-only, and takes up the journal of one that was mended."""
        now_s = time.monotonic()
        if self._store.durable:
            if not self._room.journal_broken:
                self._journal_seen_s = now_s
            elif now_s - self._journal_seen_s > JOURNAL_BROKEN_S:
                log.error("the journal has been broken for five minutes: starting anew")
                self.stop()
        elif now_s - self._journal_asked_s > JOURNAL_ASK_S:
            self._journal_asked_s = now_s
            if mended(self._folder / DATABASE):
                log.warning("the card can be written again: starting anew, with a journal")
                self.stop()


def left_off(memory: Memory, policy: Policy) -> frozenset[str]:
    """Loads that get no power at the start: those left off on purpose, but for one whose cycle was interrupted."""
    cycles = {act.load for act in memory.open_acts if _is_cycle(act.remedy)}
    return frozenset(off_loads(memory, policy)) - cycles


def _is_cycle(remedy: str) -> bool:
    return remedy in REMEDIES and REMEDIES[remedy].method is Method.CYCLE


def _state_of(store: Store) -> dict[str, Value]:
    """What the hub is told of the store at start, beyond the usual."""
    if isinstance(store, UnwrittenStore):
        return {"no_journal": store.why[:200]}
    if not isinstance(store, SqliteStore):
        return {}
    told: dict[str, Value] = {"set_aside": store.set_aside} if store.set_aside else {}
    if store.unreadable:
        told["unreadable_rows"] = store.unreadable
    return told | ({"latches_doubted": True} if store.latches_doubted else {})


def _trust(config: AgentConfig, known: str) -> Trust:
    """Whom this room believes: its root, and the list of keys that it knew when it ended."""
    trust = Trust(read_root(config.root_key) if config.root_key else b"", accept_unsigned=config.accept_unsigned)
    if known:
        refused = trust.learn(known.encode())
        if refused:
            log.warning("the list of keys in the journal is not believed (%s): one from the hub is awaited", refused)
    return trust
