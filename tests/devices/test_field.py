"""Every family that we converse with, when it is throttled, full, lags behind, or greets otherwise.

See `tests.devices.field` for what each says then. The conversation is the agent's own (`tests.devices.slow`).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import pytest

from agent.core.facts import NoReading, Reading
from agent.devices.base import IN_CALL
from agent.devices.telnet import TelnetFilter
from agent.probes.families import load
from agent.transports.errors import LinkFault
from tests.devices.field import PROMPTS, SESSION_FULL, TABLES, THROTTLED, Without, families
from tests.devices.kit import Player, Recording, by_name
from tests.devices.slow import CASES, COMPARED, LINES, Device, Pace, SlowStream, Time, over

STREAMS = [line for line in LINES if not load(line[1].family, line[0]).is_web]


UNTOLD = Without("it is not in the table")


def lines_of(table: object) -> list[tuple[str, Recording, bool]]:
    """Those whose family has the habit."""
    assert isinstance(table, dict)
    return [line for line in STREAMS if not isinstance(table.get(line[1].family, UNTOLD), Without)]


@pytest.mark.parametrize("habit", sorted(TABLES))
def test_every_family_has_a_habit_or_a_reason(habit: str) -> None:
    """A new family takes a stance on each."""
    missing, unknown = families() - set(TABLES[habit]), set(TABLES[habit]) - families()
    assert not missing, f"tests/devices/field.py, {habit}: say what {missing} says then, or why it cannot be"
    assert not unknown, f"tests/devices/field.py, {habit}: there is no family {unknown}"
    thin = [name for name, row in TABLES[habit].items() if isinstance(row, Without) and len(row.why.split()) < 8]
    assert not thin, "a reason is a sentence"
    assert not [name for name, row in TABLES[habit].items() if not isinstance(row, Without) and not row]


@pytest.mark.parametrize("habit", sorted(TABLES))
def test_who_converses_has_the_habit_that_it_can_have(habit: str) -> None:
    """No reason is given for a family that logs in, takes orders, or answers in words."""
    for kind, recording in CASES:
        family, row = load(recording.family, kind), TABLES[habit][recording.family]
        if habit == "throttled" or (habit == "lagging" and family.remedies):
            assert not isinstance(row, Without), family.name
        if habit == "prompt differs" and recording.login.password and "wss" not in family.schemes:
            assert not isinstance(row, Without), family.name


def plain_of(device: Device) -> dict[str, Reading]:
    """What it says when all is well."""
    return device.looks(3)[-1]


def nothing_invented(look: dict[str, Reading], plain: dict[str, Reading], kind: str) -> None:
    """Whatever is told is what it was; nobody's password is doubted."""
    told = {key: said for key, said in look.items() if not isinstance(said, NoReading) and key != f"{kind}.api"}
    assert told == {key: plain[key] for key in told}
    assert NoReading("denied") not in look.values()


def as_before(look: dict[str, Reading], plain: dict[str, Reading]) -> None:
    """All is known again."""
    assert {key: said for key, said in look.items() if key not in COMPARED} == {
        key: said for key, said in plain.items() if key not in COMPARED
    }


def remedies_of(device: Device) -> list[str]:
    """The orders that the recording can be given."""
    able = device.family.remedies - set(device.recording.refuses)
    return sorted(able if device.recording.wanted or device.kind == "codec" else able - {"display_input"})


# -- throttled

BEGINS = ("02 00 ", "88 30 ")
"""What begins a conversation with a camera: its counts are set, it is no question."""


def questions(kind: str, recording: Recording, serial: bool) -> list[str]:
    """Whatever it is asked or told once it has let us in."""
    device = Device(kind, recording, Pace(), serial=serial)
    device.looks(1)
    let_in = len(device.heard)
    device.looks(1)
    for remedy in remedies_of(device):
        device.told(remedy)
    return [text for text in dict.fromkeys(device.heard[let_in:]) if not text.startswith(BEGINS)]


def throttled(kind: str, recording: Recording, serial: bool) -> Recording:
    """The same device when it has no time."""
    busy = THROTTLED[recording.family]
    assert callable(busy)
    said = {text: busy(text) for text in questions(kind, recording, serial)}
    return replace(recording, answers={**recording.answers, **said}, unknown=busy("") if kind == "codec" else b"")


def turn_to(device: Device, told: Recording) -> None:
    """From now on it says this."""
    device.recording = told
    for stream in device.streams:
        stream.player.recording = told


@over(lines_of(THROTTLED))
def test_a_throttled_device_is_not_dead(kind: str, recording: Recording, serial: bool) -> None:
    """It is not called dead, nothing is made up, it is not asked more than usual, and then all is as before."""
    device = Device(kind, recording, Pace(), serial=serial)
    plain = plain_of(device)
    before = len(device.heard)
    device.looks(1)
    usual = len(device.heard) - before
    turn_to(device, throttled(kind, recording, serial))
    for _ in range(3):
        before = len(device.heard)
        (look,) = device.looks(1)
        assert set(look) == set(device.family.keys)
        assert look[f"{kind}.api"] is not False
        assert look.get(IN_CALL) is not False
        nothing_invented(look, plain, kind)
        assert len(device.heard) - before <= usual
    if kind == "codec":
        assert device.attested() is not False
    turn_to(device, recording)
    as_before(device.looks(2)[-1], plain)


