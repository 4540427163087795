"""What can be judged on the controller before a host is touched: certificates, keys, what a room's settings name."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID

SOON = timedelta(days=30)
"""A certificate that ends within this time is not brought: it would have to be brought again at once."""


def certificate_faults(texts: dict[str, str], cert: str, key: str, ca: str, name: str = "") -> list[str]:
    """A sentence for each fault of a certificate, its key and its authority, by their paths; `texts` is what they hold.

    `name`: the common name or host that it has to carry; empty: any. Ansible reads the files, since a key may lie in
    the Vault.
    """
    faults = [f"{path}: there is no such file here, or it is empty" for path in (cert, key, ca) if not texts.get(path)]
    if faults:
        return faults
    try:
        shown = x509.load_pem_x509_certificate(texts[cert].encode())
        authorities = x509.load_pem_x509_certificates(texts[ca].encode())
        own = serialization.load_pem_private_key(texts[key].encode(), password=None)
    except (ValueError, TypeError) as error:
        return [f"{cert}, {key}, {ca}: not all of them are certificates and a key in PEM: {error}"]
    faults = _faults(shown, own, authorities, name, datetime.now(UTC))
    return [fault.format(cert=cert, key=key, ca=ca) for fault in faults]


def _faults(
    shown: x509.Certificate, own: Any, authorities: list[x509.Certificate], name: str, now: datetime
) -> list[str]:
    found = []
    if shown.public_key() != own.public_key():
        found.append("{key}: does not belong to {cert}: bring the pair that was issued together")
    if not any(_signed(shown, one) for one in authorities):
        found.append("{cert}: is not issued by {ca}")
    if shown.not_valid_after_utc - now < SOON:
        found.append(f"{{cert}}: ends on {shown.not_valid_after_utc:%d/%m/%Y}: diemcau-hub pki renew")
    if shown.not_valid_before_utc > now:
        found.append(f"{{cert}}: begins on {shown.not_valid_before_utc:%d/%m/%Y}: is this machine's clock right?")
    if name and name not in _names(shown):
        found.append(f"{{cert}}: is for {', '.join(_names(shown))}, not for {name}")
    return found


def _signed(shown: x509.Certificate, by: x509.Certificate) -> bool:
    try:
        shown.verify_directly_issued_by(by)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _names(shown: x509.Certificate) -> list[str]:
    found = [str(one.value) for one in shown.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    try:
        also = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return found
    return found + [str(one.value) for one in also if str(one.value) not in found]


def broker_named(settings: str) -> dict[str, Any]:
    """Host and port of the broker in a room.toml; empty where it names none. Raises ValueError for what is no TOML."""
    section = tomllib.loads(settings).get("broker", {})
    return {"host": section["host"], "port": section.get("port", 1883)} if section.get("host") else {}


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {"certificate_faults": certificate_faults, "broker_named": broker_named}
