"""The real agent and the real hub over the broker that we configure: in, acknowledged, revoked, and told why."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sim.process import Child, program
from sim.real import PENDING
from tests.brokers import Mosquitto, free_port, until
from tests.pki.lab import HUB, OWN, people, pki, running

INVENTORY = f"tinh_code;tinh;xa_code;xa;room;name\n38;Thanh Hóa;14797;Phường Hạc Thành;{OWN};Phòng họp\n"

pytestmark = [pytest.mark.run, pytest.mark.broker, pytest.mark.timeout(300), pytest.mark.xdist_group("programs-1")]


class Site:
    """One broker, one hub, one room; ends what it has started."""

    def __init__(self, folder: Path, authority: Path, certs: Path, broker: Mosquitto) -> None:
        self.folder, self.authority, self.certs, self.broker = folder, authority, certs, broker
        self.started: list[Child] = []

    def tls(self, name: str, host: str = "127.0.0.1", ca: Path | None = None) -> str:
        return (
            f'[broker]\nhost = "{host}"\nport = {self.broker.port}\nca_file = "{ca or self.authority / "ca.crt"}"\n'
            f'cert_file = "{self.certs / name}.crt"\nkey_file = "{self.certs / name}.key"\n'
        )

    def hub(self) -> Path:
        home = self.folder / "hub"
        home.mkdir()
        config = home / "hub.toml"
        config.write_text(f'data_dir = "{home}"\n[web]\nport = {free_port()}\n{self.tls(HUB)}', "utf-8")
        (home / "rooms.csv").write_text(INVENTORY, "utf-8")
        words = ["--config", str(config), str(home / "rooms.csv")]
        importer = Child("import", [program("diemcau-hub"), "import-rooms", *words], home / "import.log")
        importer.start()
        importer.await_end(60)
        self.start("hub", [program("diemcau-hub"), "serve", "--config", str(config)])
        return home / "hub.db"

    def agent(self, name: str, broker: str, room: str = OWN) -> Path:
        """Start an agent without devices; its log."""
        home = self.folder / name
        home.mkdir()
        config = home / "room.toml"
        config.write_text(
            f'[room]\nid = "{room}"\nstate_dir = "{home / "state"}"\n{broker}[network]\ngateway = ""\nclock = false\n',
            "utf-8",
        )
        self.start(name, [program("diemcau-agent"), "run", "--config", str(config)])
        return self.folder / f"{name}.log"

    def start(self, name: str, command: list[str]) -> None:
        child = Child(name, command, self.folder / f"{name}.log", {"GPIOZERO_PIN_FACTORY": "mock"})
        child.start()
        self.started.append(child)

    def end(self) -> None:
        for child in reversed(self.started):
            child.end()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    authority, certs = people(tmp_path)
    with running(tmp_path, authority, certs) as broker:
        made = Site(tmp_path, authority, certs, broker)
        yield made
        made.end()


def rows(path: Path, sql: str) -> int:
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)) as db:
            return int(db.execute(sql).fetchone()[0])
    except sqlite3.OperationalError:
        return -1


def test_a_room_reports_over_tls_until_it_is_revoked(site: Site) -> None:
    database = site.hub()
    log = site.agent("agent", site.tls(OWN))
    until("its start is at the hub", lambda: rows(database, "SELECT count(*) FROM events") > 0, 60)
    journal = site.folder / "agent" / "state" / "room.db"
    until("and acknowledged", lambda: rows(journal, PENDING) == 0, 60)
    words = ("--broker-pid", str(site.broker.pid_file), "--broker", f"127.0.0.1:{site.broker.port}")
    assert pki(site.authority, "revoke", OWN, "--why", "mất cắp", *words) == 0
    until("the agent says that it is cut off", lambda: log.read_text().count("no connection to the hub") == 1, 60)


@pytest.mark.parametrize(
    ("name", "broker", "says"),
    [
        ("revoked", lambda s: s.tls("r-stolen"), "is this room's certificate revoked"),
        ("foreign", lambda s: s.tls("r-foreign"), "is this room's certificate revoked"),
        (
            "distrust",
            lambda s: s.tls(OWN, ca=s.folder / "strange" / "ca.crt"),
            "the broker's certificate is not believed",
        ),
        ("misnamed", lambda s: s.tls(OWN, host="127.1"), "see broker.ca_file and host"),
        ("keyless", lambda s: s.tls("r-absent"), "there is no such file: bring it, or mend the path"),
    ],
)
def test_who_is_kept_out_is_told_why_and_goes_on(site: Site, name: str, broker: object, says: str) -> None:
    assert callable(broker)
    log = site.agent(name, broker(site))
    until("it says why", lambda: says in (log.read_text() if log.exists() else ""), 60)
    assert site.started[-1].alive
