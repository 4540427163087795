"""What public clients of Poly's codecs have met: prompts and greetings in between, rows of calls, sessions.

The sources stand in docs/devices.md, "Quirks of the field".
"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from agent.core.exchange import HttpReply
from agent.core.facts import NoReading, Reading
from agent.devices.base import CommandDone, CommandFailed, Event, Login, LoginFull, LoginRefused
from agent.devices.codec import _poly_facts as poly
from agent.devices.codec import poly_cli
from tests.devices.kit import RECORDINGS, Channel, Conversation, conversation, load
from tests.devices.webkit import WebConversation

GROUP, GROUP_IN_CALL = "poly_cli/hdx_idle", "poly_cli/hdx_in_call"
BANNER = (
    "Hi, my name is : Phong hop so 1", "Here is what I know about myself:", "Model: RealPresence Group 700",
    "Software Version:    6.2.1", "Build Information:   540239", "Contact Number:",
    "Total Time In Calls: 21 Days, 04:43:14", "Total Calls:         666", "SNTP Time Service:   Auto",
    "Local Time is:        Fri, 31 Jul 2026 19:05:33 +0900", "IP Video Number:     192.0.2.26",
    "MP Enabled:          KA2E-C657-9700-0000-0003", "H323 Enabled:        True",
)  # fmt: skip
"""What a Group 700 says of itself, as DevCoreDXI76/codec_control_center has seen it in the midst of a conversation."""


def spoken(name: str, channel: Channel | None = None, **answers: str) -> Conversation:
    told = load(RECORDINGS / f"{name}.txt")
    said = {question.replace("_", " "): text.replace("\n", "\r\n").encode() for question, text in answers.items()}
    talk = conversation(replace(told, answers={**told.answers, **said}))
    talk.start()
    if channel is not None:
        talk.channel = channel
    return talk


def looked(name: str, channel: Channel | None = None, **answers: str) -> dict[str, Reading]:
    talk = spoken(name, channel, **answers)
    talk.poll()
    return talk.poll()


# -- what stands between the answers


@pytest.mark.parametrize("name", [GROUP, GROUP_IN_CALL])
@pytest.mark.parametrize("lines", [BANNER[:1], BANNER], ids=["greeting", "all of it"])
def test_a_codec_that_introduces_itself_in_between_is_heard(name: str, lines: tuple[str, ...]) -> None:
    """Before any answer, also one about calls."""
    block = "".join(line + "\r\n" for line in lines).encode()
    assert looked(name, lambda said: block + said) == looked(name)


@pytest.mark.parametrize("name", [GROUP, GROUP_IN_CALL])
def test_it_may_do_so_in_the_midst_of_an_answer(name: str) -> None:
    block = "".join(line + "\r\n" for line in BANNER).encode()
    assert looked(name, lambda said: said.replace(b"\r\n", b"\r\n" + block, 1)) == looked(name)


@pytest.mark.parametrize("name", [GROUP, GROUP_IN_CALL])
@pytest.mark.parametrize(
    "prompted",
    [
        lambda said: b"-> " + said, lambda said: b"\r\n-> " + said, lambda said: b"-> callinfo all\r\n" + said,
        lambda said: b"-> mute near get\r\n\r\n" + said, lambda said: said + b"-> ",
    ],
    ids=["prompt", "line end", "echo of calls", "echo of mute", "prompt behind"],
)  # fmt: skip
def test_a_prompt_and_what_was_typed_at_it_are_no_answer(name: str, prompted: Channel) -> None:
    """A Group's shell says `-> ` and, sooner or later, what it was told (ICD's module cuts it, too)."""
    assert looked(name, prompted) == looked(name)


def test_an_order_at_a_prompt_is_not_its_own_acknowledgement() -> None:
    """The echo of the order comes, and nothing else: nobody has taken it."""
    talk = spoken(GROUP, mute_near_off="-> mute near off\n")
    talk.session.command("codec_unmute")
    talk.run(lambda event: isinstance(event, CommandDone | CommandFailed))
    assert isinstance(talk.events[-1], CommandFailed) or not any(isinstance(e, CommandDone) for e in talk.events)


def test_an_info_line_turns_an_order_down() -> None:
    """`info: AUDIO call not enabled`, a Group 700."""
    talk = spoken(GROUP, mute_near_off="info: AUDIO call not enabled\n")
    talk.session.command("codec_unmute")
    talk.run(lambda event: isinstance(event, CommandDone | CommandFailed))
    failed = talk.events[-1]
    assert isinstance(failed, CommandFailed)
    assert (failed.reason, failed.answer) == ("refused", "info: AUDIO call not enabled")


@pytest.mark.parametrize("name", [GROUP, GROUP_IN_CALL])
def test_lines_end_with_two_returns(name: str) -> None:
    """`\\r\\r\\n` in ICD's and AVISPL's drivers."""
    assert looked(name, lambda said: said.replace(b"\r\n", b"\r\r\n")) == looked(name)


def prompted(*said: bytes) -> tuple[bytes, list[Event]]:
    """What it answers, and what it makes of it."""
    talk = poly_cli.session(Login("", "secret"))
    talk.open()
    events = [event for data in said for event in talk.receive(data)]
    return talk.output(), events


def test_a_password_that_failed_is_not_sent_again() -> None:
    """`Password failed`, as Extron's module for a Group and another know it: no second prompt need follow."""
    said = prompted(b"Password: ", b"\r\nPassword failed\r\n\r\nPassword: ")
    assert said == (b"secret\r", [LoginRefused()])


