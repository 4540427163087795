"""`make audit` finds what a database names, and never takes silence for good news. pip-audit is the real one."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tools import audit, vulnerabilities


def record(name: str, *, versions: tuple[str, ...] = (), events: tuple[dict[str, str], ...] = ()) -> dict[str, Any]:
    """As OSV writes one."""
    affected: dict[str, Any] = {"package": {"name": name, "ecosystem": "PyPI"}, "versions": list(versions)}
    if events:
        affected["ranges"] = [{"type": "ECOSYSTEM", "events": list(events)}]
    return {
        "schema_version": "1.7.0", "id": f"PYSEC-2026-{len(name)}", "aliases": [], "summary": "reads beyond its end",
        "modified": "2026-11-20T06:00:00Z", "published": "2026-11-19T06:00:00Z", "affected": [affected],
    }  # fmt: skip


def folder(path: Path, *records: dict[str, Any]) -> Path:
    path.mkdir(exist_ok=True)
    for number, one in enumerate(records):
        (path / f"{number}.json").write_text(json.dumps(one), "utf-8")
    return path


def locked_version(name: str) -> str:
    (line,) = (line for line in audit.wanted(["agent"]) if line.startswith(f"{name}=="))
    return line.split()[0].removeprefix(f"{name}==")


def test_without_a_network_it_says_so_and_not_that_all_is_well(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")  # nobody listens there
    assert audit.main(["--kind", "agent"]) == audit.UNKNOWN
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("NOT audited: pypi.org cannot be reached from here. ")
    assert "--database FILE" in said.err
    assert said.err.count("\n") == 1


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_a_locked_version_that_a_record_names_is_found(
    packed: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = folder(
        tmp_path / "osv", record("h11", events=({"introduced": "0"}, {"fixed": "99.0"})), record("nobody-has-this")
    )
    (made / "broken.json").write_text("{", "utf-8")
    if packed:
        with zipfile.ZipFile(tmp_path / "all.zip", "w") as out:
            for path in made.iterdir():
                out.write(path, path.name)
        made = tmp_path / "all.zip"
    assert audit.main(["--kind", "agent", "--database", str(made)]) == audit.FOUND
    said, told = capsys.readouterr()
    assert f"h11 {locked_version('h11')}: PYSEC-2026-3 reads beyond its end; mended in 99.0\n" in said
    assert "1 with something known" in said
    assert "2 records, newest of 2026-11-20T06:00:00Z" in said
    assert told.startswith("NOT audited in full: 1 records")


def test_a_database_with_a_broken_record_is_no_good_news(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = folder(tmp_path / "osv", record("nobody-has-this"))
    assert audit.main(["--kind", "agent", "--database", str(made)]) == audit.GOOD
    (made / "broken.json").write_text("{", "utf-8")
    assert audit.main(["--kind", "agent", "--database", str(made)]) == audit.UNKNOWN


def test_a_version_that_is_mended_already_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mended = record("h11", events=({"introduced": "0"}, {"fixed": locked_version("h11")}))
    assert audit.main(["--kind", "agent", "--database", str(folder(tmp_path / "osv", mended))]) == audit.GOOD
    assert " 0 with something known against them" in capsys.readouterr().out


@pytest.mark.parametrize("content", [None, b"", b"PK no zip"], ids=["nothing there", "empty", "no zip"])
def test_a_database_that_cannot_be_read_is_one_sentence(
    content: bytes | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "all.zip"
    if content is not None:
        path.write_bytes(content)
    assert audit.main(["--database", str(path)]) == audit.UNKNOWN
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("version", "events", "wanted"),
    [
        ("1.0", ({"introduced": "0"},), True),
        ("1.0", ({"introduced": "1.0"}, {"fixed": "1.1"}), True),
        ("1.1", ({"introduced": "1.0"}, {"fixed": "1.1"}), False),
        ("1.1", ({"introduced": "1.0"}, {"last_affected": "1.1"}), True),
        ("1.1.post1", ({"introduced": "1.0"}, {"last_affected": "1.1"}), False),
        ("0.9", ({"introduced": "1.0"},), False),
        ("3.1", ({"fixed": "1.1"}, {"introduced": "0"}, {"introduced": "3.0"}, {"fixed": "3.2"}), True),
        ("2.0", ({"introduced": "0"}, {"fixed": "1.1"}, {"introduced": "3.0"}, {"fixed": "3.2"}), False),
        ("1.0", ({"introduced": "what"},), True),
    ],
)  # fmt: skip
def test_ranges_mean_what_osv_says(version: str, events: tuple[dict[str, str], ...], wanted: bool) -> None:
    assert vulnerabilities.affects(record("x", events=events), "X", version) == wanted


def test_a_named_version_counts_and_a_withdrawn_record_does_not() -> None:
    named = record("x", versions=("1.0",))
    assert vulnerabilities.affects(named, "x", "1.0")
    assert not vulnerabilities.affects(named, "x", "1.1")
    assert not vulnerabilities.affects(named | {"withdrawn": "2026-11-21T00:00:00Z"}, "x", "1.0")
