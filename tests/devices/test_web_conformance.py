"""Every web interface, over every recording, with every kind of bad reply. See `tests.devices.webkit`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.exchange import HttpReply
from agent.core.facts import NoReading, Reading
from agent.devices.base import CommandDone, CommandFailed, LoginRefused
from agent.devices.web import COOKIES_MAX
from agent.probes.families import load as load_family
from agent.probes.families import names
from tests.devices.kit import WANTED, Recording, by_name, ends
from tests.devices.webkit import WebConversation, asked_of, recorded, refusals, web_recordings
from tests.effort import examples, some

ALL = web_recordings()
IN_CALL = [recording for recording in ALL if recording.in_call]
IDLE = [recording for recording in ALL if not recording.in_call]
WEB = [name for name in names() if load_family(name).is_web]
PAGE = b"<!DOCTYPE html><html><head><title>Cisco</title></head><body>Welcome</body></html>"
STRANGE = [
    HttpReply(404, (), b"Not Found"), HttpReply(500), HttpReply(200), HttpReply(200, (), PAGE), HttpReply(503),
    HttpReply(200, (), b"{}"), HttpReply(200, (), b"[]"), HttpReply(200, (), b"null"),
    HttpReply(302, (("Location", "/login"),)), HttpReply(200, (), b"<Status>\xff</Status>"),
    HttpReply(200, (), b"<a>" * 3000),
]  # fmt: skip
"""What a proxy, a restarting device, or another device at this address may say."""
Ask = Callable[[WebConversation], dict[str, Reading]]
ASKS: tuple[Ask, ...] = (WebConversation.poll, WebConversation.poll_call)
"""A whole poll, and one that asks about calls only: neither may ever deny one."""
DECIDING = {
    "cisco_http": ("/SystemUnit", "/Call"),
    "huawei_te": ("WEB_GetMailboxDataAPI",),
    "poly_videoos": ("/rest/system", "/rest/conferences", "/rest/system/apps/state"),
}
"""Ends of the targets without whose answer there is no denial."""
NO_CALL = {"poly_videoos": (b"[]", ("/rest/conferences", "/rest/system/apps/state"))}
"""What a device itself says when there is no call, and to which questions: that is nothing strange."""


def target_of(asked: str) -> str:
    return asked.split(" ")[1]


def orders_of(recording: Recording) -> frozenset[str]:
    return load_family(recording.family).remedies


def is_denial(recording: Recording, asked: str, strange: HttpReply) -> bool:
    """Whether the family itself says so to this question."""
    body, ends = NO_CALL.get(recording.family, (b"", ()))
    return strange.status == 200 and strange.body == body and target_of(asked).endswith(ends)


def test_every_web_family_has_recordings_of_both_kinds() -> None:
    assert {recording.family for recording in IN_CALL} == set(WEB) == {recording.family for recording in IDLE}


@pytest.mark.parametrize("recording", ALL, ids=by_name)
def test_facts(recording: Recording) -> None:
    """What is asked in a call only may follow in the second look."""
    talk = WebConversation(recording)
    talk.start()
    for later in ({"codec.jitter_ms"}, set[str]()):
        facts = talk.poll()
        wanted = {key: value for key, value in recording.expected.items() if key not in later}
        assert {key: facts[key] for key in wanted} == wanted
        assert set(facts) == set(load_family(recording.family).keys)


@pytest.mark.parametrize("recording", ALL, ids=by_name)
def test_a_call_is_asked_for_apart(recording: Recording) -> None:
    """Before an act only `codec.in_call` is asked for: `_call_queries` of docs/add-a-device.md."""
    talk = WebConversation(recording)
    talk.start()
    plain = [talk.poll() for _ in range(3)]
    whole = set(talk.asked)
    before = len(talk.asked)
    assert talk.poll_call() == {"codec.in_call": recording.expected["codec.in_call"]}
    apart = talk.asked[before:]
    assert set(apart) < whole
    assert all(any(target_of(asked).endswith(end) for asked in apart) for end in DECIDING[recording.family])
    assert talk.poll() == plain[-1], "a poll of the call alone has changed what the next whole one says"


@pytest.mark.parametrize("recording", ALL, ids=by_name)
def test_a_poll_gives_way_between_any_two_requests(recording: Recording) -> None:
    talk, questions = WebConversation(recording), 0
    talk.start()
    for _ in range(3):
        before = len(talk.asked)
        plain = talk.poll()
        questions = len(talk.asked) - before
    for asked in range(questions):
        talk = WebConversation(recording)
        talk.start()
        talk.poll()
        talk.poll()
        some = talk.give_way(asked)
        assert some == {key: plain[key] for key in some}, f"gave way after {asked}"
        assert talk.poll_call() == {"codec.in_call": plain["codec.in_call"]}
        assert talk.poll() == plain
    assert some, "nearly everything was answered: `decided_by` says what that decides"


@pytest.mark.parametrize(
    ("recording", "remedy"),
    [pytest.param(one, order, id=f"{by_name(one)} {order}") for one in ALL for order in sorted(orders_of(one))],
)
def test_orders(recording: Recording, remedy: str) -> None:
    talk = WebConversation(recording)
    talk.session.wanted = WANTED[recording.family]
    talk.start()
    assert [type(event) for event in talk.command(remedy)] == [CommandDone]


@pytest.mark.parametrize("recording", IN_CALL, ids=by_name)
@pytest.mark.parametrize("strange", STRANGE, ids=repr)
@pytest.mark.parametrize("ask", ASKS)
def test_a_strange_reply_never_denies_a_call(recording: Recording, strange: HttpReply, ask: Ask) -> None:
    """To any one question, or to all."""
    whole = WebConversation(recording)
    whole.start()
    ask(whole)
    for place in (*range(len(whole.asked)), None):
        if place is not None and is_denial(recording, whole.asked[place], strange):
            continue
        talk = WebConversation(recording)

        def spoilt(_: str, reply: HttpReply, place: int | None = place, talk: WebConversation = talk) -> HttpReply:
            return strange if place in (None, len(talk.asked) - 1) else reply

        talk.spoil = spoilt
        talk.start()
        assert ask(talk).get("codec.in_call") is not False, place


@pytest.mark.parametrize("family", WEB)
@pytest.mark.parametrize("strange", STRANGE, ids=repr)
def test_a_web_server_of_anything_else_is_not_taken_for_the_device(family: str, strange: HttpReply) -> None:
    """The technician's `probe` would write its settings."""
    talk = WebConversation(web_recordings(family)[0], lambda _, __: strange)
    talk.start()
    assert talk.poll().get("codec.api") is not True


