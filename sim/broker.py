"""The demonstration's broker: Mosquitto where it is installed, else the pure-Python amqtt, which is then named so."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import os
import shutil
import signal
import sys
from pathlib import Path

from sim.process import Child, StartError, answers

READY_S = 20.0


def start(folder: Path, port: int, *, prefer_python: bool = False) -> tuple[Child, bool]:
    """The running broker, and whether it is only good for a demonstration. Raises StartError."""
    folder.mkdir(parents=True, exist_ok=True)
    mosquitto = None if prefer_python else _mosquitto()
    if mosquitto:
        child = Child("mosquitto", [mosquitto, "-c", str(_config(folder, port))], folder / "mosquitto.log")
    elif importlib.util.find_spec("amqtt"):
        child = Child("amqtt", [sys.executable, "-m", "sim.broker", str(port)], folder / "amqtt.log")
    else:
        raise StartError("there is no MQTT broker: install Debian's mosquitto (apt install mosquitto)")
    child.start()
    child.await_ready(lambda: answers(port), READY_S)
    return child, mosquitto is None


def _mosquitto() -> str | None:
    return shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def _config(folder: Path, port: int) -> Path:
    """Loopback only. The two limits: with Mosquitto's defaults a burst of retained messages is cut without a word."""
    lines = [
        f"listener {port} 127.0.0.1",
        "allow_anonymous true",
        "max_queued_messages 1000000",
        "max_inflight_messages 1000",
        "persistence true",
        f"persistence_location {folder}/",
        "log_type warning",
        "log_type error",
    ]
    if os.geteuid() == 0:
        # Started by root it would become a user who may not write into our folder.
        lines.append("user root")
    path = folder / "mosquitto.conf"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


async def _serve(port: int) -> None:
    from amqtt.broker import Broker

    config = {
        "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}", "max_connections": 2000}},
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    }
    broker = Broker(config)
    await broker.start()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
    await broker.shutdown()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(_serve(int(sys.argv[1])))
