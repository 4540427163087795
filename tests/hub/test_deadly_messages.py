"""A message that ends the program is left out after two deaths, and one killed in its midst loses nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt import publish

from hub.intake import suspects as module
from hub.intake.link import Received
from hub.intake.suspects import DEATHS, MARK, Suspects, fingerprint
from hub.store.db import open_db, open_reader
from tests.brokers import Mosquitto, free_port, until
from tests.hub.rooms import Room, fill_inventory
from wire.messages import encode

DYING = """
import os, sys
import hub.intake.ingest, hub.main

real = hub.intake.ingest.decode

def decode(kind, payload):
    if b"deadly" in payload:
        os._exit(9)
    return real(kind, payload)

hub.intake.ingest.decode = decode
sys.exit(hub.main.main(sys.argv[1:]))
"""
"""The hub with a defect that no handler of exceptions catches, as a fault in a library of C is."""


def message(payload: bytes = b"{}") -> Received:
    return Received("diemcau/1/f2/p1-1/event", payload, False, 0.0, lambda: None)


def die(folder: Path, *over: Received) -> Suspects:
    """A hub that has begun with these messages, and was killed over the last."""
    made = Suspects(folder)
    made.open()
    for one in over:
        if made.careful and not made.begin(one):
            continue
    return made


def test_the_second_death_over_a_message_is_its_last(tmp_path: Path) -> None:
    bad, good = message(b"bad"), message(b"good")
    die(tmp_path, bad)
    first = Suspects(tmp_path)
    first.open()
    assert first.careful, "the one before ended badly"
    assert first.begin(good)
    first.end()
    assert first.begin(bad)
    second = Suspects(tmp_path)
    second.open()
    assert second.begin(bad), "once may be chance"
    third = Suspects(tmp_path)
    third.open()
    assert not third.begin(bad)
    assert third.begin(good)


def test_a_good_end_leaves_nothing_behind_and_deaths_are_remembered(tmp_path: Path) -> None:
    for _ in range(3):
        die(tmp_path, message())
    last = Suspects(tmp_path)
    last.open()
    last.close()
    assert not (tmp_path / MARK).exists()
    again = Suspects(tmp_path)
    again.open()
    assert not again.careful
    assert json.loads((tmp_path / DEATHS).read_text()) == {fingerprint(message()): 2}


def test_kills_between_messages_accuse_nobody(tmp_path: Path) -> None:
    for number in range(20):
        made = die(tmp_path)
        assert made.begin(message(b"%d" % number))
        made.end()
    assert not (tmp_path / DEATHS).exists()


@pytest.mark.parametrize("spoilt", [b"", b"{", b"[]", b'{"a": "b"}', b"\xff\xfe"])
def test_files_that_are_spoilt_stop_nothing(tmp_path: Path, spoilt: bytes) -> None:
    (tmp_path / MARK).write_bytes(spoilt)
    (tmp_path / DEATHS).write_bytes(spoilt)
    made = Suspects(tmp_path)
    made.open()
    assert made.begin(message())
    made.close()


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    made = Suspects(tmp_path / "not there")
    made.open()
    assert made.begin(message())
    made.end()
    made.close()


def test_suspects_are_careful_for_a_while_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    die(tmp_path)
    monkeypatch.setattr(module, "CAREFUL_S", -1.0)
    made = Suspects(tmp_path)
    made.open()
    assert not made.careful


class Hub:
    """The real program with the defect, started again whenever it has died, as its unit does."""

    def __init__(self, folder: Path, port: int) -> None:
        self.path = folder / "hub.db"
        db = open_db(self.path)
        fill_inventory(db)
        db.close()
        (folder / "dying.py").write_text(DYING, "utf-8")
        config = folder / "hub.toml"
        config.write_text(
            f'data_dir = "{folder}"\n[web]\nport = {free_port()}\n[broker]\nport = {port}\n[ingest]\ncommit_ms = 20\n',
            "utf-8",
        )
        self._command = [sys.executable, str(folder / "dying.py"), "serve", "--config", str(config)]
        self._log = (folder / "log").open("ab")
        self._process: subprocess.Popen[bytes] | None = None
        self.deaths = 0

    def tend(self) -> None:
        """Start it, and count its deaths."""
        if self._process is not None and self._process.poll() is None:
            return
        self.deaths += self._process is not None
        self._process = subprocess.Popen(self._command, stdout=self._log, stderr=self._log, cwd=Path.cwd())

    def has(self, sql: str) -> list[tuple[Any, ...]]:
        self.tend()
        reader = open_reader(self.path)
        try:
            return [tuple(row) for row in reader.execute(sql)]
        finally:
            reader.close()

    def end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
        self._log.close()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "broker") as running:
        yield running


@pytest.mark.broker
@pytest.mark.run
@pytest.mark.xdist_group("programs-2")
@pytest.mark.timeout(180)
@pytest.mark.parametrize("retain", [False, True], ids=["redelivered", "retained"])
def test_a_message_that_ends_the_hub_is_left_out_and_the_others_are_heard(
    tmp_path: Path, broker: Mosquitto, retain: bool
) -> None:
    hub, bad, good = Hub(tmp_path, broker.port), Room("p1-1"), Room("p1-2")

    def say(topic: str, payload: bytes, retain: bool = False) -> None:
        publish.single(topic, payload, qos=1, retain=retain, hostname="127.0.0.1", port=broker.port)

    first = good.event()

    def heard() -> object:
        """Said until it is heard: before its first connection the hub has no session at the broker."""
        say(good.topic(first), encode(first))
        return hub.has("SELECT 1 FROM events")

    try:
        until("it hears", heard, 60)
        deadly = bad.state(version="deadly") if retain else bad.event("deadly")
        say(bad.topic(deadly), encode(deadly), retain)
        later = [(room, room.event()) for room in (bad, good)]
        for room, event in later:
            say(room.topic(event), encode(event))
        stored = "SELECT DISTINCT room FROM events WHERE epoch = 'e1' AND seq IN (1, 2) AND kind = 'agent_started'"
        until("both are heard again", lambda: len(hub.has(stored)) == 2, 120)
        assert 3 <= hub.deaths <= 4, "the first blow, and two over that very message"
        told = "SELECT room, rule FROM incidents WHERE closed_s = 0 AND rule = 'message_deadly'"
        assert hub.has(told) == [("p1-1", "message_deadly")]
        assert hub.has("SELECT payload FROM set_aside") == [(encode(deadly),)]
        if not retain:
            assert hub.has("SELECT seq, kind FROM kept_events") == [(1, "deadly")]
            assert ("p1-1", 2) in hub.has("SELECT room, seq FROM acked"), "and those behind it need not wait"
    finally:
        hub.end()
