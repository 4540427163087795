"""The signer: what it signs and for whom, what it writes down first, and that the hub lives without it."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from agent.core.engine import CLEAR_LATCHES
from agent.core.remedies import REMEDIES
from agent.uplink.trust import Trust
from hub.changes.orders import FREE
from hub.main import main
from hub.pki.files import PkiError
from hub.signer import keys
from hub.signer.client import SignerClient, SignRefusedError
from hub.signer.rules import ACTIONS, ANSWERS, ANSWERS_MAX, COUNTER_MAX, FLEET_MAX, ROOM_MAX, WINDOW_S, Rules
from hub.signer.server import Signer
from sim.process import program
from tests.brokers import until
from wire import envelope as e
from wire import messages as m

GOOD = m.Command(id="c1", room="r-1", boot="b1", nonce="n1", counter=1, action="codec_restart", by="lan")
WALL_S = 1_790_000_000.0


@pytest.fixture
def folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A root and one signing key, as a technician makes them."""
    assert main(["signer", "init", "--dir", str(tmp_path)]) == 0
    assert main(["signer", "new-key", "--dir", str(tmp_path), "--key", str(tmp_path / "signing.key")]) == 0
    capsys.readouterr()
    return tmp_path


def trusting(folder: Path) -> Trust:
    made = Trust(base64.b64decode((folder / keys.ROOT_PUB).read_bytes()))
    assert made.learn((folder / keys.LIST).read_bytes()) == ""
    return made


class Running:
    """The real process."""

    def __init__(self, folder: Path) -> None:
        self.socket, self.journal = folder / "s", folder / "signed.jsonl"
        self._command = [
            program("diemcau-hub"), "signer", "run", "--key", str(folder / "signing.key"),
            "--socket", str(self.socket), "--journal", str(self.journal),
        ]  # fmt: skip
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(self._command, stderr=subprocess.DEVNULL)
        probe = SignerClient(self.socket)

        def up() -> bool:
            try:
                return bool(probe.seal(e.Kind.DESIRED, m.encode(m.Desired(room="probe", version=1))))
            except SignRefusedError:
                return False

        until("the signer answers", up)

    def rows(self) -> list[dict[str, str]]:
        return [json.loads(line) for line in self.journal.read_text("utf-8").splitlines() if "probe" not in line]


@pytest.fixture
def running(folder: Path) -> Iterator[Running]:
    made = Running(folder)
    yield made
    made.process.kill()
    made.process.wait(10)


def test_what_it_signs_a_room_believes_and_its_journal_knows(running: Running, folder: Path) -> None:
    body = m.encode(GOOD)
    sealed = SignerClient(running.socket).seal(e.Kind.COMMAND, body)
    assert trusting(folder).open(sealed, e.Kind.COMMAND).body == body
    (row,) = running.rows()
    assert (row["what"], row["refused"]) == ("codec_restart c1 for r-1 by lan", "")


@pytest.mark.parametrize(
    "changes",
    [{"id": ""}, {"id": "../x"}, {"room": "R 1"}, {"by": ""}, {"nonce": ""}, {"counter": 0},
     {"counter": COUNTER_MAX + 1}, {"expires_s": 1e9}, {"expires_s": 0.0}, {"by": "x" * 101}, {"reason": "x" * 501},
     {"boot": ""}, {"boot": "x" * 65}, {"nonce": "x" * 65}],
)  # fmt: skip
def test_an_order_without_shape_is_not_signed(changes: dict[str, object]) -> None:
    body = m.encode(msgspec.structs.replace(GOOD, **changes))
    assert Rules().judge(e.Kind.COMMAND, body, 0, WALL_S)[0] == "malformed"


@pytest.mark.parametrize("action", ["", "rm -rf", "codec_burn", "Recheck", "recheck "])
def test_an_action_that_no_room_knows_is_not_signed(action: str) -> None:
    body = m.encode(msgspec.structs.replace(GOOD, action=action))
    assert Rules().judge(e.Kind.COMMAND, body, 0, WALL_S)[0] == "unknown_action"


