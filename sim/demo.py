"""`diemcau demo`: a province on this machine and a scripted morning, and a true account of it.

Everything it starts it ends, by process id, and nothing else. Ports that are taken are replaced by free ones, so that
it works beside another one, and twice in a row.
"""

from __future__ import annotations

import json
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim import places, result, scenario
from sim.account import Onlooker, Verdict, judge, percentiles
from sim.control import ControlError
from sim.faults import FAULTS
from sim.process import StartError
from sim.province import OPERATOR, SCALE, TURN_S, Province, Say
from sim.real import KINDS
from sim.scenario import Director, Line, Planned
from wire import lock

SETTLE_S = 75.0
"""After the scripted time: how long faults may still take to end, in order that each is healed or a person's."""
DRAIN_S = 30.0
CALL_LEAD_S = 4.0
"""A call is up for this long before the fault that comes in it."""
REST_S = 300.0
"""A room that was struck is left alone for this long before it may be struck again."""
FOLDER_MAX = 60
"""Longest name of the data folder: a unix socket's whole name may have 107 bytes."""


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


class Demo:
    """One demonstration, from the first child to the last."""

    def __init__(self, options: DemoOptions, say: Say) -> None:
        self._options = options
        self._say = say
        self._stopping = False
        self._populated_s = 0.0

    def stop(self) -> None:
        """End soon; called by a signal."""
        self._stopping = True

    def run(self) -> int:
        """Everything. 0: as it should be; 1: something is not, and was said in a sentence."""
        began_s = time.monotonic()
        folder = (self._options.data or Path(tempfile.mkdtemp(prefix="diemcau-"))).absolute()
        province = held = None
        try:
            if len(str(folder).encode()) > FOLDER_MAX:
                raise StartError(f"{folder} is too long a name for the sockets in it: use one of {FOLDER_MAX} letters")
            held = lock.hold(folder)
            plan = scenario.load(self._options.scenario)
            options = self._options
            province = Province(folder, options.rooms, options.real, options.seed, options.port, self._say)
            province.start(plan)
            province.await_heard(lambda: self._stopping)
            self._populated_s = time.monotonic() - began_s
            if self._stopping:
                return 0
            self._say(f"Đủ {len(province.places)} phòng sau {self._populated_s:.0f} giây", "all rooms heard")
            return self._perform(province, plan)
        except (StartError, ControlError, lock.TakenError, scenario.ScenarioError, ValueError, OSError) as error:
            if self._stopping:
                return 0
            self._say(f"Không chạy được: {error}", "failed")
            return 1
        finally:
            self._say("Đang dừng", "ending")
            if province is not None:
                province.end()
            if held is not None:
                held.close()
            if self._options.data is None:
                shutil.rmtree(folder, ignore_errors=True)

    def _perform(self, province: Province, plan: scenario.Scenario) -> int:
        onlooker = Onlooker(province.port, province.database, OPERATOR, province.password)
        onlooker.start()
        try:
            if not self._options.headless:
                self._say(f"Mở http://127.0.0.1:{province.port}", "open this address")
                self._say(f"Tài khoản: {OPERATOR}   Mật khẩu: {province.password}", "account and password")
                self._say("Nhấn Ctrl-C để kết thúc", "press Ctrl-C to end")
            start_s, cpu_s = time.monotonic(), province.cpu_s()
            morning = Morning(province, onlooker, plan, self._options.seed, self._say)
            while not self._stopping:
                now_s = time.monotonic() - start_s
                if self._options.for_s and now_s >= self._options.for_s:
                    break
                morning.turn(now_s, open_ended=not self._options.for_s)
                province.care()
                time.sleep(TURN_S)
            if self._stopping or not self._options.for_s:
                return 0
            lasted_s = time.monotonic() - start_s
            shares = {
                name: round((after - cpu_s.get(name, 0.0)) / lasted_s, 3) for name, after in province.cpu_s().items()
            }
            return self._account(province, onlooker, shares, morning.left)
        finally:
            onlooker.stop()

    # -- the account

    def _account(self, province: Province, onlooker: Onlooker, shares: dict[str, float], not_injected: int) -> int:
        self._say("Chờ các sự cố kết thúc", "waiting for faults to end")
        faults, verdicts = self._await_verdicts(province)
        sent, stored, pending = self._await_drained(province)
        onlooker.stop()
        reports, numbers = province.reports(), province.numbers()
        account: dict[str, Any] = {
            "rooms_expected": numbers["rooms_expected"],
            "rooms_heard": numbers["rooms_heard"],
            "populated_s": round(self._populated_s, 1),
            "time_scale": SCALE,
            **result.summary(result.rows_of(faults, verdicts, onlooker.incidents)),
            "actions_in_call": sum(report["actions_in_call"] for report in reports),
            "needless_acts": sum(report["needless_acts"] for report in reports),
            "calls_lost": sum(report["calls_lost"] for report in reports),
            "acts": sum(report["acts"] for report in reports),
            "events_sent": sent,
            "events_stored": stored,
            "events_waiting": pending,
            "events_of_hub": numbers["events_of_hub"],
            "set_aside": numbers["set_aside"],
            "publish_to_console_s": {
                **percentiles(onlooker.publish_to_console_s),
                "measured_by": onlooker.by,
                "left_out": onlooker.left_out,
            },
            "cpu_share": shares,
        }
        account["problems"] = result.problems(account, not_injected)
        if self._options.json_file is not None:
            text = json.dumps(account, ensure_ascii=False, indent=2) + "\n"
            self._options.json_file.write_text(text, "utf-8")
        for problem in account["problems"]:
            self._say(f"Chưa đạt: {problem}", "not as it should be")
        if not account["problems"]:
            self._say(
                f"Đạt: {account['faults_healed']} sự cố tự khắc phục, {account['faults_escalated']} chuyển người xử lý,"
                f" {account['actions_in_call']} tác động trong cuộc họp",
                "as it should be",
            )
        return 1 if account["problems"] else 0

    def _await_verdicts(self, province: Province) -> tuple[list[dict[str, Any]], dict[tuple[str, int], Verdict]]:
        """Wait, bounded, until every fault is healed, or a person's where only a person can help."""
        until_s = time.monotonic() + SETTLE_S
        while True:
            faults = [fault for report in province.reports() for fault in report["faults"]]
            verdicts = judge(province.database, faults)
            over = all(_is_over(fault, verdicts[fault["room"], fault["id"]]) for fault in faults)
            if over or time.monotonic() > until_s or self._stopping:
                return faults, verdicts
            province.care()
            time.sleep(1.0)

    def _await_drained(self, province: Province) -> tuple[int, int, int]:
        """Wait, bounded, until the hub has confirmed everything that rooms have told."""
        until_s = time.monotonic() + DRAIN_S
        while True:
            sent, stored, pending = province.events()
            if (stored == sent and pending == 0) or time.monotonic() > until_s or self._stopping:
                return sent, stored, pending
            province.care()
            time.sleep(0.5)


