"""What a play looks at before it changes a host: the part that is judged on the controller."""

from __future__ import annotations

import importlib.util
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hub.pki.authority import now_utc
from tests.house.source import ROOT
from tests.pki.lab import OTHER, OWN, forge, people

PLUGIN = ROOT / "ansible/roles/preflight/filter_plugins/preflight.py"


@pytest.fixture(scope="module")
def filters() -> dict[str, Any]:
    """The role's filters, which Ansible finds by their place."""
    spec = importlib.util.spec_from_file_location("preflight", PLUGIN)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: dict[str, Any] = module.FilterModule().filters()
    return found


@pytest.fixture(scope="module")
def certs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everybody's certificates."""
    authority, folder = people(tmp_path_factory.mktemp("preflight"))
    forge(authority, folder, "r-soon", now_utc(), days=20)
    forge(authority, folder, "r-early", now_utc() + timedelta(days=3), days=90)
    return folder


def faults(filters: dict[str, Any], certs: Path, cert: str, key: str = "", name: str = "") -> list[str]:
    paths = [f"{cert}.crt", f"{key or cert}.key", "../authority/ca.crt"]
    texts = {path: (certs / path).read_text("ascii") if (certs / path).exists() else "" for path in paths}
    found: list[str] = filters["certificate_faults"](texts, *paths, name)
    return found


def test_what_fits_is_good(filters: dict[str, Any], certs: Path) -> None:
    assert faults(filters, certs, OWN, name=OWN) == []
    assert faults(filters, certs, "127.0.0.1", name="localhost") == [], "a server's further name"


@pytest.mark.parametrize(
    ("cert", "more", "says"),
    [
        ("none", {}, "none.crt: there is no such file here"),
        (OWN, {"key": OTHER}, f"{OTHER}.key: does not belong to {OWN}.crt"),
        (OWN, {"name": OTHER}, f"{OWN}.crt: is for {OWN}, not for {OTHER}"),
        ("r-foreign", {}, "r-foreign.crt: is not issued by ../authority/ca.crt"),
        ("r-soon", {}, "r-soon.crt: ends on "),
        ("r-expired", {}, "r-expired.crt: ends on "),
        ("r-early", {}, "is this machine's clock right?"),
    ],
)
def test_each_fault_is_a_sentence_with_its_place(
    filters: dict[str, Any], certs: Path, cert: str, more: dict[str, str], says: str
) -> None:
    assert says in "; ".join(faults(filters, certs, cert, **more))


def test_a_rooms_settings_name_its_broker(filters: dict[str, Any]) -> None:
    named = filters["broker_named"]
    assert named('[broker]\nhost = "mqtt.example"\nport = 8883\n') == {"host": "mqtt.example", "port": 8883}
    assert named('[room]\nid = "r-1"\n') == {}
    with pytest.raises(ValueError, match="line 1"):
        named("[broker\n")
