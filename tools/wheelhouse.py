"""`make wheelhouse`: bundles of a release, one for each kind, platform and Python, hash-locked by uv.lock.

A bundle installs on a host that reaches no index: every wheel is in it, each with the hash that uv.lock names. Wheels
are taken as they are; where a platform has none for a package, the bundle is not made, and the package is named.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from packaging.requirements import Requirement

from tools import sbom

ROOT = Path(__file__).parents[1]
MACHINES = {"amd64": "x86_64", "arm64": "aarch64", "armv7": "armv7l"}
GLIBC = range(36, 16, -1)
"""Debian 12 has glibc 2.36: wheels for 2.17 to 2.36 run on it."""
PYTHONS = {"3.11": "bookworm", "3.13": "trixie"}
KINDS = sbom.KINDS
UV = sbom.UV
PIP = (str(ROOT / ".venv-tools/bin/python"), "-m", "pip", "--disable-pip-version-check")


class NoBundleError(Exception):
    """One sentence: why a bundle cannot be made."""


def locked(kind: str) -> Iterator[str]:
    """The lines of uv.lock for this kind, each with its hashes."""
    done = subprocess.run(
        [UV, "export", "-q", "--frozen", "--no-dev", "--extra", kind, "--no-emit-project", "--no-header",
         "--no-annotate", "--format", "requirements.txt"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    yield from done.stdout.replace("\\\n", " ").splitlines()


def applies(line: str, machine: str, python: str) -> bool:
    """Whether a locked line is meant for that machine and Python."""
    marker = Requirement(line.split(" --hash")[0].strip()).marker
    target = {
        "python_version": python, "python_full_version": f"{python}.0", "sys_platform": "linux", "os_name": "posix",
        "platform_system": "Linux", "platform_machine": machine, "implementation_name": "cpython",
        "platform_python_implementation": "CPython", "extra": "",
    }  # fmt: skip
    return marker is None or marker.evaluate(target)


def tags(platform: str) -> list[str]:
    """The platform tags of wheels that run there; pip takes each by its own name only."""
    machine = MACHINES[platform]
    return [f"manylinux_2_{minor}_{machine}" for minor in GLIBC] + [
        f"manylinux2014_{machine}",
        f"linux_{machine}",
        "any",
    ]


def download(lines: Sequence[str], platform: str, python: str, target: Path) -> None:
    """Every wheel, by its hash. Raises NoBundleError with the names that have none."""
    digits = python.replace(".", "")
    command = [
        *PIP, "download", "-q", "--no-deps", "--require-hashes", "--only-binary", ":all:", "--implementation", "cp",
        "--python-version", python, "--abi", f"cp{digits}", "--abi", "abi3", "--abi", "none",
        *(part for tag in tags(platform) for part in ("--platform", tag)), "-d", str(target), "-r",
    ]  # fmt: skip
    if _fetched(command, lines, target):
        return
    missing = [line.split("==")[0] for line in lines if not _fetched(command, [line], target)]
    if missing:
        raise NoBundleError(f"{platform}, Python {python}: no wheel of {', '.join(missing)}")


def _fetched(command: Sequence[str], lines: Sequence[str], target: Path) -> bool:
    wanted = target.parent / "wanted.txt"
    # Its marker has been judged for the target already; pip would judge it for this machine.
    wanted.write_text("\n".join(re.sub(r"\s;[^\\]*?(?=\s--hash)", "", line) for line in lines) + "\n", "utf-8")
    done = subprocess.run([*command, str(wanted)], capture_output=True, text=True, check=False)
    wanted.unlink()
    return done.returncode == 0


def own_wheel(target: Path, version: str) -> str:
    """Build ours from the tracked files; `version` replaces the one in agent/__init__.py. Returns the version."""
    epoch = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=True)
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch)
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
        for name in filter(None, listed.stdout.split("\0")):
            if name.split("/")[0] in ("agent", "hub", "sim", "wire", "pyproject.toml", "README.md", "LICENSE"):
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, tree / name)
        module = tree / "agent/__init__.py"
        text = module.read_text("utf-8")
        (found,) = re.findall(r'__version__ = "([^"]+)"', text)
        module.write_text(text.replace(f'"{found}"', f'"{version or found}"'), "utf-8")
        subprocess.run(
            [UV, "build", "-q", "--wheel", "-o", str(target), str(tree)],
            env=os.environ | {"SOURCE_DATE_EPOCH": epoch.stdout.strip()}, check=True,
        )  # fmt: skip
    (target / ".gitignore").unlink(missing_ok=True)
    return version or found


def requirements(wheels: Path) -> str:
    """What the host installs: every wheel that is there, by version and hash."""
    lines = []
    for wheel in sorted(wheels.glob("*.whl")):
        name, version = wheel.name.split("-")[:2]
        lines.append(f"{name}=={version} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}")
    return "\n".join(lines) + "\n"


def device_program() -> bytes:
    """`diemcau-release` as one file: agent/fleet in a zip that the system's own Python runs."""
    packed = io.BytesIO()
    packed.write(b"#!/usr/bin/python3 -I\n")
    with zipfile.ZipFile(packed, "a", zipfile.ZIP_DEFLATED) as archive:
        for path in (ROOT / "agent/__init__.py", *sorted((ROOT / "agent/fleet").glob("*.py"))):
            info = zipfile.ZipInfo(path.relative_to(ROOT).as_posix(), (2020, 1, 1, 0, 0, 0))
            archive.writestr(info, path.read_bytes())
        main = zipfile.ZipInfo("__main__.py", (2020, 1, 1, 0, 0, 0))
        archive.writestr(main, "import sys\nfrom agent.fleet.main import main\nsys.exit(main())\n")
    return packed.getvalue()


