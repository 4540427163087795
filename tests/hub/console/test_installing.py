"""A board asks, a technician gives it its room and signs the room over; the board's own program on the other side."""

from __future__ import annotations

import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from starlette.testclient import TestClient

from agent.commands import enrol as board
from hub.app import create_app
from hub.changes import enrolment
from hub.console.finding import CHOICES_MAX
from hub.main import main
from hub.settings import EnrolSection, HubSettings
from hub.store.db import open_db, transaction
from tests.brokers import free_port, until
from tests.hub.console.conftest import csrf

ROOM, FREE = "th-14878-2", "th-14797-2"


def request() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "new-board")])
    made = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM).decode("ascii")


def ask(client: TestClient, csr: str = "") -> dict[str, str]:
    found = client.post("/enrol/ask", json={"csr": csr or request(), "board": "Raspberry Pi 4 <b>"})
    assert found.status_code == 200, found.text
    told: dict[str, str] = found.json()
    return told


def never_heard(path: Path) -> None:
    """The room has no board yet."""
    db = open_db(path)
    db.execute("UPDATE twins SET heard_s = 0 WHERE room = ?", (ROOM,))
    db.close()


def test_a_board_is_given_its_room_once(client: TestClient, db_path: Path) -> None:
    never_heard(db_path)
    asked = ask(client)
    assert client.get(f"/enrol/answer/{asked['fingerprint']}").json() == {"state": "waiting", "code": asked["code"]}
    page = client.get(f"/enrol?code={asked['code']}&room={ROOM}").text
    assert asked["code"] in page
    assert "Raspberry Pi 4 &lt;b&gt;" in page
    typed = asked["code"].replace("-", " ").lower()
    given = client.post("/enrol", data={"code": typed, "room": ROOM, "csrf": csrf(client)})
    assert (given.status_code, given.headers["location"]) == (303, f"/enrol?given={ROOM}")
    again = client.post("/enrol", data={"code": asked["code"], "room": FREE, "csrf": csrf(client)})
    assert again.status_code == 409
    assert "đã gắn vào phòng khác" in again.text


def offered(page: str) -> list[str]:
    return re.findall(r'type="radio" name="room" value="([^"]+)"', page)


def test_a_room_is_picked_by_its_name_and_those_without_a_board_come_first(client: TestClient, db_path: Path) -> None:
    never_heard(db_path)
    page = client.get("/enrol").text
    first = page.partition("đã có bộ giám sát")[0]
    assert ROOM in offered(first)
    assert len(offered(page)) == CHOICES_MAX > len(offered(first))
    found = client.get("/enrol", params={"find": "nhu xuan", "part": "choices"}).text
    assert offered(found)[0].startswith("th-16174-"), "the commune before its neighbours"
    assert "<form class" not in found
    kept = offered(client.get("/enrol", params={"find": "nhu xuan", "room": FREE}).text)
    assert kept[0] == FREE, "what is chosen stays in sight"
    assert kept.count(FREE) == 1
    assert offered(client.get("/enrol", params={"find": "no such place"}).text) == []


def test_a_room_that_has_a_board_says_so(client: TestClient, db_path: Path) -> None:
    never_heard(db_path)

    def says(room: str) -> bool:
        page = client.get("/enrol", params={"room": room}).text
        return "đã có bộ giám sát" in page.partition(f'id="choice-{room}"')[2].partition("</label>")[0]

    assert not says(ROOM)
    assert says(FREE)
    asked = ask(client)
    client.post("/enrol", data={"code": asked["code"], "room": ROOM, "csrf": csrf(client)})
    assert says(ROOM), "as soon as it was given one"


@pytest.mark.parametrize(
    ("code", "room", "says"),
    [("AAAAA-AAAAA", ROOM, "Không có bộ giám sát"), ("", "r-none", "Không có phòng này"), ("", "", "Chưa chọn phòng")],
)
def test_what_does_not_fit_is_said(client: TestClient, code: str, room: str, says: str) -> None:
    asked = ask(client)
    found = client.post("/enrol", data={"code": code or asked["code"], "room": room, "csrf": csrf(client)})
    assert found.status_code == 409
    assert says in found.text


def test_nobody_gives_a_room_without_a_session_or_its_token(client: TestClient, stranger: TestClient) -> None:
    asked = ask(client)
    assert client.post("/enrol", data={"code": asked["code"], "room": ROOM}).status_code == 403
    client.cookies.clear()
    assert client.post("/enrol", data={"code": asked["code"], "room": ROOM}).status_code in (303, 401)
    assert client.get(f"/enrol/answer/{asked['fingerprint']}").json()["state"] == "waiting"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"csr": 1}', b'{"csr": "x"}', b'{"csr": "' + b"A" * 5000 + b'"}', b"\xff" * 10]
)
def test_a_request_that_is_none_is_refused(client: TestClient, body: bytes) -> None:
    assert client.post("/enrol/ask", content=body).status_code == 400


