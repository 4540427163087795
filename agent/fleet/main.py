"""`diemcau-release`: the command line of the versions on a host."""

from __future__ import annotations

import argparse
import fcntl
import json
import sqlite3
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from agent.fleet.disk import ReleaseError
from agent.fleet.release import ROOT, Host
from agent.fleet.start import this_start


def release_parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="diemcau-release", description="the versions on this host, and the way back")
    made.add_argument("--root", type=Path, default=ROOT)
    commands = made.add_subparsers(dest="command", required=True)
    for name, text in (
        ("install", "make a release from a bundle"), ("switch", "use a release, on trial"),
    ):  # fmt: skip
        commands.add_parser(name, help=text).add_argument("what")
    for name, text in (
        ("watch", "look at the trial once; goes back by itself"), ("back", "go back to the release before"),
        ("pull", "fetch and use the release that the hub wants here"),
        ("prune", "remove old releases"), ("status", "print what is there, as JSON"),
    ):  # fmt: skip
        commands.add_parser(name, help=text)
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point. 0: done; 1: refused or failed, with one sentence."""
    given = release_parser().parse_args(argv)
    host = Host(given.root)
    boot, now_s = "", 0.0
    try:
        if given.command != "status":
            lock = (given.root / "lock").open("w")
            fcntl.flock(lock, fcntl.LOCK_EX)  # the timer, the pull and a person may come at once
            boot, now_s = this_start(time.clock_gettime(time.CLOCK_BOOTTIME))
        match given.command:
            case "install":
                said: object = host.install(Path(given.what))
            case "switch":
                host.switch(given.what, boot, now_s)
                said = given.what
            case "watch":
                looked = host.watch(boot, now_s)
                said = f"{looked[0].value}: {looked[1]}" if looked else "no trial"
            case "back":
                said = host.back()
            case "pull":
                from agent.fleet.pull import pull  # its libraries are not needed by the watch

                said = pull(host, boot, now_s)
            case "prune":
                said = " ".join(host.prune())
            case _:
                said = json.dumps(host.status())
    except (ReleaseError, OSError, sqlite3.Error) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{said}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
