"""What `check-config --files` finds fault with before a broker would: files that lack, do not fit, or have ended."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from agent.main import main as agent_main
from hub.main import main as hub_main
from hub.pki.authority import now_utc
from tests.pki.lab import OTHER, OWN, Client, forge, people, running
from wire.own_certificate import problems

Place = tuple[Path, Path]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The authority's folder and everybody's certificates."""
    authority, certs = people(tmp_path_factory.mktemp("place"))
    forge(authority, certs, "r-early", now_utc() + timedelta(days=30), days=90)
    (certs / "empty.crt").touch()
    (certs / "rubbish.crt").write_text("no certificate", "ascii")
    return authority, certs


def of(place: Place, cert: str, key: str = "", name: str = "", ca: str = "authority/ca.crt") -> list[str]:
    _, certs = place
    return problems(str(certs.parent / ca), str(certs / f"{cert}.crt"), str(certs / f"{key or cert}.key"), name)


def test_files_that_fit_are_good(place: Place) -> None:
    assert of(place, OWN, name=OWN) == []
    assert problems("", "", "") == [], "a broker without TLS"
    assert problems(str(place[0] / "ca.crt"), "", "") == [], "one with a password"


@pytest.mark.parametrize(
    ("cert", "more", "says"),
    [
        ("none", {"key": OWN}, "none.crt: không có tệp này / there is no such file: bring it, or mend the path"),
        (OWN, {"key": "none"}, "none.key: không có tệp này"),
        (OWN, {"ca": "no/ca.crt"}, "broker.ca_file "),
        ("empty", {"key": OWN}, "empty.crt: tệp rỗng / is empty"),
        ("rubbish", {"key": OWN}, "rubbish.crt: không dùng được / cannot be used"),
        (OWN, {"key": OTHER}, f"{OTHER}.key: không khớp với / does not belong to"),
        (OWN, {"name": OTHER}, f"is the certificate of '{OWN}', not of '{OTHER}': bring {OTHER}.crt and {OTHER}.key"),
        ("r-expired", {}, "r-expired.crt: đã hết hạn / has ended, and this machine's clock says "),
        ("r-early", {}, "r-early.crt: chưa có hiệu lực / does not begin yet, since this machine's clock says "),
        ("r-foreign", {}, "không phải do / is not issued by"),
        ("127.0.0.1", {}, "or not for a client of the broker: unsuitable certificate purpose"),
    ],
)
def test_each_fault_is_a_sentence_with_its_place(place: Place, cert: str, more: dict[str, str], says: str) -> None:
    (line,) = of(place, cert, **more)
    assert says in line
    assert line.startswith("broker.")


@pytest.mark.broker
@pytest.mark.parametrize("name", [OWN, "r-expired", "r-foreign", "r-early", "127.0.0.1"])
def test_mosquitto_lets_in_whose_files_are_good_and_nobody_else(place: Place, tmp_path: Path, name: str) -> None:
    authority, certs = place
    with running(tmp_path, authority, certs) as made:
        client = Client(made.port, authority / "ca.crt", certs / f"{name}.crt")
        let_in = client.come()
        client.leave()
    assert let_in == (of(place, name) == [])


def broker_section(place: Place, key: str) -> str:
    authority, certs = place
    return (
        f'[broker]\nhost = "127.0.0.1"\nport = 8883\nca_file = "{authority}/ca.crt"\n'
        f'cert_file = "{certs}/{OWN}.crt"\nkey_file = "{certs}/{key}.key"\n'
    )


@pytest.mark.parametrize(
    ("main", "head"),
    [(agent_main, f'[room]\nid = "{OWN}"\n'), (hub_main, 'data_dir = "data"\n')],
    ids=["agent", "hub"],
)
def test_the_commands_look_at_files_where_they_are_told_to(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str], main: Callable[[list[str]], int], head: str
) -> None:
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text(head + broker_section(place, OWN), "utf-8")
    bad.write_text(head + broker_section(place, OTHER), "utf-8")
    assert main(["check-config", "--files", str(good)]) == 0
    assert main(["check-config", str(bad)]) == 0, "on a machine where the files are not"
    capsys.readouterr()
    assert main(["check-config", "--files", str(bad)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "does not belong to" in line
