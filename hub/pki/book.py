"""What the authority has issued and revoked: one line an act, appended and flushed before its effect, never changed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509

from hub.pki import authority
from hub.pki.authority import Issuer, Revoked
from hub.pki.files import PkiError, read_crl, write

BOOK = "issued.jsonl"


@dataclass(frozen=True, slots=True)
class Entry:
    """One certificate and how it stands."""

    serial: int
    name: str
    profile: str
    until: datetime
    revoked: datetime | None = None
    why: str = ""

    def state(self, now: datetime) -> str:
        """`good`, `revoked` or `expired`."""
        return "revoked" if self.revoked else "expired" if self.until <= now else "good"


class Book:
    """The register in the authority's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._path = folder / BOOK

    def entries(self) -> dict[int, Entry]:
        """By serial number, oldest first. Raises PkiError for a line that cannot be read."""
        found: dict[int, Entry] = {}
        for number, row in self._rows():
            try:
                serial = int(row["serial"], 16)
                if row["what"] == "issued":
                    until = datetime.fromisoformat(row["until"])
                    found[serial] = Entry(serial, row["name"], row["profile"], until)
                else:
                    old, at = found[serial], datetime.fromisoformat(row["at"])
                    found[serial] = Entry(serial, old.name, old.profile, old.until, at, row.get("why", ""))
            except (KeyError, ValueError, TypeError):
                raise PkiError(f"{self._path}:{number}: dòng hỏng / a damaged line: mend it from a backup") from None
        return found

    def _rows(self) -> Iterator[tuple[int, dict[str, str]]]:
        try:
            text = self._path.read_text("utf-8")
        except FileNotFoundError:
            return
        except (OSError, UnicodeDecodeError) as error:
            raise PkiError(f"{self._path}: không đọc được / cannot be read: {error}") from None
        lines = text.split("\n")
        for number, line in enumerate(lines, 1):
            if not line:
                continue
            try:
                row = json.loads(line)
            except ValueError:
                if number == len(lines):  # no line end: a power cut in the middle of it, and nothing followed from it
                    return
                raise PkiError(f"{self._path}:{number}: dòng hỏng / a damaged line: mend it from a backup") from None
            yield number, row

    def issued(self, cert: x509.Certificate, profile: str, now: datetime) -> None:
        """Write down a certificate before it is handed out."""
        self._append(
            what="issued", at=now.isoformat(), serial=f"{cert.serial_number:x}", name=authority.name_of(cert),
            profile=profile, until=cert.not_valid_after_utc.isoformat(),
        )  # fmt: skip

    def revoke(self, name: str, why: str, now: datetime) -> list[Entry]:
        """Revoke every certificate of this name that is still good; those it revoked. Raises PkiError for none."""
        good = [entry for entry in self.entries().values() if entry.name == name and entry.state(now) == "good"]
        if not good:
            raise PkiError(f"{name}: không có chứng chỉ còn hiệu lực / has no certificate that is good: see pki list")
        for entry in good:
            self._append(what="revoked", at=now.isoformat(), serial=f"{entry.serial:x}", why=why)
        return good

    def write_crl(self, issuer: Issuer, now: datetime, known: Iterable[Path] = ()) -> Path:
        """Write the list of revoked certificates anew.

        What the list that lies here has revoked stays so, also where this register is an older copy and does not know
        of it; so does what the lists in the files `known` have. Raises PkiError for one that cannot be read.
        """
        path = self.folder / authority.CRL
        revoked = {entry.serial: entry.revoked for entry in self.entries().values() if entry.revoked}
        number = max(1, int(now.timestamp()))
        for file in (path, *known):
            if (found := read_crl(file)) is not None and issuer.has_signed(found):
                revoked = {one.serial_number: one.revocation_date_utc for one in found} | revoked
                number = max(number, authority.number_of(found) + 1)
        write(path, issuer.crl([Revoked(*one) for one in revoked.items()], number=number, now=now))
        return path

    def _append(self, **row: str) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        data = (json.dumps(row, ensure_ascii=False) + "\n").encode()
        if self._path.exists() and not self._path.read_bytes().endswith(b"\n") and self._path.stat().st_size:
            self._cut_torn_end()
        with self._path.open("ab") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def _cut_torn_end(self) -> None:
        whole = self._path.read_bytes()
        write(self._path, whole[: whole.rfind(b"\n") + 1])
