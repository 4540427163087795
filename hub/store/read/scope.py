"""A reader that knows only the rooms beneath some nodes of the site tree.

Every question is asked of views that stand in front of the tables on a connection of its own, so that no page, counter
or export can forget to ask where a room stands. What names no room (`set_aside`) is empty.
"""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

from hub.store.read.reads import Reader

_BY_ROOM = ("twins", "acked", "events", "incidents", "orders", "meeting_rooms", "desired", "history", "handovers",
            "kept_events", "own_signs")  # fmt: skip
_SETUP = (
    "CREATE TEMP TABLE scope_roots (node INTEGER PRIMARY KEY)",
    # UNION, not UNION ALL: a cycle made by mistake ends.
    "CREATE TEMP VIEW scope_nodes AS WITH RECURSIVE below(id) AS (SELECT node FROM temp.scope_roots"
    " UNION SELECT n.id FROM main.nodes n JOIN below b ON n.parent = b.id) SELECT id FROM below",
    "CREATE TEMP VIEW nodes AS WITH RECURSIVE above(id) AS (SELECT node FROM temp.scope_roots"
    " UNION SELECT n.parent FROM main.nodes n JOIN above a ON n.id = a.id WHERE n.parent IS NOT NULL)"
    " SELECT * FROM main.nodes WHERE id IN (SELECT id FROM temp.scope_nodes) OR id IN (SELECT id FROM above)",
    "CREATE TEMP VIEW rooms AS SELECT * FROM main.rooms WHERE node IN (SELECT id FROM temp.scope_nodes)",
    *(
        f"CREATE TEMP VIEW {table} AS SELECT * FROM main.{table} WHERE room IN (SELECT room FROM temp.rooms)"  # noqa: S608
        for table in _BY_ROOM
    ),
    "CREATE TEMP VIEW notes AS SELECT * FROM main.notes WHERE incident IN (SELECT id FROM temp.incidents)",
    "CREATE TEMP VIEW meetings AS SELECT * FROM main.meetings WHERE id IN (SELECT meeting FROM temp.meeting_rooms)",
    "CREATE TEMP VIEW set_aside AS SELECT * FROM main.set_aside WHERE 0",
    # Nothing of accounts is asked for through a scope.
    *(f"CREATE TEMP VIEW {table} AS SELECT * FROM main.{table} WHERE 0"  # noqa: S608
      for table in ("users", "sessions", "audit", "user_scopes", "enrolments", "devices", "totp", "recovery_codes",
                    "tokens", "token_scopes")),
)  # fmt: skip
SHARED = frozenset({"meta", "rollouts", "frozen_windows", "audit_anchors"})
"""Tables without rooms that everyone may be told of. Any other table stands behind a view; a test looks."""
HIDDEN = frozenset(name.split()[3] for name in _SETUP if name.startswith("CREATE TEMP VIEW"))
_local = threading.local()


class ScopedReader(Reader):
    """As Reader, for an account that is bound to nodes. One further connection a thread, whatever the scopes."""

    def __init__(self, path: Path, roots: frozenset[int]) -> None:
        super().__init__(path)
        self._file = path.resolve()
        self._roots = roots

    def _connection(self) -> sqlite3.Connection:
        """The thread's connection, turned to this scope: nobody else uses it until the answer is fetched."""
        if getattr(_local, "file", None) != self._file:
            connection = sqlite3.connect(f"{self._file.as_uri()}?mode=ro", uri=True, timeout=5, isolation_level=None)
            connection.row_factory = sqlite3.Row
            for statement in _SETUP:
                connection.execute(statement)
            _local.connection, _local.file, _local.roots = connection, self._file, frozenset()
        if _local.roots != self._roots:
            _local.roots = None  # should one of these fail, the next asker turns it again
            _local.connection.execute("DELETE FROM temp.scope_roots")
            _local.connection.executemany("INSERT INTO temp.scope_roots VALUES (?)", [(node,) for node in self._roots])
            _local.roots = self._roots
        found: sqlite3.Connection = _local.connection
        return found
