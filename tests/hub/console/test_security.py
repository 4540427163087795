"""A forged order is seen at the centre, with its room and its reason, and an honest refusal is not taken for one."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from hub.store.db import open_db, transaction
from hub.store.read.read_security import FOREIGN
from wire import messages as m
from wire.event_kinds import EventKind

ROOM = "th-14878-2"


def refuse(db_path: Path, seq: int, reason: str, **detail: m.Value) -> None:
    stamp = m.Stamp(epoch="sec", seq=seq, boot="b", mono_s=1.0, wall_s=time.time(), synced=True)
    event = m.Event(stamp=stamp, kind=EventKind.COMMAND_REFUSED, reason=reason, detail=detail)
    db = open_db(db_path)
    with transaction(db):
        db.execute(
            "INSERT INTO events (room, epoch, seq, kind, at_s, received_s, raw) VALUES (?, 'sec', ?, ?, ?, ?, ?)",
            (ROOM, seq, event.kind, time.time(), time.time(), m.encode(event)),
        )
    db.close()


@pytest.mark.parametrize("path", ["/health", f"/rooms/{ROOM}"])
def test_a_forged_order_is_shown_with_its_room_and_number(client: TestClient, db_path: Path, path: str) -> None:
    refuse(db_path, 1, "bad_signature", messages=4711)
    refuse(db_path, 2, "in_call")
    page = client.get(path).text
    assert "chữ ký của lệnh không đúng" in page
    assert "4711" in page
    section = page[page.index('id="f-security"') :]
    assert "phòng đang trong cuộc họp" not in section[: section.index("</section>")], "an honest refusal is no alarm"


def test_every_such_reason_has_words(client: TestClient, db_path: Path) -> None:
    for seq, reason in enumerate(sorted(FOREIGN), 1):
        refuse(db_path, seq, reason)
    page = client.get("/health").text
    section = page[page.index('id="f-security"') :]
    assert not [reason for reason in FOREIGN if f">{reason}<" in section[: section.index("</section>")]]


def test_without_any_it_says_so(client: TestClient) -> None:
    assert "Chưa có lệnh giả mạo nào" in client.get("/health").text