@pytest.mark.parametrize("recording", IDLE, ids=by_name)
@pytest.mark.parametrize("strange", STRANGE, ids=repr)
@pytest.mark.parametrize("ask", ASKS)
def test_a_strange_reply_about_calls_is_no_denial(recording: Recording, strange: HttpReply, ask: Ask) -> None:
    """To the question that matters, also when there is no call: what is not understood says nothing."""
    for about in DECIDING[recording.family]:
        if is_denial(recording, f"GET {about}", strange):
            continue

        def spoilt(asked: str, reply: HttpReply, end: str = about) -> HttpReply:
            return strange if target_of(asked).endswith(end) else reply

        talk = WebConversation(recording, spoilt)
        talk.start()
        facts = ask(talk)
        assert not facts or isinstance(facts["codec.in_call"], NoReading)


@pytest.mark.sampled
@pytest.mark.parametrize("recording", IN_CALL, ids=by_name)
@pytest.mark.parametrize("rest", [0, 1], ids=["cut off", "one byte lost"])
def test_a_broken_body_never_denies_a_call(recording: Recording, rest: int) -> None:
    """Cut off at every byte, and with every byte lost, of every answer on the way."""
    whole = WebConversation(recording)
    whole.start()
    whole.poll()
    for place, asked in enumerate(whole.asked):
        body = recorded(recording, asked).body
        for at in some(range(len(body)), always=ends(body)):
            talk = WebConversation(recording)

            def broken(
                _: str, reply: HttpReply, place: int = place, at: int = at, talk: WebConversation = talk
            ) -> HttpReply:
                if len(talk.asked) - 1 != place:
                    return reply
                return HttpReply(reply.status, reply.headers, reply.body[:at] + (reply.body[at + 1 :] if rest else b""))

            talk.spoil = broken
            talk.start()
            assert talk.poll().get("codec.in_call") is not False, (asked, at)


@pytest.mark.parametrize("recording", refusals(), ids=by_name)
def test_a_refused_login_sends_the_password_once_and_ends(recording: Recording) -> None:
    talk = WebConversation(recording)
    talk.start()
    talk.run()
    assert talk.events == [LoginRefused()]
    assert sum(recording.login.password in asked for asked in talk.asked) == 1
    assert talk.poll() == {}


