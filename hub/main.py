"""`diemcau-hub`: serve the province, import its inventory and schedule, make accounts."""

from __future__ import annotations

import argparse
import json
import logging
import os
import secrets
import signal
import socket
import sqlite3
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from hub.access.accounts import ROLES, BadAccountError, add_user, reset_second_step
from hub.access.oidc.accounts import add_oidc_user
from hub.access.tokens import BadTokenError
from hub.changes import enrolment, meetings, registry, restored
from hub.changes.rollouts import RolloutError
from hub.changes.sheet import SheetError
from hub.commands import audit as audit_command
from hub.commands import backup, hub_time, inventory
from hub.commands import rollout as rollout_command
from hub.commands import token as token_command
from hub.commands.hub_time import WrongTimeError
from hub.core.leases import Budget
from hub.pki import command as pki
from hub.pki.files import PkiError
from hub.settings import HubSettings, SettingsError, load, read_secret
from hub.signer import command as signer
from hub.store.db import DatabaseError, open_db, open_reader, transaction
from wire import lock
from wire.own_certificate import problems
from wire.sd_notify import notify
from wire.streams import spoken

DEFAULT_CONFIG = Path("/etc/diemcau/hub.toml")
BY = "command line"
PASSWORD_ENV = "DIEMCAU_PASSWORD"  # noqa: S105  the name of a variable
log = logging.getLogger("hub")


