"""Every codec family, over every recording, on every kind of bad line. See `tests.devices.kit`."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.core.facts import FACTS, NoReading, Reading
from agent.core.remedies import REMEDIES
from agent.devices.base import BLOCK_BYTES_MAX, CommandDone, CommandFailed, Login, LoginRefused, MisuseError
from agent.devices.inquiry import QuerySession
from agent.probes.families import load as load_family
from agent.probes.families import names
from tests.devices.kit import (
    ASKS,
    OF_FOREIGN_STRINGS,
    RECORDINGS,
    Ask,
    OneByte,
    Recording,
    by_name,
    conversation,
    ends,
    fresh,
    load,
    one_of_each,
    recordings,
    two_polls,
)
from tests.effort import examples, some

ALL = recordings()
IN_CALL = [recording for recording in ALL if recording.in_call]
IDLE = [recording for recording in ALL if not recording.in_call]
FLOOD_BYTES = BLOCK_BYTES_MAX * 13 // 4  # more than may be kept, so that a buffer without a bound is noticed
TALKING = [name for name in names() if load_family(name).keys and not load_family(name).is_web]


@pytest.mark.parametrize("family", TALKING)
def test_every_talking_family_has_recordings_of_both_kinds(family: str) -> None:
    kinds = {recording.in_call for recording in recordings(family)}
    assert kinds == {True, False}, f"{family} lacks a recording, idle or in a call: docs/add-a-device.md, step 4"
    assert all(recording.calls for recording in recordings(family)), f"{family}: `# calls QUESTION` is missing"
    untold = [by_name(one) for one in recordings(family) if not one.in_call and not one.says_whether_unasked]
    assert not untold, f"{untold}: `# call-event` is missing: what it sends by itself when a call begins, or `none`"


def test_no_recording_is_left_out() -> None:
    """One whose first `# expect` is misspelt would be judged by nobody."""
    heads = ("# expect codec.in_call ", "# expect display.api ", "# expect camera.api ", "# refuses login")
    for path in sorted(RECORDINGS.glob("*/*.txt")):
        if path.parent.name not in OF_FOREIGN_STRINGS:
            assert any(head in path.read_text("utf-8") for head in heads), f"{path}: no kit takes it"


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("", "vx/idle.txt: say where its strings come from: `# origin transcript|driver|paper|invented: SOURCE`"),
        ("# origin hearsay: a colleague\n", "begins with one of transcript, driver, paper, invented"),
        ("# origin paper\n", "names the source after a colon"),
    ],
)
def test_a_recording_says_where_its_strings_come_from(tmp_path: Path, head: str, said: str) -> None:
    path = tmp_path / "vx/idle.txt"
    path.parent.mkdir()
    path.write_text(head + "# expect codec.in_call = false\n>>> CALL?\nCALL=NONE\n", "utf-8")
    with pytest.raises(ValueError, match=re.escape(said)):
        load(path)


@pytest.mark.parametrize("family", names())
def test_family_attributes(family: str) -> None:
    assert set(load_family(family).keys) <= set(FACTS)
    assert load_family(family).remedies <= set(REMEDIES)


@pytest.mark.parametrize("recording", ALL, ids=by_name)
@pytest.mark.parametrize("chunk", [0, 1, 2, 3, 7])
def test_facts_whatever_the_cuts(recording: Recording, chunk: int) -> None:
    """Chunks of one byte cut at every byte at once."""
    talk = conversation(recording, chunk=chunk)
    facts = two_polls(talk)
    wanted = {key: value for key, value in recording.expected.items() if key != "codec.temp_c" or key in facts}
    assert {key: facts[key] for key in wanted} == wanted
    assert set(facts) == set(load_family(recording.family).keys)


@pytest.mark.sampled
@pytest.mark.parametrize("recording", ALL, ids=by_name)
def test_same_facts_when_cut_in_two_at_any_byte(recording: Recording) -> None:
    """One cut, at every place of the longest answer: no buffer takes a half for a whole."""
    plain = two_polls(conversation(recording))
    longest = max(recording.answers.values(), key=len)
    for cut in some(range(1, len(longest)), always=ends(longest)):
        talk = conversation(recording, chunk=cut)
        assert two_polls(talk) == plain


@pytest.mark.parametrize("recording", ALL, ids=by_name)
def test_events_between_answers_change_nothing(recording: Recording) -> None:
    plain = two_polls(conversation(recording))
    assert two_polls(conversation(recording, lambda data: recording.event + data)) == plain
    assert two_polls(conversation(recording, lambda data: data + recording.event)) == plain


@pytest.mark.parametrize("recording", ALL, ids=by_name)
def test_a_call_is_asked_for_apart(recording: Recording) -> None:
    """Before an act only `codec.in_call` is asked for: `_call_queries` of docs/add-a-device.md."""
    talk = conversation(recording)
    talk.start()
    at_start = len(talk.player.heard)
    plain = (talk.poll(), talk.poll())[1]
    asked = len(talk.player.heard)
    talk.poll_call()
    apart = len(talk.player.heard)
    assert talk.poll_call() == {"codec.in_call": recording.expected["codec.in_call"]}
    for text in talk.player.heard[asked:]:
        assert text == "(empty)" or text.startswith(recording.calls), f"{text!r} says nothing about calls"
    assert 0 < apart - asked < (asked - at_start) / 2, "that is no less than a whole poll asks"
    assert talk.poll() == plain, "a poll of the call alone has changed what the next whole one says"


@pytest.mark.parametrize("recording", ALL, ids=by_name)
@pytest.mark.parametrize("answered", [False, True], ids=["on its way", "answered"])
def test_a_poll_gives_way_at_any_question(recording: Recording, answered: bool) -> None:
    """What it gives is what a whole poll would; then the call is asked for on the same line, and all is as before."""
    talk = conversation(recording)
    two_polls(talk)
    before = len(talk.player.heard)
    plain = talk.poll()
    questions = len([text for text in talk.player.heard[before:] if text != "(empty)"])
    for asked in range(1, questions):
        talk = conversation(recording)
        two_polls(talk)
        some = talk.give_way(asked, answered=answered)
        assert some == {key: plain[key] for key in some}, f"gave way after question {asked}"
        talk.poll_call()
        assert talk.poll_call() == {"codec.in_call": plain["codec.in_call"]}
        assert talk.poll() == plain
    assert some or not answered, "nearly everything was answered: `decided_by` says what that decides"


@pytest.mark.parametrize("recording", ALL, ids=by_name)
def test_what_gave_way_answers_nobody(recording: Recording) -> None:
    """Its late answer was asked for before, and nothing more is said: no poll after it may deny a call by it."""
    for asked in range(1, 4):
        talk = conversation(recording)
        talk.start()
        talk.poll()
        talk.give_way(asked)
        session = talk.session
        assert isinstance(session, QuerySession)
        left = session._asked
        assert left is not None
        assert set(talk.poll_call()) == {"codec.in_call"}
        apart = [query.key for query in session._call_queries()]
        assert left.key in apart or left.key not in session._answers, "its answer counts in a poll that did not ask it"

        talk = conversation(recording)
        talk.start()
        talk.poll()
        talk.give_way(asked)
        talk.channel = lambda _: b""
        assert talk.poll_call().get("codec.in_call") is not False


@pytest.mark.parametrize("recording", [recording for recording in IDLE if recording.call_event], ids=by_name)
@pytest.mark.parametrize("ask", ASKS)
def test_an_event_about_a_call_is_believed_at_once(recording: Recording, ask: Ask) -> None:
    """Told once, before any of a poll's answers: whichever is waited for, and whatever is said after it."""
    answers = 0

    def told(data: bytes) -> bytes:
        nonlocal answers
        answers += 1
        return recording.call_event + data if answers == at else data

    at = 0
    talk = conversation(recording, told)
    talk.start()
    logged_in = answers
    ask(talk)
    for at in range(logged_in + 1, answers + 1):
        answers = 0
        talk = conversation(recording, told)
        talk.start()
        assert ask(talk).get("codec.in_call") is not False, f"told before answer {at - logged_in}"