def test_the_signer_knows_what_rooms_know_and_nothing_else() -> None:
    assert {*REMEDIES, *FREE, CLEAR_LATCHES} == ACTIONS
    assert FREE > ANSWERS


@pytest.mark.parametrize(
    "body",
    [
        m.encode(GOOD).replace(b'"action":', b'"action":"recheck","action":'),
        m.encode(GOOD).replace(b'"action":', b'"act":"recheck","action":'),
        m.encode(GOOD).replace(b":", b": "),
        m.encode(GOOD) + b"\n",
    ],
)
def test_an_order_with_two_readings_is_not_signed(body: bytes) -> None:
    assert Rules().judge(e.Kind.COMMAND, body, 0, WALL_S)[0] == "malformed"


def test_it_signs_no_list_of_keys_and_nothing_unknown() -> None:
    for kind in (e.Kind.KEYS, "application/json", ""):
        assert Rules().judge(kind, m.encode(GOOD), 0, WALL_S)[0] == "wrong_kind"


def test_a_captured_console_cannot_have_a_province_switched() -> None:
    rules = Rules()

    def ask(room: str, now_s: float, action: str = "codec_power_cycle") -> str:
        body = m.encode(msgspec.structs.replace(GOOD, room=room, action=action))
        return rules.judge(e.Kind.COMMAND, body, now_s, WALL_S)[0]

    assert [ask("r-1", 0) for _ in range(ROOM_MAX + 1)] == [""] * ROOM_MAX + ["room_rate"]
    others = [ask(f"r-{n}", 1) for n in range(2, 700)]
    assert others.count("") == FLEET_MAX - ROOM_MAX
    assert set(others) == {"", "fleet_rate"}
    assert ask("r-1", WINDOW_S - 0.1) == "room_rate"
    assert ask("r-1", WINDOW_S) == ""
    assert [ask(f"r-{n}", 2, "lease_granted") for n in range(700)] == [""] * 700, (
        "answers to rooms have their own bound"
    )
    assert [ask("r-9", 3, "lease_denied") for _ in range(ANSWERS_MAX)].count("") == ANSWERS_MAX - 700


def test_nothing_is_signed_that_cannot_be_written_down(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Signer(keys.read(folder / "signing.key"), folder / "j", frozenset())

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    question = json.dumps({"kind": e.Kind.COMMAND, "body": base64.b64encode(m.encode(GOOD)).decode()}).encode()
    with pytest.raises(OSError, match="No space"):
        made.answer(question)
    monkeypatch.setattr(os, "write", lambda _file, data: len(data) // 2)
    with pytest.raises(OSError, match="a part of a line only"):
        made.answer(question)


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"null", b'{"kind":1}', b'{"kind":"x","body":"?"}', b"[" * 100_000])
def test_a_question_that_is_none_is_answered_so(folder: Path, raw: bytes) -> None:
    made = Signer(keys.read(folder / "signing.key"), folder / "j", frozenset())
    assert made.answer(raw) == {"refused": "malformed"}


def test_a_refused_order_of_any_length_is_one_short_line(folder: Path) -> None:
    made = Signer(keys.read(folder / "signing.key"), folder / "j", frozenset())
    body = m.encode(msgspec.structs.replace(GOOD, action="x" * 30_000))
    assert made.answer(json.dumps({"kind": e.Kind.COMMAND, "body": base64.b64encode(body).decode()}).encode()) == {
        "refused": "unknown_action"
    }
    assert made.answer(json.dumps({"kind": "\ud800", "body": ""}).encode()) == {"refused": "wrong_kind"}
    lines = (folder / "j").read_text("utf-8").splitlines()
    assert [json.loads(line)["refused"] for line in lines] == ["unknown_action", "wrong_kind"]
    assert max(map(len, lines)) < 400


