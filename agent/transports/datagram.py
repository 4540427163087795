"""Datagram sockets: UDP, and ICMP without special rights where the system allows it."""

from __future__ import annotations

import socket

from agent.transports.errors import fault_of


def udp_socket(address: str, port: int) -> socket.socket:
    """A connected UDP socket: being connected, it learns of a closed port. Raises LinkFault."""
    sock = socket.socket(_family(address), socket.SOCK_DGRAM)
    return _connected(sock, address, port)


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
