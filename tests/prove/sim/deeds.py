"""What the agent does to the room, with the truth at that moment for the account and for whoever judges."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.core.events import StartRemedy
from agent.core.remedies import Method
from tests.prove.sim.clock import BoardClock
from tests.prove.sim.judge import Judge
from tests.prove.sim.ledger import Episode, Ledger
from tests.prove.sim.place import Place, Restart
from tests.prove.sim.senses import Senses
from tests.prove.sim.timeline import Timeline

if TYPE_CHECKING:
    from tests.prove.sim.board import Board
    from tests.prove.sim.real import RealBoard


class Deeds(Timeline):
    """Of the world: relays, orders to devices, and the restarts that come of them."""

    board: Board | RealBoard | None
    clock: BoardClock
    episodes: list[Episode]
    judge: Judge
    ledger: Ledger
    place: Place
    senses: Senses

    def relay(self, load: str, on: bool) -> None:
        """The agent moves a relay."""
        if not on or load in self.place.cut_since:
            self.note(f"relay {load} {'on' if on else 'off'}")
        self.judge.relay_moves(load, on)
        self.place.relay(load, on, self.now_s)

    def obey(self, order: StartRemedy) -> bool:
        """The agent gives an order to a device; whether it is taken."""
        up_s = self.place.call_up_s(self.now_s)
        before = self.place.healthy(order.load.name, self.now_s), self._served(order.load.name)
        taken = self.place.obey(order.remedy.name, self.now_s)
        self.note(f"order {order.remedy.name} {'taken' if taken else 'not taken'}")
        if taken and order.remedy.restarts:
            self.restarting(order, self.now_s, up_s, before)
            self.restarted(order)
        return taken

    def _served(self, load: str) -> bool:
        before = self.place.out_by_us(load, self.now_s)
        return before.served if before else self.place.serves(load, self.now_s)

    def restarting(
        self, order: StartRemedy, ended_s: float, up_s: float | None = None, before: tuple[bool, bool] | None = None
    ) -> None:
        """A load is taken out of service, with the truth at that moment about the call, and whether the load was
        healthy and served."""
        load = order.load.name
        healthy, served = before or (self.place.healthy(load, self.now_s), self._served(load))
        up_s = self.place.call_up_s(self.now_s) if up_s is None else up_s
        self.judge.restarts(order, up_s)
        self.ledger.restarted(order, up_s, healthy=healthy, lied=bool(self.senses.lies))
        cycled = order.remedy.method is Method.CYCLE
        self.place.restarts.append(
            Restart(
                load, order.act.act_id, self.now_s, ended_s, float("inf"), cycled, served=served,
                ordered=bool(order.act.command),
                synced=self.board is not None and self.board.synced, boot=self.clock.boot,
            )
        )  # fmt: skip

    def restarted(self, order: StartRemedy) -> None:
        """It has its power back, or has begun to boot."""
        self.given_back(order.load.name)

    def given_back(self, load: str) -> None:
        """Whoever has done it: the act itself, the guard, or an outlet's own timer."""
        for restart in reversed(self.place.restarts):
            if restart.load == load:
                restart.ended_s = self.now_s
                restart.ready_s = self.place.ready_s(load)
                return

    def check_act(self, order: StartRemedy) -> None:
        """An act begins now: every invariant of acts has its say."""
        for episode in self.episodes:
            if episode.load == order.load.name and episode.acted_s is None and episode.ended_s is None:
                episode.acted_s = self.now_s
        self.note(f"act {order.act.act_id} {order.remedy.name} for {order.act.fault or order.act.command}")
        self.ledger.seen_acts[order.remedy.name] += 1
        self.judge.act(order)

    def check_step(self) -> None:
        """A turn is over."""
        self.judge.step()

    def fault_begins(self, fault: str, load: str) -> None:
        """A device stops serving, and the agent could help."""
        in_call = self.place.call_up_s(self.now_s) >= 0
        self.episodes.append(Episode(fault, load, self.now_s, self.place.boot_s(load), in_call))

    def note_episodes(self) -> None:
        """Note which faults are over."""
        for episode in self.episodes:
            device = self.place.room.devices[episode.load]
            if episode.ended_s is None and device.serving(self.now_s):
                episode.ended_s = max(episode.began_s, min(self.now_s, device.serving_from_s()))
