"""A real SNMP agent: snmpsim, with the devices of its community names."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from agent.probes.snmp import SnmpClient
from agent.transports.errors import LinkFault
from sim.process import Child

READY_S = 60.0
SYS_UPTIME = "1.3.6.1.2.1.1.3.0"
UPTIME_ROW = f"{SYS_UPTIME}|67|8640000"


def writable(oid: str, value: int) -> str:
    """A row for a whole number that may be set."""
    return f"{oid}|2:writecache|value={value}"


@contextmanager
def snmp_agent(folder: Path, devices: Mapping[str, str]) -> Iterator[int]:
    """Serve devices by community name, each the rows of an `.snmprec` file; gives the UDP port."""
    data, cache = folder / "snmp-data", folder / "snmp-cache"
    for name in (data, cache):
        name.mkdir(parents=True)
    for community, rows in devices.items():
        lines = sorted(rows.strip().splitlines(), key=lambda row: [int(x) for x in row.split("|")[0].split(".")])
        (data / f"{community}.snmprec").write_text("\n".join(lines) + "\n", "utf-8")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).parent / "snmpsim-command-responder"), f"--data-dir={data}",
               f"--cache-dir={cache}", f"--agent-udpv4-endpoint=127.0.0.1:{port}",
               "--logging-method=stderr"]  # fmt: skip
    if os.getuid() == 0:
        # It will not serve root unless it is told to; another account could not read a Python in root's home.
        command += ["--process-user=root", "--process-group=root"]
    child = Child("snmpsim", command, folder / "snmpsim.log")
    child.start()
    probe = SnmpClient("127.0.0.1", port, next(iter(devices)))

    def answers() -> bool:
        try:
            probe.get([SYS_UPTIME], 0.5)
        except LinkFault:
            return False
        return True

    try:
        child.await_ready(answers, READY_S)
        yield port
    finally:
        probe.close()
        child.end()