def test_only_a_password_that_was_sent_can_fail() -> None:
    assert prompted(b"Password failed\r\nPassword: ") == (b"secret\r", [])


@pytest.mark.parametrize("name", [GROUP, GROUP_IN_CALL])
def test_bytes_that_are_nothing_may_stand_before_a_line(name: str) -> None:
    """A Group that restarts sends NUL on its serial line."""
    assert looked(name, lambda said: b"\0" + said + b"\0") == looked(name)
    assert prompted(b"\0Password: ") == (b"secret\r", [])


@pytest.mark.parametrize("answer", ["already active:sleep\n", "not active:sleep\n", "sleep registered\n"])
def test_answers_to_a_registration(answer: str) -> None:
    assert looked(GROUP, sleep_register=answer) == looked(GROUP)


def test_a_refusal_has_no_blank() -> None:
    """`error:command not found`, AVISPL's driver: the model does not know `getcallstate`, which denies nothing."""
    assert looked(GROUP, getcallstate="error:command not found\n")["codec.in_call"] is False


@pytest.mark.parametrize(
    ("said", "asleep"),
    [("listen going to sleep", True), ("listen waking up", False), ("listen wake up", False)],
)
def test_words_of_sleep(said: str, asleep: bool) -> None:
    """The last: a VS4000's guide has both."""
    talk = spoken(GROUP)
    talk.session.receive(said.encode() + b"\r\n")
    assert talk.poll()["codec.standby"] is asleep


# -- rows of calls


@pytest.mark.parametrize(
    ("row", "state"),
    [
        ("callinfo:1::1330378709@vc.example.com:384:connected:notmuted:outgoing:videocall", "connected"),
        ("callinfo:34:Far End:192.0.2.1:384:bonding:notmuted:outgoing:videocall", "bonding"),
        ("cs: call[34] chan[0] dialstr[192.0.2.1] state[COMPLETE]", "complete"),
        ("cs: call[34] chan[0] dialstr[192.0.2.1] state[RINGING]", "ringing"),
        ("notification:linestatus:incoming:34:0:0:opened", "opened"),
        ("incoming: call[34] name[Far End] dialstr[192.0.2.1] state[RINGING]", "incoming"),
        ("incoming: call[34] name[state[ended]]", "incoming"),
        ("notification:linestatus:incoming:34:0:0:inactive", "inactive"),
    ],
)
def test_rows_of_public_drivers(row: str, state: str) -> None:
    assert poly.state_of(row) == state
    assert poly.speaks_of_call(row) is (state != "inactive")


def test_a_call_that_comes_unasked_is_one_being_set_up() -> None:
    """`incoming: call[…]`, Extron's module; it was the answer to whatever had been asked, and garbled it."""
    talk = spoken(GROUP)
    talk.poll()
    talk.channel = lambda said: b"incoming: call[34] name[Far End] dialstr[192.0.2.1] state[RINGING]\r\n" + said
    facts = talk.poll()
    assert facts["codec.in_call"] is True
    assert facts["codec.volume_pct"] == NoReading("stale")


IDLE_THREE = "cs: call[0] inactive\ncs: call[1] inactive\ncs: call[2] inactive\n"


@pytest.mark.parametrize("at", [0, 1, 2, None])
def test_three_lines_of_call_states(at: int | None) -> None:
    """AVISPL's driver reads the first of three; a call in any of them is one."""
    said = IDLE_THREE.replace(f"call[{at}] inactive", f"call[{at}] chan[0] dialstr[192.0.2.1] state[COMPLETE]")
    assert looked(GROUP, getcallstate=said)["codec.in_call"] is (at is not None)


TWO = (
    "callinfo:43:A:192.0.2.1:384:{0}:notmuted:outgoing:videocallcallinfo:36:192.0.2.2:256:{1}:muted:outgoing:videocall"
)


@pytest.mark.parametrize(
    ("first", "second", "in_call"),
    [
        ("connected", "connected", True), ("connected", "disconnected", True), ("disconnected", "connected", True),
        ("disconnected", "disconnected", NoReading("garbled")),
    ],
)  # fmt: skip
def test_two_rows_in_one_line(first: str, second: str, in_call: Reading) -> None:
    """The maker's guide, as ICD quotes it, has two calls without a line end between them."""
    rows = TWO.format(first, second)
    facts = looked(GROUP, callinfo_all=f"callinfo begin\n{rows}\ncallinfo end\n")
    assert facts["codec.in_call"] == in_call


