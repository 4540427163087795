"""A plugin of pytest for `make mutants`: collect all tests once, then try each mutant in a fork of that process.

mutmut starts pytest anew for each mutant and runs its tests in no order. Here a fork begins with the tests that have
noticed other mutants of the same function, then takes the quickest first, and ends with the first failure.
It is run in the folder `mutants` that mutmut made, and writes what noticed each mutant to the file of `--verdicts`.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.utils.format_utils import mangled_name_from_mutant_name

SURVIVED, KILLED, TIMEOUT, NO_TESTS = "survived", "killed", "timeout", "no tests"
LEAST_S, FACTOR = 20.0, 5.0
"""A mutant may take this many times what its tests take without one, and at least so long: then it hangs."""
MEMORY_BYTES = 4 << 30
"""A mutant that never stops collecting fails here, before the machine does."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where the verdicts go, and how many forks live at a time."""
    parser.addoption("--verdicts", type=Path)
    parser.addoption("--forks", type=int, default=2)


@dataclass
class _Plan:
    """Which tests reach a function, and which of them are worth trying first."""

    items: dict[str, pytest.Item]
    reached_by: dict[str, list[str]]
    duration_s: dict[str, float]
    noticed_by: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def tests(self, function: str) -> list[str]:
        """In the order in which they are run."""
        first = self.noticed_by[function]
        rest = set(self.reached_by.get(function, ())) & self.items.keys() - set(first)
        return [*first, *sorted(rest, key=lambda name: (self.duration_s.get(name, 0.0), name))]

    def learn(self, function: str, test: str) -> None:
        """Put the test that noticed a mutant of a function before its others."""
        first = self.noticed_by[function]
        if test in first:
            first.remove(test)
        first.insert(0, test)


def pytest_runtestloop(session: pytest.Session) -> bool:
    """Try every mutant; in place of pytest's own loop over the tests."""
    if session.testsfailed:
        raise session.Interrupted("the tests could not be collected")
    stats = json.loads(Path("mutmut-stats.json").read_text("utf-8"))
    plan = _Plan(
        {item.nodeid: item for item in session.items},
        stats["tests_by_mangled_function_name"],
        stats["duration_by_test"],
    )
    # Made before the forks, which share it: each would clear away what another has just begun to use.
    session.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]
    everything = sorted(plan.items, key=lambda name: plan.duration_s.get(name, 0.0))
    if _alone("", everything, plan) != SURVIVED:
        raise session.Interrupted("a test fails without any mutant")
    names = [
        name
        for path in sorted(Path().rglob("*.meta"))
        for name in json.loads(path.read_text("utf-8"))["exit_code_by_key"]
    ]
    verdicts = _try_all(names, plan, session.config.getoption("--forks"))
    session.config.getoption("--verdicts").write_text(json.dumps(verdicts, indent=1), "utf-8")
    return True


def _alone(name: str, tests: list[str], plan: _Plan) -> str:
    """What becomes of one mutant, or with no name of the code as it is."""
    pid, answer = _fork(name, tests, plan)
    verdicts: dict[str, str] = {}
    _reap({pid: (name, "", answer)}, verdicts, plan)
    return verdicts[name]


def _try_all(names: list[str], plan: _Plan, forks: int) -> dict[str, str]:
    verdicts: dict[str, str] = {}
    alive: dict[int, tuple[str, str, int]] = {}
    began = time.monotonic()
    for number, name in enumerate(names, 1):
        function = mangled_name_from_mutant_name(name)
        tests = plan.tests(function)
        if not tests:
            verdicts[name] = NO_TESTS
            continue
        while len(alive) >= forks:
            _reap(alive, verdicts, plan)
        pid, answer = _fork(name, tests, plan)
        alive[pid] = (name, function, answer)
        if number % 50 == 0:
            _say(f"{number} of {len(names)} mutants, {time.monotonic() - began:.0f} s")
    while alive:
        _reap(alive, verdicts, plan)
    return verdicts


def _reap(alive: dict[int, tuple[str, str, int]], verdicts: dict[str, str], plan: _Plan) -> None:
    pid, status = os.wait()
    name, function, answer = alive.pop(pid)
    with os.fdopen(answer) as words:
        test = words.read()
    if test:
        plan.learn(function, test)
        verdicts[name] = KILLED
    else:
        verdicts[name] = SURVIVED if status == 0 else TIMEOUT
        if status == 0 and name:
            _say(f"survived: {name}")


def _fork(name: str, tests: list[str], plan: _Plan) -> tuple[int, int]:
    """The process that tries a mutant, and where it writes the test that noticed it."""
    answer, mine = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        os.close(mine)
        return pid, answer
    expected_s = sum(plan.duration_s.get(test, 0.0) for test in tests)
    limit_s = int(LEAST_S + FACTOR * expected_s)
    signal.alarm(2 * limit_s)
    resource.setrlimit(resource.RLIMIT_CPU, (limit_s, limit_s + 1))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    set_mutant_under_test(name)
    try:
        os.write(mine, _first_failure([plan.items[test] for test in tests]).encode())
    finally:
        os._exit(0)


def _first_failure(items: list[pytest.Item]) -> str:
    """The name of the first test that fails, or none."""
    plugins = items[0].config.pluginmanager
    plugins.unregister(plugins.get_plugin("terminalreporter"))
    for item, after in zip(items, [*items[1:], None], strict=True):
        failures = _Failures()
        plugins.register(failures)
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
        plugins.unregister(failures)
        if failures.seen:
            return item.nodeid
    return ""


class _Failures:
    seen = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seen = self.seen or report.failed


def _say(words: str) -> None:
    sys.__stdout__.write(f"{words}\n")  # type: ignore[union-attr]
    sys.__stdout__.flush()  # type: ignore[union-attr]
