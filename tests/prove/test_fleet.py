"""Real hosts, systemd as PID 1, Ansible over SSH: the roles converge, and no way of updating strands a room.

`make prove-fleet`; needs root. The order of the tests is the order of a province's life.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.source import ROOT
from tests.lab.fleet import province
from tests.lab.fleet.lab import HOSTS, Lab, LabError
from tools import card

pytestmark = [pytest.mark.fleet, pytest.mark.timeout(1800)]
SITE = ROOT / "ansible/site.yml"
BY_HAND = ("-e", "without_hub=true")
"""A release that no roll-out brings: a room at work is changed all the same."""
WRONG = {"agent/runtime/service.py": ("self._publisher.start()", 'raise RuntimeError("of no use")')}
"""It takes the settings, it starts, and it dies: only its silence tells."""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Hub and two rooms, installed by the roles."""
    with province.installed("run") as made:
        yield made


def sys_say(text: str) -> None:
    """A figure of this run, for whoever looks on."""
    print(f"\n{text}", flush=True)


def asked(lab: Lab, sql: str) -> list[tuple[object, ...]]:
    """The hub's database, read from outside."""
    path = lab.work / "hosts/hub/var/lib/diemcau-hub/hub.db"
    db = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    try:
        return db.execute(sql).fetchall()
    finally:
        db.close()


def active(lab: Lab, host: str, unit: str) -> bool:
    try:
        return lab.host("run", host, "systemctl", "is-active", unit).strip() == "active"
    except LabError:
        return False


def test_the_roles_have_made_a_province(lab: Lab) -> None:
    assert active(lab, "hub", "diemcau-hub.service")
    assert all(active(lab, room, "diemcau-agent.service") for room in ("r-1", "r-2"))
    lab.until(
        lambda: asked(lab, "SELECT room FROM twins WHERE online = 1 ORDER BY 1") == [("r-1",), ("r-2",)], "online"
    )
    for host in HOSTS:
        said = lab.host("run", host, "systemd-analyze", "security", f"diemcau-{'hub' if host == 'hub' else 'agent'}")
        assert float(said.split("Overall exposure level")[1].split(": ")[1].split()[0]) <= 2.5


def test_a_secret_of_the_vault_is_there_for_the_agent_alone_and_was_never_printed(lab: Lab) -> None:
    file = "/etc/diemcau/secrets/codec.pw"
    assert lab.host("run", "r-1", "cat", file).strip() == province.SECRET
    assert lab.host("run", "r-1", "stat", "-c", "%a %U", file).strip() == "600 diemcau"
    assert province.SECRET not in lab.first
    assert province.SECRET not in (lab.work / "vault.yml").read_text("utf-8")


def test_a_second_run_changes_nothing(lab: Lab) -> None:
    started_s = time.monotonic()
    said, did = lab.play(SITE)
    sys_say(f"second run: {time.monotonic() - started_s:.0f} s")
    assert {host: (c["changed"], c["failed"]) for host, c in did.items()} == dict.fromkeys(HOSTS, (0, 0)), said


def test_a_dry_run_foretells_and_does_nothing(lab: Lab) -> None:
    (lab.work / "r-2.toml").write_text(
        (lab.work / "r-2.toml").read_text("utf-8") + "\n[guards]\nstagger_s = 3\n", "utf-8"
    )
    said, did = lab.play(SITE, "--check", "--diff", "--limit", "r-2")
    assert did["r-2"]["changed"] >= 1
    assert "+stagger_s = 3" in said
    assert "stagger_s" not in lab.host("run", "r-2", "cat", "/etc/diemcau/room.toml")


def test_settings_that_the_agent_refuses_do_not_reach_the_room(lab: Lab) -> None:
    file = lab.work / "r-2.toml"
    good = file.read_text("utf-8")
    file.write_text(good.replace("stagger_s", "stager_s"), "utf-8")
    said, did = lab.play(SITE, "--limit", "r-2", check=False)
    file.write_text(good, "utf-8")
    assert did["r-2"]["failed"] == 1
    assert "did you mean 'stagger_s'" in said
    assert active(lab, "r-2", "diemcau-agent.service")


def test_a_room_at_work_is_not_changed_out_of_its_turn(lab: Lab) -> None:
    """A plain play with a new bundle must not go to all rooms at once."""
    bundle = lab.bundle("agent", "0.1.9")
    said, did = lab.play(SITE, "--limit", "r-1,r-2", "-e", f"agent_bundle={bundle}", check=False)
    assert [did[room]["failed"] for room in did] == [1], "the first has stopped the play"
    assert "there is no roll-out: diemcau-hub rollout start" in said
    lab.host("run", "hub", "systemctl", "stop", "diemcau-hub.service")
    _, did = lab.play(SITE, "--limit", "r-1", "--tags", "room", "-e", "agent_bundle=")
    assert did["r-1"]["failed"] == 0, "the hub's book is asked, not its process"
    lab.host("run", "hub", "systemctl", "start", "diemcau-hub.service")
    assert lab.release("r-1")["current"] == lab.release("r-2")["current"] == "0.1.0"


