"""`diemcau-hub rollout …`: the one command with which a technician brings a version to the rooms, and stops it."""

from __future__ import annotations

import argparse
import hashlib
import re
import shutil
import sqlite3
import sys
from pathlib import Path

from hub.changes import rollouts
from hub.changes.rollouts import FOLDER, RolloutError
from hub.commands import freeze as freeze_command
from hub.commands import hub_time
from hub.core import rollout as core
from hub.core.rollout import Rollout, why_not
from hub.settings import HubSettings
from hub.store.db import open_db, transaction

BUNDLE = re.compile(r"diemcau-(?P<version>.+)-agent-(?P<platform>[a-z0-9]+-py\d+)\.tar\Z")
PHASES = {
    "running": "đang cài / installing", "soaking": "đang theo dõi / watched", "paused": "tạm dừng / paused",
    "rolling_back": "đang khôi phục phiên bản trước / restoring the version before",
    "rolled_back": "đã khôi phục phiên bản trước / version before restored", "done": "xong / done",
}  # fmt: skip


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser], config: Path) -> None:
    """Put the command into the hub's parser."""
    command = commands.add_parser(
        "rollout", help="đưa phiên bản mới đến các phòng / bring a version to the rooms, in waves"
    )
    verbs = command.add_subparsers(dest="verb", required=True)

    def add(name: str, text: str) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=text)
        made.add_argument("--config", type=Path, default=config, help=f"default: {config}")
        return made

    start = add("start", "bắt đầu với các gói này / begin, with the bundles of one version")
    start.add_argument("bundles", type=Path, nargs="+", help="made by make wheelhouse")
    start.add_argument("--before", default="", help="version to go back to; default: what most rooms have")
    add("show", "xem từng đợt / every wave in numbers")
    targets = add(
        "targets", "các phòng đến lượt / rooms whose turn it is, one a line, for ansible-playbook --limit @FILE"
    )
    targets.add_argument("--back", action="store_true", help="rooms that shall go back instead")
    turn = add("turn", "đến lượt phòng này chưa / whether a room may be changed now: exit 0, or 1 and why not")
    turn.add_argument("room")
    turn.add_argument("--version", default="", help="the release that is to come; default: its settings alone")
    pause = add("pause", "tạm dừng / begin no further room")
    pause.add_argument("why")
    add("resume", "tiếp tục / go on")
    back = add("back", "quay lại phiên bản trước / take every touched room back")
    back.add_argument("why")
    freeze = add("freeze", "không thay đổi gì trong thời gian này / change nothing in this window")
    freeze.add_argument("start", help="local time, 24/11/2026 07:30")
    freeze.add_argument("end", help="local time, 24/11/2026 17:00")
    freeze.add_argument("name", help="what for, e.g. the meeting's name")
    freeze.add_argument("--yes", action="store_true", help="dài hơn 31 ngày cũng được / it may be longer than 31 days")
    lifted = add("unfreeze", "bỏ một khoảng không thay đổi / take such a window away")
    lifted.add_argument("window", type=int, help="its number, as rollout show lists it")


def run(settings: HubSettings, given: argparse.Namespace, by: str) -> int:
    """Do it. Raises RolloutError, DatabaseError and OSError."""
    db = open_db(settings.database)
    lasting = given.verb in ("start", "resume", "freeze")  # to stop one is always possible
    try:
        now_s = hub_time.sure_now_s(db) if lasting else hub_time.hub_now_s(db)
        match given.verb:
            case "start":
                return _start(db, settings, given, by, now_s)
            case "freeze":
                return freeze_command.freeze(db, settings, given, by, now_s)
            case "unfreeze":
                return freeze_command.unfreeze(db, given.window, by, now_s)
            case "show":
                for line in freeze_command.windows(db, settings, now_s):
                    sys.stdout.write(line + "\n")
        found = rollouts.current(db)
        if given.verb == "turn":
            return _turn(db, found, given.room, given.version, now_s)
        if found is None:
            raise RolloutError("chưa có đợt nào / there is no roll-out yet: rollout start")
        ident, was = found
        there = rollouts.rooms(db, now_s, rollouts.begun_s(db, ident))
        if given.verb == "show":
            show(was, there, rollouts.frozen(db, now_s))
        elif given.verb == "targets":
            goal = was.before if given.back else was.version
            wanted = core.wanted(was, there, rollouts.frozen(db, now_s))
            due = sorted(room for room, version in wanted.items() if version == goal != there[room].version)
            sys.stdout.write("".join(f"{room}\n" for room in due))
        else:
            change(db, ident, given.verb, getattr(given, "why", ""), by, now_s)
        return 0
    finally:
        db.close()


