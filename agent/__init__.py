"""The agent: it watches one room, heals what it may, and tells the rest."""

__version__ = "0.1.0"
