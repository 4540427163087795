"""Switch and port by a real lldpd, with another real lldpd as the switch at the far end of a virtual cable."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from agent.config.devices import NetworkConfig
from agent.core.facts import NoReading, Reading
from agent.probes.network import NetworkSlowProbe
from tests.house.source import ROOT
from tests.transports.places import eventually, program

KEY = "net.neighbour"
CABLE = "dc-lldp"
"""Prefix of the namespaces, with this process' number behind it."""

AS_ROOT = () if os.geteuid() == 0 else ("sudo", "-n")
"""Network namespaces and lldpd take root; sudo has to do without a password by now, as for the other tests."""


ROLE = ROOT / "ansible" / "roles" / "agent" / "tasks" / "extras.yml"
OWNER, GROUP, MODE = re.findall(r'--add, (\w+), (\w+), "(\d+)", /usr/sbin/lldpcli', ROLE.read_text("utf-8"))[0]
"""What the role makes of Debian's `lldpcli`, which only root and the group `adm` may run."""


def run(*words: str) -> None:
    done = subprocess.run([*AS_ROOT, program(words[0]), *words[1:]], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"


@contextmanager
def namespace(name: str) -> Iterator[str]:
    run("ip", "netns", "add", name)
    try:
        yield name
    finally:
        run("ip", "netns", "del", name)


@contextmanager
def lldpd(folder: Path, space: str, interface: str, *options: str) -> Iterator[Path]:
    """A real lldpd at one end; gives its socket."""
    folder.mkdir()
    socket = folder / "socket"
    command = ("netns", "exec", space, program("lldpd"), "-d", "-u", str(socket), "-I", interface, "-O", str(folder))
    with (folder / "log").open("wb") as said:
        process = subprocess.Popen([*AS_ROOT, program("ip"), *command, *options], stdout=said, stderr=said)
    try:
        # Before that it is paused, and whatever it is told then may be lost.
        eventually(lambda: "resume operations" in (folder / "log").read_text(), "lldpd did not start")
        yield socket
    finally:
        process.terminate()
        process.wait(20)


AS_THE_SERVICE = ("setpriv", "--reuid", "nobody", "--regid", "nogroup", "--groups", "_lldpd", "--no-new-privs",
                  "sh", "-c", 'exec "$@"', "sh")  # fmt: skip
"""The rights of the agent's service with the role's `agent_lldp`: an account without any, and lldpd's group. The shell
is the first that runs without root's: setpriv itself may still run what the account may not."""


class Cable:
    """A board and a switch, each in a network namespace of its own, with a pair of virtual ports between."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        near, far = (stack.enter_context(namespace(f"{CABLE}-{os.getpid()}-{end}")) for end in ("room", "switch"))
        run("ip", "link", "add", "eth0", "netns", near, "type", "veth", "peer", "name", "gi7", "netns", far)
        for space, port in ((near, "eth0"), (far, "gi7")):
            run("ip", "-n", space, "link", "set", port, "up")
        self._folder, self._stack, self._far = folder, stack, far
        self._asks = folder / "lldpcli"
        run("install", "-o", OWNER, "-g", GROUP, "-m", MODE, program("lldpcli"), str(self._asks))
        self.socket = stack.enter_context(lldpd(folder / "room", near, "eth0", "-r"))

    def probe(self) -> NetworkSlowProbe:
        """Asks the lldpd of the board, as the service does: `lldpcli` is as the role leaves it."""
        asks = (str(self._asks), "-u", str(self.socket), "-f", "json0", "show", "neighbors", "ports")
        command = (*AS_ROOT, *AS_THE_SERVICE, *asks)
        return NetworkSlowProbe(
            NetworkConfig(interface="eth0", gateway="", clock=False, neighbour=True, neighbour_command=command)
        )

    def switch_on(self, name: str, port: str) -> None:
        """Let the far end begin to say who it is."""
        socket = self._stack.enter_context(lldpd(self._folder / "switch", self._far, "gi7", "-S", "a switch"))
        for words in (("lldp", "tx-interval", "1"), ("system", "hostname", name),
                      ("ports", "gi7", "lldp", "portidsubtype", "local", port)):  # fmt: skip
            run("lldpcli", "-u", str(socket), "configure", *words)
        self._switch = socket

    def say_it_again(self) -> None:
        """The far end sends a frame now."""
        run("lldpcli", "-u", str(self._switch), "update")


@pytest.fixture
def cable() -> Iterator[Cable]:
    """In a folder that is open to an account without rights."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=CABLE, ignore_cleanup_errors=True)))
        folder.chmod(0o755)
        yield Cable(folder, stack)


def test_a_switch_is_named_once_it_has_said_who_it_is(cable: Cable) -> None:
    probe = cable.probe()
    assert probe.keys == (KEY,)
    assert probe.observe() == {KEY: NoReading("absent")}
    cable.switch_on("SW-XA-14878", "gi1/0/7")

    def seen() -> bool:
        cable.say_it_again()
        return probe.observe() == {KEY: "SW-XA-14878 port gi1/0/7"}

    eventually(seen, "the switch was not seen")


def test_no_lldpd(tmp_path: Path) -> None:
    def asked(*command: str) -> Reading:
        settings = NetworkConfig(interface="eth0", gateway="", clock=False, neighbour=True, neighbour_command=command)
        return NetworkSlowProbe(settings).observe()[KEY]

    nobody = ("lldpcli", "-u", str(tmp_path / "nobody"), "-f", "json0", "show", "neighbors", "ports")
    assert asked(*nobody) == NoReading("link")
    assert asked("no-such-program") == NoReading("link")
    assert asked("echo", "{") == NoReading("garbled")


def test_a_neighbour_needs_a_port() -> None:
    with pytest.raises(ValueError, match="name the port"):
        NetworkSlowProbe(NetworkConfig(neighbour=True))


def test_nobody_asks_for_it_by_default() -> None:
    assert KEY not in NetworkSlowProbe(NetworkConfig(interface="eth0")).keys
