"""The one error of all transports."""

from __future__ import annotations

import errno
from typing import Literal

Kind = Literal[
    "timeout", "slow", "busy", "link", "refused", "denied", "full", "garbled",
    "certificate_changed", "host_key_changed", "old_tls",
]  # fmt: skip

OWN_SIDE = frozenset(
    {errno.ENETUNREACH, errno.ENETDOWN, errno.ENODEV, errno.ENXIO, errno.EADDRNOTAVAIL, errno.ENOENT, errno.EIO}
)
FAR_SIDE = frozenset({errno.ECONNREFUSED, errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE})


class LinkFault(Exception):  # noqa: N818 - it is a fault of a link, met every day, not a programming error
    """The line failed. `kind`:

    * `timeout`: the other side did not answer in time, or its host is not there (ARP or a router said so);
    * `slow`: our time was up while it was still sending;
    * `busy`: the other side says that it has no time or no room for us now;
    * `link`: *our* adapter, port, device file or route is gone;
    * `refused`: the other side turned us away or closed the line;
    * `denied`: the system does not let us (rights on a device file, raw sockets);
    * `full`: the device has no session left for anybody; name and password may be right;
    * `garbled`: bytes that mean nothing;
    * `certificate_changed`, `host_key_changed`: who answers may not be the device we knew; no password was sent;
    * `old_tls`: the device speaks a TLS that is too old to be taken unasked; no password was sent.
    """

    def __init__(self, kind: Kind, text: str = "") -> None:
        super().__init__(text or kind)
        self.kind: Kind = kind


def fault_of(error: OSError) -> LinkFault:
    """The kind of an operating system's error."""
    if isinstance(error, TimeoutError) or error.errno in (errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.EHOSTDOWN):
        return LinkFault("timeout", str(error))
    if error.errno in FAR_SIDE:
        return LinkFault("refused", str(error))
    if error.errno in (errno.EACCES, errno.EPERM):
        return LinkFault("denied", str(error))
    return LinkFault("link", str(error))
