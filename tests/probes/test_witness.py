"""The question about calls apart from the sweep, moments of questions, and orders that come too late, on real lines."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from agent.config.devices import CodecConfig
from agent.core.facts import NoReading
from agent.ports import Asked, Outcome, Witness
from agent.probes.codec import CodecProbe
from agent.probes.turns import GIVES_WAY_MAX
from agent.transports.clock import now_s
from tests.probes.fakes import FakeCodec, FakeSerialCodec, codec
from tests.probes.test_codec import config_for, effector, observed
from tests.probes.test_weblink import boots, effector_of, probe_of
from tests.probes.test_weblink import codec as web_codec
from tests.transports.places import eventually
from tests.transports.web import web

IDLE = {"codec.in_call": False}
TALL = {"xStatus SystemUnit": 2200, "xStatus Video Output": 1800, "xStatus Cameras": 2100}
"""Bytes that a real codec says beyond what the recording keeps: with them a sweep takes 9 s at 9,600 baud."""


def slowed(fake: FakeCodec) -> None:
    """The line and the talk of a real codec at 9,600 baud."""
    for question, size in TALL.items():
        tree = json.loads(fake.told.answers[question].replace(b"$ID", b"ID"))
        top = tree.get("StatusResponse", tree)["Status"]
        inner = top[question.split()[1]]
        (inner[0] if isinstance(inner, list) else inner)["Notes"] = {"Value": "n" * size}
        fake.told.answers[question] = json.dumps(tree).replace('"ID"', '"$ID"').encode() + b"\r\n"
    fake.bytes_per_s = 960


@contextmanager
def looking(probe: CodecProbe) -> Iterator[list[Asked]]:
    """A look in its own thread, as in the loop."""
    seen: list[Asked] = []
    thread = threading.Thread(target=lambda: seen.append(probe.observe()))
    thread.start()
    try:
        yield seen
    finally:
        thread.join(30)
        assert not thread.is_alive()


def begun(fake: FakeCodec, question: str, before: int) -> Callable[[], bool]:
    return lambda: question in fake.heard[before:]


def test_a_slow_sweep_is_stamped_by_question_and_gives_way_to_the_witness() -> None:
    with codec("cisco_xapi/json_idle", FakeSerialCodec) as fake:
        slowed(fake)
        probe = CodecProbe(replace(config_for(fake), api_timeout_s=15))
        assert isinstance(probe, Witness)
        observed(probe)

        before, began_s = len(fake.heard), now_s()
        whole = probe.observe()
        took_s = now_s() - began_s
        assert 8 < took_s < 14, "this test is about slow lines"
        assert set(whole) == set(probe.keys)
        heard_s = dict(zip(fake.heard[before:], fake.heard_at_s[before:], strict=True))
        asked = [
            ("codec.in_call", "xStatus SystemUnit"),
            ("codec.standby", "xStatus Standby"),
            ("codec.volume_pct", "xStatus Audio Volume"),
            ("codec.registered", "xStatus SIP"),
            ("codec.camera", "xStatus Cameras"),
            ("codec.upgrading", "xStatus Provisioning Software UpgradeStatus"),
        ]
        stamps = [whole.asked_s[fact] for fact, _ in asked]
        assert stamps == sorted(set(stamps)), "each question has a moment of its own"
        assert stamps[-1] - stamps[0] > 0.7 * took_s
        for fact, question in asked:
            assert -0.5 < whole.asked_s[fact] - heard_s[question] <= 0, (
                f"{fact}: not later than its question, nor long before"
            )
        assert min(whole.asked_s.values()) >= began_s

        before = len(fake.heard)
        with looking(probe) as seen:
            eventually(begun(fake, "xStatus Audio Input Connectors", before), "no sweep came so far")
            asked_at_s = now_s()
            said = probe.attest()
            took_s = now_s() - asked_at_s
        assert said == IDLE
        assert took_s < 2, f"the witness took {took_s:.1f} s in the midst of a sweep"
        assert asked_at_s <= said.asked_s["codec.in_call"] <= now_s()
        (some,) = seen
        assert some == {key: whole[key] for key in some}
        assert {"codec.in_call", "codec.volume_pct", "codec.model"} <= set(some), "what was answered counts"
        assert not {"codec.camera", "codec.registered", "codec.display_out"} & set(some), "what was not is left alone"
        assert fake.heard[before:].count("xStatus SystemUnit") == 1, "the line was not opened anew"
        probe.close()


@pytest.mark.parametrize("told", ["cisco_xapi/json_in_call", "cisco_xapi/tc_serial_idle", "poly_cli/hdx_in_call"])
@pytest.mark.parametrize("kind", [FakeCodec, FakeSerialCodec])
def test_the_witness_is_asked_on_the_line_of_the_sweep(told: str, kind: type[FakeCodec]) -> None:
    """Also as the very first question of all, and of a codec that logs nobody in."""
    with codec(told, kind) as fake:
        probe = CodecProbe(config_for(fake))
        wanted = {"codec.in_call": fake.told.expected["codec.in_call"]}
        probe.attest()
        assert probe.attest() == wanted
        observed(probe)
        fake.thinks_s = 0.15
        before = len(fake.heard)
        with looking(probe) as seen:
            eventually(lambda: len(fake.heard) > before, "no sweep began")
            assert probe.attest() == wanted
        fake.thinks_s = 0.0
        assert all(reading == observed(probe)[key] for key, reading in seen[0].items())
        assert fake.connections == (1 if kind is FakeCodec else 0)
        probe.close()


@pytest.mark.parametrize("kind", [FakeCodec, FakeSerialCodec])
def test_a_silent_codec_gives_the_witness_no_word_in_time(kind: type[FakeCodec]) -> None:
    with codec("cisco_xapi/json_in_call", kind) as fake:
        probe = CodecProbe(config_for(fake))
        observed(probe)
        fake.mute = True
        for _ in range(2):
            began_s = time.monotonic()
            assert probe.attest() == {"codec.in_call": NoReading("timeout")}
            assert time.monotonic() - began_s < 5
        fake.mute = False
        assert observed(probe)["codec.in_call"] is True
        probe.close()


def test_a_codec_that_is_not_there_and_one_that_says_nothing_of_calls() -> None:
    with codec("cisco_xapi/json_idle") as fake:
        gone = config_for(fake)
    probe = CodecProbe(gone)
    assert probe.attest() == {"codec.in_call": NoReading("refused")}
    assert CodecProbe(CodecConfig(ping="icmp:127.0.0.1")).attest() == {}
    assert CodecProbe(replace(gone, ignore=("codec.in_call",))).attest() == {}


def test_witnesses_in_a_row_starve_no_sweep() -> None:
    with codec("cisco_xapi/json_idle") as fake:
        probe = CodecProbe(config_for(fake))
        whole = observed(probe)
        fake.thinks_s = 0.08
        looks: list[Asked] = []
        for _ in range(GIVES_WAY_MAX + 1):
            before = len(fake.heard)
            with looking(probe) as seen:
                eventually(begun(fake, "xStatus Standby", before), "no sweep began")
                assert probe.attest() == IDLE
            looks += seen
        assert [set(look) == set(whole) for look in looks] == [False] * GIVES_WAY_MAX + [True]
        assert [look.cut_short for look in looks] == [True] * GIVES_WAY_MAX + [False]
        assert dict(looks[-1]) == dict(whole)
        probe.close()


class Allowed:
    """`InTime` that holds until a moment; what was heard by each question to it."""

    def __init__(self, fake: FakeCodec, until_s: float) -> None:
        self._fake = fake
        self._until_s = time.monotonic() + until_s
        self.heard: list[int] = []

    def __call__(self) -> bool:
        self.heard.append(len(self._fake.heard))
        return time.monotonic() < self._until_s


WAKE = "xCommand Standby Deactivate"


def test_an_order_that_waited_too_long_for_the_line_is_not_sent() -> None:
    """The sweep's last question is never answered: the order has to wait for that, and is told that it is too late."""
    with codec("cisco_xapi/json_idle") as fake:
        probe = CodecProbe(config_for(fake))
        observed(probe)
        fake.mute, before = True, len(fake.heard)
        with looking(probe):
            eventually(lambda: len(fake.heard) > before, "no sweep began")
            late = effector(probe).perform("codec_wake", Allowed(fake, 1.0))
        assert late == Outcome(False, "late", {"sent": False})
        assert WAKE not in fake.heard
        fake.mute = False
        again = effector(probe).perform("codec_wake", Allowed(fake, 5.0))
        assert again.ok, again
        assert fake.heard.count(WAKE) == 1
        assert fake.connections == 1
        probe.close()


