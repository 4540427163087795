"""Stale messages change nothing, and no data is never "ready"."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.twin import Twin, apply_state, apply_status, heard, verdict
from wire.messages import FactNow, FaultNow, Stamp, State, Status


def stamp(mono_s: float, boot: str = "a") -> Stamp:
    return Stamp(epoch="e", seq=0, boot=boot, mono_s=mono_s, wall_s=0, synced=False)


def status(mono_s: float, boot: str = "a", *, online: bool = True, connection: int = 1, nonce: str = "n") -> Status:
    return Status(stamp=stamp(mono_s, boot), online=online, connection=connection, nonce=nonce)


def state(mono_s: float, boot: str = "a", mode: str = "normal", faults: tuple[tuple[str, str], ...] = ()) -> State:
    now = [FaultNow(fault_id=1, rule="r", phase=phase, severity=severity, since_s=0) for phase, severity in faults]
    return State(stamp=stamp(mono_s, boot), facts={"codec.api": FactNow(True, 0)}, faults=now, mode=mode)


def put_status(twin: Twin, message: Status, now_s: float = 1000.0, leftover: bool = False) -> Twin:
    return apply_status(twin, message, now_s, leftover=leftover)


def test_older_status_and_state_of_the_same_boot_change_nothing() -> None:
    twin = put_status(Twin("p1"), status(50, nonce="new"))
    assert put_status(twin, status(40, nonce="old"), 2000) is twin
    twin = apply_state(twin, state(50, mode="safe"), b"new", 5)
    assert apply_state(twin, state(50), b"same", 6) is twin
    assert twin.state_raw == b"new"


def test_boot_that_is_over_changes_nothing_for_ever() -> None:
    twin = put_status(Twin("p1"), status(9000, "a"))
    twin = put_status(twin, status(10, "b", nonce="m"))
    assert (twin.boot, twin.nonce) == ("b", "m")
    assert put_status(twin, status(9999, "a")) is twin
    assert apply_state(twin, state(9999, "a"), b"", 0) is twin


def test_new_boot_forgets_the_nonce_until_it_says_its_own() -> None:
    twin = put_status(Twin("p1"), status(50, "a"))
    twin = apply_state(twin, state(3, "b"), b"{}", 0)
    assert (twin.boot, twin.nonce, twin.nonce_heard_s) == ("b", "", 0)


def test_last_will_of_this_connection_counts_and_of_the_one_before_does_not() -> None:
    twin = put_status(Twin("p1"), status(10, connection=1))
    twin = put_status(twin, status(70, connection=1, nonce="n2"))
    gone = put_status(twin, status(10, connection=1, online=False), 500)
    assert (gone.online, gone.lost_since_s) == (True, 500), "the silence is noted, and judged by its age"
    assert put_status(gone, status(10, connection=1, online=False), 510).lost_since_s == 500, "not younger by repeats"
    assert put_status(gone, status(70, connection=1, nonce="n2")) is gone
    taken_over = put_status(twin, status(80, connection=2))
    assert put_status(taken_over, status(10, connection=1, online=False)) is taken_over
    assert put_status(gone, status(90, connection=2), 600).lost_since_s == 0


def test_a_room_that_ends_on_purpose_is_believed_at_once() -> None:
    twin = put_status(Twin("p1"), status(10, connection=1))
    ended = put_status(twin, status(70, connection=2, online=False), 500)
    assert (ended.online, ended.lost_since_s) == (False, 500)


def test_leftover_nonce_has_no_known_age() -> None:
    twin = put_status(Twin("p1"), status(10), 500, leftover=True)
    assert (twin.nonce, twin.nonce_heard_s) == ("n", 0)
    assert put_status(twin, status(20, nonce="n2"), 560).nonce_heard_s == 560


def test_repeated_nonce_is_as_old_as_its_first_hearing() -> None:
    twin = put_status(Twin("p1"), status(10), 500)
    assert put_status(twin, status(20), 520).nonce_heard_s == 500


def test_counter_never_falls() -> None:
    twin = put_status(Twin("p1", counter=9), status(10))
    assert twin.counter == 9


def test_whoever_speaks_is_there() -> None:
    twin = heard(Twin("p1", online=False, lost_since_s=5, heard_s=4), 20)
    assert (twin.online, twin.lost_since_s, twin.heard_s) == (True, 0, 20)


@pytest.mark.parametrize(
    ("faults", "mode", "expected"),
    [
        ((), "normal", "ready"),
        ((("suspected", "critical"),), "normal", "ready"),
        ((("confirmed", "warning"),), "normal", "check"),
        ((("confirmed", "info"),), "normal", "check"),
        ((("remedying", "major"),), "normal", "fault"),
        ((("settling", "critical"), ("confirmed", "warning")), "normal", "fault"),
        ((("escalated", "warning"),), "normal", "fault"),
        ((("escalated", "critical"),), "maintenance", "maintenance"),
        ((), "safe", "check"),
        ((("confirmed", "major"),), "safe", "fault"),
    ],
)
def test_verdict(faults: tuple[tuple[str, str], ...], mode: str, expected: str) -> None:
    twin = apply_state(Twin("p1", online=True), state(1, mode=mode, faults=faults), b"{}", 0)
    assert verdict(twin, installed=True, lost=False) == expected
    assert verdict(twin, installed=True, lost=True) == "lost"
    assert verdict(twin, installed=False, lost=True) == "not_installed"


def test_no_state_is_unknown_though_the_room_is_heard() -> None:
    assert verdict(heard(Twin("p1"), 1), installed=True, lost=False) == "unknown"


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 30)), min_size=1), st.integers(0, 2**32))
def test_states_end_at_the_newest_whatever_is_repeated(made: list[tuple[str, int]], seed: int) -> None:
    """Boot a ends before b begins; leftovers of both come at any time afterwards."""
    rising = sorted(made)
    twin = Twin("p1")
    for boot, mono in rising:
        twin = apply_state(twin, state(mono, boot), f"{boot}{mono}".encode(), 0)
    leftovers = rising * 2
    random.Random(seed).shuffle(leftovers)
    last = twin
    for boot, mono in leftovers:
        twin = apply_state(twin, state(mono, boot), f"{boot}{mono}".encode(), 0)
    assert twin is last
    assert twin.state_raw == f"{rising[-1][0]}{rising[-1][1]}".encode()
