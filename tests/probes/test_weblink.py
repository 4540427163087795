"""The codec probe and its effector on a web interface that restarts, closes, or shows another certificate."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.config.devices import CodecConfig
from agent.core.facts import NoReading
from agent.probes.codec import CodecProbe
from agent.probes.orders import DeviceEffector
from agent.probes.turns import OutOfTime
from agent.probes.weblink import PARTING_S
from tests.devices.webkit import recorded, web_recordings
from tests.transports.web import Web, certificate, unauthorized, web

(IDLE,) = (recording for recording in web_recordings("cisco_http") if recording.name == "ce_idle")
Script = Callable[[bytes, int], bytes | None]


def codec(asked: bytes, count: int) -> bytes | None:
    """The recorded codec, on the wire; it wants a password."""
    head, _, body = asked.partition(b"\r\n\r\n")
    if b"authorization: basic" not in head.lower():
        return unauthorized('Basic realm="codec"')
    method, target, _ = head.decode().split("\r\n")[0].split(" ")
    reply = recorded(IDLE, " ".join([method, target, body.decode()]).strip())
    rows = "".join(f"{name}: {value}\r\n" for name, value in reply.headers)
    length = "" if reply.status == 204 else f"Content-Length: {len(reply.body)}\r\n"
    return f"HTTP/1.1 {reply.status} Said\r\n{rows}{length}\r\n".encode() + reply.body


def closing_at_restart(times: int) -> Script:
    """A codec that hangs up instead of answering so many orders to restart."""
    left = times

    def script(asked: bytes, count: int) -> bytes | None:
        nonlocal left
        if b"<Boot" in asked and left:
            left -= 1
            return None
        return codec(asked, count)

    return script


def probe_of(device: Web, folder: Path) -> CodecProbe:
    config = CodecConfig(
        family="cisco_http", uri=device.url, user="admin", password="secret", trust_dir=str(folder),
        api_timeout_s=8, reach_timeout_s=0.5,
    )  # fmt: skip
    return CodecProbe(config)


def effector_of(probe: CodecProbe) -> DeviceEffector:
    assert probe.link is not None
    return DeviceEffector(probe.link, frozenset({"codec_restart", "codec_wake"}))


def boots(device: Web) -> int:
    return sum(b"<Boot" in asked for asked in device.asked)


def test_one_session_and_one_connection_are_kept(tmp_path: Path) -> None:
    with web(codec) as device:
        probe = probe_of(device, tmp_path)
        for _ in range(3):
            readings = probe.observe()
            assert {key: readings[key] for key in IDLE.expected} == IDLE.expected
        probe.close()
        assert device.connections == 1
        assert sum(b"session/begin" in asked for asked in device.asked) == 2, "the first is answered by a 401"
        assert sum(b"session/end" in asked for asked in device.asked) == 1


def test_the_session_of_a_broken_conversation_is_ended_before_the_next(tmp_path: Path) -> None:
    """A codec has few, and we would take them all."""
    with web(closing_at_restart(1)) as device:
        probe = probe_of(device, tmp_path)
        probe.observe()
        assert effector_of(probe).perform("codec_wake").ok
        before = len(device.asked)
        assert effector_of(probe).perform("codec_restart").ok
        told = [
            word
            for asked in device.asked[before:]
            for word in (b"session/end", b"session/begin", b"<Boot")
            if word in asked
        ]
        probe.close()
        assert told == [b"<Boot", b"session/end", b"session/begin", b"<Boot"]
        assert sum(b"session/end" in asked for asked in device.asked) == 1, "a restart forgets the other"


def test_close_does_not_wait_for_a_codec_that_hangs(tmp_path: Path) -> None:
    hangs = False

    def script(asked: bytes, count: int) -> bytes | None:
        return b"" if hangs else codec(asked, count)

    with web(script) as device:
        probe = probe_of(device, tmp_path)
        probe.observe()
        hangs = True
        began_s = time.monotonic()
        probe.close()
        assert time.monotonic() - began_s < 2 * PARTING_S


def test_another_certificate_after_a_restart_is_told_apart(tmp_path: Path) -> None:
    """It is neither the codec's fault nor a wrong password, and whoever shows it gets no password."""
    contexts: list[ssl.SSLContext] = [certificate(tmp_path, name) for name in ("before", "after")]
    with web(codec, contexts[0]) as device:
        device.close_after_answer = True
        probe = probe_of(device, tmp_path / "state")
        assert probe.observe()["codec.in_call"] is False
        device._context = contexts[1]
        asked = len(device.asked)
        readings = probe.observe()
        probe.close()
        assert readings["codec.api"] == NoReading("certificate_changed")
        assert readings["codec.in_call"] == NoReading("certificate_changed")
        assert len(device.asked) == asked


