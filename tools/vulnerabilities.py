"""A vulnerability database on disk, answered from as OSV's own service would: for machines that reach no network.

The database is what https://osv.dev hands out for the ecosystem PyPI, `all.zip`, or a folder with its files: one record
of the OSV schema (https://ossf.github.io/osv-schema/) a file.
"""

from __future__ import annotations

import json
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

RECORD_MAX_BYTES = 16 * 2**20
"""Of one record. The largest that OSV hands out for PyPI are some hundred kilobytes."""
QUERY_MAX_BYTES = 64 * 1024


class NoDatabaseError(Exception):
    """One sentence: why there is nothing to answer from."""


@dataclass
class Database:
    """The records about packages of ours."""

    records: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """By the package's name."""
    read: int = 0
    """Records in the whole database."""
    unreadable: int = 0
    newest: str = ""
    """When its newest record was last changed, RFC 3339: how old the database is at least."""

    def answer(self, name: str, version: str) -> list[dict[str, Any]]:
        """The records that name this version of the package."""
        return [record for record in self.records.get(canonicalize_name(name), []) if affects(record, name, version)]


def load(path: Path, packages: set[str]) -> Database:
    """Read a folder or a zip of records, and keep those about these packages. Raises NoDatabaseError."""
    made = Database()
    try:
        for text in _texts(path):
            _take(made, text, packages)
    except (OSError, zipfile.BadZipFile) as error:
        raise NoDatabaseError(f"{path} cannot be read: {error}; give a folder or all.zip of OSV records") from None
    if not made.read:
        raise NoDatabaseError(f"{path} holds no OSV record that can be read; give a folder or all.zip of them")
    return made


def _texts(path: Path) -> Iterator[bytes]:
    if path.is_dir():
        for file in sorted(path.glob("*.json")):
            yield file.read_bytes() if file.stat().st_size <= RECORD_MAX_BYTES else b""
        return
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if info.filename.endswith(".json"):
                yield archive.read(info) if info.file_size <= RECORD_MAX_BYTES else b""


def _take(made: Database, text: bytes, packages: set[str]) -> None:
    try:
        record = json.loads(text)
        names = {canonicalize_name(part["package"]["name"]) for part in _affected(record)}
        changed = str(record.get("modified", ""))
        str(record["id"])
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        made.unreadable += 1
        return
    made.read += 1
    made.newest = max(made.newest, changed)
    for name in names & packages:
        made.records.setdefault(name, []).append(record)


def _affected(record: dict[str, Any]) -> list[dict[str, Any]]:
    return [part for part in record.get("affected", []) if "package" in part and part["package"]["ecosystem"] == "PyPI"]


def affects(record: dict[str, Any], name: str, version: str) -> bool:
    """Whether a record is about this version: it names it, or one of its ranges holds it.

    A version or range that cannot be read counts as affected: whoever audits looks at one too many rather than at one
    too few.
    """
    if record.get("withdrawn"):
        return False
    for part in _affected(record):
        if canonicalize_name(part["package"]["name"]) != canonicalize_name(name):
            continue
        try:
            wanted = Version(version)
            if version in part.get("versions", []) or any(
                _within(wanted, one["events"]) for one in part.get("ranges", []) if one.get("type") == "ECOSYSTEM"
            ):
                return True
        except (InvalidVersion, KeyError, TypeError, AttributeError):
            return True
    return False


def _within(version: Version, events: list[dict[str, str]]) -> bool:
    """OSV's own way: the last event at or before the version says whether it is affected."""
    turns: list[tuple[Version, int, bool]] = []
    for event in events:
        for what, when in event.items():
            if what == "introduced":
                turns.append((Version("0.dev0" if when == "0" else when), 0, True))
            elif what == "fixed":
                turns.append((Version(when), 1, False))
            elif what == "last_affected":
                turns.append((Version(when), 2, False))
    state = False
    for turn, kind, opens in sorted(turns):
        if turn < version or (turn == version and kind < 2):
            state = opens
    return state


@contextmanager
def served(database: Database) -> Iterator[str]:
    """Answer OSV's query on loopback while it lasts; gives the address."""

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = json.loads(self.rfile.read(min(int(self.headers["Content-Length"]), QUERY_MAX_BYTES)))
            found = database.answer(query["package"]["name"], query["version"])
            body = json.dumps({"vulns": found} if found else {}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1/query"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
