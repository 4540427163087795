"""`make prove`: many rooms through days of trouble and crashes. ARGS="--seed N --room-days M --json FILE"."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from tests.prove.account import Account, outages, text
from tests.prove.meeting_rules import NOW, compared
from tests.prove.meeting_rules import text as compared_text
from tests.prove.rooms import DAYS, many, seeds_of
from tests.prove.single import ROOMS, measured

SEED = 1
ROOM_DAYS = 1000.0
TOLD_EVERY_S = 30.0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m tests.prove", description=__doc__)
    made.add_argument("--seed", type=int, default=SEED, help=f"of the first room (default {SEED}); the others follow")
    made.add_argument("--room-days", type=float, default=ROOM_DAYS, help=f"in all (default {ROOM_DAYS:.0f})")
    made.add_argument("--days", type=float, default=DAYS, help=f"of one room (default {DAYS:.0f})")
    made.add_argument("--processes", type=int, default=2, help="side by side (default 2)")
    made.add_argument("--trace", action="store_true", help="print the last events of a room that breaks a promise")
    made.add_argument("--rules", action="store_true", help="compare the guard near a meeting with the one before it")
    made.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    return made


def main() -> int:
    """Entry point. 1 when a promise was broken."""
    arguments = parser().parse_args()
    if arguments.rules:
        return _rules(arguments)
    began_s = told_s = time.monotonic()
    account = Account()
    rooms = seeds_of(arguments.seed, arguments.room_days, arguments.days)
    for result in many(rooms, min(arguments.processes, len(rooms))):
        account.add(result)
        for one in result.violations:
            sys.stderr.write(f"seed {result.seed}: {one.invariant}: {one.what}\n")
        if result.violations and arguments.trace:
            sys.stdout.write("\n".join(result.trace) + "\n")
        if time.monotonic() - told_s > TOLD_EVERY_S:
            told_s = time.monotonic()
            sys.stderr.write(
                f"{account.days:.0f} of {arguments.room_days:.0f} room-days, {len(account.broken)} violations\n"
            )
    took_s = time.monotonic() - began_s
    figures = account.as_dict(outages(measured(arguments.seed, ROOMS)), took_s)
    sys.stdout.write(text(figures) + "\n")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, ensure_ascii=False, indent=1) + "\n", "utf-8")
    return 1 if account.broken else 0


def _rules(arguments: argparse.Namespace) -> int:
    """Both guards over the same rooms. 1 when a promise was broken under the guard of now."""
    figures = compared(seeds_of(arguments.seed, arguments.room_days, arguments.days), arguments.processes)
    sys.stdout.write(compared_text(figures) + "\n")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, ensure_ascii=False, indent=1) + "\n", "utf-8")
    return 1 if figures[NOW]["violations"] else 0


if __name__ == "__main__":
    sys.exit(main())
