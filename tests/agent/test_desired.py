"""What a room takes of a desired document that no signer of ours would have signed."""

from __future__ import annotations

import pytest

from agent.core.events import DesiredChanged, RecordKind
from agent.core.facts import Instant
from agent.uplink.session import DOUBTED, Incoming, Session, desired_from
from tests.agent.test_session import make
from wire import messages as m
from wire.topics import Leaf, Topic

WALL_S = 1_790_000_000.0
NOW = Instant(100, WALL_S)
GOOD = m.Meeting("m1", "Giao ban", WALL_S + 600, WALL_S + 4200)
DAY_S = 86_400.0
TOPIC = str(Topic("r-1", Leaf.DESIRED))


def hear(
    *meetings: m.Meeting, session: Session | None = None, version: int = 5, until_s: float = 0.0, now: Instant = NOW
) -> Incoming:
    document = m.Desired(room="r-1", version=version, meetings=list(meetings), maintenance_until_s=until_s)
    if session is None:
        session, _ = make()
        session.connected(now)
    return session.received(TOPIC, m.encode(document), True, now)


def applied(incoming: Incoming) -> DesiredChanged:
    (event,) = incoming.events
    assert isinstance(event, DesiredChanged)
    return event


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (m.Meeting("m2", "x", WALL_S, WALL_S), "meeting_length"),
        (m.Meeting("m2", "x", WALL_S, WALL_S - 1), "meeting_length"),
        (m.Meeting("m2", "x", WALL_S, WALL_S + DAY_S + 1), "meeting_length"),
        (m.Meeting("m2", "x", WALL_S, 1e300), "meeting_length"),
        (m.Meeting("m2", "x", -1e300, WALL_S), "meeting_length"),
        (m.Meeting("m2", "x", -5.0, 5.0), "meeting_length"),
        (m.Meeting("", "x", WALL_S, WALL_S + 60), "meeting_malformed"),
        (m.Meeting("y" * 65, "x", WALL_S, WALL_S + 60), "meeting_malformed"),
    ],
)
def test_one_bad_meeting_is_told_and_does_not_lose_the_others(bad: m.Meeting, reason: str) -> None:
    incoming = hear(bad, GOOD)
    assert [one.id for one in applied(incoming).meetings] == ["m1"]
    (record,) = incoming.records
    told = (record.kind, record.reason, record.detail["version"], record.detail["meetings"])
    assert told == (RecordKind.DESIRED_REFUSED, reason, 5, 1)
    assert desired_from(incoming.meta["desired"]) == applied(incoming), "the same after a restart"


def test_a_meeting_far_away_or_long_over_is_kept() -> None:
    """The room's clock may be the one that is wrong; it would then lose what is to come."""
    old, far = m.Meeting("a", "x", 1e9, 1e9 + 60), m.Meeting("b", "x", 3e9, 3e9 + 60)
    incoming = hear(old, far)
    assert ([one.id for one in applied(incoming).meetings], incoming.records) == (["a", "b"], [])


def test_no_more_meetings_than_a_room_keeps() -> None:
    incoming = hear(*(m.Meeting(f"m{n}", "x" * 500, WALL_S + n, WALL_S + 60 + n) for n in range(103)))
    assert len(applied(incoming).meetings) == 100
    assert {len(one.title) for one in applied(incoming).meetings} == {200}
    (record,) = incoming.records
    assert (record.reason, record.detail["meetings"]) == ("too_many_meetings", 3)


def test_a_secret_meeting_that_is_left_out_leaves_the_room_not_knowing() -> None:
    session, _ = make()
    session.connected(NOW)
    endless = m.Meeting("s", "x", WALL_S, WALL_S + 1e9, secret=True)
    assert hear(endless, GOOD, session=session).told_in == DOUBTED
    assert hear(endless, GOOD, session=session).told_in == DOUBTED, "the same document again, as with each connection"
    assert hear(m.Meeting("s", "x", WALL_S, WALL_S + 1e9), session=session, version=6).told_in == session.connection


@pytest.mark.parametrize("until_s", [WALL_S + 7 * DAY_S + 6, 1e10, 1e300])
def test_a_maintenance_beyond_a_week_is_told_and_left_to_the_engine(until_s: float) -> None:
    """People may be at work just now, and the wrong clock may be the room's: cut short by it, the window would be over
    when that is right again."""
    incoming = hear(GOOD, until_s=until_s)
    event = applied(incoming)
    assert event.maintenance_until_s == min(until_s, 1e11), "so that the store can keep how long it has been open"
    assert len(event.meetings) == 1
    assert [record.reason for record in incoming.records] == ["maintenance_long"]
    assert desired_from(incoming.meta["desired"]) == event, "a restart does not begin it anew"


def test_a_maintenance_of_a_week_is_as_it_was_told() -> None:
    incoming = hear(until_s=WALL_S + 7 * DAY_S)
    assert (applied(incoming).maintenance_until_s, incoming.records) == (WALL_S + 7 * DAY_S, [])
    assert applied(hear(until_s=-7.0)).maintenance_until_s == 0


def test_without_the_time_a_maintenance_is_left_to_the_engine() -> None:
    incoming = hear(until_s=1e12, now=Instant(100, WALL_S, synced=False))
    assert (applied(incoming).maintenance_until_s, incoming.records) == (1e11, [])


def test_a_version_from_the_end_of_all_numbers_is_not_the_last_one_for_ever() -> None:
    session, _ = make()
    session.connected(NOW)
    refused = hear(session=session, version=2**53)
    assert (refused.events, [one.reason for one in refused.records], refused.told_in) == (
        [],
        ["version_ahead"],
        DOUBTED,
    )
    assert hear(session=session, version=int(WALL_S) + 400 * 86_400).events
    session, _ = make()
    session.connected(NOW)
    assert hear(session=session, version=2**53, now=Instant(100, 0.0, synced=False)).events, "it cannot be judged"


def test_a_document_that_an_earlier_release_kept_is_looked_through_at_the_start() -> None:
    raw = m.encode(m.Desired(room="r-1", version=5, meetings=[m.Meeting("m2", "x", WALL_S, 1e300), GOOD]))
    kept = desired_from(raw.decode())
    assert kept is not None
    assert [one.id for one in kept.meetings] == ["m1"]
