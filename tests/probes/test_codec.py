"""The codec probe and its effector against fake codecs on real lines."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import replace

import pytest

from agent.config.devices import CodecConfig
from agent.core.facts import NoReading, Reading
from agent.probes.codec import CodecProbe
from agent.probes.orders import DeviceEffector
from tests.probes.fakes import FakeCodec, FakeSerialCodec, codec, recording
from tests.transports.places import eventually, in_quiet_network

QUICK = CodecConfig(family="cisco_xapi", api_timeout_s=8, reach_timeout_s=0.5)


def config_for(fake: FakeCodec) -> CodecConfig:
    login = fake.told.login
    return replace(QUICK, family=fake.told.family, uri=fake.uri, user=login.user, password=login.password)


def effector(probe: CodecProbe) -> DeviceEffector:
    assert probe.link is not None
    return DeviceEffector(
        probe.link, frozenset({"codec_restart", "codec_wake", "codec_volume_restore", "codec_unmute"})
    )


def observed(probe: CodecProbe) -> Mapping[str, Reading]:
    began_s = time.monotonic()
    readings = probe.observe()
    assert time.monotonic() - began_s <= probe.deadline_s
    assert set(readings) == set(probe.keys)
    return readings


def expected(fake: FakeCodec) -> dict[str, Reading]:
    return {key: value for key, value in fake.told.expected.items() if key in ("codec.in_call", "codec.api")}


@pytest.mark.parametrize("kind", [FakeCodec, FakeSerialCodec])
@pytest.mark.parametrize(
    "told",
    ["cisco_xapi/json_idle", "cisco_xapi/ce_text_in_call", "cisco_xapi/ok_before_dialling", "poly_cli/hdx_in_call"],
)
def test_one_session_is_kept(told: str, kind: type[FakeCodec]) -> None:
    with codec(told, kind) as fake:
        probe = CodecProbe(config_for(fake))
        for _ in range(3):
            readings = observed(probe)
            assert {key: readings[key] for key in expected(fake)} == expected(fake)
        probe.close()
        assert fake.connections == (1 if kind is FakeCodec else 0)


@pytest.mark.parametrize("told", ["cisco_xapi/tc_serial_idle", "poly_cli/group_serial_idle"])
def test_a_silent_serial_line_is_nudged(told: str) -> None:
    with codec(told, FakeSerialCodec) as fake:
        probe = CodecProbe(config_for(fake))
        observed(probe)
        assert observed(probe)["codec.in_call"] is False
        probe.close()


def test_a_call_is_seen_when_it_begins() -> None:
    with codec("cisco_xapi/json_idle") as fake:
        probe = CodecProbe(config_for(fake))
        assert observed(probe)["codec.in_call"] is False
        fake.told = recording("cisco_xapi/json_teams_call")
        assert observed(probe)["codec.in_call"] is True
        probe.close()


@pytest.mark.parametrize("kind", [FakeCodec, FakeSerialCodec])
def test_a_hung_codec_is_its_own_fault_and_says_nothing_of_calls(kind: type[FakeCodec]) -> None:
    with codec("cisco_xapi/json_in_call", kind) as fake:
        probe = CodecProbe(config_for(fake))
        assert observed(probe)["codec.in_call"] is True
        fake.mute = True
        readings = observed(probe)
        assert readings["codec.api"] is False
        assert readings["codec.in_call"] == NoReading("timeout")
        fake.mute = False
        assert observed(probe)["codec.in_call"] is True
        probe.close()


def test_a_refused_connection_came_from_the_codec() -> None:
    with codec("cisco_xapi/json_idle") as fake:
        config = replace(config_for(fake), tcp=f"tcp:127.0.0.1:{fake.port}")
    probe = CodecProbe(config)
    readings = observed(probe)
    assert readings["codec.api"] is False
    assert readings["codec.tcp"] is False
    assert readings["codec.in_call"] == NoReading("refused")
    probe.close()


def test_a_connection_that_times_out_at_a_living_host() -> None:
    """A listener whose queue is full drops connections silently, while its host answers an echo."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        probe = CodecProbe(replace(QUICK, uri=f"tcp://127.0.0.1:{port}", ping="icmp:127.0.0.1"))
        readings = observed(probe)
        assert readings["codec.ping"] is True
        assert readings["codec.api"] is False
        assert readings["codec.in_call"] == NoReading("timeout")
        probe.close()
        for filler in fillers:
            filler.close()


