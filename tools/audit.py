"""`make audit`: hold every package of the lock, agent and hub, against what is known to be wrong with it (pip-audit).

Asks the package index, or with `--database FILE` a copy of OSV's records, which needs no network. Ends with 0 when
nothing is known, 1 when something is, 2 when it could not be found out: that is never taken for good news.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tools import vulnerabilities, wheelhouse

PIP_AUDIT = (sys.executable, "-m", "pip_audit", "--disable-pip", "--format", "json", "--progress-spinner", "off")
ANSWER_S = 15
"""For one answer; a line that is worse than that is no line."""
WHOLE_S = 900.0
"""For all of them, one after the other."""
GOOD, FOUND, UNKNOWN = 0, 1, 2


class NotAuditedError(Exception):
    """One sentence: why it could not be found out."""


def wanted(kinds: Sequence[str]) -> list[str]:
    """The locked lines, for whatever platform: what one of them brings is shipped to some host."""
    lines = {
        f"{line.split(' ;')[0].split(' --hash')[0].strip()} --hash{line.split(' --hash', 1)[1]}"
        for kind in kinds
        for line in wheelhouse.locked(kind)
        if line.strip()
    }
    return sorted(lines)


def audit(lines: Sequence[str], database: Path | None) -> tuple[list[dict[str, Any]], str, int]:
    """The packages with something known against them, who was asked, and how many records could not be read.

    Raises NotAuditedError.
    """
    with ExitStack() as stack:
        command, environment = [*PIP_AUDIT, "--timeout", str(ANSWER_S)], dict(os.environ)
        asked, unreadable = "the package index", 0
        if database is not None:
            try:
                found = vulnerabilities.load(database, {line.split("==")[0] for line in lines})
            except vulnerabilities.NoDatabaseError as error:
                raise NotAuditedError(str(error)) from None
            asked = f"{database}: {found.read} records, newest of {found.newest or '?'}"
            unreadable = found.unreadable
            url = stack.enter_context(vulnerabilities.served(found))
            cache = stack.enter_context(tempfile.TemporaryDirectory())
            command += ["--vulnerability-service", "osv", "--osv-url", url, "--cache-dir", cache]
            environment |= {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "locked.txt").write_text("\n".join(lines) + "\n", "utf-8")
        command += ["--requirement", str(folder / "locked.txt")]
        return _run(command, environment, len(lines)), asked, unreadable


def _run(command: Sequence[str], environment: dict[str, str], count: int) -> list[dict[str, Any]]:
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=WHOLE_S, check=False)
    except subprocess.TimeoutExpired:
        raise NotAuditedError(f"no answer within {WHOLE_S:.0f} s") from None
    # pip-audit ends with 1 for a finding and for a failure alike: only its answer tells the two apart.
    try:
        packages: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        last = (done.stderr.strip().splitlines() or ["no answer"])[-1]
        host = re.search(r"ConnectionPool\(host='([^']+)'", last)
        raise NotAuditedError(f"{host[1]} cannot be reached from here" if host else last[:300]) from None
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    if skipped or len(packages) != count:
        raise NotAuditedError(f"{count} packages are locked, {len(packages)} were looked up, skipped: {skipped}")
    return [package for package in packages if package["vulns"]]


def audit_parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m tools.audit", description=(__doc__ or "").splitlines()[0])
    made.add_argument("--kind", choices=wheelhouse.KINDS, nargs="*", default=list(wheelhouse.KINDS))
    made.add_argument("--database", type=Path, help="all.zip of OSV's records for PyPI, or a folder with them")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    given = audit_parser().parse_args(argv)
    lines = wanted(given.kind)
    try:
        found, asked, unreadable = audit(lines, given.database)
    except NotAuditedError as error:
        sys.stderr.write(
            f"NOT audited: {error}. Without a network give a copy of OSV's records, --database FILE"
            " (docs/development.md#audit)\n"
        )
        return UNKNOWN
    for package in found:
        for one in package["vulns"]:
            mend = f"; mended in {', '.join(one['fix_versions'])}" if one["fix_versions"] else "; no version mends it"
            sys.stdout.write(f"{package['name']} {package['version']}: {one['id']} {one['description'][:200]}{mend}\n")
    sys.stdout.write(f"{len(lines)} packages, {len(found)} with something known against them; asked {asked}\n")
    if unreadable:
        sys.stderr.write(
            f"NOT audited in full: {unreadable} records of {given.database} cannot be read; fetch it again\n"
        )
    return FOUND if found else UNKNOWN if unreadable else GOOD


if __name__ == "__main__":
    sys.exit(main())
