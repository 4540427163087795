"""Every mistake in hub.toml is one sentence in two languages that names the place and the mend."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from hub.intake.link import Broker
from hub.settings import SettingsError, load


def toml(folder: Path, text: str) -> Path:
    path = folder / "hub.toml"
    path.write_text(text, "utf-8")
    return path


def test_defaults_hold_in_an_empty_file(tmp_path: Path) -> None:
    settings = load(toml(tmp_path, ""))
    assert (settings.web.host, settings.web.port, settings.ingest.beat_s) == ("127.0.0.1", 8700, 60)
    assert settings.database == Path("/var/lib/diemcau-hub/hub.db")
    assert datetime(2026, 1, 1, tzinfo=settings.zone).utcoffset() == timedelta(hours=7)


def test_file_environment_and_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "secret"
    secret.touch(mode=0o600)
    secret.write_text("s3cret\n")
    path = toml(tmp_path, f'data_dir = "d"\n[broker]\nhost = "b"\nuser = "hub"\npassword_file = "{secret}"\n'
                          "[ingest]\ncommit_ms = 100\n")  # fmt: skip
    monkeypatch.setenv("DIEMCAU_HUB_BROKER__PORT", "8883")
    monkeypatch.setenv("DIEMCAU_HUB_INGEST__COMMIT_MS", "200")
    settings = load(path)
    assert settings.ingest.commit_ms == 200, "the environment wins"
    assert settings.database == tmp_path / "d" / "hub.db"
    assert settings.broker_of() == Broker("b", 8883, "hub", "s3cret")
    secret.chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        settings.broker_of()
    secret.unlink()
    with pytest.raises(SettingsError, match="cannot be read"):
        settings.broker_of()


def test_a_mark_of_windows_before_the_file_and_before_a_secret_is_no_part_of_them(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.touch(mode=0o600)
    secret.write_text("\ufeffbi-mat-1\r\n", "utf-8")
    settings = load(toml(tmp_path, f'\ufeffdata_dir = "d"\n[broker]\npassword_file = "{secret}"\n'))
    assert settings.data_dir == tmp_path / "d"
    assert settings.broker_of().password == "bi-mat-1"


@pytest.mark.parametrize("empty", ["", "\n", "\ufeff", "  \nbi-mat\n"])
def test_an_empty_secret_is_named(tmp_path: Path, empty: str) -> None:
    secret = tmp_path / "secret"
    secret.touch(mode=0o600)
    secret.write_text(empty, "utf-8")
    settings = load(toml(tmp_path, f'[broker]\npassword_file = "{secret}"\n'))
    with pytest.raises(SettingsError, match=r"broker\.password_file: .* is empty"):
        settings.broker_of()


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is a folder"):
        load(tmp_path)


def test_brackets_of_ipv6_are_taken_from_a_host(tmp_path: Path) -> None:
    settings = load(toml(tmp_path, '[broker]\nhost = "[2001:db8::7]"\n[web]\nhost = "[::1]"\n'))
    assert (settings.broker_of().host, settings.web.host) == ("2001:db8::7", "::1")
    with pytest.raises(SettingsError, match="without scheme or port"):
        load(toml(tmp_path, '[broker]\nhost = "mqtt.example:8883"\n'))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[broker]\nport = 0", ["hub.toml: broker.port", "1 đến 65535", "greater than or equal to 1"]),
        ('[web]\nport = "x"', ["web.port", "'x'"]),
        ("[broker]\nprot = 1", ["broker.prot", "did you mean 'port'?"]),
        ("colour = 1", ["colour", "known: audit"]),
        ("[ingest]\nbeat_s = 0", ["ingest.beat_s", "1 đến 600"]),
        ("[ingest]\ncommit_ms = 9999", ["ingest.commit_ms", "20 đến 1000"]),
        ("[ingest]\nreconnect_window_s = 1", ["reconnect_window_s"]),
        ('timezone = "Mars/Base"', ["timezone", "Asia/Ho_Chi_Minh"]),
        ('timezone = "../etc"', ["timezone"]),
        ('[web]\nrequire_totp_for_admins = "maybe"', ["web.require_totp_for_admins", "true hoặc false"]),
        ("data_dir = 5", ["data_dir", "thư mục"]),
        ("broker = 5", ["broker"]),
        ("[broker\nport = 1", ["TOML", "line 1"]),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, words: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        load(toml(tmp_path, text))
    assert len(caught.value.problems) == 1
    for word in words:
        assert word in caught.value.problems[0]
    assert " / " in caught.value.problems[0]


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load(toml(tmp_path, "[ingest]\nbeat_s = 0\ncommit_ms = 0\n[web]\nport = 0"))
    assert len(caught.value.problems) == 3


def test_missing_file_and_bad_bytes_and_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="no such file"):
        load(tmp_path / "none.toml")
    bad = tmp_path / "bad.toml"
    bad.write_bytes(b"\xff\xff")
    with pytest.raises(SettingsError, match="not valid TOML"):
        load(bad)
    monkeypatch.setenv("DIEMCAU_HUB_BROKER", "no json")
    with pytest.raises(SettingsError, match="DIEMCAU_HUB_"):
        load(toml(tmp_path, ""))
