"""The program's commands as a person types them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from hub.main import main
from hub.store.db import open_db, open_reader
from tests.brokers import Mosquitto, free_port, until

ROOMS = "tinh_code;tinh;cum;xa_code;xa;tru_so;room;name\n38;Thanh Hóa;Cụm 1;14797;Hạc Thành;UBND;th-1;Phòng 1\n"
DAY = datetime.now().astimezone() + timedelta(days=2)
MEETINGS = f"start;end;title;rooms\n{DAY:%d/%m/%Y} 07:30;{DAY:%d/%m/%Y} 09:00;Giao ban;all\n"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "hub.toml"
    path.write_text(f'data_dir = "d"\n[web]\nport = {free_port()}\n[broker]\nport = {free_port()}\n')
    return path


def put(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text, "utf-8")
    return str(folder / name)


def test_check_config(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-config", str(config)]) == 0
    assert "is good" in capsys.readouterr().out
    config.write_text("[ingest]\nbeat_s = 0")
    assert main(["check-config", str(config)]) == 2
    assert "beat_s" in capsys.readouterr().err
    assert main(["check-config", str(config.parent / "none")]) == 2


def test_import_rooms_and_import_meetings(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = config.parent
    assert main(["import-rooms", "--config", str(config), put(folder, "r.csv", ROOMS)]) == 0
    assert "1 rooms: 1 new, 0 changed" in capsys.readouterr().out
    assert main(["import-meetings", put(folder, "m.csv", MEETINGS), "--config", str(config)]) == 0
    reader = open_reader(folder / "d" / "hub.db")
    assert [tuple(row) for row in reader.execute("SELECT meeting IS NOT NULL, room FROM meeting_rooms")] == [
        (1, "th-1")
    ]
    reader.close()


def test_faulty_import_changes_nothing_and_names_every_fault(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = put(config.parent, "r.csv", ROOMS + "38;Thanh Hóa;Cụm 1;1;X;UBND;TH 2;\n")
    assert main(["import-rooms", bad, "--config", str(config)]) == 2
    told = capsys.readouterr().err
    assert "dòng 3" in told
    assert "line 3" in told
    assert not (config.parent / "d").exists()
    assert main(["import-rooms", str(config.parent / "none.csv"), "--config", str(config)]) == 1
    assert "cannot be used" in capsys.readouterr().err


def test_add_user(config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    secret = put(config.parent, "pw", "rather-long-secret\n")
    Path(secret).chmod(0o600)
    common = ["--config", str(config), "--role", "operator"]
    assert main(["add-user", "thu.ha", "--password-file", secret, *common]) == 0
    monkeypatch.setenv("DIEMCAU_PASSWORD", "short")
    assert main(["add-user", "minh", *common]) == 1
    assert "shorter than" in capsys.readouterr().err
    reader = open_reader(config.parent / "d" / "hub.db")
    assert [tuple(row) for row in reader.execute("SELECT name, role FROM users")] == [("thu.ha", "operator")]
    reader.close()


def test_tokens(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--config", str(config)]
    assert main(["import-rooms", put(config.parent, "r.csv", ROOMS), *where]) == 0
    asked = ["token", "new", "giam-sat", "--rights", "read", "orders", "--scope", "14797", "--days", "30", *where]
    assert main(asked) == 0
    assert "shown this once: dcau_" in capsys.readouterr().out
    assert main(asked) == 1
    assert "revoke it first" in capsys.readouterr().err
    assert main(["token", "new", "x", *where]) == 1
    assert main(["token", "list", *where]) == 0
    listed = capsys.readouterr().out
    assert "giam-sat: good; read orders; 14797;" in listed
    assert "never" in listed
    assert main(["token", "revoke", "giam-sat", *where]) == 0
    assert main(["token", "revoke", "giam-sat", *where]) == 1
    capsys.readouterr()
    assert main(["token", "list", *where]) == 0
    assert "giam-sat: revoked" in capsys.readouterr().out


def test_totp_reset(config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DIEMCAU_PASSWORD", "rather-long-secret")
    assert main(["add-user", "thu.ha", "--config", str(config)]) == 0
    db = open_db(config.parent / "d" / "hub.db")
    db.execute("INSERT INTO totp (user, secret, since_s) VALUES ('thu.ha', 'X', 1)")
    for said in ("is gone", "had no second step"):
        assert main(["totp-reset", "thu.ha", "--config", str(config)]) == 0
        assert said in capsys.readouterr().out
    assert db.execute("SELECT COUNT(*) FROM totp").fetchone()[0] == 0
    db.close()
    assert main(["totp-reset", "nobody", "--config", str(config)]) == 1
    assert "there is no account 'nobody'" in capsys.readouterr().err


def test_newer_database_is_one_sentence(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    db = open_db(config.parent / "d" / "hub.db")
    db.execute("PRAGMA user_version = 99")
    db.close()
    assert main(["serve", "--config", str(config)]) == 1
    assert "newer version" in capsys.readouterr().err


@pytest.mark.run
@pytest.mark.xdist_group("programs-2")
def test_a_second_hub_on_a_taken_port_takes_no_session_from_the_first(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path / "broker").start()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = tmp_path / "hub.toml"
        web = f"[web]\nport = {taken.getsockname()[1]}\n"
        config.write_text(f'data_dir = "d"\n{web}[broker]\nport = {broker.port}\n')
        try:
            second = subprocess.run([sys.executable, "-m", "hub.main", "serve", "--config", str(config)],
                                    capture_output=True, timeout=60, check=False)  # fmt: skip
        finally:
            broker.stop()
    assert second.returncode == 1
    assert "cannot serve the console on" in second.stderr.decode()
    assert "as diemcau-hub" not in (tmp_path / "broker/mosquitto.log").read_text("utf-8", "replace")


def test_serves_without_a_broker_and_ends_in_good_order(config: Path) -> None:
    port = int(config.read_text().split("port = ")[1].split("\n")[0])
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    with (config.parent / "log").open("wb") as out:
        hub = subprocess.Popen([sys.executable, "-m", "hub.main", "serve", "--config", str(config)], stdout=out,
                               stderr=out, env=environment)  # fmt: skip

    def answers() -> bool:
        assert hub.poll() is None, (config.parent / "log").read_text()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/login", timeout=2) as page:
                return bool(page.status == 200)
        except urllib.error.URLError:
            return False

    try:
        until("the console answers", answers, 60)
        second = subprocess.run([sys.executable, "-m", "hub.main", "serve", "--config", str(config)],
                                capture_output=True, timeout=60, check=False)  # fmt: skip
        assert second.returncode == 3, "two hubs on one database would have budgets of their own each"
        assert second.stderr.decode().count("\n") == 1
        assert f"(process {hub.pid}) works on this folder" in second.stderr.decode()
        other = config.with_name("other.toml")
        other.write_text(config.read_text().replace('data_dir = "d"', 'data_dir = "e"'))
        second = subprocess.run([sys.executable, "-m", "hub.main", "serve", "--config", str(other)],
                                capture_output=True, timeout=60, check=False)  # fmt: skip
        assert second.returncode == 1
        assert "cannot serve the console on" in second.stderr.decode()
        hub.send_signal(signal.SIGTERM)
        assert hub.wait(20) == 0
    finally:
        hub.kill()
        hub.wait(10)
    told = (config.parent / "log").read_text()
    assert "no broker at" in told
    assert "Traceback" not in told
