"""What nobody can see is never ready: only pinged, no codec at all, silent, starting, old, out of touch."""

from __future__ import annotations

import pytest

from hub.core.twin import Twin, Unseen, apply_state, unseen, verdict, why_unknown
from wire.messages import FactNow, FaultNow, Stamp, State

AT_S = 5000.0
YES, NO = FactNow(True, AT_S), FactNow(False, AT_S)
SILENT = FactNow(None, 0.0, ok=False, reason="timeout")


def state(facts: dict[str, FactNow], mono_s: float = 10.0, secrecy: str = "", severity: str = "") -> State:
    faults = [FaultNow(fault_id=1, rule="r", phase="confirmed", severity=severity, since_s=0)] if severity else []
    stamp = Stamp(epoch="e", seq=0, boot="b", mono_s=mono_s, wall_s=AT_S, synced=True)
    return State(stamp=stamp, facts=facts, faults=faults, secrecy=secrecy)


SIGHTS = [
    ({}, Unseen.NO_CODEC),
    ({"mains.voltage_v": FactNow(224.0, AT_S)}, Unseen.NO_CODEC),
    ({"codec.ping": YES}, Unseen.CODEC_PINGED),
    ({"codec.ping": YES, "codec.tcp": YES, "codec.sip": YES, "codec.draw_w": FactNow(31.0, AT_S)}, Unseen.CODEC_PINGED),
    ({"codec.ping": YES, "codec.api": NO}, Unseen.CODEC_SILENT),
    ({"codec.ping": YES, "codec.api": SILENT}, Unseen.CODEC_SILENT),
    ({"codec.api": YES, "codec.app_ready": NO}, Unseen.CODEC_STARTING),
    ({"codec.api": FactNow(True, AT_S - 121)}, Unseen.CODEC_STALE),
    ({"codec.api": FactNow(True, AT_S - 119)}, ""),
    ({"codec.api": YES, "codec.app_ready": YES}, ""),
    ({"pc.alive": YES, "pc.app_running": NO}, Unseen.PC_SILENT),
    ({"pc.app_running": FactNow(True, AT_S - 121)}, Unseen.PC_SILENT),
    ({"pc.app_running": YES}, ""),
]


@pytest.mark.parametrize(("facts", "why"), SIGHTS)
def test_only_what_answers_for_itself_is_ready(facts: dict[str, FactNow], why: str) -> None:
    assert unseen(state(facts)) == why
    twin = apply_state(Twin("p1", online=True), state(facts), b"{}", 0)
    assert (verdict(twin, installed=True, lost=False), why_unknown(twin)) == ("unknown" if why else "ready", why)


def test_a_known_fault_is_told_whatever_else_is_not_seen_and_a_small_one_does_not_say_it_can_meet() -> None:
    found = {
        severity: verdict(
            apply_state(Twin("p1", online=True), state({"codec.ping": YES}, severity=severity), b"{}", 0),
            installed=True, lost=False,
        )
        for severity in ("major", "warning")
    }  # fmt: skip
    assert found == {"major": "fault", "warning": "unknown"}


@pytest.mark.parametrize("gone", [{"lost_since_s": 4.0}, {"online": False}])
def test_a_room_that_has_just_gone_silent_is_not_ready_until_it_is_back(gone: dict[str, float]) -> None:
    twin = apply_state(Twin("p1", **({"online": True} | gone)), state({"codec.api": YES}), b"{}", 0)  # type: ignore[arg-type]
    assert (verdict(twin, installed=True, lost=False), why_unknown(twin)) == ("unknown", Unseen.NOT_HEARD)


def test_in_a_secret_meeting_what_was_seen_before_goes_on_and_nothing_else() -> None:
    seen = apply_state(Twin("p1", online=True), state({"codec.api": YES}), b"{}", 0)
    secret = state({}, 20.0, "secret_meeting")
    assert why_unknown(apply_state(seen, secret, b"{}", 0)) == ""
    blind = apply_state(Twin("p1", online=True), state({"codec.api": NO}), b"{}", 0)
    assert why_unknown(apply_state(blind, secret, b"{}", 0)) == Unseen.HUSHED
    assert why_unknown(apply_state(Twin("p1", online=True), secret, b"{}", 0)) == Unseen.HUSHED
