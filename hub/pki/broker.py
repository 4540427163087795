"""Mosquitto's settings and access list, written from `wire.topics`: a new leaf cannot be forgotten.

One identity is one certificate is one user name is one client id; a room writes and reads under its own id alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from wire.messages import PAYLOAD_MAX_BYTES
from wire.topics import DOWN, FLEET, KEYS, MAJOR, ROOT, UP, WITH_ID, Leaf, shard_of

HUB = "diemcau-hub"
"""Common name of the hub's certificate."""
ACL_NAME, CONF_NAME = "diemcau.acl", "diemcau.conf"


@dataclass(frozen=True, slots=True)
class Files:
    """Where the broker finds what it needs, as it sees its own file system."""

    ca: str = "/etc/mosquitto/certs/ca.crt"
    cert: str = "/etc/mosquitto/certs/broker.crt"
    key: str = "/etc/mosquitto/certs/broker.key"
    crl: str = "/etc/mosquitto/certs/revoked.crl"
    acl: str = f"/etc/mosquitto/{ACL_NAME}"


def conf(files: Files, *, port: int = 8883, address: str = "") -> str:
    """The listener for rooms and hub. The figures are those that lost nothing when measured (facts, mqtt)."""
    listener = f"listener {port} {address}".rstrip()
    return f"""\
# Written by diemcau-hub broker-config. With its defaults Mosquitto cuts a burst of retained messages without a word,
# and drops the newest messages of a hub that is away while it tells the rooms that they have been taken.
max_queued_messages 1000000
max_queued_bytes 0
max_inflight_messages 1000
max_keepalive 1200
max_packet_size {PAYLOAD_MAX_BYTES * 4}
autosave_interval 300
persistence true
# What waits for a room or for the hub for longer is sent again, or no longer true.
persistent_client_expiration 1d
allow_anonymous false
connection_messages true

{listener}
tls_version tlsv1.3
cafile {files.ca}
certfile {files.cert}
keyfile {files.key}
crlfile {files.crl}
require_certificate true
use_identity_as_username true
# Else one room could take over the session of another.
use_username_as_clientid true
acl_file {files.acl}
"""


def acl(hub: str = HUB, rooms: Iterable[str] = ()) -> str:
    """Who may write and read what. What is not named here is refused.

    A pattern knows a room's name and not its shard: a room may write under its name in each of the 256, where the hub
    takes nothing for the room's and has forgotten what is kept. With `rooms` each of them has its own shard alone, and
    a room that is not among them may do nothing.
    """
    lines = ["# Written by diemcau-hub broker-config. A room's name is the common name of its certificate."]
    if not rooms:
        lines += [f"pattern write {_of('+/%u', leaf)}" for leaf in sorted(UP)]
        lines += [f"pattern read {_of('+/%u', leaf)}" for leaf in sorted(DOWN)]
    lines += [f"pattern read {FLEET}", f"pattern read {KEYS}"]
    for room in sorted(rooms):
        place = f"{shard_of(room)}/{room}"
        lines += ["", f"user {room}"]
        lines += [f"topic write {_of(place, leaf)}" for leaf in sorted(UP)]
        lines += [f"topic read {_of(place, leaf)}" for leaf in sorted(DOWN)]
    lines += ["", f"user {hub}"]
    # It writes there to have forgotten what a room left where nothing is kept (an empty message), and nothing else.
    lines += [f"topic readwrite {_of('+/+', leaf)}" for leaf in sorted(UP)]
    lines += [f"topic write {_of('+/+', leaf)}" for leaf in sorted(DOWN)]
    lines += [f"topic write {FLEET}", f"topic write {KEYS}"]
    return "\n".join(lines) + "\n"


def _of(place: str, leaf: Leaf) -> str:
    return f"{ROOT}/{MAJOR}/{place}/{leaf}{'/+' if leaf in WITH_ID else ''}"


def write(folder: Path, files: Files, *, port: int, hub: str = HUB, rooms: Iterable[str] = ()) -> tuple[Path, Path]:
    """Write both files into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / CONF_NAME, folder / ACL_NAME
    made[0].write_text(conf(files, port=port), "utf-8")
    made[1].write_text(acl(hub, rooms), "utf-8")
    return made