def test_a_room_that_cannot_be_reached_fails_no_play_and_is_named(lab: Lab) -> None:
    lab.host("pull", "r-2")
    said, did = lab.play(SITE, "--limit", "r-1,r-2", "--tags", "room", "-e", "ansible_ssh_timeout=5")
    assert did["r-1"]["failed"] == did["r-1"]["unreachable"] == 0
    assert "1 rooms could not be reached and are as they were: r-2" in said
    lab.up("r-2")
    lab.until(lambda: active(lab, "r-2", "diemcau-agent.service"), "r-2 again")


def test_an_unsigned_release_is_refused(lab: Lab) -> None:
    bundle = lab.bundle("agent", "0.1.5")
    (lab.work / "release.pem").rename(lab.work / "kept.pem")
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", lab.work / "release.pem"], check=True)
    forged = lab.bundle("agent", "0.1.5")
    (lab.work / "kept.pem").replace(lab.work / "release.pem")
    assert forged == bundle
    said, did = lab.play(SITE, "--limit", "r-1", *BY_HAND, "-e", f"agent_bundle={forged}", check=False)
    assert did["r-1"]["failed"] == 1
    assert "the signature is not by the key" in said
    assert lab.release("r-1")["current"] == "0.1.0"


def test_a_broken_release_undoes_itself_and_says_so(lab: Lab) -> None:
    broken = lab.bundle("agent", "0.3.0", WRONG)
    said, did = lab.play(SITE, "--limit", "r-1", *BY_HAND, "-e", f"agent_bundle={broken}", check=False)
    assert did["r-1"]["failed"] == 1
    assert "0.3.0 was undone: 0.3.0: no check-in within" in said
    assert lab.release("r-1")["current"] == "0.1.0"
    lab.until(lambda: active(lab, "r-1", "diemcau-agent.service"), "the old agent")
    told = (
        "SELECT COUNT(*) FROM events WHERE room = 'r-1' AND kind = 'agent_started'"
        " AND CAST(raw AS TEXT) LIKE '%went_back_from\":\"0.3.0%'"
    )
    lab.until(lambda: asked(lab, told)[0][0] == 1, "the hub's knowing")
    again, _ = lab.play(SITE, "--limit", "r-1", *BY_HAND, "-e", f"agent_bundle={broken}", check=False)
    assert "0.3.0 was undone here" in again, "not tried again"


@pytest.mark.parametrize("moment", ["while it is carried over", "while it installs", "right after the switch"])
def test_the_plug_is_pulled_in_the_middle_of_an_update(lab: Lab, moment: str) -> None:
    number = ["while it is carried over", "while it installs", "right after the switch"].index(moment)
    version = f"0.2.{number}"
    bundle = lab.bundle("agent", version)
    disk = lab.work / "hosts/r-2/opt/diemcau"
    before = (disk / "current").readlink().name
    reached = {
        0: lambda: any((disk / "bundles").iterdir()),
        1: lambda: (disk / "releases" / version / "bin/python").is_symlink(),
        2: lambda: (disk / "trial.json").exists(),
    }[number]
    run = lab.start(SITE, "--limit", "r-2", *BY_HAND, "-e", f"agent_bundle={bundle}")
    lab.until(reached, moment)
    lab.host("pull", "r-2")
    run.communicate(timeout=300)
    lab.up("r-2")
    lab.until(lambda: active(lab, "r-2", "diemcau-agent.service"), "the agent after the power came back")
    now = lab.release("r-2")
    assert now["current"] in (before, version)
    assert now["current"] in now["versions"], "it runs from a release that is whole"
    lab.until(lambda: not lab.release("r-2")["trial"], "the end of the trial")
    _, did = lab.play(SITE, "--limit", "r-2", *BY_HAND, "-e", f"agent_bundle={bundle}")
    assert did["r-2"]["failed"] == 0
    assert lab.release("r-2")["current"] == version, "the next run brings it to its end"


def test_no_step_of_a_service_has_failed_on_a_good_version(lab: Lab) -> None:
    """What runs after the agent gives power back: it may never fail, and the journal would say so."""
    lab.host("run", "r-2", "systemctl", "restart", "diemcau-agent.service")
    said = lab.host("run", "r-2", "journalctl", "-u", "diemcau-agent", "--no-pager", "-o", "cat")
    assert "Control process exited" not in said
    assert "Traceback" not in said


def test_three_releases_are_kept(lab: Lab) -> None:
    assert len(lab.release("r-2")["versions"]) == 3


