"""A second board with a copy of the card: to broker and hub the two are one room.

It stands on a bench, without relays or devices, with the name and the journal of the other. Of two
connections of one name a broker lets one live, so that they take the room's name from each other again and again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from agent.core.events import Observed, OrderReceived, Tick
from agent.core.facts import Instant, Observation
from agent.runtime.room import Room
from agent.store.sqlite import SqliteStore
from agent.uplink.session import Session
from agent.uplink.trust import Trust
from tests.prove.sim.board import POLICY, RULES, Board
from tests.prove.sim.card import SimStore, files_of, leave
from tests.prove.sim.clock import BOOT_MONO_S, EPOCH_S

if TYPE_CHECKING:
    from tests.prove.sim.world import World

TURN_S = 10.0
TAKES_S = (15.0, 60.0)
"""How long one of the two keeps the connection."""


class Clone:
    """Made where the copy starts."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._began_s = world.now_s
        path = world.database.with_name("clone.db")
        leave(path, files_of(world.database))
        self.store = SqliteStore(path, "board-2")
        boot = f"{world.dice.getrandbits(128):032x}"
        self.room = Room(RULES, replace(POLICY, relays=frozenset(), apis=frozenset()), self.store, boot, "0", "sim")
        memory = self.store.remember(boot)
        self.room.restore(self.now)
        self.session = Session(
            self.room.who, self.store, world.nonce, trust=Trust(accept_unsigned=True),
            counter=int(memory.meta.get("counter", "0")), desired_version=self.room.state.desired_version,
            hub_epoch=memory.meta.get("hub_epoch", ""),
        )  # fmt: skip
        self.ended = False
        self._turn()
        self._take()

    @property
    def now(self) -> Instant:
        """Its own clocks: a time server is near."""
        now_s = self._world.now_s
        return Instant(BOOT_MONO_S + now_s - self._began_s, EPOCH_S + now_s, True)

    def _take(self) -> None:
        """It connects, and the room's own agent loses its connection; a while later that one is back."""
        world = self._world
        if self.ended:
            return
        if world.line.works():
            world.line.cut_off()
            self.session.connected(self.now)
            world.line.hub.greet()
            world.later(world.dice.uniform(0.2, 8.0), self.session.disconnected)
        world.later(world.dice.uniform(*TAKES_S), self._take)

    def _turn(self) -> None:
        world = self._world
        if self.ended:
            return
        # It watches nothing but its own line.
        self.room.feed(Observed(Observation("network", {"net.link": True, "net.hub": True})), self.now)
        self.room.feed(Tick(), self.now)
        for order in self.room.commit(self.now):
            raise AssertionError(f"a board without relays was handed {order.remedy.name}")
        for out in self.session.due(self.now):
            world.line.carry(lambda out=out: world.line.hub.hear(out.topic, out.payload, out.retain, world.now_s))  # type: ignore[misc]
        world.later(TURN_S, self._turn)

    def hear(self, topic: str, payload: bytes, retained: bool) -> None:
        """A message has come down while it held the connection."""
        incoming = self.session.received(topic, payload, retained, self.now)
        for key, value in incoming.meta.items():
            self.room.remember_meta(key, value)
        for event in incoming.events:
            if isinstance(event, OrderReceived):
                self._world.ledger.obeyed[event.command_id] += 1
                self._world.judge.acts_of[event.command_id] += 1
            self.room.feed(event, self.now)

    def end(self) -> None:
        """Somebody has found it."""
        if not self.ended:
            self.ended = True
            self.session.disconnected()
            self.store.close()


def may_begin(world: World) -> bool:
    """Whether there is a card to copy. Rooms whose messages are signed are left alone: the copy has no keys here."""
    board = world.board
    return isinstance(board, Board) and isinstance(board.store, SimStore) and world.clone is None
