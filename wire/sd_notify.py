"""The service manager's notification socket, sd_notify(3): for room and hub alike."""

from __future__ import annotations

import os
import socket


def notify(message: str, address: str | None = None) -> bool:
    """Send one line to the service manager, e.g. `READY=1`, `WATCHDOG=1`, `STATUS=…`. False when there is none to hear.

    One datagram to the socket in NOTIFY_SOCKET, '@' standing for an abstract name. Never blocks, never raises.
    """
    target = address if address is not None else os.environ.get("NOTIFY_SOCKET", "")
    if not target:
        return False
    if target.startswith("@"):
        target = "\0" + target[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        channel.setblocking(False)
        try:
            channel.sendto(message.encode(), target)
        except OSError:
            return False  # a service manager that restarts must stop nobody
    return True
