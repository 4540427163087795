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
from agent import __version__, watchdog
from agent.actuators import Actuators
from agent.checkin import CheckIn, came_back
from agent.clock import SystemClock, boot_id
from agent.config import AgentConfig
from agent.core.facts import Value
from agent.core.remedies import REMEDIES, Method
from agent.gate import MeteringGate
from agent.loop import Loop
from agent.ports import RelayError
from agent.publisher import Publisher
from agent.relays import RoomRelays
from agent.rescue import DATABASE
from agent.room import Room, off_loads
from agent.session import Session, desired_from
from agent.store.base import Batch, Store, StoreError
from agent.store.sqlite import SqliteStore
from agent.store.unwritten import UnwrittenStore, mended, open_store
from agent.trust import Trust, read_root

log = logging.getLogger(__name__)

JOURNAL_BROKEN_S = 300.0
JOURNAL_ASK_S = 60.0
CRASHES_MAX = 5
CRASH_WINDOW_S = 600.0
"""So many starts without an orderly end in so short a time: safe mode, telemetry only (pi facts, watchdog)."""
STARTS_KEPT = 20


class Service:
    """One room's agent. Making it re-powers what a crash has left off; `run` blocks until `stop`."""

    def __init__(self, config: AgentConfig) -> None:
        """Raises RelayError or ConfigError with one sentence; power is restored before any of the rest."""
        self._clock = SystemClock()
        self._folder = Path(config.state_dir)
        boot = boot_id()
        self._store = open_store(self._folder / DATABASE)
        memory = self._store.remember(boot)
        policy = config.policy(frozenset())
        # This powers all equipment, and so ends a cycle that a crash has interrupted.
        self._relays = RoomRelays(config.relays, off_loads(memory.meta, policy))
        for act in memory.open_acts:
            if act.remedy in REMEDIES and REMEDIES[act.remedy].method is Method.CYCLE:
                self._repower(act.load)

        from agent.probes.attended import AttendedProbe
        from agent.probes.build import build_probes

        gate = MeteringGate()
        probes, effectors = build_probes(config.probes, gate)
        probes.append(AttendedProbe(self._folder, boot))
        apis = frozenset(name for effector in effectors for name in effector.remedies)
        crashes = self._count_start(memory.meta)
        policy = replace(config.policy(apis), safe_mode=crashes >= CRASHES_MAX)
        if policy.safe_mode:
            log.error("%d crashes in ten minutes: safe mode, nothing will be switched", crashes)
        if policy.time_scale != 1.0:
            log.warning("time_scale %g: every duration is shortened; for demonstrations only", policy.time_scale)
        room = Room(agent.rules.load(), policy, self._store, boot, __version__, config.room)
        now = self._clock.now()
        room.restore(now, {"crashes": crashes} | _state_of(self._store) | came_back(__version__))
        self._check_in = CheckIn(self._folder, __version__, boot, now.mono_s)
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
        self._sound = self._store.durable and not policy.safe_mode
        self._journal_seen_s = self._journal_asked_s = time.monotonic()

    def run(self) -> None:
        """Work until `stop`; then power is back on everything, and the hub knows that the end was on purpose."""
        # What is here now stays. Without it the collector looks at the rest, faults of lines with their tracebacks,
        # only when that has grown to a quarter of everything: megabytes, in a room where nothing answers.
        gc.collect()
        gc.freeze()
        self._publisher.start()
        watchdog.notify("READY=1")
        log.info("agent %s of room %s is up", __version__, self._room.who.room)
        try:
            self._loop.run()
        finally:  # whatever ended the loop: a load that is off in mid cycle gets its power back
            watchdog.notify("STOPPING=1")
            self._actuators.close()
        self._loop.finish()
        self._room.remember_meta("starts", "")
        self._room.commit(self._clock.now())
        self._publisher.close()
        self._relays.close()
        self._store.close()

    def stop(self) -> None:
        """End `run` within a second; safe to call from a signal handler."""
        self._loop.stop()

    def _repower(self, load: str) -> None:
        for _ in range(3):
            try:
                if self._relays.prod(load):
                    log.warning("power was given back to %s: its cycle had been interrupted", load)
                return
            except RelayError as error:
                log.error("could not give power back to %s: %s", load, error)

    def _count_start(self, meta: Mapping[str, str]) -> int:
        """How many starts without an orderly end there were lately, besides this one."""
        now_s = self._clock.now().wall_s
        before = [float(x) for x in meta.get("starts", "").split()]
        recent = [at_s for at_s in before if 0 <= now_s - at_s <= CRASH_WINDOW_S]
        # Kept at once: a start that dies before its first turn counts as well.
        starts = " ".join(str(int(at_s)) for at_s in [*recent, now_s][-STARTS_KEPT:])
        try:
            self._store.commit(Batch(meta={"starts": starts}))
        except StoreError as error:
            log.error("this start is not counted: %s", error)
        return len(recent)

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
            watchdog.notify("WATCHDOG=1")
            self._check_in.mind(self._clock.now().mono_s, heard=self._publisher.heard, sound=self._sound)
            self._mind_journal()

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


def _state_of(store: Store) -> dict[str, Value]:
    """What the hub is told of the store at start, beyond the usual."""
    if isinstance(store, UnwrittenStore):
        return {"no_journal": store.why[:200]}
    return {"set_aside": store.set_aside} if isinstance(store, SqliteStore) and store.set_aside else {}


def _trust(config: AgentConfig, known: str) -> Trust:
    """Whom this room believes: its root, and the list of keys that it knew when it ended."""
    trust = Trust(read_root(config.root_key) if config.root_key else b"", accept_unsigned=config.accept_unsigned)
    if known:
        refused = trust.learn(known.encode())
        if refused:
            log.warning("the list of keys in the journal is not believed (%s): one from the hub is awaited", refused)
    return trust
