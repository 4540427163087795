"""A hub without rooms or broker: it writes an operator's marks at once and answers orders like a willing room."""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from hub.app import create_app
from hub.changes import meetings, restored
from hub.port import Change, Marked, Ordered, Subscription
from hub.store.db import open_db, transaction


class FakeHub:
    """A HubPort on a seeded database."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._subscriptions: set[Subscription] = set()
        self._numbers = iter(range(1, 10_000))
        self.refuse_orders = ""
        self.facts: dict[str, Any] = {
            "broker_connected": True, "broker": "127.0.0.1:1883 (MQTT 3.1.1)",
            "last_message_age_s": 1.4, "rooms_heard": 617, "rooms_expected": 619, "queue": 0, "set_aside": 3,
            "started_s": time.time() - 93_000, "commit_ms": 4.2, "ingested": 1_204_331, "version": "0.1.0",
            "syslog": "", "clock": "", "clock_off_s": 0.0,
        }  # fmt: skip

    def write(self, sql: str, *params: Any) -> None:
        """One statement, committed."""
        with self._lock, sqlite3.connect(self._path) as db:
            db.execute(sql, params)
            db.commit()

    def tell(self, change: Change) -> None:
        """Hand a change to all who subscribed."""
        for subscription in list(self._subscriptions):
            subscription.put(change)

    def _mark(self, incident: int, sql: str, *params: Any) -> Marked:
        with sqlite3.connect(self._path) as db:
            if db.execute("SELECT 1 FROM incidents WHERE id = ?", (incident,)).fetchone() is None:
                return Marked("not_found")
        self.write(sql, *params, incident)
        self.tell(Change(incidents=frozenset({incident})))
        return Marked()

    def order(
        self, room: str, action: str, by: str, why: str, incident: int | None = None, confirmed: str = ""
    ) -> Ordered:
        """As in HubPort."""
        if self.refuse_orders:
            return Ordered(refused=self.refuse_orders)
        order, now_s = f"f{next(self._numbers)}", time.time()
        self.write(
            "INSERT INTO orders (id, room, action, by, why, incident, created_s, sent_s, outcome,"
            " confirmed) VALUES (?,?,?,?,?,?,?,?,'sent',?)",
            order, room, action, by, why, incident, now_s, now_s, confirmed,
        )  # fmt: skip
        self.tell(Change(rooms=frozenset({room}), incidents=frozenset({incident} if incident else ())))
        return Ordered(order)

    def ack_incident(self, incident: int, by: str) -> Marked:
        """As in HubPort."""
        with sqlite3.connect(self._path) as db:
            row = db.execute("SELECT acked_by FROM incidents WHERE id = ?", (incident,)).fetchone()
        if row and row[0] not in ("", by):
            return Marked("conflict", row[0])
        return self._mark(incident, "UPDATE incidents SET acked_by = ?, acked_s = ? WHERE id = ?", by, time.time())

    def check_schedule(self, by: str) -> Marked:
        """As in HubPort, by the hub's own function."""
        db = open_db(self._path)
        with self._lock, transaction(db):
            checked, change = restored.check(db, by, time.time())
        db.close()
        self.tell(change)
        return checked

    def mark_meeting(self, meeting: str, secret: bool, by: str) -> Marked:
        """As in HubPort, by the hub's own function."""
        db = open_db(self._path)
        with self._lock, transaction(db):
            marked, change = meetings.mark_secret(db, meeting, secret, by, time.time())
        db.close()
        self.tell(change)
        return marked

    def unack_incident(self, incident: int, by: str) -> Marked:
        """As in HubPort."""
        return self._mark(incident, "UPDATE incidents SET acked_by = '', acked_s = 0 WHERE id = ?")

    def shelve_incident(self, incident: int, by: str, until_s: float, reason: str) -> Marked:
        """As in HubPort."""
        return self._mark(
            incident,
            "UPDATE incidents SET shelved_by = ?, shelved_until_s = ?, shelved_reason = ? WHERE id = ?",
            by,
            until_s,
            reason,
        )

    def unshelve(self, incident: int, by: str) -> Marked:
        """As in HubPort."""
        return self._mark(incident, "UPDATE incidents SET shelved_until_s = 0 WHERE id = ?")

    def add_note(self, incident: int, by: str, text: str) -> Marked:
        """As in HubPort."""
        return self._mark(
            incident, "INSERT INTO notes (at_s, by, text, incident) VALUES (?, ?, ?, ?)", time.time(), by, text
        )

    def subscribe(self) -> Subscription:
        """As in HubPort."""
        subscription = Subscription(self._subscriptions.discard)
        self._subscriptions.add(subscription)
        return subscription

    def health(self) -> dict[str, Any]:
        """As in HubPort."""
        return dict(self.facts)


def demo_app(path: Path) -> FastAPI:
    """The console over a seeded database."""
    return create_app(path, None, FakeHub(path))
