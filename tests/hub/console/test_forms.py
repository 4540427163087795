"""Whatever stands in a form of the console: it is taken or refused, and never a failure of the server.

Every route that changes something is posted fields of every name that any form has, with good values and with anything
else, as a browser sends them and as none does.
"""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from hub.access.auth import COOKIE
from hub.access.limits import FREE_TRIES
from hub.access.permissions import ROUTES
from hub.app import create_app
from tests.effort import examples
from tests.house.source import ROOT
from tests.hub.console.conftest import HTML, csrf, sign_in
from tests.hub.console.fake import FakeHub

POSTS = sorted(path for method, path in ROUTES if method == "POST")
NAMES = sorted(
    {
        name
        for page in (ROOT / "hub" / "console" / "templates").glob("*.html")
        for name in re.findall(r'<(?:input|select|textarea|button)\b[^>]*\bname="([a-z_]+)"', page.read_text("utf-8"))
    }
    | {"also", "csr", "board"}
)
NASTY = (
    "", "1", "0", "-1", "30:planned", "recheck", "vi", "en", "/rooms", "//elsewhere", "x" * 4001, "1,2,3", "9" * 30,
    "thu.ha", "admin.all", "C01", "on", "²", "1,²", "\ud800", "\0", "\r\n", "🙂", "Màn hình đen",
)  # fmt: skip
GOOD = st.sampled_from(NASTY)
OWN: dict[str, list[str]] = {
    **{f"/incidents/{{incident_id}}/{mark}": ["also"] for mark in ("ack", "unack", "unshelve")},
    "/incidents/{incident_id}/note": ["text"],
    "/incidents/{incident_id}/shelve": ["until", "also"],
    "/rooms/{room_id}/act/{action}": ["why", "incident", "person", "heard"],
    "/rooms/{room_id}/handover": ["contacts", "labels", "unplugged", "cycled", "told", "note"],
    "/account/password": ["old", "new", "again", "password"],
    "/enrol": ["code", "room"],
    "/login": ["name", "password", "next"],
    "/language": ["language", "back"],
}
"""Fields of a route's own form, which is sent these more often than others."""
VALUE = GOOD | GOOD | st.text(max_size=40) | st.binary(max_size=40)
MOSTLY = st.integers(0, 7)
"""Not 0: most of the time."""
BOUNDARY = "x-x"


