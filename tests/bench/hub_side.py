"""The hub's way from the broker to the committed database, as a program of its own: python -m tests.bench.hub_side.

    hub_side PORT FOLDER COUNT

COUNT 0 makes the inventory and opens the session, so that the broker keeps what comes. Otherwise it takes in so many
messages, then prints the seconds from the first one's arrival to the last one's commit.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from pathlib import Path

from hub.intake.hooks import Hooks
from hub.intake.link import Broker, Link, Received
from hub.intake.writer import Writer
from hub.store.db import hub_epoch, open_db, transaction
from tests.bench.blast import CLUSTERS, ROOMS_EACH
from tests.bench.meter import usage
from tests.hub.rooms import fill_inventory
from wire import messages as m
from wire.topics import Leaf, Topic, hub_filters

COMMIT_MS = 200.0
GIVE_UP_S = 300.0


def main(port: int, folder: Path, count: int) -> None:
    """Entry point."""
    with contextlib.closing(open_db(folder / "hub.db")) as db:
        if count == 0:
            with transaction(db):
                fill_inventory(db, CLUSTERS, ROOMS_EACH)
        mine = hub_epoch(db)
    first_s: list[float] = []
    hooks = Hooks()
    writer = Writer(folder / "hub.db", beat_s=60.0, commit_ms=COMMIT_MS, hooks=hooks)

    def take(message: Received) -> bool:
        if not first_s:
            first_s.append(time.monotonic())
        return writer.offer(message)

    link = Link(Broker(port=port), hub_filters(), take, lambda _up: None)

    def acknowledge(acks: dict[tuple[str, str], int]) -> None:
        for (room, epoch), seq in acks.items():
            link.publish(str(Topic(room, Leaf.ACK)), m.encode(m.Ack(epoch=epoch, seq=seq, hub=mine)))

    hooks.acknowledge = acknowledge
    writer.start()
    link.start()
    poll = threading.Event()
    deadline_s = time.monotonic() + GIVE_UP_S
    while time.monotonic() < deadline_s and (writer.numbers().ingested < count if count else not link.connected):
        poll.wait(0.002)
    last_s = time.monotonic()
    numbers = writer.numbers()
    cpu_s = usage(os.getpid()).cpu_s
    link.stop()
    writer.stop()
    sys.stdout.write(
        f"{last_s - first_s[0] if first_s else 0:.4f} {numbers.ingested} {numbers.set_aside} {cpu_s:.3f}\n"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
