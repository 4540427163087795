"""A bundle: one tar with a release's wheels, its manifest, and the signature of the one who made it.

manifest.json      version, kind, platform, python, and the SHA-256 of every other file
manifest.sig       Ed25519 over manifest.json, checked with the host's own openssl
requirements.txt   every package with its version and hash, as `uv.lock` has them
wheels/            for this platform; nothing is built on a host, and nothing comes from an index
bin/ units/        diemcau-release itself and the services, for a first installation
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from agent.fleet.disk import ReleaseError, read

VERSION = re.compile(r"[0-9][0-9A-Za-z.+-]{0,40}\Z")
NAME = re.compile(r"(manifest\.json|manifest\.sig|requirements\.txt|(wheels|bin|units)/[A-Za-z0-9][\w.+-]*)\Z")
"""What may be in a bundle. A name that leads anywhere else is no name."""
BYTES_MAX = 500 * 2**20
OPENSSL_S = 30.0


def unpack(tar: Path, target: Path) -> None:
    """Take the files out, and nothing else: no links, no devices, no path that leads away. Raises ReleaseError."""
    total = 0
    try:
        with tarfile.open(tar, "r:") as found:
            for member in found:
                if member.isdir() and member.name in ("wheels", "bin", "units"):
                    continue
                total += member.size
                source = found.extractfile(member) if member.isreg() else None
                if source is None or not NAME.match(member.name) or total > BYTES_MAX:
                    raise ReleaseError(f"{tar}: {member.name[:80]!r} has no place in a bundle")
                place = target / member.name
                place.parent.mkdir(parents=True, exist_ok=True)
                with source, place.open("wb") as out:
                    shutil.copyfileobj(source, out)
    except (tarfile.TarError, EOFError) as error:
        raise ReleaseError(f"{tar} cannot be read, fetch it again: {error}") from None


def verify(bundle: Path, key: str = "", kind: str = "agent") -> str:
    """The version of an unpacked bundle that is whole, and signed if `key` names a public key. Raises ReleaseError."""
    if key:
        _verify_signature(bundle, Path(key))
    manifest = read(bundle / "manifest.json")
    version = str(manifest.get("version", ""))
    if not VERSION.match(version):
        raise ReleaseError(f"{bundle}: no bundle, its manifest.json names no version")
    if manifest.get("kind") != kind:
        raise ReleaseError(f"{bundle}: this is for the {manifest.get('kind')}, not for the {kind}")
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if manifest.get("python") != python:
        raise ReleaseError(f"{bundle}: its wheels are for Python {manifest.get('python')}, this host has {python}")
    listed = manifest.get("files", {})
    there = {
        str(path.relative_to(bundle))
        for path in bundle.rglob("*")
        if path.is_file() and path.name not in ("manifest.json", "manifest.sig")
    }
    if there != set(listed):
        odd = sorted(there ^ set(listed))
        raise ReleaseError(f"{bundle}: too many or missing: {', '.join(odd[:3])}")
    for name, digest in listed.items():
        if sha256(bundle / name) != digest:
            raise ReleaseError(f"{bundle}: {name} is not what the manifest says, fetch it again")
    return version


def sha256(path: Path) -> str:
    """Of a file, in hex."""
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _verify_signature(bundle: Path, key: Path) -> None:
    manifest, signature = bundle / "manifest.json", bundle / "manifest.sig"
    if not key.is_file():
        raise ReleaseError(f"{key}: this host takes signed releases only, and has no key; put it there")
    if not signature.is_file():
        raise ReleaseError(f"{bundle}: not signed, and this host takes signed releases only")
    try:
        done = subprocess.run(  # noqa: S603
            ["/usr/bin/openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", str(key), "-in", str(manifest),
             "-sigfile", str(signature)],
            capture_output=True, timeout=OPENSSL_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ReleaseError(f"openssl could not check the signature: {error}") from None
    if done.returncode != 0:
        raise ReleaseError(f"{bundle}: the signature is not by the key in {key}")
