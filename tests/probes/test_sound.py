"""The sound probe with the real `arecord` before an ALSA device of known samples, and with recorders that misbehave."""

from __future__ import annotations

import math
import sys
import threading
from array import array
from pathlib import Path

import pytest

from agent.config.devices import RoomConfig, SoundConfig
from agent.core.facts import NoReading
from agent.core.secrecy import Secrecy
from agent.devices.sensor.sound import RATE_HZ, WINDOW_BYTES
from agent.probes.build import build_probes
from agent.probes.sound import SoundProbe
from agent.transports.errors import LinkFault
from agent.transports.recorder import StoppedError, record_into
from agent.uplink.gate import MeteringGate
from tests.transports.places import eventually, program

KEY = "sound.level_dbc"


@pytest.fixture
def gate() -> MeteringGate:
    """Open, by a clock that stands still."""
    made = MeteringGate(lambda: 0.0)
    made.set(Secrecy.OPEN)
    return made


def script(folder: Path, body: str) -> tuple[str, ...]:
    """A recorder of the test's own: it notes its process id, and does what it likes."""
    file = folder / "recorder.py"
    file.write_text(f"import os, sys, time\nopen({str(folder / 'pid')!r}, 'w').write(str(os.getpid()))\n{body}\n")
    return (sys.executable, str(file))


def gone(folder: Path) -> bool:
    """Whether the recorder that ran last is no process any more, not even one that waits to be buried."""
    return not Path(f"/proc/{(folder / 'pid').read_text()}").exists()


def alsa(folder: Path, samples: array[int]) -> tuple[str, ...]:
    """The real arecord, and an ALSA device `known` that hears these samples."""
    (folder / "in.raw").write_bytes(samples.tobytes())
    (folder / "asound.conf").write_text(
        "pcm.null { type null }\n"
        f'pcm.known {{ type file slave.pcm null file /dev/null infile "{folder}/in.raw" format raw }}\n'
    )
    return ("env", f"ALSA_CONFIG_PATH={folder}/asound.conf", program("arecord"))


def tone(amplitude: float) -> array[int]:
    return array("h", (round(amplitude * math.sin(2 * math.pi * 1000 * n / RATE_HZ)) for n in range(2 * RATE_HZ)))


@pytest.mark.parametrize("amplitude", [30_000, 3_000, 30])
def test_the_real_arecord(tmp_path: Path, gate: MeteringGate, amplitude: int) -> None:
    probe = SoundProbe(SoundConfig("known", 110.0, alsa(tmp_path, tone(amplitude)), timeout_s=20), gate)
    reading = probe.observe()[KEY]
    assert reading == pytest.approx(110 + 20 * math.log10(amplitude / 32768), abs=0.2)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["asound.conf", "in.raw"], "nothing is written"


def test_the_real_arecord_without_its_device(tmp_path: Path, gate: MeteringGate) -> None:
    command = alsa(tmp_path, tone(1000))
    assert SoundProbe(SoundConfig("other", command=command), gate).observe() == {KEY: NoReading("link")}
    assert SoundProbe(SoundConfig("known", command=("no-arecord",)), gate).observe() == {KEY: NoReading("link")}


def test_the_real_arecord_before_a_dead_microphone(tmp_path: Path, gate: MeteringGate) -> None:
    command = alsa(tmp_path, array("h", bytes(4 * RATE_HZ)))
    assert SoundProbe(SoundConfig("known", command=command, timeout_s=20), gate).observe() == {KEY: NoReading("failed")}


@pytest.mark.parametrize("secrecy", [Secrecy.MEETING, Secrecy.UNKNOWN])
def test_nothing_is_started_while_the_gate_is_closed(tmp_path: Path, gate: MeteringGate, secrecy: Secrecy) -> None:
    gate.set(secrecy)
    probe = SoundProbe(SoundConfig("d", command=script(tmp_path, "time.sleep(60)")), gate)
    assert probe.observe() == {KEY: NoReading(str(secrecy))}
    assert not (tmp_path / "pid").exists()


