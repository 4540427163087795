"""What a person in the room has said: which orders it may come with, how old it may be, and that it is named."""

from __future__ import annotations

import msgspec
import pytest

from agent.core.events import OrderReceived, RecordKind
from agent.core.facts import Instant
from agent.core.remedies import LOADS, REMEDIES
from agent.uplink.session import Incoming
from tests.agent.test_session import make, order
from wire import messages as m
from wire.bounds import CONFIRMABLE
from wire.topics import Leaf, Topic

WALL_S = 1.79e9 + 21
SAID = m.Confirmed(person="Lê Văn Thắng", what="no_picture_no_sound", at_s=WALL_S - 60)


def obey(confirmed: m.Confirmed | None, action: str = "codec_restart", *, synced: bool = True) -> Incoming:
    session, _ = make()
    command = order(session, {"action": action, "confirmed": confirmed})
    topic = str(Topic("r-1", Leaf.COMMAND, "c1"))
    return session.received(topic, m.encode(command), False, Instant(21, WALL_S, synced))


def reason(confirmed: m.Confirmed, action: str = "codec_restart", *, synced: bool = True) -> str:
    """Why it is refused; empty when it is obeyed."""
    incoming = obey(confirmed, action, synced=synced)
    if incoming.events:
        return ""
    (record,) = incoming.records
    assert (record.kind, record.by, record.detail["confirmed"]) == (
        RecordKind.COMMAND_REFUSED,
        "lan",
        confirmed.person[:64],
    )
    assert not incoming.meta, "a refused order uses up no number"
    return record.reason


def test_the_engine_is_told_who_said_it() -> None:
    (event,) = obey(SAID).events
    assert event == OrderReceived("c1", "codec_restart", "lan", "", confirmed="Lê Văn Thắng")
    (plain,) = obey(None).events
    assert plain == OrderReceived("c1", "codec_restart", "lan", "")


@pytest.mark.parametrize(
    ("age_s", "expected"),
    [(-5.0, ""), (-5.1, "confirmation_ahead"), (0.0, ""), (180.0, ""), (180.1, "confirmation_old"),
     (WALL_S, "confirmation_old"), (-1e12, "confirmation_ahead")],
)  # fmt: skip
def test_it_goes_for_three_minutes_by_the_rooms_clock(age_s: float, expected: str) -> None:
    assert reason(msgspec.structs.replace(SAID, at_s=WALL_S - age_s)) == expected


def test_without_the_time_nobody_can_tell_how_old_it_is() -> None:
    assert reason(SAID, synced=False) == "confirmation_no_clock"
    assert obey(None, synced=False).events, "an order without it needs no clock"


@pytest.mark.parametrize(
    "changes",
    [{"person": ""}, {"person": " \t"}, {"person": "x" * 65}, {"person": "An\nby=admin"}, {"person": "An\u202e"},
     {"what": ""}, {"what": "no_sound"}],
)  # fmt: skip
def test_what_nobody_can_have_said(changes: dict[str, str]) -> None:
    assert reason(msgspec.structs.replace(SAID, **changes)) == "confirmation_malformed"


@pytest.mark.parametrize("action", ["recheck", "light_off", "codec_volume_restore", "board_reboot", "ups_self_test"])
def test_it_comes_only_with_what_can_bring_a_picture_back(action: str) -> None:
    assert reason(SAID, action) == "confirmation_useless"


def test_what_may_be_confirmed_are_the_restarts_in_a_calls_path() -> None:
    restarts = {one.name for one in REMEDIES.values() if one.restarts and LOADS[one.load].in_call_path}
    assert restarts - {"board_reboot", "ups_self_test"} == CONFIRMABLE
