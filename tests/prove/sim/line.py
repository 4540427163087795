"""The way between room and hub, and the people at the centre who use it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from agent.uplink.session import Outgoing
from hub.core import leases
from tests.prove.promised import CONFIRMED_GOOD_S
from tests.prove.sim.board import Board
from tests.prove.sim.client import SimClient
from tests.prove.sim.clock import EPOCH_S
from tests.prove.sim.far import ROOM, Hub
from tests.prove.sim.post import Post
from wire import messages as m
from wire.envelope import is_envelope, read
from wire.topics import FLEET, KEYS, Leaf, Topic

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
        self.foreign_acks = False
        self.handed: m.Desired | None = None
        """The newest document that was handed to the room's own client."""
        self.lists_kept: set[bytes] = set()
        """Lists of keys that the room's journal has ever held, as far as its card is honest."""
        self.granted_s = self.denied_s = float("-inf")
        """When the room has last taken such an answer about a lease."""
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

    def note_handed(self, topic: str, payload: bytes) -> None:
        """The client has handed this to the agent."""
        if is_envelope(payload) and topic.endswith(f"/{Leaf.DESIRED}"):
            desired = m.decode(m.Desired, read(payload).body())
            if self.handed is None or desired.version >= self.handed.version:
                self.handed = desired

    def note_taken(self, event: m.Event) -> None:
        """The room tells that it has taken the hub's answer about a lease."""
        self.granted_s = self._world.now_s if event.remedy == leases.GRANTED else self.granted_s
        self.denied_s = self._world.now_s if event.remedy == leases.DENIED else self.denied_s

    def _send_down(self, topic: str, payload: bytes, retained: bool) -> None:
        if self.works():
            self.down.send(lambda: self._world.deliver(topic, payload, retained), kept=retained)

    def cut_off(self) -> None:
        """The connection ends; nothing else is wrong."""
        board = self._world.board
        if isinstance(board, Board):
            board.session.disconnected()
        elif self.client is not None:
            self.client.drop()

    # -- who means no good

    def hold_back(self, action: str) -> None:
        """A good order is kept from the room until it has connected anew."""
        board = self._world.board
        ident = self._name(False)
        topic, payload = self.hub.order(ident, action)
        if board is None or not board.session.online:
            return
        before = board.session.connection
        self.cut_off()

        def hand_out(left: int) -> None:
            if board is self._world.board and board.session.online and board.session.connection > before:
                self._world.later(1.0, lambda: self._send_down(topic, payload, False))
            elif left:
                self._world.later(1.0, lambda: hand_out(left - 1))

        hand_out(110)

    def acknowledge_others(self) -> None:
        """Acknowledge, in another epoch's name, what this one has never sent. The hub itself is slow meanwhile."""
        if self.foreign_acks:
            ack = m.Ack(epoch="0" * 12, seq=2**40, hub=self.hub.epoch)
            self._send_down(str(Topic(ROOM, Leaf.ACK)), m.encode(ack), False)
            self._world.later(0.5, self.acknowledge_others)

    def poison(self, leaf: str, payload: bytes) -> None:
        """Something that nobody should have sent, on a topic of the room or of all."""
        topic = leaf if leaf in (FLEET, KEYS) else f"{str(Topic(ROOM, Leaf.ACK)).removesuffix(Leaf.ACK)}{leaf}"
        self._send_down(topic, payload, False)

    # -- the people at the centre

    def _name(self, good: bool) -> str:
        ordered = self._world.ledger.ordered
        ident = f"o{len(ordered) + 1}"
        ordered[ident] = good
        return ident

    def _said(self, ago_s: float) -> m.Confirmed:
        """What a person in the room has said on the telephone."""
        return m.Confirmed(person="Lê Thị Hoa", what="no_picture_no_sound", at_s=EPOCH_S + self._world.now_s - ago_s)

    def order(self, action: str, how: str) -> None:
        """The centre orders, in good order or as an attacker or a broken broker would."""
        if how == "stolen" and (self.hub.seals is None or self.hub.seals.lists[-1] not in self.lists_kept):
            return  # nothing is signed there, or the room cannot know yet that this key was stolen
        ident = self._name(how in ("good", "twice", "confirmed"))
        self._world.ledger.confirmed[ident] = how == "confirmed"
        spoilt: dict[str, dict[str, Any]] = {
            "wrong boot": {"boot": "f" * 32},
            "bad nonce": {"nonce": "0" * 16},
            "old counter": {"counter": 0},
            "foreign": {"room": "another"},
            "confirmed": {"confirmed": self._said(10.0)},
            "confirmed long ago": {"confirmed": self._said(CONFIRMED_GOOD_S + 60.0)},
        }
        topic, payload = self.hub.order(ident, action, stolen=how == "stolen", **spoilt.get(how, {}))
        for _ in range(2 if how == "twice" else 1):
            self._send_down(topic, payload, how == "retained")