def test_a_codec_that_is_off_and_a_network_that_is_gone() -> None:
    """Nobody answers: that is no proof of a hung control interface. No route: our own side."""
    said = in_quiet_network(
        """
import json
from agent.probes.codec import CodecProbe
from agent.config.devices import CodecConfig
def look(host):
    probe = CodecProbe(CodecConfig("cisco_xapi", f"tcp://{host}:23", ping=f"icmp:{host}", tcp=f"tcp:{host}:23",
        sip=f"sip:{host}", reach_timeout_s=0.5, api_timeout_s=4))
    seen = probe.observe()
    wanted = ("codec.api", "codec.ping", "codec.tcp", "codec.sip", "codec.in_call")
    return {key: getattr(seen[key], "reason", seen[key]) for key in wanted}
print(json.dumps([look("10.99.0.9"), look("192.0.2.1")]))
"""
    )
    off, no_route = json.loads(said)
    assert off == {
        "codec.api": "timeout",
        "codec.ping": False,
        "codec.tcp": False,
        "codec.sip": False,
        "codec.in_call": "timeout",
    }
    assert set(no_route.values()) == {"link"}


def test_a_missing_adapter_is_our_link() -> None:
    probe = CodecProbe(replace(QUICK, uri="serial:///dev/ttyNOWHERE?baud=115200"))
    assert set(observed(probe).values()) == {NoReading("link")}
    probe.close()


def test_the_speed_is_found_before_anyone_is_blamed() -> None:
    """A silent line whose speed is not yet known proves nothing; when every speed was tried in vain, it does."""
    with codec("cisco_xapi/json_idle", FakeSerialCodec) as fake:
        fake.mute = True
        uri = fake.uri.replace("115200", "115200,38400,9600")
        probe = CodecProbe(replace(config_for(fake), uri=uri))
        seen = [observed(probe)["codec.api"] for _ in range(3)]
        assert seen == [NoReading("timeout"), NoReading("timeout"), False]
        probe.close()


def test_a_wrong_password_is_tried_once_and_then_waited_for() -> None:
    with codec("cisco_xapi/ce_text_idle") as fake:
        fake.told.answers["wrong"] = b"\r\nLogin incorrect\r\nlogin: "
        probe = CodecProbe(replace(config_for(fake), password="wrong"))
        for _ in range(3):
            assert set(observed(probe).values()) == {NoReading("denied")}
        assert fake.heard.count("wrong") == 1
        assert effector(probe).perform("codec_restart").reason == "denied"
        assert fake.heard.count("wrong") == 1
        probe.close()


def test_the_connection_drops_and_is_made_again() -> None:
    with codec("poly_cli/hdx_idle") as fake:
        probe = CodecProbe(config_for(fake))
        assert observed(probe)["codec.in_call"] is False
        fake.hang_up_after = "status"
        readings = observed(probe)
        assert readings["codec.api"] is False
        assert readings["codec.in_call"] == NoReading("refused")
        fake.hang_up_after = ""
        assert observed(probe)["codec.in_call"] is False
        assert fake.connections == 2
        probe.close()


@pytest.mark.parametrize("kind", [FakeCodec, FakeSerialCodec])
@pytest.mark.parametrize("told", ["cisco_xapi/json_idle", "cisco_xapi/ce_text_idle", "poly_cli/hdx_idle"])
@pytest.mark.parametrize("remedy", ["codec_restart", "codec_wake", "codec_volume_restore", "codec_unmute"])
def test_orders_are_taken(told: str, kind: type[FakeCodec], remedy: str) -> None:
    with codec(told, kind) as fake:
        probe = CodecProbe(config_for(fake))
        observed(probe)
        outcome = effector(probe).perform(remedy)
        assert outcome.ok, outcome
        wanted = {
            "codec_restart": ("xCommand SystemUnit Boot Action: Restart", "reboot now"),
        }
        if commands := wanted.get(remedy):
            assert set(commands) & set(fake.heard)
        assert observed(probe)["codec.api"] is True
        probe.close()


