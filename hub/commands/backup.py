"""Copies of the hub's database while it serves, and the way back from one to an empty machine.

A copy is made with SQLite's own backup, checked, compressed, and only then given its name; beside it lies what it is:
version, size, SHA-256, and the head of the log of who did what. A copy that does not fit its words is never restored.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Collection
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from hub.changes import restored
from hub.store import audit
from hub.store.db import DatabaseError, migrations, new_hub_epoch, open_db, open_reader, transaction

SUFFIX = ".db.gz"
NAME = "hub-{at}"
DAILY, WEEKLY, MONTHLY = 14, 8, 24
"""Copies kept: of the last days, weeks and months in which there was one."""
SPARE = 1.2
"""The folder needs room for the plain copy and a little more, while it is made."""


class BackupError(Exception):
    """It cannot be done; one sentence that names the place and the mend."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a copy is."""

    at_s: float
    schema: int
    bytes: int
    """Of the plain database."""
    sha256: str
    """Of the compressed file."""
    rooms: int
    events: int
    audit_rows: int
    audit_head: str
    """Newest row of the log of who did what, for `diemcau-hub audit verify`: a tail that was cut off is noticed."""


def backup(database: Path, folder: Path, now_s: float) -> tuple[Path, Manifest]:
    """Copy a database that may be in use. Raises BackupError; leaves nothing half behind."""
    folder.mkdir(parents=True, exist_ok=True)
    size = database.stat().st_size if database.exists() else 0
    if not size:
        raise BackupError(f"{database}: không có cơ sở dữ liệu / there is no database")
    if shutil.disk_usage(folder).free < size * SPARE:
        raise BackupError(
            f"{folder}: hết chỗ, cần {size * SPARE / 1e6:.0f} MB / no room, {size * SPARE / 1e6:.0f} MB are needed: "
            "remove old copies or give another folder"
        )
    name = NAME.format(at=time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now_s)))
    plain, packed = folder / f".{name}.db", folder / f".{name}.gz"
    final = folder / f"{name}{SUFFIX}"
    try:
        _private(plain)
        with closing(open_reader(database)) as source, closing(sqlite3.connect(plain)) as target:
            # In one step: it sees one moment of the database, and in WAL mode no writer waits. In pieces it would
            # begin anew with every commit of the hub, and on a busy one never end.
            source.backup(target, pages=-1)
            manifest = _examine(target, now_s, plain.stat().st_size)
        _pack(plain, packed)
        manifest = Manifest(**(asdict(manifest) | {"sha256": _sha256(packed)}))
        _write(folder / f"{name}.json", json.dumps(asdict(manifest), indent=1).encode() + b"\n")
        packed.replace(final)
        _sync(folder)
    except sqlite3.Error as error:
        raise BackupError(f"{database}: không sao lưu được / cannot be copied: {error}") from None
    except OSError as error:
        raise BackupError(f"{folder}: không ghi được / cannot be written: {error.strerror or error}") from None
    finally:
        for rest in (plain, packed):
            rest.unlink(missing_ok=True)
    return final, manifest


def prune(folder: Path) -> list[Path]:
    """Let old copies go: the newest of each of the last days, weeks and months stays. Returns those that went."""
    copies = sorted((path for path in folder.glob(f"hub-*{SUFFIX}") if _made(path)), reverse=True)
    kept: set[Path] = set(copies[:1])
    for pattern, count in (("%Y%m%d", DAILY), ("%G%V", WEEKLY), ("%Y%m", MONTHLY)):
        periods: dict[str, Path] = {}
        for copy in copies:
            periods.setdefault(time.strftime(pattern, _made(copy) or time.gmtime(0)), copy)
        kept |= set(list(periods.values())[:count])
    gone = [copy for copy in copies if copy not in kept]
    for copy in gone:
        copy.unlink(missing_ok=True)
        copy.with_name(copy.name.removesuffix(SUFFIX) + ".json").unlink(missing_ok=True)
    return gone


