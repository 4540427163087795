"""What a demonstration says: one language a line, and the way in as the last lines."""

from __future__ import annotations

import io
import re
import shutil

import pytest

from sim.asked import invitation
from sim.screen import Screen
from tools import screenshots

LOGINS = {"operator": ("truc", "aaa"), "admin": ("quantri", "bbb")}
VIETNAMESE = re.compile(r"[ăâđêôơưĂÂĐÊÔƠƯàáảãạằắẳẵặầấẩẫậèéẻẽẹềếểễệìíỉĩịòóỏõọồốổỗộờớởỡợùúủũụừứửữựỳýỷỹỵ]")


class Terminal(io.StringIO):
    """Keeps what a person sees: goes up and clears as a terminal does."""

    def isatty(self) -> bool:
        return True

    def seen(self) -> list[str]:
        lines: list[str] = []
        for part in re.split(r"(\x1b\[\d+F\x1b\[J)", self.getvalue()):
            if found := re.fullmatch(r"\x1b\[(\d+)F\x1b\[J", part):
                del lines[len(lines) - int(found[1]) :]
            else:
                lines += part.splitlines()
        return lines


def screen(out: io.StringIO, now_s: float = 7.0) -> Screen:
    """One that began three seconds ago."""
    moments = iter([now_s - 3.0])
    return Screen(out, lambda: next(moments, now_s))


def test_each_language_has_a_line_of_its_own() -> None:
    out = io.StringIO()
    screen(out).say("Trung tâm đã chạy", "The hub is running")
    assert out.getvalue() == "[  3.0 s] Trung tâm đã chạy\n          The hub is running\n"


def test_the_way_in_stays_the_last_thing_on_a_terminal() -> None:
    out = Terminal()
    said = screen(out)
    way_in = invitation(8080, LOGINS)
    said.say("trước", "before")
    said.pin(way_in)
    for number in range(3):
        said.say(f"sự cố {number}", f"fault {number}")
        assert out.seen()[-len(way_in) :] == way_in
    assert [line.strip() for line in out.seen() if "fault" in line] == ["fault 0", "fault 1", "fault 2"]


def test_where_nothing_can_be_moved_nothing_is_said_after_it() -> None:
    out = io.StringIO()
    said = screen(out)
    said.pin(invitation(8080, LOGINS))
    said.say("sự cố", "fault")
    assert out.getvalue().splitlines()[-1] == "http://127.0.0.1:8080/"
    said.release()
    said.say("Đang dừng", "Ending")
    assert out.getvalue().splitlines()[-1].strip() == "Ending"


def test_a_terminal_too_narrow_to_count_lines_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "get_terminal_size", lambda: (30, 24))
    out = Terminal()
    said = screen(out)
    said.pin(invitation(8080, LOGINS))
    said.say("sự cố", "fault")
    assert "\x1b" not in out.getvalue()


def test_the_invitation_names_two_logins_and_ends_with_the_one_link() -> None:
    lines = invitation(8123, LOGINS)
    assert lines[-1] == "http://127.0.0.1:8123/"
    assert sum("http" in line for line in lines) == 1
    for name, password in LOGINS.values():
        assert sum(name in line.split() and password in line.split() for line in lines) == 2
    english = [line for line in lines if re.search(r"\b(?:Operator|Administrator|Open|password)\b", line)]
    assert len(english) == 3
    assert not [line for line in english if VIETNAMESE.search(line)]


def test_who_takes_pictures_reads_link_and_login_of_it() -> None:
    said = "\n".join(invitation(8123, LOGINS))
    login = screenshots.LOGIN.search(said)
    url = screenshots.URL.search(said)
    assert login is not None
    assert login.groups() == LOGINS["operator"]
    assert url is not None
    assert url.group() == "http://127.0.0.1:8123"
