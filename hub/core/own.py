"""The hub's own incidents of a room, besides its silence: what went wrong between the room and the hub.

Each stands as long as its signs come, and ends by itself when none has come for a while.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from wire.messages import Words

DAY_S = 86_400.0


class OwnEventKind(enum.StrEnum):
    """The kinds of the events that the hub itself adds to a room's. They never go over the wire."""

    LOST = "hub_lost"
    """the room is no longer heard"""
    HEARD = "hub_heard"
    NOTICED = "hub_noticed"
    """something else went wrong between room and hub"""
    SETTLED = "hub_settled"


@dataclass(frozen=True, slots=True)
class Own:
    """One kind of incident that the hub makes. `quiet_s`: it ends so long after its last sign."""

    rule: str
    severity: str
    quiet_s: float
    needs_person: bool
    words: dict[str, Words]


def _words(vi: tuple[str, str, list[str]], en: tuple[str, str, list[str]]) -> dict[str, Words]:
    """Each language's name, title and steps."""
    return {lang: Words(title, steps, name) for lang, (name, title, steps) in (("vi", vi), ("en", en))}


EVENTS_UNREAD = Own(
    "events_unread", "warning", DAY_S, True,
    _words(
        ("Tin của phòng không đọc được", "Trung tâm không đọc được vài tin của phòng",
         ["Xem Tin không xử lý được ở trang Hệ thống.", "Báo người phụ trách phần mềm. Các tin khác vẫn được nhận."]),
        ("Room's messages cannot be read", "The hub cannot read some of the room's messages",
         ["Look at what was set aside on the system page.", "Tell whoever keeps the software. All else is taken in."]),
    ),
)  # fmt: skip
VERSION_NEWER = Own(
    "version_newer",
    "info",
    DAY_S,
    False,
    _words(
        (
            "Bộ giám sát mới hơn Trung tâm",
            "Bộ giám sát mới hơn Trung tâm",
            ["Cập nhật Trung tâm. Tin của phòng được giữ lại và sẽ hiện ra sau đó."],
        ),
        (
            "Agent newer than the hub",
            "The agent is newer than the hub",
            ["Update the hub. The room's messages are kept and appear afterwards."],
        ),
    ),
)
DEADLY = Own(
    "message_deadly", "major", DAY_S, True,
    _words(
        ("Tin làm Trung tâm dừng", "Một tin của phòng làm Trung tâm dừng, đã tách riêng",
         ["Báo người phụ trách phần mềm.", "Kiểm tra bộ giám sát của phòng này: ai đang dùng nó?"]),
        ("Message that stopped the hub", "A message of the room stopped the hub, and was set aside",
         ["Tell whoever keeps the software.", "Look at this room's agent: who is using it?"]),
    ),
)  # fmt: skip
TWO_BOARDS = Own(
    "two_boards", "major", DAY_S, True,
    _words(
        ("Hai bộ giám sát cho một phòng", "Hai bộ giám sát cùng nói thay phòng này",
         ["Tìm bộ thứ hai: thẻ nhớ đã được sao chép?", "Rút bộ không thuộc phòng.",
          "Thu hồi chứng chỉ và cấp lại nếu không tìm thấy."]),
        ("Two boards for one room", "Two boards speak for this room",
         ["Find the second one: was the card copied?", "Unplug the one that does not belong here.",
          "Where it is not found, revoke the certificate and issue another."]),
    ),
)  # fmt: skip
FLOODS = Own(
    "room_floods", "major", 3600.0, True,
    _words(
        ("Bộ giám sát gửi quá nhiều", "Bộ giám sát gửi quá nhiều, Trung tâm bỏ bớt",
         ["Xem phiên bản và nhật ký của bộ giám sát.", "Không rõ lý do: thu hồi chứng chỉ của phòng và cấp lại.",
          "Các phòng khác không bị ảnh hưởng."]),
        ("Agent sends too much", "The agent sends too much; the hub leaves part of it out",
         ["Look at the agent's version and log.", "Without a reason: revoke the room's certificate, issue another.",
          "Other rooms are not affected."]),
    ),
)  # fmt: skip
ALL = {own.rule: own for own in (EVENTS_UNREAD, VERSION_NEWER, DEADLY, TWO_BOARDS, FLOODS)}
