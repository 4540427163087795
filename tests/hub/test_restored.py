"""After a restore nothing that was closed since the copy opens by itself."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

from hub.changes import meetings, restored
from hub.commands import backup
from hub.intake.link import Broker
from hub.runtime.service import Hub
from hub.store.db import open_db, open_reader, transaction
from hub.store.tables import save_acked
from tests.brokers import Mosquitto, until
from tests.hub.rooms import Room, fill_inventory
from tests.hub.test_service import Speaker
from wire.messages import Desired, decode

HOUR_S = 3600.0


def test_a_hub_that_was_never_restored_says_nothing(tmp_path: Path) -> None:
    with closing(open_db(tmp_path / "hub.db")) as db:
        assert restored.told(db, 1.0) is None
        assert not restored.unchecked(db)


def test_rooms_keep_a_secret_meeting_that_the_copy_does_not_know(tmp_path: Path) -> None:
    """It was marked after the copy was made. Told the copy's schedule, the room would open its microphone in it."""
    path, now_s = tmp_path / "hub/hub.db", time.time()
    with closing(open_db(path)) as db:
        fill_inventory(db)
        save_acked(db, "p1-1", "e1", 3)
        planned = meetings.Planned("m1", "Giao ban", now_s + HOUR_S, now_s + 2 * HOUR_S, frozenset({"p1-1"}))
        with transaction(db):
            meetings.replace_schedule(db, [planned], now_s, "an")
    copy, _ = backup.backup(path, tmp_path / "copies", now_s)
    backup.restore(copy, tmp_path / "new", now_s)
    with Mosquitto(tmp_path / "broker") as broker:
        hub = Hub(tmp_path / "new/hub.db", Broker(port=broker.port), commit_ms=20)
        speaker = Speaker(broker.port, Room(start_s=now_s))
        hub.start()
        try:
            speaker.next("fleet")
            with closing(open_reader(tmp_path / "new/hub.db")) as reader:
                until("it serves", lambda: hub.health()["broker_connected"])
                assert reader.execute("SELECT COUNT(*) FROM desired").fetchone()[0] == 0, "nothing is made up"
            assert hub.mark_meeting("m1", secret=True, by="thu.ha").ok
            assert hub.check_schedule("thu.ha").ok
            document = decode(Desired, speaker.next("desired")[1])
        finally:
            hub.stop()
            speaker.close()
    assert [one.secret for one in document.meetings] == [True], "the first that they are told"
