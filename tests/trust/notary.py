"""Keys for tests: a root, signing keys, and lists and orders signed by them."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field

import msgspec
from nacl.signing import SigningKey

from wire import envelope as e
from wire import messages as m


def public(key: SigningKey) -> str:
    return base64.b64encode(bytes(key.verify_key)).decode("ascii")


@dataclass
class Notary:
    """Seeds are fixed, so that every run signs the same bytes."""

    root: SigningKey = field(default_factory=lambda: SigningKey(b"r" * 32))
    key: SigningKey = field(default_factory=lambda: SigningKey(b"k" * 32))

    @property
    def root_public(self) -> bytes:
        return bytes(self.root.verify_key)

    def keys(self, version: int = 1, *, revoked: bool = False, root: SigningKey | None = None) -> bytes:
        listed = e.Keys(version=version, keys=[e.Key(id="k1", public=public(self.key), revoked=revoked)])
        return self.seal(e.Kind.KEYS, msgspec.json.encode(listed), root or self.root, "root")

    def order(self, order: m.Command, keyid: str = "k1") -> bytes:
        return self.seal(e.Kind.COMMAND, m.encode(order), self.key, keyid)

    @staticmethod
    def seal(kind: e.Kind, body: bytes, key: SigningKey, keyid: str = "k1") -> bytes:
        return e.seal(kind, body, [(keyid, key.sign(e.pae(kind, body)).signature)])
