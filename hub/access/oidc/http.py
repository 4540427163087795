"""Requests to the provider that end: a deadline for a whole conversation, a size, the authorities that count, and
machines that may be asked. Where it leads is written by somebody else, in the provider's metadata."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import queue
import socket
import ssl
import threading
import time
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NewConnectionError

ANSWER_S = 10.0
"""For everything that one sign-in asks of the provider at a time: names, metadata, keys, token."""
BODY_MAX_BYTES = 512 * 1024
"""Of one answer. Metadata, keys and tokens are some kilobytes."""
_PIECE = 16 * 1024
_resolving = threading.BoundedSemaphore(8)
"""A resolver that hangs cannot be called back: so many threads may hang with it."""


class PlaceError(ValueError):
    """The address is that of this machine, or of one that no provider has."""


class Bounded(HTTPAdapter):
    """Reads an answer at once, or gives it up. Raises requests.RequestException and PlaceError.

    `issuer` is the one address that may lie on this machine: the hub's own settings name it.
    """

    def __init__(self, issuer: str) -> None:
        super().__init__()
        self._end_s = time.monotonic() + ANSWER_S
        self._lines: list[_Line] = []
        adapter, own = self, origin(issuer)

        class Plain(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                return adapter.connect(self, ("http", self.host, self.port or 80) == own)

        class Tls(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                return adapter.connect(self, ("https", self.host, self.port or 443) == own)

        plain = type("PlainPool", (urllib3.HTTPConnectionPool,), {"ConnectionCls": Plain})
        tls = type("TlsPool", (urllib3.HTTPSConnectionPool,), {"ConnectionCls": Tls})
        self.poolmanager.pool_classes_by_scheme = {"http": plain, "https": tls}

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """One request."""
        left_s = max(0.01, self._end_s - time.monotonic())
        answer = super().send(request, *args, **(kwargs | {"timeout": left_s, "stream": True}))
        body = b""
        try:
            while piece := answer.raw.read1(_PIECE):
                body += piece
                if len(body) > BODY_MAX_BYTES:
                    raise requests.exceptions.ContentDecodingError("the answer is too long")
        except urllib3.exceptions.HTTPError as error:
            raise requests.ConnectionError(error) from None
        finally:
            answer.close()
        if time.monotonic() >= self._end_s:  # it was cut, and looks as if it had ended
            raise requests.Timeout("the answer comes too slowly")
        answer._content = body
        return answer

    def connect(self, wants: HTTPConnection, own: bool) -> socket.socket:
        """A connection to the first address that may be asked. Raises PlaceError and urllib3's NewConnectionError."""
        found = _addresses(wants, wants.host, wants.port or 0, self._end_s)
        good = [one for one in found if own or not is_here(one)]
        if not good:
            raise PlaceError(f"{wants.host} is this machine, or no provider's")
        for address in good:
            left_s = self._end_s - time.monotonic()
            if left_s <= 0:
                break
            try:
                made = socket.create_connection((address, wants.port or 0), left_s)
            except OSError as error:
                failed = error
                continue
            self._lines.append(_Line(made, self._end_s))
            return made
        else:
            raise NewConnectionError(wants, f"no connection: {failed}")
        raise NewConnectionError(wants, "no connection in time")

    def close(self) -> None:
        """End the conversation."""
        super().close()
        for line in self._lines:
            line.end()


class _Line:
    """Cuts a connection at a moment, whatever is waited for on it: a head that comes a letter at a time has no end."""

    def __init__(self, sock: socket.socket, end_s: float) -> None:
        self._same = socket.socket(fileno=os.dup(sock.fileno()))
        self._timer = threading.Timer(max(0.0, end_s - time.monotonic()), self._cut)
        self._timer.daemon = True
        self._timer.start()

    def _cut(self) -> None:
        with contextlib.suppress(OSError):  # it had ended
            self._same.shutdown(socket.SHUT_RDWR)

    def end(self) -> None:
        """It is not needed any more."""
        self._timer.cancel()
        self._same.close()


def _addresses(wants: HTTPConnection, host: str, port: int, end_s: float) -> list[str]:
    """What a name stands for, in time. The system's own call has no end that we could set."""
    answer: queue.SimpleQueue[list[str] | OSError] = queue.SimpleQueue()
    if not _resolving.acquire(blocking=False):
        raise NewConnectionError(wants, "the resolver hangs")

    def resolve() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answer.put([str(one[4][0]) for one in found])
        except (OSError, UnicodeError) as error:
            answer.put(OSError(str(error)))
        finally:
            _resolving.release()

    threading.Thread(target=resolve, daemon=True).start()
    try:
        found = answer.get(timeout=max(0.01, end_s - time.monotonic()))
    except queue.Empty:
        raise NewConnectionError(wants, "the resolver does not answer") from None
    if isinstance(found, OSError):
        raise NewConnectionError(wants, f"no such name: {found}")
    return list(dict.fromkeys(found))


def is_here(address: str) -> bool:
    """Whether an address is this machine's own, or one that reaches nobody but neighbours on the wire."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return True
    found = getattr(found, "ipv4_mapped", None) or found
    if found.is_loopback or found.is_link_local or found.is_unspecified or found.is_multicast:
        return True
    family = socket.AF_INET6 if found.version == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind((str(found), 0))  # the system lets nobody have an address that is not its own
        except OSError:
            return False
    return True


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port. Raises ValueError."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def verify_by(ca_file: str) -> str | bool:
    """Whose certificates count: the file's, else the system's authorities, which an office adds its own to."""
    return ca_file or ssl.get_default_verify_paths().cafile or True
