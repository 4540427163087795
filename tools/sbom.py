"""`make sbom`: what a release is made of, as CycloneDX 1.5, for agent and hub apart: every package that uv.lock names.

`make wheelhouse` writes the same beside its bundles and into each of them, so that a host can be asked what runs on it.
Debian's own packages (Python, Mosquitto, OpenSSL) are not in it: each host's `dpkg` knows those.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
UV = ROOT / ".venv-tools/bin/uv"
KINDS = ("agent", "hub")
NAME = "sbom.cdx.json"
"""Its name within a bundle and a release."""


def own_version() -> str:
    """The version in agent/__init__.py."""
    (found,) = re.findall(r'__version__ = "([^"]+)"', (ROOT / "agent/__init__.py").read_text("utf-8"))
    return str(found)


def document(kind: str, version: str = "") -> bytes:
    """The list of one kind, the same bytes for the same lock. `version`: the release's, by default the source's."""
    done = subprocess.run(
        [UV, "export", "-q", "--frozen", "--no-dev", "--extra", kind, "--no-emit-project", "--format", "cyclonedx1.5"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout)
    own = found["metadata"]["component"]
    own |= {"type": "application", "version": version or own_version(), "description": f"Điểm Cầu, {kind}"}
    # uv says the moment of the export and draws a number; both would make every bundle differ from the last.
    found["metadata"]["timestamp"] = _committed().isoformat()
    del found["serialNumber"]
    number = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(found, sort_keys=True))
    return (json.dumps({"serialNumber": f"urn:uuid:{number}"} | found, indent=1, ensure_ascii=False) + "\n").encode()


def _committed() -> datetime:
    done = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=True)
    return datetime.fromtimestamp(int(done.stdout), UTC)


def write(kind: str, out: Path, version: str = "") -> Path:
    """Put the list of one kind into a folder, under a name that says of what it is."""
    out.mkdir(parents=True, exist_ok=True)
    target = out / f"diemcau-{version or own_version()}-{kind}.cdx.json"
    target.write_bytes(document(kind, version))
    return target


def sbom_parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m tools.sbom", description=(__doc__ or "").splitlines()[0])
    made.add_argument("--kind", choices=KINDS, nargs="*", default=list(KINDS))
    made.add_argument("--version", default="", help="another version than that of the source")
    made.add_argument("--out", type=Path, default=ROOT / "dist")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    given = sbom_parser().parse_args(argv)
    for kind in given.kind:
        made = write(kind, given.out, given.version)
        sys.stdout.write(f"{made} {len(json.loads(made.read_bytes())['components'])} packages\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
