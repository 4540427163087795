"""Every family over a slow line, and as slow as it may be: slow is not dead. See `tests.devices.slow`.

The conversation is the agent's own, and how fast a device is the test's. `SLOWEST_S` has a source for each figure;
where no paper gives one, 0.8 s stand for it, or less of our patience (invented).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest

from agent.core.facts import SLOW, NoReading, Reading
from agent.devices.base import IN_CALL
from agent.probes.families import load
from tests.devices.kit import Recording
from tests.devices.slow import ATTEST_S, COMPARED, LINES, LOOK_S, ORDER_S, Device, Pace, over

SLOWEST_S = {"pjlink": 2.0, "cec": 1.0}
"""Longest time for an answer: JBMIA, PJLink specifications, "within 2 seconds"; HDMI-CEC 1.4, maximum response time."""
PACES = ("slow line", "slower line", "slowest answers", "slower answers")
LONGER = frozenset({"slower line", "slower answers"})
"""So slow that the questions about calls may not be answered within one look."""

every_line = over(LINES)
every_codec = over([line for line in LINES if line[0] == "codec"])
every_pace = pytest.mark.parametrize("name", PACES)


class Known:
    """What a device says that has all the time it wants, and how much it says."""

    def __init__(self, kind: str, recording: Recording) -> None:
        device = Device(kind, recording, Pace())
        looks = device.looks(3)
        said, asked = len(device.said), len(device.heard)
        looks += device.looks(1)
        self.kind = kind
        self.facts = looks[-1]
        self.allowed: Mapping[str, list[Reading]] = {key: [SLOW, *(look[key] for look in looks)] for key in self.facts}
        self._look_s = LOOK_S[kind]
        self._sizes = device.said[said:]
        self._questions = len(device.heard) - asked
        self._slowest_s = SLOWEST_S.get(recording.family, min(0.8, 0.6 * device.patience_s))
        self._slower_s = max(self._slowest_s, 0.9 * device.patience_s)
        self._in_datagrams = device.family.schemes == ("udp",)

    @property
    def answered(self) -> set[str]:
        """The facts that it has."""
        return {key for key, said in self.facts.items() if not isinstance(said, NoReading)}

    def pace(self, name: str) -> Pace:
        """One of `PACES`. Datagrams come whole: of them only the answers can be slow."""
        if "answers" in name or self._in_datagrams:
            return Pace(self._slower_s if name in LONGER else self._slowest_s)
        return self._dripping(4.0, 0.7) if name in LONGER else self._dripping(1.5, 0.4)

    def _dripping(self, looks: float, share: float) -> Pace:
        """A whole look takes as long as so many, and no answer more than that share of one."""
        bytes_per_s = max(sum(self._sizes) / looks, max(self._sizes) / share) / self._look_s
        return Pace(0.0, bytes_per_s)

    def looks_needed(self, pace: Pace) -> int:
        """After so many everything has had its turn, twice over."""
        lasts_s = self._questions * pace.thinks_s + sum(self._sizes) / (pace.bytes_per_s or math.inf)
        return 2 * math.ceil(lasts_s / self._look_s) + 3


@every_line
@every_pace
def test_slow_is_not_dead(kind: str, recording: Recording, serial: bool, name: str) -> None:
    """What was answered counts, what was not is `slow`, and everything has its turn."""
    known = Known(kind, recording)
    pace = known.pace(name)
    device = Device(kind, recording, pace, serial=serial)
    had: set[str] = set()
    for look in device.looks(known.looks_needed(pace)):
        assert set(look) == set(device.family.keys)
        wrong = {key: said for key, said in look.items() if said not in known.allowed[key]}
        assert not wrong
        assert look[f"{kind}.api"] is not False
        had |= {key for key, said in look.items() if not isinstance(said, NoReading)}
    assert max(device.looks_s) <= LOOK_S[kind] + 0.5
    wanted = (known.answered & device.decided(besides=name not in LONGER)) - COMPARED | {f"{kind}.api"}
    if kind == "codec" and name not in LONGER:
        wanted |= {IN_CALL}
    assert had >= wanted, f"never told: {wanted - had}"


@every_codec
@every_pace
def test_a_slow_tree_delays_no_witness(kind: str, recording: Recording, serial: bool, name: str) -> None:
    """Asked apart, also right after a look whose time was up in the midst of an answer."""
    known = Known(kind, recording)
    device = Device(kind, recording, known.pace(name), serial=serial)
    device.looks(2)
    tells_much = "serial" in device.family.schemes
    for _ in range(3):
        began_s = device.time()
        said = device.attested()
        assert device.time() - began_s <= ATTEST_S + 0.5
        if name in LONGER or (name == "slow line" and not tells_much):
            assert said in (recording.in_call, SLOW, NoReading("timeout")), (
                "then nobody knows, and nothing is permitted"
            )
        else:
            assert said is recording.in_call
        device.looked()


@every_line
@every_pace
def test_a_slow_device_takes_its_orders_once(kind: str, recording: Recording, serial: bool, name: str) -> None:
    """An answer that is still on its way is waited for, and nothing is given a second time meanwhile."""
    pace = Known(kind, recording).pace(name)
    orders = load(recording.family, kind).remedies - set(recording.refuses)
    for remedy in sorted(orders if recording.wanted or kind == "codec" else orders - {"display_input"}):
        heard: list[list[str]] = []
        for paced in (Pace(), pace):
            device = Device(kind, recording, paced, serial=serial)
            device.looks(1)
            asked, began_s = device.heard, device.time()
            outcome = device.told(remedy)
            assert outcome.ok, (remedy, outcome)
            assert device.time() - began_s <= ORDER_S + 0.5
            told = [text for text in device.heard[len(asked) :] if text not in asked] if not heard else heard[0]
            heard.append([text for text in device.heard[len(asked) :] if text in told])
        assert heard[0] == heard[1]
