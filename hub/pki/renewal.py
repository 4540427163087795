"""New certificates for those that end within a year: the same names, the same keys, so that nothing else has to change.

A year ahead, because a room may be offline for months and must still find its way in when it is back.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from hub.pki.authority import LEAF_DAYS, Issuer, name_of
from hub.pki.book import Book
from hub.pki.files import PUBLIC, PkiError, cert_pem, read_cert, write

WITHIN_DAYS = 365


def renew(authority: Path, folder: Path, within_days: int, now: datetime) -> Iterator[tuple[Path, datetime]]:
    """Renew the certificates of a folder in place; each with its new end. Raises PkiError and OSError.

    Only what this authority has issued, and what is neither revoked nor ended: who has been shut out asks anew.
    """
    issuer, book = Issuer.load(authority), Book(authority)
    entries = book.entries()
    for path in sorted(folder.glob("*.crt")):
        cert = read_cert(path)
        entry = entries.get(cert.serial_number)
        if entry is None or entry.state(now) != "good" or entry.until - now > timedelta(days=within_days):
            continue
        key = cert.public_key()
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise PkiError(f"{path}: khóa loại lạ / a key of another kind: issue it anew")
        fresh = issuer.issue(entry.name, entry.profile, key, now, hosts=_hosts(cert), days=LEAF_DAYS)
        book.issued(fresh, entry.profile, now)
        write(path, cert_pem(fresh, issuer.cert), PUBLIC)
        yield path, fresh.not_valid_after_utc


def _hosts(cert: x509.Certificate) -> list[str]:
    """Names and addresses beside the common name."""
    names = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    listed = [str(one.value) for one in names if isinstance(one, x509.DNSName | x509.IPAddress)]
    return [one for one in listed if one != name_of(cert)]
