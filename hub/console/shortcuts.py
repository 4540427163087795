"""The keys of the console: the one table that the help shows, the buttons name and the script obeys (`static/keys.js`).

The digits of the pages are not here: they follow the navigation.
"""

from __future__ import annotations

from typing import NamedTuple


class Shortcut(NamedTuple):
    """What a key does, `keys.<does>` in the catalogues, and its keys as browsers name them; the first is shown."""

    does: str
    on: tuple[str, ...]

    @property
    def shown(self) -> str:
        """As it stands on a keyboard."""
        return {"Escape": "Esc"}.get(self.on[0], self.on[0])


SHORTCUTS = (
    Shortcut("next", ("j", "ArrowDown")),
    Shortcut("previous", ("k", "ArrowUp")),
    Shortcut("open", ("Enter",)),
    Shortcut("ack", ("a",)),
    Shortcut("shelve", ("s",)),
    Shortcut("recheck", ("r",)),
    Shortcut("order", ("o",)),
    Shortcut("call", ("c",)),
    Shortcut("note", ("n",)),
    Shortcut("save", ("Ctrl+Enter",)),
    Shortcut("waiting", ("m",)),
    Shortcut("search", ("/",)),
    Shortcut("escape", ("Escape",)),
    Shortcut("help", ("?",)),
)
SHOWN = {one.does: one.shown for one in SHORTCUTS}
