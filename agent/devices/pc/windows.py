"""A conference PC with Windows 10 or 11, by its own OpenSSH server and `cmd`.

Sources: Microsoft's documentation of `tasklist`, `reg`, `schtasks`, and of what *Settings, Privacy, Microphone* keeps:
for every program that ever used microphone or camera, `LastUsedTimeStop`, which is 0 while it uses it. Words are
localized, so none of them is read: a program runs when the list of all has its name, and an order was taken when the
shell says so.

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


def look(process: str) -> bytes:
    """What to type for a look."""
    del process  # the whole list is asked for: a filter's words would need quotes
    parts = [f"reg query {CONSENT}\\{what} /s /v LastUsedTimeStop 2>NUL" for what in ("microphone", "webcam")]
    return _shell.script(["tasklist /FO CSV /NH", *parts], END)


def order(task: str) -> bytes:
    """What to type to open the program anew."""
    return _shell.script([f"schtasks /Run /TN {task} >NUL 2>&1 && echo {_shell.DONE} || echo {_shell.FAILED}"], END)


def facts(process: str, sections: Sequence[Sequence[str]]) -> dict[str, Reading]:
    """The facts of a whole answer."""
    tasks, microphone, camera = sections
    running = _running(process, tasks)
    return {"pc.app_running": running, "codec.in_call": _called(running, _used(microphone, camera))}


def _called(running: Reading, used: Reading) -> Reading:
    """A program that runs may hold a meeting with microphone and camera let go: then a call is not denied."""
    return NoReading("stale") if used is False and running is not False else used


def _running(process: str, rows: Sequence[str]) -> Reading:
    names = [match[1].lower() for row in rows if (match := ROW.match(row))]
    if process.lower() in names:
        return True
    return False if len(names) >= ROWS_MIN and len(names) == len(rows) else NoReading("garbled")


def _used(microphone: Sequence[str], camera: Sequence[str]) -> Reading:
    """True while any program uses one of them. False only where Windows remembers uses of both, and all have ended."""
    stops = [int(match[1], 16) for row in (*microphone, *camera) if (match := USED.match(row))]
    if 0 in stops:
        return True
    strange = [row for row in (*microphone, *camera) if "LastUsedTimeStop" in row and not USED.match(row)]
    known = all(any(USED.match(row) for row in rows) for rows in (microphone, camera))
    return False if known and not strange else NoReading("garbled" if strange else "absent")