def parser() -> argparse.ArgumentParser:
    """The command line, also for the documentation."""
    made = argparse.ArgumentParser(prog="diemcau-hub", description="Trung tâm / the hub of all rooms")
    commands = made.add_subparsers(dest="command", required=True)

    def add(name: str, text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text)
        command.add_argument("--config", type=Path, default=DEFAULT_CONFIG, help=f"default: {DEFAULT_CONFIG}")
        return command

    add("serve", "nghe các phòng và mở trang điều hành / hear the rooms and serve the console")
    rooms = add("import-rooms", "nhập danh mục điểm cầu / take the inventory of rooms from CSV, all or nothing")
    rooms.add_argument("file", type=Path)
    schedule = add("import-meetings", "nhập lịch họp / take the schedule from CSV; it replaces what is to come")
    schedule.add_argument("file", type=Path)
    user = add("add-user", "thêm tài khoản / add an account, or renew its password")
    user.add_argument("name")
    user.add_argument("--role", choices=ROLES, default="operator")
    user.add_argument(
        "--place", action="append", default=[], metavar="CODE", help="bind it to rooms beneath this place; repeatable"
    )
    user.add_argument(
        "--oidc", action="store_true", help="signs in at the office's provider, by this name there; has no password"
    )
    user.add_argument(
        "--password-file",
        default="",
        help=f"its first line; else the variable {PASSWORD_ENV}, else one is made and printed",
    )
    phone = add("totp-reset", "tắt xác thực hai bước / take the second step from who lost phone and recovery codes")
    phone.add_argument("name")
    hosts = add("inventory", "danh sách máy cho Ansible / the rooms as an inventory of Ansible")
    hosts.add_argument("--list", action="store_true", help="as Ansible asks a dynamic inventory; the default")
    hosts.add_argument("--host", default="", help="as Ansible asks for one host: nothing beyond the list")
    hosts.add_argument("--export", type=Path, help="write a static inventory to this file")
    hosts.add_argument("--address", default="", help=f"how an address follows from a room's id, {inventory.ADDRESS!r}")
    rollout_command.add_to(commands, DEFAULT_CONFIG)
    audit_command.add_to(commands, DEFAULT_CONFIG)
    token_command.add_to(commands, DEFAULT_CONFIG)
    given = add("enrol", "cấp chứng chỉ cho thiết bị đã gắn phòng / issue to boards that were given a room")
    given.add_argument("--dir", type=Path, default=pki.DEFAULT_DIR, help=f"the authority; default: {pki.DEFAULT_DIR}")
    copied = add("backup", "sao lưu khi đang chạy / copy the database while the hub serves; keeps a bounded number")
    copied.add_argument("--to", type=Path, required=True, help="folder of the copies, best on another disk")
    brought = add("restore", "khôi phục từ bản sao / bring a copy back, into a data folder without a database")
    brought.add_argument("copy", type=Path, help="hub-….db.gz, with its .json beside it")
    brought.add_argument(
        "--open", action="append", default=[], metavar="NAME",
        help="an account that was surely not locked since the copy was made; repeatable, * for all",
    )  # fmt: skip
    add("schedule-checked", "đã kiểm tra lịch họp sau khôi phục / after a restore: rooms may be told the schedule")
    pki.add_to(commands)
    signer.add_to(commands)
    check = commands.add_parser("check-config", help="kiểm tra tệp cấu hình / check a hub.toml and start nothing")
    check.add_argument("file", type=Path)
    check.add_argument(
        "--files", action="store_true",
        help="xét cả chứng chỉ và khóa / the certificates, too, that it names: there, fitting, in time",
    )  # fmt: skip
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point. 0: done; 1: failed; 2: settings or a file cannot be used; 3: another hub serves this folder."""
    return spoken(_main, argv)


def _main(argv: Sequence[str] | None) -> int:
    arguments = parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    try:
        if arguments.command in ("pki", "broker-config"):  # on a machine of its own, without a hub's settings
            return pki.run(arguments)
        if arguments.command == "signer":
            return signer.run(arguments)
        settings = load(arguments.file if arguments.command == "check-config" else arguments.config)
        match arguments.command:
            case "serve":
                return serve(settings)
            case "import-rooms":
                return _import_rooms(settings, arguments.file)
            case "import-meetings":
                return _import_meetings(settings, arguments.file)
            case "inventory":
                return _inventory(settings, arguments)
            case "rollout":
                return rollout_command.run(settings, arguments, BY)
            case "audit":
                return audit_command.run(settings, arguments, BY)
            case "token":
                return token_command.run(settings, arguments, BY)
            case "backup":
                return _backup(settings, arguments.to)
            case "restore":
                return _restore(settings, arguments.copy, arguments.open)
            case "schedule-checked":
                with closing(open_db(settings.database)) as db, transaction(db):
                    restored.check(db, BY, hub_time.hub_now_s(db))
                return 0
            case "enrol":
                return _enrol(settings, arguments.dir)
            case "add-user":
                return _add_user(settings, arguments)
            case "totp-reset":
                return _totp_reset(settings, arguments.name)
            case _:
                to = settings.broker_of()
                if arguments.files and (found := problems(to.ca_file, to.cert_file, to.key_file)):
                    raise SettingsError(found)
                settings.seed_key()
                settings.oidc_options()
                sys.stdout.write(f"{arguments.file}: hợp lệ / is good\n")
                return 0
    except (SettingsError, SheetError) as error:
        for problem in error.problems:
            sys.stderr.write(f"{problem}\n")
        return 2
    except (audit_command.AuditError, backup.BackupError, BadAccountError, BadTokenError, DatabaseError, PkiError,
            inventory.BadAddressError, RolloutError, WrongTimeError) as error:  # fmt: skip
        sys.stderr.write(f"{error}\n")
        return 1
    except sqlite3.Error as error:
        sys.stderr.write(f"lỗi cơ sở dữ liệu, hãy thử lại / the database failed, try again: {error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"{error.filename or ''}: không dùng được / cannot be used: {error.strerror or error}\n")
        return 1


def serve(settings: HubSettings) -> int:
    """Hear and show until TERM or INT, where no other hub works on the same data."""
    try:
        held = lock.hold(settings.data_dir)
    except lock.TakenError as error:
        sys.stderr.write(f"{error}\n")
        return lock.TAKEN
    with closing(held):
        return _serve(settings)


def _serve(settings: HubSettings) -> int:
    import uvicorn

    from hub.access.step.seeds import Seeds, settle
    from hub.app import create_app
    from hub.runtime import doors
    from hub.runtime.service import Hub

    listener = _listen(settings.web.host, settings.web.port)  # first: the broker's session is taken from nobody before
    if listener is None:
        return 1
    hub = Hub(
        settings.database,
        settings.broker_of(),
        beat_s=settings.ingest.beat_s,
        commit_ms=settings.ingest.commit_ms,
        reconnect_window_s=settings.ingest.reconnect_window_s,
        budget=Budget(settings.fleet.share_pct, settings.fleet.floor, settings.fleet.window_s),
        sealer=settings.sealer(),
        keys_file=Path(settings.signer.keys_file) if settings.signer.keys_file else None,
        syslog=settings.audit.syslog,
    )
    with closing(open_db(settings.database)) as db:
        settle(db, Seeds(settings.seed_key()))
    app = create_app(settings.database, settings, hub, hub.clock)
    config = doors.config(app, settings.web.host, settings.web.port)

    class Server(uvicorn.Server):
        """Tells the service manager once the console can be reached."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            notify("READY=1")

    server = Server(config)
    over = threading.Event()

    def end(_number: int, _frame: object) -> None:
        over.set()
        server.should_exit = True

    # uvicorn takes both signals while it runs and raises them again afterwards: only then does `end` hear of them.
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    hub.start()
    log.info("console at http://%s:%d, data in %s", settings.web.host, settings.web.port, settings.data_dir)
    try:
        server.run(sockets=[listener])
    except SystemExit:  # uvicorn's way to say that it could not start
        over.clear()
    finally:
        notify("STOPPING=1")
        hub.stop()
        listener.close()
    return 0 if over.is_set() else 1


