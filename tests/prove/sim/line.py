"""The way between room and hub, and the people at the centre who use it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from agent.session import Outgoing
from tests.prove.sim.board import Board
from tests.prove.sim.client import SimClient
from tests.prove.sim.far import Hub
from tests.prove.sim.post import Post

if TYPE_CHECKING:
    from tests.prove.sim.world import World


class Line:
    """Connections that come and go, and the post both ways."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.broker_up = True
        self.names_hang = False
        """The next time that the agent asks for the broker's address it never gets an answer."""
        self.client: SimClient | None = None
        """The connection of an agent whose publisher is its own."""
        self._connecting: Board | None = None
        self.up, self.down = Post(world.dice, world.later), Post(world.dice, world.later)
        self.hub = Hub(world.database.parent, world.dice, self._send_down, world.later)

    def works(self) -> bool:
        """Whether a message could pass between room and broker."""
        return self.broker_up and self._world.place.room.hub_up()

    def tend(self) -> None:
        """Connect or disconnect the agent."""
        world = self._world
        board = world.board
        if not isinstance(board, Board):
            return
        if board.session.online and not self.works():
            board.session.disconnected()
        elif not board.session.online and self.works() and self._connecting is not board:
            self._connecting = board
            world.later(world.dice.uniform(0.2, 8.0), lambda: self._connect(board), board)

    def _connect(self, board: Board) -> None:
        self._connecting = None
        if self.works() and not board.session.online:
            board.session.connected(board.now)
            self.hub.greet()
            board.turn()

    def publish(self, out: Outgoing) -> None:
        """The agent publishes."""
        self.carry(lambda: self.hub.hear(out.topic, out.payload, out.retain, self._world.now_s))

    def carry(self, deliver: Callable[[], None]) -> None:
        """Carry a message of the agent's to the broker, as far as the way is there."""
        self._world.ledger.counted["messages"] += 1
        if self.works():
            self.up.send(deliver)

    def arrive(self, topic: str, payload: bytes, retained: bool) -> None:
        """A message has come down to an agent whose publisher is its own."""
        if self.client is not None:
            self.client.arrive(topic, payload, retained)

    def _send_down(self, topic: str, payload: bytes, retained: bool) -> None:
        if self.works():
            self.down.send(lambda: self._world.deliver(topic, payload, retained))

    # -- the people at the centre

    def order(self, action: str, how: str) -> None:
        """The centre orders, in good order or as an attacker or a broken broker would."""
        ordered = self._world.ledger.ordered
        ident = f"o{len(ordered) + 1}"
        ordered[ident] = how in ("good", "twice")
        spoilt: dict[str, dict[str, Any]] = {
            "wrong boot": {"boot": "f" * 32},
            "bad nonce": {"nonce": "0" * 16},
            "old counter": {"counter": 0},
            "foreign": {"room": "another"},
        }
        topic, payload = self.hub.order(ident, action, **spoilt.get(how, {}))
        for _ in range(2 if how == "twice" else 1):
            self._send_down(topic, payload, how == "retained")
