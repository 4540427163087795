"""What the lab's hosts are told: inventory, settings of hub and rooms. See `lab.py`."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.house.source import ROOT
from tests.lab.fleet.lab import BASE, BIN, HOSTS, TRIAL_S, Lab, LabError, call

ROOM = """[room]
id = "{room}"

[broker]
host = "{hub}"
port = 8883
ca_file = "/etc/diemcau/pki/ca.crt"
cert_file = "/etc/diemcau/pki/room.crt"
key_file = "/etc/diemcau/pki/room.key"

[network]
clock = false
gateway = ""
"""
SECRET = "s3cret-of-the-lab"
REGISTRY = """tinh_code;tinh;xa_code;xa;room;name
38;Thanh Hóa;14797;Phường Hạc Thành;r-1;Phòng họp 1
38;Thanh Hóa;14797;Phường Hạc Thành;r-2;Phòng họp 2
38;Thanh Hóa;14797;Phường Hạc Thành;r-3;Phòng họp 3
"""


@contextmanager
def installed(name: str, *more: str) -> Iterator[Lab]:
    """Hub and two rooms on hosts of their own, over which the roles have gone once; `more` narrows what they do.

    `name` tells one run from another. Raises LabError where a host failed or could not be reached.
    """
    assert os.geteuid() == 0, "make prove-fleet needs root: it makes namespaces and starts hosts"
    made = Lab(BASE / f"{name}-{os.getpid()}")
    try:
        for host in HOSTS:
            made.make(host)
            made.up(host)
        write(made, made.bundle("agent"), made.bundle("hub"))
        started_s = time.monotonic()
        made.first, did = made.play(ROOT / "ansible/site.yml", *more)
        if any(counts["failed"] or counts["unreachable"] for counts in did.values()):
            raise LabError(f"{did}: {made.first[-3000:]}")
        print(f"\nfirst run: {time.monotonic() - started_s:.0f} s, {did}", flush=True)
        yield made
    finally:
        made.clear()


def write(lab: Lab, agent: Path, hub: Path) -> None:
    """Inventory and files for a first installation of these bundles."""
    work = lab.work
    (work / "rooms.csv").write_text(REGISTRY, "utf-8")
    for room in ("r-1", "r-2", "r-3"):
        (work / f"{room}.toml").write_text(ROOM.format(room=room, hub=HOSTS["hub"]), "utf-8")
    pki = work / "pki"
    common: dict[str, Any] = {
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(work / "ssh"),
        "release_key_text": (work / "release.pub").read_text("utf-8"),
        # Each host takes the one for its Python; there is no other here.
        "agent_bundle": [str(agent), str(agent).replace("py311", "py313")],
        "agent_release_key": "{{ release_key_text }}", "agent_packages": [],
        "agent_release_trial_s": TRIAL_S, "agent_groups": ["dialout", "gpio", "video"],
        "pki_source": str(pki),
        "hub_bundle": str(hub), "hub_packages": [], "hub_release_key": "{{ release_key_text }}",
        "hub_release_trial_s": TRIAL_S, "hub_rooms_file": str(work / "rooms.csv"),
        "hub_toml": {
            "broker": {
                "host": HOSTS["hub"], "port": 8883, "client_id": "diemcau-hub", "ca_file": "/etc/diemcau/pki/ca.crt",
                "cert_file": "/etc/diemcau/pki/room.crt", "key_file": "/etc/diemcau/pki/room.key",
            }
        },
        "broker_packages": [], "broker_ca_file": str(pki / "ca.crt"), "broker_crl_file": str(pki / "revoked.crl"),
        "broker_cert_file": str(pki / f"{HOSTS['hub']}.crt"), "broker_key_file": str(pki / f"{HOSTS['hub']}.key"),
    }  # fmt: skip
    hub_only = {"pki_name": "diemcau-hub", "pki_owner": "diemcau-hub"}
    inventory = {
        "all": {
            "vars": common,
            "hosts": {name: {"ansible_host": address} for name, address in HOSTS.items()},
            "children": {
                "broker": {"hosts": {"hub": {}}},
                "hub_hosts": {"hosts": {"hub": hub_only}},
                "rooms": {"hosts": {room: {"agent_room_file": str(work / f"{room}.toml")} for room in ("r-1", "r-2")}},
            },
        }
    }
    (work / "vault.pw").write_text("of the lab\n", "utf-8")
    (work / "vault.yml").write_text(f"agent_secrets: {{codec.pw: {SECRET}}}\n", "utf-8")
    call([BIN / "ansible-vault", "encrypt", "--vault-password-file", work / "vault.pw", work / "vault.yml"])
    (work / "hosts.yml").write_text(yaml.safe_dump(inventory, allow_unicode=True), "utf-8")
