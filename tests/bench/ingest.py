"""How fast the hub takes messages in, beside `mosquitto_sub` on the same broker with the same payloads.

Messages are queued for both at the broker first, so that the sender takes no part in the race. Times differ from one
machine to the next; the ratio says how much of what the broker can give the hub keeps up with.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.blast import blast, payloads
from tests.bench.table import Row
from tests.brokers import Mosquitto
from wire.topics import hub_filters

COUNT = 30_000
RATIO = 0.35
"""What a prototype that stored every sample reached beside a sink in C (facts on MQTT: 22k to 32k of 64k to 75k)."""
ROOMS_SEND = 62.1
"""621 rooms with a message every 10 s."""
HEADROOM = 20.0
"""After an outage of the hub all rooms drain what they kept, at up to 20 messages a second each."""
QUIET = ("memory_limit 0", "autosave_interval 0")


def measure(count: int = COUNT) -> list[Row]:
    """Sink, then hub."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="diemcau-bench-") as name:
        folder = Path(name)
        with Mosquitto(folder / "for-sink", persistence=False, extra=QUIET) as broker:
            sink_s, mean_bytes = _sink(broker.port, count)
        with Mosquitto(folder / "for-hub", persistence=False, extra=QUIET) as broker:
            hub_s, aside, cpu_s = _hub(broker.port, folder, count)
    note = f"{count} of {mean_bytes:.0f} bytes on average, 3 metric : 1 state : 1 event"
    cost = f"{1e6 * cpu_s / count:.0f} µs of processor each, {aside} set aside"
    return [
        Row("sink: mosquitto_sub takes", count / sink_s, "messages/s", None, note),
        Row("hub: takes in and commits", count / hub_s, "messages/s", None, cost),
        Row("hub: times what 621 rooms send", count / hub_s / ROOMS_SEND, "", HEADROOM, "", at_least=True),
        Row("hub: of the sink's rate", sink_s / hub_s, "", RATIO, "", at_least=True),
    ]  # fmt: skip


def _sink(port: int, count: int) -> tuple[float, float]:
    program = shutil.which("mosquitto_sub")
    assert program, "mosquitto_sub is missing: tools/bootstrap.sh test"
    command = [program, "-p", str(port), "-c", "-i", "bench-sink", "-q", "1", "-F", "%t"]
    for topic in hub_filters():
        command += ["-t", topic]
    subprocess.run([*command, "-E"], check=True, timeout=30)  # subscribe and leave: the broker queues from now on
    sent, size = blast(port, payloads(count))
    assert sent == count
    with subprocess.Popen([*command, "-C", str(count)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.read(1)
        began_s = time.monotonic()
        while process.stdout.read(65_536):
            pass
        return time.monotonic() - began_s, size / count


def _hub(port: int, folder: Path, count: int) -> tuple[float, int, float]:
    _hub_side(port, folder, 0)
    blast(port, payloads(count))
    seconds, ingested, aside, cpu_s = _hub_side(port, folder, count)
    assert int(ingested) >= count, f"the hub took {ingested} of {count}"
    return float(seconds), int(aside), float(cpu_s)


def _hub_side(port: int, folder: Path, count: int) -> list[str]:
    command = [sys.executable, "-m", "tests.bench.hub_side", str(port), str(folder), str(count)]
    return subprocess.run(command, check=True, timeout=400, capture_output=True, text=True).stdout.split()
