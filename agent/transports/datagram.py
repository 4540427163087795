"""Datagram sockets: UDP, and ICMP without special rights where the system allows it."""

from __future__ import annotations

import contextlib
import select
import socket

from agent.transports.errors import LinkFault, fault_of

DATAGRAM_BYTES_MAX = 4096


def udp_socket(address: str, port: int) -> socket.socket:
    """A connected UDP socket: being connected, it learns of a closed port. Raises LinkFault."""
    sock = socket.socket(_family(address), socket.SOCK_DGRAM)
    return _connected(sock, address, port)


class UdpStream:
    """Datagrams to and from one far end, as a line. Opening it proves nothing: only an answer does."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._closed = False

    @classmethod
    def open(cls, address: str, port: int) -> UdpStream:
        """A line to a numeric address. Raises LinkFault."""
        return cls(udp_socket(address, port))

    def send(self, data: bytes, timeout_s: float) -> None:  # noqa: ARG002 - the kernel takes a datagram at once or never
        """Send one datagram."""
        try:
            self._sock.send(data)
        except BlockingIOError:
            return  # a full queue loses it, as the network may
        except OSError as error:
            raise self._fault(error) from error

    def recv(self, timeout_s: float) -> bytes:
        """The next datagram; empty when nothing came. A closed port is `refused`."""
        try:
            poller = select.poll()
            poller.register(self._sock, select.POLLIN)
            if poller.poll(max(0.0, timeout_s) * 1000) and not self._closed:
                return self._sock.recv(DATAGRAM_BYTES_MAX)
        except BlockingIOError:
            return b""
        except (OSError, ValueError) as error:
            raise self._fault(error) from error
        if self._closed:
            raise LinkFault("link", "closed by us")
        return b""

    def _fault(self, error: OSError | ValueError) -> LinkFault:
        if self._closed or isinstance(error, ValueError):
            return LinkFault("link", "closed by us")
        return fault_of(error)

    def close(self) -> None:
        """Let go, and wake whoever waits."""
        self._closed = True
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()


def icmp_socket(address: str) -> tuple[socket.socket, bool]:
    """A connected ICMP socket, and whether it is raw.

    A datagram socket needs the agent's group inside `net.ipv4.ping_group_range` (we ship a sysctl.d file); without it
    root gets a raw one, which also sees foreign replies. Raises LinkFault("denied") when neither is allowed.
    """
    family = _family(address)
    protocol = socket.IPPROTO_ICMPV6 if family == socket.AF_INET6 else socket.IPPROTO_ICMP
    raw = False
    try:
        sock = socket.socket(family, socket.SOCK_DGRAM, protocol)
    except PermissionError:
        raw = True
        try:
            sock = socket.socket(family, socket.SOCK_RAW, protocol)
        except OSError as error:
            raise fault_of(error) from error
    except OSError as error:
        raise fault_of(error) from error
    return _connected(sock, address, 0), raw


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _connected(sock: socket.socket, address: str, port: int) -> socket.socket:
    try:
        sock.connect((address, port))
    except OSError as error:
        sock.close()
        raise fault_of(error) from error
    return sock
