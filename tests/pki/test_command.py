"""The commands as a technician types them: what they make, what they refuse, and in which words."""

from __future__ import annotations

import json
import ssl
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from hub.pki import broker
from hub.pki.authority import LEAF_DAYS, Issuer, now_utc, number_of
from hub.pki.book import BOOK, Book
from hub.pki.files import PkiError, read_cert, write
from tests.brokers import until
from tests.pki.lab import OTHER, OWN, Client, people, pki, running
from wire.topics import Leaf


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    folder = tmp_path / "authority"
    assert pki(folder, "init") == 0
    return folder


def request(name: str, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | None = None) -> bytes:
    own = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(own, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM)


def test_keys_are_their_owners_alone(authority: Path, tmp_path: Path) -> None:
    assert pki(authority, "issue", "r-1", "--out", str(tmp_path)) == 0
    keys = [authority / "root.key", authority / "issuing.key", tmp_path / "r-1.key"]
    assert [oct(path.stat().st_mode & 0o777) for path in keys] == ["0o600"] * 3


def test_a_certificate_is_good_at_once_for_a_board_whose_clock_is_behind(authority: Path, tmp_path: Path) -> None:
    pki(authority, "issue", "r-1", "--out", str(tmp_path))
    cert = read_cert(tmp_path / "r-1.crt")
    assert cert.not_valid_before_utc <= now_utc() - timedelta(hours=23)
    assert timedelta(days=LEAF_DAYS - 1) < cert.not_valid_after_utc - now_utc() <= timedelta(days=LEAF_DAYS)


def test_a_key_made_on_the_device_never_leaves_it(authority: Path, tmp_path: Path) -> None:
    (tmp_path / "r-1.csr").write_bytes(request("r-1"))
    assert pki(authority, "issue", "r-1", "--csr", str(tmp_path / "r-1.csr"), "--out", str(tmp_path)) == 0
    assert not (tmp_path / "r-1.key").exists()
    assert len(ssl.create_default_context(cafile=str(tmp_path / "r-1.crt")).get_ca_certs()) == 1, "with its issuer"


@pytest.mark.parametrize("more", [(), ("--csr", "r-1.csr")])
def test_a_key_that_lies_there_is_not_written_over(
    authority: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...]
) -> None:
    pki(authority, "issue", "r-1", "--out", str(tmp_path))
    key, cert = (tmp_path / "r-1.key").read_bytes(), (tmp_path / "r-1.crt").read_bytes()
    (tmp_path / "r-1.csr").write_bytes(request("r-1"))
    words = tuple(str(tmp_path / word) if word.endswith(".csr") else word for word in more)
    assert pki(authority, "issue", "r-1", "--out", str(tmp_path), *words) == 1
    assert "--again replaces it" in capsys.readouterr().err
    assert ((tmp_path / "r-1.key").read_bytes(), (tmp_path / "r-1.crt").read_bytes()) == (key, cert)
    assert len(Book(authority).entries()) == 1, "nothing was issued"
    assert pki(authority, "issue", "r-1", "--out", str(tmp_path), *words, "--again") == 0
    assert ((tmp_path / "r-1.key").read_bytes() == key) is bool(more), "a request brings its own"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("issue", "R 1"), "cannot be a name of profile room"),
        (("issue", "../r-1"), "cannot be a name of profile room"),
        (("issue", "under_score", "--profile", "server"), "a host name or an address"),
        (("issue", "r-1", "--days", "4000"), "use 1 to 1095"),
        (("issue", "mqtt.example", "--profile", "server", "--host", "a b"), "is no host name"),
        (("issue", "r-1", "--csr", "foreign.csr"), "not for 'r-1'"),
        (("issue", "r-1", "--csr", "rsa.csr"), "on the curve P-256"),
        (("issue", "r-1", "--csr", "broken.csr"), "is no certificate request"),
        (("issue", "r-1", "--csr", "absent.csr"), "No such file"),
        (("revoke", "r-9", "--why", "x"), "has no certificate that is good"),
        (("revoke", "r-0", "--why", "x", "--broker", "nowhere"), "write HOST:PORT"),
        (("init",), "holds an authority already"),
    ],
)
def test_a_mistake_is_one_sentence(
    authority: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...], says: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("foreign.csr").write_bytes(request("r-2"))
    Path("rsa.csr").write_bytes(request("r-1", rsa.generate_private_key(65537, 2048)))
    Path("broken.csr").write_bytes(b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n")
    pki(authority, "issue", "r-0")
    capsys.readouterr()
    assert pki(authority, *words) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert says in line


def test_a_key_is_left_where_git_does_not_take_it(
    authority: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "-q", "."], check=True)
    assert pki(authority, "issue", "r-1") == 0
    made = authority / "issued"
    assert {path.name for path in made.iterdir()} == {"ca.crt", "r-1.crt", "r-1.key"}, "what the role pki brings"
    said = subprocess.run(["git", "status", "--porcelain", "-uall"], capture_output=True, text=True, check=True).stdout
    assert "authority" not in said
    assert "r-1" not in said


