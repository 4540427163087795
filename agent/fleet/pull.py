"""Rooms behind NAT fetch their release themselves: which one stands at the hub, in a small file a room.

    GET {url}/wanted/{room}.json  ->  {"version": "0.2.0", "bundles": {PLATFORM: {"bundle": "…", "sha256": "…"}}}
    GET {url}/bundles/{bundle}        in pieces, so that a line that drops costs no more than what had not come yet

TLS names the hub, the signature in the bundle names who made the release; so the server that serves the files cannot
slip in one of its own.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent.fleet.bundle import BYTES_MAX, VERSION, sha256
from agent.fleet.disk import ReleaseError
from agent.fleet.release import Host

TIMEOUT_S = 60.0
PIECE_BYTES = 256 * 1024
WANTED_BYTES_MAX = 4096
FILE = re.compile(r"[A-Za-z0-9][\w.+-]{0,120}\.tar\Z")
MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "armv7"}
Open = Callable[[urllib.request.Request], Any]


def platform() -> str:
    """This host as bundles name it, e.g. `arm64-py311`."""
    machine = os.uname().machine
    return f"{MACHINES.get(machine, machine)}-py{sys.version_info[0]}{sys.version_info[1]}"


def undone(status: dict[str, Any], version: str) -> bool:
    """Whether this host has gone back from that version: it is not tried again until another is wanted."""
    return bool(status["last"].get("what") == "went_back" and status["last"].get("from") == version)


def pull(host: Host, boot: str, now_s: float, opener: Open | None = None) -> str:
    """Fetch and use what is wanted. Returns a sentence. Raises ReleaseError; a part of a download is kept."""
    settings = host.profile.get("pull", {})
    if not settings.get("url") or not settings.get("room"):
        raise ReleaseError("profile.json names no pull.url and pull.room")
    fetch = opener or _opener(settings)
    base = str(settings["url"]).rstrip("/")
    if not base.startswith("https://"):
        raise ReleaseError("pull.url must begin with https://")
    version, name, digest = _wanted(fetch, f"{base}/wanted/{settings['room']}.json")
    status = host.status()
    if version == status["current"]:
        return f"{version} is in use"
    if status["trial"]:
        return "a release is on trial; not now"
    if undone(status, version):
        return f"{version} was undone here before; not again"
    if version not in status["versions"]:
        if not name:
            raise ReleaseError(f"the hub has no bundle of {version} for {platform()}")
        target = host.root / name
        try:
            installed = host.install(download(fetch, f"{base}/bundles/{name}", target, digest))
        finally:
            target.unlink(missing_ok=True)
        if installed != version:
            raise ReleaseError(f"{name} holds {installed}, and {version} was wanted")
    host.switch(version, boot, now_s)
    host.prune()
    return f"switched to {version}"


def download(fetch: Open, url: str, target: Path, digest: str) -> Path:
    """The whole file, going on where the last try ended. Raises ReleaseError."""
    part = target.with_suffix(".part")
    for older in target.parent.glob("*.part"):
        if older != part:
            older.unlink()
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})  # noqa: S310
    try:
        with fetch(request) as answer, part.open("ab" if have and answer.status == 206 else "wb") as out:
            while piece := answer.read(PIECE_BYTES):
                out.write(piece)
                if out.tell() > BYTES_MAX:
                    raise ReleaseError(f"{url}: larger than a release may be")
    except urllib.error.HTTPError as error:
        if error.code != 416:  # 416: all of it was there already
            raise ReleaseError(f"{url}: {error}") from None
    except (OSError, http.client.HTTPException) as error:
        raise ReleaseError(f"{url}: the line dropped, going on next time: {error}") from None
    if sha256(part) != digest:
        part.unlink()
        raise ReleaseError(f"{url}: not what was announced, thrown away")
    part.replace(target)
    return target


def _wanted(fetch: Open, url: str) -> tuple[str, str, str]:
    try:
        with fetch(urllib.request.Request(url)) as answer:  # noqa: S310
            found = json.loads(answer.read(WANTED_BYTES_MAX))
        mine = found["bundles"].get(platform(), {})
        version, name, digest = str(found["version"]), str(mine.get("bundle", "")), str(mine.get("sha256", ""))
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ReleaseError(f"{url}: cannot be had: {error}") from None
    if not VERSION.match(version) or (name and not FILE.match(name)):
        raise ReleaseError(f"{url}: no version and bundle in it")
    return version, name, digest


def _opener(settings: dict[str, Any]) -> Open:
    context = ssl.create_default_context(cafile=settings.get("ca") or None)
    if settings.get("cert"):
        context.load_cert_chain(settings["cert"], settings.get("key") or None)
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context))
    return lambda request: opener.open(request, timeout=TIMEOUT_S)
