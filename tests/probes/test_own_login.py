"""Codecs whose web interface has a log-in of its own (VideoOS, Huawei), on a line that goes wrong in every way.

A wrong password, a certificate that changed, and a dead codec must never be taken for one another.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.config.devices import CodecConfig
from agent.core.facts import NoReading, Reading
from agent.probes.codec import CodecProbe
from agent.probes.orders import DeviceEffector
from tests.devices.kit import Recording
from tests.devices.webkit import recorded, web_recordings
from tests.transports.web import Web, certificate, web

Script = Callable[[bytes, int], bytes | None]
Maker = Callable[..., CodecProbe]


@dataclass(frozen=True, slots=True)
class Case:
    """A family, and what of it this file has to know."""

    recording: Recording
    log_in: bytes
    """What stands in the request that carries the password."""
    refusal: bytes
    """The answer to a wrong one."""

    @property
    def family(self) -> str:
        return self.recording.family


def _one(family: str, name: str) -> Recording:
    return next(recording for recording in web_recordings(family) if recording.name == name)


def _reply(status: str, body: bytes = b"") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


NOT_DONE = b'{"success":0,"error":{"id":100666995,"code":33558532,"params":[]}}'
SESSION = b"POST /rest/current/session "
CASES = [
    pytest.param(Case(_one("poly_videoos", "x30_idle"), SESSION, _reply("403 Forbidden")), id="videoos 403"),
    pytest.param(Case(_one("poly_videoos", "x30_idle"), SESSION, _reply("401 Unauthorized")), id="videoos 401"),
    pytest.param(
        Case(_one("huawei_te", "te20_idle"), b"WEB_RequestCertificateAPI", _reply("200 OK", NOT_DONE)), id="huawei"
    ),
]


def playing(recording: Recording) -> Script:
    """The recorded codec on the wire."""

    def script(asked: bytes, count: int) -> bytes | None:
        head, _, body = asked.partition(b"\r\n\r\n")
        method, target, _ = head.decode().split("\r\n")[0].split(" ")
        reply = recorded(recording, " ".join([method, target, body.decode()]).strip())
        rows = "".join(f"{name}: {value}\r\n" for name, value in reply.headers)
        return f"HTTP/1.1 {reply.status} Said\r\n{rows}Content-Length: {len(reply.body)}\r\n\r\n".encode() + reply.body

    return script


def knocks(device: Web, case: Case) -> int:
    """How often the password was sent."""
    return sum(case.log_in in asked for asked in device.asked)


@pytest.fixture
def open_probe(tmp_path: Path) -> Iterator[Maker]:
    """Makes probes as an agent does, and closes them."""
    made: list[CodecProbe] = []

    def make(case: Case, url: str, api_timeout_s: float = 5.0) -> CodecProbe:
        login = case.recording.login
        config = CodecConfig(
            case.family, url, user=login.user, password=login.password, trust_dir=str(tmp_path / "state"),
            api_timeout_s=api_timeout_s, reach_timeout_s=0.5,
        )  # fmt: skip
        made.append(CodecProbe(config))
        return made[-1]

    yield make
    for probe in made:
        probe.close()


def told(readings: object) -> tuple[Reading, Reading]:
    """What an operator learns first."""
    assert isinstance(readings, dict)
    return readings["codec.api"], readings["codec.in_call"]


@pytest.mark.parametrize("case", CASES)
def test_one_session_is_kept(case: Case, open_probe: Maker) -> None:
    with web(playing(case.recording)) as device:
        probe = open_probe(case, device.url)
        for _ in range(3):
            readings = probe.observe()
            assert {key: readings[key] for key in case.recording.expected} == case.recording.expected
        assert (knocks(device, case), device.connections) == (1, 1)


@pytest.mark.parametrize("case", CASES)
def test_a_wrong_password_is_sent_once_and_then_held_back(case: Case, open_probe: Maker) -> None:
    play = playing(case.recording)
    with web(lambda asked, count: case.refusal if case.log_in in asked else play(asked, count)) as device:
        probe = open_probe(case, device.url)
        for _ in range(3):
            assert told(probe.observe()) == (NoReading("denied"), NoReading("denied"))
        assert knocks(device, case) == 1


@pytest.mark.parametrize("case", CASES)
def test_a_certificate_that_changed_after_a_restart_is_told_apart(
    case: Case, open_probe: Maker, tmp_path: Path
) -> None:
    """It is neither dead nor is its password wrong; whoever shows it is not even asked."""
    contexts: list[ssl.SSLContext] = [certificate(tmp_path, name) for name in ("before", "after")]
    with web(playing(case.recording), contexts[0]) as device:
        device.close_after_answer = True
        probe = open_probe(case, device.url)
        assert told(probe.observe()) == (True, False)
        device._context = contexts[1]
        asked = len(device.asked)
        for _ in range(2):
            changed = NoReading("certificate_changed")
            assert told(probe.observe()) == (changed, changed)
        assert len(device.asked) == asked
        # The codec was looked at, and its old certificate is forgotten: an agent that starts anew takes this one.
        (tmp_path / "state" / "known_certificates.json").unlink()
        assert told(open_probe(case, device.url).observe()) == (True, False)


@pytest.mark.parametrize("case", CASES)
def test_a_dead_codec_is_told_apart(case: Case, open_probe: Maker) -> None:
    with web(playing(case.recording)) as device:
        probe = open_probe(case, device.url)
        assert told(probe.observe()) == (True, False)
    assert told(probe.observe()) == (False, NoReading("refused"))


@pytest.mark.parametrize("case", CASES)
def test_a_session_forgotten_in_a_restart_costs_one_log_in(case: Case, open_probe: Maker) -> None:
    """The codec comes back, knows nobody, and says so in its own way."""
    play, forgotten = playing(case.recording), False

    def script(asked: bytes, count: int) -> bytes | None:
        nonlocal forgotten
        forgotten = forgotten and case.log_in not in asked
        opens = case.log_in in asked or b"WEB_RequestSessionIDAPI" in asked
        return case.refusal if forgotten and not opens else play(asked, count)

    with web(script) as device:
        probe = open_probe(case, device.url)
        probe.observe()
        forgotten = True
        assert told(probe.observe()) == (True, False)
        assert knocks(device, case) == 2


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"SSH-2.0-dropbear\r\n\r\n", "garbled"), (_reply("200 OK", b"<html>"), "garbled"),
        (_reply("502 Bad Gateway"), "garbled"), (None, "refused"),
    ],
    ids=["no HTTP", "a page", "a proxy", "hangs up"],
)  # fmt: skip
def test_what_answers_otherwise_is_no_wrong_password(
    case: Case, open_probe: Maker, answer: bytes | None, reason: str
) -> None:
    with web(answer) as device:
        probe = open_probe(case, device.url)
        for _ in range(2):
            assert told(probe.observe()) == (False, NoReading(reason))


@pytest.mark.parametrize("case", CASES[1:])
def test_a_codec_that_stops_in_the_middle_of_a_reply_is_timed_out(case: Case, open_probe: Maker) -> None:
    """Half-open, or hung: the connection stands, and nothing more comes."""
    play = playing(case.recording)

    def script(asked: bytes, count: int) -> bytes | None:
        whole = play(asked, count) or b""
        return whole if count < 4 else whole[: len(whole) // 2]

    with web(script) as device:
        probe = open_probe(case, device.url, api_timeout_s=1.0)
        seen = probe.observe()
        assert told(seen)[0] is False
        assert seen["codec.in_call"] == NoReading("timeout")


def test_a_codec_that_hangs_up_while_it_restarts_has_obeyed(open_probe: Maker) -> None:
    case = Case(_one("poly_videoos", "x30_idle"), SESSION, b"")
    play = playing(case.recording)
    with web(lambda asked, count: None if b"/reboot" in asked else play(asked, count)) as device:
        probe = open_probe(case, device.url)
        probe.observe()
        assert probe.link is not None
        outcome = DeviceEffector(probe.link, frozenset({"codec_restart"})).perform("codec_restart")
        assert outcome.ok
        assert outcome.proof["closed"] is True
