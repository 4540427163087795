"""A conference PC with Windows 10 or 11, by its own OpenSSH server and `cmd`.

Sources: Microsoft's documentation of `tasklist`, `reg`, `schtasks`, and of what *Settings, Privacy, Microphone* keeps:
for every program that ever used microphone or camera, `LastUsedTimeStop`, which is 0 while it uses it. Words are
localized, so none of them is read: a program runs when the list of all has its name, and an order was taken when the
shell says so.

A program that died in the midst of a use leaves its 0 for ever (LAB02-Research/HASS.Agent#123). The key of a use ends
with the program's file; where the list of all, taken afterwards, has no such program, its use has ended.

A program with windows that is started over SSH would live where nobody sees it (session 0): the order runs a scheduled
task that the technician has made, "run only when the user is logged on".
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from agent.core.facts import NoReading, Reading
from agent.devices.about import About, Tested
from agent.devices.pc import _shell

SYSTEM = "windows"
SHELL = ("cmd", "/Q")
END = "\r\n"
KEYS = ("pc.alive", "pc.app_running", "codec.in_call")
ABOUT = About(
    "a conference PC with Windows 10 or 11 (Zoom, Teams, TrueConf, VNPT Meeting …)",
    (Tested("SSH 22 (OpenSSH Server)", "our simulator", "tests/probes/test_pc.py"),),
    facts=KEYS,
    orders=("pc_app_restart",),
    unseen="every Windows; whether each program holds microphone or camera while it is muted in a meeting",
)
CONSENT = r"HKCU\Software\Microsoft\Windows\CurrentVersion\CapabilityAccessManager\ConsentStore"
COMMANDS = 3
ROW = re.compile(r'^"([^"]+)","\d+",')
ROWS_MIN = 5
"""No Windows runs fewer programs: a shorter list is not the list."""
USED = re.compile(r"^LastUsedTimeStop\s+REG_QWORD\s+(0x[0-9a-fA-F]{1,16})$")
KEY = "HKEY_"
PROGRAM = re.compile(r"\\NonPackaged\\.*#([A-Za-z0-9 ._()+-]{1,80}\.exe)$", re.IGNORECASE)
"""Of a key: the file of a program. What a code page may have changed on its way is no name to look for."""


def look(process: str) -> bytes:
    """What to type for a look. The programs come last: one that starts meanwhile has no use in the answer yet."""
    del process  # the whole list is asked for: a filter's words would need quotes
    parts = [f"reg query {CONSENT}\\{what} /s /v LastUsedTimeStop 2>NUL" for what in ("microphone", "webcam")]
    return _shell.script([*parts, "tasklist /FO CSV /NH"], END)


def order(task: str) -> bytes:
    """What to type to open the program anew."""
    return _shell.script([f"schtasks /Run /TN {task} >NUL 2>&1 && echo {_shell.DONE} || echo {_shell.FAILED}"], END)


def facts(process: str, sections: Sequence[Sequence[str]]) -> dict[str, Reading]:
    """The facts of a whole answer."""
    microphone, camera, tasks = sections
    names = [match[1].lower() for row in tasks if (match := ROW.match(row))]
    whole = len(names) >= ROWS_MIN and len(names) == len(tasks)
    running: Reading = process.lower() in names or (False if whole else NoReading("garbled"))
    used = _used((microphone, camera), frozenset(names) if whole else None)
    # A program that runs may hold a meeting with microphone and camera let go: then a call is not denied.
    called = NoReading("stale") if used is False and running is not False else used
    return {"pc.app_running": running, "codec.in_call": called}


def _used(uses: Sequence[Sequence[str]], programs: frozenset[str] | None) -> Reading:
    """True while any program uses one of them. False only where Windows remembers uses of both, and all have ended.

    `programs`: all that run; None where that is not known, and then nobody has died.
    """
    strange = False
    for rows in uses:
        holder = ""
        for row in rows:
            if row.startswith(KEY):
                found = PROGRAM.search(row)
                holder = found[1].lower() if found else ""
            elif match := USED.match(row):
                died = programs is not None and bool(holder) and holder not in programs
                if int(match[1], 16) == 0 and not died:
                    return True
            else:
                strange = strange or "LastUsedTimeStop" in row
    known = all(any(USED.match(row) for row in rows) for rows in uses)
    return False if known and not strange else NoReading("garbled" if strange else "absent")
