"""The demonstration as a whole, small: real broker, hub, agents and light rooms, a scenario, and the account of it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from sim.process import program

SCENARIO = """
[title]
vi = "Kiểm tra ngắn"
en = "A short check"
[meeting]
title = "Họp thử (mô phỏng)"
in_min = 40
[[faults]]
at_s = 2
fault = "codec_hang_soft"
count = 10
[[faults]]
at_s = 2
fault = "codec_hang_soft"
on = "cisco_tcp"
[[faults]]
at_s = 5
fault = "codec_hang_soft"
call_s = 12
[[faults]]
at_s = 3
fault = "converter_hang"
[[faults]]
at_s = 4
fault = "mains_lost"
# Shorter, and nobody would be told of it in a room without a UPS.
lasts_s = 46
[[faults]]
at_s = 6
fault = "codec_asleep"
[[faults]]
at_s = 3
fault = "display_off"
[[faults]]
at_s = 7
fault = "codec_dead"
"""

pytestmark = [pytest.mark.run, pytest.mark.xdist_group("programs-1")]


def processes_of(folder: Path) -> list[str]:
    """Command lines of processes that name this folder, ours aside."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if str(folder) in command:
            found.append(command)
    return found


def may_enter(said: list[str]) -> None:
    """The link leads to the form, and both logins open the console."""
    link = said[-1].strip()
    with urllib.request.urlopen(link, timeout=10) as page:
        assert page.url.endswith("/login")
    logins = re.findall(r"mật khẩu\s+(\S+)", "".join(said))
    names = re.findall(r"(\S+)\s+mật khẩu", "".join(said))
    assert names == ["truc", "quantri"]
    for name, password in zip(names, logins, strict=True):
        jar = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        form = urllib.parse.urlencode({"name": name, "password": password}).encode()
        with jar.open(f"{link}login", form, timeout=10) as page:
            assert "/login" not in page.url
        with jar.open(f"{link}meetings", timeout=10) as page:
            assert page.url == f"{link}meetings", "nothing is asked of it first"


@pytest.mark.timeout(300)
def test_a_small_morning_ends_as_it_should(tmp_path: Path, short_folder: Path) -> None:
    file = tmp_path / "short.toml"
    file.write_text(SCENARIO, "utf-8")
    out = tmp_path / "account.json"
    command = [
        program("diemcau"), "demo", "--headless", "--for", "30", "--rooms", "30", "--real", "2",
        "--scenario", str(file), "--json", str(out), "--data", str(short_folder),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    account: dict[str, Any] = json.loads(out.read_text("utf-8"))
    assert account["problems"] == []
    assert account["rooms_expected"] == account["rooms_heard"] == 30
    assert account["faults_injected"] == account["faults_healed"] + account["faults_escalated"]
    assert account["faults_escalated"] == 1, "a supply that has failed for good is a person's"
    assert account["actions_in_call"] == 0
    assert account["calls_lost"] == 0
    assert account["events_sent"] == account["events_stored"] > 30
    assert account["fault_to_console_s"]["count"] == account["faults_injected"]
    assert account["publish_to_console_s"]["measured_by"] == "event stream"
    assert account["publish_to_console_s"]["count"] > 0
    hangs = [row for row in account["outage_s"] if row["fault"] == "codec_hang_soft"]
    assert hangs
    # Nothing comes back sooner than it can boot: the outage is measured, not believed.
    assert all(row["outage_s"] > row["boot_s"] > 0 for row in hangs)
    assert processes_of(short_folder) == []


@pytest.mark.timeout(200)
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_ctrl_c_ends_everything_it_started_and_nothing_else(short_folder: Path, how: signal.Signals) -> None:
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
    command = [program("diemcau"), "demo", "--rooms", "12", "--real", "1", "--data", str(short_folder)]
    demo = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        said: list[str] = []
        ready = threading.Event()

        def listen() -> None:
            assert demo.stdout is not None
            for line in demo.stdout:
                said.append(line)
                if line.startswith("http"):
                    ready.set()
            ready.set()

        threading.Thread(target=listen, daemon=True).start()
        assert ready.wait(120)
        text = "".join(said)
        assert re.search(r"^http://127\.0\.0\.1:\d+/$", said[-1]), text
        assert processes_of(short_folder)
        may_enter(said)
        second = subprocess.run([*command, "--headless", "--for", "1"], capture_output=True, text=True, timeout=60)
        assert second.returncode == 1
        assert f"(process {demo.pid}) works on this folder" in second.stdout, "nor shares its database"
        assert len(second.stdout.splitlines()) == 2, "a sentence a language, and nothing that it had to end"
        demo.send_signal(how)
        assert demo.wait(60) == (-how if how is signal.SIGKILL else 0)
        until_s = time.monotonic() + 10
        while processes_of(short_folder) and time.monotonic() < until_s:
            time.sleep(0.1)
        assert processes_of(short_folder) == []
        assert bystander.poll() is None
    finally:
        if demo.poll() is None:
            demo.kill()
        bystander.kill()
        bystander.wait()


@pytest.mark.timeout(200)
def test_a_taken_port_is_said_and_another_one_taken(short_folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        command = [program("diemcau"), "demo", "--rooms", "3", "--real", "0", "--data", str(short_folder)]
        command += ["--headless", "--for", "1", "--port", str(port)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    vi, en = done.stdout.splitlines()[:2]
    found = re.fullmatch(rf"\s*Port {port} is taken by another program: the console is at port (\d+)", en)
    assert found, done.stdout
    assert int(found[1]) != port
    assert f"Cổng {port} đang có chương trình khác dùng: trang mở ở cổng {found[1]}" in vi


def test_what_cannot_be_started_is_said_in_a_sentence(tmp_path: Path) -> None:
    command = [program("diemcau"), "demo", "--headless", "--for", "5", "--scenario", "evening", "--data", "/tmp/x"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "there is no scenario 'evening'" in done.stdout
    assert "Traceback" not in done.stderr
    long = tmp_path / ("x" * 90)
    done = subprocess.run([*command[:-1], str(long)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "too long a name" in done.stderr
