"""A stolen board stays out, whatever older list of revoked certificates a play, an authority or a backup brings along.

Real hosts, a real broker, the role `broker` over SSH; `make prove-fleet`; needs root.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.source import ROOT
from tests.lab.fleet import province
from tests.lab.fleet.lab import HOSTS, Lab, LabError, call

pytestmark = [pytest.mark.fleet, pytest.mark.timeout(1800)]
SITE = ROOT / "ansible/site.yml"
STOLEN = "r-2"
AT_BROKER, AT_HUB = "etc/mosquitto/certs/revoked.crl", "etc/diemcau/revoked.crl"
PKI = [str(ROOT / ".venv/bin/diemcau-hub"), "pki"]
PLAYS = 10


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A broker and a hub on one host, and two rooms' certificates on theirs."""
    with province.installed("revoked", "--tags", "pki,broker") as made:
        yield made


def is_let_in(lab: Lab, room: str) -> bool:
    """Whether the broker takes a room's certificate; it ends the connection of one that is revoked, and says so."""
    pki = "/etc/diemcau/pki"
    connect = (
        f"timeout 5 openssl s_client -ign_eof -connect {HOSTS['hub']}:8883 -CAfile {pki}/ca.crt -cert {pki}/room.crt"
        f" -key {pki}/room.key </dev/null 2>&1; true"
    )
    said = lab.host("run", room, "/bin/sh", "-c", connect)
    assert "Verify return code: 0 (ok)" in said, said[-2000:]
    return "alert certificate revoked" not in said


def brought(lab: Lab) -> str:
    """A play of the broker's role from this controller: what it says."""
    said, did = lab.play(SITE, "--limit", "hub", "--tags", "broker")
    assert did["hub"]["failed"] == 0, said[-3000:]
    return said


def test_a_stolen_board_stays_out_over_ten_plays(lab: Lab) -> None:
    pki, disk = lab.work / "pki", lab.work / "hosts/hub"
    older = {name: (pki / name).read_bytes() for name in ("revoked.crl", "issued.jsonl")}
    assert is_let_in(lab, STOLEN)
    call([*PKI, "revoke", STOLEN, "--why", "stolen", "--dir", str(pki)])
    started_s = time.monotonic()
    brought(lab)
    assert not is_let_in(lab, STOLEN)
    assert is_let_in(lab, "r-1")
    newest = (disk / AT_BROKER).read_bytes()
    for play in range(PLAYS):
        for name, content in older.items():
            (pki / name).write_bytes(content)
        if play % 3 == 1:  # the authority, too, came back from an older copy, and writes its list anew
            call([*PKI, "crl", "--dir", str(pki)])
        if play % 3 == 2:  # the broker came back from a backup
            (disk / AT_BROKER).write_bytes(older["revoked.crl"])
            lab.host("run", "hub", "systemctl", "reload", "mosquitto.service")
        said = brought(lab)
        assert "pki/revoked.crl (number" in said
        assert "are revoked and missing in it" in said, "the play says what it refused"
        assert not is_let_in(lab, STOLEN), f"play {play}"
        assert (disk / AT_BROKER).read_bytes() == (disk / AT_HUB).read_bytes() == newest
        assert (pki / "revoked.crl").read_bytes() == newest, "the controller's copy is brought up to date"
    assert is_let_in(lab, "r-1")
    print(f"\n{PLAYS + 1} plays with older lists: {time.monotonic() - started_s:.0f} s, the stolen board stayed out")


def test_what_is_revoked_afterwards_joins_what_was(lab: Lab) -> None:
    pki = lab.work / "pki"
    call([*PKI, "issue", "r-1", "--again", "--dir", str(pki), "--out", str(pki)])
    lab.play(SITE, "--limit", "r-1", "--tags", "pki")
    call([*PKI, "revoke", "r-1", "--why", "replaced", "--dir", str(pki)])
    brought(lab)
    assert not is_let_in(lab, STOLEN)
    assert not is_let_in(lab, "r-1")


def test_a_play_without_any_list_stops_before_it_touches_the_broker(lab: Lab) -> None:
    pki, disk = lab.work / "pki", lab.work / "hosts/hub"
    kept = (disk / AT_BROKER).read_bytes()
    for path in (pki / "revoked.crl", disk / AT_BROKER, disk / AT_HUB):
        Path(path).write_bytes(b"")
    with pytest.raises(LabError, match="there is no list of revoked certificates: diemcau-hub pki crl"):
        lab.play(SITE, "--limit", "hub", "--tags", "broker")
    (disk / AT_BROKER).write_bytes(kept)
