"""`make prove-gpio`: boot the guest, and judge every movement of a relay's line. 1 when one was wrong."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from tests.lab import trace

HERE = Path(__file__).parent
LEGEND = """
kernel: what becomes of a line that nobody holds any more. "keeps" its level, as Raspberry Pi's; "lets go" to its
pull-down, as Debian's, or Raspberry Pi's with strict_gpiod. Each cell: what was done to the line, and in brackets the
level that the chip showed afterwards. 17 and 18 feed through the closed contact (0 is powered), 22 the open one.
"""


def lab() -> Path:
    """Where the guest is built and run; LAB names another place."""
    return Path(os.environ.get("LAB", "/var/tmp/diemcau-lab"))


def run() -> list[trace.Step]:
    """Build what is missing, run the guest once, and read its trace. Raises what went wrong on the way."""
    subprocess.run([HERE / "build.sh"], check=True)
    subprocess.run([HERE / "boot.sh"], check=True)
    return trace.read((lab() / "trace.txt").read_text("utf-8", "replace"))


def main() -> int:
    began_s = time.monotonic()
    try:
        steps = run()
    except (subprocess.CalledProcessError, OSError, trace.BadTraceError) as error:
        sys.stderr.write(f"prove-gpio: {error}; the guest's words are in {lab()}/console.log\n")
        return 1
    problems = trace.wrong(steps)
    repowered_s = trace.repowered_s(steps)
    if repowered_s is not None and repowered_s > trace.REPOWER_S:
        problems.append(f"power came back {repowered_s:.1f} s after the start, promised are {trace.REPOWER_S:g} s")
    sys.stdout.write(trace.table(steps) + "\n" + LEGEND + "\n")
    counts = ", ".join(f"{number} {name}" for name, number in trace.counts(steps).items())
    repowered = "never" if repowered_s is None else f"{repowered_s:.1f} s after the start, on an emulated core"
    sys.stdout.write(f"power after a crash in mid cycle: {repowered}\n{counts}; {len(problems)} wrong\n")
    sys.stdout.writelines(f"WRONG: {problem}\n" for problem in problems)
    sys.stdout.write(f"took {time.monotonic() - began_s:.0f} s\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
