"""The conference PC over real SSH: a real shell for Linux, a simulated `cmd` for Windows, every fault told apart."""

from __future__ import annotations

import asyncio
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config.devices import CodecConfig, PcConfig, RoomConfig
from agent.core.facts import NoReading, Reading
from agent.devices.pc import _shell, linux, windows
from agent.ports import Asked, Outcome, Witness
from agent.probes.build import build_probes
from agent.probes.pc import PcProbe
from agent.transports.clock import now_s
from sim.servers.base import Conversation
from sim.servers.pc import WindowsConversation, WindowsPc
from sim.servers.ssh import SshPort
from tests.transports.places import eventually, program

USER, PASSWORD = "hop", "mat-khau"


class RealShell:
    """The system's own `sh`, behind the SSH server."""

    closing = False

    def __init__(self) -> None:
        self._shell = subprocess.Popen(["sh"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)

    def opened(self) -> bytes:
        return b""

    def receive(self, data: bytes) -> bytes:
        """Type it, and wait for its last mark or word."""
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        self._shell.stdin.write(data + b"echo the-end\n")
        out = b""
        while not out.endswith(b"the-end\n"):
            out += self._shell.stdout.read(1)
        return out.removesuffix(b"the-end\n")

    def tick(self) -> bytes:
        return b""


@contextmanager
def served(make: Any) -> Iterator[SshPort]:
    """An SSH server in a thread, each of whose shells `make` makes."""
    program("ssh")
    loop, made, stop, ready = asyncio.new_event_loop(), [], asyncio.Event(), threading.Event()

    async def serve() -> None:
        port = SshPort(lambda: not stop.is_set(), make, USER, PASSWORD)
        made.append(port)
        while not stop.is_set():
            await port.tick()
            ready.set()
            await asyncio.sleep(0.02)
        port.close()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert ready.wait(10)
    try:
        yield made[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


def probe(port: int, folder: Path, password: str = PASSWORD, witness: bool = True, **more: Any) -> PcProbe:
    given: dict[str, Any] = {"process": "Zoom.exe", "restart": "DiemCauMoLai", "timeout_s": 5.0} | more
    config = PcConfig(f"ssh://127.0.0.1:{port}", user=USER, password=password, trust_dir=str(folder), **given)
    return PcProbe(config, witness=witness)


def test_windows_is_read_running_gone_and_in_a_call(tmp_path: Path) -> None:
    pc = WindowsPc()
    with served(lambda: WindowsConversation(pc)) as port:
        ours = probe(port.port, tmp_path)
        assert ours.observe() == {"pc.alive": True, "pc.app_running": True, "codec.in_call": NoReading("stale")}
        pc.in_call = True
        assert ours.observe()["codec.in_call"] is True
        pc.running = pc.in_call = False
        assert ours.observe() == {"pc.alive": True, "pc.app_running": False, "codec.in_call": False}
        assert ours.perform("pc_app_restart") == Outcome(ok=True)
        assert ours.observe()["pc.app_running"] is True
        assert pc.restarts == ["DiemCauMoLai"]


def test_a_task_that_is_not_there_is_a_refused_order(tmp_path: Path) -> None:
    with served(lambda: WindowsConversation(WindowsPc(running=False))) as port:
        assert probe(port.port, tmp_path, restart="Khac").perform("pc_app_restart").reason == "refused"
        assert probe(port.port, tmp_path, restart="").remedies == frozenset()


def test_a_pc_that_remembers_no_use_of_its_microphone_denies_no_call(tmp_path: Path) -> None:
    with served(lambda: WindowsConversation(WindowsPc(remembers=False))) as port:
        assert probe(port.port, tmp_path).observe()["codec.in_call"] == NoReading("absent")


def test_linux_is_asked_through_its_real_shell(tmp_path: Path) -> None:
    def make() -> Conversation:
        return RealShell()

    app = subprocess.Popen(["sleep", "60"])
    try:
        with served(make) as port:
            ours = probe(port.port, tmp_path, system="linux", process="sleep")
            found = ours.observe()
            assert (found["pc.alive"], found["pc.app_running"]) == (True, True)
            gone = probe(port.port, tmp_path, system="linux", process="khong-co-app")
            assert gone.observe()["pc.app_running"] is False
            assert ours.perform("pc_app_restart").reason == "refused", "there is no such unit here"
    finally:
        app.kill()
        app.wait()


def test_every_fault_has_its_own_name(tmp_path: Path) -> None:
    pc = WindowsPc()
    with served(lambda: WindowsConversation(pc)) as port:
        wrong = probe(port.port, tmp_path, "sai")
        for _ in range(3):
            assert set(wrong.observe().values()) == {NoReading("denied")}
        assert 1 <= len(port.tried) <= 2, "one log-in, by one or both of its ways, and then it waits"
        good = probe(port.port, tmp_path, timeout_s=2.0)
        assert good.observe()["pc.alive"] is True
        pc.hangs = True
        silent = good.observe()
        assert (silent["pc.alive"], silent["codec.in_call"]) == (False, NoReading("timeout"))
        pc.hangs = False
        assert good.observe()["pc.alive"] is True, "and it is there again"
        number = port.port
        good.close()
        assert set(good.observe().values()) == {NoReading("link")}
    away = probe(number, tmp_path)
    assert away.observe()["pc.alive"] is False
    assert away.perform("pc_app_restart").reason in ("refused", "timeout")


def test_another_pc_at_its_address_gets_no_password(tmp_path: Path) -> None:
    def make() -> Conversation:
        return WindowsConversation(WindowsPc())

    with served(make) as port:
        assert probe(port.port, tmp_path).observe()["pc.alive"] is True
        known = tmp_path / "known_hosts"
    with served(make) as other:
        known.write_text(known.read_text().replace(f"127.0.0.1:{port.port}", f"127.0.0.1:{other.port}"))
        found = probe(other.port, tmp_path).observe()
        assert set(found.values()) == {NoReading("host_key_changed")}
        assert other.tried == []


def test_only_a_room_without_a_codec_takes_the_pcs_word_about_calls(tmp_path: Path) -> None:
    pc = PcConfig("ssh://10.0.0.7", "Zoom.exe", user=USER, restart="Task", trust_dir=str(tmp_path))
    for codec, witness in ((None, True), (CodecConfig(ping="icmp:10.0.0.5"), False)):
        probes, effectors = build_probes(RoomConfig(codec=codec, pc=pc, network=None, board=None))
        (ours,) = [one for one in probes if one.name == "pc"]
        assert ("codec.in_call" in ours.keys) is witness
        assert any("pc_app_restart" in effector.remedies for effector in effectors)


ROWS = ['"System","4","Services","0","144 K"'] * 6
USES = ["LastUsedTimeStop    REG_QWORD    0x1db3c2a55f1e2b0"]


@pytest.mark.parametrize(
    ("rows", "running"),
    [
        ([*ROWS, '"zoom.exe","8000","Console","1","99 K"'], True),
        (ROWS, False),
        (ROWS[:2], NoReading("garbled")),
        ([*ROWS, "Không tìm thấy tác vụ nào"], NoReading("garbled")),
        (["INFO: No tasks are running which match the specified criteria."], NoReading("garbled")),
        ([], NoReading("garbled")),
    ],
)
def test_only_a_whole_list_denies_a_program(rows: list[str], running: Reading) -> None:
    assert windows.facts("Zoom.exe", [USES, USES, rows])["pc.app_running"] == running


@pytest.mark.parametrize(
    ("microphone", "camera", "called"),
    [
        (USES, USES, False),
        (USES, [], NoReading("absent")),
        (USES, ["LastUsedTimeStop    REG_QWORD    0x0"], True),
        (["LastUsedTimeStop    REG_QWORD    0x0"], [], True),
        ([], USES, NoReading("absent")),
        ([*USES, "LastUsedTimeStop    REG_SZ    ?"], USES, NoReading("garbled")),
    ],
)
def test_only_ended_uses_deny_a_call(microphone: list[str], camera: list[str], called: Reading) -> None:
    assert windows.facts("Zoom.exe", [microphone, camera, ROWS])["codec.in_call"] == called


@pytest.mark.parametrize(
    ("rows", "called"),
    [
        (["closed", "closed"], False),
        (["closed", "state: RUNNING"], True),
        (["closed", "state: XRUN"], NoReading("garbled")),
        ([], NoReading("absent")),
    ],
)
def test_only_closed_channels_deny_a_call(rows: list[str], called: Reading) -> None:
    assert linux.facts("zoom", [["app 1"], rows])["codec.in_call"] == called
    assert linux.facts("zoom", [["app 127"], rows])["pc.app_running"] == NoReading("garbled")


@given(st.lists(st.binary(max_size=60)), st.integers(1, 4))
def test_no_bytes_make_a_whole_answer(noise: list[bytes], size: int) -> None:
    sections = _shell.Sections(3)
    for part in noise:
        sections.feed(part)
    assert sections.whole is None
    text = b"hello\r\n" + b"".join(f"{_shell.MARK}{n}\r\nsaid {n}\r\n".encode() for n in range(4))
    fresh = _shell.Sections(3)
    for at in range(0, len(text), size):
        fresh.feed(text[at : at + size])
    assert fresh.whole == [["said 0"], ["said 1"], ["said 2"]]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"process": "Zoom.exe & del"}, r"pc\.process: .* without blanks"),
        ({"process": "$(reboot)"}, r"pc\.process: "),
        ({"restart": '"x"'}, r"pc\.restart: "),
        ({"system": "linux", "process": "vnpt-meeting-desktop"}, r"pc\.process: .*write 'vnpt-meeting-de'"),
        ({"system": "mac"}, r"pc: system 'mac' must be one of windows, linux"),
        ({"timeout_s": 60}, r"pc: timeout_s must be 2\.\.20"),
    ],
)
def test_nothing_unchecked_reaches_a_shell(tmp_path: Path, more: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        probe(22, tmp_path, **more)


def test_a_program_that_runs_may_be_in_a_call_with_nothing_in_use() -> None:
    """Somebody listens with microphone and camera off: only a program that is gone holds no meeting."""
    running = [*ROWS, '"Zoom.exe","8000","Console","1","99 K"']
    assert windows.facts("Zoom.exe", [USES, USES, running])["codec.in_call"] == NoReading("stale")
    assert windows.facts("Zoom.exe", [USES, USES, ROWS[:2]])["codec.in_call"] == NoReading("stale")
    assert linux.facts("zoom", [["app 0"], ["closed"]])["codec.in_call"] == NoReading("stale")
    assert linux.facts("zoom", [["app 0"], ["state: RUNNING"]])["codec.in_call"] is True


def test_an_answer_that_was_cut_is_never_whole() -> None:
    for long in (b"a line\r\n" * (_shell.LINES_MAX + 1), b"x" * 20_000 + b"\r\n"):
        sections = _shell.Sections(1)
        sections.feed(f"{_shell.MARK}0\r\n".encode() + long + f"{_shell.MARK}1\r\n".encode())
        assert sections.whole is None
        assert sections.lost


def test_our_own_order_under_way_is_no_word_about_the_pc(tmp_path: Path) -> None:
    ours = probe(22, tmp_path, timeout_s=2.0)
    with ours._turns.urgent(1.0) as mine:
        assert mine
        assert ours.observe() == {}


def test_a_call_is_asked_for_apart_and_a_hanging_look_gives_way(tmp_path: Path) -> None:
    pc = WindowsPc(in_call=True)
    shells: list[WindowsConversation] = []

    def make() -> WindowsConversation:
        shells.append(WindowsConversation(pc))
        return shells[-1]

    with served(make) as port:
        ours = probe(port.port, tmp_path, timeout_s=15.0)
        assert isinstance(ours, Witness)
        pc.hangs = True
        looks: list[Asked] = []
        look = threading.Thread(target=lambda: looks.append(ours.observe()))
        look.start()
        eventually(lambda: bool(shells), "no look began")
        pc.hangs = False
        began_s = now_s()
        said = ours.attest()
        assert now_s() - began_s < 5
        look.join(10)
        assert said == {"codec.in_call": True}
        assert began_s < said.asked_s["codec.in_call"] < now_s(), "when it was typed, not when the log-in began"
        assert looks == [{}], "the look gave way, and overwrites nothing"
        pc.hangs = True
        assert ours.attest() == {"codec.in_call": NoReading("timeout")}
        assert probe(port.port, tmp_path, witness=False).attest() == {}


def test_an_order_that_comes_too_late_is_not_typed(tmp_path: Path) -> None:
    pc = WindowsPc()
    shells: list[WindowsConversation] = []

    def make() -> WindowsConversation:
        shells.append(WindowsConversation(pc))
        return shells[-1]

    with served(make) as port:
        ours = probe(port.port, tmp_path)
        logged_in: list[int] = []

        def too_late() -> bool:
            logged_in.append(len(port.tried))
            return False

        late = ours.perform("pc_app_restart", too_late)
        assert late == Outcome(ok=False, reason="late", proof={"sent": False})
        assert logged_in[0] > 0, "asked when the log-in was over"
        assert pc.restarts == []
        assert ours.perform("pc_app_restart").ok
        assert pc.restarts == ["DiemCauMoLai"]
        assert len(shells) == 1, "the log-in was kept for the next try"
        ours.close()