def _is_over(fault: dict[str, Any], verdict: Verdict) -> bool:
    needs_person = FAULTS[str(fault["fault"])].expect == "escalated"
    return verdict.outcome == "healed" or (verdict.outcome == "escalated" and needs_person)


class Morning:
    """Carries a scenario out, a turn at a time."""

    def __init__(self, province: Province, onlooker: Onlooker, plan: scenario.Scenario, seed: int, say: Say) -> None:
        self._province = province
        self._onlooker = onlooker
        self._say = say
        self._director = Director(plan, province.places, province.real_kinds, seed)
        self._todo = self._director.first_round()
        self._calls = [planned for planned in self._todo if planned.line.call_s]
        self._again = [
            (line.at_s + (0 if line.again_only else line.every_s), line) for line in self._director.recurring()
        ]
        self._busy: list[tuple[float, tuple[str, ...]]] = []

    @property
    def left(self) -> int:
        """Faults of the first round that have not come yet."""
        return len(self._todo)

    def turn(self, now_s: float, *, open_ended: bool) -> None:
        """Do what is due. Raises ControlError."""
        for planned in [planned for planned in self._calls if planned.at_s - CALL_LEAD_S <= now_s]:
            self._calls.remove(planned)
            self._province.tell(planned.rooms, do="call", lasts_s=planned.line.call_s + CALL_LEAD_S)
        for planned in [planned for planned in self._todo if planned.at_s <= now_s]:
            self._todo.remove(planned)
            self._inject(planned.line, planned.rooms)
        if open_ended:
            self._recur(now_s)

    def _inject(self, line: Line, rooms: tuple[str, ...]) -> None:
        kind = FAULTS[line.fault]
        if kind.cuts_line:
            self._onlooker.cut_off |= set(rooms)
        self._province.tell(rooms, do="inject", fault=line.fault, args=dict(line.args), lasts_s=line.lasts_s)
        self._say(f"Sự cố: {line.fault} tại {len(rooms)} phòng", kind.title)

    def _recur(self, now_s: float) -> None:
        """Let faults come again elsewhere, so that a console left running has something to show."""
        for entry in [entry for entry in self._busy if entry[0] <= now_s]:
            self._busy.remove(entry)
            self._director.free(entry[1])
        for entry_s, line in [entry for entry in self._again if entry[0] <= now_s]:
            self._again.remove((entry_s, line))
            self._again.append((now_s + line.every_s, line))
            planned = Planned(now_s, line, self._director.choose(line))
            if planned.rooms:
                if line.call_s:
                    self._province.tell(planned.rooms, do="call", lasts_s=line.call_s)
                self._inject(line, planned.rooms)
                self._busy.append((now_s + REST_S + line.lasts_s, planned.rooms))


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
