"""What devices in the field do to whoever asks them: each of four habits, in the words of each family.

*Throttled*: it says that it has no time now. *Session full*: it has no place left for us. *Lagging*: it takes an order
and goes on saying for a while what was before. *Prompt differs*: it greets, or asks for the log-in, in other words.
A family that cannot have a habit stands in its table with the reason. `tests/devices/test_field*.py` run them.

Where no source gives the words they are invented, and say so.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module

from agent.core.exchange import HttpReply
from tests.devices.kit import Recording

KINDS = ("codec", "display", "camera", "pc", "power", "network", "sensor")


def families() -> set[str]:
    """Every family, of every kind: whatever has an `ABOUT`."""
    return {
        info.name
        for kind in KINDS
        for info in pkgutil.iter_modules(import_module(f"agent.devices.{kind}").__path__)
        if hasattr(import_module(f"agent.devices.{kind}.{info.name}"), "ABOUT")
    }


@dataclass(frozen=True, slots=True)
class Without:
    """Why a family cannot have a habit."""

    why: str


PAGE = Without("it is asked in datagrams or by pages, each of which stands alone: there is no session to be had")
OWN_WIRE = Without("it hangs on a wire of its own that only we are on")
OWN_BOARD = Without("it is a program or a file of our own board, which serves whoever asks")
NO_ORDER = Without("it takes no order, so nothing can lag behind one")
SAYS_NOTHING_FIRST = Without("nobody logs in, and it says nothing before it is asked")
NOBODY_SPEAKS = Without("there is no conversation: it is pinged and connected to")


# -- throttled

TOO_MANY = HttpReply(429, (("Retry-After", "5"),), b"Too Many Requests")
UNAVAILABLE = HttpReply(503, (), b"<html><body>Service Unavailable</body></html>")
"""RFC 6585 and RFC 9110. Cisco's web server says 503 when it is asked too often (xows)."""
BY_STATUS = (TOO_MANY, UNAVAILABLE)


def _mdc(asked: str) -> bytes:
    question = bytes.fromhex(asked)
    body = bytes((0xFF, question[2], 3, ord("N"), question[1], 0))
    return b"\xaa" + body + bytes((sum(body) % 256,))


def _visca(asked: str) -> bytes:
    return bytes(((bytes.fromhex(asked)[0] % 16 + 8) << 4, 0x60, 0x03, 0xFF))


def _visca_ip(asked: str) -> bytes:
    question = bytes.fromhex(asked)
    return b"\x01\x11\x00\x04" + question[4:8] + b"\x90\x60\x03\xff"


def _words(text: str) -> Callable[[str], bytes]:
    return lambda _: text.encode() + b"\r\n"


JSON_BUSY = (
    '{"StatusResponse":{"Status":{"status":"Error","Reason":{"Value":"System busy"}}},"ResultId":"$ID"}',
    '{"CommandResponse":{"Result":{"status":"Error","Reason":{"Value":"System busy"}}},"ResultId":"$ID"}',
)
THROTTLED: Mapping[str, Callable[[str], bytes] | tuple[HttpReply, ...] | bytes | Without] = {
    "cisco_http": BY_STATUS,
    "huawei_te": BY_STATUS,
    "poly_videoos": BY_STATUS,
    # By xows the system is "not ready to accept requests".
    "cisco_ws": _words('{"jsonrpc":"2.0","id":$ID,"error":{"code":-31997,"message":"System not ready"}}'),
    # Its form is that of every error; the reason is invented.
    "cisco_xapi": lambda asked: (JSON_BUSY[asked.startswith("xCommand")] + "\r\n").encode(),
    # Invented, in the form of its errors.
    "poly_cli": _words("error: system busy"),
    "yealink_vc": _words("error system busy"),
    "generic": NOBODY_SPEAKS,
    "sip": b"SIP/2.0 503 Service Unavailable\r\nRetry-After: 5\r\n",
    "pjlink": lambda asked: f"{asked[asked.index('%') :][:6]}=ERR3\r".encode(),
    "samsung_mdc": _mdc,
    "lg_serial": lambda asked: f"{asked[1]} {asked.split()[1]} NG00x".encode(),
    # Feature Abort, "not in correct mode to respond"
    "cec": lambda asked: f"04:00:{asked[3:5]}:01\n".encode(),
    # "command buffer full"
    "visca": _visca,
    "visca_ip": _visca_ip,
    "shelly": (UNAVAILABLE,),  # its 429 follows wrong passwords: that is "denied"
    "tasmota": BY_STATUS,
    # The error status resourceUnavailable of RFC 3416.
    **dict.fromkeys(("apc_rpdu", "apc_rpdu2", "codec_mib", "switch_port"), b"\x02\x01\x0d"),
    # Of Modbus the exception "server device busy".
    **dict.fromkeys(("pzem004t", "sdm120"), b"\x06"),
    "nut": Without("upsd answers out of its memory; what it limits is its connections"),
    "dns": Without("a resolver that has no time says SERVFAIL, which tests/probes/test_reach.py has"),
    **dict.fromkeys(("linux", "windows"), Without("a shell has no such word; the SSH server turns connections away")),
    **dict.fromkeys(("icmp", "quality"), Without("an echo that is held back is a lost one: there is no word for it")),
    **dict.fromkeys(("clock", "lldp", "kernel", "sound"), OWN_BOARD),
    "mhz19": Without("it sends one frame out of its memory, and has no other word"),
}
"""What each question is answered with: a function of it, replies of the web, or a code of the protocol."""