def _turn(db: sqlite3.Connection, found: tuple[int, Rollout] | None, room: str, version: str, now_s: float) -> int:
    """Say whether it is this room's turn. Raises RolloutError where it is not."""
    was = found[1] if found else None
    there = rollouts.rooms(db, now_s, rollouts.begun_s(db, found[0]) if found else 0.0)
    if why := why_not(was, room, there, version, rollouts.frozen(db, now_s)):
        raise RolloutError(f"{room}: {why}")
    sys.stdout.write(f"{room}: được thay đổi / may be changed now\n")
    return 0


def change(db: sqlite3.Connection, ident: int, verb: str, why: str, by: str, now_s: float) -> Rollout:
    """Pause, resume or turn back, by what stands in the database at this moment. Raises RolloutError."""
    with transaction(db):
        found = rollouts.current(db)
        assert found is not None
        was = found[1]
        match verb:
            case "pause":
                now = core.pause(was, now_s, why)
            case "resume":
                now = core.resume(was, now_s)
            case _:
                now = core.roll_back(was, now_s, why)
        if now == was:
            raise RolloutError(f"không đổi được: {PHASES[was.phase]} / not possible while it is {was.phase}")
        rollouts.keep(db, ident, was, now, by, now_s)
    sys.stdout.write(f"{now.version}: {PHASES[now.phase]}\n")
    return now


def show(r: Rollout, there: dict[str, core.RoomNow], frozen: str) -> None:
    """Every wave in numbers."""
    say = sys.stdout.write
    say(f"{r.before or '-'} → {r.version}: {PHASES[r.phase]} {r.reason}\n")
    if frozen:
        say(f"không thay đổi gì lúc này / frozen: {frozen}\n")
    heads = ("tốt/good", "lỗi/bad", "chờ/waiting", "lỗi sẵn/sick", "mất/unreached")
    say(f" đợt/wave  phòng/rooms{''.join(f'{head:>15}' for head in heads)}\n")
    for wave in range(len(r.waves)):
        c = core.count(r, there, wave)
        mark = "→" if wave == r.wave else " "
        numbers = (c.good, c.bad, c.waiting, c.sick_before, c.unreachable) if wave <= r.wave else ()
        say(f"{mark}{wave + 1:8}{c.targeted:13}" + "".join(f"{number:15}" for number in numbers) + "\n")


def _start(db: sqlite3.Connection, settings: HubSettings, given: argparse.Namespace, by: str, now_s: float) -> int:
    matches = {path: BUNDLE.match(path.name) for path in given.bundles}
    odd = [str(path) for path, match in matches.items() if match is None]
    versions = {match["version"] for match in matches.values() if match}
    if odd or len(versions) != 1:
        raise RolloutError(
            f"cần các gói diemcau-…-agent-….tar của một phiên bản / needs bundles of one version of the agent, not"
            f" {', '.join(odd or sorted(versions))}"
        )
    (version,) = versions
    # Before the transaction: the hub must not wait for a copy of many megabytes.
    folder = settings.data_dir / FOLDER / "bundles"
    rollouts.share(folder)
    for path in given.bundles:
        with path.open("rb") as source:
            digest = hashlib.file_digest(source, "sha256").hexdigest()
        shutil.copyfile(path, folder / path.name)
        # The mark last: what has one is whole.
        (folder / f"{path.name}.sha256").write_text(f"{digest}\n", "ascii")
        for copied in (folder / path.name, folder / f"{path.name}.sha256"):
            copied.chmod(0o644)
    with transaction(db):
        made = rollouts.begin(db, version, given.before, by, now_s)
    sizes = " → ".join(str(len(wave)) for wave in made.waves)
    sys.stdout.write(f"{made.before or '-'} → {version}: {sizes} phòng / rooms\n")
    return 0
