"""Bugs around the engine: in loop, threads, actuators, outlets, publisher, session, trust and store."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Any

import msgspec

import agent.power.plug
import agent.power.relays
import agent.runtime.probe_threads
import agent.runtime.room
import agent.runtime.service
import agent.store.sqlite
import agent.uplink.dial
import agent.uplink.publisher
import agent.uplink.session
from agent.config.channel import RelayConfig
from agent.core.events import Observed, StartRemedy
from agent.core.facts import Instant, Observation
from agent.core.handover import Handover
from agent.power.actuators import Actuators
from agent.transports.errors import LinkFault
from agent.uplink.trust import Trust
from tests.prove.mutants.base import Patch, mutant
from wire import messages as m

# -- survivors of the agent's own tests, once


@mutant("relay lines fail in a cycle", real=True)
def guard_is_never_called() -> list[Patch]:
    """Nothing but the act's own thread gives power back."""
    return [(Actuators, "guard", lambda _self: [])]


@mutant("broker's name is never resolved", "an order", real=True)
def resolver_is_waited_for_without_end() -> list[Patch]:
    """A look-up that hangs is never left behind, and the thread that waits for it says that it is there."""
    return [(agent.uplink.dial, "DIAL_S", 1e9)]


@mutant("connection's thread stands still", "an order", real=True)
def watchdog_is_fed_for_a_dead_publisher() -> list[Patch]:
    """The service manager hears that all is well although the connection's thread goes round no more."""
    return [(agent.uplink.publisher.Publisher, "alive", lambda _self, _now_s, _limit_s=90.0: True)]


@mutant("acks of another epoch", "an order")
def ack_of_another_epoch_is_believed() -> list[Patch]:
    """Who acknowledges need not say of which epoch's numbers."""
    honest = agent.uplink.session.Session._acknowledged

    def acknowledged(self: Any, ack: m.Ack) -> int:
        return honest(self, msgspec.structs.replace(ack, epoch=self.who.epoch))

    return [(agent.uplink.session.Session, "_acknowledged", acknowledged)]


@mutant("thief with an old list of keys", real=True)
def older_list_of_keys_is_believed_after_a_restart() -> list[Patch]:
    """A restarted agent has forgotten which list of keys it knew."""
    honest = agent.runtime.service._trust

    def trust(config: Any, _known: str) -> Trust:
        return honest(config, "")

    return [(agent.runtime.service, "_trust", trust)]


def _synchronous(mode: str) -> list[Patch]:
    honest = agent.store.sqlite.SqliteStore._open

    def opened(self: Any) -> None:
        honest(self)
        self._db.execute(f"PRAGMA synchronous={mode}")

    return [(agent.store.sqlite.SqliteStore, "_open", opened)]


@mutant("board loses power", "codec hangs hard", late=True)
def commits_are_not_flushed() -> list[Patch]:
    """`PRAGMA synchronous=NORMAL`: a power cut takes what was committed lately."""
    return _synchronous("NORMAL")


@mutant("board loses power", "codec hangs hard", late=True)
def nothing_is_ever_flushed() -> list[Patch]:
    """`PRAGMA synchronous=OFF`: the same, and the kernel writes when it likes."""
    return _synchronous("OFF")


@mutant("a secret meeting is lost in a flood", real=True)
def overflow_is_told_to_nobody() -> list[Patch]:
    """A message of the hub that found no room is left out, and that is all."""
    honest = agent.uplink.publisher.Publisher._on_message

    def on_message(self: Any, *arguments: Any) -> None:
        honest(self, *arguments)
        self.overflowed = self._overran = False

    return [(agent.uplink.publisher.Publisher, "_on_message", on_message)]


@mutant("order is held back over a reconnect")
def nonces_outlive_a_reconnect() -> list[Patch]:
    """An order may name a nonce of the connection before."""
    honest = agent.uplink.session.Session.connected

    def connected(self: Any, now: Instant) -> None:
        kept = list(self._nonces)
        honest(self, now)
        self._nonces.extend(kept)

    return [(agent.uplink.session.Session, "connected", connected)]


@mutant("agent is killed in a cycle", real=True)
def outlets_are_left_alone_at_start() -> list[Patch]:
    """A cycle of a network outlet that a crash has interrupted is not ended by the next start."""
    honest = agent.power.relays.RoomRelays.__init__

    def made(self: Any, relays: Iterable[RelayConfig], off: Iterable[str] = (), factory: Any = None) -> None:
        relays = tuple(relays)
        honest(self, relays, {*off, *(relay.load for relay in relays if relay.networked)}, factory)

    return [(agent.power.relays.RoomRelays, "__init__", made)]


@mutant("connection falls silent", "an order", real=True)
def silent_connection_is_never_left() -> list[Patch]:
    """A broker that answers pings and nothing else is waited for, for ever."""
    return [(agent.uplink.publisher, "SILENT_S", 1e9)]


@mutant("agent is killed", "codec hangs hard")
def journal_keeps_two_acts() -> list[Patch]:
    """The journal forgets acts that a day's budget still counts."""
    return [(agent.store.sqlite, "ACTS_KEPT", 1)]


# -- what an attack on real parts has found


@mutant("an order as people join", "a call begins while the card stalls", real=True)
def looks_count_as_asked_when_taken_in() -> list[Patch]:
    """A look that has waited in the queue is as good as one that was just made."""

    def observed(name: str, readings: Any, _asked_s: float, _ended_s: float) -> Observed:
        return Observed(Observation(name, dict(readings)))

    return [(agent.runtime.probe_threads, "_observed", observed)]


@mutant("a call begins while an intent is written", real=True)
def interlock_is_not_asked_again() -> list[Patch]:
    """Between permit and act the card may take a minute, and nobody looks again."""

    def ask_again(self: agent.runtime.room.Room, order: StartRemedy, now: Instant) -> Handover:
        del self, order, now
        return Handover.BEGINS

    return [(agent.runtime.room.Room, "ask_again", ask_again)]


@mutant("outlet's word lags", real=True)
def word_of_an_outlet_is_believed_after_our_cut() -> list[Patch]:
    """An outlet that says that it gives power after our own cut is not told to give it."""
    honest = agent.power.plug.Plug._give

    def give(self: Any) -> None:
        with contextlib.suppress(LinkFault):
            if self._outlet.look(agent.power.plug.ORDER_S).on:
                self._is_on, self._given_at_s, self._looked_at_s = True, self._monotonic(), float("inf")
                return
        honest(self)

    return [(agent.power.plug.Plug, "_give", give)]