def test_a_codec_that_closes_instead_of_answering_a_restart() -> None:
    with codec("cisco_xapi/json_idle") as fake:
        probe = CodecProbe(config_for(fake))
        observed(probe)
        fake.hang_up_after = "xCommand SystemUnit Boot Action: Restart"
        assert effector(probe).perform("codec_restart").ok
        probe.close()


def test_an_order_without_any_poll_before() -> None:
    with codec("cisco_xapi/json_idle") as fake:
        probe = CodecProbe(config_for(fake))
        assert effector(probe).perform("codec_wake").ok
        probe.close()


def test_an_order_takes_a_fresh_connection_when_the_old_one_is_stuck() -> None:
    with codec("cisco_xapi/json_idle") as fake:
        probe = CodecProbe(config_for(fake))
        observed(probe)
        fake.mute_connection = 1
        began_s = time.monotonic()
        outcome = effector(probe).perform("codec_wake")
        assert outcome.ok, outcome
        assert time.monotonic() - began_s < 20
        assert fake.connections == 2
        probe.close()


def test_a_connection_closed_before_the_order_is_no_restart() -> None:
    """The codec dropped us since the last poll: only an order that reaches it counts."""
    with codec("cisco_xapi/json_idle") as fake:
        probe = CodecProbe(config_for(fake))
        observed(probe)
        fake.hang_up = True
        eventually(lambda: not fake.hang_up, "the connection was not closed")
        outcome = effector(probe).perform("codec_restart")
        assert outcome.ok, outcome
        assert "xCommand Boot" in fake.heard
        assert fake.connections == 2
        probe.close()


def test_an_order_to_a_dead_codec_ends_in_time() -> None:
    with codec("cisco_xapi/json_idle") as fake:
        fake.mute = True
        probe = CodecProbe(config_for(fake))
        began_s = time.monotonic()
        outcome = effector(probe).perform("codec_restart")
        assert not outcome.ok
        assert outcome.reason == "timeout"
        assert time.monotonic() - began_s < 20
        probe.close()


def test_an_order_does_not_wait_for_a_hanging_poll() -> None:
    with codec("cisco_xapi/json_idle") as fake:
        probe = CodecProbe(config_for(fake))
        observed(probe)
        fake.mute = True
        polled: list[Mapping[str, Reading]] = []
        before = len(fake.heard)
        poll = threading.Thread(target=lambda: polled.append(probe.observe()))
        poll.start()
        eventually(lambda: len(fake.heard) > before, "no poll began")
        fake.mute = False
        outcome = effector(probe).perform("codec_wake")
        poll.join(30)
        assert outcome.ok, outcome
        assert "codec.in_call" not in polled[0], "it gave way: nothing was answered, and nothing is overwritten"
        probe.close()


def test_close_from_another_thread_ends_a_poll() -> None:
    with codec("cisco_xapi/json_idle") as fake:
        fake.mute = True
        threads = threading.active_count()
        probe = CodecProbe(config_for(fake))
        poll = threading.Thread(target=probe.observe)
        poll.start()
        eventually(lambda: fake.connections == 1, "no poll began")
        probe.close()
        probe.close()
        poll.join(5)
        assert not poll.is_alive()
        assert threading.active_count() <= threads
        assert probe.observe() == {}


def test_facts_a_room_does_not_want() -> None:
    with codec("cisco_xapi/json_idle") as fake:
        probe = CodecProbe(replace(config_for(fake), ignore=("codec.registered", "codec.camera")))
        assert not {"codec.registered", "codec.camera"} & set(observed(probe))
        probe.close()
