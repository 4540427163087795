"""What runs inside the guest: real agents on the simulated chip, while the kernel traces every movement of its lines.

Nothing is judged here. The trace, with marks between its lines, is written to standard output, and read on the host by
`tests.lab.trace`. Marks: `base N` (the number of the chip's first line), `policy NAME`, `scenario NAME`, `step NAME`,
`level PIN LEVEL` (read back from the chip, not from the program), `end`.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from agent.power.rescue import CACHE
from agent.transports.clock import boot_id
from wire import messages as m
from wire.topics import Leaf, Topic

TRACE = Path("/sys/kernel/tracing")
CHIP = Path("/sys/kernel/config/gpio-sim/header")
KEEP = Path("/sys/module/gpio_simx/parameters/keep_released")
FOLDER = Path("/tmp/room")
BROKER = Path("/tmp/mosquitto.conf")
PORT = 18830
ROOM_ID = "r-lab"
LINES = {"codec": 17, "display": 18, "light": 22}
CODEC, SWITCH, LIGHT = LINES.values()
PATIENCE_S = 90.0
"""An emulated core is slow; what is awaited either comes, or the whole proof fails."""
ROOM = f"""
[room]
id = "{ROOM_ID}"
state_dir = "{FOLDER}"
[broker]
host = "127.0.0.1"
port = {PORT}
[commands]
accept_unsigned = true
[network]
gateway = ""
clock = false
[relays.codec]
pin = {CODEC}
[relays.display]
pin = {SWITCH}
[relays.light]
pin = {LIGHT}
contact = "no"
"""

_running: list[subprocess.Popen[bytes]] = []


def mark(words: str) -> None:
    """Write a line into the trace itself, so that it stands in order with the kernel's."""
    (TRACE / "trace_marker").write_text(words, "ascii")
    sys.stderr.write(f"guest: {time.monotonic():.1f} s: {words}\n")


def level(pin: int) -> int:
    """What the chip shows on a line: what a relay board would see."""
    device, chip = (CHIP / "dev_name").read_text().strip(), (CHIP / "bank/chip_name").read_text().strip()
    return int(Path(f"/sys/devices/platform/{device}/{chip}/sim_gpio{pin}/value").read_text())


def step(name: str) -> None:
    """Mark what has just happened, and the levels that it left."""
    mark(f"step {name}")
    for pin in LINES.values():
        mark(f"level {pin} {level(pin)}")


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for something that must come."""
    end_s = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end_s:
            for process in _running:  # with faulthandler, its threads' stacks come out on the console
                process.send_signal(signal.SIGABRT)
            raise SystemExit(f"{what}: it did not happen")
        time.sleep(0.02)


def kinds() -> list[str]:
    """Kinds of the events in the agent's outbox, oldest first."""
    try:
        with closing(sqlite3.connect(f"file:{FOLDER}/room.db?mode=ro", uri=True)) as db:
            return [row[0] for row in db.execute("SELECT payload ->> 'kind' FROM outbox ORDER BY seq")]
    except sqlite3.OperationalError:
        return []


class Agent:
    """One run of the agent's program."""

    def __init__(self, module: str = "agent.main") -> None:
        known = kinds().count("agent_started")
        mark("step ask")
        config = FOLDER.with_suffix(".toml")
        command = [sys.executable, "-X", "faulthandler", "-m", module, "run", "--config", str(config)]
        self.process = subprocess.Popen(command)
        _running[:] = [self.process]
        until(lambda: kinds().count("agent_started") > known, "an agent starts")

    def end(self, number: signal.Signals) -> None:
        self.process.send_signal(number)
        self.process.wait(PATIENCE_S)


