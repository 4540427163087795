"""Desired documents: signed anew when the keys change, and none waits for another that is not signed."""

from __future__ import annotations

import queue
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from hub.intake.link import Broker
from hub.runtime.service import Hub
from hub.signer.client import SignRefusedError
from hub.store.db import open_db
from tests.brokers import Mosquitto, until
from tests.hub.rooms import fill_inventory
from wire.envelope import Kind
from wire.messages import Desired, decode, encode

pytestmark = pytest.mark.broker


class Sealer:
    """Signs nothing, and says for which rooms it was asked to."""

    def __init__(self, refuse: str = "", reason: str = "signer_malformed") -> None:
        self.asked: queue.Queue[str] = queue.Queue()
        self._refuse, self._reason = refuse, reason

    def seal(self, kind: Kind, body: bytes) -> bytes:
        assert kind is Kind.DESIRED
        room = decode(Desired, body).room
        self.asked.put(room)
        if room == self._refuse:
            raise SignRefusedError(self._reason)
        return body


def started(folder: Path, broker: Mosquitto, sealer: Sealer, rooms: tuple[str, ...]) -> Hub:
    """A hub with one document for each of these rooms."""
    db = open_db(folder / "hub.db")
    fill_inventory(db)
    db.close()
    with closing(sqlite3.connect(folder / "hub.db")) as db:
        for room in rooms:
            raw = encode(Desired(room=room, version=1))
            db.execute("INSERT INTO desired (room, version, raw) VALUES (?, 1, ?)", (room, raw))
        db.commit()
    (folder / "keys.json").write_bytes(b"one")
    at = Broker(port=broker.port)
    hub = Hub(folder / "hub.db", at, commit_ms=20, sealer=sealer, keys_file=folder / "keys.json")  # type: ignore[arg-type]
    hub.start()
    until("connected", lambda: hub.health()["broker_connected"])
    return hub


def test_documents_are_signed_anew_when_the_list_of_keys_changes(tmp_path: Path) -> None:
    """The broker keeps the old ones, by a key that is revoked now: a room that comes back would not believe them."""
    sealer = Sealer()
    with Mosquitto(tmp_path / "broker") as broker:
        hub = started(tmp_path, broker, sealer, ("p1-1",))
        try:
            assert sealer.asked.get(timeout=30) == "p1-1"
            (tmp_path / "keys.json").write_bytes(b"two")
            hub._desired_at_s = 0.0  # the next look is due now
            assert sealer.asked.get(timeout=30) == "p1-1"
        finally:
            hub.stop()


@pytest.mark.parametrize("reason", ["signer_malformed", "signer_meeting_far", "signer_maintenance_rooms"])
def test_a_document_that_is_not_signed_keeps_no_other_room_waiting(tmp_path: Path, reason: str) -> None:
    sealer = Sealer(refuse="p1-1", reason=reason)
    with Mosquitto(tmp_path / "broker") as broker:
        hub = started(tmp_path, broker, sealer, ("p1-1", "p2-1"))
        try:
            assert {sealer.asked.get(timeout=30) for _ in range(2)} == {"p1-1", "p2-1"}
        finally:
            hub.stop()