class Site:
    """A console with an administrator signed in, whose session comes back whenever a form has ended it."""

    def __init__(self, path: Path) -> None:
        self.met: Counter[tuple[str, int]] = Counter()
        with sqlite3.connect(path) as db:
            db.execute("UPDATE users SET role = 'admin' WHERE name = 'thu.ha'")
            self.rooms = [row[0] for row in db.execute("SELECT room FROM rooms ORDER BY room LIMIT 3")]
            self.others = [row[0] for row in db.execute("SELECT name FROM users WHERE name <> 'thu.ha' LIMIT 3")]
            self.incidents = [str(row[0]) for row in db.execute("SELECT id FROM incidents ORDER BY id LIMIT 3")]
        self.client = TestClient(create_app(path, None, FakeHub(path)), headers=HTML, follow_redirects=False,
                                 raise_server_exceptions=False)  # fmt: skip
        sign_in(self.client)
        self.csrf = csrf(self.client)
        self.cookie = f"{COOKIE}={self.client.cookies[COOKIE]}"
        self.path = path
        with sqlite3.connect(path) as db:
            self.kept = {table: db.execute(f"SELECT * FROM {table}").fetchall() for table in ("sessions", "users")}

    def again(self) -> None:
        """Account and session as they were."""
        with sqlite3.connect(self.path) as db:
            for table, rows in self.kept.items():
                marks = ", ".join("?" * len(rows[0]))
                db.executemany(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", rows)


@pytest.fixture(scope="module")
def site(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """As Site."""
    made = Site(Path(shutil.copy(filled, tmp_path_factory.mktemp("forms") / "hub.db")))
    yield made
    made.client.app.state.console.sessions.close()  # type: ignore[attr-defined]


@st.composite
def addresses(draw: st.DrawFn, path: str, site: Site) -> str:
    """The route's address, of what there is or of anything."""
    known = {
        "room_id": site.rooms,
        "incident_id": site.incidents,
        "action": ["recheck", "codec_restart"],
        "name": site.others,
    }
    parts = {
        name: draw(st.sampled_from(known.get(name, ["x"])) if draw(MOSTLY) else st.text(min_size=1, max_size=12))
        for name in re.findall(r"{(\w+)}", path)
    }
    return path.format(**{name: quote(part.encode("utf-8", "replace"), safe="") for name, part in parts.items()})


@st.composite
def bodies(draw: st.DrawFn, path: str, token: str) -> tuple[str, bytes]:
    """A content type and a body: fields with the session's token, or bytes that are no form at all."""
    kind = draw(st.sampled_from(["form"] * 4 + ["multipart", "multipart", "json", "bytes"]))
    name = st.sampled_from(OWN[path]) | st.sampled_from(NAMES) if path in OWN else st.sampled_from(NAMES)
    fields = draw(st.dictionaries(name, VALUE, max_size=6)) | {"csrf": token}
    plain = {name: one.encode("utf-8", "replace") if isinstance(one, str) else one for name, one in fields.items()}
    if kind == "form":
        return "application/x-www-form-urlencoded", urlencode(plain).encode()
    if kind == "multipart":
        return f"multipart/form-data; boundary={BOUNDARY}", draw(multiparts(plain))
    if kind == "json":
        asked = json.dumps({name: str(one) for name, one in fields.items()}).encode()
        return "application/json", draw(st.sampled_from([asked, b"[]", b'{"csr": 1}', b"[" * 5000, b'"\xff"']))
    claim = st.sampled_from(["application/x-www-form-urlencoded", "multipart/form-data", "text/plain; charset=none"])
    return draw(claim | st.just(f"multipart/form-data; boundary={BOUNDARY}")), draw(st.binary(max_size=200))


@st.composite
def multiparts(draw: st.DrawFn, fields: dict[str, bytes]) -> bytes:
    """The fields in parts; some claim to be files."""
    found = b""
    for name, one in fields.items():
        file = b'; filename="f.txt"' if name != "csrf" and draw(st.booleans()) else b""
        found += b"--%s\r\nContent-Disposition: form-data; name=\"%s\"%s\r\n\r\n%s\r\n" % (
            BOUNDARY.encode(), name.encode(), file, one,
        )  # fmt: skip
    return found + b"--%s--\r\n" % BOUNDARY.encode()


def post(site: Site, path: str, data: st.DataObject) -> None:
    """One request; the session is good, and most requests carry its token in a header, as scripts do."""
    address, (kind, body) = data.draw(addresses(path, site)), data.draw(bodies(path, site.csrf))
    headers = {"content-type": kind, "cookie": site.cookie}
    if data.draw(MOSTLY):
        headers["x-csrf-token"] = site.csrf
    site.again()
    site.client.cookies.clear()
    status = site.client.post(address, content=body, headers=headers).status_code
    site.met[path, status] += 1
    assert status < 500, f"{address}: {status}"


EXAMPLES = {"/login": FREE_TRIES["pair"] + 2, "/users": 12, "/users/{name}/password": 12}
"""Fewer where each takes 64 MiB and a moment."""


@pytest.mark.parametrize("path", POSTS)
def test_no_form_breaks_the_console(site: Site, path: str) -> None:
    @settings(max_examples=EXAMPLES.get(path) or examples(40), derandomize=True, deadline=None)
    @given(data=st.data())
    def run(data: st.DataObject) -> None:
        post(site, path, data)

    run()
    statuses = {status for known, status in site.met if known == path}
    assert path.startswith("/login") or statuses - {401, 403, 404}, f"{path}: never got beyond the door: {statuses}"


@pytest.mark.parametrize("path", OWN)
def test_each_value_in_each_field_breaks_nothing(site: Site, path: str) -> None:
    address = path.format(room_id=site.rooms[0], incident_id=site.incidents[0], action="recheck")
    for name in OWN[path]:
        for value in NASTY[-2:] if path == "/login" else NASTY:  # each sign-in takes 64 MiB and a moment
            fields = {"text": "x", "until": "30:planned", "why": "x", "csrf": site.csrf, name: value}
            site.again()
            body = urlencode({key: one.encode("utf-8", "replace") for key, one in fields.items()})
            headers = {"content-type": "application/x-www-form-urlencoded", "cookie": site.cookie}
            status = site.client.post(address, content=body, headers=headers).status_code
            assert status < 500, f"{address}: {name}={value[:40]!r}: {status}"


@pytest.mark.prove
@pytest.mark.timeout(900)
@pytest.mark.parametrize("path", POSTS)
def test_many_more_forms_break_nothing(site: Site, path: str) -> None:
    @settings(max_examples=EXAMPLES.get(path, 1000), deadline=None)
    @given(data=st.data())
    def run(data: st.DataObject) -> None:
        post(site, path, data)

    run()
