"""A host as people write it into a file of settings."""

from __future__ import annotations


def host_of(text: str) -> str:
    """The host alone, as a socket takes it: an IPv6 address loses its brackets. Empty stays empty.

    Raises ValueError with one sentence for what can be no host, such as one with its port.
    """
    host = text.strip()
    if host.startswith("[") and host.endswith("]") and host.count(":") >= 2:
        host = host[1:-1]
    if any(letter.isspace() or letter in "/[]@" for letter in host) or host.count(":") == 1:
        raise ValueError("a host name or an address alone, without scheme or port")
    return host
