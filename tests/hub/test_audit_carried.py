"""What the role has rsyslog do: rows wait on its disk while the collector is away, and outlive rsyslogd's end."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from hub.runtime import audit_syslog, syslog
from hub.settings import load
from tests.house.source import ROOT
from tests.hub.collectors import SOCKET, Rsyslog, carrier, certificate, collector, eventually, program
from tests.hub.test_audit_syslog import Log

ROLE = ROOT / "ansible/roles/hub"
DEBIANS = Path("/etc/rsyslog.conf")
ROWS = 1200
"""More than a queue of an action takes by default."""


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries and looks come quickly; what is waited for is polled."""
    monkeypatch.setattr(audit_syslog, "EVERY_S", 0.02)
    monkeypatch.setattr(audit_syslog, "PACE_S", 0.0)
    monkeypatch.setattr(audit_syslog, "RETRY_S", (0.05,))


def rendered(template: str, **given: Any) -> str:
    """As Ansible renders: blocks take their line with them."""
    values = yaml.safe_load((ROLE / "defaults/main.yml").read_text("utf-8"))
    environment = Environment(loader=FileSystemLoader(ROLE / "templates"), undefined=StrictUndefined, trim_blocks=True)
    environment.filters["to_json"] = lambda value, **_: yaml.safe_dump(value, default_style='"').strip()
    return environment.get_template(template).render(values | given) + "\n"


def judged(folder: Path, snippet: str) -> subprocess.CompletedProcess[str]:
    """Debian's own settings of rsyslog with this file among them."""
    (folder / "snippet.conf").write_text(snippet, "utf-8")
    text = DEBIANS.read_text("utf-8")
    assert "$IncludeConfig /etc/rsyslog.d/*.conf" in text
    (folder / "conf").write_text(text.replace("/etc/rsyslog.d/*.conf", str(folder / "snippet.conf")), "utf-8")
    command = [program(), "-N1", "-f", str(folder / "conf")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


CERTIFICATE = {"hub_audit_cert_file": "/etc/diemcau/hub-secrets/audit.crt",
               "hub_audit_key_file": "/etc/diemcau/hub-secrets/audit.key"}  # fmt: skip


@pytest.mark.parametrize("certificate", [{}, CERTIFICATE], ids=["without", "with a certificate"])
def test_rsyslog_takes_what_the_role_writes(certificate: dict[str, str], tmp_path: Path) -> None:
    snippet = rendered("diemcau-audit.conf.j2", hub_audit_collector="log.example", **certificate)
    done = judged(tmp_path, snippet)
    assert done.returncode == 0, done.stderr
    assert "error" not in done.stderr
    assert "warning" not in done.stderr
    assert judged(tmp_path, snippet.replace("queue.type", "queue.kind")).returncode != 0
    assert snippet.count("audit.crt") == len(certificate) / 2


def test_the_role_tells_the_hub_where_rsyslog_listens(tmp_path: Path) -> None:
    told = {"timezone": "UTC", "web": {"host": "::1"}, "audit": {"syslog": "/dev/log"}}
    for collector_, wanted in (("log.example", SOCKET), ("", "/dev/log")):
        text = rendered("hub.toml.j2", hub_toml=told, hub_audit_collector=collector_)
        (tmp_path / "hub.toml").write_text(text, "utf-8")
        settings = load(tmp_path / "hub.toml")
        assert (settings.audit.syslog, settings.web.host, settings.timezone) == (wanted, "::1", "UTC")
    text = rendered("hub.toml.j2", hub_toml={}, hub_audit_collector="log.example")
    (tmp_path / "hub.toml").write_text(text, "utf-8")
    assert load(tmp_path / "hub.toml").audit.syslog == SOCKET
    assert f'socket="{SOCKET}"' in rendered("diemcau-audit.conf.j2", hub_audit_collector="log.example")


class Machines:
    """The hub's rsyslog and the office's collector."""

    def __init__(self, folder: Path) -> None:
        self.collector: Rsyslog = collector(folder / "collector", "log.example")
        snippet = rendered(
            "diemcau-audit.conf.j2", hub_audit_collector="127.0.0.1", hub_audit_port=self.collector.port,
            hub_audit_peer="log.example", hub_audit_ca_file=str(self.collector.folder / "cert.pem"),
        )  # fmt: skip
        self.carrier: Rsyslog = carrier(folder / "carrier", snippet)

    def on_disk(self) -> int:
        """Bytes that wait."""
        return sum(file.stat().st_size for file in self.carrier.folder.glob("diemcau-audit.0*"))


@pytest.fixture
def machines() -> Iterator[Machines]:
    """In memory: each row is synced to the disk twice, and this is not a test of disks."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        made = Machines(Path(folder))
        yield made
        made.carrier.kill()
        made.collector.kill()


@pytest.mark.parametrize("end", [Rsyslog.kill, Rsyslog.stop])
def test_rows_wait_on_disk_and_outlive_rsyslogd(
    end: Callable[[Rsyslog], None], tmp_path: Path, machines: Machines
) -> None:
    log = Log(tmp_path / "hub.db")
    log.add(ROWS)
    target = str(machines.carrier.socket)
    machines.carrier.start()
    forwarder = log.forwarder(target)
    eventually(lambda: log.place(target) == ROWS, "rsyslog has them all")
    assert machines.on_disk() > ROWS * 300
    end(machines.carrier)
    log.add(5)
    eventually(lambda: forwarder.reached == "no", "the hub notices")
    machines.collector.start()
    machines.carrier.start()
    wanted = set(range(1, ROWS + 6))
    eventually(lambda: set(machines.collector.numbers()) == wanted, "all of them")
    forwarder.stop()
    heard = machines.collector.numbers()
    assert len(heard) <= ROWS + 6, "none twice but the one that was sent last"
    if end is Rsyslog.stop:
        heard.remove(1)  # in rsyslog's hands when it ended: it comes after the others
    assert heard == sorted(heard)
    assert machines.collector.rows()[0].startswith("diemcau-audit ")


def test_what_is_beyond_rsyslogs_bound_waits_in_the_hub(
    tmp_path: Path, machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(syslog, "ANSWER_S", 0.3)
    snippet = machines.carrier.folder / "snippet.conf"
    text = snippet.read_text("utf-8")
    assert 'queue.size="500000"' in text
    snippet.write_text(text.replace('queue.size="500000"', 'queue.size="200"'), "utf-8")
    log = Log(tmp_path / "hub.db")
    log.add(400)
    machines.carrier.start()
    forwarder = log.forwarder(str(machines.carrier.socket))
    eventually(lambda: forwarder.reached == "no", "the hub notices")
    assert log.place(str(machines.carrier.socket)) <= 200
    machines.carrier.kill()  # it waits for room, and would do so for a while before it ends
    forwarder.stop()


def test_a_collector_of_another_name_gets_nothing(tmp_path: Path, machines: Machines) -> None:
    certificate(machines.collector.folder, "DNS:stranger.example")  # its own is another one now
    log = Log(tmp_path / "hub.db")
    log.add(1)
    machines.collector.start()
    machines.carrier.start()
    forwarder = log.forwarder(str(machines.carrier.socket))
    own = machines.carrier.folder / "own.log"
    eventually(lambda: own.exists() and "not permitted" in own.read_text("utf-8"), "rsyslog says so")
    forwarder.stop()
    assert machines.collector.rows() == []
    assert machines.on_disk() > 0