@pytest.mark.parametrize("recording", ALL, ids=by_name)
@pytest.mark.parametrize("ask", ASKS)
def test_truncated_anywhere(recording: Recording, ask: Ask) -> None:
    """The line goes dead after any byte: it ends, nothing raises, and a call is never denied."""
    total = 0

    def count(data: bytes) -> bytes:
        nonlocal total
        total += len(data)
        return data

    talk = conversation(recording, count)
    talk.start()
    whole = set(ask(talk))
    for cut in range(0, total, 5):
        left = cut

        def cut_off(data: bytes) -> bytes:
            nonlocal left
            passed, left = data[:left], max(0, left - len(data))
            return passed

        talk = conversation(recording, cut_off)
        talk.start()
        facts = ask(talk)
        assert set(facts) in (set(), whole)
        if recording.in_call:
            assert facts.get("codec.in_call") is not False, f"cut at {cut}"


@settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
@pytest.mark.parametrize("recording", IN_CALL, ids=by_name)
@pytest.mark.parametrize("ask", ASKS)
def test_noise_never_denies_a_call(recording: Recording, ask: Ask, data: st.DataObject) -> None:
    """Bytes inserted anywhere, also ones that mean something to the protocol."""
    words = st.one_of(
        st.binary(max_size=12),
        st.sampled_from([b"\r\n", b"\n", b"\r", b"\n\r", b"OK\r\n", b"** end\r\n", b"{", b"}", b'"', b"*s ", b"\xff"]),
    )
    strikes = data.draw(st.lists(st.tuples(st.integers(0, 3000), words), min_size=1, max_size=4))
    at = 0

    def noisy(sent: bytes) -> bytes:
        nonlocal at
        out = sent
        for place, noise in sorted(strikes, reverse=True):
            if at <= place < at + len(sent):
                out = out[: place - at] + noise + out[place - at :]
        at += len(sent)
        return out

    talk = conversation(recording, noisy, chunk=data.draw(st.sampled_from([0, 1, 13])))
    talk.start()
    for _ in range(2):
        assert ask(talk).get("codec.in_call") is not False


