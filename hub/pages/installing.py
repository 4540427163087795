"""What a technician does in a room, on a phone: give a new board its room, check it, and sign the room over."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import Annotated, Any

import segno
from fastapi import APIRouter, Depends, Form, Request
from markupsafe import Markup
from starlette.responses import JSONResponse, RedirectResponse, Response

from hub.changes import enrolment
from hub.changes.enrolment import EnrolmentError
from hub.console import finding, views
from hub.console.context import Acting, Ask, Asked, Formed, RefusedError, console_of, read_body
from hub.pki.files import PkiError
from hub.port import HubBusyError
from hub.settings import HubSettings
from hub.store import audit
from hub.store.read import reads
from wire.messages import State

router = APIRouter(include_in_schema=False)

BY_HAND = ("contacts", "labels", "unplugged", "cycled", "told")
"""What only somebody in the room can see; each has its words in the catalogues."""


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the list. `good` None: not known yet."""

    name: str
    good: bool | None


_few_ask = threading.BoundedSemaphore(2)
"""Boards that are written down at the same time: strangers' writes must not take the turns of those who sign in."""


@router.post("/enrol/ask")
def board_asks(request: Request, body: Annotated[bytes, Depends(read_body)]) -> Response:
    """A board asks. No session: it has none yet, and learns nothing but the code that it shows."""
    try:
        asked = json.loads(body)
        csr, board = str(asked["csr"]).encode("ascii"), str(asked.get("board", ""))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return JSONResponse({"error": "csr"}, 400)
    console = console_of(request)
    address = request.client.host if request.client else ""
    if not _few_ask.acquire(blocking=False):
        raise HubBusyError("many boards ask")
    try:
        with console.sessions.writing() as db:
            found = enrolment.ask(db, csr, board, address, console.clock())
    except EnrolmentError as error:
        return JSONResponse({"error": error.key}, 400)
    finally:
        _few_ask.release()
    return JSONResponse({"code": found.code, "fingerprint": found.fingerprint})


@router.get("/enrol/answer/{fingerprint}")
def board_is_told(request: Request, fingerprint: str) -> Response:
    """What has become of it."""
    settings = _settings(request)
    told = enrolment.answer(
        console_of(request).reader.connection(), fingerprint[:64], settings.enrol.authority_dir if settings else None,
        settings.enrol.settings_dir if settings else None,
    )  # fmt: skip
    return JSONResponse(told)


@router.get("/enrol")
def enrol_page(ask: Asked, code: str = "", room: str = "", given: str = "", find: str = "") -> Response:
    """Boards that wait, and the form that gives one its room, which is looked for by its name."""
    return _enrol(ask, code=code[:20], room=room[:40], given=given[:40], find=find[:100])


@router.post("/enrol")
def give(
    ask: Acting, code: Annotated[str, Form(max_length=40)] = "", room: Annotated[str, Form(max_length=40)] = "",
    replace: Annotated[str, Form(max_length=1)] = "", find: Annotated[str, Form(max_length=100)] = "",
) -> Response:  # fmt: skip
    """Give a board its room; where the authority is at hand, issue its certificate at once."""
    settings = _settings(ask.request)
    authority = settings.enrol.authority_dir if settings else None
    if ask.session.scope is not None:
        _room(ask, room.strip().casefold())  # a room of elsewhere does not exist for this account
    try:
        with ask.console.sessions.writing() as db:
            enrolment.give(
                db, code, room.strip().casefold(), ask.session.user, ask.now_s, replace=replace == "1", rooms=_mine(ask)
            )
        if authority is not None:
            with ask.console.sessions.writing() as db:
                enrolment.issue(db, authority, ask.now_s)
    except EnrolmentError as error:
        key = "enrol.no_room" if error.key == "enrol.unknown_room" and not room.strip() else error.key
        return _enrol(ask, status=409, code=code, room=room, find=find, error=ask.t(key))
    except PkiError as error:
        why = ask.t("enrol.no_authority", why=str(error))
        return _enrol(ask, status=409, code=code, room=room, find=find, error=why)
    return RedirectResponse(f"/enrol?given={room.strip().casefold()}", 303)


def _mine(ask: Ask) -> frozenset[str] | None:
    """The rooms that the account may know of; None: all."""
    return None if ask.session.scope is None else frozenset(room.room for room in reads.rooms(ask.reader))


