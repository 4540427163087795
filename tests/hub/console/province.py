"""A province for development and tests: 166 communes in 26 invented clusters, 621 rooms. The communes are real."""

from __future__ import annotations

import csv
import json
import sqlite3
from pathlib import Path

from hub.core.text import fold, sort_key

COMMUNES = Path(__file__).parents[3] / "sim/data/thanh-hoa-communes.csv"
ROOMS = 621

CLUSTERS = (
    (14758, "Thành phố"), (14812, "Bỉm Sơn"), (14845, "Mường Lát"), (14869, "Quan Hóa"), (14923, "Bá Thước"),
    (15001, "Quan Sơn"), (15031, "Lang Chánh"), (15061, "Ngọc Lặc"), (15127, "Cẩm Thủy"), (15187, "Thạch Thành"),
    (15271, "Hà Trung"), (15349, "Vĩnh Lộc"), (15409, "Yên Định"), (15499, "Thọ Xuân"), (15607, "Thường Xuân"),
    (15664, "Triệu Sơn"), (15772, "Thiệu Hóa"), (15865, "Hoằng Hóa"), (16012, "Hậu Lộc"), (16093, "Nga Sơn"),
    (16174, "Như Xuân"), (16228, "Như Thanh"), (16279, "Nông Cống"), (16378, "Đông Sơn"), (16438, "Quảng Xương"),
    (16561, "Tĩnh Gia"),
)  # fmt: skip
"""First commune code of each cluster: the codes still lie in the order of the former districts."""

NAMES = (
    "Phòng họp UBND",
    "Phòng họp Đảng ủy",
    "Hội trường Trung tâm Phục vụ hành chính công",
    "Trụ sở số 2 (giả định)",
)
PEOPLE = ("Lê Thị Hồng Nhung", "Nguyễn Văn Thắng", "Phạm Quốc Việt", "Hà Thị Quyên", "Lò Văn Mười", "Trịnh Xuân Trường")


def fill_places(db: sqlite3.Connection) -> list[str]:
    """Nodes and rooms. Returns the room ids in order of their communes' codes."""
    with COMMUNES.open(encoding="utf-8") as file:
        communes = sorted(csv.DictReader(file, delimiter=";"), key=lambda row: row["code"])
    add = "INSERT INTO nodes (id, parent, level, code, name, folded, sort_key, aliases) VALUES (?,?,?,?,?,?,?,?)"
    db.execute(add, (1, None, "province", "38", "Thanh Hóa", fold("Thanh Hóa"), sort_key("Thanh Hóa"), "[]"))
    for index, (first, name) in enumerate(CLUSTERS):
        name = f"Cụm {name}"
        db.execute(add, (10 + index, 1, "cluster", f"c{first}", name, fold(name), sort_key(name), "[]"))
    rooms: list[str] = []
    for index, row in enumerate(communes):
        cluster = max(i for i, (first, _) in enumerate(CLUSTERS) if first <= int(row["code"]))
        name = f"{row['type'].capitalize()} {row['name']}"
        aliases = [f"{row['name']} cũ"] if index % 9 == 0 else []
        node = 100 + index
        folded = " ".join(fold(text) for text in (name, *aliases))
        db.execute(
            add,
            (node, 10 + cluster, "commune", row["code"], name, folded, sort_key(row["name"]), json.dumps(aliases)),
        )
        for number in range(4 if index < ROOMS - 3 * len(communes) else 3):
            room = f"th-{row['code']}-{number + 1}"
            title = f"{NAMES[number]}" if number != 0 else f"{NAMES[0]} {row['type']}"
            phone = f"0237 3{int(row['code']) % 1000:03d} {100 + number}" if index % 11 != 7 else ""
            db.execute(
                "INSERT INTO rooms (room, node, name, folded, sort_key, contact, phone, installed, note)"
                " VALUES (?,?,?,?,?,?,?,?,?)",
                (
                    room, node, title, fold(title), sort_key(row["name"]) + str(number),
                    PEOPLE[(index + number) % len(PEOPLE)] if phone else "", phone,
                    0 if index % 83 == 40 and number == 2 else 1, "",
                ),
            )  # fmt: skip
            rooms.append(room)
    return rooms
