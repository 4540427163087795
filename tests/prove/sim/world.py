"""One room through days of trouble: a discrete-event clock, the agent, the hub, and somebody who checks all of it."""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Callable, Sequence
from pathlib import Path

from agent.core.events import Observed
from agent.core.facts import Observation, Reading
from agent.core.phases import Phase
from agent.store.base import Batch, Store
from tests.prove.sim.board import Board
from tests.prove.sim.card import AWAY, SimStore, lose_tail, ruin
from tests.prove.sim.chaos import Happening
from tests.prove.sim.clock import BoardClock
from tests.prove.sim.clone import Clone, may_begin
from tests.prove.sim.contacts import Outlet
from tests.prove.sim.crash import KILL, POWER, Crash, Plan, Vanished
from tests.prove.sim.deeds import Deeds
from tests.prove.sim.judge import Judge
from tests.prove.sim.ledger import Episode, Ledger
from tests.prove.sim.line import Line
from tests.prove.sim.people import People
from tests.prove.sim.place import Place
from tests.prove.sim.real import OUTLETS, Parts, RealBoard
from tests.prove.sim.rest import rests_until_s
from tests.prove.sim.seals import Seals
from tests.prove.sim.senses import LOOK_S, LOOK_TAKES_S, SILENT_S, Senses
from tests.prove.sim.threads import Stage

KILL_AGAIN_S = 10.0
"""The service manager starts a killed agent again after this (RestartSec), and it needs a few seconds to come up."""
COME_UP_S = 3.0
BOOT_S = 25.0
"""From power to agent."""
LEAD = 3.5
"""Looks that would only repeat the last ones are left out, but the last three before something changes are made."""
BUSY = frozenset({Phase.CONFIRMED, Phase.REMEDYING, Phase.SETTLING})
ASKED_AT = 0.6
"""Which share of a slow sweep is over when the codec is asked about a call."""
ATTESTED = {"codec": frozenset({"codec.in_call"}), "power": None}
"""What a witness says when it is asked apart from its sweep; None: everything."""


