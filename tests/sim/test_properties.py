"""Whatever is done to a room, and in whatever order: its physics and its witness stay true."""

from __future__ import annotations

import random
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.facts import FACTS, NoReading, plausible
from sim.faults import FAULTS
from sim.physics import Fitting, RoomPhysics
from sim.physics.fitting import profiles
from tests.effort import examples
from tests.sim.seen import everything

LOADS = sorted(profiles())
PAUSE = st.floats(0.0, 400.0, allow_nan=False)

deeds = st.lists(
    st.tuples(
        PAUSE,
        st.one_of(
            st.tuples(st.sampled_from([f"cut {load}" for load in LOADS] + [f"give {load}" for load in LOADS])),
            st.tuples(st.sampled_from([f"put {name}" for name in FAULTS] + [f"lift {name}" for name in FAULTS])),
            st.tuples(st.sampled_from(["order codec_restart", "order codec_wake", "call 300", "call 5"])),
        ),
    ),
    max_size=25,
)


def do(room: RoomPhysics, deed: str, now_s: float) -> None:
    """One thing that happens to a room."""
    verb, _, what = deed.partition(" ")
    if verb in ("cut", "give"):
        room.relay(what, verb == "give", now_s)
    elif verb == "put":
        FAULTS[what].put(room, now_s, {})
    elif verb == "lift":
        FAULTS[what].lift(room, now_s)
    elif verb == "order":
        room.command(what, now_s)
    else:
        room.start_call(float(what), now_s)


def live(
    story: list[tuple[float, tuple[str]]], look: Callable[[RoomPhysics], None], ups_s: float = 900.0
) -> RoomPhysics:
    """Let a story happen, looking after every deed."""
    room = RoomPhysics("r", Fitting(ups_runtime_s=ups_s), 0.0)
    now_s = 0.0
    for pause_s, (deed,) in story:
        now_s += pause_s
        do(room, deed, now_s)
        look(room)
    return room


def truths(room: RoomPhysics) -> None:
    """What can never be otherwise."""
    codec, now_s = room.codec, room.now_s
    assert room.draw_w() >= 0.0
    if codec.in_call:
        assert codec.powered
        assert codec.running()
        assert room.line_up()
        assert not codec.standby
        assert codec.draw_w(now_s) >= 40.0
    else:
        assert codec.draw_w(now_s) < 40.0
    if codec.registered(now_s):
        assert codec.serving(now_s)
        assert room.line_up()
    if not room.closed["codec"] or not room.backed():
        assert codec.draw_w(now_s) == 0.0
        assert not codec.reachable(now_s)
    if codec.answers(now_s):
        assert codec.reachable(now_s)
    if room.hub_up():
        assert room.gateway_up()
    if room.gateway_up():
        assert room.link_up()
    if room.ups is not None:
        assert 0.0 <= room.ups.left_s <= room.ups.full_s


@settings(max_examples=examples(150), deadline=None)
@given(deeds, st.sampled_from([0.0, 60.0, 900.0]))
def test_a_room_is_never_in_an_impossible_state(story: list[tuple[float, tuple[str]]], ups_s: float) -> None:
    live(story, truths, ups_s)


@settings(max_examples=examples(100), deadline=None)
@given(deeds)
def test_the_witness_knows_every_call_and_every_harm(story: list[tuple[float, tuple[str]]]) -> None:
    room = live(story, truths)
    harmful = [act for act in room.witness.acts if act.harmed_call]
    assert room.witness.harmed == len(harmful)
    assert sum(act.what == "restart" or act.load in ("codec", "switch", "converter") for act in harmful) <= (
        room.witness.calls_lost
    )
    for outage in room.witness.outages:
        assert 0.0 <= outage.from_s <= outage.until_s <= room.now_s
    times = [act.at_s for act in room.witness.acts]
    assert times == sorted(times)


@settings(max_examples=examples(100), deadline=None)
@given(deeds)
def test_every_reading_is_in_the_catalogue_and_plausible(story: list[tuple[float, tuple[str]]]) -> None:
    chance = random.Random(1)

    def look(room: RoomPhysics) -> None:
        seen = everything(room, chance)
        for key, reading in seen.items():
            assert key in FACTS
            assert isinstance(reading, NoReading) or plausible(key, reading) == reading, (key, reading)
        # A codec that says nothing says nothing of its call either: never "not in a call".
        assert seen["codec.api"] is True or isinstance(seen["codec.in_call"], NoReading)

    live(story, look)


@settings(max_examples=examples(60), deadline=None)
@given(deeds, st.floats(0.05, 0.9))
def test_time_compressed_by_shorter_constants_gives_the_same_story(
    story: list[tuple[float, tuple[str]]], scale: float
) -> None:
    plain = RoomPhysics("r", Fitting(), 0.0)
    quick = RoomPhysics(
        "r",
        Fitting(profiles(scale), ups_runtime_s=900 * scale, climate_tau_s=1800 * scale, board_boot_s=20 * scale),
        0.0,
    )
    now_s = 0.0
    for pause_s, (deed,) in story:
        if deed.startswith("call"):
            continue
        # Whole seconds and a half: no deed falls on the very moment at which a device comes up.
        now_s += int(pause_s) + 0.5
        do(plain, deed, now_s)
        do(quick, deed, now_s * scale)
        for name, device in plain.devices.items():
            assert device.running() == quick.devices[name].running()
    assert [act.load for act in plain.witness.acts] == [act.load for act in quick.witness.acts]
