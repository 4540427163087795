"""With a list of rooms each may use its own shard alone, on the real Mosquitto; and the command takes such a list."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.main import main
from hub.pki import broker
from tests.pki.lab import HUB, OTHER, OWN, Client, people, running
from wire.topics import Leaf, Topic, shard_of


@pytest.mark.broker
def test_a_listed_room_writes_in_its_shard_alone_and_another_nowhere(tmp_path: Path) -> None:
    authority, certs = people(tmp_path)
    own = str(Topic(OWN, Leaf.STATE))
    foreign = own.replace(f"/{shard_of(OWN)}/", "/00/" if shard_of(OWN) != "00" else "/01/")
    with running(tmp_path, authority, certs, (OWN,)) as server:
        clients = {name: Client(server.port, authority / "ca.crt", certs / f"{name}.crt") for name in (OWN, OTHER, HUB)}
        assert all(client.come() for client in clients.values())
        assert clients[OWN].publish(own, b"x")
        assert not clients[OWN].publish(foreign, b"x")
        assert not clients[OWN].publish(str(Topic(OTHER, Leaf.STATE)), b"x")
        assert not clients[OTHER].publish(str(Topic(OTHER, Leaf.STATE)), b"x")
        assert clients[HUB].publish(str(Topic(OWN, Leaf.DESIRED)), b"x")
        for client in clients.values():
            client.leave()


def test_the_command_takes_a_list_and_no_name_that_is_none(tmp_path: Path) -> None:
    rooms = tmp_path / "rooms.txt"
    rooms.write_text("\ufeffr-own\nr-other\n", "utf-8")
    assert main(["broker-config", str(tmp_path / "made"), "--rooms", str(rooms)]) == 0
    assert (tmp_path / "made" / broker.ACL_NAME).read_text("utf-8") == broker.acl(rooms=("r-own", "r-other"))
    rooms.write_text("r-own\nuser +\n", "utf-8")
    assert main(["broker-config", str(tmp_path / "made"), "--rooms", str(rooms)]) == 1
