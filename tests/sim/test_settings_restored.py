"""Somebody changes a setting in the codec's menu: the room's baseline finds it, and writes it back."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from agent.config.devices import CodecConfig
from agent.core.facts import NoReading
from agent.probes.codec import CodecProbe
from agent.probes.families import load as load_family
from agent.probes.orders import DeviceEffector
from agent.settings import load
from sim.kinds import Kind, RoomPlan
from sim.physics import RoomPhysics
from sim.servers.yealink import YealinkConversation
from tests.sim.line import served
from tests.sim.stage import rack


def restore(config: CodecConfig, off: str) -> None:
    """The probe tells what is off, the order mends it, and the next look says so."""
    probe = CodecProbe(config)
    assert probe.link is not None
    try:
        found = probe.observe()
        if found["codec.settings_ok"] is not False:  # a serial line finds its speed first
            found = probe.observe()
        assert found["codec.settings_off"] == off
        effector = DeviceEffector(probe.link, load_family(config.family).remedies)
        outcome = effector.perform("codec_settings_restore")
        assert outcome.ok, outcome
        assert probe.observe()["codec.settings_ok"] is True
    finally:
        probe.close()


@pytest.mark.parametrize("kind", ["cisco_tcp", "cisco_serial", "cisco_http", "cisco_ws", "cisco_ssh"])
def test_a_changed_setting_of_a_cisco_is_told_and_written_back(tmp_path: Path, kind: Kind) -> None:
    with rack(tmp_path, RoomPlan("r", kind, 0.1)) as made:
        codec = made.rooms[0].physics.codec
        codec.settings["SystemUnit"]["Name"], codec.settings["Audio"]["DefaultVolume"] = "Phong hop so 1", "15"
        wanted = {"Audio DefaultVolume": "70", "SystemUnit Name": "Phong hop so 1"}
        restore(configured(made.rooms[0].write_config(), wanted), "Audio DefaultVolume = 15 (70)")
        assert codec.settings["Audio"]["DefaultVolume"] == "70"


@pytest.mark.parametrize("kind", ["cisco_tcp", "cisco_serial", "cisco_http", "cisco_ws", "cisco_ssh"])
def test_a_place_in_a_list_and_a_number_to_dial_are_written_as_they_are_meant(tmp_path: Path, kind: Kind) -> None:
    with rack(tmp_path, RoomPlan("r", kind, 0.1)) as made:
        settings = made.rooms[0].physics.codec.settings
        first, second = settings["Audio"]["Input"]["Microphone"]
        second["Level"], settings["H323"]["H323Alias"]["E164"] = "3", "111"
        wanted = {"Audio Input Microphone 2 Level": "14", "H323 H323Alias E164": "0241234"}
        off = "Audio Input Microphone 2 Level = 3 (14); H323 H323Alias E164 = 111 (0241234)"
        restore(configured(made.rooms[0].write_config(), wanted), off)
        assert (first["Level"], second["Level"]) == ("14", "14")
        assert settings["H323"]["H323Alias"]["E164"] == "0241234"


NAMED: dict[Kind, tuple[dict[str, str], dict[str, str | int | bool], str]] = {
    "poly_tcp": (
        {"autoanswer": "yes", "maxtimeincall": "0", "ntpserver": "192.0.2.5"},
        {"autoanswer": "yes", "maxtimeincall": "60"},
        "maxtimeincall = 60 (0)",
    ),
    "poly_videoos": (
        {"comm.callpreference.h239enable": "true", "comm.callsetting.callfeatures.maxtimeincall": "480"},
        {"comm.callpreference.h239enable": False, "comm.callsetting.callfeatures.maxtimeincall": 60},
        "comm.callpreference.h239enable = false (true); comm.callsetting.callfeatures.maxtimeincall = 60 (480)",
    ),
    "huawei_te": (
        {"sipserv_addr": "192.0.2.9", "enabletelnet": "0"},
        {"sipserv_addr": "198.51.100.1", "enabletelnet": 1},
        "sipserv_addr = 198.51.100.1 (192.0.2.9); enabletelnet = 1 (0)",
    ),
}


@pytest.mark.parametrize("kind", NAMED)
def test_a_changed_setting_of_others_is_told_and_written_back_in_its_own_type(tmp_path: Path, kind: Kind) -> None:
    wanted, changed, off = NAMED[kind]
    with rack(tmp_path, RoomPlan("r", kind, 0.1)) as made:
        codec = made.rooms[0].physics.codec
        right = {**codec.named, **{name: codec.named[name] for name in wanted}}
        codec.named |= changed
        restore(configured(made.rooms[0].write_config(), wanted), off)
        assert {name: codec.named[name] for name in wanted} == {
            name: "yes" if name == "autoanswer" else right[name] for name in wanted
        }


def configured(path: Path, wanted: Mapping[str, str]) -> CodecConfig:
    """The room's codec, with another baseline."""
    config = load(path).probes.codec
    assert config is not None
    return replace(config, baseline=dict(wanted))


