"""A whole province on this machine: broker, hub, light rooms and real agents, started in order and ended in order."""

from __future__ import annotations

import datetime as dt
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from sim import broker, fitout, places, scenario
from sim.account import hub_numbers
from sim.control import ask
from sim.director import FULL
from sim.fault_kind import expected
from sim.faults import FAULTS
from sim.fleet import FleetPlan
from sim.process import Child, StartError, answers, free_port, program
from sim.real import KINDS, RealRooms

SCALE = 0.1
"""Every duration of the rooms is a tenth: a codec boots in 15 s instead of 150."""
HEARD_S = 90.0
"""How long all rooms may take to be heard."""
HEARD_STEP = 200
HUB_READY_S = 40.0
COMMAND_S = 120.0
TURN_S = 0.2
BROKER_PORT = 1883
OPERATOR = "truc"
ADMIN = "quantri"
AGAIN_H = 12
"""For how long meetings that come again are planned."""
HANOI = dt.timezone(dt.timedelta(hours=7))

Say = Callable[[str, str], None]
"""Progress for people, in Vietnamese and English."""


class Province:
    """Everything that runs. Whatever was started is ended by `end`, also after a start that failed halfway."""

    def __init__(self, folder: Path, rooms: int, real: int, seed: int, port: int, say: Say) -> None:
        """Starts nothing. Raises ValueError for a number of rooms that there is not."""
        self.folder = folder
        self.places = places.province(rooms, seed)
        self.real: RealRooms | None = None
        self.logins: dict[str, tuple[str, str]] = {}
        """Name and password of an account, by its role."""
        self.port = free_port(port)
        if port not in (0, self.port):
            say(
                f"Cổng {port} đang có chương trình khác dùng: trang mở ở cổng {self.port}",
                f"Port {port} is taken by another program: the console is at port {self.port}",
            )
        self._say = say
        self._real_count = real
        self._seed = seed
        self._children: list[Child] = []
        self._began_wall_s = time.time()
        self._stored_before = 0
        """Events at the hub before this run, in a data folder that has served before, less those still to come."""

    @property
    def database(self) -> Path:
        """The hub's."""
        return self.folder / "hub" / "hub.db"

    @property
    def control(self) -> Path:
        """The light rooms' socket."""
        return self.folder / "fleet.sock"

    @property
    def real_kinds(self) -> dict[str, str]:
        """Rooms with real agents, and how their codec is reached."""
        return dict(self.real.kinds) if self.real else {}

    def suits(self, room: str, fault: str) -> bool:
        """Whether a light room is fitted for what is expected of a fault."""
        kind = FAULTS[fault]
        return expected(kind, fitout.of_light(room, self._seed, SCALE)) == kind.expect

    # -- start

    def start(self, plan: scenario.Scenario) -> None:
        """Start everything but waiting for the rooms. Raises StartError."""
        self._say(f"Dữ liệu tại {self.folder}", f"Data in {self.folder}")
        broker_port = free_port(BROKER_PORT)
        child = broker.start(self.folder / "broker", broker_port)
        self._children.append(child)
        self._say(
            f"Trạm trung chuyển MQTT: {child.name}, cổng {broker_port}",
            f"MQTT broker: {child.name}, port {broker_port}",
        )
        root_key = self._start_signer()
        self._start_hub(plan, broker_port)
        self.real = RealRooms(
            self.folder / "real", self._choose_real(), SCALE, broker_port, self._seed, root_key=root_key
        )
        confirmed = self.real.events_sent() - self.real.pending()
        self._stored_before = self.numbers()["events_stored"] - confirmed
        self.real.start_hardware()
        light = [place.room for place in self.places if place.room not in self.real.kinds]
        plan_file = self.folder / "fleet.json"
        plan_file.write_bytes(
            msgspec.json.encode(FleetPlan(light, broker_port, str(self.control), SCALE, self._seed, root_key=root_key))
        )
        self.control.unlink(missing_ok=True)
        fleet = Child("rooms", [sys.executable, "-m", "sim.fleet", str(plan_file)], self.folder / "log" / "rooms.log")
        self._children.append(fleet.start())
        self.real.start_agents()
        self._say(
            f"{len(light)} phòng mô phỏng và {len(self.real.kinds)} phòng chạy bộ giám sát thật đang kết nối",
            f"{len(light)} simulated rooms and {len(self.real.kinds)} rooms with real agents are connecting",
        )
        fleet.await_ready(self.control.exists, HUB_READY_S)

    def _choose_real(self) -> list[str]:
        """Spread over a large province, together in a small one: there, a cluster must be left for a ring to fail."""
        count = min(self._real_count, len(KINDS), len(self.places))
        step = len(self.places) // count if count and len(self.places) >= FULL else 1
        return [place.room for place in self.places[::step]][:count]

    @property
    def _signer(self) -> Path:
        return self.folder / "signer.sock"

    def _start_signer(self) -> str:
        """The process that signs orders, with keys of this folder's own; the root's public half."""
        folder = self.folder / "orders"
        key = folder / "signing.key"
        if not key.exists():
            self._command("diemcau-hub", "signer", "init", "--dir", str(folder))
            self._command("diemcau-hub", "signer", "new-key", "--dir", str(folder), "--key", str(key))
        command = [program("diemcau-hub"), "signer", "run", "--key", str(key), "--socket", str(self._signer)]
        command += ["--journal", str(folder / "signed.jsonl")]
        signer = Child("signer", command, self.folder / "log" / "signer.log")
        self._children.append(signer.start())
        signer.await_ready(self._signer.exists, HUB_READY_S)
        return (folder / "root-orders.pub").read_text("ascii").strip()

    def _start_hub(self, plan: scenario.Scenario, broker_port: int) -> None:
        folder = self.folder / "hub"
        folder.mkdir(parents=True, exist_ok=True)
        config = folder / "hub.toml"
        config.write_text(
            # On loopback, and nobody who looks on has an authenticator app for it at hand.
            f'data_dir = "{folder}"\n[web]\nport = {self.port}\nrequire_totp_for_admins = false\n'
            f'[broker]\nhost = "127.0.0.1"\nport = {broker_port}\n'
            # Time is compressed: a morning's faults come within a minute and a half.
            f"[fleet]\nshare_pct = 20\nwindow_s = 60\n"
            f'[signer]\nsocket = "{self._signer}"\nkeys_file = "{self.folder / "orders" / "keys.json"}"\n',
            "utf-8",
        )
        rooms_file = folder / "rooms.csv"
        rooms_file.write_text(places.registry_csv(self.places), "utf-8")
        self._hub_command("import-rooms", config, str(rooms_file))
        for name, role in ((OPERATOR, "operator"), (ADMIN, "admin")):
            self._add_account(config, name, role)
        if plan.meeting_in_min:
            meetings = folder / "meetings.csv"
            meetings.write_text(meetings_csv(plan, dt.datetime.now(HANOI)), "utf-8")
            self._hub_command("import-meetings", config, str(meetings))
        command = [program("diemcau-hub"), "serve", "--config", str(config)]
        hub = Child("hub", command, self.folder / "log" / "hub.log")
        self._children.append(hub.start())
        hub.await_ready(lambda: answers(self.port), HUB_READY_S)
        self._say("Trung tâm đã chạy", "The hub is running")

    def _hub_command(self, name: str, config: Path, *arguments: str, password: str = "") -> None:
        self._command("diemcau-hub", name, "--config", str(config), *arguments, password=password)

    @staticmethod
    def _command(name: str, *arguments: str, password: str = "") -> None:
        environment = {**os.environ, **({"DIEMCAU_PASSWORD": password} if password else {})}
        done = subprocess.run(
            [program(name), *arguments],
            capture_output=True, text=True, timeout=COMMAND_S, check=False, env=environment,
        )  # fmt: skip
        if done.returncode != 0:
            words = (done.stderr or done.stdout).strip().splitlines()
            raise StartError(f"{name} {arguments[0]} failed: {' / '.join(words[-3:])}")

    def _add_account(self, config: Path, name: str, role: str) -> None:
        """With a password of its own, kept beside the data so that the same folder serves again."""
        kept = self.folder / "hub" / f"{role}.password"
        if kept.exists():
            self.logins[role] = (name, kept.read_text("utf-8").strip())
            return
        password = secrets.token_urlsafe(9)
        self._hub_command("add-user", config, name, "--role", role, password=password)
        kept.touch(mode=0o600)
        kept.write_text(password + "\n", "utf-8")
        self.logins[role] = (name, password)

    def await_heard(self, stopping: Callable[[], bool]) -> None:
        """Wait until the hub has every room's full state. Raises StartError when that takes too long."""
        until_s = time.monotonic() + HEARD_S
        said = 0
        while not stopping():
            online = self.numbers()["rooms_online"]
            if online >= len(self.places):
                return
            if time.monotonic() > until_s:
                raise StartError(
                    f"only {online} of {len(self.places)} rooms were heard within {HEARD_S:.0f} s",
                    f"sau {HEARD_S:.0f} giây mới kết nối được {online}/{len(self.places)} phòng",
                )
            if online // HEARD_STEP != said:
                said = online // HEARD_STEP
                count = f"{online}/{len(self.places)}"
                self._say(f"Đã kết nối {count} phòng", f"{count} rooms connected")
            self.care()
            time.sleep(TURN_S)

    def numbers(self) -> dict[str, int]:
        """What the hub knows, of rooms only what it heard in this run."""
        return hub_numbers(self.database, self._began_wall_s)

    # -- while it runs

    def care(self) -> None:
        """Start agents again that have ended. Raises StartError when anything else has."""
        if self.real is not None:
            self.real.supervise()
            self.real.check()
        for child in self._children:
            if not child.alive:
                raise StartError(f"{child.name} has ended: {child.last_words()}")

    def tell(self, rooms: tuple[str, ...], **order: Any) -> None:
        """Give an order about rooms to the processes that hold them. Raises ControlError."""
        kinds = self.real_kinds
        real = [room for room in rooms if room in kinds]
        light = [room for room in rooms if room not in kinds]
        if light:
            ask(self.control, rooms=light, **order)
        if real and self.real is not None:
            ask(self.real.control, rooms=real, **order)

    def reports(self) -> list[dict[str, Any]]:
        """What truly happened, from each process that holds rooms; the light rooms' first."""
        found = [ask(self.control, do="report")]
        if self.real is not None and self.real.kinds:
            found.append(ask(self.real.control, do="report"))
        return found

    def events(self) -> tuple[int, int, int]:
        """Events that rooms have put into their outboxes, that the hub has stored, and that still wait."""
        light = ask(self.control, do="report")
        sent, pending = int(light["events_sent"]), int(light["pending"])
        if self.real is not None:
            sent, pending = sent + self.real.events_sent(), pending + self.real.pending()
        return sent, self.numbers()["events_stored"] - self._stored_before, pending

    def cpu_s(self) -> dict[str, float]:
        """Processor time used so far, by part."""
        found = {child.name: child.cpu_s() for child in self._children}
        if self.real is not None:
            found["hardware"] = self.real.hardware.cpu_s()
            found["agents"] = sum(agent.cpu_s() for agent in self.real.agents.values())
        return found

    def end(self) -> None:
        """End our own children: agents and rooms first, so that they can still say goodbye; the broker last."""
        if self.real is not None:
            for agent in self.real.agents.values():
                agent.signal(signal.SIGTERM)
        for child in reversed(self._children):
            child.end()
        if self.real is not None:
            self.real.end()


def meetings_csv(plan: scenario.Scenario, now: dt.datetime) -> str:
    """The schedule as `diemcau-hub import-meetings` takes it: the scenario's meeting, for every room."""
    form = "%d/%m/%Y %H:%M"
    again_min = plan.meeting_every_min
    rows = ["start,end,title,rooms\n"]
    for number in range(1 + int(AGAIN_H * 60 // again_min) if again_min else 1):
        start = now + dt.timedelta(minutes=plan.meeting_in_min + number * again_min)
        end = start + dt.timedelta(minutes=plan.meeting_min)
        rows.append(f'{start.strftime(form)},{end.strftime(form)},"{plan.meeting_title}",all\n')
    return "".join(rows)