def test_without_a_gate_of_the_loops_nothing_is_measured(tmp_path: Path) -> None:
    """As for `check-config` and `doctor`, which know of no schedule."""
    sound = SoundConfig("d", command=script(tmp_path, ""))
    probes, _ = build_probes(RoomConfig(sound=sound, network=None, board=None))
    assert probes[0].observe() == {KEY: NoReading("not_told")}
    assert not (tmp_path / "pid").exists()


@pytest.mark.parametrize("end", ["secret", "closed"])
def test_a_running_recorder_is_ended_when_the_gate_closes(tmp_path: Path, gate: MeteringGate, end: str) -> None:
    """It would go on for a minute: that it is gone is our doing."""
    babble = "os.write(1, b'ab' * 1000)\ntime.sleep(60)"
    probe = SoundProbe(SoundConfig("d", command=script(tmp_path, babble), timeout_s=20), gate)
    readings: list[object] = []
    thread = threading.Thread(target=lambda: readings.append(probe.observe()[KEY]))
    thread.start()
    eventually(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text() != "", "it did not start")
    if end == "secret":
        gate.set(Secrecy.MEETING)
    else:
        probe.close()
    thread.join(20)
    assert readings == [NoReading("secret_meeting" if end == "secret" else "link")]
    assert gone(tmp_path)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("sys.exit(1)", "link"),
        ("os.write(1, b'ab' * 1000)", "garbled"),
        ("time.sleep(60)", "timeout"),
        ("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); os.write(1, b'ab'); time.sleep(60)", "timeout"),
    ],
    ids=["fails", "ends too early", "says nothing", "does not want to end"],
)
def test_a_recorder_that_misbehaves(tmp_path: Path, gate: MeteringGate, body: str, reason: str) -> None:
    probe = SoundProbe(SoundConfig("d", command=script(tmp_path, body), timeout_s=2), gate)
    assert probe.observe() == {KEY: NoReading(reason)}
    assert gone(tmp_path)


def test_one_that_never_stops_is_read_for_a_second_and_ended(tmp_path: Path, gate: MeteringGate) -> None:
    flood = "while True: os.write(1, os.urandom(4096))"
    probe = SoundProbe(SoundConfig("d", command=script(tmp_path, flood), timeout_s=20), gate)
    assert isinstance(probe.observe()[KEY], float)
    assert gone(tmp_path)


def test_what_was_heard_is_overwritten_whatever_ends_it(tmp_path: Path) -> None:
    heard = bytearray(WINDOW_BYTES)
    with pytest.raises(LinkFault, match="ended"):
        record_into(heard, script(tmp_path, "os.write(1, b'ab' * 1000)"), 20, lambda: "")
    assert not any(heard)
    with pytest.raises(StoppedError, match="secret"):
        record_into(
            heard, script(tmp_path, "os.write(1, b'ab' * 1000); time.sleep(60)"), 20,
            lambda: "secret" if any(heard) else "",
        )  # fmt: skip
    assert not any(heard)


def test_the_recorder_is_told_to_write_no_file(tmp_path: Path, gate: MeteringGate) -> None:
    """Its words are those of arecord's manual: raw samples to its output, and two seconds at most."""
    said = tmp_path / "said"
    note = f"open({str(said)!r}, 'w').write(' '.join(sys.argv[1:]))"
    SoundProbe(SoundConfig("plughw:CARD=Mic", command=script(tmp_path, note)), gate).observe()
    assert said.read_text() == "-q -D plughw:CARD=Mic -t raw -f S16_LE -r 48000 -c 1 -d 2"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"device": ""}, "device"),
        ({"command": ()}, "command"),
        ({"calibration_dbc": 20.0}, "calibration_dbc"),
        ({"timeout_s": 1.0}, "timeout_s"),
    ],
)
def test_impossible_settings(changes: dict[str, object], says: str) -> None:
    sound = SoundConfig(**({"device": "d"} | changes))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=says):
        build_probes(RoomConfig(sound=sound, network=None, board=None))
