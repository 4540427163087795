"""`diemcau-hub signer …`: make keys, list and revoke them, and run the process that signs."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
from pathlib import Path

from hub.signer import keys, server
from wire.sd_notify import notify

DEFAULT_DIR = Path("/etc/diemcau/orders")
DEFAULT_KEY = Path("/etc/diemcau/signer/signing.key")
DEFAULT_SOCKET = Path("/run/diemcau-signer/socket")
DEFAULT_JOURNAL = Path("/var/lib/diemcau-signer/signed.jsonl")


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Put the command into the hub's parser."""
    command = commands.add_parser("signer", help="ký lệnh gửi phòng / sign orders to rooms, apart from web and broker")
    verbs = command.add_subparsers(dest="verb", required=True)

    def add(name: str, text: str) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=text)
        made.add_argument("--dir", type=Path, default=DEFAULT_DIR, help=f"root and list; default: {DEFAULT_DIR}")
        return made

    add("init", "lập khóa gốc / make the root key, once; then take it offline")
    new = add("new-key", "thêm khóa ký / make a signing key and put it on the list; needs the root key")
    new.add_argument("--key", type=Path, default=DEFAULT_KEY, help=f"the new key's file; default: {DEFAULT_KEY}")
    gone = add("revoke", "thu hồi khóa ký / revoke a signing key; needs the root key")
    gone.add_argument("id", help="as signer keys shows it")
    add("keys", "xem danh sách khóa / show the list that rooms believe")
    run = verbs.add_parser("run", help="chạy tiến trình ký / run the process that signs")
    run.add_argument("--key", type=Path, default=DEFAULT_KEY, help=f"default: {DEFAULT_KEY}")
    run.add_argument("--socket", type=Path, default=DEFAULT_SOCKET, help=f"default: {DEFAULT_SOCKET}")
    run.add_argument("--journal", type=Path, default=DEFAULT_JOURNAL, help=f"default: {DEFAULT_JOURNAL}")
    run.add_argument("--user", action="append", default=[], help="an account that may ask besides our own: the hub's")


def run(given: argparse.Namespace) -> int:
    """Do it. Raises PkiError and OSError."""
    match given.verb:
        case "init":
            public = keys.create_root(given.dir)
            sys.stdout.write(
                f"{given.dir / keys.ROOT_KEY}: cất vào két rồi xóa ở đây / take it to a safe, delete it here\n"
                f'room.toml: [commands] root_key = "{public}"\n'
            )
        case "new-key":
            ident = keys.add(given.dir, keys.make(given.key))
            sys.stdout.write(f"{ident}: {given.key}; {given.dir / keys.LIST} -> hub.toml signer.keys_file\n")
        case "revoke":
            version = keys.revoke(given.dir, given.id)
            sys.stdout.write(f"{given.id}: đã thu hồi / revoked; {given.dir / keys.LIST}: version {version}\n")
        case "keys":
            found = keys.listed(given.dir)
            sys.stdout.write(f"version {found.version}\n")
            for key in found.keys:
                sys.stdout.write(f"{key.id} {'revoked' if key.revoked else 'good'}\n")
        case _:
            return _serve(given)
    return 0


def _serve(given: argparse.Namespace) -> int:
    signer = server.Signer(keys.read(given.key), given.journal, server.users(given.user))
    listener = server.listen(given.socket)
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    notify("READY=1")
    logging.getLogger(__name__).info("signing on %s", given.socket)
    try:
        signer.serve(listener, over)
    finally:
        listener.close()
        given.socket.unlink(missing_ok=True)
    return 0
