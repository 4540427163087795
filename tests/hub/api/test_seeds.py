"""Secrets of authenticator apps are sealed with a key that lies neither in the data folder nor in a copy."""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path

import pyotp
import pytest

from hub.access.accounts import add_user
from hub.access.step import second_step
from hub.access.step.seeds import Seeds, settle
from hub.commands import backup
from hub.settings import HubSettings, SettingsError, load
from hub.store.db import open_db, transaction

KEY, OTHER = "k" * 44, "o" * 44
USER, NOW_S = "thu.ha", 1_800_000_000.0


@pytest.fixture
def db(tmp_path: Path) -> sqlite3.Connection:
    made = open_db(tmp_path / "data/hub.db")
    add_user(made, USER, "mot-mat-khau-dai", "admin", now_s=NOW_S)
    return made


def switched_on(db: sqlite3.Connection, seeds: Seeds) -> str:
    """The secret of a second step that has just been set up."""
    with transaction(db):
        secret = second_step.offer(db, seeds, USER)
        assert second_step.offered(db, seeds, USER) == secret
        assert second_step.confirm(db, seeds, USER, pyotp.TOTP(secret).at(NOW_S), NOW_S)
    return secret


def enters(db: sqlite3.Connection, seeds: Seeds, secret: str, at_s: float) -> bool:
    with transaction(db):
        return second_step.take(db, seeds, USER, pyotp.TOTP(secret).at(at_s), at_s) == "totp"


def written(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def settings(folder: Path, web: str = "") -> HubSettings:
    (folder / "hub.toml").write_text(f'data_dir = "data"\n[web]\n{web}\n', "utf-8")
    return load(folder / "hub.toml")


def test_the_file_holds_no_secret_and_the_codes_fit(db: sqlite3.Connection, tmp_path: Path) -> None:
    seeds = Seeds(KEY)
    secret = switched_on(db, seeds)
    assert secret.encode() not in written(tmp_path)
    assert enters(db, seeds, secret, NOW_S + 60)


@pytest.mark.parametrize("wrong", [Seeds(), Seeds(OTHER)])
def test_without_the_key_no_code_fits_and_recovery_codes_do(
    db: sqlite3.Connection, wrong: Seeds, caplog: pytest.LogCaptureFixture
) -> None:
    secret = switched_on(db, Seeds(KEY))
    with transaction(db):
        (code, *_) = second_step.new_codes(db, USER)
    assert not enters(db, wrong, secret, NOW_S + 60)
    with transaction(db):
        assert second_step.take(db, wrong, USER, "000000", NOW_S + 60) == ""
        assert second_step.take(db, wrong, USER, code, NOW_S + 60) == "recovery"
    settle(db, wrong)
    assert "cannot be opened with this key" in caplog.text


def test_a_secret_is_bound_to_its_account(db: sqlite3.Connection) -> None:
    seeds = Seeds(KEY)
    stored = seeds.sealed(USER, "A" * 32)
    assert seeds.opened(USER, stored) == "A" * 32
    assert seeds.opened("khach", stored) == ""
    for broken in (stored[:-4], stored + "x", "sealed1:", "sealed1:ü", "sealed1:AAAA"):
        assert seeds.opened(USER, broken) == ""


def test_what_stood_open_is_sealed_at_the_start_and_leaves_no_trace(
    db: sqlite3.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    secret = switched_on(db, Seeds())
    assert secret.encode() in written(tmp_path / "data")
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "seed-key").touch(mode=0o400)
    (credentials / "seed-key").chmod(0o600)
    (credentials / "seed-key").write_text(KEY + "\n", "ascii")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    settle(db, Seeds(settings(tmp_path).seed_key()))
    assert secret.encode() not in written(tmp_path / "data")
    assert "secrets of 1 authenticator apps are sealed" in caplog.text
    assert enters(db, Seeds(KEY), secret, NOW_S + 60)
    assert settle(db, Seeds(KEY)) == 0, "once"
    copy, _ = backup.backup(tmp_path / "data/hub.db", tmp_path / "copies", NOW_S)
    backup.restore(copy, tmp_path / "other", NOW_S)
    assert secret.encode() not in written(tmp_path / "other")
    assert KEY.encode() not in written(tmp_path / "other")


def test_the_key_s_file_is_named_or_a_credential_and_checked(tmp_path: Path) -> None:
    assert settings(tmp_path).seed_key() == ""
    key = tmp_path / "seed.key"
    key.touch(mode=0o600)
    for text, says in (("short\n", "too short"), ("", "is empty")):
        key.write_text(text, "ascii")
        with pytest.raises(SettingsError, match=says):
            settings(tmp_path, f'seed_key_file = "{key}"').seed_key()
    key.write_text(KEY, "ascii")
    assert settings(tmp_path, f'seed_key_file = "{key}"').seed_key() == KEY


@pytest.mark.parametrize(("said", "wanted"), [("", True), ("require_totp_for_admins = false", False)])
def test_administrators_need_a_second_step_unless_it_is_said(tmp_path: Path, said: str, wanted: bool) -> None:
    assert settings(tmp_path, said).web.require_totp_for_admins is wanted