def _listen(host: str, port: int) -> socket.socket | None:
    """The console's socket; None, with a sentence, when the address is not ours or a program has it already."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError:
        listener.close()
        sys.stderr.write(
            f"không mở được trang điều hành ở {host}:{port}, sửa web.port hoặc tắt chương trình đang dùng cổng này / "
            f"cannot serve the console on {host}:{port}: mend web.port or end the program that uses it\n"
        )
        return None
    listener.setblocking(False)
    return listener


def _import_rooms(settings: HubSettings, file: Path) -> int:
    entries = registry.parse(file.read_bytes())
    db = open_db(settings.database)
    new, changed = registry.store(db, entries, BY, hub_time.hub_now_s(db))
    db.close()
    sys.stdout.write(
        f"{len(entries)} phòng: {new} mới, {changed} thay đổi / {len(entries)} rooms: {new} new, {changed} changed\n"
    )
    return 0


def _import_meetings(settings: HubSettings, file: Path) -> int:
    with closing(open_db(settings.database)) as db:
        now_s = hub_time.sure_now_s(db)  # by a clock that is behind, meetings that are on would go
        planned = meetings.parse(file.read_bytes(), settings.zone, meetings.places(db), now_s)
        with transaction(db):
            meetings.replace_schedule(db, planned, now_s, BY)
    sys.stdout.write(f"{len(planned)} cuộc họp / {len(planned)} meetings\n")
    return 0


def _inventory(settings: HubSettings, arguments: argparse.Namespace) -> int:
    db = open_reader(settings.database)
    listed = inventory.listing(db, arguments.address or os.environ.get("DIEMCAU_ADDRESS", inventory.ADDRESS))
    db.close()
    if arguments.export:
        arguments.export.write_text(json.dumps(inventory.static(listed), ensure_ascii=False, indent=1) + "\n", "utf-8")
        return 0
    json.dump({} if arguments.host else listed, sys.stdout, ensure_ascii=False)
    sys.stdout.write("\n")
    return 0


def _backup(settings: HubSettings, folder: Path) -> int:
    copy, made = backup.backup(settings.database, folder, time.time())
    gone = backup.prune(folder)
    sys.stdout.write(
        f"{copy}: {made.rooms} phòng / rooms, {made.events} sự kiện / events; {len(gone)} bản cũ / old ones\n"
        f"audit: {made.audit_head}\n"
    )
    return 0


def _restore(settings: HubSettings, copy: Path, open_for: list[str]) -> int:
    now_s = time.time()
    found = backup.restore(copy, settings.data_dir, now_s, open_for=open_for)
    with closing(open_reader(settings.database)) as db:
        told = restored.told(db, now_s)
    sys.stdout.write(f"{found.rooms} phòng, {found.events} sự kiện / rooms and events: {settings.database}\n")
    if told and told.waiting:
        sys.stdout.write(
            f"{told.waiting} tài khoản chờ mở lại. Mở một quản trị viên: / accounts wait. Open one administrator: "
            "diemcau-hub add-user NAME --role admin\n"
        )
    sys.stdout.write(
        "Các phòng giữ lịch họp cũ đến khi có người kiểm tra trang Lịch họp / rooms keep their schedule until somebody "
        "has looked through the page of meetings, or: diemcau-hub schedule-checked\n"
    )
    return 0


def _enrol(settings: HubSettings, authority: Path) -> int:
    with closing(open_db(settings.database)) as db, transaction(db):
        rooms = enrolment.issue(db, authority, hub_time.sure_now_s(db))
    sys.stdout.write(f"{len(rooms)} chứng chỉ / certificates: {' '.join(rooms)}\n")
    return 0


def _totp_reset(settings: HubSettings, name: str) -> int:
    db = open_db(settings.database)
    try:
        had = reset_second_step(db, name, BY, hub_time.hub_now_s(db))
    finally:
        db.close()
    sys.stdout.write(
        f"{name}: đã tắt xác thực hai bước / the second step is gone\n" if had
        else f"{name}: chưa bật xác thực hai bước / had no second step\n"
    )  # fmt: skip
    return 0


def _add_user(settings: HubSettings, given: argparse.Namespace) -> int:
    if given.oidc:
        db = open_db(settings.database)
        add_oidc_user(db, given.name, given.role, places=given.place, by=BY, now_s=hub_time.hub_now_s(db))
        db.close()
        sys.stdout.write(f"{given.name} ({given.role}), OIDC\n")
        return 0
    file = given.password_file
    password = read_secret("--password-file", file) if file else os.environ.get(PASSWORD_ENV, "")
    made = "" if password else secrets.token_urlsafe(12)
    db = open_db(settings.database)
    add_user(db, given.name, password or made, given.role, places=given.place, now_s=hub_time.hub_now_s(db))
    db.close()
    sys.stdout.write(f"{given.name} ({given.role})\n")
    if made:
        sys.stdout.write(f"mật khẩu / password: {made}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
