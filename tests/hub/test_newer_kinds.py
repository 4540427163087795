"""A room may run a newer release than its hub: events of a kind that the hub does not know are kept and shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.console import story
from hub.console.words import LANGUAGES, words
from hub.intake.apply import Applier
from hub.store.db import open_db
from hub.store.read import read_incidents
from hub.store.read.reads import Reader
from tests.hub.rooms import Room, fill_inventory
from wire.event_kinds import EventKind

KIND = "of_a_newer_release"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """What an open fault with one event of an unknown kind has left in the hub's database."""
    room = Room()
    confirmed = room.event(EventKind.FAULT_CONFIRMED, fault_id=1, rule="codec_hung", severity="major")
    told = [room.heard(confirmed), room.heard(room.event(KIND, fault_id=1, rule="codec_hung", reason="in_call"))]
    db = open_db(tmp_path / "hub.db")
    fill_inventory(db)
    done = Applier(db, 30.0).apply(told, told[-1].source.received_s)
    db.close()
    assert done.acks == {("p1-1", "e1"): 2}, "acknowledged as any other, or the room would keep it for ever"
    return tmp_path / "hub.db"


def test_it_is_stored_and_moves_no_incident(database: Path) -> None:
    reader = Reader(database)
    (incident,) = read_incidents.open_incidents(reader)
    assert [row["kind"] for row in read_incidents.events(reader, incident.id)] == [EventKind.FAULT_CONFIRMED, KIND]
    assert (incident.phase, incident.refused) == ("confirmed", "")


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_is_shown_by_its_own_name(database: Path, language: str) -> None:
    reader, t = Reader(database), words(language)
    (incident,) = read_incidents.open_incidents(reader)
    steps = story.tell(t, incident, read_incidents.events(reader, incident.id), [])
    (shown,) = [step for step in steps if step.title == KIND]
    assert (shown.tone, shown.detail) == ("plain", t.name("reason", "in_call"))
