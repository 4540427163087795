"""`make bench`: every figure that the documents name, in one run. ARGS="--json FILE --seconds N --only room|ingest"."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from pathlib import Path

from tests.bench import ingest, room
from tests.bench.table import Row, table


def main() -> int:
    """Entry point. 0 also when a target is missed: what is measured depends on the machine, and is not a test."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=300.0, help="how long the room is watched (default 300)")
    parser.add_argument("--messages", type=int, default=ingest.COUNT, help=f"how many (default {ingest.COUNT})")
    parser.add_argument("--only", choices=("room", "ingest"), help="one part alone")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    arguments = parser.parse_args()
    rows: list[Row] = []
    if arguments.only != "ingest":
        sys.stderr.write(f"watching a room for {arguments.seconds:.0f} s\n")
        rows += room.measure(arguments.seconds)
    if arguments.only != "room":
        sys.stderr.write(f"sending {arguments.messages} messages to a sink, then to the hub\n")
        rows += ingest.measure(arguments.messages)
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    sys.stdout.write(f"{table(rows)}\n\n{machine}. Rank by ratio to the target or the sink, not by seconds.\n")
    if arguments.json:
        figures = {"machine": machine, "rows": [row.as_dict() for row in rows]}
        arguments.json.write_text(json.dumps(figures, ensure_ascii=False, indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
