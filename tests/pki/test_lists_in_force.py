"""Which list of revoked certificates a play of the role `broker` brings: never one that lets anybody in again."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hub.pki.authority import Issuer, Revoked, create, now_utc
from tests.house.source import ROOT

PLUGIN = ROOT / "ansible/roles/broker/filter_plugins/revoked.py"
CONTROLLER, BROKER, HUB = "pki/revoked.crl", "broker:/etc/mosquitto/certs/revoked.crl", "hub:/etc/diemcau/revoked.crl"
Chooses = Callable[[dict[str, str], str], dict[str, Any]]


@pytest.fixture(scope="module")
def in_force() -> Chooses:
    """The role's filter, which Ansible finds by its place."""
    spec = importlib.util.spec_from_file_location("revoked", PLUGIN)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Chooses = module.FilterModule().filters()["crl_in_force"]
    return found


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("authority")
    create(folder, "of the test", now_utc())
    return folder


def listed(authority: Path, number: int, *serials: int) -> str:
    issuer = Issuer.load(authority)
    return issuer.crl([Revoked(one, now_utc()) for one in serials], number, now_utc()).decode()


def bundle(authority: Path) -> str:
    return (authority / "ca.crt").read_text("ascii")


def test_the_newest_of_two_that_say_the_same(in_force: Chooses, authority: Path) -> None:
    older, newer = listed(authority, 5, 0xA), listed(authority, 9, 0xA)
    assert in_force({CONTROLLER: older, BROKER: newer}, bundle(authority)) == {
        "pem": newer, "place": BROKER, "refused": [],
    }  # fmt: skip


def test_an_older_copy_on_the_controller_is_refused_and_said(in_force: Chooses, authority: Path) -> None:
    found = in_force({CONTROLLER: listed(authority, 5), BROKER: listed(authority, 9, 0xA)}, bundle(authority))
    assert found["place"] == BROKER
    (line,) = found["refused"]
    assert line == f"{CONTROLLER} (number 5) is not taken: certificates a are revoked and missing in it"


def test_a_list_written_anew_from_an_older_register_is_refused(in_force: Chooses, authority: Path) -> None:
    """Its number is higher, and it knows less."""
    found = in_force(
        {CONTROLLER: listed(authority, 50, 0xB), BROKER: listed(authority, 9, 0xA, 0xB)}, bundle(authority)
    )
    assert found["place"] == BROKER
    assert "certificates a are revoked" in found["refused"][0]


def test_a_broker_from_a_backup_gets_what_the_hub_has_kept(in_force: Chooses, authority: Path) -> None:
    kept = listed(authority, 9, 0xA)
    found = in_force({CONTROLLER: "", BROKER: listed(authority, 3), HUB: kept}, bundle(authority))
    assert (found["place"], found["pem"]) == (HUB, kept)


def test_lists_that_each_lack_something_stop_the_play(in_force: Chooses, authority: Path) -> None:
    with pytest.raises(
        ValueError, match=r"none is whole: .*certificates b are.*certificates a are.*pki crl --also FILE"
    ):
        in_force({CONTROLLER: listed(authority, 5, 0xA), BROKER: listed(authority, 9, 0xB)}, bundle(authority))


def test_a_foreign_or_damaged_list_counts_for_nothing(in_force: Chooses, authority: Path, tmp_path: Path) -> None:
    create(tmp_path, "foreign", now_utc())
    lists = {CONTROLLER: listed(tmp_path, 99, 0xA), HUB: "rubbish", BROKER: listed(authority, 3, 0xB)}
    found = in_force(lists, bundle(authority))
    assert found["place"] == BROKER
    assert found["refused"] == [
        f"{CONTROLLER}: is not signed by the authority of the bundle",
        f"{HUB}: is no list of revoked certificates",
    ]
    with pytest.raises(ValueError, match="is not signed by the authority"):
        in_force({CONTROLLER: listed(tmp_path, 99, 0xA), BROKER: ""}, bundle(authority))


def test_where_there_is_none_the_way_to_one_is_said(in_force: Chooses, authority: Path) -> None:
    with pytest.raises(ValueError, match="there is no list of revoked certificates: diemcau-hub pki crl"):
        in_force({CONTROLLER: "", BROKER: ""}, bundle(authority))


def test_a_province_of_stolen_boards_is_counted_and_not_listed_whole(in_force: Chooses, authority: Path) -> None:
    found = in_force({CONTROLLER: listed(authority, 1), BROKER: listed(authority, 2, *range(1, 10))}, bundle(authority))
    assert "certificates 1, 2, 3, 4, 5 and 4 more are revoked" in found["refused"][0]