class Hub:
    """The least a hub does: know the room's nonce, and order."""

    def __init__(self) -> None:
        self.nonce = ""
        self.ready = False
        self.counter = int(time.time())
        self.replies: dict[str, m.Reply] = {}
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"hub-{self.counter}")
        self.client.on_message = self._take
        self.client.connect("127.0.0.1", PORT)
        self.client.subscribe("diemcau/1/#", qos=1)
        self.client.loop_start()

    def _take(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        topic = Topic.parse(message.topic)
        if topic.leaf is Leaf.STATUS:
            self.nonce = m.decode(m.Status, bytes(message.payload)).nonce
        elif topic.leaf is Leaf.STATE:
            self.ready = True
        elif topic.leaf is Leaf.REPLY:
            self.replies[topic.id] = m.decode(m.Reply, bytes(message.payload))

    def order(self, action: str) -> None:
        """Order it until it is accepted: the interlock refuses until the codec has been seen idle."""
        until(lambda: self.ready and bool(self.nonce), "the agent reports")
        until(lambda: self._accepted(action), f"{action} is accepted")

    def _accepted(self, action: str) -> bool:
        self.counter += 1
        ident = f"c{self.counter}"
        order = m.Command(
            id=ident, room=ROOM_ID, boot=boot_id(), nonce=self.nonce, counter=self.counter, action=action, by="lab"
        )
        self.client.publish(str(Topic(ROOM_ID, Leaf.COMMAND, ident)), m.encode(order), qos=1)
        until(lambda: ident in self.replies, f"{action} is answered")
        reply = self.replies[ident]
        sys.stderr.write(f"guest: {action}: {reply.outcome} {reply.reason}\n")
        return reply.outcome in ("accepted", "done")  # a light is done before anybody has read that it was accepted

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def fresh(name: str) -> None:
    """A new scenario: a room without a past. The checked configuration stays, it takes an emulated core a minute."""
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.iterdir():
        if path.name != CACHE:
            path.unlink()
    FOLDER.with_suffix(".toml").write_text(ROOM, "utf-8")
    mark(f"scenario {name}")
    step("before")


def gpiozero_alone() -> None:
    """The control: a pin of gpiozero's own class, whose glitch the trace has to show."""
    fresh("gpiozero's own pin")
    program = (
        "from gpiozero.pins.lgpio import LGPIOFactory; from gpiozero import OutputDevice;"
        f"OutputDevice({CODEC}, initial_value=True, pin_factory=LGPIOFactory(chip=0))"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    step("ended")


def start_and_end() -> None:
    """Start, an orderly stop, a start after it, a crash, and a start after that."""
    fresh("start, stop, crash")
    agent = Agent()
    step("started")
    agent.end(signal.SIGTERM)
    step("stopped")
    agent = Agent()
    step("started again")
    agent.end(signal.SIGKILL)
    step("killed")
    Agent().end(signal.SIGTERM)
    step("started and stopped")


def cycle() -> None:
    """A power cycle ordered by the hub, then the light switched on, and the agent killed and started with it on."""
    fresh("cycle")
    agent, hub = Agent("tests.lab.run_idle"), Hub()
    hub.order("display_power_cycle")
    until(lambda: "remedy_done" in kinds(), "the cycle ends")
    step("cycled")
    hub.order("light_on")
    until(lambda: kinds().count("remedy_done") == 2, "the light is switched")
    step("light on")
    agent.end(signal.SIGKILL)
    step("killed")
    agent = Agent("tests.lab.run_idle")
    step("started again")
    agent.end(signal.SIGTERM)
    step("stopped")
    agent = Agent("tests.lab.run_idle")  # the next room has no past: its light must not be found on
    hub.order("light_off")
    step("light off")
    agent.end(signal.SIGTERM)
    hub.close()


def ended_in_mid_cycle(number: signal.Signals, name: str) -> None:
    """An agent ended while the display is without power, and started again."""
    fresh(name)
    agent, hub = Agent("tests.lab.run_idle"), Hub()
    hub.order("display_power_cycle")
    until(lambda: level(SWITCH) == 1, "the switch is cut")
    step("cut")
    agent.end(number)
    step("ended")
    agent = Agent("tests.lab.run_idle")
    step("started again")
    agent.end(signal.SIGTERM)
    step("stopped")
    hub.close()


def trace_on() -> None:
    """Every value and direction the kernel gives a line, and the letting go of one, by the monotonic clock."""
    (TRACE / "trace_clock").write_text("mono")
    (TRACE / "buffer_size_kb").write_text("4096")
    (TRACE / "kprobe_events").write_text("p:lab/line_free gpio_simx:gpio_sim_free line=%si:u32")
    for event in ("gpio/gpio_value", "gpio/gpio_direction", "lab/line_free"):
        (TRACE / "events" / event / "enable").write_text("1")


def main() -> None:
    """Run all scenarios under both policies of a kernel, then hand the trace over."""
    os.environ["GPIOZERO_PIN_FACTORY"] = "diemcau_lgpio"
    trace_on()
    base = min(int(path.name.removeprefix("gpiochip")) for path in Path("/sys/class/gpio").glob("gpiochip*"))
    mark(f"base {base}")
    BROKER.write_text(
        f"listener {PORT} 127.0.0.1\nallow_anonymous true\nuser root\n"
    )  # there is nobody else in the guest
    broker = subprocess.Popen(["/usr/sbin/mosquitto", "-c", str(BROKER)])
    mark("policy keeps")
    KEEP.write_text("1")
    start_and_end()
    cycle()
    ended_in_mid_cycle(signal.SIGKILL, "crash in mid cycle")
    ended_in_mid_cycle(signal.SIGTERM, "stop in mid cycle")
    mark("policy lets go")
    KEEP.write_text("0")
    gpiozero_alone()
    start_and_end()
    cycle()
    ended_in_mid_cycle(signal.SIGKILL, "crash in mid cycle")
    mark("end")
    broker.kill()
    sys.stdout.write((TRACE / "trace").read_text())


if __name__ == "__main__":
    main()
