"""Reads tables that people made: CSV from any office program, with every fault named by its place and its mend.

UTF-8 with or without a mark, `;`, `,` or tab, headings in Vietnamese or English. Nothing is applied while one fault
stands: whoever imports sees all of them at once.
"""

from __future__ import annotations

import csv
import difflib
import io
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

from hub.core.text import fold

FILE_MAX_BYTES = 16 * 2**20
ROWS_MAX = 20_000
COLUMNS_MAX = 100
CELL_MAX = 200
FAULTS_MAX = 200
"""Faults told at once: a file of another kind has one in every cell."""
_DELIMITERS = ";,\t"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_ERRORS = frozenset({"#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!"})


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of a file. `line` counts from 1 as an editor does; 0 means the whole file."""

    line: int
    column: str
    vi: str
    en: str

    def __str__(self) -> str:
        where_vi = f"dòng {self.line}" if self.line else "tệp"
        where_en = f"line {self.line}" if self.line else "file"
        column = f", {self.column}" if self.column else ""
        return f"{where_vi}{column}: {self.vi} / {where_en}{column}: {self.en}"


class SheetError(ValueError):
    """The file cannot be taken. `problems` names every fault, in the order of the file."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its key, the headings it goes by (folded), and whether it must be there."""

    key: str
    names: tuple[str, ...]
    required: bool = True


@dataclass(slots=True)
class Row:
    """One line of the table, cells by column key."""

    line: int
    cells: dict[str, str]


@dataclass(slots=True)
class Sheet:
    """The rows, and the faults found so far; whoever checks the contents adds to them."""

    rows: list[Row]
    problems: list[Problem] = field(default_factory=list)

    def fault(self, line: int, column: str, vi: str, en: str) -> None:
        """Add a fault."""
        self.problems.append(Problem(line, column, vi, en))

    def check(self) -> None:
        """Raise SheetError when there is any fault."""
        if self.problems:
            found = sorted(self.problems, key=lambda p: (p.line, p.column))
            if len(found) > FAULTS_MAX:
                more = len(found) - FAULTS_MAX
                found = [*found[:FAULTS_MAX], Problem(0, "", f"còn {more} lỗi nữa", f"and {more} more faults")]
            raise SheetError(found)