def struck(recording: Recording, ask: Ask, line: OneByte) -> dict[str, Reading]:
    """What a poll gives when only its answers about calls go over that line."""

    def channel(sent: bytes) -> bytes:
        heard = [asked for asked in talk.player.heard if asked != "(empty)"]  # the LF behind a CR
        return line.strike(sent) if heard and heard[-1].startswith(recording.calls) else sent

    talk = conversation(recording, channel)
    talk.start()
    return ask(talk)


@pytest.mark.sampled
@pytest.mark.parametrize("recording", IN_CALL, ids=by_name)
@pytest.mark.parametrize("noise", [None, b" ", b"\r\n", b"0"])
@pytest.mark.parametrize("ask", ASKS)
def test_one_byte_lost_or_added_never_denies_a_call(recording: Recording, noise: bytes | None, ask: Ask) -> None:
    """At every byte of every answer about calls; None: the byte is lost, as a serial line loses them."""
    whole = OneByte()
    assert struck(recording, ask, whole).get("codec.in_call") is not False
    assert whole.said, "no answer is about calls: name its question in the recording, `# calls QUESTION`"
    for place in some(range(len(whole.said)), always=ends(whole.said)):
        facts = struck(recording, ask, OneByte(place, noise))
        assert facts.get("codec.in_call") is not False, f"struck at {place}"


@settings(max_examples=examples(200), deadline=None)
@given(noise=st.lists(st.binary(max_size=300), max_size=20), silences=st.integers(0, 4))
@pytest.mark.parametrize("family", TALKING)
def test_pure_noise_never_raises(family: str, noise: list[bytes], silences: int) -> None:
    session = importlib.import_module(f"agent.devices.codec.{family}").session(Login("u", "p"), "t")
    session.open()
    for part in noise:
        session.receive(part)
        session.output()
    for _ in range(silences):
        session.silence()
        session.output()


