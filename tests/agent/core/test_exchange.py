"""What is asked over HTTP and what comes back, as plain values."""

from __future__ import annotations

import pytest

from agent.core.exchange import HttpReply, HttpRequest, json_request, parsed_json


@pytest.mark.parametrize(("method", "again"), [("GET", True), ("HEAD", True), ("POST", False), ("PUT", False)])
def test_only_what_changes_nothing_is_asked_again(method: str, again: bool) -> None:
    assert HttpRequest(method, "/").repeatable is again


def test_a_header_is_found_in_any_case_the_first_of_its_name_first() -> None:
    reply = HttpReply(200, (("Server", "one"), ("X-Token", "a"), ("x-tokeN", "b")))
    assert reply.header("X-TOKEN") == reply.header("x-token") == "a"
    assert reply.header("Location") == ""


def test_cookies_are_names_and_values_without_their_attributes() -> None:
    rows = (
        ("Set-Cookie", "session= a=b ; Path=/; Secure"),
        ("set-cookie", " csrf =t0k;HttpOnly"),
        ("Set-Cookie", "nonsense; Path=/"),
        ("Set-Cookie", "=nameless"),
        ("Cookie", "other=1"),
    )
    assert HttpReply(200, rows).cookies() == {"session": "a=b", "csrf": "t0k"}


def test_a_body_is_text_whatever_its_bytes() -> None:
    assert HttpReply(200, body="phòng họp".encode()).text() == "phòng họp"
    assert HttpReply(200, body=b"a\xffb").text() == "a�b"


def test_a_body_is_json_with_and_without_a_mark_of_its_order() -> None:
    assert HttpReply(200, body=b'{"a": 1}').json() == {"a": 1}
    assert parsed_json(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}
    assert parsed_json('{"t\\u00ean": "ph\\u00f2ng"}') == {"tên": "phòng"}


def test_half_a_character_becomes_a_question_mark_and_its_neighbours_stay() -> None:
    assert parsed_json('["\\ud800", "\\u00f2", "ò"]') == ["?", "ò", "ò"]


@pytest.mark.parametrize(("text", "words"), [("{", None), (b"\xff", None), ("[" * 100_000, "^nested too deeply$")])
def test_what_is_no_json_is_refused(text: str | bytes, words: str | None) -> None:
    with pytest.raises(ValueError, match=words):
        parsed_json(text)


def test_a_request_with_a_json_body_says_so_before_other_headers() -> None:
    asked = json_request("POST", "/api", {"tên": "phòng"}, (("X-Token", "a"),))
    body = '{"tên": "phòng"}'.encode()
    assert asked == HttpRequest("POST", "/api", (("Content-Type", "application/json"), ("X-Token", "a")), body)
    assert json_request("PUT", "/", 1).headers == (("Content-Type", "application/json"),)