class World(Deeds):
    """Call `run`. Everything that depends on chance comes from `dice`."""

    def __init__(
        self, folder: Path, dice: random.Random, plan: Plan, happenings: Sequence[Happening], days: float,
        calm_s: float, parts: Parts | None = None,
    ) -> None:  # fmt: skip
        self.database = folder / "room.db"
        self.dice = dice
        self.plan = plan
        self.chaos_until_s = days * 86_400.0
        super().__init__(self.chaos_until_s + calm_s)
        self.changes: list[float] = []
        self.clock = BoardClock(dice)
        self.place = Place(dice)
        self.senses = Senses(self.place, dice)
        self.ledger = Ledger()
        self.judge = Judge(self)
        self.episodes: list[Episode] = []
        self.board: Board | RealBoard | None = None
        self.parts = parts
        """With them the agent's own service, loop, actuators and publisher run; without them the harness' own."""
        self.stage: Stage | None = None
        self.card_stall_s = 0.0
        """How long the next commit takes; with `stall_intent` the next one that holds an intent."""
        self.stall_intent = False
        self._store: Store | None = None
        self._ticking: Board | None = None
        self.last_change_s = 0.0
        self.ruin_next = self.lie_next = False
        self.line = Line(self)
        if parts is not None:
            self.line.hub.seals = Seals(dice)
            self.place.sweep_s = dice.choice((0.0, 9.0))
            loads = dice.choice(OUTLETS)
            self.place.outlets = {load: Outlet(self, load, gives_back=dice.random() < 0.5) for load in loads}
        self.people = People(self)
        self.clone: Clone | None = None
        """A second board with a copy of the card."""
        for happening in happenings:
            self.schedule(happening)

    # -- time

    def later(self, after_s: float, do: Callable[[], None], board: Board | RealBoard | None = None) -> None:
        """Do something so many true seconds from now; with `board` only if that run of the agent still lives."""

        def only() -> None:
            if board is None or board is self.board:
                do()

        self.push(after_s, only)

    def at_mono(self, board: Board, mono_s: float, do: Callable[[], None]) -> None:
        """Do something when this boot's monotonic clock shows so much."""
        self.later(max(0.0, self.clock.true_s(mono_s) - self.now_s), do, board)

    def run(self) -> None:
        """Until the end of the liveness phase."""
        self.attempt(self.start)
        self.go_on(self.end_s, lambda: not self.judge.full)
        if self.judge.full:
            return  # it was stopped where it stood: nothing is promised of such an end
        self.now_s = self.end_s
        self.judge.end()

    def pause(self, seconds: float, board: Board) -> None:
        """Let time go on while this run of the agent stands still. Raises Vanished when it does not outlive that."""
        self.note(f"card stalls for {seconds:.0f} s")
        self.ledger.counted["commits that stalled"] += 1
        until_s = self.now_s + seconds
        self.go_on(until_s, lambda: self.board is board)
        if self.board is not board:
            raise Vanished
        self.now_s = until_s

    def close(self) -> None:
        """Let go of the databases."""
        if self.stage is not None:
            self.stage.end()
        if self._store is not None:
            self._store.close()
        self.cloned(False)
        self.line.hub.db.close()

    def cloned(self, is_so: bool) -> None:
        """A copy of the card starts in another board, or has been found."""
        if is_so and may_begin(self):
            self.clone = Clone(self)
        elif not is_so and self.clone is not None:
            self.clone.end()
            self.clone = None

    def schedule(self, happening: Happening) -> None:
        """Let this happen when its time comes."""
        heapq.heappush(self.changes, happening.at_s)
        self.later(max(0.0, happening.at_s - self.now_s), lambda: self._happen(happening))

    def _happen(self, happening: Happening) -> None:
        heapq.heappop(self.changes)
        self.last_change_s = self.now_s
        self.note(f"happens {happening.what} {happening.detail}")
        if happening.kind:
            self.ledger.happened[happening.kind] += 1
        happening.do(self)

    # -- the agent's life

    def start(self) -> None:
        """The agent starts."""
        self.note("agent starts")
        self.ledger.said.clear()
        kept = self.ledger.supply_bad_kept
        self.ledger.supply_bad_s = kept[1] if kept[0] == self.clock.boot else float("-inf")
        self.place.vary()
        board = Board(self) if self.parts is None else RealBoard(self, self.parts)
        self.board = board
        ledger = self.ledger
        if ledger.died_at_s is not None:
            ledger.dead_s += self.now_s - ledger.died_at_s
            ledger.died_at_s = None
        ledger.alive_since_s = self.now_s
        if isinstance(board, RealBoard):
            board.begin()
            return
        board.turn()
        for probe, period_s in LOOK_S.items():
            self.later(self.dice.uniform(0.2, period_s), lambda probe=probe: self._look(probe, board), board)  # type: ignore[misc]
        self.line.tend()

    def opened(self, store: Store) -> None:
        """The agent has opened its journal, or what stands in for it."""
        self._store = store
        self.judge.opened(store)

    def die(self, mode: str, why: str) -> None:
        """The agent, or with `power` the whole board, is gone at once."""
        self.note(f"dies by {mode} at {why}")
        self.ledger.deaths[f"{why} ({mode})"] += 1
        self.ledger.died_at_s = self.ledger.died_at_s if self.ledger.died_at_s is not None else self.now_s
        self.board = None
        if self.stage is not None:
            self.stage.end()
        if isinstance(self._store, SimStore):
            self._store.die(self.dice, power=mode == POWER)
        self._store = None
        if mode == POWER:
            self._lose_power()
        else:
            self._start_after(KILL_AGAIN_S + COME_UP_S + self.dice.uniform(0.0, 2.0))

    def _lose_power(self) -> None:
        self.place.fall_off(self.now_s)
        if self.lie_next:
            self.lie_next = False
            self.note(f"card: {lose_tail(self.database, self.dice)}")
            self.judge.card_lied()
        if self.ruin_next and self.database.is_file():
            self.ruin_next = False
            ruin(self.database, self.dice)
            self.note("card: database ruined")
            self.judge.card_ruined()
        away_s = self.dice.choice((0.5, 5.0, 30.0, 120.0))

        def again() -> None:
            if not self.place.room.backed():  # still no power: try again when there is
                self.later(5.0, again)
                return
            self.clock.reboot(self.now_s)
            self._start_after(BOOT_S + self.dice.uniform(0.0, 5.0))

        self.later(away_s, again)

    def _start_after(self, after_s: float) -> None:
        def begin() -> None:
            if self.board is None and self.place.room.backed():
                self.start()
            elif self.board is None:
                self.later(5.0, lambda: self.die(POWER, "no supply"))

        self.later(after_s, begin)

    def end_in_order(self) -> None:
        """The agent ends and is started again, as after an update or for its journal."""
        board = self.board
        if board is None:
            return
        if isinstance(board, Board) and board.stalled:  # it hears the signal, and ends after its turn
            self.later(1.0, self.end_in_order, board)
            return
        self.note("agent stops in order")
        board.stop()
        if isinstance(board, Board):
            self.ended_in_order()

    def ended_in_order(self) -> None:
        """The agent has ended, and is started again."""
        self.note("agent has ended in order")
        self.board, self._store = None, None
        self.ledger.died_at_s = self.now_s
        self._start_after(COME_UP_S)

    def die_if_alive(self, mode: str) -> None:
        """Somebody kills the agent or pulls the board's plug; that of a board that is starting too."""
        if self.board is not None:
            self.die(mode, "by chance")

    def cross(self, boundary: str) -> None:
        """One boundary that the store does not cross by itself. Raises Crash."""
        mode = self.crash_at(boundary)
        if mode:
            raise Crash(boundary, mode)

    def crash_at(self, boundary: str) -> str:
        """How the agent dies at this crossing, or empty; none of its threads does anything more then."""
        mode = self.plan.crash_at(boundary)
        if mode and self.stage is not None and self.stage.current is not None:
            self.stage.fall(Crash(boundary, mode))
        return mode

    # -- looking

    def _look(self, probe: str, board: Board) -> None:
        if not self.place.room.backed():
            self.die(POWER, "no supply")
            return
        sweep_s = self.place.sweep_s if probe == "codec" else 0.0
        if sweep_s:  # of many questions on a slow line, those about a call come late
            self.later(ASKED_AT * sweep_s, lambda: self._ask(probe, board, (1 - ASKED_AT) * sweep_s), board)
        else:
            self._ask(probe, board, 0.0)
        period_s = LOOK_S[probe]
        wake_s = rests_until_s(self, board) - LEAD * period_s - self.now_s
        next_s = max(period_s, math.floor(wake_s / period_s) * period_s)
        self.later(next_s, lambda: self._look(probe, board), board)

    def _ask(self, probe: str, board: Board, takes_s: float, keys: frozenset[str] | None = None) -> None:
        """Ask now, and be answered after a while. A codec that is silent is waited for."""
        synced, readings = self.look(probe)
        if probe == "codec" and readings.get("codec.api") is not True:
            takes_s = SILENT_S
        if keys is not None:
            readings = {key: readings[key] for key in keys & readings.keys()}
        asked_s = self.now_s
        if takes_s:
            self.later(takes_s, lambda: self._seen(probe, readings, synced, board, asked_s), board)
        else:
            self._seen(probe, readings, synced, board, asked_s)

    def look(self, probe: str) -> tuple[bool, dict[str, Reading]]:
        """A probe looks: whether the clock is disciplined, and what it says."""
        synced = self.clock.tend(self.place.room.hub_up(), self.now_s) if probe == "network" else False
        self.note_episodes()
        self.judge.tend()
        return synced, self.senses.look(probe, self.now_s, synced)

    def told(self, readings: dict[str, Reading], asked_s: float | None = None) -> None:
        """The agent is told this, which was asked at a true moment, or just now."""
        self.ledger.counted["looks"] += 1
        self.ledger.told(readings, self.now_s if asked_s is None else asked_s)
        self.judge.shown(readings)

    def _seen(self, probe: str, readings: dict[str, Reading], synced: bool, board: Board, asked_s: float) -> None:
        self.told(readings, asked_s)
        if probe == "network":
            said = readings.get("net.clock_synced")
            board.synced = said if isinstance(said, bool) else board.synced
            self.line.tend()
        asked = dict.fromkeys(readings, self.clock.mono_s(asked_s))
        board.turn([Observed(Observation(probe, readings, asked))])
        self._after_turn(board)

    def look_at_once(self, board: Board) -> None:
        """The agent asks those that can rule out a call, besides the rhythm of its probes."""
        for probe, took_s in LOOK_TAKES_S.items():
            self._ask(probe, board, self.dice.uniform(0.1, took_s), ATTESTED[probe])

    def _after_turn(self, board: Board) -> None:
        if board.stopping:
            self.end_in_order()
            return
        phases = {fault.phase for fault in board.room.state.faults.values()}
        if (board.acts or phases & BUSY) and self._ticking is not board:
            self._ticking = board
            self.later(1.0, lambda: self._tick(board), board)

    def _tick(self, board: Board) -> None:
        self._ticking = None
        self.ledger.counted["ticks"] += 1
        board.turn()
        self._after_turn(board)

    # -- the card

    def card_works(self, works: bool) -> None:
        """Writes to the card fail from now on, or no longer."""
        if isinstance(self._store, SimStore):
            self._store.fail(not works)

    def card_there(self, there: bool) -> None:
        """The card does not answer at all, or does again."""
        mark = self.database.with_name(AWAY)
        if not there and not mark.exists():
            self.die_if_alive(KILL)
            mark.touch()
        elif there:
            mark.unlink(missing_ok=True)

    # -- telling

    def committed(self, batch: Batch) -> None:
        """A commit is on the card."""
        self.ledger.counted["commits"] += 1
        self.judge.committed(batch)

    def acknowledged(self, seq: int) -> None:
        """The outbox is about to forget everything up to this number."""
        self.judge.acknowledged(seq)

    def nonce(self) -> str:
        """For the session."""
        return f"{self.dice.getrandbits(64):016x}"

    def deliver(self, topic: str, payload: bytes, retained: bool) -> None:
        """A message has come down."""
        board = self.board
        if isinstance(board, RealBoard):
            self.line.arrive(topic, payload, retained)
        elif self.clone is not None and self.clone.session.online:
            self.clone.hear(topic, payload, retained)
        elif board is not None and board.session.online:
            board.inbox.append((topic, payload, retained))
            board.turn(tick=False)
            self._after_turn(board)
