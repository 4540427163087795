"""One full example of every message, and a strategy for random ones."""

from __future__ import annotations

import types
import typing
from typing import Any

import msgspec
from hypothesis import strategies as st

from wire import messages as m
from wire.event_kinds import EventKind

STAMP = m.Stamp(
    epoch="01jd8x3v5m7n9q2r4t6w8y0z1b", seq=4711, boot="9f3c1b5a7d2e4f60a1b2c3d4e5f60718",
    mono_s=86412.25, wall_s=1795410130.5, synced=True,
)  # fmt: skip
WORDS = {
    "vi": m.Words("Máy bị treo", ["Xem TV còn hình không."], "Treo máy",
                  {"api_answers": "thiết bị đã trả lời điều khiển"}, ["Chờ TV có hình."],
                  ["Rút phích điện của máy họp, chờ 30 giây, cắm lại."]),
    "en": m.Words("The codec hangs", ["See whether there is a picture."], "Codec hung",
                  {"api_answers": "the codec answers its control interface"}, ["Wait for a picture."],
                  ["Unplug the codec, wait 30 seconds, plug it in again."]),
}  # fmt: skip

SAMPLES: dict[str, msgspec.Struct] = {
    "status": m.Status(stamp=STAMP, online=True, version="0.1.0", connection=3, nonce="c0ffee00c0ffee00", counter=12),
    "state": m.State(
        stamp=STAMP,
        facts={
            "codec.in_call": m.FactNow(value=False, at_s=1795410100.0),
            "codec.api": m.FactNow(value=True, at_s=1795410090.0, ok=False, reason="timeout"),
            "mains.voltage_v": m.FactNow(value=221.4, at_s=1795410128.0),
            "codec.model": m.FactNow(value="SX20", at_s=1795400000.0),
        },
        faults=[
            m.FaultNow(
                fault_id=7,
                rule="codec_hung",
                phase="confirmed",
                severity="major",
                since_s=1795410100.0,
                rung=1,
                refused="hold_on",
                words=WORDS,
                act="codec_power_cycle",
                acts=1,
                takes_s=245.0,
                left_s=95.5,
            )
        ],
        actions=[m.ActionNow(remedy="codec_restart", load="codec", refused="hold_on")],
        loads={"codec": "on", "light": "off"},
        in_call=None,
        mode="maintenance",
        secrecy="open",
        hands_off="condensation",
        version="0.1.0",
        time_scale=0.1,
        outbox=3,
        dropped=1,
    ),
    "event": m.Event(
        stamp=STAMP,
        floor=4700,
        hub="4f1c9a7be2d05836",
        kind=EventKind.REMEDY_DONE,
        fault_id=7,
        rule="codec_hung",
        severity="major",
        phase="settling",
        reason="api_silent_codec_reachable",
        since_s=1795410100.0,
        evidence=[m.Evidence("codec.api", None, 31.0, "timeout"), m.Evidence("codec.ping", True, 1.5)],
        act_id=19,
        remedy="codec_power_cycle",
        load="codec",
        outcome="done",
        proof={"off_s": 15.1, "draw_before_w": 31.0, "draw_off_w": 0.4},
        command="cmd-0001",
        by="lan.nt",
        words=WORDS,
        detail={"strikes": 3, "versions": ["a", "b"], "nested": {"known": None}},
    ),
    "metric": m.MetricBatch(stamp=STAMP, samples={"mains.voltage_v": [(0.0, 221.4), (10.0, 220.9)]}),
    "reply": m.Reply(stamp=STAMP, outcome="refused", reason="in_call", act_id=19, proof={"off_s": 15.1}),
    "command": m.Command(
        id="cmd-0001",
        room="thx-0001",
        boot="9f3c1b5a7d2e4f60a1b2c3d4e5f60718",
        nonce="c0ffee00c0ffee00",
        counter=13,
        action="codec_restart",
        by="lan.nt",
        reason="picture frozen",
        expires_s=45.0,
        confirmed=m.Confirmed(person="Lê Văn Thắng", what="no_picture_no_sound", at_s=1795410095.0),
    ),
    "desired": m.Desired(
        room="thx-0001",
        version=42,
        meetings=[m.Meeting("m-1", "Giao ban tuần", 1795412000.0, 1795417400.0, trial=True, secret=True)],
        maintenance_until_s=1795420000.0,
        has=m.Has(hub="4f1c9a7be2d05836", epoch="01jd8x3v5m7n9q2r4t6w8y0z1b", seq=4711, at_s=1795410000.0),
    ),
    "ack": m.Ack(epoch="01jd8x3v5m7n9q2r4t6w8y0z1b", seq=4711, hub="4f1c9a7be2d05836"),
    "fleet": m.Fleet(hub_epoch="01jd8x0000000000000000000h", reconnect_window_s=45.0, rate_per_s=10.0),
}
"""By leaf, `fleet` included. Every field has a value that differs from its default, so that a lost one shows."""

KINDS: dict[str, type[msgspec.Struct]] = {leaf: type(sample) for leaf, sample in SAMPLES.items()}

_TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
_FLOAT = st.floats(allow_nan=False, allow_infinity=False)
_INT = st.integers(-(2**63), 2**63 - 1)
_PLAIN = st.none() | st.booleans() | _INT | _FLOAT | _TEXT
_ANY = st.recursive(_PLAIN, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_TEXT, inner, max_size=2))
_SIMPLE: dict[object, st.SearchStrategy[Any]] = {
    bool: st.booleans(), int: _INT, float: _FLOAT, str: _TEXT, type(None): st.none(), Any: _ANY,
}  # fmt: skip


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Random values of a type that the messages use."""
    if kind in _SIMPLE:
        return _SIMPLE[kind]
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin is list:
        return st.lists(values(args[0]), max_size=3)
    if origin is dict:
        return st.dictionaries(values(args[0]), values(args[1]), max_size=3)
    if origin is tuple:
        return st.tuples(*map(values, args))
    if origin in (typing.Union, types.UnionType):
        return st.one_of(*map(values, args))
    return structs(kind)


def structs(kind: type[msgspec.Struct]) -> st.SearchStrategy[msgspec.Struct]:
    """Random messages of a kind, of the version this program speaks."""
    hints = typing.get_type_hints(kind)
    fields = {f.name: values(hints[f.name]) for f in msgspec.structs.fields(kind) if f.name != "v"}
    return st.builds(kind, **fields)