def test_a_wrong_password_is_sent_once(tmp_path: Path) -> None:
    with web(unauthorized('Basic realm="codec"')) as device:
        probe = probe_of(device, tmp_path)
        for _ in range(3):
            assert probe.observe()["codec.api"] == NoReading("denied")
        probe.close()
        assert len(device.lines("Authorization")) == 1


def test_a_codec_that_hangs_up_while_it_restarts_has_obeyed(tmp_path: Path) -> None:
    with web(closing_at_restart(2)) as device:
        probe = probe_of(device, tmp_path)
        probe.observe()
        outcome = effector_of(probe).perform("codec_restart")
        probe.close()
        assert outcome.ok
        assert outcome.proof["closed"] is True


def test_a_connection_closed_before_the_order_is_no_restart(tmp_path: Path) -> None:
    """The codec had let go of a connection that it kept: the order comes again on a fresh one, and is answered."""
    with web(closing_at_restart(1)) as device:
        probe = probe_of(device, tmp_path)
        probe.observe()
        outcome = effector_of(probe).perform("codec_restart")
        probe.close()
        assert outcome.ok
        assert "closed" not in outcome.proof
        assert boots(device) == 2


def test_an_order_that_is_refused_is_not_taken_for_done(tmp_path: Path) -> None:
    def refusing(asked: bytes, count: int) -> bytes | None:
        said = b'<Command><BootResult status="Error"><Reason>Busy</Reason></BootResult></Command>'
        if b"<Boot" in asked and b"authorization" in asked.lower():
            return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(said), said)
        return codec(asked, count)

    with web(refusing) as device:
        probe = probe_of(device, tmp_path)
        outcome = effector_of(probe).perform("codec_restart")
        probe.close()
        assert not outcome.ok
        assert outcome.reason == "refused"


def test_a_page_of_another_device_says_nothing_of_calls(tmp_path: Path) -> None:
    with web(b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n<html></html>") as device:
        probe = probe_of(device, tmp_path)
        assert isinstance(probe.observe()["codec.in_call"], NoReading)
        probe.close()


def test_a_look_that_ran_out_of_time_is_followed_by_a_whole_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every answer came, but the time was up between two of them: the codec is asked anew, in the same session."""
    with web(codec) as device:
        probe = probe_of(device, tmp_path)
        probe.observe()
        assert probe.link is not None
        with pytest.raises(OutOfTime):
            probe.link.observe(0.0)
        readings = probe.observe()
        assert {key: readings[key] for key in IDLE.expected} == IDLE.expected
        probe.close()
        assert sum(b"session/begin" in asked for asked in device.asked) == 2, "the first is answered by a 401"


def test_an_order_that_ran_out_of_time_is_followed_by_another(tmp_path: Path) -> None:
    with web(codec) as device:
        probe = probe_of(device, tmp_path)
        probe.observe()
        assert probe.link is not None
        late = probe.link.order("codec_wake", 0.0)
        assert (late.ok, late.reason, late.proof["sent"]) == (False, "timeout", False)
        assert probe.link.order("codec_wake", 8.0).ok
        probe.close()