def test_a_call_whose_line_is_being_bonded_is_not_talked_to() -> None:
    """While a call is being set up nothing more is asked."""
    row = "callinfo:34:Far End:192.0.2.1:384:bonding:notmuted:outgoing:videocall"
    facts = looked(GROUP, callinfo_all=f"callinfo begin\n{row}\ncallinfo end\n")
    assert facts["codec.in_call"] is True
    assert facts["codec.volume_pct"] == NoReading("stale")


# -- VideoOS


def web(name: str, **pages: object) -> WebConversation:
    """A conversation with a recording some of whose pages say something else, by the end of their path."""
    told = load(RECORDINGS / f"poly_videoos/{name}.txt")
    answers = dict(told.answers)
    for page, body in pages.items():
        question = f"GET /rest/{page.replace('_', '/')}"
        assert question in answers
        answers[question] = b"200\r\n" + json.dumps(body).encode()
    return WebConversation(replace(told, answers=answers))


def seen(talk: WebConversation) -> dict[str, Reading]:
    talk.start()
    return talk.poll()


PENDING = {"id": "PENDING", "connections": [], "terminals": [], "isActive": False, "isPendingConference": True}
RINGING = PENDING | {"connections": [{"id": "2", "state": "RINGING", "parentConfId": "PENDING", "incoming": True}]}
IN_CALL_OFF = {"name": "system.status.inacall", "languageTag": "IN_A_CALL", "state": ["off"]}
IN_CALL_ON = IN_CALL_OFF | {"state": ["on"]}


@pytest.mark.parametrize(
    ("conferences", "status", "in_call"),
    [
        ([PENDING], [IN_CALL_OFF], False), ([PENDING], [IN_CALL_ON], True), ([PENDING], [], NoReading("garbled")),
        ([RINGING], [IN_CALL_OFF], True), ([PENDING | {"isActive": True}], [IN_CALL_OFF], True),
        ([{"id": "PENDING"}], [IN_CALL_OFF], True), ([{"id": "0", "connections": []}, PENDING], [IN_CALL_OFF], True),
    ],
)  # fmt: skip
def test_a_place_kept_for_a_call_is_none(conferences: object, status: object, in_call: Reading) -> None:
    """A Group 500 that is idle (6.2.2.8, the fixture of a management server) has a row `PENDING` without connections.

    It denies a call only where the status of the system does so, too.
    """
    assert seen(web("x30_idle", conferences=conferences, system_status=status))["codec.in_call"] == in_call


def test_the_status_of_a_group_has_lists_of_one() -> None:
    rows = [
        {"name": "system.status.sipserver", "state": ["up"]}, {"name": "system.status.gatekeeper", "state": ["unknown"]}
    ]  # fmt: skip
    assert seen(web("x30_idle", system_status=rows))["codec.registered"] is True


def log_in(status: int, reason: str) -> list[Event]:
    body = json.dumps({"success": False, "reason": reason}).encode()

    def refusing(asked: str, said: HttpReply) -> HttpReply:
        return HttpReply(status, (), body) if asked.startswith("POST /rest/current/session") else said

    talk = WebConversation(load(RECORDINGS / "poly_videoos/x30_idle.txt"), refusing)
    talk.start()
    return talk.events


def test_a_session_of_before_is_in_the_way_and_the_password_is_not_wrong() -> None:
    """`SessionAlreadyActive`, sifuas/PolyVideoOSRestAPI: as good as a codec that is full."""
    assert [type(event) for event in log_in(400, "SessionAlreadyActive")] == [LoginFull]


@pytest.mark.parametrize("status", [400, 403])
def test_a_session_that_has_ended_is_begun_anew(status: int) -> None:
    """`SessionNoActiveSession` comes with a 400, which is no 403."""
    talk = web("x30_idle")
    plain = seen(talk)
    left = 1

    def forgetting(asked: str, said: HttpReply) -> HttpReply:
        nonlocal left
        left -= 1
        body = b'{"success": false, "reason": "SessionNoActiveSession"}'
        return HttpReply(status, (), body) if left >= 0 else said

    talk.spoil = forgetting
    assert talk.poll() == plain
    assert sum("POST /rest/current/session" in asked for asked in talk.asked) == 2


def test_another_bad_request_is_no_session_that_has_ended() -> None:
    talk = web("x30_idle")
    seen(talk)
    talk.spoil = lambda asked, said: HttpReply(400, (), b'{"reason": "Whatever"}') if "/audio" in asked else said
    facts = talk.poll()
    assert facts["codec.volume_pct"] == NoReading("refused")
    assert facts["codec.in_call"] is False
    assert sum("POST /rest/current/session" in asked for asked in talk.asked) == 1
