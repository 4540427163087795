"""What the publisher takes for paho's client: a connection over the simulated way, with its broker."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from paho.mqtt.enums import MQTTErrorCode

from agent.uplink.session import Outgoing
from tests.prove.sim.threads import Stage
from wire.topics import FLEET

if TYPE_CHECKING:
    from tests.prove.sim.world import World

IDLE_S = 20.0
"""A connection in which nothing is to do is looked at so often; anything that happens wakes it."""
DEAD_S = (60.0, 90.0)
"""A line that is down is noticed by the keepalive after that long, if it is not up again before."""
CONNECT_S = 10.0


class SimClient:
    """One connection. Only what `agent.uplink.publisher` uses of paho."""

    def __init__(self, world: World, stage: Stage, will: Outgoing) -> None:
        self._world, self._stage, self._will = world, stage, will
        self.on_connect: Callable[..., None] = _nothing
        self.on_message: Callable[..., None] = _nothing
        self.on_publish: Callable[..., None] = _nothing
        self.stuck = False
        """The broker answers pings, and does nothing else any more."""
        self.frozen = False
        """The agent's thread that asks for news never comes back from it."""
        self._arrived: list[Callable[[], None]] = []
        self._open = self._up = False
        self.up_since_s = 0.0
        self._mid = 0
        self._patience_s = world.dice.uniform(*DEAD_S)
        self._down_since_s: float | None = None

    # -- of paho

    def socket(self) -> Any:
        """Something to close, while it is open."""
        return SimpleNamespace(close=self.drop) if self._open else None

    def connect(self, host: str, port: int, keepalive: int = 60, **_: object) -> MQTTErrorCode:
        """Blocks. Raises OSError."""
        del host, port, keepalive
        world, line = self._world, self._world.line
        line.client = self
        if line.names_hang:
            line.names_hang = False
            self._stage.wait(None)  # the resolver never comes back
        self._stage.sleep(world.dice.uniform(0.05, 1.0))
        if not line.works():
            self._stage.sleep(world.dice.uniform(0.0, CONNECT_S))
            raise OSError("no route to host")
        self._open = True
        self._world.later(world.dice.uniform(0.02, 2.0), self._accepted)
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def _accepted(self) -> None:
        if self._open and self._world.line.works():
            self._give(lambda: self.on_connect(self, None, None, SimpleNamespace(is_failure=False), None))
            self._up = True
            self.up_since_s = self._world.now_s

    def loop(self, timeout: float) -> MQTTErrorCode:
        """Wait for the network, at most about so long, and hand out what has come."""
        if self.frozen:
            self._stage.wait(None)
        if not self._arrived and self._open:
            self._stage.listen(IDLE_S if self._up else timeout)
        arrived, self._arrived = self._arrived, []
        for give in arrived:
            give()
        return MQTTErrorCode.MQTT_ERR_SUCCESS if self._holds() else MQTTErrorCode.MQTT_ERR_CONN_LOST

    def publish(self, topic: str, payload: bytes, qos: int, retain: bool) -> Any:
        """Send. The broker's word that it has it comes later, or never."""
        del qos
        self._mid += 1
        mid, world = self._mid, self._world
        world.cross("publish")

        def at_the_broker() -> None:
            if not self.stuck:
                world.line.hub.hear(topic, payload, retain, world.now_s)
                world.later(world.dice.uniform(0.01, 0.1), lambda: self._taken(mid))

        world.line.carry(at_the_broker)
        return SimpleNamespace(rc=MQTTErrorCode.MQTT_ERR_SUCCESS, mid=mid)

    def subscribe(self, pattern: str, qos: int) -> None:
        """The broker hands out what it keeps, after the last of the patterns."""
        del qos
        if pattern == FLEET:
            self._world.later(self._world.dice.uniform(0.02, 0.3), self._subscribed)

    def disconnect(self) -> None:
        """Say goodbye."""
        self.drop()

    def give_up(self) -> None:
        """Nobody waits for `connect` any more."""
        self.drop()

    # -- of the world

    def _subscribed(self) -> None:
        if self._open:
            self._world.line.hub.greet()

    def _taken(self, mid: int) -> None:
        if self._open and not self.stuck and self._world.line.works():
            self._give(lambda: self.on_publish(self, None, mid, None, None))

    def arrive(self, topic: str, payload: bytes, retained: bool) -> None:
        """A message has come down."""
        if self._open and not self.stuck:
            message = SimpleNamespace(topic=topic, payload=payload, retain=retained)
            self._give(lambda: self._hand(message))

    def _hand(self, message: Any) -> None:
        self._world.line.note_handed(message.topic, message.payload)
        self.on_message(self, None, message)

    def _give(self, give: Callable[[], None]) -> None:
        self._arrived.append(give)
        self._stage.ring()

    def drop(self) -> None:
        """The connection ends."""
        self._open = self._up = False
        self._stage.ring()

    @property
    def open(self) -> bool:
        """Whether it stands, as far as both ends know."""
        return self._open

    def _holds(self) -> bool:
        """Whether the connection still stands: TCP bridges a short gap, and the keepalive ends a long one."""
        line = self._world.line
        if line.works():
            self._down_since_s = None
            return self._open
        if self._down_since_s is None:
            self._down_since_s = self._world.now_s
        if not line.broker_up or self._world.now_s - self._down_since_s > self._patience_s:
            self._open = False
        return self._open


def _nothing(*_: object) -> None:
    """Until the publisher has set it."""
