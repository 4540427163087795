"""`diemcau demo`: broker, hub, console and a province of rooms on this machine, and a scripted morning.

Everything it starts it ends, by process id, and nothing else. Ports that are taken are replaced by free ones, so that
it works beside another one, and twice in a row.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import secrets
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from sim import broker, places, scenario
from sim.account import Onlooker, Verdict, hub_numbers, judge, percentiles
from sim.control import ControlError, ask
from sim.faults import FAULTS
from sim.fleet import FleetPlan
from sim.process import Child, StartError, answers, free_port, program
from sim.real import KINDS, RealRooms
from sim.scenario import Director, Line, Planned

SCALE = 0.1
"""Every duration of the rooms is a tenth: a codec boots in 15 s instead of 150."""
HEARD_S = 90.0
HUB_READY_S = 40.0
SETTLE_S = 75.0
"""After the scripted time: how long faults may still take to end, in order that each is healed or a person's."""
DRAIN_S = 30.0
CALL_LEAD_S = 4.0
"""A call is up for this long before the fault that comes in it."""
TURN_S = 0.2
OPERATOR = "truc"
HANOI = dt.timezone(dt.timedelta(hours=7))


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What was asked for on the command line."""

    headless: bool = False
    for_s: float = 0.0
    """0: until it is ended."""
    json_file: Path | None = None
    port: int = 8080
    rooms: int = places.ROOMS
    data: Path | None = None
    seed: int = 1
    scenario: str = "morning"
    real: int = len(KINDS)
    python_broker: bool = False


@dataclass(slots=True)
class Demo:
    """One demonstration, from the first child to the last."""

    options: DemoOptions
    say: Callable[[str, str], None]
    """Progress in Vietnamese and English."""
    folder: Path = field(init=False)
    _temporary: bool = False
    _children: list[Child] = field(default_factory=list)
    _real: RealRooms | None = None
    _onlooker: Onlooker | None = None
    _stopping: bool = False
    _places: list[places.Place] = field(default_factory=list)
    _password: str = ""
    _port: int = 0
    _began_s: float = 0.0
    _populated_s: float = 0.0
    _demo_broker: bool = False

    def stop(self) -> None:
        """End soon; called by a signal."""
        self._stopping = True

    # -- files

    @property
    def database(self) -> Path:
        """The hub's."""
        return self.folder / "hub" / "hub.db"

    @property
    def control(self) -> Path:
        """The fleet's socket."""
        return self.folder / "fleet.sock"

    def run(self) -> int:
        """Everything. 0: as it should be; 1: something is wrong, and was said in a sentence."""
        self._began_s = time.monotonic()
        self._temporary = self.options.data is None
        self.folder = self.options.data or Path(tempfile.mkdtemp(prefix="diemcau-"))
        self.folder = self.folder.absolute()
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            plan = scenario.load(self.options.scenario)
            self._places = places.province(self.options.rooms, self.options.seed)
            self._start(plan)
            return self._perform(plan) if not self._stopping else 0
        except (StartError, ControlError, scenario.ScenarioError, ValueError) as error:
            self.say(f"Không chạy được: {error}", f"Failed: {error}")
            return 1
        finally:
            self._end()

    # -- start

    def _start(self, plan: scenario.Scenario) -> None:
        self.say(f"Dữ liệu tại {self.folder}", f"data in {self.folder}")
        broker_port = free_port(1883)
        child, self._demo_broker = broker.start(
            self.folder / "broker", broker_port, prefer_python=self.options.python_broker
        )
        self._children.append(child)
        self.say(f"Trạm trung chuyển MQTT: {child.name}, cổng {broker_port}", f"broker {child.name}")
        self._start_hub(plan, broker_port)
        chosen = self._choose_real()
        self._real = RealRooms(self.folder / "real", chosen, SCALE, broker_port, self.options.seed)
        self._real.start_hardware()
        light = [place.room for place in self._places if place.room not in self._real.kinds]
        fleet_plan = FleetPlan(light, broker_port, str(self.control), SCALE, self.options.seed)
        plan_file = self.folder / "fleet.json"
        plan_file.write_bytes(msgspec.json.encode(fleet_plan))
        fleet = Child("rooms", [sys.executable, "-m", "sim.fleet", str(plan_file)], self.folder / "log" / "rooms.log")
        self.control.unlink(missing_ok=True)
        self._children.append(fleet.start())
        self._real.start_agents()
        self.say(
            f"{len(light)} phòng mô phỏng và {len(self._real.kinds)} phòng chạy bộ giám sát thật đang kết nối",
            f"{len(light)} light rooms, {len(self._real.kinds)} real agents",
        )
        fleet.await_ready(self.control.exists, HUB_READY_S)
        self._await_heard()

    def _choose_real(self) -> list[str]:
        """Rooms with real agents: spread over a large province, together in a small one, where a cluster must be left."""
        count = min(self.options.real, len(KINDS), len(self._places))
        step = len(self._places) // count if count and len(self._places) >= scenario.FULL else 1
        return [place.room for place in self._places[::step]][:count]

    def _start_hub(self, plan: scenario.Scenario, broker_port: int) -> None:
        self._port = free_port(self.options.port)
        hub_folder = self.folder / "hub"
        hub_folder.mkdir(exist_ok=True)
        config = hub_folder / "hub.toml"
        config.write_text(self._hub_toml(broker_port), "utf-8")
        rooms_file = hub_folder / "rooms.csv"
        rooms_file.write_text(places.registry_csv(self._places), "utf-8")
        self._hub_command("import-rooms", "--config", str(config), str(rooms_file))
        self._add_operator(config)
        if plan.meeting_in_min:
            meetings = hub_folder / "meetings.csv"
            meetings.write_text(self._meetings_csv(plan), "utf-8")
            self._hub_command("import-meetings", "--config", str(config), str(meetings))
        hub = Child("hub", [program("diemcau-hub"), "serve", "--config", str(config)], self.folder / "log" / "hub.log")
        self._children.append(hub.start())
        hub.await_ready(lambda: answers(self._port), HUB_READY_S)
        self.say(f"Trung tâm: http://127.0.0.1:{self._port}", "hub is up")

    def _hub_toml(self, broker_port: int) -> str:
        return (
            f'data_dir = "{self.folder / "hub"}"\n'
            f"[web]\nport = {self._port}\n"
            f'[broker]\nhost = "127.0.0.1"\nport = {broker_port}\ndemo = {str(self._demo_broker).lower()}\n'
        )

    def _hub_command(self, *arguments: str, password: str = "") -> None:
        import subprocess

        environment = {**os.environ, **({"DIEMCAU_PASSWORD": password} if password else {})}
        done = subprocess.run(
            [program("diemcau-hub"), *arguments], capture_output=True, text=True, timeout=120, check=False,
            env=environment, input=f"{password}\n{password}\n" if password else "",
        )  # fmt: skip
        if done.returncode != 0:
            words = (done.stderr or done.stdout).strip().splitlines()
            raise StartError(f"diemcau-hub {arguments[0]} failed: {' / '.join(words[-3:])}")

    def _add_operator(self, config: Path) -> None:
        kept = self.folder / "hub" / "operator.password"
        if kept.exists():
            self._password = kept.read_text("utf-8").strip()
            return
        self._password = secrets.token_urlsafe(9)
        self._hub_command("add-user", "--config", str(config), OPERATOR, "--role", "operator", password=self._password)
        kept.touch(mode=0o600)
        kept.write_text(self._password + "\n", "utf-8")

    def _meetings_csv(self, plan: scenario.Scenario) -> str:
        start = dt.datetime.now(HANOI) + dt.timedelta(minutes=plan.meeting_in_min)
        end = start + dt.timedelta(minutes=plan.meeting_min)
        rows = ["start,end,title,rooms", f"{start:%d/%m/%Y %H:%M},{end:%d/%m/%Y %H:%M},{plan.meeting_title},all"]
        return "\n".join(rows) + "\n"

    def _await_heard(self) -> None:
        until_s = time.monotonic() + HEARD_S
        said = -1
        while not self._stopping:
            online = hub_numbers(self.database)["rooms_online"]
            if online >= len(self._places):
                break
            if time.monotonic() > until_s:
                raise StartError(f"only {online} of {len(self._places)} rooms were heard within {HEARD_S:.0f} s")
            if online // 100 != said:
                said = online // 100
                self.say(f"Đã nghe {online}/{len(self._places)} phòng", f"{online} rooms heard")
            self._care()
            time.sleep(TURN_S)
        self._populated_s = time.monotonic() - self._began_s
        self.say(
            f"Đủ {len(self._places)} phòng sau {self._populated_s:.0f} giây",
            f"all heard after {self._populated_s:.0f} s",
        )

    # -- the morning

    def _perform(self, plan: scenario.Scenario) -> int:
        assert self._real is not None
        self._onlooker = Onlooker(self._port, self.database, OPERATOR, self._password)
        self._onlooker.start()
        self._welcome()
        director = Director(plan, self._places, self._real.kinds, self.options.seed)
        todo = [(planned.at_s, planned) for planned in director.first_round()]
        again = [(line.at_s + (0 if line.again_only else line.every_s), line) for line in director.recurring()]
        calls = [(max(0.0, at_s - CALL_LEAD_S), planned) for at_s, planned in todo if planned.line.call_s]
        busy: list[tuple[float, tuple[str, ...]]] = []
        start_s = time.monotonic()
        cpu = self._cpu()
        while not self._stopping:
            now_s = time.monotonic() - start_s
            if self.options.for_s and now_s >= self.options.for_s:
                break
            for moment in [c for c in calls if c[0] <= now_s]:
                calls.remove(moment)
                self._call(moment[1])
            for moment in [t for t in todo if t[0] <= now_s]:
                todo.remove(moment)
                self._inject(moment[1])
            if not self.options.for_s:
                again = self._recur(director, again, busy, now_s)
            self._care()
            time.sleep(TURN_S)
        if not self.options.for_s:
            return 0
        lasted_s = time.monotonic() - start_s
        shares = {name: round((after - cpu.get(name, 0.0)) / lasted_s, 3) for name, after in self._cpu().items()}
        return self._account(shares, not_injected=len(todo))

    def _welcome(self) -> None:
        if self.options.headless:
            return
        self.say(f"Mở http://127.0.0.1:{self._port}", "open this address")
        self.say(f"Tài khoản: {OPERATOR}   Mật khẩu: {self._password}", "account and password")
        self.say("Nhấn Ctrl-C để kết thúc", "press Ctrl-C to end")

    def _hosts(self, rooms: tuple[str, ...]) -> list[tuple[Path, list[str]]]:
        assert self._real is not None
        real = [room for room in rooms if room in self._real.kinds]
        light = [room for room in rooms if room not in self._real.kinds]
        return [(path, some) for path, some in ((self._real.control, real), (self.control, light)) if some]

    def _call(self, planned: Planned) -> None:
        for path, rooms in self._hosts(planned.rooms):
            ask(path, do="call", rooms=rooms, lasts_s=planned.line.call_s + CALL_LEAD_S)

    def _inject(self, planned: Planned) -> None:
        line = planned.line
        for path, rooms in self._hosts(planned.rooms):
            ask(path, do="inject", fault=line.fault, rooms=rooms, args=dict(line.args), lasts_s=line.lasts_s)
        assert self._onlooker is not None
        if FAULTS[line.fault].cuts_line:
            self._onlooker.cut_off |= set(planned.rooms)
        self.say(f"Sự cố: {line.fault} tại {len(planned.rooms)} phòng", FAULTS[line.fault].title)

    def _recur(
        self,
        director: Director,
        again: list[tuple[float, Line]],
        busy: list[tuple[float, tuple[str, ...]]],
        now_s: float,
    ) -> list[tuple[float, Line]]:
        """Faults that come again elsewhere, so that a console left running has something to show."""
        for entry in [entry for entry in busy if entry[0] <= now_s]:
            busy.remove(entry)
            director.free(entry[1])
        left = []
        for at_s, line in again:
            if at_s > now_s:
                left.append((at_s, line))
                continue
            rooms = director.choose(line)
            if rooms:
                self._inject(Planned(now_s, line, rooms))
                busy.append((now_s + 300.0 + line.lasts_s, rooms))
            left.append((now_s + line.every_s, line))
        return left

    def _care(self) -> None:
        """Start agents again that have ended; everything else must go on."""
        if self._real is not None:
            self._real.supervise()
            self._real.check()
        for child in self._children:
            if not child.alive:
                raise StartError(f"{child.name} has ended: {child.last_words()}")

    def _cpu(self) -> dict[str, float]:
        assert self._real is not None
        found = {child.name: child.cpu_s() for child in self._children}
        found["hardware"] = self._real.hardware.cpu_s()
        found["agents"] = sum(agent.cpu_s() for agent in self._real.agents.values())
        return found

    # -- the account

    def _reports(self) -> list[dict[str, Any]]:
        assert self._real is not None
        reports = [ask(self.control, do="report")]
        if self._real.kinds:
            reports.append(ask(self._real.control, do="report"))
        return reports

    def _account(self, shares: dict[str, float], not_injected: int) -> int:
        assert self._onlooker is not None
        self.say("Chờ các sự cố kết thúc", "waiting for faults to end")
        faults, verdicts = self._await_verdicts()
        sent, stored, pending = self._await_drained()
        time.sleep(1.0)  # the stream's last patch is at most a quarter of a second behind the database
        self._onlooker.stop()
        reports = self._reports()
        result = self._result(reports, faults, verdicts) | {
            "events_sent": sent,
            "events_stored": stored,
            "outbox_left": pending,
            "cpu_share": shares,
        }
        problems = self._problems(result, not_injected)
        result["problems"] = problems
        text = json.dumps(result, ensure_ascii=False, indent=2)
        if self.options.json_file is not None:
            self.options.json_file.write_text(text + "\n", "utf-8")
        for vi_en in problems:
            self.say(f"Chưa đạt: {vi_en}", vi_en)
        if not problems:
            self.say(
                f"Đạt: {result['faults_healed']} sự cố tự khắc phục, {result['faults_escalated']} chuyển người xử lý, "
                f"{result['actions_in_call']} tác động trong cuộc họp",
                "as it should be",
            )
        return 1 if problems else 0

    def _await_verdicts(self) -> tuple[list[dict[str, Any]], dict[tuple[str, int], Verdict]]:
        until_s = time.monotonic() + SETTLE_S
        while True:
            faults = [fault for report in self._reports() for fault in report["faults"]]
            verdicts = judge(self.database, faults)
            settled = all(
                verdict.outcome == "healed" or (verdict.outcome == "escalated" and not self._may_heal(fault))
                for fault, verdict in ((f, verdicts[f["room"], f["id"]]) for f in faults)
            )
            if settled or time.monotonic() > until_s or self._stopping:
                return faults, verdicts
            self._care()
            time.sleep(1.0)

    @staticmethod
    def _may_heal(fault: dict[str, Any]) -> bool:
        """Whether waiting longer could still end it."""
        return FAULTS[str(fault["fault"])].expect != "escalated"

    def _await_drained(self) -> tuple[int, int, int]:
        assert self._real is not None
        until_s = time.monotonic() + DRAIN_S
        while True:
            report = ask(self.control, do="report")
            sent = int(report["events_sent"]) + self._real.events_sent()
            pending = int(report["pending"]) + self._real.pending()
            stored = hub_numbers(self.database)["events_stored"]
            if (stored == sent and pending == 0) or time.monotonic() > until_s or self._stopping:
                return sent, stored, pending
            self._care()
            time.sleep(0.5)

    def _result(
        self, reports: list[dict[str, Any]], faults: list[dict[str, Any]], verdicts: dict[tuple[str, int], Verdict]
    ) -> dict[str, Any]:
        assert self._onlooker is not None
        numbers = hub_numbers(self.database)
        outcomes = [verdicts[fault["room"], fault["id"]] for fault in faults]
        seen = self._onlooker.incidents
        to_console: dict[str, list[float]] = {}
        rows = []
        for fault, verdict in zip(faults, outcomes, strict=True):
            moments = [seen[i].seen_s for i in verdict.incidents if i in seen and seen[i].seen_s > 0]
            delay_s = round(min(moments) - fault["injected_wall_s"], 2) if moments else None
            if delay_s is not None:
                to_console.setdefault(str(fault["fault"]), []).append(delay_s)
            rows.append({**fault, "outcome": verdict.outcome, "escalated_meanwhile": verdict.ever_escalated,
                         "to_console_s": delay_s})  # fmt: skip
        return {
            "rooms_expected": numbers["rooms_expected"],
            "rooms_heard": numbers["rooms_heard"],
            "populated_s": round(self._populated_s, 1),
            "time_scale": SCALE,
            "faults_injected": len(faults),
            "faults_healed": sum(verdict.outcome == "healed" for verdict in outcomes),
            "faults_escalated": sum(verdict.outcome == "escalated" for verdict in outcomes),
            "actions_in_call": sum(report["actions_in_call"] for report in reports),
            "calls_lost": sum(report["calls_lost"] for report in reports),
            "acts": sum(report["acts"] for report in reports),
            "events_of_hub": numbers["events_of_hub"],
            "set_aside": numbers["set_aside"],
            "fault_to_console_s": percentiles(x for some in to_console.values() for x in some)
            | {"by_fault": {name: percentiles(some) for name, some in sorted(to_console.items())}},
            "publish_to_console_s": percentiles(self._onlooker.publish_to_console_s)
            | {
                "measured_by": self._onlooker.by,
                "left_out": f"{self._onlooker.left_out} events of rooms without a line",
            },
            "outage_s": [row for row in rows if row["outcome"] == "healed" and row["outage_s"] is not None],
            "not_healed": [row for row in rows if row["outcome"] != "healed"],
            "demo_broker": self._demo_broker,
        }

    @staticmethod
    def _problems(result: dict[str, Any], not_injected: int) -> list[str]:
        found = []
        if result["rooms_heard"] != result["rooms_expected"]:
            found.append(f"{result['rooms_heard']} of {result['rooms_expected']} rooms were heard")
        undecided = [row for row in result["not_healed"] if row["outcome"] != "escalated"]
        if undecided:
            first = undecided[0]
            found.append(
                f"{len(undecided)} faults were neither healed nor escalated, first {first['fault']} in {first['room']}"
                f" ({first['outcome']})"
            )
        if result["actions_in_call"]:
            found.append(f"{result['actions_in_call']} acts took something out of the path of a call")
        if result["events_stored"] != result["events_sent"]:
            found.append(f"rooms sent {result['events_sent']} events, the hub stored {result['events_stored']}")
        if not_injected:
            found.append(f"{not_injected} faults of the scenario come later than --for allows")
        return found

    # -- end

    def _end(self) -> None:
        """End our own children, those that speak first."""
        self.say("Đang dừng", "ending")
        with suppress(Exception):
            if self._onlooker is not None:
                self._onlooker.stop()
        if self._real is not None:
            for agent in self._real.agents.values():
                agent.signal(signal.SIGTERM)
        for child in reversed(self._children):
            child.end()
        if self._real is not None:
            self._real.end()
        if self._temporary:
            shutil.rmtree(self.folder, ignore_errors=True)


def perform(options: DemoOptions) -> int:
    """Run a demonstration until it is over, or ended by Ctrl-C or SIGTERM."""
    began_s = time.monotonic()

    def say(vi: str, en: str) -> None:
        sys.stdout.write(f"[{time.monotonic() - began_s:5.1f} s] {vi}  ({en})\n")
        sys.stdout.flush()

    demo = Demo(options, say)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: demo.stop())
    return demo.run()
