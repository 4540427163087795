"""The demonstration's broker: Mosquitto on loopback, without TLS and passwords."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from sim.process import Child, StartError, answers

READY_S = 20.0


def start(folder: Path, port: int) -> Child:
    """The running broker. Raises StartError."""
    folder.mkdir(parents=True, exist_ok=True)
    mosquitto = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if mosquitto is None:
        raise StartError(
            "there is no MQTT broker: install Debian's mosquitto (apt install mosquitto)",
            "chưa có trạm MQTT: cài gói mosquitto của Debian (apt install mosquitto)",
        )
    child = Child("mosquitto", [mosquitto, "-c", str(_config(folder, port))], folder / "mosquitto.log")
    child.start()
    child.await_ready(lambda: answers(port), READY_S)
    return child


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
