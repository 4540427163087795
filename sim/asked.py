"""What was asked of the demonstration on its command line, and what in it cannot be."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from sim import places
from sim.real import KINDS

FOLDER_MAX = 60
"""Longest name of the data folder: a unix socket's whole name may have 107 bytes."""
PORT_MAX = 65535


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What was asked for."""

    headless: bool = False
    for_s: float = 0.0
    """0: until it is ended."""
    json_file: Path | None = None
    port: int = 8080
    """0: a free one."""
    rooms: int = places.ROOMS
    data: Path | None = None
    """None: a new folder, which is taken away at the end."""
    seed: int = 1
    scenario: str = "morning"
    real: int = len(KINDS)


def mistake(options: DemoOptions) -> tuple[str, str] | None:
    """The first thing that cannot be, as one sentence in Vietnamese and in English; None when there is none."""
    for flag, value, low, high in (
        ("--port", options.port, 0, PORT_MAX),
        ("--rooms", options.rooms, 1, places.MOST),
        ("--real", options.real, 0, len(KINDS)),
    ):
        if not low <= value <= high:
            return f"{flag} {value}: dùng số từ {low} đến {high}", f"{flag} {value}: use a number from {low} to {high}"
    if options.json_file is not None and not options.json_file.absolute().parent.is_dir():
        folder = options.json_file.absolute().parent
        return (
            f"--json: không có thư mục {folder}, hãy tạo trước",
            f"--json: there is no folder {folder}: make it first",
        )
    folder = (options.data or Path(tempfile.gettempdir()) / "diemcau-xxxxxxxx").absolute()
    if folder.exists() and not folder.is_dir():
        return f"{folder} không phải thư mục: chọn tên khác", f"{folder} is no folder: choose another name"
    if len(str(folder).encode()) > FOLDER_MAX:
        return (
            f"{folder}: tên quá dài cho các socket bên trong, dùng --data với tên tối đa {FOLDER_MAX} chữ",
            f"{folder} is too long a name for the sockets in it: use --data with one of at most {FOLDER_MAX} letters",
        )
    return None


def invitation(port: int, passwords: dict[str, tuple[str, str]]) -> list[str]:
    """What stays in sight while a demonstration runs: two logins and, last, the one link. `passwords`: by role."""
    operator, admin = passwords["operator"], passwords["admin"]
    return [
        "",
        f"Người trực:     {operator[0]:10} mật khẩu  {operator[1]}",
        f"Quản trị viên:  {admin[0]:10} mật khẩu  {admin[1]}",
        "Mở địa chỉ ở dòng cuối; nhấn Ctrl-C để kết thúc.",
        "",
        f"Operator:       {operator[0]:10} password  {operator[1]}",
        f"Administrator:  {admin[0]:10} password  {admin[1]}",
        "Open the address in the last line; press Ctrl-C to end.",
        "",
        f"http://127.0.0.1:{port}/",
    ]
