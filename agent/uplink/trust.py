"""Whom a room believes: a root key that its technician brought, and the list of signing keys that this root has signed.

Neither broker nor hub nor console can make an order on their own: the signing key is with a process of its own, and the
root with nobody who is on the network. libsodium does the arithmetic (docs/adr/0014).
"""

from __future__ import annotations

import base64
from dataclasses import dataclass

import msgspec

from agent.core.facts import Instant
from wire import bounds
from wire import envelope as e
from wire.messages import BadMessageError, Command

KEYS_MAX = 16
"""Keys of a list that are kept; a list of more is refused."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What is in a message: its payload, or the name of the reason why it is not believed."""

    body: bytes = b""
    refused: str = ""
    """`unsigned`, `bad_signature`, `unknown_key`, `revoked_key` or `wrong_kind`; empty when the payload is believed."""


class Trust:
    """The keys of one room. `root` is the public root key, 32 bytes; empty: nobody is believed, whatever is signed."""

    def __init__(self, root: bytes = b"", *, accept_unsigned: bool = False) -> None:
        self._root = root
        self._accept_unsigned = accept_unsigned
        self._keys: dict[str, e.Key] = {}
        self.version = 0
        """Of the list in force; 0 before there is one."""

    def learn(self, raw: bytes) -> str:
        """Take a new list of keys. Returns why not, or empty: `unsigned`, `bad_signature`, `wrong_kind`, `outdated`,
        `malformed`. A list of the version in force changes nothing: it comes again with every connection."""
        if not e.is_envelope(raw):
            return "unsigned"
        try:
            envelope = e.read(raw)
            body = envelope.body()
            if envelope.payload_type != e.Kind.KEYS:
                return "wrong_kind"
            signatures = [sig for sig in envelope.signatures if _fits(self._root, e.Kind.KEYS, body, sig.sig)]
            if not self._root or not signatures:
                return "bad_signature"
            found = msgspec.json.decode(body, type=e.Keys)
            keys = {key.id: key for key in found.keys}
            usable = all(len(e.unbase64(key.public)) == 32 for key in found.keys)
        except (BadMessageError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return "malformed"
        if found.v != 1 or len(keys) != len(found.keys) or len(keys) > KEYS_MAX or not usable:
            return "malformed"
        if found.version < self.version:
            return "outdated"
        self._keys, self.version = keys, found.version
        return ""

    def open(self, raw: bytes, kind: e.Kind) -> Opened:
        """The payload, if somebody believed has signed it. Raises BadMessageError for what is no envelope."""
        if not e.is_envelope(raw):
            return Opened(raw) if self._accept_unsigned else Opened(refused="unsigned")
        envelope = e.read(raw)
        body = envelope.body()
        if envelope.payload_type != kind:
            return Opened(refused="wrong_kind")
        refused = "unknown_key"
        for sig in envelope.signatures:
            key = self._keys.get(sig.keyid)
            if key is None:
                continue
            if key.revoked:
                refused = "revoked_key"
            elif _fits(e.unbase64(key.public), kind, body, sig.sig):
                return Opened(body)
            else:
                return Opened(refused="bad_signature")  # one try: the arithmetic is not free on a small board
        return Opened(refused=refused)


def _fits(public: bytes, kind: e.Kind, body: bytes, signature: str) -> bool:
    """Whether this key has signed these bytes as this kind."""
    from nacl.exceptions import BadSignatureError  # only a room that is sent something signed pays for it
    from nacl.signing import VerifyKey

    try:
        VerifyKey(public).verify(e.pae(kind, body), e.unbase64(signature))
    except (BadSignatureError, BadMessageError, ValueError, TypeError):
        return False
    return True


class BadRootError(ValueError):
    """The root's public key cannot be used; one sentence."""


def read_root(text: str) -> bytes:
    """The 32 bytes of the root's public key from its base64. Raises BadRootError."""
    try:
        data = base64.b64decode(text.strip(), validate=True)
    except ValueError:
        data = b""
    if len(data) != 32:
        raise BadRootError(
            "không phải khóa gốc công khai, chép dòng 44 ký tự mà signer init in ra / is no public root key: copy the "
            "44 characters that diemcau-hub signer init prints"
        )
    return data


def unconfirmed(command: Command, now: Instant) -> str:
    """Why what a person in the room is said to have said is not believed; empty when it is, or nothing was said."""
    if command.confirmed is None:
        return ""
    if not now.synced:
        return "confirmation_no_clock"  # nobody can tell how old it is
    return bounds.unfit_confirmation(command.confirmed, command.action, now.wall_s)
