"""Messages: nothing is lost on the way, and nothing that comes in can raise anything unexpected."""

from __future__ import annotations

import json
import typing
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.samples import KINDS, SAMPLES, structs
from wire import messages as m

BY_LEAF = pytest.mark.parametrize("leaf", SAMPLES)


def _json(message: msgspec.Struct) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(m.encode(message))
    return parsed


@BY_LEAF
def test_a_full_message_survives_the_round_trip(leaf: str) -> None:
    assert m.decode(KINDS[leaf], m.encode(SAMPLES[leaf])) == SAMPLES[leaf]


@BY_LEAF
def test_the_sample_sets_every_field(leaf: str) -> None:
    sample = SAMPLES[leaf]
    for field in msgspec.structs.fields(sample):
        if field.name not in ("v", "in_call"):
            default = field.default_factory() if callable(field.default_factory) else field.default
            assert getattr(sample, field.name) != default, f"{leaf}.{field.name}"


@given(st.sampled_from(sorted(KINDS)).flatmap(lambda leaf: structs(KINDS[leaf])))
def test_any_message_survives_the_round_trip(message: msgspec.Struct) -> None:
    assert m.decode(type(message), m.encode(message)) == message


@BY_LEAF
def test_unknown_fields_are_skipped_wherever_they_stand(leaf: str) -> None:
    def widened(value: Any, kind: Any) -> Any:
        """The value with a field that we do not know yet in every struct of it."""
        if isinstance(value, msgspec.Struct):
            hints = typing.get_type_hints(type(value))
            known = {f.name: widened(getattr(value, f.name), hints[f.name]) for f in msgspec.structs.fields(value)}
            return {"of_tomorrow": {"deep": [1, None]}, **known}
        if isinstance(value, list):
            return [widened(item, None) for item in value]
        if isinstance(value, dict):
            return {key: widened(item, None) for key, item in value.items()}
        return value

    payload = msgspec.json.encode(widened(SAMPLES[leaf], None))
    assert payload.count(b"of_tomorrow") >= 1
    assert m.decode(KINDS[leaf], payload) == SAMPLES[leaf]


@BY_LEAF
def test_a_newer_major_version_is_set_aside_even_when_it_looks_different(leaf: str) -> None:
    for other in ({**_json(SAMPLES[leaf]), "v": 2}, {"v": 7}, {"v": 2, "stamp": "of another shape"}):
        with pytest.raises(m.NewerVersionError, match=f"version {other['v']}"):
            m.decode(KINDS[leaf], json.dumps(other).encode())


@BY_LEAF
def test_a_missing_optional_field_has_its_default(leaf: str) -> None:
    kind = KINDS[leaf]
    needed = {f.name for f in msgspec.structs.fields(kind) if f.required}
    bare = {name: value for name, value in _json(SAMPLES[leaf]).items() if name in needed}
    message = m.decode(kind, json.dumps(bare).encode())
    for field in msgspec.structs.fields(kind):
        if not field.required:
            default = field.default_factory() if callable(field.default_factory) else field.default
            assert getattr(message, field.name) == default


@BY_LEAF
def test_a_missing_required_field_is_a_bad_message(leaf: str) -> None:
    for field in msgspec.structs.fields(KINDS[leaf]):
        if field.required:
            less = {name: value for name, value in _json(SAMPLES[leaf]).items() if name != field.name}
            with pytest.raises(m.BadMessageError, match=field.name):
                m.decode(KINDS[leaf], json.dumps(less).encode())


def test_an_oversized_payload_is_refused_unread() -> None:
    with pytest.raises(m.BadMessageError, match="over the limit"):
        m.decode(m.Ack, b" " * (m.PAYLOAD_MAX_BYTES + 1))
    padded = m.encode(SAMPLES["ack"]).ljust(m.PAYLOAD_MAX_BYTES)
    assert m.decode(m.Ack, padded) == SAMPLES["ack"]


@given(leaf=st.sampled_from(sorted(KINDS)), payload=st.binary(max_size=300))
def test_garbage_is_a_bad_message_and_nothing_else(leaf: str, payload: bytes) -> None:
    with pytest.raises(m.BadMessageError):
        m.decode(KINDS[leaf], payload)


@given(leaf=st.sampled_from(sorted(KINDS)), data=st.data())
def test_a_damaged_message_is_read_or_refused(leaf: str, data: st.DataObject) -> None:
    payload = bytearray(m.encode(SAMPLES[leaf]))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(payload) - 1))
        if data.draw(st.booleans()):
            payload[at] = data.draw(st.integers(0, 255))
        else:
            del payload[at:]
            payload += b" "
    try:
        message = m.decode(KINDS[leaf], bytes(payload))
    except m.BadMessageError:
        return
    assert isinstance(message, KINDS[leaf])


NASTY = [
    b"", b"null", b"[]", b"0", b'""', b"{}", b"\xff\xfe", b"\x00" * 64, b"[" * 60_000, b'{"v":' * 12_000,
    b'{"v":1e999}', b'{"v":"1"}', b'{"v":null}', b'{"v":1.5}', b'{"v":1}garbage', b'{"v":1,"v":2}', b"NaN",
    b'{"v":' + b"9" * 5000 + b"}", b'{"v":1,"epoch":"\\ud800","seq":1}', b'{"v":true}', b'{"v":-1}',
]  # fmt: skip


@BY_LEAF
@pytest.mark.parametrize("payload", NASTY, ids=range(len(NASTY)))
def test_nasty_payloads_are_bad_messages(leaf: str, payload: bytes) -> None:
    with pytest.raises(m.BadMessageError):
        m.decode(KINDS[leaf], payload)


def test_the_reason_is_one_short_line() -> None:
    for payload in NASTY:
        with pytest.raises(m.BadMessageError) as caught:
            m.decode(m.Ack, payload)
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 300


def test_a_full_state_is_far_below_the_limit() -> None:
    """`PAYLOAD_MAX_BYTES` says that the largest honest payload is below 16 kB: every fact, five faults at once."""
    from agent.core.facts import FACTS
    from agent.core.remedies import LOADS, REMEDIES

    sample = SAMPLES["state"]
    assert isinstance(sample, m.State)
    full = msgspec.structs.replace(
        sample,
        facts={key: m.FactNow(value=12345.678, at_s=1795410128.123, ok=False, reason="timeout") for key in FACTS},
        faults=sample.faults * 5,
        actions=[m.ActionNow(remedy=r.name, load=r.load, refused="meeting_near") for r in REMEDIES.values()],
        loads=dict.fromkeys(LOADS, "settling"),
    )
    assert len(m.encode(full)) < 16_000
