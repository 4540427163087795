"""TLS as rooms and hub speak it to the broker: version 1.3, the broker's name checked, a certificate of one's own."""

from __future__ import annotations

import ssl
import time

NOT_YET_VALID, EXPIRED = 9, 10
"""`X509_V_ERR_CERT_NOT_YET_VALID` and `X509_V_ERR_CERT_HAS_EXPIRED` of OpenSSL."""


def client_context(ca_file: str, cert_file: str = "", key_file: str = "") -> ssl.SSLContext:
    """What a client connects with. Raises OSError for a file that cannot be used (ssl.SSLError is one)."""
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    if cert_file:
        context.load_cert_chain(cert_file, key_file or None)
    return context


def why_not_believed(error: ssl.SSLCertVerificationError, wall_s: float) -> str:
    """Why the far side's certificate was not believed: a board without a battery begins in 1970, and then its clock is
    wrong and not the certificate."""
    says = f"this machine's clock says {time.strftime('%d/%m/%Y %H:%M', time.gmtime(wall_s))} UTC"
    if error.verify_code == NOT_YET_VALID:
        return f"{says}, before the certificate begins: the clock is wrong, set it or let it reach a time server"
    if error.verify_code == EXPIRED:
        return f"{error.verify_message}; {says}: if that is wrong, set the clock, else renew the certificate"
    return error.verify_message
