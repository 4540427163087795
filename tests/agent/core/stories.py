"""Stories of the engine, written out in full: every effect with all of its fields, and every change of the state.

A story pins what no single assertion is about: which evidence goes with an event, which number an act gets, when a load
has settled. `python -m tests.agent.core.stories` writes the files anew; read the difference before you keep it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from agent.core.events import DesiredChanged, Event, Observed, OrderReceived, PastAct, RemedyDone, Restarted, Tick
from agent.core.facts import Instant, NoReading, Observation, Reading
from agent.core.leases import DENIED, GRANTED
from agent.core.phases import Phase
from agent.core.policy import Meeting
from agent.core.remedies import REMEDIES, Method
from agent.core.state import Fault, LoadState
from tests.agent.core.world import IDLE, WALL_S, World

FOLDER = Path(__file__).parent / "stories"
STORIES: dict[str, Callable[[], Telling]] = {}
SILENT = NoReading("timeout")
HUNG: dict[str, Reading] = {
    **IDLE, "codec.api": False,
    **dict.fromkeys(("codec.in_call", "codec.standby", "codec.registered", "codec.camera"), SILENT),
}  # fmt: skip
DARK: dict[str, Reading] = {**IDLE, "mains.voltage_v": SILENT, "ups.on_battery": True}


@dataclass
class Telling(World):
    """A world that writes down what happens in it."""

    def __post_init__(self) -> None:
        self.lines: list[str] = []
        self.began_s = self.mono_s

    def feed(self, event: Event) -> tuple[Any, ...]:
        before = self.state
        effects = super().feed(event)
        said = [f"  -> {shown(effect)}" for effect in effects]
        said += [f"     {line}" for line in changes(before, self.state)]
        if said and not isinstance(event, Tick | Observed):
            said.insert(0, f"  <- {shown(event)}")
        if said:
            self.lines += [f"{self.mono_s - self.began_s:.0f} s", *said]
        return effects

    def look(self, readings: dict[str, Reading]) -> None:
        self.feed(Observed(Observation("room", readings)))

    def live(self, seconds: float, readings: dict[str, Reading], *, acts_work: bool = True) -> None:
        """Ten seconds between looks, a tick a second; an act ends when its time is over."""
        for _ in range(int(seconds)):
            self.mono_s += 1.0
            if (self.mono_s - self.began_s) % 10 == 0:
                self.look(readings)
            self.feed(Tick())
            for act in tuple(self.state.acts.values()):
                method = REMEDIES[act.remedy].method
                wait_s = self.state.policy.loads[act.load].off_s if method is Method.CYCLE else 1.0
                if method is not Method.STAGED and self.mono_s >= act.started_s + wait_s:
                    proof: dict[str, Any] = {"off_s": wait_s} if method is Method.CYCLE else {}
                    self.feed(RemedyDone(act.act_id, acts_work, "" if acts_work else "timeout", proof))


def shown(value: Any) -> str:
    """A value in one line, without the fields that are as they are by default."""
    if is_dataclass(value) and not isinstance(value, type):
        kept = [one for one in fields(value) if _told(one.name, getattr(value, one.name), _default(one))]
        inner = ", ".join(f"{one.name}={shown(getattr(value, one.name))}" for one in kept)
        return f"{type(value).__name__}({inner})"
    if isinstance(value, float):
        return f"{value:.1f}"
    if isinstance(value, tuple | list):
        return f"[{', '.join(shown(one) for one in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {shown(one)}' for key, one in sorted(value.items()))}}}"
    return str(value)


def _told(name: str, value: Any, default: Any) -> bool:
    """Not what is as by default, nor words for people, nor a whole load of the catalogue."""
    return value != default and name != "words" and (name != "load" or isinstance(value, str))


def _default(one: Field[Any]) -> Any:
    return one.default_factory() if one.default_factory is not MISSING else one.default


def changes(before: Any, after: Any) -> Iterator[str]:
    """What of the state has changed, by name."""
    for what in ("faults", "loads", "acts", "routines"):
        old, new = getattr(before, what), getattr(after, what)
        for name in sorted({*old, *new}, key=str):
            if old.get(name) != new.get(name):
                blank = Fault(name) if what == "faults" else LoadState() if what == "loads" else None
                yield f"{what}.{name}: {_difference(old.get(name, blank), new.get(name, blank))}"
    for what in ("next_id", "last_relay_s", "mains_bad_s", "flapping", "staged", "lease", "waiting", "desired_version",
                 "look_asked_s", "commands"):  # fmt: skip
        old, new = getattr(before, what), getattr(after, what)
        if old != new:
            yield f"{what}: {shown(sorted(new) if isinstance(new, frozenset) else new)}"


def _difference(old: Any, new: Any) -> str:
    if old is None or new is None or not is_dataclass(new):
        return shown(new)
    changed = [one.name for one in fields(new) if getattr(old, one.name) != getattr(new, one.name)]
    return ", ".join(f"{name}={shown(getattr(new, name))}" for name in changed if name != "evidence")


def story(tell: Callable[[], Telling]) -> Callable[[], Telling]:
    """Register a story under its function's name."""
    STORIES[tell.__name__] = tell
    return tell