@over(lines_of(THROTTLED))
def test_a_throttled_device_takes_no_order(kind: str, recording: Recording, serial: bool) -> None:
    """The refusal is told as one, it is not repeated, and later the order is taken."""
    for remedy in remedies_of(Device(kind, recording, Pace(), serial=serial)):
        device = Device(kind, recording, Pace(), serial=serial)
        device.looks(2)
        turn_to(device, throttled(kind, recording, serial))
        asked = len(device.heard)
        outcome = device.told(remedy)
        assert not outcome.ok
        assert outcome.reason in ("busy", "refused", "absent", "failed", "garbled"), outcome
        told = device.heard[asked:]
        assert len(told) == len(set(told)), "it was said twice to a device that had no time"
        turn_to(device, recording)
        if recording.family == "visca_ip":
            device.link._drop()
        device.looks(1)
        assert device.told(remedy).ok


class Tiring(Player):
    """Answers so many questions, and then has no time."""

    def __init__(self, told: Recording, tired: Recording, left: int) -> None:
        super().__init__(told)
        self._tired, self._left = tired, left
        self.turned_away: list[str] = []

    def _answer(self, line: str) -> bytes:
        if line:
            self._left -= 1
            if self._left < 0:
                self.recording = self._tired
                self.turned_away.append(line)
        return super()._answer(line)


@over([line for line in lines_of(THROTTLED) if line[0] == "codec"])
def test_who_has_no_time_for_a_witness_denies_no_call(kind: str, recording: Recording, serial: bool) -> None:
    """Throttled from any question of a look on: what was answered before counts, and no witness is passed over."""
    tired = throttled(kind, recording, serial)
    device = Device(kind, recording, Pace(), serial=serial)
    device.looks(2)
    player: Player
    for left in itertools.count():
        device.streams[-1].player = player = Tiring(recording, tired, left)
        look = device.looked()
        if not player.turned_away:
            break
        about_calls = [text for text in player.turned_away if _question(text).startswith(recording.calls)]
        if about_calls or recording.in_call:
            assert look[IN_CALL] is not False, f"answered {left}, turned away {about_calls}"
        assert look["codec.api"] is not False
    assert left > 2, "it was never tired"


def _question(line: str) -> str:
    """As the recordings write it."""
    from tests.devices.kit import _rpc

    return _rpc(line)[0] if line.startswith('{"jsonrpc"') else line


# -- session full


class Turning(SlowStream):
    """Takes a connection, says a few words, and closes it."""

    words = b""

    def __init__(self, recording: Recording, time: Time, pace: Pace) -> None:
        super().__init__(replace(recording, answers={"(open)": self.words}), time, pace)

    def recv(self, timeout_s: float) -> bytes:
        if not self._due:
            raise LinkFault("refused", "the device closed the connection")
        return super().recv(timeout_s)


class Ignoring(SlowStream):
    """Takes a connection, and says nothing on it: somebody else is being served."""

    def __init__(self, recording: Recording, time: Time, pace: Pace) -> None:
        super().__init__(replace(recording, answers={}, unknown=b""), time, pace)


def full_ways(family: str) -> list[type[SlowStream]]:
    row = SESSION_FULL[family]
    assert isinstance(row, tuple)
    return [*(type("Turning", (Turning,), {"words": words}) for words in row), Ignoring]


OVER_NETWORK = [line for line in lines_of(SESSION_FULL) if not line[2]]


@over(OVER_NETWORK)
def test_a_device_without_a_place_for_us(kind: str, recording: Recording, serial: bool) -> None:
    """It is not taken for a wrong password, nothing is made up, and the first place that is free is ours."""
    for way in full_ways(recording.family):
        device = Device(kind, recording, Pace(), serial=serial)
        plain = plain_of(device)
        device.stream = way
        device.link._drop()
        for look in device.looks(3):
            assert look.get(IN_CALL) is not False
            nothing_invented(look, {}, kind)
        for remedy in remedies_of(device):
            outcome = device.told(remedy)
            assert outcome.reason != "denied"
            assert not outcome.ok or outcome.proof.get("closed"), "nobody has taken it"
        device.stream = SlowStream
        as_before(device.looks(3)[-1], plain)
        assert all(stream.closed for stream in device.streams[:-1]), "a place is held that nobody uses"