def read(raw: bytes, columns: Sequence[Column]) -> Sheet:
    """The table in these bytes. Raises SheetError at once for what is no table; faults of cells are collected."""
    text = _text(raw)
    lines = text.splitlines()
    delimiter = max(_DELIMITERS, key=lines[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    sheet = Sheet([])
    keys: list[str | None] = []
    begun = 1
    try:
        for cells in reader:
            line, begun = begun, reader.line_num + 1  # a cell may hold line breaks: a row counts from its first line
            if not keys:
                keys = _headings(cells, columns)
                continue
            if not any(cell.strip() for cell in cells):
                continue
            if len(sheet.rows) >= ROWS_MAX:
                _stop(f"quá {ROWS_MAX} dòng, hãy chia nhỏ tệp", f"more than {ROWS_MAX} rows: split the file")
            _row(sheet, line, cells, keys)
    except csv.Error as error:
        _stop(
            f"dòng {reader.line_num}: ngoặc kép chưa đóng hoặc dòng bị hỏng ({error})",
            f"line {reader.line_num}: an unclosed quote or a broken line ({error})",
        )
    if not sheet.rows and not sheet.problems:
        _stop("không có dòng dữ liệu nào, hãy thêm ít nhất một dòng", "there are no rows: add at least one")
    return sheet


def _text(raw: bytes) -> str:
    if not raw.strip():
        _stop("tệp trống", "the file is empty")
    if len(raw) > FILE_MAX_BYTES:
        _stop("tệp lớn hơn 16 MB, hãy chia nhỏ", "the file is larger than 16 MB: split it")
    if raw[:2] in (b"PK", b"\xd0\xcf"):
        _stop("đây là tệp Excel, hãy lưu thành CSV UTF-8", "this is an Excel file: save it as CSV UTF-8")
    if raw[:2] in _UTF16_MARKS and len(raw) % 2 == 0:  # a spreadsheet's "Unicode text"
        raw = raw.decode("utf-16", "replace").encode()
    if b"\x00" in raw:
        _stop("tệp chứa ký tự NUL, hãy lưu lại thành CSV UTF-8", "the file holds NUL characters: save it as CSV UTF-8")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        _stop(
            f"dòng {line} không phải UTF-8, hãy lưu lại thành CSV UTF-8",
            f"line {line} is not UTF-8: save the file as CSV UTF-8",
        )
    if not text.strip():  # nothing but a byte order mark
        _stop("tệp trống", "the file is empty")
    return unicodedata.normalize("NFC", text)


def _stop(vi: str, en: str) -> None:
    raise SheetError([Problem(0, "", vi, en)])


def _headings(cells: Sequence[str], columns: Sequence[Column]) -> list[str | None]:
    known = {fold(name): column.key for column in columns for name in (column.key, *column.names)}
    problems: list[Problem] = []
    keys: list[str | None] = []
    if len(cells) > COLUMNS_MAX:
        _stop(
            f"dòng 1 có {len(cells)} cột, tối đa {COLUMNS_MAX}",
            f"line 1 has {len(cells)} columns, at most {COLUMNS_MAX}",
        )
    for cell in cells:
        key = known.get(fold(cell))
        if key is None:
            near = difflib.get_close_matches(fold(cell), known, 1)
            hint_vi, hint_en = (f", có phải {near[0]}?", f", did you mean {near[0]}?") if near else ("", "")
            name = cell.strip()[:40] or "(trống / empty)"
            problems.append(Problem(1, name, f"cột không rõ{hint_vi}", f"unknown column{hint_en}"))
        elif key in keys:
            problems.append(Problem(1, cell.strip(), "cột lặp lại, hãy xóa bớt", "the column stands twice: remove one"))
        keys.append(key)
    for column in columns:
        if column.required and column.key not in keys:
            problems.append(Problem(1, column.key, "thiếu cột này", "this column is missing: add it"))
    if problems:
        raise SheetError(problems)
    return keys


def _row(sheet: Sheet, line: int, cells: Sequence[str], keys: Sequence[str | None]) -> None:
    if len(cells) != len(keys):
        sheet.fault(
            line, "", f"có {len(cells)} ô, phải là {len(keys)}", f"has {len(cells)} cells, must have {len(keys)}"
        )
        return
    row = Row(line, {key: cell.strip() for key, cell in zip(keys, cells, strict=True) if key})
    for key, cell in row.cells.items():
        if len(cell) > CELL_MAX:
            sheet.fault(line, key, f"dài quá {CELL_MAX} ký tự", f"is longer than {CELL_MAX} characters")
        if any(unicodedata.category(char) == "Cc" for char in cell):
            sheet.fault(
                line, key, "chứa ký tự điều khiển hoặc xuống dòng, hãy gõ lại",
                "holds a control character or a line break: type it again",
            )  # fmt: skip
        if cell.startswith("=") or cell in _ERRORS:
            sheet.fault(
                line, key, f"{cell[:30]!r} là công thức hoặc lỗi của bảng tính, hãy dán giá trị",
                f"{cell[:30]!r} is a formula or an error of the spreadsheet: paste the value",
            )  # fmt: skip
    sheet.rows.append(row)


def required(sheet: Sheet, row: Row, keys: Sequence[str]) -> bool:
    """Whether these cells are filled; those that are not become faults."""
    empty = [key for key in keys if not row.cells.get(key)]
    for key in empty:
        sheet.fault(row.line, key, "để trống, hãy điền", "is empty: fill it in")
    return not empty


YES = frozenset({"1", "co", "yes", "true", "x", "da lap", ""})
NO = frozenset({"0", "khong", "no", "false", "chua", "chua lap"})


def flag(sheet: Sheet, row: Row, key: str) -> bool:
    """A yes or no in either language; empty means yes."""
    word = fold(row.cells.get(key, ""))
    if word not in YES | NO:
        sheet.fault(row.line, key, f"{word!r} không rõ, dùng có hoặc không", f"{word!r} is unclear: use yes or no")
    return word not in NO
