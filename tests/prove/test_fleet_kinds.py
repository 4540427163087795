"""Other hosts than the everyday one: a Raspberry Pi's processor in emulation, and the next Debian with its Python 3.13.

On Trixie `lgpio` is Raspberry Pi OS's own package, which Debian's archive does not have: it is left out here. The
bundle installs from a card without any network, and the agent runs. Root only (`make prove-fleet`). The kernel
is this machine's own: this says nothing of boards and their drivers.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest

from tests.lab.fleet.lab import BASE, HERE, Lab, LabError, call
from tools import card

pytestmark = [pytest.mark.fleet, pytest.mark.timeout(3600)]
ALONE = '[room]\nid = "r-4"\n\n[network]\nclock = false\ngateway = ""\n'
LIBRARIES = "gpiozero, msgspec, paho.mqtt.client, psutil, pydantic_settings, serial"
KINDS = {"arm64, Bookworm": ("arm64", "bookworm", "3.11"), "amd64, Trixie": ("amd64", "trixie", "3.13")}


@pytest.fixture(scope="module", params=KINDS)
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """One host that is up, with a card in it."""
    assert os.geteuid() == 0, "make prove-fleet needs root: it makes namespaces and starts hosts"
    arch, suite, python = KINDS[request.param]
    root = BASE / f"root-{arch}-{suite}"
    call([HERE / "root.sh", root, arch, suite])
    made = Lab(BASE / f"kind-{os.getpid()}")
    try:
        made.make("r-4", root)
        (made.work / "r-4.toml").write_text(ALONE, "utf-8")
        kit = made.work / "card"
        bundle = made.bundle("agent", platform=arch, python=python)
        card.card(
            card.card_parser().parse_args([
                "--room", "r-4", "--settings", str(made.work / "r-4.toml"), "--bundle", str(bundle),
                "--release-key", str(made.work / "release.pub"), "--ssh-key", str(made.work / "ssh.pub"),
                "--out", str(kit),
            ])
        )  # fmt: skip
        shutil.copytree(kit, made.work / "hosts/r-4/boot/firmware")
        made.up("r-4")
        made.libraries = LIBRARIES if suite == "trixie" else f"{LIBRARIES}, lgpio"
        made.machine = {"arm64": "aarch64", "amd64": "x86_64"}[arch]
        yield made
    finally:
        made.clear()


def test_a_host_installs_itself_from_its_card_and_checks_in(lab: Lab) -> None:
    lab.host("run", "r-4", "/bin/sh", "/boot/firmware/diemcau/first-boot.sh")
    python = "/opt/diemcau/current/bin/python"
    said = lab.host("run", "r-4", python, "-c", f"import {lab.libraries}, platform; print(platform.machine())")
    assert said.strip() == lab.machine

    def running() -> bool:
        try:
            return lab.host("run", "r-4", "systemctl", "is-active", "diemcau-agent.service").strip() == "active"
        except LabError:
            return False

    lab.until(running, "the agent")
    lab.until(lambda: lab.release("r-4")["last"].get("what") == "kept", "its word", within_s=600)
