"""Every kind of trouble; importing this package registers them. Draw from here what happens in a room."""

from tests.prove.sim.chaos import KINDS, drawn, single
from tests.prove.sim.troubles import board, equipment, liars, lines, moments, people, shell, supply
from tests.prove.sim.troubles.people import a_meeting

__all__ = [
    "KINDS",
    "a_meeting",
    "board",
    "drawn",
    "equipment",
    "liars",
    "lines",
    "moments",
    "people",
    "shell",
    "single",
    "supply",
]
