"""What a play asks before it changes a room, by Ansible itself: whose turn it is, and of which hosts a tag speaks."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.house.source import ROOT
from tests.transports.places import in_quiet_network

ANSIBLE, BIN = ROOT / "ansible", ROOT / ".venv-ansible/bin"
HOSTS = "[broker]\nhub\n[hub_hosts]\nhub\n[rooms]\nr-1\n"
PLAY = re.compile(r"^  play #\d+ \(\S+\): ([^\t]+).*\n((?:.+\n)*)", re.MULTILINE)


@pytest.mark.parametrize(
    ("tag", "plays"),
    [
        ("broker", {"The broker"}),
        ("hub", {"The hub"}),
        ("signer", {"The hub"}),
        ("room", {"The rooms"}),
        ("certificates", {"The broker"}),
        ("release", {"The hub", "The rooms"}),
    ],
)
def test_a_tag_touches_the_hosts_that_it_speaks_of_and_no_others(tmp_path: Path, tag: str, plays: set[str]) -> None:
    (tmp_path / "hosts").write_text(HOSTS, "utf-8")
    command = [str(BIN / "ansible-playbook"), "-i", str(tmp_path / "hosts"), "site.yml", "--list-tasks", "--tags", tag]
    places = {"PATH": f"{BIN}:{os.environ['PATH']}", "ANSIBLE_HOME": str(tmp_path), "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(command, cwd=ANSIBLE, capture_output=True, text=True, check=True, env=os.environ | places)
    found = {
        name for name, body in PLAY.findall(done.stdout)
        if [line for line in body.splitlines() if " : " in line and "arg spec" not in line]
    }  # fmt: skip
    assert found - {"Who could not be reached"} == plays


ASKED = """
import json, os, subprocess, sys
subprocess.run(["mount", "-t", "tmpfs", "none", "/opt"], check=True)
if {at_work}:
    os.makedirs("/opt/diemcau/current")
done = subprocess.run({command}, capture_output=True, text=True, env=os.environ | {places})
print(json.dumps([done.returncode, done.stdout + done.stderr]))
"""


def turn(folder: Path, *, at_work: bool, hub: bool, options: tuple[str, ...] = ()) -> tuple[bool, str]:
    """Whether the role would go on with a room on this machine, and what Ansible said."""
    tasks = {"ansible.builtin.include_role": {"name": "agent", "tasks_from": "turn"}}
    play = {"hosts": "rooms", "gather_facts": False, "tasks": [tasks]}
    (folder / "play.yml").write_text(yaml.safe_dump([play]), "utf-8")
    here = "ansible_connection=local ansible_python_interpreter=/usr/bin/python3"
    (folder / "hosts").write_text(f"[rooms]\nr-1 {here}\n" + (f"[hub_hosts]\nhub {here}\n" if hub else ""), "utf-8")
    command = [
        str(BIN / "ansible-playbook"), "-i", str(folder / "hosts"), str(folder / "play.yml"),
        "-e", "agent_bundle=diemcau-0.2.0-agent-arm64-py311.tar", *options,
    ]  # fmt: skip
    places = {
        "ANSIBLE_HOME": str(folder / "home"), "ANSIBLE_ROLES_PATH": str(ANSIBLE / "roles"), "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_LOCALHOST_WARNING": "False",
    }  # fmt: skip
    code, said = json.loads(
        in_quiet_network(ASKED.format(at_work=at_work, command=command, places=places), mounts=True)
    )
    return code == 0, said


def test_a_room_that_is_installed_for_the_first_time_waits_for_nobody(tmp_path: Path) -> None:
    assert turn(tmp_path, at_work=False, hub=False)[0]


def test_without_a_hub_a_room_at_work_is_left_alone_unless_told_otherwise(tmp_path: Path) -> None:
    goes_on, said = turn(tmp_path, at_work=True, hub=False)
    assert not goes_on
    assert "Without a hub: -e without_hub=true" in said
    goes_on, said = turn(tmp_path, at_work=True, hub=False, options=("-e", "without_hub=true"))
    assert goes_on, said


def test_a_hub_that_gives_no_answer_is_a_no(tmp_path: Path) -> None:
    goes_on, said = turn(tmp_path, at_work=True, hub=True)
    assert not goes_on
    assert "Leave this room as it is where the hub says so" in said
