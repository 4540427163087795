"""`diemcau-hub pki …` and `diemcau-hub broker-config`: who may come in, from one command each."""

from __future__ import annotations

import argparse
import ipaddress
import os
import re
import signal
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from hub.pki import broker
from hub.pki.authority import (
    BUNDLE,
    CRL,
    ISSUED,
    ISSUING_CERT,
    LEAF_DAYS,
    PROFILES,
    ROOT_KEY,
    Issuer,
    create,
    name_of,
    now_utc,
)
from hub.pki.book import Book
from hub.pki.files import PUBLIC, SECRET, PkiError, cert_pem, key_pem, read_cert, read_crl, read_request, write
from hub.pki.kick import kick
from hub.pki.renewal import WITHIN_DAYS, renew
from wire.topics import valid_id

DEFAULT_DIR = Path("/etc/diemcau/authority")
_HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*\Z")


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Put both commands into the hub's parser."""
    command = commands.add_parser("pki", help="chứng chỉ của phòng, hub, máy chủ / certificates of rooms, hub, servers")
    verbs = command.add_subparsers(dest="verb", required=True)

    def add(name: str, text: str) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=text)
        made.add_argument(
            "--dir", type=Path, default=DEFAULT_DIR, help=f"the authority's folder; default: {DEFAULT_DIR}"
        )
        return made

    init = add("init", "lập cơ quan chứng thực / make the authority, once; then take its root.key offline")
    init.add_argument("--name", default="Điểm Cầu", help="what its certificates are called; default: Điểm Cầu")
    issue = add("issue", "cấp chứng chỉ / issue a certificate: a key and a certificate, or for a request (--csr)")
    issue.add_argument("name", help="the room's id, the hub's name, or the server's host name")
    issue.add_argument("--profile", choices=PROFILES, default="room")
    issue.add_argument("--csr", type=Path, help="a request made on the device, whose key never leaves it")
    issue.add_argument("--host", action="append", default=[], help="a further name or address of a server")
    issue.add_argument("--days", type=int, default=LEAF_DAYS, help=f"default: {LEAF_DAYS}")
    issue.add_argument(
        "--out",
        type=Path,
        help=f"where NAME.crt, NAME.key and {BUNDLE} go; default: {ISSUED}/ in the authority's folder",
    )
    issue.add_argument(
        "--again", action="store_true", help="thay khóa cũ / replace the key and certificate that lie there"
    )
    renewed = add("renew", "gia hạn / renew what ends soon in a folder, in place: same names, same keys")
    renewed.add_argument("folder", type=Path, help="where the certificates lie, e.g. what the role pki brings")
    renewed.add_argument("--within", type=int, default=WITHIN_DAYS, help=f"days; default: {WITHIN_DAYS}")
    revoke = add("revoke", "thu hồi / revoke all certificates of a room that was stolen: it is out at once")
    revoke.add_argument("name")
    revoke.add_argument("--why", required=True, help="for the register, e.g. stolen")
    revoke.add_argument("--broker-crl", type=Path, help="where the broker reads the list; default: only in --dir")
    revoke.add_argument("--broker-pid", type=Path, help="file with the broker's process id, to have it read the list")
    revoke.add_argument("--broker", default="", help="HOST:PORT, to end a connection that stands")
    listed = add("crl", "ghi lại danh sách thu hồi / write the list of revoked certificates anew")
    listed.add_argument(
        "--also", type=Path, action="append", default=[],
        help="another list that is in force, e.g. the broker's: what it has revoked stays so",
    )  # fmt: skip
    shown = add("list", "liệt kê / every certificate, until when it is good, and how it stands")
    shown.add_argument("name", nargs="?", default="")

    made = commands.add_parser("broker-config", help="cấu hình Mosquitto / write Mosquitto's settings and access list")
    made.add_argument("folder", type=Path)
    made.add_argument("--port", type=int, default=8883)
    made.add_argument("--hub", default=broker.HUB, help=f"common name of the hub's certificate; default: {broker.HUB}")
    made.add_argument(
        "--rooms", type=Path,
        help="file of room ids, one a line: each may use its own shard alone, others nothing; default: any certificate",
    )  # fmt: skip
    made.add_argument("--certs", default="/etc/mosquitto/certs", help="where the broker's certificates will lie")
    made.add_argument("--acl", default=f"/etc/mosquitto/{broker.ACL_NAME}", help="where the access list will lie")


def run(given: argparse.Namespace) -> int:
    """Do it. Raises PkiError and OSError."""
    if given.command == "broker-config":
        return _broker_config(given)
    match given.verb:
        case "init":
            return _init(given)
        case "issue":
            return _issue(given)
        case "renew":
            return _renew(given)
        case "revoke":
            return _revoke(given)
        case "crl":
            return _crl(given)
        case _:
            return _list(given)


def _init(given: argparse.Namespace) -> int:
    create(given.dir, given.name, now_utc())
    Book(given.dir).write_crl(Issuer.load(given.dir), now_utc())
    _say(
        f"{given.dir}: xong. Chép {ROOT_KEY} sang USB cất két rồi xóa ở đây / done. Copy {ROOT_KEY} to a stick in a "
        f"safe and delete it here: nothing but a new issuing authority needs it.\n"
        f"{given.dir / BUNDLE}: phát cho mọi phòng / goes to every room, the hub and the broker"
    )
    return 0


