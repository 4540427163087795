"""Every web interface when it is throttled, full, lags behind, or lets us in otherwise. See `tests.devices.field`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from agent.core.exchange import HttpReply, HttpRequest
from agent.core.facts import BUSY, NoReading, Reading
from agent.devices.base import IN_CALL
from agent.devices.web import HttpSession
from agent.probes.families import load
from agent.probes.link import BUSY_LOOKS_MAX
from tests.devices.field import BY_STATUS, PROMPTS, SESSION_FULL, THROTTLED, UNAVAILABLE, Reply, Without
from tests.devices.kit import Recording, by_name
from tests.devices.slow import Device, Pace, SlowWeb
from tests.devices.webkit import asked_of, recorded, web_recordings

ALL = web_recordings()
every_recording = pytest.mark.parametrize("recording", ALL, ids=by_name)
every_status = pytest.mark.parametrize("busy", BY_STATUS, ids=lambda reply: str(reply.status))


@dataclass(frozen=True, slots=True)
class Places:
    """How a family's device begins a session and ends one, by words of the request."""

    begins: tuple[str, ...]
    ends: str


PLACES: Mapping[str, Places] = {
    "cisco_http": Places(("/xmlapi/session/begin",), "/xmlapi/session/end"),
    "poly_videoos": Places(("POST /rest/current/session", "POST /rest/session"), "DELETE /rest/"),
    "huawei_te": Places(("WEB_RequestSessionIDAPI",), "WEB_LogoutAPI"),
}


class FieldWeb(SlowWeb):
    """The device's web interface, with habits."""

    def __init__(self, device: Device) -> None:
        super().__init__(device.recording, device.time, Pace())
        self.spoil: Reply = lambda _, said: said
        self.places = 1
        self.taken = 0
        self.turned_away = 0

    def exchange(self, request: HttpRequest, timeout_s: float, *more: Any, **named: Any) -> HttpReply:
        reply = self.spoil(asked_of(request), super().exchange(request, timeout_s, *more, **named))
        return self._counted(asked_of(request), reply)

    def _counted(self, asked: str, reply: HttpReply) -> HttpReply:
        family = self.recording.family
        if PLACES[family].ends in asked:
            self.taken -= 1
        if not asked.startswith(PLACES[family].begins) and not any(word in asked for word in PLACES[family].begins):
            return reply
        if self.taken >= self.places:
            self.turned_away += 1
            full = SESSION_FULL[family]
            return full if isinstance(full, HttpReply) else UNAVAILABLE
        self.taken += bool(reply.cookies())
        return reply


def device_of(recording: Recording) -> tuple[Device, FieldWeb]:
    device = Device("codec", recording, Pace())
    device.web = web = FieldWeb(device)
    device.link._client = web  # type: ignore[attr-defined]
    return device, web


def nothing_invented(look: dict[str, Reading], plain: dict[str, Reading]) -> None:
    """Whatever is told is what it was; nobody's password is doubted."""
    told = {key: said for key, said in look.items() if not isinstance(said, NoReading) and key != "codec.api"}
    assert told == {key: plain[key] for key in told}
    assert NoReading("denied") not in look.values()


def about_calls(recording: Recording) -> list[str]:
    """What is asked of calls, as recordings write it."""
    session = load(recording.family).session(recording.login, "t")
    assert isinstance(session, HttpSession)
    return [asked_of(session._make(query)).split(" ")[1] for query in session._call_queries()]


def test_every_web_family_is_here() -> None:
    assert {recording.family for recording in ALL} == set(PLACES)
    assert all(THROTTLED[family] is BY_STATUS for family in PLACES)


# -- throttled


@every_recording
@every_status
def test_a_throttled_web_interface_is_busy_and_not_dead(recording: Recording, busy: HttpReply) -> None:
    device, web = device_of(recording)
    plain = device.looks(3)[-1]
    before = len(web.asked)
    device.looks(1)
    usual = len(web.asked) - before
    web.spoil = lambda _, __: busy
    for _ in range(BUSY_LOOKS_MAX - 1):
        before = len(web.asked)
        (look,) = device.looks(1)
        assert look["codec.api"] == BUSY
        assert look[IN_CALL] == BUSY
        nothing_invented(look, plain)
        assert len(web.asked) - before <= usual
    assert device.attested() == BUSY
    web.spoil = lambda _, said: said
    assert device.looks(2)[-1] == plain


@every_recording
@every_status
def test_a_log_in_that_is_throttled_is_not_refused(recording: Recording, busy: HttpReply) -> None:
    """No waiting for minutes, as after a wrong password."""
    device, web = device_of(recording)
    web.spoil = lambda _, __: busy
    for look in device.looks(2):
        assert look["codec.api"] == BUSY
        nothing_invented(look, {})
    for remedy in sorted(device.family.remedies):
        assert device.told(remedy).reason == "busy"
    web.spoil = lambda _, said: said
    assert device.looks(1)[0]["codec.api"] is True