def test_the_hub_is_updated_with_a_copy_of_its_data_and_undone_when_it_fails(lab: Lab) -> None:
    wrong = {"hub/main.py": ("    hub.start()\n", '    raise RuntimeError("of no use")\n')}
    broken = lab.bundle("hub", "0.3.0", wrong)
    rooms = asked(lab, "SELECT COUNT(*) FROM rooms")
    said, _ = lab.play(SITE, "--limit", "hub", "-e", f"hub_bundle={broken}", check=False)
    assert "0.3.0 was undone" in said
    assert lab.release("hub")["current"] == "0.1.0"
    lab.until(lambda: active(lab, "hub", "diemcau-hub.service"), "the old hub")
    assert asked(lab, "SELECT COUNT(*) FROM rooms") == rooms
    assert list(Path(lab.work / "hosts/hub/var/lib/diemcau-hub/backup").glob("hub-*-0.1.0.db"))


def test_a_card_installs_its_room_without_ansible_and_may_be_cut_short(lab: Lab) -> None:
    kit = lab.work / "card"
    card.card(
        card.card_parser().parse_args([
            "--room", "r-3", "--settings", str(lab.work / "r-3.toml"), "--bundle", str(lab.bundle("agent")),
            "--pki", str(lab.work / "pki"), "--release-key", str(lab.work / "release.pub"),
            "--ssh-key", str(lab.work / "ssh.pub"), "--out", str(kit),
        ])
    )  # fmt: skip
    lab.make("r-3")
    boot = lab.work / "hosts/r-3/boot/firmware"
    shutil.copytree(kit, boot)
    lab.up("r-3")
    script = "/boot/firmware/diemcau/first-boot.sh"
    lab.host("run", "r-3", "systemd-run", "--no-block", "--quiet", "/bin/sh", script)
    venv = lab.work / "hosts/r-3/opt/diemcau/releases/0.1.0/bin/python"
    lab.until(venv.is_symlink, "the middle of the installation")
    lab.host("pull", "r-3")
    lab.up("r-3")
    lab.host("run", "r-3", "/bin/sh", script)
    assert "DONE, version 0.1.0" in (boot / "diemcau/first-boot.log").read_text("utf-8")
    assert not (boot / "diemcau/pki/room.key").exists(), "the key has no business on the boot partition"
    lab.until(lambda: asked(lab, "SELECT room FROM twins WHERE online = 1 AND room = 'r-3'") != [], "r-3 at the hub")
    lab.until(lambda: lab.release("r-3")["last"].get("what") == "kept", "its word")


SERVER = """
import http.server, ssl
server = http.server.ThreadingHTTPServer(("0.0.0.0", 8443), http.server.SimpleHTTPRequestHandler)
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile="/etc/diemcau/pki/ca.crt")
context.verify_mode = ssl.CERT_REQUIRED
context.load_cert_chain("/etc/mosquitto/certs/broker.crt", "/etc/mosquitto/certs/broker.key")
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""


def test_rooms_that_nobody_can_reach_fetch_their_release_wave_by_wave(lab: Lab) -> None:
    """The hub's roll-out, a web server with TLS over its folder, and rooms that ask: no SSH on the way of a version."""
    disk = lab.work / "hosts/hub"
    (disk / "srv/server.py").write_text(SERVER, "utf-8")
    bundle = lab.bundle("agent", "0.4.0")
    shutil.copy(bundle, disk / "srv" / bundle.name)
    hub = ("run", "hub", "/opt/diemcau/current/bin/diemcau-hub", "rollout")
    said = lab.host(*hub, "start", f"/srv/{bundle.name}", "--before", "0.1.0")
    assert "0.1.0 → 0.4.0: 1 → 1 → 1" in said
    folder = "/var/lib/diemcau-hub/fleet"
    lab.host("run", "hub", "systemd-run", "-q", f"--working-directory={folder}", "/usr/bin/python3", "/srv/server.py")
    wanted = disk / folder.strip("/") / "wanted"
    lab.until(lambda: len(list(wanted.glob("*.json"))) == 1, "the first wave")
    (first,) = (path.stem for path in wanted.glob("*.json"))
    pulling = f"agent_pull_url=https://{HOSTS['hub']}:8443"
    for room in ("r-1", "r-2"):
        lab.play(SITE, "--limit", room, "--tags", "release", "-e", pulling, "-e", f"agent_bundle={held(lab, room)}")
        with contextlib.suppress(LabError):  # a room that nothing is wanted of is told so, and that is all
            lab.host("run", room, "systemctl", "start", "diemcau-release-pull.service")
    for room in ("r-1", "r-2"):
        assert (lab.release(room)["current"] == "0.4.0") == (room == first), "one room a wave"
    if first != "r-3":
        lab.until(lambda: lab.release(first)["last"].get("to") == "0.4.0", "its word")
    assert "đang" in lab.host(*hub, "show")


def held(lab: Lab, room: str) -> Path:
    """The bundle of the release that a room has."""
    return lab.work / "dist" / f"diemcau-{lab.release(room)['current']}-agent-amd64-py311.tar"
