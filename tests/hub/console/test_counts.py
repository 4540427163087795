"""Badge, tabs, groups, legend, meeting box, live patches and API say the same numbers, or say what they count."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from pathlib import Path

import pytest
from fastapi import FastAPI

from hub.access.accounts import add_user
from hub.app import create_app
from hub.store.db import open_db
from hub.store.read import counts, worklist
from hub.store.read.reads import VERDICTS
from tests.hub.console import seed
from tests.hub.console.conftest import Client, sign_in
from tests.hub.console.fake import FakeHub

HANDS = ("person", "hand")


def mix(path: Path) -> None:
    """Every kind of row at once: a mass loss of which a part is taken or put away, series that come too often, what
    waits for a call or for the room's own clock, and what only is to be watched."""
    now_s = time.time()
    seed.storm(path, now_s, 40)
    with sqlite3.connect(path) as db:
        db.execute("UPDATE incidents SET acked_by = 'van.minh', acked_s = 1 WHERE rule = 'room_lost' AND id % 3 = 0")
        db.execute("UPDATE incidents SET shelved_until_s = ? WHERE rule = 'room_lost' AND id % 5 = 0", (now_s + 900,))
        rooms = [row[0] for row in db.execute("SELECT room FROM twins WHERE verdict = 'ready' LIMIT 40")]
        add = (
            "INSERT INTO incidents (room, epoch, fault_id, rule, severity, phase, refused, opened_s, confirmed_s,"
            " closed_s, acked_by, acked_s, needs_person, often_s, again, nth, first_s)"
            " VALUES (?, ?, 900, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        )
        kinds = (
            # rule, severity, phase, refused, age, closed, by, often, again
            ("codec_hung", "major", "confirmed", "in_call", 60, 0, "", 0, 0),
            ("codec_hung", "major", "confirmed", "hold_on", 60, 0, "thu.ha", 0, 0),
            ("codec_hung", "major", "confirmed", "", 60, 0, "", 0, 0),
            ("uplink_lost", "major", "remedying", "", 60, 0, "", 0, 0),
            ("mains_weak", "warning", "escalated", "", 9e4, 0, "", 0, 0),
            ("overheating", "critical", "clear", "", 300, 30, "", 1, 0),
            ("overheating", "critical", "clear", "", 600, 400, "", 1, 1),
            ("overheating", "critical", "remedying", "", 20, 0, "thu.ha", 1, 0),
        )
        for n, (rule, severity, phase, refused, age_s, closed, by, often, again) in enumerate(kinds):
            at_s = now_s - age_s
            db.execute(add, (rooms[n], "e1", rule, severity, phase, refused, at_s, at_s, closed and now_s - closed, by,
                             bool(by), 0, often and at_s, again, 7 * often, at_s * often))  # fmt: skip
        watched = (
            rooms[9],
            "hub",
            "version_newer",
            "info",
            "confirmed",
            "",
            now_s - 60,
            now_s - 60,
            0,
            "",
            0,
            0,
            0,
            0,
            0,
            0,
        )
        db.execute(add, watched)
        db.execute("UPDATE rooms SET installed = 0 WHERE room = ?", (rooms[20],))
        db.execute("UPDATE twins SET verdict = 'unknown' WHERE room = ?", (rooms[21],))
        db.execute("INSERT INTO meeting_rooms VALUES ('m1', 'nowhere')")


def number(pattern: str, text: str) -> int:
    found = re.search(pattern, text)
    assert found, pattern
    return int(found[1])


def shown(client: Client) -> dict[str, int]:
    """The numbers that the two pages show."""
    list_, overview = client.get("/triage").text, client.get("/").text
    found = {f"tab {name}": number(rf'tab={name}"[^>]*>[^<]*<b>(\d+)</b>', list_) for name in worklist.TABS}
    heads = re.findall(r'class="need n-(\w+)"[^>]*><b>(\d+)</b>', list_)
    found |= {f"group {need}": int(count) for need, count in heads}
    for name in worklist.TABS:
        found[f"rows {name}"] = len(re.findall(r'<li id="r\d+"', client.get(f"/triage?tab={name}").text))
    found["badge"] = number(r'data-c="hands"[^>]*>(\d+)<', list_)
    found["badge elsewhere"] = number(r'data-c="hands"[^>]*>(\d+)<', overview)
    found["title"] = number(r"<h1[^>]*>Cần xử lý <small[^>]*>(\d+) việc cần người", list_)
    found["urgent"] = number(r"Xem tất cả (\d+) việc", overview)
    found |= {f"legend {v}": number(rf'data-c="v-{v}">(\d+)<', overview) for v in VERDICTS}
    found["map"] = number(r'class="all-of">(\d+) phòng:', overview)
    found["tiles"] = len(re.findall(r'<a href="/rooms/[^"]*" class="s-', overview.split('id="tiles"')[1]))
    found["ready"] = number(r'id="ready"><b[^>]*>(\d+)', overview)
    found["invited"] = number(r'id="ready"><b[^>]*>\d+</b><span>/(\d+)', overview)
    found["missing"] = number(r"<b[^>]*>(\d+) phòng chưa sẵn sàng", overview)
    found["foreign"] = int((re.search(r"(\d+) phòng được mời không có", overview) or [0, 0])[1])
    return found


def expect_agreement(n: dict[str, int]) -> None:
    hands = sum(n.get(f"group {need}", 0) for need in HANDS)
    assert n["badge"] == n["badge elsewhere"] == n["title"] == n["urgent"] == hands > 0
    assert n["tab open"] == sum(count for name, count in n.items() if name.startswith("group"))
    assert {name: n[f"rows {name}"] for name in worklist.TABS} == {name: n[f"tab {name}"] for name in worklist.TABS}
    assert n["map"] == n["tiles"] == sum(n[f"legend {verdict}"] for verdict in VERDICTS)
    assert n["invited"] == n["ready"] + n["missing"] + n["foreign"]
    assert n["ready"] <= n["legend ready"]


def test_pages_live_patches_and_the_api_agree(client: Client, app: FastAPI, db_path: Path) -> None:
    mix(db_path)
    n = shown(client)
    expect_agreement(n)
    assert {name for name, count in n.items() if name.startswith(("tab", "group")) and not count} == set()
    assert len([name for name in n if name.startswith("group")]) == len(worklist.GROUPS)
    assert n["tab untaken"] < n["badge"] < n["tab open"], "what is taken still needs a hand; what mends itself does not"
    assert n["foreign"] == 1
    top = app.state.live.picture().top["counters"]
    assert (top["hands"], top["unhandled"]) == (n["badge"], n["tab untaken"])
    assert {v: top["verdicts"].get(v, 0) for v in VERDICTS} == {v: n[f"legend {v}"] for v in VERDICTS}
    kept = counts.counters(app.state.console.reader, time.time())
    assert json.loads(json.dumps(top["verdicts"])) == kept.verdicts
    assert (kept.hands, kept.unhandled) == (n["badge"], n["tab untaken"])


def test_those_who_see_a_part_are_told_the_same_numbers_of_it(db_path: Path) -> None:
    mix(db_path)
    db = open_db(db_path)
    some = [row[0] for row in db.execute("SELECT code FROM nodes WHERE level = 'cluster' ORDER BY id LIMIT 8")]
    whole = db.execute("SELECT COUNT(*) FROM rooms").fetchone()[0]
    add_user(db, "mot.phan", seed.PASSWORD, "operator", places=some)
    db.commit()
    db.close()
    app = create_app(db_path, None, FakeHub(db_path))
    with Client(app, headers={"accept": "text/html"}, follow_redirects=False) as client:
        sign_in(client, "mot.phan")
        n = shown(client)
        expect_agreement(n)
        assert 0 < n["map"] < whole
        assert n["foreign"] == 0, "a room that is in no list stands beneath no node"


@pytest.mark.parametrize("tab", ["new", "working", "nonsense"])
def test_a_tab_that_is_not_known_is_what_is_open(client: Client, tab: str) -> None:
    assert 'href="/triage?tab=open" aria-current="page"' in client.get(f"/triage?tab={tab}").text
