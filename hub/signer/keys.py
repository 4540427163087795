"""Keys: a root that stays offline, signing keys, and the list of them that rooms believe."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from hub.pki.files import PUBLIC, SECRET, PkiError, write
from hub.pki.files import open_for_owner as owned
from wire import envelope as e
from wire.messages import BadMessageError

ROOT_KEY, ROOT_PUB, LIST = "root-orders.key", "root-orders.pub", "keys.json"
ID_DIGITS = 16


def key_id(public: bytes) -> str:
    """The name of a key: the first 16 hex digits of SHA-256 over its public half."""
    return hashlib.sha256(public).hexdigest()[:ID_DIGITS]


def public_of(key: Ed25519PrivateKey) -> bytes:
    """The 32 bytes of a key's public half."""
    return key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def read(path: Path) -> Ed25519PrivateKey:
    """A signing key. Raises PkiError, also when others than its owner may read it."""
    try:
        key = serialization.load_pem_private_key(owned(path), password=None)
    except (ValueError, TypeError) as error:
        raise PkiError(f"{path}: không đọc được khóa / is no key that can be read: {error}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise PkiError(f"{path}: không phải khóa Ed25519 / is no Ed25519 key: make it with signer new-key")
    return key


def make(path: Path) -> Ed25519PrivateKey:
    """A new key in a new file. Raises PkiError rather than overwrite one."""
    if path.exists():
        raise PkiError(f"{path}: đã có / exists already: choose another file")
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    write(path, pem, SECRET)
    return key


def create_root(folder: Path) -> str:
    """Make the root; its public half as rooms have it in their settings."""
    key = make(folder / ROOT_KEY)
    public = base64.b64encode(public_of(key)).decode("ascii")
    write(folder / ROOT_PUB, public.encode() + b"\n", PUBLIC)
    _write_list(folder, key, e.Keys(version=1, keys=[]))
    return public


def add(folder: Path, signing: Ed25519PrivateKey) -> str:
    """Put a signing key on the list. Needs the root key. Returns its id."""
    root, known = read(folder / ROOT_KEY), listed(folder)
    public = public_of(signing)
    new = e.Key(id=key_id(public), public=base64.b64encode(public).decode("ascii"))
    _write_list(folder, root, e.Keys(version=known.version + 1, keys=[*known.keys, new]))
    return new.id


def revoke(folder: Path, ident: str) -> int:
    """Take a signing key's word from it. Needs the root key. Returns the list's version. Raises PkiError."""
    root, known = read(folder / ROOT_KEY), listed(folder)
    if ident not in {key.id for key in known.keys}:
        raise PkiError(f"{ident}: không có trong danh sách / is not on the list: see signer keys")
    keys = [msgspec.structs.replace(key, revoked=key.revoked or key.id == ident) for key in known.keys]
    _write_list(folder, root, e.Keys(version=known.version + 1, keys=keys))
    return known.version + 1


def listed(folder: Path) -> e.Keys:
    """The list, after its root's signature has been checked. Raises PkiError."""
    path = folder / LIST
    try:
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode((folder / ROOT_PUB).read_bytes()))
        envelope = e.read(path.read_bytes())
        body = envelope.body()
        public.verify(e.unbase64(envelope.signatures[0].sig), e.pae(e.Kind.KEYS, body))
        return msgspec.json.decode(body, type=e.Keys)
    except FileNotFoundError as error:
        raise PkiError(f"{error.filename}: không có / is not there: run signer init") from None
    except (OSError, ValueError, BadMessageError, msgspec.DecodeError, InvalidSignature) as error:
        raise PkiError(f"{path}: danh sách hỏng / is damaged or not by this root: {error or 'signature'}") from None


def _write_list(folder: Path, root: Ed25519PrivateKey, keys: e.Keys) -> None:
    body = msgspec.json.encode(keys)
    signature = root.sign(e.pae(e.Kind.KEYS, body))
    write(folder / LIST, e.seal(e.Kind.KEYS, body, [(key_id(public_of(root)), signature)]), PUBLIC)