def restore(
    copy: Path, data_dir: Path, now_s: float, *, database: str = "hub.db", open_for: Collection[str] = ()
) -> Manifest:
    """Bring a copy back into a folder that has no database. Raises BackupError, and then changes nothing.

    What comes back is marked (`restored_at`), has a new epoch, so that rooms send their state and whatever was not
    acknowledged, and holds no sign-ins: one that was ended since must not come to life again. Accounts but `open_for`
    wait for an administrator, and the schedule for somebody who has looked through it (`hub.changes.restored`).
    """
    target = data_dir / database
    # A log that was left behind counts too: SQLite would play it into the restored database.
    for living in (target, *(target.with_name(database + end) for end in ("-wal", "-journal"))):
        if living.exists():
            raise BackupError(
                f"{living}: đã có cơ sở dữ liệu / there is a database already: restore into an empty folder"
            )
    manifest = read_manifest(copy)
    if _sha256(copy) != manifest.sha256:
        raise BackupError(f"{copy}: không khớp mã kiểm / does not fit its own checksum: take another copy")
    if manifest.schema > max(migrations()):
        raise BackupError(
            f"{copy}: phiên bản {manifest.schema} mới hơn chương trình / of version {manifest.schema}, newer than this "
            "program: install the newer release first"
        )
    data_dir.mkdir(parents=True, exist_ok=True)
    fresh = data_dir / f".{database}.restored"
    try:
        _private(fresh)
        with gzip.open(copy, "rb") as source, fresh.open("wb") as out:
            shutil.copyfileobj(source, out, 1 << 20)
            out.flush()
            os.fsync(out.fileno())
        with closing(sqlite3.connect(fresh)) as db:
            found = _examine(db, manifest.at_s, fresh.stat().st_size)
        if (found.rooms, found.events, found.audit_head) != (manifest.rooms, manifest.events, manifest.audit_head):
            raise BackupError(f"{copy}: nội dung khác phần mô tả / holds something else than its description says")
        with closing(open_db(fresh)) as db:  # brings an older one up to date
            _mark(db, manifest, copy.name, now_s, open_for)
        for end in ("-wal", "-shm"):
            fresh.with_name(fresh.name + end).unlink(missing_ok=True)
        _flush(fresh)
        os.link(fresh, target)  # unlike a rename it writes over nothing
        fresh.unlink()
        _sync(data_dir)
    except FileExistsError:
        raise BackupError(f"{target}: đã có cơ sở dữ liệu / there is a database already: it has just come") from None
    except (sqlite3.Error, DatabaseError, OSError, EOFError) as error:
        raise BackupError(f"{copy}: không khôi phục được / cannot be restored: {error}") from None
    finally:
        for end in ("", "-wal", "-shm"):
            fresh.with_name(fresh.name + end).unlink(missing_ok=True)
    return manifest


def read_manifest(copy: Path) -> Manifest:
    """What a copy says of itself. Raises BackupError."""
    path = copy.with_name(copy.name.removesuffix(SUFFIX) + ".json")
    try:
        return Manifest(**json.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        raise BackupError(f"{path}: thiếu phần mô tả bản sao / the copy's description is missing") from None
    except (OSError, ValueError, TypeError) as error:
        raise BackupError(f"{path}: phần mô tả hỏng / the copy's description is damaged: {error}") from None


def _mark(db: sqlite3.Connection, manifest: Manifest, name: str, now_s: float, open_for: Collection[str]) -> None:
    with transaction(db):
        db.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('hub_epoch', ?)", (new_hub_epoch(),))
        waiting = restored.mark(db, at_s=now_s, from_s=manifest.at_s, open_for=open_for)
        db.execute("DELETE FROM sessions")
        # Which were revoked since the copy was made it cannot know.
        db.execute("UPDATE tokens SET revoked_s = ? WHERE revoked_s = 0", (now_s,))
        detail = {"copy": name, "made_s": manifest.at_s, "sha256": manifest.sha256, "accounts_waiting": waiting}
        audit.append(db, now_s, "command line", "restored", detail)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _private(path: Path) -> None:
    """Make the file, empty, for its owner alone: it will hold password hashes."""
    path.unlink(missing_ok=True)  # half a file of a power cut
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _examine(db: sqlite3.Connection, at_s: float, size: int) -> Manifest:
    db.row_factory = sqlite3.Row
    (problem,) = db.execute("PRAGMA integrity_check(1)").fetchone()
    if problem != "ok":
        raise sqlite3.DatabaseError(problem)

    def number(sql: str) -> int:
        return int(db.execute(sql).fetchone()[0])

    return Manifest(
        at_s, number("PRAGMA user_version"), size, "", number("SELECT COUNT(*) FROM rooms"),
        number("SELECT COUNT(*) FROM events"), number("SELECT COUNT(*) FROM audit"), str(audit.head(db)),
    )  # fmt: skip


def _pack(plain: Path, packed: Path) -> None:
    with plain.open("rb") as source, packed.open("wb") as out:
        os.fchmod(out.fileno(), 0o600)  # it holds password hashes
        with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=6, mtime=0) as made:
            shutil.copyfileobj(source, made, 1 << 20)
        out.flush()
        os.fsync(out.fileno())


def _write(path: Path, data: bytes) -> None:
    fresh = path.with_name(f".{path.name}.new")
    with fresh.open("wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(path)


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sha256(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as source:
        while piece := source.read(1 << 20):
            found.update(piece)
    return found.hexdigest()


def _made(copy: Path) -> time.struct_time | None:
    """When a copy was made, by its name; None for a file that somebody has put beside the copies."""
    try:
        return time.strptime(copy.name.removesuffix(SUFFIX), NAME.format(at="%Y%m%dT%H%M%SZ"))
    except ValueError:
        return None