def _enrol(ask: Ask, status: int = 200, **values: Any) -> Response:
    db = ask.console.reader.connection()
    values = {"code": "", "room": "", "given": "", "error": "", "find": ""} | values
    rooms, tree = reads.rooms(ask.reader), reads.tree(ask.reader)
    shown = finding.choices(rooms, tree, values["find"], values["room"], enrolment.rooms_with_board(db))
    return ask.page(
        "enrol.html", status, boards=enrolment.boards(db, _mine(ask)), choices=shown, total=len(rooms),
        given_name=next((room.name for room in rooms if room.room == values["given"]), values["given"]),
        qr=_qr(ask, values["room"]), **values,
    )  # fmt: skip


@router.get("/rooms/{room_id}/handover")
def handover_page(ask: Asked, room_id: str) -> Response:
    """The list of checks of one room."""
    return _handover(ask, room_id)


@router.post("/rooms/{room_id}/handover")
def hand_over(ask: Acting, room_id: str, form: Formed) -> Response:
    """Sign the room over, with everything that was found."""
    room = _room(ask, room_id)
    by_hand = {name: form.get(name) == "1" for name in BY_HAND}
    if not all(by_hand.values()):
        return _handover(ask, room_id, 409, ask.t("handover.incomplete"))
    seen = {check.name: check.good for check in checks(room, views.read_state(room))}
    note = str(form.get("note", ""))[:500]
    detail: dict[str, object] = {"room": room_id, **seen, **by_hand, "note": note}
    with ask.console.sessions.writing() as db:
        db.execute(
            "INSERT INTO handovers (room, at_s, by, checks) VALUES (?, ?, ?, ?)",
            (room_id, ask.now_s, ask.session.user, json.dumps(detail, ensure_ascii=False)),
        )
        audit.append(db, ask.now_s, ask.session.user, "handed_over", detail)
    return RedirectResponse(f"/rooms/{room_id}/handover", 303)


def checks(room: reads.RoomDetail, state: State | None) -> list[Check]:
    """What the room itself says of its fitness; what it does not say is not known."""

    def fact(key: str) -> Any:
        found = state.facts.get(key) if state else None
        return found.value if found is not None and found.ok else None

    def known(key: str) -> bool | None:
        return True if fact(key) is not None else None

    def true(key: str) -> bool | None:
        value = fact(key)
        return value if isinstance(value, bool) else None

    weak = true("self.undervoltage")
    return [
        Check("online", bool(room.online) and room.verdict != "lost"),
        Check("clock", true("net.clock_synced")),
        Check("codec", true("codec.api")),
        Check("call", known("codec.in_call")),
        Check("mains", known("mains.voltage_v")),
        Check("supply", None if weak is None else not weak),
        Check("relays", bool(state.actions) if state else None),
        Check("faults", not state.faults if state else None),
    ]


def _handover(ask: Ask, room_id: str, status: int = 200, error: str = "") -> Response:
    room = _room(ask, room_id)
    row = ask.reader.one("SELECT at_s, by FROM handovers WHERE room = ? ORDER BY at_s DESC LIMIT 1", room_id)
    return ask.page(
        "handover.html", status, room=room, checks=checks(room, views.read_state(room)), by_hand=BY_HAND, error=error,
        last=row, qr=_qr(ask, room_id, handover=True),
    )  # fmt: skip


def _room(ask: Ask, room_id: str) -> reads.RoomDetail:
    room = reads.room(ask.reader, room_id)
    if room is None:
        raise RefusedError(404, "error.not_found_room", id=room_id[:40])
    return room


def _qr(ask: Ask, room: str, *, handover: bool = False) -> Markup:
    """This page as a picture, for the phone of whoever stands in the room."""
    base = str(ask.request.base_url).rstrip("/")
    address = f"{base}/rooms/{room}/handover" if handover else f"{base}/enrol{f'?room={room}' if room else ''}"
    made = segno.make(address, micro=False).svg_inline(scale=4, border=2, omitsize=True, svgclass="qr", lineclass=None)
    return Markup(made)  # noqa: S704  drawn here, of an address of ours


def _settings(request: Request) -> HubSettings | None:
    found = request.app.state.settings
    return found if isinstance(found, HubSettings) else None