# -- session full

CLOSES = b""
"""It takes the connection and closes it without a word."""
SESSION_FULL: Mapping[str, tuple[bytes, ...] | HttpReply | Without] = {
    "cisco_xapi": (CLOSES, b"Connection refused, too many sessions\r\n"),  # the words are invented
    "poly_cli": (CLOSES, b"Maximum number of sessions reached\r\n"),  # the words are invented
    "yealink_vc": (CLOSES,),
    "pjlink": (CLOSES,),
    "samsung_mdc": (CLOSES,),
    "lg_serial": (CLOSES,),
    "visca": (CLOSES,),
    # xows: 503 to the upgrade
    "cisco_ws": (CLOSES,),
    "cisco_http": UNAVAILABLE,
    # Extron's module for X30 and G7500
    "poly_videoos": HttpReply(403, (), b'{"success": false, "reason": "SessionMaxActiveSessionsReached"}'),
    # Mihail-R-cdx/diag-module-ref, a client of TE20
    "huawei_te": HttpReply(200, (), b'{"success": 0, "error": {"id": 1, "code": 16781313, "params": []}}'),
    **dict.fromkeys(("linux", "windows"), (CLOSES,)),  # sshd: MaxStartups
    "nut": (CLOSES,),  # upsd: MAXCONN
    "generic": NOBODY_SPEAKS,
    **dict.fromkeys(("sip", "visca_ip", "apc_rpdu", "apc_rpdu2", "codec_mib", "switch_port"), PAGE),
    **dict.fromkeys(("dns", "icmp", "quality"), PAGE),
    **dict.fromkeys(("shelly", "tasmota"), PAGE),
    **dict.fromkeys(("cec", "pzem004t", "sdm120", "mhz19"), OWN_WIRE),
    **dict.fromkeys(("clock", "lldp", "kernel", "sound"), OWN_BOARD),
}
"""What it says before it closes the connection, or its reply to the log-in."""


# -- lagging

LAGGING: Mapping[str, bool | Without] = {
    **dict.fromkeys(
        ("cisco_http", "cisco_ws", "cisco_xapi", "huawei_te", "poly_cli", "poly_videoos", "yealink_vc"), True
    ),
    **dict.fromkeys(("cec", "lg_serial", "pjlink", "samsung_mdc", "visca", "visca_ip"), True),
    **dict.fromkeys(("shelly", "tasmota", "apc_rpdu", "apc_rpdu2"), True),
    **dict.fromkeys(("linux", "windows", "nut"), Without("the end of its order is told by itself, and no state after")),
    **dict.fromkeys(("generic", "sip", "pzem004t", "sdm120"), NO_ORDER),
    **dict.fromkeys(("clock", "codec_mib", "dns", "icmp", "lldp", "quality", "switch_port"), NO_ORDER),
    **dict.fromkeys(("kernel", "mhz19", "sound"), NO_ORDER),
}
"""Whether there is an order to lag behind."""


# -- prompt differs


def _spelt(*changes: tuple[str, str]) -> Callable[[Recording], Recording]:
    """The recording with other words before the log-in is over."""

    def other(told: Recording) -> Recording:
        answers = dict(told.answers)
        for name in ("(open)", told.login.user, told.login.password):
            for was, now in changes:
                if name in answers:
                    answers[name] = answers[name].replace(was.encode(), now.encode("latin-1"))
        return replace(told, answers=answers)

    return other


