"""The roles: ansible-lint's strictest profile, and what a reader of them rests upon."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.house.source import ROOT

ANSIBLE = ROOT / "ansible"
BIN = ROOT / ".venv-ansible/bin"
ROLES = sorted(path for path in (ANSIBLE / "roles").iterdir() if path.is_dir())


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8")) if path.exists() else None


def tasks(role: Path) -> list[dict[str, Any]]:
    """Every task of a role, those in blocks too."""
    found: list[dict[str, Any]] = []
    todo = [task for path in sorted((role / "tasks").glob("*.yml")) for task in load(path)]
    while todo:
        task = todo.pop(0)
        found.append(task)
        todo += task.get("block", [])
    return found


def test_the_linters_production_profile_is_clean(tmp_path: Path) -> None:
    places = {"PATH": f"{BIN}:{os.environ['PATH']}", "ANSIBLE_HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    command = [str(BIN / "ansible-lint"), "--offline", "--nocolor", "-q"]
    done = subprocess.run(command, cwd=ANSIBLE, capture_output=True, text=True, check=False, env=os.environ | places)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_a_role_says_what_it_takes(role: Path) -> None:
    spec = load(role / "meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    defaults = load(role / "defaults/main.yml")
    assert set(spec) == set(defaults), "each variable has a default and a specification"
    assert all(name.startswith(f"{role.name}_") for name in spec)
    assert all(option["description"] for option in spec.values())


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_a_secret_is_never_printed(role: Path) -> None:
    for task in tasks(role):
        touches = re.search(r"secret|\.key\b", str(task.get("ansible.builtin.copy", "")))
        if touches and "loop" not in str(task.get("loop", "")) and "certificates" not in task.get("tags", []):
            assert task.get("no_log") is True, task["name"]


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_a_command_says_whether_it_changes_anything(role: Path) -> None:
    for task in [*tasks(role), *(load(role / "handlers/main.yml") or [])]:
        if "ansible.builtin.command" in task:
            assert "changed_when" in task or "creates" in task["ansible.builtin.command"], task["name"]
