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
from pathlib import Path
from typing import Any

from sim import result, scenario
from sim.account import Onlooker, Verdict, judge, outcomes, percentiles
from sim.asked import DemoOptions, invitation
from sim.control import ControlError
from sim.faults import FAULTS
from sim.morning import Morning, title_of
from sim.process import StartError
from sim.province import SCALE, TURN_S, Province
from sim.screen import Screen
from wire import lock

SETTLE_S = 75.0
"""After the scripted time: how long faults may still take to end, in order that each is healed or a person's."""
DRAIN_S = 30.0


class Demo:
    """One demonstration, from the first child to the last."""

    def __init__(self, options: DemoOptions, screen: Screen) -> None:
        self._options = options
        self._screen = screen
        self._say = screen.say
        self._stopping = False
        self._populated_s = 0.0

    def stop(self) -> None:
        """End soon; called by a signal."""
        self._stopping = True

    def run(self) -> int:
        """Everything. 0: as it should be; 1: something is not, and was said in a sentence."""
        options = self._options
        folder = (options.data or Path(tempfile.mkdtemp(prefix="diemcau-"))).absolute()
        province = held = None
        try:
            held = lock.hold(folder)
            plan = scenario.load(options.scenario)
            province = Province(folder, options.rooms, options.real, options.seed, options.port, self._say)
            return self._run(province, plan)
        except (StartError, ControlError, lock.TakenError, scenario.ScenarioError, ValueError, OSError) as error:
            return 0 if self._stopping else self._failed(error)
        finally:
            if province is not None:
                self._screen.release()
                self._say("Đang dừng", "Ending")
                province.end()
            if held is not None:
                held.close()
            if options.data is None:
                shutil.rmtree(folder, ignore_errors=True)

    def _failed(self, error: Exception) -> int:
        """What is known in English only, as the last words of a log, is said in English only."""
        self._screen.release()
        vi, en = (error.vi, error.en) if isinstance(error, StartError | lock.TakenError) else ("", str(error))
        self._say(f"Không chạy được: {vi or 'lý do bằng tiếng Anh ở dòng dưới'}", f"It does not run: {en}")
        return 1

    def _run(self, province: Province, plan: scenario.Scenario) -> int:
        began_s = time.monotonic()
        province.start(plan)
        province.await_heard(lambda: self._stopping)
        self._populated_s = time.monotonic() - began_s
        if self._stopping:
            return 0
        count, took = len(province.places), f"{self._populated_s:.0f}"
        self._say(f"Đủ {count} phòng sau {took} giây", f"All {count} rooms heard after {took} s")
        return self._perform(province, plan)

    def _perform(self, province: Province, plan: scenario.Scenario) -> int:
        onlooker = Onlooker(province.port, province.database, *province.logins["operator"])
        onlooker.start()
        try:
            if not self._options.headless:
                self._screen.pin(invitation(province.port, province.logins))
            start_s, cpu_s = time.monotonic(), province.cpu_s()

            def said(line: scenario.Line, rooms: tuple[str, ...]) -> None:
                if FAULTS[line.fault].cuts_line:
                    onlooker.cut_off |= set(rooms)
                self._say(*title_of(line, len(rooms)))

            morning = Morning(province, plan, self._options.seed, said)
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
            self._screen.release()
            return self._account(province, onlooker, shares, morning.left)
        finally:
            onlooker.stop()

    # -- the account

    def _account(self, province: Province, onlooker: Onlooker, shares: dict[str, float], not_injected: int) -> int:
        self._say("Chờ các sự cố kết thúc", "Waiting for the faults to end")
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
            **outcomes(province.database),
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
            self._say("Chưa đạt, chi tiết bằng tiếng Anh ở dòng dưới", f"Not as it should be: {problem}")
        if not account["problems"]:
            healed, given, harmed = (account[key] for key in ("faults_healed", "faults_escalated", "actions_in_call"))
            self._say(
                f"Đạt: {healed} sự cố tự khắc phục, {given} chuyển người xử lý, {harmed} thao tác trong cuộc họp",
                f"As it should be: {healed} faults healed, {given} left to a person, {harmed} acts in a call",
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
    return verdict.outcome == "healed" or (
        fault["expect"] in ("escalated", "unseen") and verdict.outcome == fault["expect"]
    )


def perform(options: DemoOptions) -> int:
    """Run a demonstration until it is over, or ended by Ctrl-C or SIGTERM."""
    demo = Demo(options, Screen(sys.stdout))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: demo.stop())
    return demo.run()
