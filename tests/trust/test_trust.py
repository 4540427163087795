"""Whom a room believes, and that power cuts, older lists and other documents do not change it."""

from __future__ import annotations

import json
from collections.abc import Callable

import msgspec
import pytest
from nacl.signing import SigningKey

from agent.uplink.trust import KEYS_MAX, BadRootError, Trust, read_root
from tests.trust.notary import Notary, public
from wire import envelope as e
from wire import messages as m
from wire.messages import BadMessageError

NOTARY = Notary()
BODY = m.encode(m.Command(id="c1", room="r-1", boot="b1", nonce="n1", counter=1, action="codec_restart", by="lan"))
STRANGER = SigningKey(b"s" * 32)


def trust(*, accept_unsigned: bool = False) -> Trust:
    made = Trust(NOTARY.root_public, accept_unsigned=accept_unsigned)
    assert made.learn(NOTARY.keys()) == ""
    return made


def test_what_a_listed_key_has_signed_is_believed() -> None:
    assert trust().open(NOTARY.seal(e.Kind.COMMAND, BODY, NOTARY.key), e.Kind.COMMAND).body == BODY


@pytest.mark.parametrize(
    ("raw", "refused"),
    [
        (BODY, "unsigned"),
        (NOTARY.seal(e.Kind.DESIRED, BODY, NOTARY.key), "wrong_kind"),
        (NOTARY.seal(e.Kind.COMMAND, BODY, NOTARY.key, "k2"), "unknown_key"),
        (NOTARY.seal(e.Kind.COMMAND, BODY, STRANGER), "bad_signature"),
        (NOTARY.seal(e.Kind.COMMAND, BODY, NOTARY.root), "bad_signature"),
        (NOTARY.seal(e.Kind.COMMAND, BODY, NOTARY.root, "root"), "unknown_key"),
        (e.seal(e.Kind.COMMAND, BODY, [("k1", b"")]), "bad_signature"),
        (e.seal(e.Kind.COMMAND, BODY, [("k1", b"x" * 64)]), "bad_signature"),
    ],
)
def test_what_nobody_believed_has_signed_is_refused_by_name(raw: bytes, refused: str) -> None:
    opened = trust().open(raw, e.Kind.COMMAND)
    assert (opened.body, opened.refused) == (b"", refused)


def test_a_revoked_key_signs_nothing_any_more_and_never_again() -> None:
    made = trust()
    assert made.learn(NOTARY.keys(2, revoked=True)) == ""
    raw = NOTARY.seal(e.Kind.COMMAND, BODY, NOTARY.key)
    assert made.open(raw, e.Kind.COMMAND).refused == "revoked_key"
    assert made.learn(NOTARY.keys(1)) == "outdated"
    assert made.open(raw, e.Kind.COMMAND).refused == "revoked_key"


def test_without_a_root_nobody_is_believed_whatever_is_signed() -> None:
    made = Trust(accept_unsigned=True)
    assert made.learn(NOTARY.keys()) == "bad_signature"
    assert made.open(NOTARY.seal(e.Kind.COMMAND, BODY, NOTARY.key), e.Kind.COMMAND).refused == "unknown_key"
    assert made.open(BODY, e.Kind.COMMAND).body == BODY


def test_a_room_that_believes_a_root_obeys_nothing_unsigned() -> None:
    assert trust().open(BODY, e.Kind.COMMAND).refused == "unsigned"


def keys(change: Callable[[dict[str, object]], object], signer: SigningKey = NOTARY.root) -> bytes:
    listed = msgspec.to_builtins(e.Keys(version=3, keys=[e.Key(id="k1", public=public(NOTARY.key))]))
    change(listed)
    return NOTARY.seal(e.Kind.KEYS, json.dumps(listed).encode(), signer)


@pytest.mark.parametrize(
    ("raw", "refused"),
    [
        (b"{}", "unsigned"),
        (NOTARY.keys(root=STRANGER), "bad_signature"),
        (NOTARY.keys(root=NOTARY.key), "bad_signature"),
        (NOTARY.seal(e.Kind.COMMAND, BODY, NOTARY.root), "wrong_kind"),
        (b'{"payloadType":"x"}', "malformed"),
        (keys(lambda k: k.update(v=2)), "malformed"),
        (keys(lambda k: k.update(version="x")), "malformed"),
        (keys(lambda k: k.update(keys=[{"id": "k1", "public": "AAAA"}])), "malformed"),
        (keys(lambda k: k.update(keys=[{"id": "k1", "public": public(NOTARY.key)}] * 2)), "malformed"),
        (keys(lambda k: k.update(keys=[{"id": f"k{n}", "public": public(NOTARY.key)} for n in range(KEYS_MAX + 1)])),
         "malformed"),
    ],
)  # fmt: skip
def test_a_list_that_is_not_the_roots_own_changes_nothing(raw: bytes, refused: str) -> None:
    made = trust()
    assert made.learn(raw) == refused
    assert made.version == 1
    assert made.open(NOTARY.seal(e.Kind.COMMAND, BODY, NOTARY.key), e.Kind.COMMAND).body == BODY


def test_the_list_may_come_again_with_every_connection() -> None:
    made = trust()
    assert made.learn(NOTARY.keys()) == ""


@pytest.mark.parametrize("text", ["", "x", "A" * 43, "A" * 45, "é" * 44, "A" * 40 + "!!!="])
def test_a_root_key_that_is_none_is_said(text: str) -> None:
    with pytest.raises(BadRootError, match="is no public root key"):
        read_root(text)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"payloadType":"x"}',
        b'{"payloadType":"x","payload":"","signatures":[]}',
        e.seal(e.Kind.COMMAND, BODY, [("k1", b"x")] * (e.SIGNATURES_MAX + 1)),
        b'{"payloadType":"x","payload":"QQ","signatures":[{"keyid":"k1","sig":""}]}',
        b'{"payloadType":"x","payload":"QR==","signatures":[{"keyid":"k1","sig":""}]}',
        b'{"payloadType":"x","payload":"QQ==","more":1,"signatures":[{"keyid":"k1","sig":""}]}',
        b'{"payloadType":"' + b"[" * 50_000,
        b'{"payloadType":"x"' + b" " * 70_000,
    ],
)
def test_what_is_no_envelope_is_one_sentence(raw: bytes) -> None:
    with pytest.raises(BadMessageError):
        trust().open(raw, e.Kind.COMMAND)
