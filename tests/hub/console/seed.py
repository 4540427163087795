"""Fills a database as a busy morning would: run it to develop the console, import it to test it.

    python -m tests.hub.console.seed /tmp/console.db --serve 8021

All times lie relative to `now_s`, so nothing here depends on the date.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import agent.rules
from hub.access.accounts import add_user
from hub.store.db import open_db
from tests.hub.console.province import fill_places
from wire.event_kinds import EventKind

RULES = {rule.name: rule for rule in agent.rules.load()}
PASSWORD = "demo-only-2026"
MINUTE = 60.0
HOUR = 3600.0
DAY = 86400.0


@dataclass
class Fault:
    """One incident of the seed; ages in seconds before now."""

    room: int
    rule: str
    severity: str
    age_s: float
    title: tuple[str, str]
    steps: tuple[str, ...]
    phase: str = "escalated"
    verdict: str = "fault"
    refused: str = ""
    remedies: tuple[str, ...] = ()
    acked_by: str = ""
    shelved: tuple[float, str] | None = None
    closed_age_s: float = 0.0
    outcome: str = ""
    reason: str = ""
    act: str = ""
    events: list[dict[str, Any]] = field(default_factory=list)


MAINS = ("Mất điện, UPS còn khoảng 14 phút", "Mains lost, the UPS lasts about 14 minutes")
MAINS_STEPS = ("Kiểm tra aptomat.", "Bật máy phát hoặc gọi Điện lực.", "Tắt thiết bị không cần thiết.")
HUNG = ("Máy bị treo", "The codec hangs")
HUNG_STEPS = ("Không bấm điều khiển liên tục.", "Xem TV còn hình không, loa còn tiếng không.",
              "Báo Trung tâm 0237 3850 123 điều vừa thấy.")  # fmt: skip
UPLINK = ("Đường truyền về tỉnh bị mất", "The line to the province is lost")
UPLINK_STEPS = ("Xem đèn bộ chuyển đổi quang.", "Không rút dây quang.", "Gọi nhà mạng 18001166.")
CAMERA = ("Máy không nhận camera", "The codec does not see the camera")
CAMERA_STEPS = ("Kiểm tra nắp che ống kính.", "Tắt máy rồi mới cắm lại dây.", "Bật máy, chờ 3 phút.")
HOT = ("Thiết bị đang nóng (38 °C)", "The equipment is hot (38 °C)")
HOT_STEPS = ("Bật điều hòa hoặc quạt.", "Bỏ vật che khe thoát nhiệt.", "Chưa mát thì báo Trung tâm.")
WEAK = ("Ắc quy UPS đã yếu", "The UPS battery is weak")
WEAK_STEPS = ("Không rút điện UPS.", "Báo Trung tâm để thay ắc quy.")
TV = ("TV không có hình", "The TV shows no picture")
TV_STEPS = ("Bật TV, chọn đúng cổng HDMI.", "Bấm phím bất kỳ trên điều khiển máy họp.", "Kiểm tra dây HDMI.")
AGENT = ("Bộ giám sát mất liên lạc", "The agent is out of touch")
AGENT_STEPS = ("Xem đèn bộ giám sát.", "Cắm lại nguồn của nó.")

FAULTS = [
    Fault(4, "mains_lost", "critical", 6 * MINUTE, MAINS, MAINS_STEPS),
    Fault(61, "codec_hung", "major", 11 * MINUTE, HUNG, HUNG_STEPS, refused="budget_hour",
          remedies=("codec_restart", "codec_power_cycle"), reason="api_silent_codec_reachable",
          act="codec_power_cycle"),
    Fault(133, "uplink_lost", "major", 42 * MINUTE, UPLINK, UPLINK_STEPS, remedies=("converter_power_cycle",)),
    Fault(214, "codec_hung", "major", 2 * MINUTE, HUNG, HUNG_STEPS, phase="settling", remedies=("codec_restart",),
          act="codec_restart"),
    Fault(260, "codec_unregistered", "major", 23 * MINUTE,
          ("Chưa kết nối được cuộc họp", "The meeting is not joined"),
          ("Kiểm tra mã phòng họp.", "Không gọi lại nhiều lần.", "Báo điểm cầu trung tâm."), refused="in_call",
          act="codec_restart"),
    Fault(302, "camera_missing", "warning", 3 * HOUR, CAMERA, CAMERA_STEPS, verdict="check", refused="in_call"),
    Fault(355, "overheating", "major", 52 * MINUTE, HOT, HOT_STEPS, verdict="check", acked_by="thu.ha"),
    Fault(388, "ups_weak", "warning", 3 * DAY, WEAK, WEAK_STEPS, verdict="check"),
    Fault(401, "ups_weak", "warning", 9 * DAY, WEAK, WEAK_STEPS, verdict="check", acked_by="van.minh"),
    Fault(444, "display_asleep", "warning", 16 * MINUTE, TV, TV_STEPS, verdict="check", refused="in_call"),
    Fault(471, "room_lost", "major", 34 * MINUTE, AGENT, AGENT_STEPS, verdict="lost"),
    Fault(502, "room_lost", "major", 5 * HOUR, AGENT, AGENT_STEPS, verdict="lost",
          shelved=(2 * HOUR, "Chờ người đến phòng")),
    Fault(533, "room_dark", "warning", 8 * MINUTE, ("Phòng đang tối", "The room is dark"),
          ("Bật hết đèn phía trước.", "Kéo rèm cửa sổ sau lưng đại biểu."), verdict="check", act="light_on"),
    Fault(61, "codec_hung", "major", 20 * HOUR, HUNG, HUNG_STEPS, phase="clear", remedies=("codec_restart",),
          closed_age_s=20 * HOUR - 214, outcome="room"),
    Fault(61, "mains_weak", "warning", 13 * HOUR, ("Điện đang yếu (187 V)", "The mains is weak (187 V)"),
          ("Tắt điều hòa, ấm điện.",), phase="clear", closed_age_s=12.2 * HOUR, outcome="itself"),
    Fault(90, "codec_hung", "major", 5 * HOUR, HUNG, HUNG_STEPS, phase="clear", remedies=("codec_restart",),
          closed_age_s=5 * HOUR - 187, outcome="room"),
    Fault(210, "display_asleep", "warning", 7 * HOUR, TV, TV_STEPS, phase="clear", remedies=("codec_wake",),
          closed_age_s=7 * HOUR - 44, outcome="order"),
]  # fmt: skip


EVIDENCE: dict[str, list[dict[str, Any]]] = {
    "mains_lost": [{"key": "mains.voltage_v", "value": 0.0, "age_s": 2.0},
                   {"key": "ups.on_battery", "value": True, "age_s": 3.0},
                   {"key": "ups.runtime_s", "value": 840.0, "age_s": 3.0}],
    "uplink_lost": [{"key": "net.gateway", "value": True, "age_s": 1.0},
                    {"key": "net.hub", "value": False, "age_s": 1.0}],
    "room_dark": [{"key": "env.light_lx", "value": 96.0, "age_s": 4.0}],
    "overheating": [{"key": "env.temp_c", "value": 38.2, "age_s": 4.0}],
    "camera_missing": [{"key": "codec.camera", "value": False, "age_s": 6.0}],
    "codec_unregistered": [{"key": "codec.registered", "value": False, "age_s": 5.0}],
}  # fmt: skip
REASONS = {"mains_lost": "voltage_near_zero", "uplink_lost": "gateway_answers_hub_silent", "room_dark": "too_dark",
           "camera_missing": "no_camera", "codec_unregistered": "not_registered", "ups_weak": "replace_battery",
           "display_asleep": "codec_in_standby"}  # fmt: skip


def _stamp(at_s: float, seq: int = 0) -> dict[str, Any]:
    return {"epoch": "e1", "seq": seq, "boot": "b" * 32, "mono_s": at_s % 1e5, "wall_s": at_s, "synced": True}


def _state(now_s: float, index: int, faults: list[Fault]) -> bytes:
    at_s = now_s - 3 - index % 7
    hung = any(fault.rule == "codec_hung" and not fault.closed_age_s for fault in faults)
    dark = any(fault.rule == "mains_lost" for fault in faults)
    facts: dict[str, tuple[Any, str]] = {
        "codec.ping": (True, ""), "codec.api": (None, "timeout") if hung else (True, ""),
        "codec.in_call": (None, "timeout") if hung else (False, ""), "codec.registered": (True, ""),
        "codec.camera": (True, ""), "codec.volume_pct": (62, ""), "codec.temp_c": (47.5 + index % 9, ""),
        "codec.uptime_s": (86400.0 * (index % 12 + 1), ""), "codec.model": ("Polycom RealPresence Group 500", ""),
        "codec.draw_w": (31.4 + index % 5, ""), "display.draw_w": (118.0, ""),
        "mains.voltage_v": (0.0 if dark else 214.0 + index % 14, ""), "ups.on_battery": (dark, ""),
        "ups.charge_pct": (64.0 if dark else 100.0, ""), "ups.runtime_s": (840.0 if dark else 2460.0, ""),
        "net.link": (True, ""), "net.gateway": (True, ""), "net.loss_pct": (0.0, ""), "net.rtt_ms": (11.3, ""),
        "net.jitter_ms": (1.2, ""), "env.temp_c": (27.4 + index % 6, ""), "env.humidity_pct": (71.0, ""),
        "env.light_lx": (None, "absent") if index % 3 else (412.0, ""), "self.cpu_pct": (7.0, ""),
        "self.mem_pct": (38.0, ""), "self.disk_pct": (21.0, ""), "self.soc_temp_c": (54.1, ""),
    }  # fmt: skip
    refused = next((fault.refused for fault in faults if fault.refused), "")
    return json.dumps({
        "v": 1, "stamp": _stamp(at_s),
        "facts": {
            key: {"value": 31.0 if value is None and reason == "timeout" and "draw" in key else value,
                  "at_s": at_s - 4 if value is not None else (0 if reason == "absent" else at_s - 660),
                  "ok": value is not None, "reason": reason}
            for key, (value, reason) in facts.items()
        },
        "faults": [
            {"fault_id": FAULTS.index(fault) + 1, "rule": fault.rule, "phase": fault.phase, "severity": fault.severity,
             "since_s": now_s - fault.age_s, "refused": fault.refused, "act": fault.act, "acts": len(fault.remedies)}
            for fault in faults
        ],
        "in_call": None if hung else False, "mode": "normal", "version": "0.1.0",
        "actions": [
            {"remedy": "codec_restart", "load": "codec", "refused": refused},
            {"remedy": "codec_power_cycle", "load": "codec", "refused": refused},
            {"remedy": "codec_wake", "load": "codec", "refused": ""},
            {"remedy": "display_power_cycle", "load": "display", "refused": "hold_on" if refused else ""},
            {"remedy": "converter_power_cycle", "load": "converter", "refused": refused},
            {"remedy": "light_on", "load": "light", "refused": ""},
        ],
        "loads": {"codec": "on", "display": "on", "converter": "on", "light": "off"},
        "outbox": 0, "dropped": 0,
    }, ensure_ascii=False).encode()  # fmt: skip


def _events(fault: Fault, opened_s: float) -> list[dict[str, Any]]:
    evidence: list[dict[str, Any]] = EVIDENCE.get(fault.rule) or [
        {"key": "codec.api", "value": None, "age_s": 210.0, "reason": "timeout"},
        {"key": "codec.ping", "value": True, "age_s": 1.0}, {"key": "codec.draw_w", "value": 31.4, "age_s": 2.0},
        {"key": "net.link", "value": True, "age_s": 1.0},
    ]  # fmt: skip
    rows: list[dict[str, Any]] = [
        {"kind": EventKind.FAULT_CONFIRMED, "at": opened_s + 20, "evidence": evidence,
         "reason": fault.reason or REASONS.get(fault.rule, "api_silent_codec_reachable")},
    ]  # fmt: skip
    at_s = opened_s + 21
    if fault.rule == "codec_hung" and fault.refused:
        rows.append({"kind": EventKind.REMEDY_REFUSED, "at": at_s, "remedy": "codec_restart", "load": "codec",
                     "reason": "in_call"})  # fmt: skip
        at_s += 65
    for number, remedy in enumerate(fault.remedies):
        rows.append(
            {"kind": EventKind.REMEDY_STARTED, "at": at_s, "remedy": remedy, "load": "codec", "act_id": number + 1}
        )
        proof = {"off_s": 15.2, "draw_before_w": 31.4, "draw_off_w": 0.3} if "cycle" in remedy else {}
        rows.append({"kind": EventKind.REMEDY_DONE, "at": at_s + 34, "remedy": remedy, "load": "codec",
                     "outcome": "done", "act_id": number + 1, "proof": proof})  # fmt: skip
        at_s += 190
    if fault.refused:
        rows.append({"kind": EventKind.REMEDY_REFUSED, "at": at_s, "remedy": "codec_power_cycle", "load": "codec",
                     "reason": fault.refused})  # fmt: skip
    if fault.phase == "escalated":
        rows.append({"kind": EventKind.FAULT_ESCALATED, "at": at_s + 2, "reason": fault.refused, "evidence": evidence})
    return rows


def fill(path: Path, now_s: float) -> list[str]:
    """Make the database at `path` and fill it. Returns the room ids."""
    db = open_db(path)
    db.execute("BEGIN")
    rooms = fill_places(db)
    absent = {row[0] for row in db.execute("SELECT room FROM rooms WHERE installed = 0")}
    by_room: dict[int, list[Fault]] = {}
    for fault in FAULTS:
        by_room.setdefault(fault.room, []).append(fault)
    for index, room in enumerate(rooms):
        faults = [fault for fault in by_room.get(index, []) if not fault.closed_age_s]
        verdict = faults[0].verdict if faults else "ready"
        verdict = {577: "maintenance", 590: "unknown", 34: "maintenance"}.get(index, verdict)
        if verdict == "unknown" or room in absent:
            continue
        lost = verdict == "lost"
        heard_s = now_s - faults[0].age_s if lost else now_s - 1 - index % 9
        db.execute(
            "INSERT INTO twins (room, verdict, heard_s, online, lost_since_s, boot, version, in_call, mode, state_s,"
            " state_raw) VALUES (?,?,?,?,?,?,?,?,?,?,?)",
            (room, verdict, heard_s, not lost, heard_s if lost else 0, "b" * 32, "0.1.0", 0,
             "maintenance" if verdict == "maintenance" else "normal", heard_s, _state(now_s, index, faults)),
        )  # fmt: skip
    for number, fault in enumerate(FAULTS, 1):
        _add_incident(db, number, fault, rooms[fault.room], now_s)
    _add_meetings(db, rooms, now_s)
    db.execute(
        "INSERT INTO notes (incident, at_s, by, text) VALUES (2, ?, 'thu.ha', ?)",
        (
            now_s - 4 * MINUTE,
            "Đã gọi chị Nhung. Phòng xác nhận TV xanh, đèn máy họp sáng cam. Sẽ cử người đến rút nguồn.",
        ),
    )
    db.execute(
        "INSERT INTO orders (id, room, action, by, why, incident, created_s, sent_s, ended_s, outcome, reason) VALUES"
        " ('c1', ?, 'codec_power_cycle', 'thu.ha', 'phòng báo màn hình xanh', 2, ?, ?, ?, 'refused', 'budget_hour')",
        (rooms[61], now_s - 3 * MINUTE, now_s - 3 * MINUTE + 1, now_s - 3 * MINUTE + 2),
    )
    db.execute(
        "INSERT INTO set_aside (at_s, topic, reason, payload, count) VALUES (?, ?, ?, ?, 3)",
        (now_s - 5 * HOUR, "diemcau/1/3f/th-15001-2/state", "State of version 2, this program speaks 1", b"{}"),
    )
    db.commit()
    add_user(db, "thu.ha", PASSWORD, "operator")
    add_user(db, "khach", PASSWORD, "viewer")
    db.execute("UPDATE users SET full_name = 'Lê Thu Hà' WHERE name = 'thu.ha'")
    db.commit()
    db.close()
    return rooms


def _words(title: tuple[str, str], steps: tuple[str, ...], rule: str = "") -> str:
    said = RULES[rule].words if rule in RULES else {}
    told = {
        lang: {"title": text, "steps": list(steps), "reasons": dict(said[lang].reasons) if said else {}}
        for lang, text in zip(("vi", "en"), title, strict=True)
    }
    return json.dumps(told, ensure_ascii=False)


def storm(path: Path, now_s: float, count: int = 166) -> None:
    """A cut fibre: so many rooms fall silent within a minute, as the hub would write it."""
    db = open_db(path)
    words = _words(AGENT, AGENT_STEPS)
    ready = db.execute("SELECT room FROM twins WHERE verdict = 'ready' ORDER BY room LIMIT ?", (count,))
    rooms = [row[0] for row in ready]
    db.execute("BEGIN")
    for index, room in enumerate(rooms):
        since_s = now_s - 90 - 40 * index / count
        db.execute("UPDATE twins SET verdict = 'lost', online = 0, lost_since_s = ? WHERE room = ?", (since_s, room))
        db.execute(
            "INSERT INTO incidents (room, epoch, fault_id, rule, severity, phase, needs_person, opened_s, confirmed_s,"
            " escalated_s, reason, words, grp) VALUES (?, 'hub', 1, 'room_lost', 'major', 'escalated', 1, ?, ?, ?,"
            " 'not_heard', ?, ?)",
            (room, since_s, now_s - 60, now_s - 60, words, f"room_lost:c{index // 24}:1"),
        )
    db.commit()
    db.close()


def _add_incident(db: sqlite3.Connection, number: int, fault: Fault, room: str, now_s: float) -> None:
    opened_s = now_s - fault.age_s
    epoch = "hub" if fault.rule == "room_lost" else "e1"
    words = _words(fault.title, fault.steps, fault.rule)
    until_s, why = fault.shelved or (0.0, "")
    db.execute(
        "INSERT INTO incidents (id, room, epoch, fault_id, rule, severity, phase, needs_person, opened_s, confirmed_s,"
        " escalated_s, closed_s, outcome, refused, remedies, reason, words, acked_by, acked_s, shelved_by,"
        " shelved_until_s, shelved_reason) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
        (number, room, epoch, number, fault.rule, fault.severity, fault.phase,
         fault.phase in ("escalated", "confirmed"), opened_s, opened_s + 20,
         opened_s + 300 if fault.phase == "escalated" else 0,
         now_s - fault.closed_age_s if fault.closed_age_s else 0, fault.outcome, fault.refused,
         json.dumps(fault.remedies), fault.reason, words,
         fault.acked_by, now_s - 5 * MINUTE if fault.acked_by else 0,
         "thu.ha" if why else "", now_s + until_s if why else 0, why),
    )  # fmt: skip
    if epoch == "hub":
        return
    rows = _events(fault, opened_s)
    if fault.closed_age_s:
        rows.append({"kind": EventKind.FAULT_CLEARED, "at": now_s - fault.closed_age_s, "reason": "api_answers"})
    for index, row in enumerate(rows):
        at_s, seq = row.pop("at"), number * 100 + index
        raw = {"v": 1, "stamp": _stamp(at_s, seq), "rule": fault.rule, "fault_id": number, **row}
        db.execute(
            "INSERT INTO events (room, epoch, seq, kind, at_s, received_s, rule, fault_id, incident, raw)"
            " VALUES (?,?,?,?,?,?,?,?,?,?)",
            (room, epoch, seq, row["kind"], at_s, at_s + 1, fault.rule, number, number,
             json.dumps(raw, ensure_ascii=False).encode()),
        )  # fmt: skip


def _add_meetings(db: sqlite3.Connection, rooms: list[str], now_s: float) -> None:
    """A province-wide meeting in 48 minutes, a smaller one tomorrow that is secret, one that ended."""
    for key, title, start_s, length_s, invited in (
        ("m1", "Giao ban trực tuyến toàn tỉnh: phòng, chống thiên tai tháng 11", now_s + 48 * MINUTE, 2 * HOUR, rooms),
        ("m2", "Hội nghị chuyển đổi số – cụm Mường Lát", now_s + 26 * HOUR, 3 * HOUR, rooms[14:46]),
        ("m0", "Kết nối thử", now_s - 9 * HOUR, HOUR, rooms[:200]),
    ):
        db.execute("INSERT INTO meetings VALUES (?,?,?,?,?)", (key, title, start_s, start_s + length_s, key == "m2"))
        db.executemany("INSERT INTO meeting_rooms VALUES (?,?)", [(key, room) for room in invited])


def main() -> None:
    """Fill a new file and, if asked, serve it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("path", type=Path)
    parser.add_argument("--storm", action="store_true", help="166 rooms fall silent together")
    parser.add_argument("--serve", type=int, metavar="PORT")
    options = parser.parse_args()
    for suffix in ("", "-wal", "-shm"):
        options.path.with_name(options.path.name + suffix).unlink(missing_ok=True)
    fill(options.path, time.time())
    if options.storm:
        storm(options.path, time.time())
    if options.serve:
        import uvicorn

        from tests.hub.console.fake import demo_app

        uvicorn.run(demo_app(options.path), host="127.0.0.1", port=options.serve, timeout_graceful_shutdown=1)


if __name__ == "__main__":
    main()