@pytest.mark.parametrize("recording", ALL, ids=by_name)
def test_a_forgotten_login_is_renewed_once(recording: Recording) -> None:
    talk = WebConversation(recording)
    talk.start()
    refused = 1

    def forgets(_: str, reply: HttpReply) -> HttpReply:
        nonlocal refused
        refused -= 1
        return HttpReply(403) if refused >= 0 else reply

    talk.spoil = forgets
    facts = talk.poll()
    assert facts["codec.in_call"] is recording.expected["codec.in_call"]
    talk.spoil = lambda _, __: HttpReply(403)
    assert isinstance(talk.poll()["codec.in_call"], NoReading)
    assert isinstance(talk.events[-1], LoginRefused)
    assert not talk.session.ready


@pytest.mark.parametrize("recording", ALL, ids=by_name)
def test_an_order_that_is_refused_for_good_says_so(recording: Recording) -> None:
    talk = WebConversation(recording)
    talk.session.wanted = WANTED[recording.family]
    talk.start()
    talk.spoil = lambda _, __: HttpReply(500)
    for remedy in sorted(orders_of(recording)):
        (event,) = talk.command(remedy)
        assert isinstance(event, CommandFailed)


def test_sessions_are_used_where_they_are_offered() -> None:
    """A codec has few sessions, and without one every request opens one more."""
    for recording in web_recordings("cisco_http"):
        talk = WebConversation(recording)
        talk.start()
        talk.poll()
        begun = talk.asked.count("POST /xmlapi/session/begin")
        cookies = {
            dict(request.headers).get("Cookie", "") for request in talk.requests if "getxml" in asked_of(request)
        }
        assert begun == 1
        assert cookies == ({""} if recording.name.startswith("tc") else {"SessionId=0123456789abcdef"})


@settings(max_examples=examples(150), deadline=None)
@given(replies=st.lists(st.tuples(st.sampled_from([200, 204, 301, 400, 401, 403, 404, 500]), st.binary(max_size=200))))
@pytest.mark.parametrize("family", WEB)
@pytest.mark.parametrize("ask", ASKS)
def test_pure_noise_never_raises_and_never_denies(family: str, ask: Ask, replies: list[tuple[int, bytes]]) -> None:
    talk = WebConversation(web_recordings(family)[0])
    left = list(replies)
    talk.spoil = lambda _, __: HttpReply(left[0][0], (), left.pop(0)[1]) if left else None
    talk.start()
    assert ask(talk).get("codec.in_call") is not False


WORDS = st.sampled_from(
    ["id", "state", "name", "success", "data", "mediaDirection", "inMeeting", "sip", "RX", "up", "--"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


def planted(tree: Any, odd: Any, path: list[int]) -> Any:
    """The tree with a branch replaced, whose place is told by turns at each fork."""
    if isinstance(tree, str) and tree.startswith("{"):
        return json.dumps(planted(json.loads(tree), odd, path))
    if not path or not isinstance(tree, dict | list) or not tree:
        return odd
    keys = list(tree) if isinstance(tree, dict) else list(range(len(tree)))
    key = keys[path[0] % len(keys)]
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    copy[key] = planted(tree[key], odd, path[1:])
    return copy


@settings(max_examples=examples(120), deadline=None)
@given(
    odd=JSON, path=st.lists(st.integers(0, 30), max_size=4), places=st.sets(st.integers(0, 12), min_size=1, max_size=3)
)
@pytest.mark.parametrize("recording", [one for one in ALL if not one.family.startswith("cisco")], ids=by_name)
def test_json_of_another_shape_never_raises(recording: Recording, odd: Any, path: list[int], places: set[int]) -> None:
    """Some branch of some answers is something else altogether."""
    talk = WebConversation(recording)

    def spoilt(_: str, reply: HttpReply) -> HttpReply:
        if len(talk.asked) - 1 not in places or not reply.body.strip().startswith((b"{", b"[")):
            return reply
        return HttpReply(200, reply.headers, json.dumps(planted(json.loads(reply.body), odd, path)).encode())

    talk.spoil = spoilt
    talk.start()
    for _ in range(2):
        facts = talk.poll()
        assert not facts or set(facts) == set(load_family(recording.family).keys)


def test_a_device_that_makes_up_cookies_fills_no_memory() -> None:
    (recording,) = (one for one in web_recordings("poly_videoos") if one.name == "x30_idle")
    talk = WebConversation(recording)

    def baking(_: str, reply: HttpReply) -> HttpReply:
        more = tuple(("Set-Cookie", f"c{len(talk.asked)}-{number}=1") for number in range(50))
        return HttpReply(reply.status, (*reply.headers, *more), reply.body)

    talk.spoil = baking
    talk.start()
    for _ in range(3):
        assert talk.poll()["codec.api"] is True
    cookies = dict(talk.requests[-1].headers)["Cookie"].split("; ")
    assert len(cookies) == COOKIES_MAX
    assert "session_id=PS6UmUeGR0123456789" in cookies
