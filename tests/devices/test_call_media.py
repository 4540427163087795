"""The quality of a Cisco codec's call: differences of counters, over many looks, whatever the counters do."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.core.facts import NoReading, Reading
from agent.devices.codec._xapi_media import KEYS, MEDIA, CallMedia
from agent.devices.codec._xapi_replies import Values

ABSENT = NoReading("absent")
Channel = tuple[str, int, int, int]
"""Direction, packets, lost, jitter."""


def said(*channels: Channel, call: str = "3") -> Values:
    values = Values()
    for number, (direction, packets, lost, jitter) in enumerate(channels, 1):
        head = ("MediaChannels", "Call", call, "Channel", str(number))
        values.put((*head, "Direction"), direction)
        values.put((*head, "Netstat", "Packets"), str(packets))
        values.put((*head, "Netstat", "Loss"), str(lost))
        values.put((*head, "Netstat", "MaxJitter"), str(jitter))
    return values


def looks(*answers: Values | NoReading, in_call: Reading = True) -> list[tuple[Reading, ...]]:
    media = CallMedia()
    found = [media.look({"codec.in_call": in_call}, {MEDIA: answer}) for answer in answers]
    return [tuple(facts[key] for key in KEYS) for facts in found]


def test_the_first_look_of_a_call_compares_nothing_and_the_next_does() -> None:
    first, second, third = looks(
        said(("Incoming", 1000, 50, 4), ("Outgoing", 1000, 0, 9)),
        said(("Incoming", 1990, 60, 7), ("Outgoing", 2000, 0, 9)),
        said(("Incoming", 1990, 60, 7), ("Outgoing", 2000, 1000, 9)),
    )
    assert first == (ABSENT, ABSENT, 4.0)
    assert second == (1.0, 0.0, 7.0)
    assert third == (ABSENT, 100.0, 7.0), "nothing came, nothing was lost: that way says nothing"


def test_a_new_call_and_a_counter_that_went_back_compare_nothing() -> None:
    begun = looks(said(("Incoming", 1000, 50, 4)), said(("Incoming", 9000, 90, 4), call="4"))
    assert begun[1] == (ABSENT, ABSENT, 4.0)
    assert looks(said(("Incoming", 1000, 50, 4)), said(("Incoming", 900, 51, 4)))[1][0] == ABSENT


def test_all_channels_of_one_way_count_together() -> None:
    before = said(("Incoming", 0, 0, 4), ("Incoming", 0, 0, 20))
    assert looks(before, said(("Incoming", 90, 10, 4), ("Incoming", 100, 0, 20)))[1] == (5.0, ABSENT, 20.0)


def test_it_is_asked_for_only_once_a_call_has_been_seen() -> None:
    media = CallMedia()
    assert not media.queries
    media.look({"codec.in_call": True}, {})
    assert media.queries == (MEDIA,)
    for no in (False, NoReading("timeout")):
        media.look({"codec.in_call": no}, {})
        assert not media.queries


def test_without_a_call_there_is_none_and_silence_in_one_has_its_reason() -> None:
    assert looks(said(("Incoming", 1, 0, 4)), in_call=False) == [(ABSENT,) * 3]
    assert looks(NoReading("timeout")) == [(NoReading("timeout"),) * 3]
    tainted = said()
    tainted.tainted = True
    assert looks(tainted) == [(NoReading("garbled"),) * 3]


words = st.one_of(st.integers(-5, 10**12).map(str), st.sampled_from(["", "-", "nan", "1e400", "9" * 400, "ba"]))


@given(st.lists(st.lists(st.tuples(st.sampled_from(["Incoming", "Outgoing", "?"]), words, words, words), max_size=4)))
def test_whatever_the_counters_say_a_share_is_a_share(polls: list[list[tuple[str, str, str, str]]]) -> None:
    media = CallMedia()
    for channels in polls:
        values = Values()
        for number, (direction, *rest) in enumerate(channels):
            head = ("MediaChannels", "Call", "1", "Channel", str(number))
            values.put((*head, "Direction"), direction)
            for name, word in zip(("Packets", "Loss", "MaxJitter"), rest, strict=True):
                values.put((*head, "Netstat", name), word)
        facts = media.look({"codec.in_call": True}, {MEDIA: values})
        for key in ("codec.rx_loss_pct", "codec.tx_loss_pct"):
            value = facts[key]
            assert isinstance(value, NoReading) or (isinstance(value, float) and 0 <= value <= 100)
