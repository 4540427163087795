"""The inventory's CSV: every kind of fault is named with its place and its mend, and nothing is half-applied."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hub.changes import registry
from hub.changes.registry import SheetError, parse
from hub.store.db import open_db

HEAD = "tinh_code;tinh;cum_code;cum;xa_code;xa;tru_so;room;name;aliases;contact;phone;installed"
GOOD = "38;Thanh Hóa;c1;Cụm 1;14797;Phường Hạc Thành;;th-1;Phòng họp 1;Ba Đình cũ|Hạc;Chị Lan;0237 000 111;có"


def sheet(*lines: str, head: str = HEAD) -> bytes:
    return "\n".join((head, *lines)).encode()


def row(**changes: str) -> str:
    cells = dict(zip(HEAD.split(";"), GOOD.split(";"), strict=True)) | changes
    return ";".join(cells.values())


def test_a_good_file_is_read_in_every_dress() -> None:
    (entry,) = parse(sheet(GOOD))
    assert entry.room == "th-1"
    assert entry.aliases == ("Ba Đình cũ", "Hạc")
    assert [level for level, _, _ in entry.path] == ["province", "cluster", "commune"]
    assert parse(b"\xef\xbb\xbf" + sheet(GOOD)) == [entry]
    assert parse(sheet(GOOD).replace(b"\n", b"\r\n")) == [entry]
    assert parse(sheet(GOOD).replace(b";", b",")) == [entry]
    assert parse(sheet(GOOD).replace(b";", b"\t")) == [entry]
    assert parse(sheet(GOOD).decode().encode("utf-16")) == [entry]
    without_code = parse(sheet(GOOD.replace("c1;", ""), head=HEAD.replace("cum_code;", "")))[0]
    assert without_code.path[1] == ("cluster", "38-cum-1", "Cụm 1")
    vietnamese = "Mã tỉnh;Tỉnh;Mã cụm;Cụm;Mã xã;Xã;Trụ sở;Mã phòng;Tên phòng;Tên khác;Cán bộ vận hành;Điện thoại;Đã lắp"
    assert parse(sheet(GOOD, head=vietnamese)) == [entry]
    assert parse(sheet("38;Thanh Hóa;14797;X;th-1;P", head="tinh_code;tinh;xa_code;xa;room;name"))[0].installed


FAULTS: list[tuple[str, bytes, str]] = [
    ("empty file", b"", "the file is empty"),
    ("only blanks", b" \n \n", "the file is empty"),
    ("not UTF-8", sheet(GOOD).decode().encode("utf-16-le")[1:] + b"\xff", "NUL|UTF-8"),
    ("a legacy code page", sheet().decode().encode() + "\n38;Thanh Hóa".encode("cp1258"), "line 2 is not UTF-8"),
    ("NUL", sheet(GOOD.replace("Lan", "L\x00n")), "NUL"),
    ("an Excel file", b"PK\x03\x04" + b"x" * 100, "Excel"),
    ("heading only", sheet(), "no rows"),
    ("unknown column", sheet(GOOD, head=HEAD.replace("phone", "phne")), "did you mean phone"),
    ("missing column", sheet("1", head="tinh_code"), "room: .*this column is missing"),
    ("column twice", sheet(GOOD, head=HEAD.replace("tru_so", "xa")), "stands twice"),
    ("unnamed column", sheet(GOOD, head=HEAD.replace("tru_so", "")), "unknown column"),
    ("too few cells", sheet("38;Thanh Hóa"), "line 2.*has 2 cells"),
    ("too many cells", sheet(GOOD + ";x"), "has 14 cells"),
    ("unclosed quote", sheet(GOOD.replace("Phòng họp 1", '"Phòng họp 1')), "unclosed quote"),
    ("no room id", sheet(row(room="")), "room: .*is empty"),
    ("bad room id", sheet(row(room="Phòng 1")), "must be 1 to 36"),
    ("room id too long", sheet(row(room="a" * 37)), "must be 1 to 36"),
    ("room twice", sheet(GOOD, GOOD), "line 3.*stands on line 2"),
    ("room differs in case", sheet(GOOD, row(room="TH-1")), "stands on line 2"),
    ("province code", sheet(row(tinh_code="3")), "must be 2 digits"),
    ("commune code lost its zero", sheet(row(xa_code="1479")), "must be 5 digits"),
    ("commune code of letters", sheet(row(xa_code="14A97")), "must be 5 digits"),
    ("no commune name", sheet(row(xa="")), "xa: .*is empty"),
    ("no room name", sheet(row(name="")), "name: .*is empty"),
    ("two names", sheet(GOOD, row(room="th-2", xa="Xã Khác")), "has two names"),
    ("two parents", sheet(GOOD, row(room="th-2", cum_code="c2", cum="Cụm 2")), "belongs to two places"),
    ("cluster without name", sheet(row(cum="")), "needs a name"),
    ("cluster code", sheet(row(cum_code="cụm 1")), "letters, digits"),
    ("phone", sheet(row(phone="gọi bảo vệ")), "no phone number"),
    ("phone too short", sheet(row(phone="12-()")), "no phone number"),
    ("installed", sheet(row(installed="maybe")), "use yes or no"),
    ("alias twice", sheet(row(aliases="Hạc|hac")), "alias stands twice"),
    ("alias with commas", sheet(row(aliases='"Hạc, Ba Đình"')), r"put \| between"),
    ("phone made a number", sheet(row(phone="2.373850123E+9")), "has made .* a number"),
    ("phone made a fraction", sheet(row(phone="2373850123.0")), "has made .* a number"),
    ("formula", sheet(row(contact="=B2")), "is a formula"),
    ("spreadsheet error", sheet(row(phone="#N/A")), "is a formula or an error"),
    ("line break", sheet(row(contact='"Chị\nLan"'), row(room="")), "line 4, room: is empty"),
    ("overlong", sheet(row(name="x" * 201)), "longer than 200"),
    ("control character", sheet(row(name="a\x07b")), "control character"),
]


@pytest.mark.parametrize(("raw", "expected"), [f[1:] for f in FAULTS], ids=[f[0] for f in FAULTS])
def test_every_fault_is_named_with_its_mend(raw: bytes, expected: str) -> None:
    with pytest.raises(SheetError) as caught:
        parse(raw)
    assert re.search(expected, str(caught.value)), str(caught.value)
    assert all(problem.vi and problem.en for problem in caught.value.problems)


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(SheetError) as caught:
        parse(sheet(row(room="Ä", xa_code="1"), row(phone="x"), row(room="ok", name="")))
    assert len(caught.value.problems) == 4


def test_a_file_of_another_kind_is_not_a_flood() -> None:
    with pytest.raises(SheetError) as caught:
        parse(sheet(*(row(room=f"BAD {n}") for n in range(1000))))
    assert len(caught.value.problems) == 201


def test_nothing_is_half_applied_and_a_moved_room_stays_itself(tmp_path: Path) -> None:
    db = open_db(tmp_path / "hub.db")
    assert registry.store(db, parse(sheet(GOOD, row(room="th-2"))), "lan", 1.0) == (2, 0)
    assert registry.store(db, parse(sheet(GOOD)), "lan", 2.0) == (0, 0)
    moved = row(xa_code="14812", xa="Phường Bỉm Sơn", aliases="Hạc Thành cũ")
    assert registry.store(db, parse(sheet(moved)), "lan", 3.0) == (0, 1)
    rows = db.execute("SELECT r.room, n.name FROM rooms r JOIN nodes n ON n.id = r.node ORDER BY r.room").fetchall()
    assert [tuple(r) for r in rows] == [("th-1", "Phường Bỉm Sơn"), ("th-2", "Phường Hạc Thành")]
    assert db.execute("SELECT count(*) FROM audit").fetchone()[0] == 3
    with pytest.raises(SheetError):
        parse(sheet(row(room="th-3"), row(room="bad id")))
    assert db.execute("SELECT count(*) FROM rooms").fetchone()[0] == 2
