"""A conference PC with Linux, by its SSH server and `sh`.

Sources: `pgrep(1)` (0 found, 1 not found, else an error); ALSA's `/proc/asound/card*/pcm*/sub*/status`: `state:
RUNNING` while sound is recorded or played, `closed` while nobody has it open. The order restarts a unit of the user's
own systemd.
"""

from __future__ import annotations

from collections.abc import Sequence

from agent.core.facts import NoReading, Reading
from agent.devices.about import About, Tested
from agent.devices.pc import _shell

SYSTEM = "linux"
SHELL = ("sh",)
END = "\n"
KEYS = ("pc.alive", "pc.app_running", "codec.in_call")
ABOUT = About(
    "a conference PC with Linux",
    (Tested("SSH 22", "a real shell and `pgrep` behind an SSH server", "tests/probes/test_pc.py"),),
    facts=KEYS,
    orders=("pc_app_restart",),
    unseen="a sound server that keeps the card open while nobody speaks: then a call is never denied",
)
COMMANDS = 2
PROCESS_MAX = 15
"""The kernel keeps no more of a program's name: `pgrep -x` would never find a longer one."""
FOUND = {"app 0": True, "app 1": False}
STATUS = "cat /proc/asound/card*/pcm*/sub*/status 2>/dev/null"


def look(process: str) -> bytes:
    """What to type for a look."""
    return _shell.script([f"pgrep -x '{process.replace('.', '[.]')}' >/dev/null; echo app $?", STATUS], END)


def order(unit: str) -> bytes:
    """What to type to open the program anew."""
    run = f"XDG_RUNTIME_DIR=/run/user/$(id -u) systemctl --user restart {unit} >/dev/null 2>&1"
    return _shell.script([f"{run} && echo {_shell.DONE} || echo {_shell.FAILED}"], END)


def facts(process: str, sections: Sequence[Sequence[str]]) -> dict[str, Reading]:
    """The facts of a whole answer."""
    del process
    app, sound = sections
    running = FOUND.get(app[-1]) if app else None
    used = _used(sound)
    # A program that runs may hold a meeting without sound for a while, or over a sound device that is no card.
    called = NoReading("stale") if used is False and running is not False else used
    return {"pc.app_running": NoReading("garbled") if running is None else running, "codec.in_call": called}


def _used(rows: Sequence[str]) -> Reading:
    """True while sound goes in or out. False only where every channel of every card says that it is closed."""
    if any(row == "state: RUNNING" for row in rows):
        return True
    if not rows:
        return NoReading("absent")
    return False if all(row == "closed" for row in rows) else NoReading("garbled")
