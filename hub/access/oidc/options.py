"""What the hub is told about the provider, and the reasons for which it lets somebody not in."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

CALLBACK = "/login/oidc/callback"
DETAIL_MAX = 200
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Reason(StrEnum):
    """Why a sign-in is refused. Each has its sentence, `login.oidc.<reason>`, and stands in the log."""

    UNREACHABLE = "unreachable"
    BUSY = "busy"
    STATE = "state"
    """The answer belongs to no sign-in that this browser has begun within the last minutes."""
    DENIED = "denied"
    """The provider itself says no."""
    ISSUER = "issuer"
    AUDIENCE = "audience"
    NONCE = "nonce"
    EXPIRED = "expired"
    ALGORITHM = "algorithm"
    """Unsigned, or signed in a way that proves nothing: `none`, or with a secret that others may share."""
    SIGNATURE = "signature"
    TOKEN = "token"  # noqa: S105  a reason, no secret
    """Anything else that is wrong with what the provider sent."""
    NAME = "name"
    NO_ACCOUNT = "no_account"
    LOCAL = "local"
    """The name is that of an account with a password, which a provider cannot take over."""
    TAKEN = "taken"
    """The name belongs to another person of the provider's."""
    DISABLED = "disabled"
    NO_ROLE = "no_role"
    NO_PLACE = "no_place"


class OidcError(Exception):
    """A sign-in that is refused. `detail` is for the log and never holds a token; `account` is whose sessions end."""

    def __init__(self, reason: Reason, detail: str = "", subject: str = "", account: str = "") -> None:
        super().__init__(f"{reason}: {detail[:DETAIL_MAX]}")
        self.reason = reason
        self.detail = detail[:DETAIL_MAX]
        self.subject = subject[:DETAIL_MAX]
        self.account = account


@dataclass(frozen=True, slots=True)
class Options:
    """The provider, and how its people become accounts."""

    issuer: str
    client_id: str
    public_url: str
    """The console's own address as browsers see it; the provider sends them back there."""
    client_secret: str = field(default="", repr=False)
    ca_file: str = ""
    scope: str = "openid profile"
    user_claim: str = "preferred_username"
    role_claim: str = ""
    place_claim: str = ""
    roles: Mapping[str, str] = field(default_factory=dict)

    @property
    def redirect_uri(self) -> str:
        """Where the provider sends browsers back to."""
        return self.public_url.rstrip("/") + CALLBACK


def fault_of_url(url: str) -> str:
    """Why an address cannot be the provider's or ours; empty when it can. Plain HTTP is for this machine alone."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return "an address such as https://host"
    if not host or parts.query or parts.fragment or parts.username:
        return "an address such as https://host, without a query"
    if parts.scheme != "https" and not (parts.scheme == "http" and host in _LOOPBACK):
        return "https://, or http:// on this machine itself"
    return ""


def fault_of_endpoint(url: str, issuer: str) -> str:
    """Why the provider's metadata cannot name this address; empty when it can. Elsewhere than at the issuer itself it
    must be a machine's with a certificate, and neither this one nor a neighbour on the wire (`http.py` looks again at
    what a name stands for)."""
    plain = url.partition("?")[0]
    if fault := fault_of_url(plain):
        return fault
    parts, own = urlsplit(plain), urlsplit(issuer)
    if (parts.scheme, parts.netloc) == (own.scheme, own.netloc):
        return ""
    host = (parts.hostname or "").rstrip(".")
    try:
        place = ipaddress.ip_address(host)
    except ValueError:
        here = host == "localhost" or host.endswith(".localhost")
    else:
        place = getattr(place, "ipv4_mapped", None) or place
        here = place.is_loopback or place.is_link_local or place.is_unspecified or place.is_multicast
    return "https:// on another machine" if here or parts.scheme != "https" else ""


def claim_of(claims: Mapping[str, object], path: str) -> object:
    """A claim by its name, or within others by a path such as `realm_access.roles`; None when there is none."""
    if path in claims:
        return claims[path]
    found: object = claims
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def words_of(claim: object) -> list[str]:
    """A claim that is one word or a list of them."""
    if isinstance(claim, str):
        return [claim] if claim else []
    return [word for word in claim if isinstance(word, str) and word] if isinstance(claim, list) else []
