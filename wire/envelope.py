"""The envelope of what is signed: DSSE (https://github.com/secure-systems-lab/dsse), version 1, with Ed25519.

What is signed is the exact bytes of the payload together with their kind, so nothing has to be written the same way
twice to be verified, and a document can never pass for an order. No key is handled here.
"""

from __future__ import annotations

import base64
import binascii
import enum

import msgspec

from wire.messages import PAYLOAD_MAX_BYTES, BadMessageError

SIGNATURES_MAX = 4
"""More signatures than that are refused unread: an envelope is no way to keep a small board busy."""


class Kind(enum.StrEnum):
    """What a payload is. Part of what is signed."""

    COMMAND = "application/vnd.diemcau.command+json"
    DESIRED = "application/vnd.diemcau.desired+json"
    KEYS = "application/vnd.diemcau.keys+json"


class Sig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One signature."""

    keyid: str
    """Which key of the list made it; only a hint which one to try."""
    sig: str
    """Base64 of the 64 bytes."""


class Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"payload_type": "payloadType"}):
    """A signed payload."""

    payload_type: str
    payload: str
    """Base64 of the payload's bytes."""
    signatures: list[Sig]

    def body(self) -> bytes:
        """The payload's bytes. Raises BadMessageError for what is not plain base64."""
        return unbase64(self.payload)


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """One key that may sign orders and documents."""

    id: str
    """The first 16 hex digits of SHA-256 over the public key."""
    public: str
    """Base64 of the 32 bytes of the public key."""
    revoked: bool = False


class Keys(msgspec.Struct, frozen=True, kw_only=True):
    """The list of keys that rooms believe, signed by the root key and retained. A lower version is refused."""

    v: int = 1
    version: int
    keys: list[Key]


_decoder = msgspec.json.Decoder(Envelope)


def pae(kind: str, body: bytes) -> bytes:
    """The bytes that are signed: DSSE's pre-authentication encoding."""
    name = kind.encode()
    return b"DSSEv1 %d %s %d %s" % (len(name), name, len(body), body)


def is_envelope(raw: bytes) -> bool:
    """Whether this claims to be signed at all; cheap, and no judgement."""
    return b'"payloadType"' in raw[:PAYLOAD_MAX_BYTES]


def read(raw: bytes) -> Envelope:
    """Read an envelope, which has one way to be written only. Raises BadMessageError; believes nothing."""
    if len(raw) > PAYLOAD_MAX_BYTES:
        raise BadMessageError(f"envelope of {len(raw)} bytes is over the limit of {PAYLOAD_MAX_BYTES}")
    try:
        envelope = _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadMessageError(f"not an envelope: {error}") from None
    if msgspec.json.encode(envelope) != raw:
        raise BadMessageError("an envelope that is not written as it should be: a field twice, or spaces")
    if not 1 <= len(envelope.signatures) <= SIGNATURES_MAX:
        raise BadMessageError(f"{len(envelope.signatures)} signatures, and 1 to {SIGNATURES_MAX} are read")
    return envelope


def seal(kind: Kind, body: bytes, signatures: list[tuple[str, bytes]]) -> bytes:
    """The envelope as it goes onto the wire."""
    sigs = [Sig(key, base64.b64encode(made).decode("ascii")) for key, made in signatures]
    return msgspec.json.encode(Envelope(kind, base64.b64encode(body).decode("ascii"), sigs))


def unbase64(text: str) -> bytes:
    """Bytes of strict base64: the one text that stands for them. Raises BadMessageError."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadMessageError("not base64") from None
    if base64.b64encode(data).decode("ascii") != text:
        raise BadMessageError("base64 that is not written as it should be")
    return data