@pytest.mark.sampled
@pytest.mark.parametrize("recording", some(ALL, always=one_of_each(ALL)), ids=by_name)
@pytest.mark.parametrize("filler", [b"A", b"{", b"[", b'"', b"*s A B: x\r\n", b"{\r\n", b"callinfo begin\r\n", b"\r\n"])
def test_a_flood_fills_no_memory(recording: Recording, filler: bytes) -> None:
    talk = conversation(recording)
    talk.start()
    talk.session.poll()
    flood = filler * (4096 // len(filler))
    for _ in range(FLOOD_BYTES // len(flood)):
        talk.session.receive(flood)
        talk.session.output()
        assert talk.session.buffered <= 3 * BLOCK_BYTES_MAX


@pytest.mark.parametrize("recording", ALL, ids=by_name)
def test_a_dead_device_ends_the_conversation(recording: Recording) -> None:
    talk = conversation(recording, lambda _: b"")
    talk.start()
    assert not talk.session.ready
    assert talk.poll() == {}


@pytest.mark.parametrize("recording", ALL, ids=by_name)
@pytest.mark.parametrize("ask", ASKS)
def test_restart_in_the_middle_of_a_poll(recording: Recording, ask: Ask) -> None:
    """At every question: the device restarts instead of answering, and asks for a login again or says nothing.

    Who dies before every question about calls was answered has denied nothing.
    """
    talk = conversation(recording)
    talk.start()
    at_start = len(talk.player.heard)
    ask(talk)
    asked = [text for text in talk.player.heard[at_start:] if text != "(empty)"]  # the LF behind a CR
    about_calls = [place for place, text in enumerate(asked) if text.startswith(recording.calls)]
    assert about_calls, "no question is about calls: name it in the recording, `# calls QUESTION`"
    last_about_calls = about_calls[-1]
    for question in range(len(asked)):
        talk = conversation(recording)
        talk.start()
        left = question

        def dies(data: bytes) -> bytes:
            nonlocal left
            left -= 1
            return data if left >= 0 else recording.rebooted if left == -1 else b""

        talk.channel = dies
        facts = ask(talk)
        if recording.in_call or question <= last_about_calls:
            assert facts.get("codec.in_call") is not False, f"it died at {asked[question]!r}"
        if not talk.session.ready:
            with pytest.raises(MisuseError):
                talk.session.poll()


@pytest.mark.parametrize("recording", ALL, ids=by_name)
@pytest.mark.parametrize("remedy", ["codec_restart", "codec_wake", "codec_volume_restore", "codec_unmute"])
def test_orders(recording: Recording, remedy: str) -> None:
    talk = conversation(recording, chunk=1)
    talk.start()
    if remedy not in load_family(recording.family).remedies:
        with pytest.raises(MisuseError):
            talk.session.command(remedy)
        return
    talk.session.command(remedy)
    talk.run(lambda event: isinstance(event, CommandDone | CommandFailed))
    assert [event for event in talk.events if isinstance(event, CommandDone | CommandFailed)] == [
        event for event in talk.events if isinstance(event, CommandDone) and event.remedy == remedy
    ], f"what does the recording answer to {talk.player.heard[-1]!r}?"


@pytest.mark.parametrize("recording", [recording for recording in ALL if recording.login.password], ids=by_name)
def test_a_wrong_password_is_tried_once(recording: Recording) -> None:
    """The device asks again: that is a refusal, and trying on would lock the account."""
    name = b"Username: " if recording.family == "poly_cli" else b"login: "
    prompt = name if recording.login.user else b"Password: "
    session = fresh(recording)
    session.open()
    asked = [name] * bool(recording.login.user) + [b"Password: ", b"\r\nLogin incorrect\r\n\r\n" + prompt]
    events = [event for prompted in asked for event in session.receive(prompted)]
    sent = session.output()
    assert sent.count(recording.login.password.encode()) == 1
    assert any(isinstance(event, LoginRefused) for event in events)
    assert session.receive(prompt) == []
    assert session.output() == b""


@pytest.mark.parametrize("recording", ALL, ids=by_name)
def test_slow_answers(recording: Recording) -> None:
    """Every answer comes one silence late."""
    held = b""

    def late(data: bytes) -> bytes:
        nonlocal held
        passed, held = held, data
        return passed

    talk = conversation(recording, late)
    talk.start()
    for ask in (*ASKS, *ASKS):
        facts = ask(talk)
        if recording.in_call:
            assert facts.get("codec.in_call") is not False
        assert facts.get("codec.in_call", NoReading("none")) is not None