def test_boards_that_ask_and_ask_do_not_fill_the_database(db_path: Path) -> None:
    db = open_db(db_path)
    for number in range(12):
        enrolment.ask(db, request().encode(), "b", "a", 1000.0 + number)
    old = enrolment.WAITING_MAX
    try:
        enrolment.WAITING_MAX = 5
        enrolment.ask(db, request().encode(), "newest", "a", 2000.0)
    finally:
        enrolment.WAITING_MAX = old
    rows = enrolment.boards(db)
    assert len(rows) == 5
    assert rows[0].board == "newest"
    enrolment.ask(db, request().encode(), "b", "a", 2000.0 + enrolment.WAITS_S + 1)
    assert len(enrolment.boards(db)) == 1, "those that nobody claimed are forgotten"
    db.close()


def test_the_list_tells_known_from_unknown_and_is_signed_whole(client: TestClient) -> None:
    page = client.get(f"/rooms/{ROOM}/handover").text
    assert "Phòng đang kết nối" in page
    the_list = page.partition("<main")[2].partition("</main>")[0]
    assert the_list.count('type="checkbox"') == 5
    some = {"contacts": "1", "csrf": csrf(client)}
    assert client.post(f"/rooms/{ROOM}/handover", data=some).status_code == 409
    every = dict.fromkeys(("contacts", "labels", "unplugged", "cycled", "told"), "1")
    done = client.post(f"/rooms/{ROOM}/handover", data={**every, "note": "ổn", "csrf": csrf(client)})
    assert done.status_code == 303
    assert "Đã bàn giao" in client.get(f"/rooms/{ROOM}/handover").text
    assert client.get("/rooms/none/handover").status_code == 404


@pytest.fixture
def served(db_path: Path, tmp_path: Path, hub: object) -> Iterator[tuple[str, Path]]:
    """The console on a real socket, with an authority beside it."""
    authority, settings = tmp_path / "authority", tmp_path / "settings"
    assert main(["pki", "init", "--dir", str(authority)]) == 0
    settings.mkdir()
    (settings / f"{ROOM}.toml").write_text(f'[room]\nid = "{ROOM}"\n', "utf-8")
    told = HubSettings.model_construct(enrol=EnrolSection(authority=str(authority), settings=str(settings)))
    port = free_port()
    app = create_app(db_path, told, hub)  # type: ignore[arg-type]
    server = uvicorn.Server(uvicorn.Config(app, "127.0.0.1", port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    until("it serves", lambda: server.started)
    yield f"http://127.0.0.1:{port}", authority
    server.should_exit = True
    thread.join(10)


def test_a_board_goes_from_its_code_to_its_certificate(
    served: tuple[str, Path], client: TestClient, db_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address, authority = served
    folder = tmp_path / "etc"
    never_heard(db_path)

    def somebody_gives_it(_seconds: float) -> None:
        found = re.search(r"code:\s+(\S+)", capsys.readouterr().out)
        if found:
            db = open_db(db_path)
            with transaction(db):
                enrolment.give(db, found[1], ROOM, "lan", time.time())
                enrolment.issue(db, authority, time.time())
            db.close()

    issue = tmp_path / "issue"
    assert board.enrol(address, folder, None, issue=issue, patience_s=60, wait=somebody_gives_it) == ROOM
    context = ssl.create_default_context(cafile=str(folder / "pki" / "ca.crt"))
    context.load_cert_chain(folder / "pki" / "room.crt", folder / "pki" / "room.key")  # they belong together
    assert oct((folder / "pki" / "room.key").stat().st_mode & 0o777) == "0o600"
    assert (folder / "room.toml").read_text("utf-8") == f'[room]\nid = "{ROOM}"\n'
    assert not issue.exists()
    shown = main(["pki", "list", "--dir", str(authority)])
    assert shown == 0
    assert ROOM in capsys.readouterr().out


def _never(_seconds: float) -> None:
    """No time passes in this test."""


def test_a_board_keeps_its_key_and_says_what_is_in_its_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wait: Callable[[float], None] = _never
    with pytest.raises(board.EnrolError, match="nobody has given"):
        board.enrol(f"http://127.0.0.1:{free_port()}", tmp_path, None, issue=tmp_path / "i", patience_s=20, wait=wait)
    first = (tmp_path / "pki" / "room.key").read_bytes()
    assert capsys.readouterr().out.count("trying again") == 1, "once, not at every try"
    _, fingerprint = board.make_request(tmp_path)
    assert (tmp_path / "pki" / "room.key").read_bytes() == first
    assert board.code_of(fingerprint) == enrolment.code_of(fingerprint)