def calm(**loads: LoadState) -> Telling:
    """A room that has been seen healthy for a while; the story begins now."""
    made = Telling()
    made.state = replace(made.state, loads={**made.state.loads, **loads})
    made.live(60, IDLE)
    made.lines.clear()
    return made


@story
def a_hung_codec_heals_by_its_restart() -> Telling:
    told = calm()
    told.live(60, HUNG)
    told.live(40, IDLE)
    return told


@story
def a_hung_codec_needs_its_relay_and_then_a_person() -> Telling:
    told = calm()
    told.live(1500, HUNG)
    told.live(40, IDLE)
    return told


@story
def a_restart_that_is_not_heard_costs_nothing() -> Telling:
    told = calm()
    told.live(27, HUNG, acts_work=False)
    act = next(iter(told.state.acts.values()), None)
    if act is not None:
        told.feed(RemedyDone(act.act_id, False, "timeout", {"sent": False}))
    told.live(60, HUNG)
    return told


@story
def in_a_call_nothing_is_touched_and_a_person_is_told() -> Telling:
    told = calm()
    called = {**IDLE, "codec.in_call": True, "codec.draw_w": 48.0}
    told.live(20, called)
    told.live(200, {**HUNG, "codec.draw_w": 48.0})
    told.live(120, {**HUNG, "codec.draw_w": 31.0})
    return told


@story
def the_mains_is_lost_and_the_room_returns() -> Telling:
    told = calm(amplifier=LoadState(), light=LoadState())
    told.live(80, DARK)
    told.live(420, IDLE)
    return told


@story
def the_mains_is_lost_again_in_the_return() -> Telling:
    told = calm(amplifier=LoadState())
    told.live(60, DARK)
    told.live(150, IDLE)
    told.live(40, DARK)
    told.live(300, IDLE)
    return told


@story
def the_whole_room_is_started_stage_by_stage() -> Telling:
    told = calm()
    told.feed(OrderReceived("c1", "room_staged_boot", "lan", "thử"))
    told.live(900, IDLE)
    return told


@story
def an_agent_comes_back_in_the_middle_of_everything() -> Telling:
    told = Telling()
    past = [PastAct(n, "codec_power_cycle", "codec", _ago(told, 900.0 * n), same_boot=True) for n in (1, 2)]
    other_boot = PastAct(3, "switch_power_cycle", "switch", _ago(told, 3000.0), same_boot=False)
    open_fault = replace(
        Fault("codec_hung"), phase=Phase.REMEDYING, fault_id=5, act_id=7, acts=1, since_wall_s=WALL_S + 900
    )
    told.feed(
        Restarted(
            past_acts=(*past, other_boot),
            open_acts=(PastAct(7, "codec_restart", "codec", _ago(told, 40.0), same_boot=True, fault="codec_hung"),),
            open_faults=(open_fault,),
            next_id=8,
            desired_version=4,
            commands=("c8", "c9"),
            boots={"codec": 170.0, "switch": 20.0},
            off_loads=("light",),
            shed_loads=("amplifier",),
            latched_loads=("display",),
            routines={"codec_wake": WALL_S},
            mains_bad_s=told.mono_s - 10,
        )
    )
    told.live(300, HUNG)
    return told


