"""Which of several lists of revoked certificates is in force: never one in which a revoked certificate is missing.

A controller may hold an older copy, a broker may come from a backup, an authority may have written its list anew from
an older register. The number in a list says when it was written, not what it knows: so the certificates are compared.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.x509.oid import ExtensionOID

MEND = "write one that has them all: diemcau-hub pki crl --also FILE"
SHOWN_MAX = 5


class Listed(NamedTuple):
    """A list that the authority has signed."""

    place: str
    pem: str
    number: int
    serials: frozenset[int]


def in_force(lists: dict[str, str], ca: str) -> dict[str, Any]:
    """Choose among lists by place (PEM; empty: none there); `ca` is the authority's bundle.

    Gives `pem`, `place`, and `refused`: a sentence for each list that is not the one. Raises ValueError where
    there is none, or where each lacks a certificate that another has revoked.
    """
    authorities = x509.load_pem_x509_certificates(ca.encode())
    refused = []
    good = []
    for place, pem in lists.items():
        if not pem.strip():
            continue
        try:
            good.append(_read(place, pem, authorities))
        except ValueError as error:
            refused.append(f"{place}: {error}")
    if not good:
        raise ValueError("; ".join(refused) or "there is no list of revoked certificates: diemcau-hub pki crl")
    every = frozenset[int]().union(*(one.serials for one in good))
    whole = [one for one in good if one.serials == every]
    if not whole:
        raise ValueError(f"none is whole: {'; '.join(_lacks(one, every) for one in good)}; {MEND}")
    best = max(whole, key=lambda one: one.number)
    refused += [_lacks(one, every) for one in good if one.serials != every]
    return {"pem": best.pem, "place": best.place, "refused": refused}


def _read(place: str, pem: str, authorities: list[x509.Certificate]) -> Listed:
    """Raises ValueError, whose text says what is wrong with it."""
    try:
        found = x509.load_pem_x509_crl(pem.encode())
    except ValueError:
        raise ValueError("is no list of revoked certificates") from None
    signers = [one for one in authorities if one.subject == found.issuer]
    if not any(found.is_signature_valid(one.public_key()) for one in signers):  # type: ignore[arg-type]
        raise ValueError("is not signed by the authority of the bundle")
    number = found.extensions.get_extension_for_oid(ExtensionOID.CRL_NUMBER).value.crl_number  # type: ignore[attr-defined]
    return Listed(place, pem, number, frozenset(one.serial_number for one in found))


def _lacks(one: Listed, every: frozenset[int]) -> str:
    missing = sorted(every - one.serials)
    shown = ", ".join(f"{serial:x}" for serial in missing[:SHOWN_MAX])
    more = f" and {len(missing) - SHOWN_MAX} more" if len(missing) > SHOWN_MAX else ""
    return f"{one.place} (number {one.number}) is not taken: certificates {shown}{more} are revoked and missing in it"


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {"crl_in_force": in_force}