@pytest.mark.parametrize("line", ["tcp", "serial"])
def test_a_yealink_that_was_told_not_to_be_disturbed_is_told_otherwise(tmp_path: Path, line: str) -> None:
    def make(room: RoomPhysics, clock: Callable[[], float]) -> YealinkConversation:
        return YealinkConversation(room, clock, serial=line == "serial")

    with served(tmp_path, make) as (room, tcp, serial):
        room.codec.named["donotdisturb global"] = "on"
        uri = tcp if line == "tcp" else serial
        config = CodecConfig("yealink_vc", uri, baseline={"donotdisturb global": "off"}, api_timeout_s=4.0)
        restore(config, "donotdisturb global = on (off)")
        assert room.codec.named["donotdisturb global"] == "off"


NOTHING: dict[str, object] = {"_rows": [], "_config": None, "_xconfiguration": ""}
DUMB: dict[Kind, tuple[dict[str, str], str]] = {
    "poly_tcp": ({"autoanswer": "yes", "maxtimeincall": "0"}, "sim.servers.poly.PolyConversation._rows"),
    "poly_videoos": ({"system.info.systemname": "So 1"}, "sim.servers.videoos.VideoOsConversation._config"),
    "cisco_tcp": ({"Audio DefaultVolume": "70"}, "sim.servers.cisco.CiscoConversation._xconfiguration"),
}


@pytest.mark.parametrize("kind", DUMB)
def test_a_codec_that_is_dumb_about_its_settings_is_no_dead_codec_and_asked_again_much_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    wanted, place = DUMB[kind]
    asked: list[str] = []
    silence(monkeypatch, place, asked, wanted)
    with rack(tmp_path, RoomPlan("r", kind, 0.1)) as made:
        probe = CodecProbe(configured(made.rooms[0].write_config(), wanted))
        try:
            first = probe.observe()
            assert (first["codec.api"], first["codec.in_call"]) == (True, False)
            assert first["codec.settings_ok"] == NoReading("timeout")
            questions = len(asked)
            assert questions == 1, "one silence is enough"
            for _ in range(2):
                later = probe.observe()
                assert (later["codec.api"], later["codec.in_call"]) == (True, False)
            assert len(asked) == questions
        finally:
            probe.close()


def silence(monkeypatch: pytest.MonkeyPatch, place: str, asked: list[str], wanted: Mapping[str, str]) -> None:
    """The simulated codec no longer answers questions about its settings."""
    module, name, method = place.rsplit(".", 2)
    kind = getattr(importlib.import_module(module), name)
    answered = getattr(kind, method)

    def dumb(self: object, *given: object) -> object:
        if method == "_rows" and not any(str(given[0]).startswith(word) for word in wanted):
            return answered(self, *given)
        asked.append(str(given))
        return NOTHING[method]

    monkeypatch.setattr(kind, method, dumb)