@story
def a_board_comes_back_from_a_power_cut() -> Telling:
    told = Telling()
    told.feed(Restarted(next_id=3, off_loads=("light", "fan"), rebooted=True))
    told.live(400, IDLE)
    return told


@story
def the_hub_grants_and_denies() -> Telling:
    told = calm()
    asked = {**HUNG, "hub.session": True}
    told.live(25, asked)
    told.feed(OrderReceived("c1", DENIED, "hub", ""))
    told.live(20, asked)
    told.feed(OrderReceived("c2", GRANTED, "hub", ""))
    told.live(30, asked)
    return told


@story
def orders_of_every_kind() -> Telling:
    told = calm()
    for number, action in enumerate(
        (
            "light_on",
            "light_on",
            "fan_on",
            "no_such_thing",
            "recheck",
            "codec_power_cycle",
            "clear_latches",
            "light_off",
        )
    ):
        told.live(5, IDLE)
        told.feed(OrderReceived(f"c{number}", action, "lan", "thử"))
    told.feed(OrderReceived("c0", "light_off", "lan", "again"))
    told.live(60, {**IDLE, "codec.api": SILENT, "codec.draw_w": 0.4})
    return told


@story
def a_meeting_comes_near_and_the_picture_is_made_ready() -> Telling:
    told = calm()
    start_s = WALL_S + told.mono_s + 1800
    told.feed(DesiredChanged(3, (Meeting("m1", "Giao ban", start_s, start_s + 600),), 0.0))
    told.feed(DesiredChanged(2, (), 0.0))
    told.live(150, {**IDLE, "codec.standby": True, "env.light_lx": 40.0})
    told.live(60, IDLE)
    return told


@story
def a_symptom_that_comes_and_goes() -> Telling:
    told = calm()
    for _ in range(14):
        told.live(30, {**IDLE, "codec.registered": False})
        told.live(20, IDLE)
    return told


@story
def three_cycles_a_day_and_then_the_latch() -> Telling:
    acts = tuple(-hours * 3600.0 for hours in (20, 12, 4))
    told = calm(codec=LoadState(acts_s=acts, cycles_s=acts))
    told.live(500, HUNG)
    told.feed(OrderReceived("c1", "clear_latches", "lan", ""))
    return told


@story
def the_routines_of_a_night() -> Telling:
    told = Telling(mono_s=1000.0)
    midnight_s = (17 * 3600 - (WALL_S % 86_400)) % 86_400
    told.mono_s = told.began_s = midnight_s + 3 * 3600.0
    week_s = 8 * 86_400.0
    told.state = replace(told.state, routines={"codec_wake": WALL_S + told.mono_s - week_s})
    told.live(60, IDLE)
    return told


@story
def an_act_that_nobody_reports() -> Telling:
    told = calm()
    told.look(IDLE)
    told.feed(OrderReceived("c1", "display_power_cycle", "lan", ""))
    for _ in range(120):
        told.mono_s += 1
        told.feed(Tick())
    return told


def _ago(told: Telling, seconds: float) -> Instant:
    return Instant(told.mono_s - seconds, WALL_S + told.mono_s - seconds)


def text(name: str) -> str:
    """A story as it stands in its file."""
    return "\n".join(STORIES[name]().lines) + "\n"


def main() -> None:
    """Write all of them."""
    FOLDER.mkdir(exist_ok=True)
    for name in STORIES:
        (FOLDER / f"{name}.txt").write_text(text(name), "utf-8")


if __name__ == "__main__":
    main()
