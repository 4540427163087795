"""TLS as rooms and hub speak it to the broker: version 1.3, the broker's name checked, a certificate of one's own."""

from __future__ import annotations

import ssl


def client_context(ca_file: str, cert_file: str = "", key_file: str = "") -> ssl.SSLContext:
    """What a client connects with. Raises OSError for a file that cannot be used (ssl.SSLError is one)."""
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    if cert_file:
        context.load_cert_chain(cert_file, key_file or None)
    return context
