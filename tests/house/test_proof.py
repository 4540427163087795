"""The proof judges by its own numbers: taken from the code under proof, promise and code would move together."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.house.source import imported, python, tree

JUDGES = ("tests/prove/invariants/", "tests/prove/promised.py", "tests/prove/account.py")
JUDGES_OF_A_ROOM = ("calm.py", "chaos.py", "clock.py", "judge.py", "ledger.py", "people.py", "place.py")
BANNED = {
    "agent.core.air", "agent.core.boots", "agent.core.facts.FACTS", "agent.core.interlock", "agent.core.policy",
    "agent.core.remedies.LOADS", "agent.core.remedies.OFF_MAX_S", "agent.core.remedies.REMEDIES",
    "agent.core.remedies.REPORT_S", "agent.core.schedule", "agent.core.secrecy", "agent.core.stages",
    "agent.runtime.service",
}  # fmt: skip
"""Where the agent keeps its limits."""


def _judges() -> list[Path]:
    return [
        path
        for path in python("tests")
        if path.as_posix().startswith(JUDGES)
        or (path.parent.as_posix() == "tests/prove/sim" and path.name in JUDGES_OF_A_ROOM)
    ]


def test_there_are_judges() -> None:
    names = {path.name for path in _judges()}
    assert {"calls.py", "loads.py", "liveness.py", "promised.py", "judge.py", "ledger.py"} <= names


@pytest.mark.parametrize("path", _judges(), ids=str)
def test_a_judge_takes_no_limit_from_the_agent(path: Path) -> None:
    taken = {name for name in imported(path) if name in BANNED or name.startswith(tuple(f"{one}." for one in BANNED))}
    assert not taken, f"{path} judges, and takes {', '.join(sorted(taken))} from what it judges"
    read = {node.attr for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute)}
    assert not read & {"guards", "thresholds", "load_of"}, f"{path} reads the agent's policy"