@over(OVER_NETWORK)
def test_one_place_is_enough_for_us(kind: str, recording: Recording, serial: bool) -> None:
    """Looks, orders and the question about calls, also right after the device has hung up: never two at a time."""
    device = Device(kind, recording, Pace(), serial=serial)
    turned_away = 0

    def single(told: Recording, time: Time, pace: Pace) -> SlowStream:
        nonlocal turned_away
        if any(not stream.closed for stream in device.streams):
            turned_away += 1
            raise LinkFault("refused", "it serves one at a time")
        return SlowStream(told, time, pace)

    device.stream = single
    plain = plain_of(device)
    for _ in range(3):
        for remedy in remedies_of(device):
            device.told(remedy)
            device.looks(1)
        device.streams[-1].ended = True
        device.looks(1)
        device.attested()
    as_before(device.looks(3)[-1], plain)
    device.link.close()
    assert turned_away == 0
    assert all(stream.closed for stream in device.streams) or not device.family.keeps_line


# -- lagging


@over(STREAMS)
def test_a_state_that_lags_behind_its_order_is_told_as_it_is(kind: str, recording: Recording, serial: bool) -> None:
    """An order that was taken changes no fact by itself, and is not given again."""
    device = Device(kind, recording, Pace(), serial=serial)
    for remedy in remedies_of(device):
        plain = plain_of(device)
        if recording.family == "visca_ip":
            device.link._drop()
        assert device.told(remedy).ok
        given = device.heard[-1]
        asked = len(device.heard)
        for look in device.looks(3):
            nothing_invented(look, plain, kind)
        as_before(look, plain)
        orders = {text for text in device.heard[asked:] if text == given} - set(questions_of_a_look(device))
        assert not orders, "it was given again"


def questions_of_a_look(device: Device) -> list[str]:
    before = len(device.heard)
    device.looks(1)
    return device.heard[before:]


def numbered_anew(device: Device) -> None:
    """Every conversation numbers its questions otherwise, as it does outside of tests."""
    family, numbers = load(device.recording.family, device.kind), itertools.count()
    device.link._family = replace(device.family, session=lambda login, _: family.session(login, f"n{next(numbers)}"))


def saying_first(word: bytes, after_s: float) -> Callable[[Recording, Time, Pace], SlowStream]:
    """A line on which something of before still comes."""

    def opened(told: Recording, time: Time, pace: Pace) -> SlowStream:
        fresh = SlowStream(told, time, pace)
        fresh._due.append((time() + after_s, word))
        return fresh

    return opened


@over([line for line in STREAMS if line[2]])
def test_the_word_about_an_order_that_comes_too_late_answers_nothing(
    kind: str, recording: Recording, serial: bool
) -> None:
    """On a serial line it comes in the next conversation, before any of its answers."""
    for remedy in remedies_of(Device(kind, recording, Pace(), serial=serial)):
        device = Device(kind, recording, Pace(), serial=serial)
        if kind == "codec":
            numbered_anew(device)
        plain = plain_of(device)
        word = late_word(device, remedy)
        device.looks(1)
        for after_s in (0.1, 0.4, 1.2, 1.5):
            device.stream = saying_first(word, after_s)
            device.link._drop()
            for look in device.looks(2):
                nothing_invented(look, plain, kind)
                assert plain.get(IN_CALL) is not True or look[IN_CALL] is not False
        device.stream = SlowStream
        device.link._drop()
        as_before(device.looks(3)[-1], plain)


def late_word(device: Device, remedy: str) -> bytes:
    """What the device says to an order."""
    said: list[bytes] = []
    stream = device.streams[-1]
    say = stream._say

    def noted(data: bytes, after_s: float) -> None:
        said.append(data)
        say(data, after_s)

    stream._say = noted  # type: ignore[method-assign]
    assert device.told(remedy).ok
    stream._say = say  # type: ignore[method-assign]
    return b"".join(said)


# -- prompt differs


class Telnet(SlowStream):
    """Understands what is said about Telnet's options."""

    def send(self, data: bytes, timeout_s: float) -> None:
        super().send(TelnetFilter().feed(data), timeout_s)


GREETED = [
    pytest.param(kind, recording, serial, name, id=f"{by_name(recording)} {'serial' if serial else 'network'} {name}")
    for kind, recording, serial in lines_of(PROMPTS)
    if not serial  # what a serial line said before is drained
    for name in PROMPTS[recording.family]  # type: ignore[union-attr]
]


@pytest.mark.parametrize(("kind", "recording", "serial", "name"), GREETED)
def test_whatever_it_greets_with_we_are_let_in(kind: str, recording: Recording, serial: bool, name: str) -> None:
    """By the same name and password, each said once."""
    plain = plain_of(Device(kind, recording, Pace(), serial=serial))
    row = PROMPTS[recording.family]
    assert not isinstance(row, Without)
    told = row[name](recording)  # type: ignore[call-arg, arg-type]
    assert isinstance(told, Recording)
    device = Device(kind, told, Pace(), serial=serial)
    device.stream = Telnet
    as_before(device.looks(3)[-1], plain)
    password = recording.login.password
    if password and kind == "codec":
        assert len(device.streams) == 1
        assert device.heard.count(password) == (password in recording.answers)
