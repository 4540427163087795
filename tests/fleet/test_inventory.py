"""The registry is Ansible's inventory: dynamic and as a file, and Ansible itself reads both."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hub.changes import registry
from hub.commands import inventory
from hub.store.db import open_db
from tests.house.source import ROOT

ANSIBLE = ROOT / ".venv-ansible/bin"
CSV = """tinh_code;tinh;cum_code;cum;xa_code;xa;room;name;installed
38;Thanh Hóa;;;14797;Phường Hạc Thành;r-1;Phòng họp 1;có
38;Thanh Hóa;cum-2;Cụm 2;14798;Xã Quảng Phú;r-2;Phòng họp 2;có
38;Thanh Hóa;;;14797;Phường Hạc Thành;r-3;Chưa lắp;không
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A hub's settings beside a registry of two rooms, and one that is not installed."""
    db = open_db(tmp_path / "hub.db")
    registry.store(db, registry.parse(CSV.encode()), "test", 1.0)
    db.close()
    (tmp_path / "hub.toml").write_text('data_dir = "."\n', "utf-8")
    return tmp_path / "hub.toml"


def hub(config: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "hub.main", "inventory", "--config", config, *words],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


def test_every_installed_room_is_in_the_groups_of_its_places(config: Path) -> None:
    found = json.loads(hub(config, "--list", "--address", "{room}.example.vn"))
    assert found["rooms"]["hosts"] == ["r-1", "r-2"]
    assert found["commune_14797"]["hosts"] == ["r-1"]
    assert found["cluster_cum_2"]["hosts"] == ["r-2"]
    assert found["province_38"]["hosts"] == ["r-1", "r-2"]
    assert found["_meta"]["hostvars"]["r-1"]["ansible_host"] == "r-1.example.vn"
    assert found["_meta"]["hostvars"]["r-2"]["diemcau_commune"] == "Xã Quảng Phú"
    assert json.loads(hub(config, "--host", "r-1")) == {}


@pytest.mark.parametrize("pattern", ["10.0.0.1", "{room}.{x}", "{room"])
def test_a_pattern_that_names_no_room_is_one_sentence(config: Path, pattern: str) -> None:
    with pytest.raises(inventory.BadAddressError, match="must hold"):
        inventory.listing(open_db(config.parent / "hub.db"), pattern)


def ansible(source: Path, folder: Path, **environment: str) -> dict[str, Any]:
    done = subprocess.run(
        [ANSIBLE / "ansible-inventory", "-i", source, "--list"], cwd=folder, capture_output=True, text=True, check=True,
        env=os.environ | {"ANSIBLE_LOCAL_TEMP": str(folder), "ANSIBLE_HOME": str(folder)} | environment,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_ansible_reads_the_script_and_the_file_alike(config: Path, tmp_path: Path) -> None:
    hub(config, "--export", str(tmp_path / "rooms.json"))
    from_file = ansible(tmp_path / "rooms.json", tmp_path)
    program = tmp_path / "diemcau-hub"
    program.write_text(f'#!/bin/sh\ncd "{ROOT}" && exec "{sys.executable}" -m hub.main "$@"\n', "utf-8")
    program.chmod(0o755)
    script = ROOT / "ansible/inventory/rooms.sh"
    from_script = ansible(script, tmp_path, DIEMCAU_HUB=str(program), DIEMCAU_HUB_TOML=str(config))
    assert sorted(from_file["rooms"]["hosts"]) == sorted(from_script["rooms"]["hosts"]) == ["r-1", "r-2"]
    assert from_file["_meta"]["hostvars"] == from_script["_meta"]["hostvars"]