def test_a_key_that_others_may_read_is_not_used(authority: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (authority / "issuing.key").chmod(0o640)
    assert pki(authority, "issue", "r-1") == 1
    assert "chmod 600" in capsys.readouterr().err


def test_the_list_is_good_for_as_long_as_the_authority(authority: Path) -> None:
    """OpenSSL shuts everybody out once the list has run out."""
    crl = x509.load_pem_x509_crl((authority / "revoked.crl").read_bytes())
    assert crl.next_update_utc == read_cert(authority / "issuing.crt").not_valid_after_utc


def test_no_certificate_outlives_its_authority(authority: Path) -> None:
    issuer = Issuer.load(authority)
    late = issuer.cert.not_valid_after_utc - timedelta(days=10)
    cert = issuer.issue("r-1", "room", ec.generate_private_key(ec.SECP256R1()).public_key(), late)
    assert cert.not_valid_after_utc == issuer.cert.not_valid_after_utc


def test_what_ends_within_a_year_is_renewed_in_place_and_nothing_else(authority: Path, tmp_path: Path) -> None:
    folder = tmp_path / "rooms"
    folder.mkdir()
    out = ("--out", str(folder))
    pki(authority, "issue", "r-soon", "--days", "300", *out)
    pki(authority, "issue", "mqtt.example", "--profile", "server", "--host", "10.0.0.1", "--days", "9", *out)
    pki(authority, "issue", "r-later", "--days", "400", *out)
    pki(authority, "issue", "r-stolen", "--days", "30", *out)
    pki(authority, "revoke", "r-stolen", "--why", "stolen")
    before = {path.stem: path.read_bytes() for path in folder.glob("*.crt")}
    keys = {path.stem: path.read_bytes() for path in folder.glob("*.key")}
    old = {name: read_cert(folder / f"{name}.crt") for name in before}
    assert pki(authority, "renew", str(folder)) == 0
    fresh = {name: read_cert(folder / f"{name}.crt") for name in before}
    assert {name for name in before if (folder / f"{name}.crt").read_bytes() != before[name]} == {
        "r-soon",
        "mqtt.example",
    }
    for name in ("r-soon", "mqtt.example"):
        assert fresh[name].public_key() == old[name].public_key()
        assert fresh[name].subject == old[name].subject
        assert fresh[name].not_valid_after_utc - now_utc() > timedelta(days=LEAF_DAYS - 2)
        names = x509.SubjectAlternativeName
        assert (fresh[name].extensions.get_extension_for_class(names).value
                == old[name].extensions.get_extension_for_class(names).value)  # fmt: skip
    assert {path.stem: path.read_bytes() for path in folder.glob("*.key")} == keys
    assert pki(authority, "renew", str(folder)) == 0
    assert len(Book(authority).entries()) == 6, "once is enough"


def test_a_line_cut_short_by_a_power_cut_is_no_act(authority: Path, tmp_path: Path) -> None:
    pki(authority, "issue", "r-1", "--out", str(tmp_path))
    with (authority / BOOK).open("ab") as file:
        file.write(b'{"what": "revoked", "ser')
    assert [entry.state(now_utc()) for entry in Book(authority).entries().values()] == ["good"]
    pki(authority, "issue", "r-2", "--out", str(tmp_path))
    rows = [json.loads(line) for line in (authority / BOOK).read_text().splitlines()]
    assert [row["name"] for row in rows] == ["r-1", "r-2"]


def test_a_damaged_register_is_not_guessed_at(authority: Path, tmp_path: Path) -> None:
    pki(authority, "issue", "r-1", "--out", str(tmp_path))
    whole = (authority / BOOK).read_bytes()
    write(authority / BOOK, b"{}\n" + whole)
    with pytest.raises(PkiError, match=r"issued\.jsonl:1: .*mend it from a backup"):
        Book(authority).entries()


def revoked_in(path: Path) -> set[int]:
    return {one.serial_number for one in x509.load_pem_x509_crl(path.read_bytes())}


def test_an_older_register_takes_nobody_off_the_list(authority: Path, tmp_path: Path) -> None:
    """The authority came back from a copy that was made before the board was stolen."""
    out = ("--out", str(tmp_path))
    pki(authority, "issue", "r-1", *out)
    older = (authority / BOOK).read_bytes()
    pki(authority, "revoke", "r-1", "--why", "stolen")
    stolen = read_cert(tmp_path / "r-1.crt").serial_number
    write(authority / BOOK, older)
    first = x509.load_pem_x509_crl((authority / "revoked.crl").read_bytes())
    assert pki(authority, "crl") == 0
    assert revoked_in(authority / "revoked.crl") == {stolen}
    again = x509.load_pem_x509_crl((authority / "revoked.crl").read_bytes())
    assert number_of(again) > number_of(first), "never the same number twice, also within a second"


@pytest.mark.parametrize("verb", ["crl", "revoke"])
def test_what_the_brokers_list_has_revoked_stays_revoked(authority: Path, tmp_path: Path, verb: str) -> None:
    """The whole folder came back from such a copy, and the broker knows better."""
    out = ("--out", str(tmp_path))
    for room in ("r-1", "r-2"):
        pki(authority, "issue", room, *out)
    older = {name: (authority / name).read_bytes() for name in (BOOK, "revoked.crl")}
    pki(authority, "revoke", "r-1", "--why", "stolen")
    at_broker = tmp_path / "at_broker.crl"
    at_broker.write_bytes((authority / "revoked.crl").read_bytes())
    for name, content in older.items():
        write(authority / name, content)
    one, two = (read_cert(tmp_path / f"{room}.crt").serial_number for room in ("r-1", "r-2"))
    if verb == "crl":
        assert pki(authority, "crl", "--also", str(at_broker)) == 0
        assert revoked_in(authority / "revoked.crl") == {one}
    else:
        assert pki(authority, "revoke", "r-2", "--why", "stolen", "--broker-crl", str(at_broker)) == 0
        assert revoked_in(authority / "revoked.crl") == revoked_in(at_broker) == {one, two}


def test_a_list_of_another_authority_revokes_nobody_here(authority: Path, tmp_path: Path) -> None:
    strange = tmp_path / "strange"
    assert pki(strange, "init") == 0
    pki(strange, "issue", "r-1", "--out", str(tmp_path))
    pki(strange, "revoke", "r-1", "--why", "stolen")
    assert pki(authority, "crl", "--also", str(strange / "revoked.crl")) == 0
    assert revoked_in(authority / "revoked.crl") == set()


def test_a_list_that_cannot_be_read_is_told_before_anything_is_revoked(
    authority: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pki(authority, "issue", "r-1", "--out", str(tmp_path))
    (tmp_path / "at_broker.crl").write_text("rubbish", "utf-8")
    capsys.readouterr()
    at_broker = str(tmp_path / "at_broker.crl")
    assert pki(authority, "revoke", "r-1", "--why", "stolen", "--broker-crl", at_broker) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "at_broker.crl: " in line
    assert "is no list of revoked certificates" in line
    assert [entry.state(now_utc()) for entry in Book(authority).entries().values()] == ["good"]
    assert pki(authority, "crl", "--also", str(tmp_path / "none")) == 1


def test_every_leaf_stands_in_the_access_list() -> None:
    text = broker.acl()
    for leaf in Leaf:
        assert text.count(f"/{leaf}") == 2, "once for the room, once for the hub"


def test_a_stolen_board_is_out_with_one_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    authority, certs = people(tmp_path)
    with running(tmp_path, authority, certs) as made:
        stolen, other = (Client(made.port, authority / "ca.crt", certs / f"{name}.crt") for name in (OWN, OTHER))
        assert stolen.come()
        assert other.come()
        capsys.readouterr()
        words = ("--broker-pid", str(made.pid_file), "--broker", f"127.0.0.1:{made.port}")
        assert pki(authority, "revoke", OWN, "--why", "mất cắp", *words) == 0
        until("the stolen board is out", lambda: stolen.ended >= 1 and not stolen.connected)
        again = Client(made.port, authority / "ca.crt", certs / f"{OWN}.crt")
        assert not again.come()
        assert other.ended == 0, "nobody else notices"
        for client in (stolen, other, again):
            client.leave()
    assert {e.state(now_utc()) for e in Book(authority).entries().values() if e.name == OWN} == {"revoked"}


def test_a_broker_that_cannot_be_told_is_said_and_the_list_stands(
    authority: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pki(authority, "issue", "r-1", "--out", str(tmp_path))
    assert pki(authority, "revoke", "r-1", "--why", "x", "--broker-pid", str(tmp_path / "none")) == 1
    assert "could not be told" in capsys.readouterr().err
    crl = x509.load_pem_x509_crl((authority / "revoked.crl").read_bytes())
    assert crl.get_revoked_certificate_by_serial_number(read_cert(tmp_path / "r-1.crt").serial_number) is not None