def _before(text: str) -> Callable[[Recording], Recording]:
    """Something more before all else."""

    def other(told: Recording) -> Recording:
        first = told.answers.get("(open)", b"")
        return replace(told, answers={**told.answers, "(open)": text.encode("latin-1") + first})

    return other


NEGOTIATION = "\xff\xfd\x18\xff\xfb\x01\xff\xfb\x03"
"""Telnet: do terminal type, will echo, will suppress go-ahead."""
BANNER = "\r\n*** He thong hop truc tuyen - chi danh cho nguoi co trach nhiem ***\r\n\r\n"
Reply = Callable[[str, HttpReply], HttpReply]
PROMPTS: Mapping[str, Mapping[str, Callable[[Recording], Recording]] | Mapping[str, Reply] | Without] = {
    "cisco_xapi": {
        "capital": _spelt(("login: ", "Login: ")),
        "without a blank": _spelt(("login: ", "login:"), ("Password: ", "password:")),
        "with its name": _spelt(("login: ", "phong-hop login: "), ("Password: ", "Password for admin: ")),
        "user name": _spelt(("login: ", "Username: ")),
        "banner": _before(BANNER),
        "negotiation": _before(NEGOTIATION),
        "nul bytes": _spelt(("\r\n", "\r\0\r\n")),
    },
    "poly_cli": {
        "small": _spelt(("Password: ", "password: "), ("Username: ", "username: ")),
        "without a blank": _spelt(("Password: ", "Password:"), ("Username: ", "Username:")),
        "banner": _before(BANNER),
        "negotiation": _before(NEGOTIATION),
        "line end first": _before("\r\n"),
        "nul bytes": _spelt(("\r\n", "\r\0\r\n")),
    },
    "yealink_vc": {
        "line end first": _before("\r\n"),
        "banner": _before(BANNER),
        "negotiation": _before(NEGOTIATION),
    },
    "pjlink": {
        "small": _spelt(("PJLINK", "pjlink")),
        "line end of two": _spelt(("\r", "\r\n")),
        "blank behind": _spelt(("\r", " \r")),
    },
    "cisco_http": {
        "no session": lambda asked, said: HttpReply(404) if "/session/begin" in asked else said,
        "session refused": lambda asked, said: HttpReply(403) if "/session/begin" in asked else said,
    },
    "poly_videoos": {
        "created": lambda asked, said: replace(said, status=201) if said.status == 200 and "session" in asked else said,
        "old entrance": lambda asked, said: HttpReply(404) if asked.startswith("POST /rest/current/") else said,
        "no cookie": lambda asked, said: replace(said, headers=()) if "session" in asked else said,
    },
    "huawei_te": {
        "byte order mark": lambda _, said: replace(said, body=b"\xef\xbb\xbf" + said.body) if said.body else said,
        "blanks around": lambda _, said: replace(said, body=b"\r\n" + said.body + b"\r\n"),
    },
    "cisco_ws": Without("the upgrade carries name and password, and nothing is said first"),
    "nut": Without("name and password are commands, and nothing is said first"),
    "linux": {"greeting": _before(BANNER)},
    "windows": {"greeting": _before("Microsoft Windows [Version 10.0.19045]\r\n(c) Microsoft Corporation.\r\n\r\n")},
    "generic": NOBODY_SPEAKS,
    **dict.fromkeys(("samsung_mdc", "lg_serial", "cec", "visca", "visca_ip", "sip"), SAYS_NOTHING_FIRST),
    **dict.fromkeys(("shelly", "tasmota", "apc_rpdu", "apc_rpdu2", "pzem004t", "sdm120"), SAYS_NOTHING_FIRST),
    **dict.fromkeys(("codec_mib", "switch_port", "dns", "icmp", "quality", "mhz19"), SAYS_NOTHING_FIRST),
    **dict.fromkeys(("clock", "lldp", "kernel", "sound"), OWN_BOARD),
}
"""What it says instead, by a name for it."""

TABLES: Mapping[str, Mapping[str, object]] = {
    "throttled": THROTTLED,
    "session full": SESSION_FULL,
    "lagging": LAGGING,
    "prompt differs": PROMPTS,
}
