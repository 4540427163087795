"""The inventory of rooms: a CSV becomes the site tree, all of it or nothing.

Sites go by the administrative code, never by name: names repeat, and Hoá and Hóa are the same place. The levels between
province and room are configurable: leave the columns of a level out, and the tree does without it. A room that moves
keeps its id, and with it its history.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from hub.changes.sheet import Column, Row, Sheet, SheetError, flag, read, required
from hub.core.text import fold, sort_key
from hub.store import audit
from hub.store.db import transaction
from wire.topics import valid_id

__all__ = ["Entry", "SheetError", "parse", "store"]

COLUMNS = (
    Column("tinh_code", ("mã tỉnh", "province code", "province_code")),
    Column("tinh", ("tỉnh", "province")),
    Column("cum_code", ("mã cụm", "cluster code", "cluster_code"), required=False),
    Column("cum", ("cụm", "cluster", "huyện cũ"), required=False),
    Column("xa_code", ("mã xã", "mã xã phường", "commune code", "commune_code")),
    Column("xa", ("xã", "xã phường", "commune")),
    Column("tru_so", ("trụ sở", "site"), required=False),
    Column("room", ("mã phòng", "mã điểm cầu", "room id", "room_id")),
    Column("name", ("tên phòng", "tên", "tên điểm cầu", "room name")),
    Column("aliases", ("tên khác", "tên cũ", "alias"), required=False),
    Column("contact", ("cán bộ vận hành", "người phụ trách", "contact person"), required=False),
    Column("phone", ("điện thoại", "số điện thoại", "telephone"), required=False),
    Column("installed", ("đã lắp", "đã lắp đặt"), required=False),
)
_PROVINCE = re.compile(r"\d{2}\Z")
_COMMUNE = re.compile(r"\d{5}\Z")
_CLUSTER = re.compile(r"[A-Za-z0-9-]{1,20}\Z")
_PHONE = re.compile(r"\+?[\d .()-]{3,24}\Z")
_SPREADSHEET_NUMBER = re.compile(r"\d+([.,]\d+)?[Ee]\+\d+\Z|\d{8,}[.,]0\Z")
PHONE_DIGITS = range(3, 16)
ALIASES_MAX = 20


@dataclass(frozen=True, slots=True)
class Entry:
    """One room of the file, checked. `path` leads from the province down: (level, code, name)."""

    room: str
    name: str
    path: tuple[tuple[str, str, str], ...]
    aliases: tuple[str, ...] = ()
    contact: str = ""
    phone: str = ""
    installed: bool = True


def parse(raw: bytes) -> list[Entry]:
    """The rooms of a file. Raises SheetError with every fault in it."""
    sheet = read(raw, COLUMNS)
    entries: list[Entry] = []
    rooms: dict[str, int] = {}
    names: dict[tuple[str, str], tuple[str, int]] = {}
    parents: dict[tuple[str, str], tuple[tuple[str, str] | None, int]] = {}
    for row in sheet.rows:
        if not required(sheet, row, ("tinh_code", "tinh", "xa_code", "xa", "room", "name")):
            continue
        _codes(sheet, row)
        _room_id(sheet, row, rooms)
        path = _path(row)
        _one_name_a_code(sheet, row, path, names)
        _one_parent_a_code(sheet, row, path, parents)
        entries.append(
            Entry(
                row.cells["room"], row.cells["name"], path, _aliases(sheet, row), row.cells.get("contact", ""),
                _phone(sheet, row), flag(sheet, row, "installed"),
            )
        )  # fmt: skip
    sheet.check()
    return entries


def _codes(sheet: Sheet, row: Row) -> None:
    cells = row.cells
    if not _PROVINCE.match(cells["tinh_code"]):
        sheet.fault(row.line, "tinh_code", "mã tỉnh phải có 2 chữ số, ví dụ 38", "must be 2 digits, e.g. 38")
    if not _COMMUNE.match(cells["xa_code"]):
        sheet.fault(
            row.line, "xa_code", "mã xã phải có 5 chữ số, ví dụ 14797; giữ số 0 ở đầu",
            "must be 5 digits, e.g. 14797; keep leading zeros",
        )  # fmt: skip
    cluster, name = cells.get("cum_code", ""), cells.get("cum", "")
    if cluster and not _CLUSTER.match(cluster):
        sheet.fault(row.line, "cum_code", "chỉ dùng chữ không dấu, số và '-'", "use letters, digits and '-' only")
    if cluster and not name:
        sheet.fault(
            row.line, "cum", "cụm có mã thì cần tên, hãy điền", "a cluster with a code needs a name: fill it in"
        )


def _room_id(sheet: Sheet, row: Row, seen: dict[str, int]) -> None:
    room = row.cells["room"]
    if not valid_id(room):
        sheet.fault(
            row.line, "room", f"mã phòng {room[:40]!r} chỉ được dùng a-z, 0-9 và '-', tối đa 36 ký tự",
            f"room id {room[:40]!r} must be 1 to 36 of a-z, 0-9 and '-'",
        )  # fmt: skip
    folded = room.casefold()
    if folded in seen:
        sheet.fault(
            row.line, "room", f"mã phòng trùng với dòng {seen[folded]}", f"the room stands on line {seen[folded]} too"
        )
    seen.setdefault(folded, row.line)


def _path(row: Row) -> tuple[tuple[str, str, str], ...]:
    cells = row.cells
    path = [("province", cells["tinh_code"], cells["tinh"])]
    if cells.get("cum"):
        # Clusters have no administrative code; where the file gives none, the name makes one within the province.
        code = cells.get("cum_code") or f"{cells['tinh_code']}-{fold(cells['cum']).replace(' ', '-')}"
        path.append(("cluster", code, cells["cum"]))
    path.append(("commune", cells["xa_code"], cells["xa"]))
    if cells.get("tru_so"):
        path.append(("site", f"{cells['xa_code']}/{fold(cells['tru_so'])}", cells["tru_so"]))
    return tuple(path)


def _one_name_a_code(
    sheet: Sheet, row: Row, path: Iterable[tuple[str, str, str]], seen: dict[tuple[str, str], tuple[str, int]]
) -> None:
    for level, code, name in path:
        known, line = seen.setdefault((level, code), (name, row.line))
        if fold(known) != fold(name):
            sheet.fault(
                row.line, level, f"mã {code} có hai tên: {known!r} ở dòng {line} và {name!r}",
                f"code {code} has two names: {known!r} on line {line} and {name!r}",
            )  # fmt: skip


def _one_parent_a_code(
    sheet: Sheet,
    row: Row,
    path: tuple[tuple[str, str, str], ...],
    seen: dict[tuple[str, str], tuple[tuple[str, str] | None, int]],
) -> None:
    above: tuple[str, str] | None = None
    for level, code, _ in path:
        known, line = seen.setdefault((level, code), (above, row.line))
        if known != above:
            sheet.fault(
                row.line, level, f"mã {code} thuộc hai nơi khác nhau (xem dòng {line})",
                f"code {code} belongs to two places (see line {line})",
            )  # fmt: skip
        above = (level, code)


def _aliases(sheet: Sheet, row: Row) -> tuple[str, ...]:
    names = [part.strip() for part in row.cells.get("aliases", "").split("|") if part.strip()]
    if len({fold(name) for name in names}) != len(names):
        sheet.fault(row.line, "aliases", "tên khác bị lặp", "an alias stands twice")
    if len(names) == 1 and re.search("[,;]", names[0]):
        sheet.fault(row.line, "aliases", "hãy đặt dấu | giữa các tên", "put | between the names")
    if len(names) > ALIASES_MAX:
        sheet.fault(row.line, "aliases", f"tối đa {ALIASES_MAX} tên", f"at most {ALIASES_MAX} names")
    return tuple(names)


def _phone(sheet: Sheet, row: Row) -> str:
    phone = row.cells.get("phone", "")
    if _SPREADSHEET_NUMBER.match(phone):
        sheet.fault(
            row.line, "phone", f"bảng tính đã đổi {phone[:30]!r} thành số, hãy định dạng cột là văn bản",
            f"the spreadsheet has made {phone[:30]!r} a number: format the column as text",
        )  # fmt: skip
        return phone
    digits = sum(char.isdigit() for char in phone)
    if phone and (not _PHONE.match(phone) or digits not in PHONE_DIGITS):
        sheet.fault(row.line, "phone", f"số điện thoại {phone[:30]!r} không đúng", f"{phone[:30]!r} is no phone number")
    return phone


def store(db: sqlite3.Connection, entries: list[Entry], by: str, at_s: float) -> tuple[int, int]:
    """Put the rooms into the inventory in one transaction: (new, changed). Rooms not in the file stay as they are."""
    new = changed = 0
    with transaction(db):
        ids: dict[tuple[str, str], int] = {}
        for entry in entries:
            node = _node(db, entry.path, ids)
            values = (
                node, entry.name, fold(" ".join((entry.name, *entry.aliases))), _room_key(entry),
                json.dumps(entry.aliases, ensure_ascii=False), entry.contact, entry.phone, int(entry.installed),
            )  # fmt: skip
            before = db.execute(
                "SELECT node, name, folded, sort_key, aliases, contact, phone, installed FROM rooms WHERE room = ?",
                (entry.room,),
            ).fetchone()
            if before is None:
                new += 1
                db.execute(
                    "INSERT INTO rooms (room, node, name, folded, sort_key, aliases, contact, phone, installed)"
                    " VALUES (?,?,?,?,?,?,?,?,?)",
                    (entry.room, *values),
                )
            elif tuple(before) != values:
                changed += 1
                db.execute(
                    "UPDATE rooms SET node=?, name=?, folded=?, sort_key=?, aliases=?, contact=?, phone=?, installed=?"
                    " WHERE room = ?",
                    (*values, entry.room),
                )
        audit.append(db, at_s, by, "import_rooms", {"rooms": len(entries), "new": new, "changed": changed})
    return new, changed


_KIND = re.compile(r"(?:xã|phường|đặc khu|thị trấn|cụm|tỉnh)\s+", re.IGNORECASE)


def _bare(name: str) -> str:
    """The name without its kind, as lists of places are sorted: "Phường Hạc Thành" under H."""
    return _KIND.sub("", name, count=1) if _KIND.match(name) else name


def _room_key(entry: Entry) -> str:
    """Rooms of one commune stand together, in the order of their names."""
    commune = next(name for level, _, name in entry.path if level == "commune")
    return f"{sort_key(_bare(commune))}\x02{sort_key(entry.name)}"


def _node(db: sqlite3.Connection, path: tuple[tuple[str, str, str], ...], ids: dict[tuple[str, str], int]) -> int:
    """The lowest node of the path, made or renamed or moved where the file says so."""
    parent: int | None = None
    for level, code, name in path:
        known = ids.get((level, code))
        if known is None:
            db.execute(
                "INSERT INTO nodes (parent, level, code, name, folded, sort_key) VALUES (?,?,?,?,?,?)"
                " ON CONFLICT (level, code) DO UPDATE SET parent = excluded.parent, name = excluded.name,"
                " folded = excluded.folded, sort_key = excluded.sort_key",
                (parent, level, code, name, fold(name), sort_key(_bare(name))),
            )
            row = db.execute("SELECT id FROM nodes WHERE level = ? AND code = ?", (level, code)).fetchone()
            known = ids[level, code] = int(row[0])
        parent = known
    assert parent is not None
    return parent
