"""A bundle is taken whole and by its maker's signature, or not at all; a dropped line costs only what had not come."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import tarfile
import urllib.error
import urllib.request
from collections.abc import Callable
from email.message import Message
from pathlib import Path

import pytest

from agent.fleet.bundle import unpack, verify
from agent.fleet.disk import ReleaseError
from agent.fleet.pull import download, pull
from agent.fleet.release import Host
from tools import wheelhouse

PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"


def tree(folder: Path, version: str = "2.0", **more: str) -> Path:
    """An unpacked bundle with one wheel that is none."""
    (folder / "wheels").mkdir(parents=True)
    (folder / "wheels/x-1.0-py3-none-any.whl").write_bytes(b"wheel")
    (folder / "requirements.txt").write_text("x==1.0\n", "utf-8")
    files = {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }
    manifest = {"version": version, "kind": "agent", "platform": "amd64", "python": PYTHON, "files": files} | more
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    return folder


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("keys")
    private, public = folder / "key.pem", folder / "key.pub"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", private], check=True)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True)
    return private, public


def test_a_signed_bundle_goes_through_a_tar_and_is_good(tmp_path: Path, keys: tuple[Path, Path]) -> None:
    made = tree(tmp_path / "made")
    wheelhouse.sign(made, str(keys[0]))
    wheelhouse.pack(made, tmp_path / "b.tar")
    wheelhouse.pack(made, tmp_path / "again.tar")
    assert (tmp_path / "b.tar").read_bytes() == (tmp_path / "again.tar").read_bytes()
    unpack(tmp_path / "b.tar", tmp_path / "out")
    assert verify(tmp_path / "out", str(keys[1])) == "2.0"


def test_a_wheel_with_a_long_name_goes_through_a_tar(tmp_path: Path) -> None:
    made = tree(tmp_path / "made")
    platforms = "manylinux2014_aarch64.manylinux_2_17_aarch64.manylinux_2_28_aarch64"
    name = f"wheels/charset_normalizer-3.5.2-cp311-cp311-{platforms}.whl"
    assert len(Path(name).name) > 100
    (made / name).write_bytes(b"wheel")
    wheelhouse.pack(made, tmp_path / "b.tar")
    unpack(tmp_path / "b.tar", tmp_path / "out")
    assert (tmp_path / "out" / name).read_bytes() == b"wheel"


Spoil = Callable[[Path], object]


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda b: (b / "wheels/x-1.0-py3-none-any.whl").write_bytes(b"other"), "not what the manifest says"),
        (lambda b: (b / "wheels/y-1.0-py3-none-any.whl").write_bytes(b"more"), "too many or missing"),
        (lambda b: (b / "requirements.txt").unlink(), "too many or missing"),
        (lambda b: (b / "manifest.sig").unlink(), "not signed"),
        (lambda b: (b / "manifest.sig").write_bytes(b"0" * 64), "not by the key"),
        (lambda b: (b / "manifest.json").write_text((b / "manifest.json").read_text() + " "), "not by the key"),
    ],
    ids=["a wheel changed", "a wheel more", "a file gone", "unsigned", "signed by nobody", "manifest changed"],
)
def test_a_bundle_that_was_touched_is_refused(tmp_path: Path, keys: tuple[Path, Path], spoil: Spoil, says: str) -> None:
    made = tree(tmp_path / "made")
    wheelhouse.sign(made, str(keys[0]))
    spoil(made)
    with pytest.raises(ReleaseError, match=says):
        verify(made, str(keys[1]))


@pytest.mark.parametrize(
    ("more", "says"), [({"kind": "hub"}, "for the hub"), ({"python": "2.7"}, "for Python 2.7")], ids=["kind", "python"]
)
def test_a_bundle_for_another_host_is_refused(tmp_path: Path, more: dict[str, str], says: str) -> None:
    with pytest.raises(ReleaseError, match=says):
        verify(tree(tmp_path / "made", **more))


@pytest.mark.parametrize("name", ["../../etc/cron.d/x", "/etc/passwd", "wheels/../../x", "elsewhere/x"])
def test_no_name_in_a_tar_leads_away(tmp_path: Path, name: str) -> None:
    with tarfile.open(tmp_path / "b.tar", "w") as out:
        info = tarfile.TarInfo(name)
        info.size = 1
        out.addfile(info, io.BytesIO(b"x"))
    with pytest.raises(ReleaseError, match="no place in a bundle"):
        unpack(tmp_path / "b.tar", tmp_path / "out")


def test_no_link_comes_out_of_a_tar(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "b.tar", "w") as out:
        info = tarfile.TarInfo("wheels/x")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        out.addfile(info)
    with pytest.raises(ReleaseError, match="no place in a bundle"):
        unpack(tmp_path / "b.tar", tmp_path / "out")


def test_a_cut_tar_is_one_sentence(tmp_path: Path) -> None:
    wheelhouse.pack(tree(tmp_path / "made"), tmp_path / "b.tar")
    (tmp_path / "b.tar").write_bytes((tmp_path / "b.tar").read_bytes()[:700])
    with pytest.raises(ReleaseError, match="fetch it again"):
        unpack(tmp_path / "b.tar", tmp_path / "out")


class Server:
    """Answers like a web server that knows Range, over a line that drops after `drops_after` bytes."""

    def __init__(self, files: dict[str, bytes], drops_after: int = 10**9) -> None:
        self.files, self.drops_after, self.sent = files, drops_after, 0

    def __call__(self, request: urllib.request.Request) -> Answer:
        body = self.files.get(request.full_url)
        if body is None:
            raise urllib.error.HTTPError(request.full_url, 404, "not found", Message(), None)
        first = int((request.get_header("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))
        if first and first >= len(body):
            raise urllib.error.HTTPError(request.full_url, 416, "no such range", Message(), None)
        return Answer(self, body[first:], 206 if first else 200)


class Answer(io.BytesIO):
    def __init__(self, server: Server, body: bytes, status: int) -> None:
        super().__init__(body)
        self.server, self.status = server, status

    def read(self, size: int | None = -1, /) -> bytes:
        piece = super().read(min(size or -1, 1000) if size and size > 0 else size)
        self.server.sent += len(piece)
        if self.server.sent > self.server.drops_after:
            raise ConnectionResetError("dropped")
        return piece


def test_a_download_goes_on_where_the_line_dropped(tmp_path: Path) -> None:
    body = bytes(range(256)) * 40
    digest = hashlib.sha256(body).hexdigest()
    server = Server({"https://h/b.tar": body}, drops_after=4000)
    with pytest.raises(ReleaseError, match="going on next time"):
        download(server, "https://h/b.tar", tmp_path / "b.tar", digest)
    had = (tmp_path / "b.part").stat().st_size
    assert had > 0
    server.sent, server.drops_after = 0, 10**9
    assert download(server, "https://h/b.tar", tmp_path / "b.tar", digest).read_bytes() == body
    assert server.sent == len(body) - had


def test_a_download_that_is_not_what_was_announced_is_thrown_away(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="not what was announced"):
        download(Server({"https://h/b.tar": b"other"}), "https://h/b.tar", tmp_path / "b.tar", "0" * 64)
    assert list(tmp_path.iterdir()) == []


def room(root: Path, *, current: str = "1.0", last: dict[str, str] | None = None) -> Host:
    for version in ("1.0", "2.0"):
        (root / "releases" / version).mkdir(parents=True)
        (root / "releases" / version / ".complete").write_text("{}", "utf-8")
    (root / "current").symlink_to(f"releases/{current}")
    body = {"pull": {"url": "https://h/fleet", "room": "r-1"}, "service": "x.service"}
    (root / "profile.json").write_text(json.dumps(body), "utf-8")
    if last:
        (root / "last.json").write_text(json.dumps(last), "utf-8")
    return Host(root, lambda _command: None)


WANTED = {"https://h/fleet/wanted/r-1.json": json.dumps({"version": "2.0", "bundles": {}}).encode()}


def test_a_room_takes_what_is_wanted_of_it_once(tmp_path: Path) -> None:
    host = room(tmp_path)
    assert pull(host, "a", 100, Server(WANTED)) == "switched to 2.0"
    assert pull(host, "a", 130, Server(WANTED)) == "2.0 is in use"
    host.back()
    assert "undone here before" in pull(host, "a", 160, Server(WANTED)), "a broken release is not tried for ever"


def test_a_room_on_trial_takes_nothing(tmp_path: Path) -> None:
    host = room(tmp_path, current="2.0")
    host.switch("1.0", "a", 100)
    assert "on trial" in pull(host, "a", 130, Server(WANTED))


def test_a_hub_that_wants_nothing_readable_changes_nothing(tmp_path: Path) -> None:
    host = room(tmp_path)
    for answer in (b"no json", b"[]", b'{"version": "../x", "bundles": {}}', b'{"version": "3.0", "bundles": {}}'):
        with pytest.raises(ReleaseError):
            pull(host, "a", 100, Server({"https://h/fleet/wanted/r-1.json": answer}))
    with pytest.raises(ReleaseError, match="cannot be had"):
        pull(host, "a", 100, Server({}))
    assert host.current() == "1.0"


def test_the_program_for_the_host_runs_by_itself(tmp_path: Path) -> None:
    program = tmp_path / "diemcau-release"
    program.write_bytes(wheelhouse.device_program())
    room(tmp_path)
    done = subprocess.run(
        [sys.executable, "-I", program, "--root", tmp_path, "status"], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)["current"] == "1.0"


@pytest.mark.parametrize(
    ("line", "machine", "python", "wanted"),
    [
        ("msgspec==0.20 --hash=sha256:ab", "aarch64", "3.11", True),
        ("lgpio==0.2.2.0 ; python_full_version < '3.13' and sys_platform == 'linux' --hash=x", "aarch64", "3.11", True),
        (
            "lgpio==0.2.2.0 ; python_full_version < '3.13' and sys_platform == 'linux' --hash=x",
            "aarch64",
            "3.13",
            False,
        ),
        ("colorama==0.4 ; sys_platform == 'win32' --hash=x", "x86_64", "3.11", False),
    ],
)
def test_a_package_goes_where_it_is_meant_for(line: str, machine: str, python: str, wanted: bool) -> None:
    assert wheelhouse.applies(line, machine, python) == wanted


def test_every_locked_package_of_both_kinds_has_a_hash() -> None:
    for kind in wheelhouse.KINDS:
        lines = [line for line in wheelhouse.locked(kind) if line.strip()]
        assert any(line.startswith("msgspec==") for line in lines)
        assert all("--hash=sha256:" in line for line in lines)