def test_a_line_that_another_exchange_holds_is_named_as_busy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing was sent and nothing is known of the device: that is no failed remedy."""
    monkeypatch.setattr("agent.probes.orders.ORDER_MAX_S", 0.4)
    with codec("cisco_xapi/json_idle") as fake, web(web_codec) as device:
        probe, web_probe = CodecProbe(config_for(fake)), probe_of(device, tmp_path)
        for one, give in ((probe, effector(probe)), (web_probe, effector_of(web_probe))):
            with one.link._turns.urgent(1.0):  # type: ignore[union-attr]
                outcome = give.perform("codec_restart")
            assert (outcome.ok, outcome.reason, outcome.proof["sent"]) == (False, "busy", False)
            one.close()
        assert (fake.connections, device.connections) == (0, 0)


def test_whether_it_is_in_time_is_asked_when_the_log_in_is_over() -> None:
    with codec("cisco_xapi/ce_text_idle") as fake:
        probe = CodecProbe(config_for(fake))
        asked = Allowed(fake, -1)
        assert effector(probe).perform("codec_wake", asked).reason == "late"
        assert asked.heard == [len(fake.heard)]
        assert fake.heard[-1].startswith("xStatus Standby"), "the last word of the log-in"
        assert effector(probe).perform("codec_wake").ok
        assert fake.connections == 1
        assert fake.heard.count("xCommand Standby Deactivate") == 1
        probe.close()


def test_a_second_try_asks_again_whether_it_is_in_time() -> None:
    """The first may have been obeyed: so nobody is told that nothing was sent."""
    with codec("cisco_xapi/json_idle") as fake:
        probe = CodecProbe(config_for(fake))
        observed(probe)
        fake.mute_connection = 1
        outcome = effector(probe).perform("codec_wake", Allowed(fake, 1.0))
        assert (outcome.ok, outcome.reason, outcome.proof["sent"]) == (False, "timeout", True)
        assert fake.heard.count(WAKE) == 1
        assert fake.connections == 2
        probe.close()


def test_an_order_gives_way_to_nothing_once_it_has_begun() -> None:
    """A witness that asks meanwhile waits for the order's end."""
    with codec("cisco_xapi/json_idle") as fake:
        probe = CodecProbe(config_for(fake))
        observed(probe)
        fake.thinks_s = 0.5
        ended: list[Outcome] = []
        order = threading.Thread(target=lambda: ended.append(effector(probe).perform("codec_wake")))
        order.start()
        eventually(lambda: WAKE in fake.heard, "no order came")
        fake.thinks_s = 0.0
        assert probe.attest() == IDLE
        order.join(10)
        assert ended[0].ok
        probe.close()