def test_a_stranger_on_the_host_is_not_served(folder: Path, running: Running) -> None:
    """Root may open any socket; the signer asks the kernel who it is. Here: it allows nobody but an unused account."""
    over = running.socket.with_name("strict")
    strict = Signer(keys.read(folder / "signing.key"), folder / "j", frozenset({65_533}))
    import threading

    from hub.signer.server import listen

    stop = threading.Event()
    thread = threading.Thread(target=strict.serve, args=(listen(over), stop))
    thread.start()
    try:
        with pytest.raises(SignRefusedError, match="signer_away"):
            SignerClient(over).seal(e.Kind.COMMAND, m.encode(GOOD))
    finally:
        stop.set()
        thread.join(10)
    assert not (folder / "j").read_text()


def test_killed_and_started_again_the_hub_notices_nothing_but_the_gap(running: Running, folder: Path) -> None:
    client = SignerClient(running.socket)
    assert client.seal(e.Kind.COMMAND, m.encode(GOOD))
    running.process.send_signal(signal.SIGKILL)
    running.process.wait(10)
    with pytest.raises(SignRefusedError, match="signer_away"):
        client.seal(e.Kind.COMMAND, m.encode(GOOD))
    running.start()
    sealed = client.seal(e.Kind.COMMAND, m.encode(GOOD))
    assert trusting(folder).open(sealed, e.Kind.COMMAND).body
    assert len(running.rows()) == 2, "each signature stands in the journal once"


def test_a_second_signer_does_not_push_the_first_aside(running: Running, folder: Path, capsys: object) -> None:
    words = ["signer", "run", "--key", str(folder / "signing.key"), "--socket", str(running.socket)]
    assert main([*words, "--journal", str(folder / "other.jsonl")]) == 1


def test_keys_are_changed_without_a_visit(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A new key is listed, the old one revoked: rooms that know only the root follow the list."""
    room = trusting(folder)
    old = keys.read(folder / "signing.key")
    assert main(["signer", "new-key", "--dir", str(folder), "--key", str(folder / "second.key")]) == 0
    assert main(["signer", "revoke", keys.key_id(keys.public_of(old)), "--dir", str(folder)]) == 0
    assert room.learn((folder / keys.LIST).read_bytes()) == ""
    body = m.encode(GOOD)
    for name, refused in (("signing.key", "revoked_key"), ("second.key", "")):
        key = keys.read(folder / name)
        sealed = e.seal(
            e.Kind.COMMAND, body, [(keys.key_id(keys.public_of(key)), key.sign(e.pae(e.Kind.COMMAND, body)))]
        )
        assert room.open(sealed, e.Kind.COMMAND).refused == refused
    assert main(["signer", "keys", "--dir", str(folder)]) == 0
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines()[-2:]] == ["revoked", "good"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("init",), "exists already"),
        (("new-key", "--key", "signing.key"), "exists already"),
        (("revoke", "nobody"), "is not on the list"),
        (("run", "--key", "absent.key"), "no such key"),
        (("run", "--key", "open.key"), "chmod 600"),
        (("run", "--key", "root-orders.pub"), "is no key"),
        (("run", "--key", "signing.key", "--user", "nobody-of-this-name"), "no such account"),
    ],
)
def test_a_mistake_is_one_sentence(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], says: str
) -> None:
    monkeypatch.chdir(folder)
    Path("open.key").write_bytes(Path("signing.key").read_bytes())
    Path("open.key").chmod(0o644)
    Path("root-orders.pub").chmod(0o600)
    verb, *rest = words
    more = ["--socket", "s", "--journal", "j"] if verb == "run" else ["--dir", "."]
    assert main(["signer", verb, *more, *rest]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert says in line


def test_a_list_that_somebody_changed_is_not_added_to(folder: Path) -> None:
    path = folder / keys.LIST
    path.write_bytes(path.read_bytes().replace(b'"payload":"e', b'"payload":"f'))
    with pytest.raises(PkiError, match="is damaged or not by this root"):
        keys.listed(folder)
