"""SIP OPTIONS over UDP: any codec that speaks SIP answers, here with 200.

Source: device facts, "Any codec"; RFC 3261.
"""

from __future__ import annotations

ECHOED = ("via", "from", "call-id", "cseq")


def answer(request: bytes) -> bytes:
    """The reply to a request; empty for what is none. Via, From, Call-ID and CSeq come back as they were (8.2.6.2)."""
    head = request.decode("utf-8", "replace").split("\r\n\r\n")[0]
    first, *rows = head.split("\r\n")
    if not first.endswith(" SIP/2.0"):
        return b""
    method = first.split(" ")[0]
    status = "200 OK" if method == "OPTIONS" else "501 Not Implemented"
    lines = [f"SIP/2.0 {status}"]
    for row in rows:
        name = row.split(":")[0].strip().lower()
        if name in ECHOED:
            lines.append(row)
        elif name == "to":
            lines.append(row if ";tag=" in row else f"{row};tag=mophong")
    lines += ["Allow: INVITE, ACK, CANCEL, BYE, OPTIONS", "Content-Length: 0"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"
