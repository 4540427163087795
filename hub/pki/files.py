"""Keys and certificates as files: written whole or not at all, and keys for their owner alone."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

SECRET = 0o600
PUBLIC = 0o644


class PkiError(Exception):
    """The authority cannot do what is asked; one sentence that names the place and the mend."""


def write(path: Path, data: bytes, mode: int = PUBLIC) -> None:
    """Write a file so that a power cut leaves the old one or the new one, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A private key as it stands in a file, without a password: its file's mode protects it."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def cert_pem(*certificates: x509.Certificate) -> bytes:
    """Certificates one after the other."""
    return b"".join(certificate.public_bytes(serialization.Encoding.PEM) for certificate in certificates)


def open_for_owner(path: Path) -> bytes:
    """The content of a key's file. Raises PkiError, also when others than its owner may read it."""
    try:
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise PkiError(f"{path}: khóa ai cũng đọc được / the key is open to others: run chmod 600 {path}")
        return path.read_bytes()
    except FileNotFoundError:
        raise PkiError(f"{path}: không có khóa này / no such key: bring it, or make it with init") from None
    except OSError as error:
        raise PkiError(f"{path}: không đọc được khóa / the key cannot be read: {error.strerror}") from None


def read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """A private key of ours. Raises PkiError, also when others than its owner may read it."""
    try:
        key = serialization.load_pem_private_key(open_for_owner(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise PkiError(f"{path}: không đọc được khóa / is no key that can be read: {error}") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise PkiError(f"{path}: không phải khóa EC / is no key on an elliptic curve: make it with pki init")
    return key


def read_cert(path: Path) -> x509.Certificate:
    """The first certificate of a file. Raises PkiError."""
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except FileNotFoundError:
        raise PkiError(f"{path}: không có chứng chỉ này / no such certificate: run pki init") from None
    except (OSError, ValueError) as error:
        raise PkiError(f"{path}: không đọc được chứng chỉ / is no certificate: {error}") from None


def read_crl(path: Path) -> x509.CertificateRevocationList | None:
    """A list of revoked certificates, or None where there is no such file. Raises PkiError."""
    try:
        return x509.load_pem_x509_crl(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise PkiError(
            f"{path}: không đọc được danh sách thu hồi / is no list of revoked certificates: bring the broker's, or "
            f"take it away: {error}"
        ) from None


def read_request(data: bytes, name: str) -> x509.CertificateSigningRequest:
    """A request for a certificate, signed by the key that it asks for. Raises PkiError."""
    try:
        request = x509.load_pem_x509_csr(data)
        sound = request.is_signature_valid
        key = request.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise PkiError(f"{name}: không phải yêu cầu chứng chỉ (CSR) / is no certificate request: {error}") from None
    if not sound:
        raise PkiError(f"{name}: chữ ký của yêu cầu sai / the request is not signed by its own key")
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise PkiError(f"{name}: cần khóa EC P-256 / the request's key has to be on the curve P-256")
    return request
