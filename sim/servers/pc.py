"""A conference PC with Windows: what its `cmd` says, to a shell over SSH.

Source: `agent.devices.pc.windows`. Words that Windows translates are Vietnamese here, since nobody may rely on them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sim.physics import RoomPhysics
from sim.servers.base import Lines

BANNER = b"Microsoft Windows [Version 10.0.19045.4529]\r\n(c) Microsoft Corporation. All rights reserved.\r\n\r\n"
OTHERS = ("System Idle Process", "System", "smss.exe", "csrss.exe", "explorer.exe", "sshd.exe")
ZOOM = r"C:#Users#hop#AppData#Roaming#Zoom#bin#Zoom.exe"


@dataclass
class WindowsPc:
    """The PC itself."""

    process: str = "Zoom.exe"
    task: str = "DiemCauMoLai"
    running: bool = True
    in_call: bool = False
    remembers: bool = True
    """Whether any program has ever used the microphone."""
    hangs: bool = False
    restarts: list[str] = field(default_factory=list)

    def lists_the_program(self) -> bool:
        """Whether the conference software is among the processes."""
        return self.running

    def run_task(self, name: str) -> bool:
        """Run a scheduled task; whether there is one of this name."""
        self.restarts.append(name)
        self.running = self.running or name == self.task
        return name == self.task


class PcOfRoom(WindowsPc):
    """The PC of a simulated room."""

    def __init__(self, room: RoomPhysics, clock: Callable[[], float]) -> None:
        super().__init__()
        self._room = room
        self._clock = clock

    def lists_the_program(self) -> bool:
        """What the physics say."""
        self._room.advance(self._clock())
        return self._room.pc is not None and self._room.pc.app_runs(self._clock())

    def run_task(self, name: str) -> bool:
        """The program's own task opens it in the room's PC."""
        return name == self.task and self._room.command("pc_app_restart", self._clock())


class WindowsConversation:
    """One shell."""

    closing = False

    def __init__(self, pc: WindowsPc) -> None:
        self._pc = pc
        self._lines = Lines()

    def opened(self) -> bytes:
        """The banner."""
        return BANNER

    def tick(self) -> bytes:
        """Nothing."""
        return b""

    def receive(self, data: bytes) -> bytes:
        """Do what is typed; nothing is echoed."""
        if self._pc.hangs:
            return b""
        return "".join(row + "\r\n" for line in self._lines.feed(data) for row in self._rows(line.strip())).encode()

    def _rows(self, typed: str) -> list[str]:
        pc = self._pc
        if typed.startswith("echo "):
            return [typed.removeprefix("echo ")]
        if typed == "tasklist /FO CSV /NH":
            names = (*OTHERS, pc.process) if pc.lists_the_program() else OTHERS
            return [f'"{name}","{1000 + n}","Console","1","{20 + n},412 K"' for n, name in enumerate(names)]
        if typed.startswith("reg query ") and pc.remembers:
            return self._uses("microphone" in typed)
        if typed.startswith("schtasks /Run /TN "):
            return ["diemcau-done" if pc.run_task(typed.split()[3]) else "diemcau-failed"]
        return []

    def _uses(self, microphone: bool) -> list[str]:
        key = r"HKEY_CURRENT_USER\Software\Microsoft\Windows\CurrentVersion\CapabilityAccessManager\ConsentStore"
        place = rf"{key}\{'microphone' if microphone else 'webcam'}\NonPackaged\{ZOOM}"
        stop = "0x0" if self._pc.in_call else "0x1db3c2a55f1e2b0"
        return ["", place, f"    LastUsedTimeStop    REG_QWORD    {stop}", "", "Kết thúc tìm kiếm: 1 kết quả."]
