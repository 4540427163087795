"""`diemcau-hub audit …`: look through the log of who did what, hand it out, let go of what is too old."""

from __future__ import annotations

import argparse
import csv
import itertools
import re
import sys
import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import IO

from hub.commands import hub_time
from hub.runtime.syslog import BATCH, PACE_S, LocalSyslog, line_of, moment
from hub.settings import HubSettings
from hub.store import audit
from hub.store.db import open_db, open_reader, transaction

_HEAD = re.compile(r"(\d+):([0-9a-f]{64})\Z")
COLUMNS = ("id", "time", "by", "what", "detail", "prev", "hash")


class AuditError(RuntimeError):
    """The command cannot be done; one sentence in Vietnamese and English."""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser], config: Path) -> None:
    """Put the command into the hub's parser."""
    command = commands.add_parser("audit", help="nhật ký thao tác / the log of who did what")
    verbs = command.add_subparsers(dest="verb", required=True)

    def add(name: str, text: str) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=text)
        made.add_argument("--config", type=Path, default=config, help=f"default: {config}")
        return made

    verify = add("verify", "kiểm tra chuỗi nhật ký / look through the chain; 1 when it is broken")
    verify.add_argument("--head", default="", help="NUMBER:HASH noted before: it must still be in the chain")
    verify.add_argument("--file", type=Path, help="a copy of hub.db, e.g. from a backup, instead of the hub's own")
    add("head", "in số và mã băm của dòng mới nhất / print the newest row's number and hash, to be kept elsewhere")
    export = add("export", "xuất nhật ký / hand the log out")
    target = export.add_mutually_exclusive_group(required=True)
    target.add_argument("--csv", default="", metavar="FILE", help="UTF-8 with BOM and semicolons; - is the output")
    target.add_argument("--syslog", action="store_true", help="once more into the socket that [audit] syslog names")
    export.add_argument("--after", type=int, default=0, metavar="NUMBER", help="only rows after this one")
    prune = add("prune", "bỏ dòng cũ, chuỗi vẫn kiểm tra được / let go of old rows; the rest can still be verified")
    prune.add_argument("--days", type=float, default=audit.KEEP_S / audit.DAY_S, help="keep so many; default: 1825")


def run(settings: HubSettings, given: argparse.Namespace, by: str) -> int:
    """Do it. Raises AuditError, DatabaseError, sqlite3.Error and OSError."""
    match given.verb:
        case "verify":
            return _verify(given.file or settings.database, given.head)
        case "head":
            db = open_reader(settings.database)
            sys.stdout.write(f"{audit.head(db)}\n")
            db.close()
        case "export":
            _export(settings, given, by)
        case _:
            if not given.days >= 1:
                raise AuditError("--days: ít nhất 1 / at least 1")
            with closing(open_db(settings.database)) as db:
                now_s = hub_time.sure_now_s(db)  # by a clock that is ahead, all rows are old
                with transaction(db):
                    gone = audit.prune(db, now_s - given.days * audit.DAY_S, now_s)
            sys.stdout.write(f"đã bỏ {gone} dòng / {gone} rows let go\n")
    return 0


def _verify(path: Path, noted: str) -> int:
    expected = None
    if noted:
        found = _HEAD.match(noted.strip())
        if found is None:
            raise AuditError(f"--head {noted[:90]!r}: SỐ:MÃ BĂM / write NUMBER:HASH, as `audit head` prints it")
        expected = audit.Head(int(found[1]), found[2])
    db = open_reader(path)
    verdict = audit.verify(db, expected)
    db.close()
    if verdict.ok:
        sys.stdout.write(f"{verdict.rows} dòng, nguyên vẹn / rows, whole; {verdict.head}\n")
        return 0
    sys.stdout.write(
        f"chuỗi đứt ở dòng {verdict.broken} ({verdict.why}), sau {verdict.rows} dòng đúng / "
        f"the chain breaks at row {verdict.broken} ({verdict.why}), after {verdict.rows} good rows\n"
    )
    return 1


def _export(settings: HubSettings, given: argparse.Namespace, by: str) -> None:
    path, to = settings.database, given.csv or settings.audit.syslog
    if not to:
        raise AuditError("--syslog: [audit] syslog trống / is empty: write the path of a syslog socket, e.g. /dev/log")
    db = open_reader(path)
    if given.csv == "-":
        write_csv(sys.stdout, audit.rows(db, given.after))
    elif given.csv:
        with Path(given.csv).open("w", encoding="utf-8-sig", newline="") as file:
            write_csv(file, audit.rows(db, given.after))
    else:
        count = send_syslog(to, audit.rows(db, given.after))
        sys.stdout.write(f"{count} dòng / rows\n")
    db.close()
    db = open_db(path)
    with transaction(db):
        audit.append(db, hub_time.hub_now_s(db), by, "audit_exported", {"to": to, "after": given.after})
    db.close()


def write_csv(file: IO[str], rows: Iterable[Iterable[object]]) -> None:
    """Rows of the log for a spreadsheet; a leading '=' or '+' becomes text."""
    writer = csv.writer(file, delimiter=";", lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for number, at_s, *rest in rows:
        writer.writerow([number, moment(at_s), *(_plain(str(cell)) for cell in rest)])


def _plain(cell: str) -> str:
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def send_syslog(path: str, rows: Iterable[Iterable[object]]) -> int:
    """Send rows into a syslog socket of this machine; gives how many. Raises AuditError when nobody reads it."""
    count, left = 0, iter(rows)
    try:
        with closing(LocalSyslog(path)) as syslog:
            while lines := [line_of(row) for row in itertools.islice(left, BATCH)]:
                syslog.send(lines)
                count += len(lines)
                time.sleep(PACE_S if len(lines) == BATCH else 0)
    except OSError as error:
        why = error.strerror or error
        raise AuditError(f"--syslog {path}: không ai nhận, hãy bật rsyslog / nobody reads it: {why}") from None
    return count
