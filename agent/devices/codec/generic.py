"""Any codec whose control interface we do not speak: it is watched by ping, TCP and SIP alone.

Some codecs have no reboot command (Yealink VC) or no public interface at all (AVer, Kedacom, ZTE, Sony PCS): these
checks are the only eyes there, and a relay the only lever. Source: device facts, "Rules that follow" and "Any codec".
"""

from __future__ import annotations

from agent.devices.about import About, Tested
from agent.devices.base import Login, Session

FAMILY = "generic"
PORT = 0
ABOUT = About(
    "any codec without a control interface (AVer, Kedacom, ZTE, Sony PCS)",
    (Tested("ping, TCP connect", "the kernel", "tests/probes/test_reach.py"),),
    facts=("codec.ping", "codec.tcp", "codec.sip"),
)
BAUDS = ()
KEYS: tuple[str, ...] = ()
REMEDIES: frozenset[str] = frozenset()


def session(login: Login, nonce: str = "") -> Session | None:  # noqa: ARG001 - there is nobody to talk to
    """There is no conversation to be had."""
    return None