def test_a_web_interface_gives_way_between_two_requests(tmp_path: Path) -> None:
    def slow(asked: bytes, count: int) -> bytes | None:
        thinking.wait(pause_s)
        return web_codec(asked, count)

    pause_s, thinking = 0.0, threading.Event()
    with web(slow) as device:
        probe = probe_of(device, tmp_path)
        whole = probe.observe()
        stamps = [whole.asked_s[fact] for fact in ("codec.in_call", "codec.standby", "codec.upgrading")]
        assert stamps == sorted(set(stamps))
        pause_s = 0.1
        before = len(device.asked)
        with looking(probe) as seen:
            eventually(lambda: len(device.asked) >= before + 5, "no sweep began")
            began_s = now_s()
            said = probe.attest()
            assert now_s() - began_s < 2
        assert said == IDLE
        assert said.asked_s["codec.in_call"] >= began_s
        assert seen[0] == {key: whole[key] for key in seen[0]}
        assert "codec.standby" in seen[0]
        assert "codec.upgrading" not in seen[0]
        assert sum(b"session/begin" in asked for asked in device.asked) == 2, "the first is answered by a 401"
        probe.close()


def test_a_late_order_leaves_a_web_interface_alone(tmp_path: Path) -> None:
    with web(web_codec) as device:
        probe = probe_of(device, tmp_path)
        asked = [False]

        def late() -> bool:
            asked[0] = any(b"session/begin" in heard for heard in device.asked)
            return False

        assert effector_of(probe).perform("codec_restart", late) == Outcome(False, "late", {"sent": False})
        assert asked == [True], "asked when the log-in was over"
        assert boots(device) == 0
        assert effector_of(probe).perform("codec_restart", lambda: True).ok
        assert boots(device) == 1
        assert device.connections == 1
        probe.close()
