"""A device's own certificate: made by itself, and by some devices made anew at every start."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path

DAYS = 3650


class DeviceCertificate:
    """Files `device.crt` and `device.key` in a folder. `cryptography` is imported when a room wants it."""

    def __init__(self, folder: Path, *, anew: bool = False) -> None:
        self._folder = folder
        self.anew = anew
        """Whether the device makes a new one whenever it starts, as VideoOS may."""
        self._context: ssl.SSLContext | None = None

    def context(self) -> ssl.SSLContext:
        """What the port serves with from its next start on."""
        if self._context is None or self.anew:
            self._context = self._made()
        return self._context

    def _made(self) -> ssl.SSLContext:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
        from cryptography.x509.oid import NameOID

        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "codec.local")])
        now = datetime.datetime.now(datetime.UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now)
            .not_valid_after(now + datetime.timedelta(days=DAYS))
            .sign(key, hashes.SHA256())
        )
        self._folder.mkdir(parents=True, exist_ok=True)
        cert_path, key_path = self._folder / "device.crt", self._folder / "device.key"
        cert_path.write_bytes(made.public_bytes(Encoding.PEM))
        key_path.touch(mode=0o600)
        key_path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert_path, key_path)
        return context
