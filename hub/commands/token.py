"""`diemcau-hub token …`: make, list and revoke the tokens of other systems."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hub.access import tokens
from hub.commands import hub_time
from hub.console.words import day_time
from hub.settings import HubSettings
from hub.store.db import open_db
from hub.store.read.reads import Reader


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser], config: Path) -> None:
    """Put the command into the hub's parser."""
    command = commands.add_parser("token", help="mã truy cập API / tokens with which other systems ask the API")
    verbs = command.add_subparsers(dest="verb", required=True)

    def add(name: str, text: str) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=text)
        made.add_argument("--config", type=Path, default=config, help=f"default: {config}")
        return made

    new = add("new", "tạo mã, chỉ hiện một lần / make a token; it is shown once")
    new.add_argument("name", help="of the system that will use it")
    new.add_argument(
        "--rights", nargs="+", choices=tuple(tokens.RIGHTS), default=["read"],
        help="read; mark: take incidents; orders: order rooms. Default: read",
    )  # fmt: skip
    new.add_argument(
        "--scope", action="append", default=[], metavar="CODE", help="bind it to rooms beneath this place; repeatable"
    )
    new.add_argument(
        "--days", type=int, default=tokens.DAYS_DEFAULT,
        help=f"it ends after so many, at most {tokens.DAYS_MAX}; default: {tokens.DAYS_DEFAULT}",
    )  # fmt: skip
    add("list", "liệt kê mã và lần dùng cuối / list the tokens and when each was used last")
    add("revoke", "thu hồi ngay / end a token at once").add_argument("name")


def run(settings: HubSettings, given: argparse.Namespace, by: str) -> int:
    """Do it. Raises BadTokenError, DatabaseError and sqlite3.Error."""
    db = open_db(settings.database)
    try:
        now_s = hub_time.sure_now_s(db) if given.verb == "new" else hub_time.hub_now_s(db)
        match given.verb:
            case "new":
                made = tokens.new(db, given.name, given.rights, places=given.scope, days=given.days, by=by, now_s=now_s)
                sys.stdout.write(f"mã, chỉ hiện một lần / the token, shown this once: {made}\n")
            case "revoke":
                tokens.revoke(db, given.name, by, now_s)
                sys.stdout.write(f"{given.name}: đã thu hồi / revoked\n")
            case _:
                _list(Reader(settings.database), now_s)
    finally:
        db.close()
    return 0


def _list(reader: Reader, now_s: float) -> None:
    for one in tokens.listed(reader):
        until, used = day_time(one.expires_s)[:10], day_time(one.seen_s) if one.seen_s else "chưa / never"
        used += f" ({one.seen_from})" if one.seen_from else ""
        sys.stdout.write(
            f"{one.name}: {one.state(now_s)}; {one.rights}; {one.places or 'toàn bộ / all'};"
            f" đến / until {until}; dùng / used {used}\n"
        )
