"""What every request of the console has at hand: the database, the hub, the words, who asks and what time it is."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from fastapi import Depends, Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.datastructures import FormData
from starlette.responses import HTMLResponse, Response

from hub.access import permissions
from hub.access.auth import COOKIE, Session, Sessions, cookie_name, csrf_fits
from hub.access.permissions import Right
from hub.access.step.seeds import Seeds
from hub.changes import restored
from hub.console import assets, shortcuts, story
from hub.console import words as words_module
from hub.console.words import LANGUAGES, Words, words
from hub.port import HubPort
from hub.store.read import counts, reads
from hub.store.read.scope import ScopedReader

LANGUAGE_COOKIE = "diemcau_language"
PARTS = {"/triage": ("list", "pane"), "/rooms": ("table",), "/enrol": ("choices",)}
"""Pages that are also given in parts, by `?part=`. No other page is, and these have no others."""
_NUMBER = re.compile(r"[0-9]{1,18}\Z")
"""An incident's number in an address, as far as SQLite can count."""
_CONSOLE = Path(words_module.__file__).parent


class LoginNeededError(Exception):
    """The request has no session, or one that has ended."""


class Term(NamedTuple):
    """A word of the catalogues as a value of a refusal: each reader is told it in their own language."""

    kind: str
    raw: str

    def told(self, t: Words) -> str:
        """The word in one language."""
        return t.why(self.raw) if self.kind == "reason" else t.name(self.kind, self.raw)


class HeldError(Exception):
    """Something has to be done first, on the page of the account: `what` is `password` or `totp`."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class RefusedError(Exception):
    """The request cannot be served: an HTTP status and a key of the catalogue with its values."""

    def __init__(self, status: int, key: str, **values: Any) -> None:
        super().__init__(key)
        self.status = status
        self.key = key
        self.values = values

    def told(self, t: Words) -> str:
        """The sentence in one language."""
        values = self.values.items()
        return t(self.key, **{name: one.told(t) if isinstance(one, Term) else one for name, one in values})


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_CONSOLE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "static": assets.url,
        "day_time": words_module.day_time,
        "short_time": words_module.short_time,
        "clock": words_module.clock,
        "mark": _mark,
        "ended_by": story.ended_by,
        "proof": story.proof,
        "navigation": permissions.NAVIGATION,
        "keys": shortcuts.SHORTCUTS,
        "shortcut": shortcuts.SHOWN,
    }
    return environment


def _mark(state: str, extra: str = "") -> Markup:
    """The shape of a state; the word always stands beside it, so it is hidden from readers."""
    return Markup('<svg class="mark m-{} {}" aria-hidden="true"><use href="{}#{}"/></svg>').format(
        state, extra, assets.url("marks.svg"), state
    )


@dataclass(frozen=True)
class Console:
    """The parts that requests share. Lives as long as the app."""

    reader: reads.Reader
    sessions: Sessions
    hub: HubPort
    environment: Environment
    path: Path
    """Of the database, for the short writes of pages that the hub's writer has no part in."""
    clock: Callable[[], float] = time.time

    def reader_of(self, scope: frozenset[int] | None) -> reads.Reader:
        """The database as an account with this scope may see it."""
        return self.reader if scope is None else ScopedReader(self.path, scope)


def make_console(
    db_path: Path,
    hub: HubPort,
    clock: Callable[[], float] = time.time,
    *,
    totp_for_admins: bool = False,
    seeds: Seeds | None = None,
) -> Console:
    """Open the database and read the templates."""
    sessions = Sessions(db_path, clock, totp_for_admins=totp_for_admins, seeds=seeds)
    return Console(reads.Reader(db_path), sessions, hub, _environment(), db_path, clock)


@dataclass
class Ask:
    """One request of someone who is signed in."""

    request: Request
    console: Console
    session: Session
    t: Words
    now_s: float
    change: int | None = None
    """How many changes there had been before anything was read; None where that is not told."""

    @property
    def reader(self) -> reads.Reader:
        """The database, to read: as much of it as the account's scope shows."""
        return self.console.reader_of(self.session.scope)

    @property
    def part(self) -> str:
        """The fragment that is asked for, or empty for the whole page."""
        return self.request.query_params.get("part", "")

    def page(self, template: str, status: int = 200, **values: Any) -> Response:
        """A whole page with the top bar, or one fragment of it without."""
        values |= {
            "t": self.t,
            "now_s": self.now_s,
            "session": self.session,
            "csrf": self.session.csrf,
            "path": self.request.url.path,
            "part": self.part,
            "change": "" if self.change is None else self.change,
        }
        if not self.part:
            if "counters" not in values:
                values["counters"] = counts.counters(self.reader, self.now_s)
            values["health"] = health_of(self.console.hub, self.reader, values["counters"], self.now_s)
            values["here"] = self.request.url.path + (f"?{self.request.url.query}" if self.request.url.query else "")
            values["restored"] = restored.told(self.console.reader.connection(), self.now_s)
        return HTMLResponse(self.console.environment.get_template(template).render(values), status)