@every_recording
def test_who_says_nothing_but_busy_for_a_minute_hangs(recording: Recording) -> None:
    """A web server whose codec has died behind it says so, too."""
    device, web = device_of(recording)
    device.looks(1)
    web.spoil = lambda _, __: UNAVAILABLE
    seen = [look["codec.api"] for look in device.looks(BUSY_LOOKS_MAX + 1)]
    assert seen == [BUSY] * (BUSY_LOOKS_MAX - 1) + [False] * 2
    web.spoil = lambda _, said: said
    assert device.looks(2)[-1]["codec.api"] is True
    web.spoil = lambda _, __: UNAVAILABLE
    assert device.looks(1)[0]["codec.api"] == BUSY, "it is counted anew"


@every_recording
@every_status
def test_one_witness_that_has_no_time_denies_no_call(recording: Recording, busy: HttpReply) -> None:
    for witness in about_calls(recording):
        device, web = device_of(recording)
        plain = device.looks(2)[-1]
        web.spoil = lambda asked, said, witness=witness: (  # type: ignore[misc]
            busy if asked.split(" ")[1] == witness else said
        )
        (look,) = device.looks(1)
        assert look["codec.api"] is not False
        assert look[IN_CALL] is not False, witness
        assert device.attested() is not False
        nothing_invented(look, plain)


@every_recording
@every_status
def test_a_throttled_order_is_told_as_such_and_not_repeated(recording: Recording, busy: HttpReply) -> None:
    for remedy in sorted(load(recording.family).remedies):
        device, web = device_of(recording)
        device.looks(1)
        before = len(web.asked)
        web.spoil = lambda _, __: busy
        outcome = device.told(remedy)
        assert (outcome.ok, outcome.reason) == (False, "busy")
        assert len(web.asked) - before == 1
        web.spoil = lambda _, said: said
        assert device.told(remedy).ok


# -- session full


@every_recording
def test_one_session_is_enough_for_us(recording: Recording) -> None:
    """Over looks, orders, silences and what the device forgets: ours is ended before the next is begun, and at last."""
    device, web = device_of(recording)
    plain = device.looks(3)[-1]
    for _ in range(2):
        for remedy in sorted(device.family.remedies - {"codec_restart"}):
            assert device.told(remedy).ok
            device.looks(1)
        web.mute = (about_calls(recording)[0],)
        device.looks(1)
        web.mute = ()
        device.looks(1)
        left = [HttpReply(403)]
        web.spoil = lambda _, said, left=left: left.pop() if left else said  # type: ignore[misc]
        device.looks(2)
        device.attested()
    assert device.looks(2)[-1] == plain
    device.link.close()
    assert web.turned_away == 0
    assert web.taken == 0


@pytest.mark.parametrize(
    "recording", [one for one in ALL if not isinstance(SESSION_FULL[one.family], Without)], ids=by_name
)
def test_a_full_device_is_told_as_such(recording: Recording) -> None:
    """Nobody's password is doubted, and the first place that is free is ours. Cisco goes on without a session."""
    device, web = device_of(recording)
    web.places = 0
    for look in device.looks(3):
        assert look["codec.api"] in (NoReading("full"), True)
        nothing_invented(look, look if recording.family == "cisco_http" else {})
    web.places = 1
    assert device.looks(1)[0]["codec.api"] is True


# -- lagging


@every_recording
def test_a_state_that_lags_behind_its_order_is_told_as_it_is(recording: Recording) -> None:
    for remedy in sorted(load(recording.family).remedies - {"codec_restart"}):
        device, web = device_of(recording)
        plain = device.looks(3)[-1]
        assert device.told(remedy).ok
        given, before = web.asked[-1], len(web.asked)
        assert device.looks(2)[-1] == plain
        assert given not in web.asked[before:]


# -- prompt differs

GREETED = [(one, name) for one in ALL for name in PROMPTS[one.family]]  # type: ignore[union-attr]


@pytest.mark.parametrize(("recording", "name"), GREETED, ids=[f"{by_name(one)} {name}" for one, name in GREETED])
def test_whatever_it_lets_us_in_by(recording: Recording, name: str) -> None:
    device, _ = device_of(recording)
    plain = device.looks(3)[-1]
    row: Any = PROMPTS[recording.family]
    other: Reply = row[name]
    device, web = device_of(recording)

    def greeting(asked: str, said: HttpReply) -> HttpReply:
        if name == "old entrance" and asked.startswith("POST /rest/session") and said.status == 404:
            return recorded(recording, asked.replace("/rest/", "/rest/current/", 1))
        return other(asked, said)

    web.spoil = greeting
    assert device.looks(3)[-1] == plain
