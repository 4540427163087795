"""A small certificate authority: a root that stays offline, and an issuing authority that signs rooms.

All cryptography is the library's. Curve P-256 throughout: Mosquitto spends 2.4 to 3.3 ms a connection on it (facts,
mqtt), and every OpenSSL of the last ten years speaks it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hub.pki.files import PUBLIC, SECRET, PkiError, cert_pem, key_pem, read_cert, read_key, write

ROOT_DAYS = 20 * 365
ISSUING_DAYS = 10 * 365
LEAF_DAYS = 3 * 365
"""A room asks anew when half of it is left: one that was offline for a year and a half still gets in."""
BACKDATED = timedelta(days=1)
"""A board without a clock of its own starts with the time of its last shutdown: a certificate is good a day earlier."""
CRL_SLACK = timedelta(days=1)

ROOT_CERT, ROOT_KEY = "root.crt", "root.key"
ISSUING_CERT, ISSUING_KEY = "issuing.crt", "issuing.key"
BUNDLE = "ca.crt"
"""What everybody trusts: root and issuing authority."""
CRL = "revoked.crl"
ISSUED = "issued"
"""Folder of certificates and keys that wait to be brought to their hosts; the role `pki` takes them from there."""
IGNORED = b"# Keys: none of this belongs into a version control.\n*\n"

_USAGES = {
    "room": [ExtendedKeyUsageOID.CLIENT_AUTH],
    "hub": [ExtendedKeyUsageOID.CLIENT_AUTH],
    "server": [ExtendedKeyUsageOID.SERVER_AUTH],
}
PROFILES = tuple(_USAGES)
"""Kinds of certificates: a room and the hub are clients of the broker; a server is the broker or the console."""


@dataclass(frozen=True, slots=True)
class Revoked:
    """A certificate that is no longer good, and since when."""

    serial: int
    at: datetime


def create(folder: Path, name: str, now: datetime) -> None:
    """Make root and issuing authority in an empty folder. Raises PkiError rather than touch one that exists."""
    if any((folder / file).exists() for file in (ROOT_CERT, ROOT_KEY, ISSUING_CERT, ISSUING_KEY)):
        raise PkiError(f"{folder}: đã có cơ quan chứng thực / holds an authority already: choose another folder")
    root_key, issuing_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root_name, issuing_name = _name(f"{name} root"), _name(f"{name} issuing")
    root = _authority(root_name, root_name, root_key.public_key(), root_key, now, ROOT_DAYS, below=1)
    issuing = _authority(issuing_name, root_name, issuing_key.public_key(), root_key, now, ISSUING_DAYS, below=0)
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / ROOT_KEY, key_pem(root_key), SECRET)
    write(folder / ISSUING_KEY, key_pem(issuing_key), SECRET)
    write(folder / ROOT_CERT, cert_pem(root), PUBLIC)
    write(folder / ISSUING_CERT, cert_pem(issuing), PUBLIC)
    write(folder / BUNDLE, cert_pem(root, issuing), PUBLIC)
    write(folder / ".gitignore", IGNORED, PUBLIC)


@dataclass(frozen=True, slots=True)
class Issuer:
    """The issuing authority. The root's key is not needed for it, and should not be here."""

    cert: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def load(cls, folder: Path) -> Issuer:
        """From its folder. Raises PkiError."""
        return cls(read_cert(folder / ISSUING_CERT), read_key(folder / ISSUING_KEY))

    def issue(
        self, name: str, profile: str, key: ec.EllipticCurvePublicKey, now: datetime, *,
        hosts: Sequence[str] = (), days: int = LEAF_DAYS,
    ) -> x509.Certificate:  # fmt: skip
        """A certificate whose common name is the identity on the broker. It never outlives the authority."""
        ends = min(now + timedelta(days=days), self.cert.not_valid_after_utc)
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(name))
            .issuer_name(self.cert.subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - BACKDATED)
            .not_valid_after(ends)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(_USAGES[profile]), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(_issued_by(self.cert), critical=False)
            .add_extension(x509.SubjectAlternativeName(_names([name, *hosts])), critical=False)
        )
        return builder.sign(self.key, hashes.SHA256())

    def has_signed(self, found: x509.CertificateRevocationList) -> bool:
        """Whether a list is this authority's."""
        key = self.cert.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)  # `create` makes no other
        return found.is_signature_valid(key)

    def crl(self, revoked: Iterable[Revoked], number: int, now: datetime) -> bytes:
        """The list of revoked certificates.

        It is good for as long as the authority: OpenSSL refuses every client once a list has run out, and a list that
        nobody renewed would shut a whole province out. What makes it new is a revocation.
        """
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.cert.subject)
            .last_update(now - CRL_SLACK)
            .next_update(self.cert.not_valid_after_utc)
            .add_extension(x509.CRLNumber(number), critical=False)
            .add_extension(_issued_by(self.cert), critical=False)
        )
        for one in revoked:
            row = x509.RevokedCertificateBuilder().serial_number(one.serial).revocation_date(one.at)
            builder = builder.add_revoked_certificate(row.build())
        from cryptography.hazmat.primitives.serialization import Encoding

        return builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM)


def number_of(found: x509.CertificateRevocationList) -> int:
    """The number of a list: a later one has a higher."""
    return found.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def name_of(request: x509.CertificateSigningRequest | x509.Certificate) -> str:
    """The one common name. Raises PkiError when there is none or more than one."""
    names = request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if len(names) != 1:
        raise PkiError("yêu cầu phải có đúng một tên (CN) / the request has to carry exactly one common name")
    return str(names[0].value)


def _authority(
    name: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, signer: ec.EllipticCurvePrivateKey,
    now: datetime, days: int, *, below: int,
) -> x509.Certificate:  # fmt: skip
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=True, path_length=below), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    return builder.sign(signer, hashes.SHA256())


def _issued_by(cert: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    own = cert.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _names(hosts: Iterable[str]) -> list[x509.GeneralName]:
    found: list[x509.GeneralName] = []
    for host in hosts:
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(host)))
        except ValueError:
            found.append(x509.DNSName(host))
    return found


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=signs, crl_sign=signs, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def now_utc() -> datetime:
    """The present, in whole seconds as certificates have it."""
    return datetime.now(UTC).replace(microsecond=0)
