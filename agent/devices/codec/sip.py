"""SIP OPTIONS: is the codec's call processing alive? Any reply means yes, 404 too [R].

Sources: device facts, "Any codec"; RFC 3261 section 11 (OPTIONS), 17.1.2.2 (retransmission over UDP: T1 = 500 ms,
doubled up to T2 = 4 s) and 8.1.3.3 (a reply is ours when its topmost Via carries our branch).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from agent.devices.about import About, Tested

ABOUT = About(
    "any codec that speaks SIP",
    (Tested("UDP and TCP 5060", "baresip (Debian)", "tests/probes/test_reach.py"),),
    facts=("codec.sip",),
)
PORT = 5060
T1_S = 0.5
T2_S = 4.0
HEAD_BYTES_MAX = 8192
"""More than this without an end of the head is no SIP reply."""

STATUS_LINE = re.compile(rb"^SIP/2\.0 ([1-6]\d\d)(?: |\r?\n)")


@dataclass(frozen=True, slots=True)
class Asking:
    """One OPTIONS request. `token` must be new for every request: it tells our reply from an old one."""

    host: str
    port: int
    local_host: str
    local_port: int
    token: str
    transport: str = "UDP"

    def request(self) -> bytes:
        """The bytes to send; the same again for a retransmission."""
        target = f"[{self.host}]" if ":" in self.host else self.host
        local = f"[{self.local_host}]" if ":" in self.local_host else self.local_host
        lines = (
            f"OPTIONS sip:{target}:{self.port} SIP/2.0",
            f"Via: SIP/2.0/{self.transport} {local}:{self.local_port};branch=z9hG4bK{self.token};rport",
            "Max-Forwards: 70",
            f"From: <sip:diemcau@{local}>;tag={self.token}",
            f"To: <sip:{target}:{self.port}>",
            f"Call-ID: {self.token}@{local}",
            "CSeq: 1 OPTIONS",
            f"Contact: <sip:diemcau@{local}:{self.local_port}>",
            "Accept: application/sdp",
            "Content-Length: 0",
        )
        return "\r\n".join(lines).encode() + b"\r\n\r\n"

    def reply_code(self, data: bytes) -> int | None:
        """The status code when the bytes are a reply to this request, provisional ones too; else None.

        Over TCP give all bytes so far. The start line and our token are enough: a reply cut off after them is alive.
        """
        match = STATUS_LINE.match(data.lstrip(b"\r\n")[:64])
        return int(match[1]) if match and self.token.encode() in data[:HEAD_BYTES_MAX] else None


def retransmissions() -> Iterator[float]:
    """Seconds to wait for a reply before sending again: 0.5, 1, 2, 4, 4 …"""
    wait_s = T1_S
    while True:
        yield wait_s
        wait_s = min(wait_s * 2, T2_S)