def health_of(hub: HubPort, reader: reads.Reader, counters: counts.Counters, now_s: float) -> dict[str, Any]:
    """How the hub is, as far as the asker may know: whether it works, and figures of the asker's own rooms."""
    found = hub.health()
    if isinstance(reader, ScopedReader):
        age_s = max(0.0, now_s - counters.heard_s) if counters.heard_s else None
        found |= {"rooms_heard": counters.heard, "rooms_expected": counters.total, "last_message_age_s": age_s,
                  "set_aside": 0, "ingested": 0}  # fmt: skip
    return found


def language_of(request: Request, session: Session | None) -> str:
    """The account's language, else that of the cookie, else Vietnamese."""
    wanted = session.language if session else request.cookies.get(LANGUAGE_COOKIE, "")
    return wanted if wanted in LANGUAGES else LANGUAGES[0]


def console_of(request: Request) -> Console:
    """The app's shared parts."""
    console: Console = request.app.state.console
    return console


def signed_in(request: Request) -> Session:
    """The session of the request's cookie, on pages as in the API: whatever a session lacks, it lacks for both.

    Raises LoginNeededError.
    """
    sessions = console_of(request).sessions
    session = sessions.find(request.cookies.get(cookie_name(COOKIE, request.url.scheme), ""))
    if session is None:
        raise LoginNeededError
    return session


def ask(request: Request) -> Ask:
    """The request with its session. Raises LoginNeededError."""
    console, session = console_of(request), signed_in(request)
    request.state.language = language_of(request, session)
    change = request.app.state.live.change if session.scope is None else None
    found = Ask(request, console, session, words(request.state.language), console.clock(), change)
    _check_right(found)
    check_place(request, found.reader)
    if found.part and found.part not in PARTS.get(request.scope["route"].path, ()):
        raise RefusedError(404, "error.not_found")
    return found


def _check_right(ask: Ask) -> None:
    """Raises RefusedError unless the table of permissions lets this account use the route, and HeldError when it
    would but for something to be done first."""
    right = permissions.needed(ask.request.method, ask.request.scope["route"].path)
    if ask.session.held and right not in (None, Right.OWN):
        raise HeldError(ask.session.held)
    if right is None or right not in ask.session.rights:
        raise RefusedError(403, "error.forbidden" if right in (Right.MARK, Right.ORDER) else "error.not_yours")


def check_place(request: Request, reader: reads.Reader) -> None:
    """Raises RefusedError when the address names a room or an incident outside of the scope of the asker's reader.

    The answer is that of a room that does not exist.
    """
    room, incident = (request.path_params.get(name) for name in ("room_id", "incident_id"))
    if incident is not None and not _NUMBER.match(str(incident)):
        raise RefusedError(404, "error.not_found_incident", id=str(incident)[:20])
    if not isinstance(reader, ScopedReader):
        return
    if room is not None and reader.one("SELECT 1 FROM rooms WHERE room = ?", room) is None:
        raise RefusedError(404, "error.not_found_room", id=room[:40])
    if incident is not None and not knows(reader, int(incident)):
        raise RefusedError(404, "error.not_found_incident", id=incident)


def in_scope(ask: Ask, incident: int) -> bool:
    """Whether the account may know of this incident."""
    return knows(ask.reader, incident)


def knows(reader: reads.Reader, incident: int) -> bool:
    """Whether the reader has this incident."""
    return reader.one("SELECT 1 FROM incidents WHERE id = ?", incident) is not None


async def read_form(request: Request) -> FormData:
    """The form of a request. Nothing else is done here: what runs in the event loop must wait for nothing but it."""
    return await request.form()


async def read_body(request: Request) -> bytes:
    """The body of a request, likewise."""
    return await request.body()


Formed = Annotated[FormData, Depends(read_form)]
Asked = Annotated[Ask, Depends(ask)]


def act(found: Asked, form: Formed) -> Ask:
    """A request that changes something: the account may act, and the form carries the session's token."""
    _check_csrf(found, form)
    return found


def own(found: Asked, form: Formed) -> Ask:
    """A request about one's own account; when it changes something, the form carries the session's token."""
    if found.request.method not in ("GET", "HEAD"):
        _check_csrf(found, form)
    return found


def _check_csrf(found: Ask, form: FormData) -> None:
    """Raises RefusedError unless header or form carries the session's token."""
    given = found.request.headers.get("x-csrf-token") or form.get("csrf", "")
    if not isinstance(given, str) or not csrf_fits(found.session, given):
        raise RefusedError(403, "error.csrf")


Owning = Annotated[Ask, Depends(own)]
Acting = Annotated[Ask, Depends(act)]
