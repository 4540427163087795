"""The Authorization header: Basic (RFC 7617) and Digest (RFC 7616, and the older RFC 2069 without `qop`).

Digest is preferred where both are offered, SHA-256 over MD5: Basic shows the password to whoever listens.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

PARAMETER = re.compile(r'([A-Za-z][\w-]*)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
SCHEME = re.compile(r"(?:^|,)\s*(Basic|Digest)\b", re.IGNORECASE)
HASHES = {"SHA-256": "sha256", "MD5": "md5"}
"""Best first. A challenge without `algorithm` means MD5; the `-sess` variants are not offered by any device we know."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """How a device wants us to prove who we are."""

    scheme: str
    """`basic` or `digest`."""
    realm: str = ""
    nonce: str = ""
    opaque: str = ""
    algorithm: str = "MD5"
    qop: bool = False
    stale: bool = False
    """The nonce was old, the password is not in doubt."""


def challenge_of(headers: Sequence[str]) -> Challenge | None:
    """The best challenge we can meet, out of the WWW-Authenticate headers; None when there is none."""
    found = [challenge for header in headers for challenge in _challenges(header)]
    ranks = ["digest SHA-256", "digest MD5", "basic"]
    able = [c for c in found if _rank(c) in ranks]
    return min(able, key=lambda c: ranks.index(_rank(c)), default=None)


def _rank(challenge: Challenge) -> str:
    return "basic" if challenge.scheme == "basic" else f"digest {challenge.algorithm}"


def _challenges(header: str) -> list[Challenge]:
    starts = list(SCHEME.finditer(header))
    made = []
    for at, match in enumerate(starts):
        end = starts[at + 1].start() if at + 1 < len(starts) else len(header)
        words = {k.lower(): quoted or bare for k, quoted, bare in PARAMETER.findall(header[match.end() : end])}
        made.append(
            Challenge(
                match[1].lower(),
                words.get("realm", ""),
                words.get("nonce", ""),
                words.get("opaque", ""),
                words.get("algorithm", "MD5").upper(),
                "auth" in words.get("qop", "").lower().replace(",", " ").split(),
                words.get("stale", "").lower() == "true",
            )
        )
    return made


def authorization(
    challenge: Challenge, user: str, password: str, method: str, target: str, count: int, cnonce: str
) -> str:
    """The header's value. `count` is how often this nonce was used, from 1; `cnonce` is ours, new for every use."""
    if challenge.scheme == "basic":
        return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    def digest(text: str) -> str:
        return hashlib.new(HASHES[challenge.algorithm], text.encode(), usedforsecurity=False).hexdigest()

    secret = digest(f"{user}:{challenge.realm}:{password}")
    act = digest(f"{method}:{target}")
    times = f"{count:08x}"
    if challenge.qop:
        response = digest(f"{secret}:{challenge.nonce}:{times}:{cnonce}:auth:{act}")
    else:
        response = digest(f"{secret}:{challenge.nonce}:{act}")
    parts = [
        f'username="{user}"', f'realm="{challenge.realm}"', f'nonce="{challenge.nonce}"', f'uri="{target}"',
        f'response="{response}"', f"algorithm={challenge.algorithm}",
    ]  # fmt: skip
    if challenge.opaque:
        parts.append(f'opaque="{challenge.opaque}"')
    if challenge.qop:
        parts += ["qop=auth", f"nc={times}", f'cnonce="{cnonce}"']
    return "Digest " + ", ".join(parts)
