"""The keys of one simulated fleet: a root, the keys that it has ever let sign, and who holds which."""

from __future__ import annotations

import base64
import random
from hashlib import sha256

import msgspec
from nacl.signing import SigningKey

from wire.envelope import Key, Keys, Kind, pae, seal


class Seals:
    """Made from the dice. The newest key signs; those before it are revoked, and a thief may hold one."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._root = SigningKey(dice.randbytes(32))
        self._signing: list[SigningKey] = []
        self.lists: list[bytes] = []
        """Every list of keys that the root has signed, oldest first."""
        self.renew()

    @property
    def root(self) -> str:
        """Base64 of the root's public half."""
        return base64.b64encode(bytes(self._root.verify_key)).decode("ascii")

    def renew(self) -> None:
        """A new key signs from now on, and the root revokes the one before."""
        self._signing.append(SigningKey(self._dice.randbytes(32)))
        newest = len(self._signing) - 1
        keys = [
            Key(id=_name(key), public=base64.b64encode(bytes(key.verify_key)).decode("ascii"), revoked=n < newest)
            for n, key in enumerate(self._signing[-4:], max(0, newest - 3))
        ]
        body = msgspec.json.encode(Keys(version=len(self._signing), keys=keys))
        self.lists.append(seal(Kind.KEYS, body, [(_name(self._root), self._root.sign(pae(Kind.KEYS, body)).signature)]))

    def seal(self, kind: Kind, body: bytes, *, stolen: bool = False) -> bytes:
        """The envelope, by the key in force; `stolen`: by the one before it."""
        key = self._signing[-2 if stolen and len(self._signing) > 1 else -1]
        return seal(kind, body, [(_name(key), key.sign(pae(kind, body)).signature)])


def _name(key: SigningKey) -> str:
    return sha256(bytes(key.verify_key)).hexdigest()[:16]
