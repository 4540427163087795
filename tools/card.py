"""`make card`: everything that one room's card needs at its first start, in a folder for its boot partition."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

from agent.fleet.bundle import unpack
from wire.topics import valid_id

ROOT = Path(__file__).parents[1]
CONFIGS = ROOT / "firmware-configs"
BOARDS = ("pi-3", "pi-4", "pi-5", "pi-zero-2w")
FIRST_RUN = (
    " systemd.run=/boot/firmware/firstrun.sh systemd.run_success_action=reboot systemd.unit=kernel-command-line.target"
)


class NoCardError(Exception):
    """One sentence: what is missing for a card."""


def card(given: argparse.Namespace) -> Path:
    """Fill the folder. Raises NoCardError before anything is written."""
    _check(given)
    out: Path = given.out
    kit = out / "diemcau"
    kit.mkdir(parents=True)
    (kit / "room-id").write_text(f"{given.room}\n", "utf-8")
    shutil.copy(given.settings, kit / "room.toml")
    shutil.copytree(CONFIGS / "debian", kit / "debian", ignore=shutil.ignore_patterns("README.md"))
    if given.board:
        shutil.copytree(CONFIGS / given.board, kit / "board", ignore=shutil.ignore_patterns("README.md"))
    if given.pki:
        (kit / "pki").mkdir()
        shutil.copy(given.pki / "ca.crt", kit / "pki/ca.crt")
        if given.enrol:  # the key is made on the board: the card opens nothing
            (kit / "enrol-url").write_text(f"{given.enrol.rstrip('/')}\n", "utf-8")
        else:
            for suffix in ("crt", "key"):
                shutil.copy(given.pki / f"{given.room}.{suffix}", kit / f"pki/room.{suffix}")
    if given.secrets:
        shutil.copytree(given.secrets, kit / "secrets")
    if given.release_key:
        shutil.copy(given.release_key, kit / "release.pub")
    shutil.copy(given.bundle, kit / given.bundle.name)
    with tempfile.TemporaryDirectory() as scratch:
        unpack(given.bundle, Path(scratch))
        for part in ("bin", "units"):
            shutil.copytree(Path(scratch) / part, kit / part)
    (kit / "profile.json").write_text(json.dumps(profile(given), indent=1) + "\n", "utf-8")
    shutil.copy(CONFIGS / "first-boot/first-boot.sh", kit / "first-boot.sh")
    key = given.ssh_key.read_text("utf-8-sig").strip()
    for name in ("user-data", "firstrun.sh"):
        text = (
            (CONFIGS / "first-boot" / name).read_text("utf-8").replace("@ROOM@", given.room).replace("@SSH_KEY@", key)
        )
        (out / name).write_text(text, "utf-8")
    (out / "cmdline-addition.txt").write_text(FIRST_RUN.strip() + "\n", "utf-8")
    return out


def profile(given: argparse.Namespace) -> dict[str, object]:
    """What diemcau-release is told on this host; the role `release` writes the same.

    A board that asks for its certificate has none yet when its first release is switched to.
    """
    files = [] if given.enrol else ["--files"]
    return {
        "kind": "agent",
        "service": "diemcau-agent.service",
        "checkin": "/var/lib/diemcau/checkin.json",
        "checks": [["bin/diemcau-agent", "check-config", *files, "/etc/diemcau/room.toml"]],
        "backup": "",
        "key": "/opt/diemcau/release.pub" if given.release_key else "",
        "trial_s": 600,
        "pull": {
            "url": given.pull_url, "room": given.room, "ca": "/etc/diemcau/pki/ca.crt",
            "cert": "/etc/diemcau/pki/room.crt", "key": "/etc/diemcau/pki/room.key",
        } if given.pull_url else {},
    }  # fmt: skip


def _check(given: argparse.Namespace) -> None:
    if not valid_id(given.room):
        raise NoCardError(f"--room {given.room!r}: 1 to 36 of a-z, 0-9 and '-'")
    wanted = [given.settings, given.bundle, given.ssh_key, *filter(None, (given.release_key,))]
    if given.enrol and (not given.pki or not given.enrol.startswith("https://")):
        raise NoCardError("--enrol: the console's https:// address, with --pki and the ca.crt to trust")
    if given.pki:
        own = [] if given.enrol else [f"{given.room}.crt", f"{given.room}.key"]
        wanted += [given.pki / name for name in ("ca.crt", *own)]
    if missing := [str(path) for path in wanted if not path.is_file()]:
        raise NoCardError(f"no such file: {', '.join(missing)}")
    if given.out.exists() and any(given.out.iterdir()):
        raise NoCardError(f"{given.out} is not empty: name a new folder")
    if not tarfile.is_tarfile(given.bundle):
        raise NoCardError(f"{given.bundle} is no bundle: make one with make wheelhouse")
    done = subprocess.run(
        [sys.executable, "-m", "agent.main", "check-config", str(given.settings.resolve())],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    # Secrets lie on the card, not here: what is said of their files is no fault of the settings.
    problems = [line for line in done.stderr.splitlines() if "password_file" not in line]
    if problems:
        raise NoCardError("\n".join(problems))


def card_parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m tools.card", description=(__doc__ or "").strip())
    made.add_argument("--room", required=True, help="the room's id")
    made.add_argument("--board", choices=BOARDS, help="which board; left out: its boot files stay as they are")
    made.add_argument("--settings", type=Path, required=True, help="its room.toml")
    made.add_argument("--bundle", type=Path, required=True, help="the agent's bundle for the image's Python")
    made.add_argument("--pki", type=Path, help="folder with ca.crt, ROOM.crt and ROOM.key; ca.crt alone with --enrol")
    made.add_argument(
        "--enrol", default="", metavar="URL", help="no key on the card: the board asks this console, and shows a code"
    )
    made.add_argument(
        "--secrets", type=Path, help="folder with the files that room.toml names under /etc/diemcau/secrets"
    )
    made.add_argument("--release-key", type=Path, help="public key of releases; given, only signed ones are taken")
    made.add_argument("--ssh-key", type=Path, required=True, help="public key of the technicians' account")
    made.add_argument("--pull-url", default="", help="the hub's release folder, for a room behind NAT")
    made.add_argument("--out", type=Path, required=True, help="new folder to fill")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point. 0: done; 1: something is missing."""
    try:
        made = card(card_parser().parse_args(argv))
    except NoCardError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{made}: copy its contents onto the boot partition, see docs/technicians.md\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
