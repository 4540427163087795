"""Rooms as people look for them: by any part of a name, without marks, by an old name or a code."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from hub.core.text import fold
from hub.store.read.reads import RoomRow, Tree

CHOICES_MAX = 20
"""More than anyone reads on a phone: the search finds the rest."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A room that may be picked."""

    room: RoomRow
    commune: str
    cluster: str
    has_board: bool


def search(rooms: list[RoomRow], tree: Tree, query: str) -> list[RoomRow]:
    """Rooms in which every word of the query occurs: name, aliases, commune, cluster, codes; marks are ignored.

    Those that match without their cluster come first: "nhu xuan" means the commune before its neighbours.
    """
    wanted = fold(query).split()
    if not wanted:
        return rooms
    paths = {node: tree.folded_path(node) for node in {room.node for room in rooms}}

    near = {node: _folded_near(tree, node) for node in paths}

    def rank(room: RoomRow) -> int:
        """0: by its own names; 1: only with its cluster's; 2: not at all."""
        own = f"{room.folded} {near[room.node]} {room.room}"
        if all(word in own for word in wanted):
            return 0
        text = f"{own} {paths[room.node]}"
        return 1 if all(word in text for word in wanted) else 2

    ranked = [(rank(room), room) for room in rooms]
    return [room for wanted_rank in (0, 1) for found, room in ranked if found == wanted_rank]


def _folded_near(tree: Tree, node: int) -> str:
    commune = tree.up(node, "commune")
    return f"{commune.folded} {commune.code}" if commune else tree.folded_path(node)


def choices(rooms: list[RoomRow], tree: Tree, query: str, chosen: str, boards: Collection[str]) -> list[Choice]:
    """What a picker of rooms shows for a query: the chosen room first; without a query those that have no board yet.

    `boards`: rooms with one. At most `CHOICES_MAX`, and one more that is chosen.
    """
    found = search(rooms, tree, query)
    if not fold(query).split():
        found = sorted(found, key=lambda room: room.room in boards)
    mine = [room for room in rooms if room.room == chosen]
    shown = mine + [room for room in found if room.room != chosen][:CHOICES_MAX]

    def name(room: RoomRow, level: str) -> str:
        place = tree.up(room.node, level)
        return place.name if place else ""

    return [Choice(room, name(room, "commune"), name(room, "cluster"), room.room in boards) for room in shown]
