"""Fetching over real TLS: the hub must show a certificate of the room's authority, and the room its own."""

from __future__ import annotations

import http.server
import json
import ssl
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from agent.fleet.disk import ReleaseError
from agent.fleet.pull import platform, pull
from agent.fleet.release import Host
from tests.fleet.test_bundle import room


def certificates(folder: Path) -> None:
    """An authority, and in its name the hub on loopback and a room; a second authority that nobody knows."""
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    for name in ("ca", "other"):
        openssl(
            "req",
            "-x509",
            *curve,
            "-subj",
            f"/CN={name}",
            "-days",
            "2",
            "-keyout",
            f"{name}.key",
            "-out",
            f"{name}.crt",
        )
    (folder / "ext").write_text("subjectAltName=IP:127.0.0.1\n", "utf-8")
    for name in ("hub", "r-1"):
        openssl("req", *curve, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-days", "2",
                "-extfile", "ext", "-out", f"{name}.crt")  # fmt: skip


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pki")
    certificates(folder)
    return folder


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the library's name
        """Nothing."""


@pytest.fixture
def url(pki: Path, tmp_path: Path) -> Iterator[str]:
    """A web server over the folder of releases, that asks for a certificate."""
    wanted = tmp_path / "fleet/wanted/r-1.json"
    wanted.parent.mkdir(parents=True)
    wanted.write_text(
        json.dumps({"version": "2.0", "bundles": {platform(): {"bundle": "b.tar", "sha256": "0"}}}), "utf-8"
    )
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(pki / "ca.crt"))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(pki / "hub.crt", pki / "hub.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{server.server_address[1]}/fleet"
    server.shutdown()
    server.server_close()
    thread.join(10)


def host(root: Path, address: str, pki: Path, **change: str) -> Host:
    root.mkdir()
    made = room(root)
    pull_by = {"url": address, "room": "r-1", "ca": str(pki / "ca.crt"), "cert": str(pki / "r-1.crt"),
               "key": str(pki / "r-1.key")}  # fmt: skip
    made.profile = made.profile | {"pull": pull_by | change}
    return made


def test_a_room_with_its_certificate_gets_what_is_wanted(tmp_path: Path, pki: Path, url: str) -> None:
    assert pull(host(tmp_path / "opt", url, pki), "a", 100) == "switched to 2.0"


@pytest.mark.parametrize("change", ["ca", "cert", "plain"])
def test_a_hub_or_a_room_that_is_not_known_gets_nowhere(tmp_path: Path, pki: Path, url: str, change: str) -> None:
    changes = {
        "ca": {"ca": str(pki / "other.crt")},
        "cert": {"cert": str(pki / "other.crt"), "key": str(pki / "other.key")},
        "plain": {"url": url.replace("https", "http")},
    }[change]
    asking = host(tmp_path / "opt", url, pki, **changes)
    with pytest.raises(ReleaseError):
        pull(asking, "a", 100)
    assert asking.current() == "1.0"