def _issue(given: argparse.Namespace) -> int:
    folder, name, now = given.dir, given.name, now_utc()
    out: Path = given.out or folder / ISSUED
    checked(name, given.profile)
    if not 1 <= given.days <= LEAF_DAYS:
        raise PkiError(f"--days {given.days}: dùng 1 đến {LEAF_DAYS} / use 1 to {LEAF_DAYS}")
    for host in given.host:
        if not _address(host) and not _HOST.match(host):
            raise PkiError(f"--host {host}: không phải tên hay địa chỉ máy / is no host name and no address")
    issuer = Issuer.load(folder)
    made = None
    lying = out / f"{name}.key"
    if lying.exists() and not given.again:
        raise PkiError(
            f"{lying}: đã có khóa, thiết bị có thể đang dùng; thêm --again để thay / there is a key, which a device "
            f"may be using: pki renew keeps it, --again replaces it"
        )
    if given.csr:
        request = read_request(given.csr.read_bytes(), str(given.csr))
        if name_of(request) != name:
            raise PkiError(f"{given.csr}: yêu cầu cho / the request is for {name_of(request)!r}, not for {name!r}")
        key = request.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)  # read_request lets nothing else pass
    else:
        made = ec.generate_private_key(ec.SECP256R1())
        key = made.public_key()
    cert = issuer.issue(name, given.profile, key, now, hosts=given.host, days=given.days)
    Book(folder).issued(cert, given.profile, now)
    if made is not None:
        write(out / f"{name}.key", key_pem(made), SECRET)
    write(out / f"{name}.crt", cert_pem(cert, issuer.cert), PUBLIC)
    if out != folder:
        write(out / BUNDLE, (folder / BUNDLE).read_bytes(), PUBLIC)
    _say(f"{out / f'{name}.crt'}: đến / until {cert.not_valid_after_utc:%d/%m/%Y}")
    return 0


def _renew(given: argparse.Namespace) -> int:
    count = 0
    for path, until in renew(given.dir, given.folder, given.within, now_utc()):
        _say(f"{path}: đến / until {until:%d/%m/%Y}")
        count += 1
    _say(f"{count} chứng chỉ đã gia hạn / certificates renewed")
    return 0


def _crl(given: argparse.Namespace) -> int:
    for path in given.also:
        if not path.exists():
            raise PkiError(f"{path}: không có tệp này / there is no such file")
    _say(str(Book(given.dir).write_crl(Issuer.load(given.dir), now_utc(), given.also)))
    return 0


def _revoke(given: argparse.Namespace) -> int:
    book, now = Book(given.dir), now_utc()
    known = [given.broker_crl] if given.broker_crl else []
    issuer = Issuer.load(given.dir)  # before anything is written: without these the list could not follow
    for path in (given.dir / CRL, *known):
        read_crl(path)
    gone = book.revoke(given.name, given.why, now)
    path = book.write_crl(issuer, now, known)
    _say(f"{given.name}: đã thu hồi {len(gone)} chứng chỉ / {len(gone)} certificates revoked; {path}")
    if given.broker_crl:
        write(given.broker_crl, path.read_bytes(), PUBLIC)
    if given.broker_pid:
        _reload(given.broker_pid)
    else:
        _say(f"Chép {CRL} sang máy chủ MQTT rồi systemctl reload mosquitto / copy {CRL} to the broker and reload it")
    if given.broker:
        host, _, port = given.broker.rpartition(":")
        if not host or not port.isdigit():
            raise PkiError(f"--broker {given.broker}: viết HOST:PORT / write HOST:PORT")
        kick(given.dir, given.name, host, int(port))
        if given.broker_crl:
            write(given.broker_crl, (given.dir / CRL).read_bytes(), PUBLIC)
        _say(f"{given.name}: đã ngắt kết nối / its connection has been ended")
    else:
        _say(
            "Kết nối đang mở vẫn còn, thêm --broker HOST:PORT / a connection that stands stays: add --broker HOST:PORT"
        )
    return 0


def _reload(pid_file: Path) -> None:
    """Have the broker read its list of revoked certificates."""
    try:
        os.kill(int(pid_file.read_text("ascii").strip()), signal.SIGHUP)
    except (OSError, ValueError) as error:
        raise PkiError(f"{pid_file}: không báo được máy chủ MQTT / the broker could not be told: {error}") from None


def _list(given: argparse.Namespace) -> int:
    now = now_utc()
    entries = [e for e in Book(given.dir).entries().values() if given.name in ("", e.name)]
    _say(f"{'name':38} {'profile':8} {'until':12} {'state':8} why")
    for entry in sorted(entries, key=lambda e: (e.name, e.until)):
        _say(f"{entry.name:38} {entry.profile:8} {entry.until:%d/%m/%Y}   {entry.state(now):8} {entry.why}".rstrip())
    issuing = read_cert(given.dir / ISSUING_CERT)
    _say(f"cơ quan cấp / the issuing authority itself: {issuing.not_valid_after_utc:%d/%m/%Y}")
    return 0


def _broker_config(given: argparse.Namespace) -> int:
    certs = given.certs.rstrip("/")
    files = broker.Files(
        f"{certs}/ca.crt", f"{certs}/broker.crt", f"{certs}/broker.key", f"{certs}/revoked.crl", given.acl
    )
    rooms = given.rooms.read_text("utf-8-sig").split() if given.rooms else []
    for room in rooms:
        checked(room, "room")
    for path in broker.write(given.folder, files, port=given.port, hub=given.hub, rooms=rooms):
        _say(str(path))
    return 0


def checked(name: str, profile: str) -> None:
    """Whether a name may stand in a certificate of this kind. Raises PkiError."""
    good = (_address(name) or _HOST.match(name) is not None) if profile == "server" else valid_id(name)
    if not good:
        mend = "a host name or an address" if profile == "server" else "1 to 36 of a-z, 0-9 and '-'"
        raise PkiError(f"{name!r}: tên không dùng được / cannot be a name of profile {profile}: use {mend}")


def _address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