def bundle(kind: str, platform: str, python: str, out: Path, *, version: str = "", key: str = "") -> Path:
    """Make one bundle. Raises NoBundleError."""
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch)
        (tree / "wheels").mkdir()
        machine = MACHINES[platform]
        lines = [line for line in locked(kind) if line.strip() and applies(line, machine, python)]
        download(lines, platform, python, tree / "wheels")
        found = own_wheel(tree / "wheels", version)
        # Beside the wheels that it names: hosts whose diemcau-release is older take no other name.
        (tree / "wheels" / sbom.NAME).write_bytes(sbom.document(kind, found))
        (tree / "bin").mkdir()
        (tree / "bin/diemcau-release").write_bytes(device_program())
        (tree / "units").mkdir()
        for unit in (ROOT / "ansible/roles").glob("*/files/diemcau-*.*"):
            if unit.parts[-3] in (kind, "release"):
                shutil.copy(unit, tree / "units" / unit.name)
        return finish(tree, {"version": found, "kind": kind, "platform": platform, "python": python}, out, key)


def finish(tree: Path, what: dict[str, str], out: Path, key: str = "") -> Path:
    """Lock, list, sign and pack what lies in `tree`. Returns the bundle."""
    (tree / "requirements.txt").write_text(requirements(tree / "wheels"), "utf-8")
    for old in ("manifest.json", "manifest.sig"):
        (tree / old).unlink(missing_ok=True)
    files = sorted(path for path in tree.rglob("*") if path.is_file())
    digests = {str(path.relative_to(tree)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    (tree / "manifest.json").write_text(json.dumps(what | {"files": digests}, indent=1, sort_keys=True) + "\n", "utf-8")
    if key:
        sign(tree, key)
    out.mkdir(parents=True, exist_ok=True)
    python = what["python"].replace(".", "")
    target = out / f"diemcau-{what['version']}-{what['kind']}-{what['platform']}-py{python}.tar"
    pack(tree, target)
    return target


def sign(tree: Path, key: str) -> None:
    """Ed25519 over the manifest, by the key of whoever answers for releases."""
    subprocess.run(
        ["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", key, "-in", str(tree / "manifest.json"),
         "-out", str(tree / "manifest.sig")],
        check=True,
    )  # fmt: skip


def pack(tree: Path, target: Path) -> None:
    """One tar, the same bytes for the same files."""
    fresh = target.with_suffix(".new")
    # Only a name of more than 100 characters, as some wheels have, is written otherwise than by the older USTAR.
    with tarfile.open(fresh, "w", format=tarfile.PAX_FORMAT) as out:
        # The manifest first: whoever looks into a bundle sees what it is before the great files come.
        names = sorted((path for path in tree.rglob("*") if path.is_file()), key=lambda p: (p.parent != tree, p))
        for path in names:
            info = tarfile.TarInfo(str(path.relative_to(tree)))
            info.size, info.mode = path.stat().st_size, 0o644
            with path.open("rb") as source:
                out.addfile(info, source)
    fresh.replace(target)


def wheelhouse_parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m tools.wheelhouse", description=__doc__.splitlines()[0])
    made.add_argument("--kind", choices=KINDS, nargs="*", default=list(KINDS))
    made.add_argument("--platform", choices=list(MACHINES), nargs="*", default=["amd64", "arm64"])
    made.add_argument("--python", choices=list(PYTHONS), nargs="*", default=["3.11"])
    made.add_argument("--version", default="", help="another version than that of the source; for tests")
    made.add_argument("--key", default="", help="private Ed25519 key (PEM) that signs the bundles")
    made.add_argument("--out", type=Path, default=ROOT / "dist")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point. 0: all made; 1: some could not be."""
    given = wheelhouse_parser().parse_args(argv)
    failed = 0
    for kind in given.kind:
        sys.stdout.write(f"{sbom.write(kind, given.out, given.version)}\n")
        for platform in given.platform:
            for python in given.python:
                try:
                    made = bundle(kind, platform, python, given.out, version=given.version, key=given.key)
                except NoBundleError as error:
                    sys.stderr.write(f"{kind}: {error}\n")
                    failed = 1
                else:
                    sys.stdout.write(f"{made} {made.stat().st_size / 1e6:.1f} MB\n")
    return failed


if __name__ == "__main__":
    sys.exit(main())
