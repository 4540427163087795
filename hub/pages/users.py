"""The pages of accounts, for administrators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form
from starlette.responses import RedirectResponse, Response

from hub.access import people
from hub.access.accounts import ROLES
from hub.access.own import NotChangedError, sessions_of
from hub.access.people import Person
from hub.console.context import Acting, Ask, Asked, RefusedError
from hub.pages.account import device_of
from hub.store.read import reads

router = APIRouter(include_in_schema=False)

Word = Annotated[str, Form(max_length=100)]
Places = Annotated[list[int], Form(max_length=people.PLACES_MAX)]
DONE = ("changed", "locked", "unlocked", "step_reset", "sessions_ended")


@router.get("/users")
def users_page(ask: Asked) -> Response:
    """Every account, and the form for another."""
    return _users(ask)


@router.post("/users")
def add_user(
    ask: Acting, name: Word = "", full_name: Word = "", role: Word = "", whole: Word = "", place: Places = []  # noqa: B006
) -> Response:  # fmt: skip
    """Make an account, and show its temporary password this once."""
    name = name.strip().casefold()
    try:
        places = _places(ask, whole, place)
        password = people.add(
            ask.console.sessions, ask.session.user, name, full_name.strip(), role, places, ask.now_s
        )  # fmt: skip
    except NotChangedError as error:
        typed = {"name": name, "full_name": full_name, "role": role}
        return _users(ask, 400, ask.t(error.key, **error.values), typed, frozenset(place), whole == "1")
    return _given(ask, name, password)


@router.post("/users/open")
def open_waiting(ask: Acting) -> Response:
    """Let in again whoever waits since a restore."""
    people.open_waiting(ask.console.sessions, ask.session.user, ask.now_s)
    return RedirectResponse("/users", 303)


@router.get("/users/{name}")
def user_page(ask: Asked, name: str, done: str = "") -> Response:
    """One account with what can be done about it."""
    return _user(ask, name, done=done if done in DONE else "")


@router.post("/users/{name}/change")
def change_user(
    ask: Acting, name: str, full_name: Word = "", role: Word = "", whole: Word = "", place: Places = []  # noqa: B006
) -> Response:  # fmt: skip
    """Another name to be shown, role, or places."""
    sessions, by = ask.console.sessions, ask.session.user
    return _act(ask, name, "changed", lambda: people.change(
        sessions, by, name, full_name.strip(), role, _places(ask, whole, place, name), ask.now_s
    ))  # fmt: skip


@router.post("/users/{name}/lock")
def lock_user(ask: Acting, name: str) -> Response:
    """Let nobody in with it any more."""
    return _act(ask, name, "locked", lambda: people.lock(ask.console.sessions, ask.session.user, name, ask.now_s))


@router.post("/users/{name}/unlock")
def unlock_user(ask: Acting, name: str) -> Response:
    """Let it in again."""
    return _act(ask, name, "unlocked", lambda: people.unlock(ask.console.sessions, ask.session.user, name, ask.now_s))


@router.post("/users/{name}/password")
def reset_password(ask: Acting, name: str) -> Response:
    """Show a temporary password this once."""
    try:
        password = people.reset_password(ask.console.sessions, ask.session.user, name, ask.now_s)
    except NotChangedError as error:
        return _user(ask, name, 400, wrong=ask.t(error.key, **error.values))
    return _given(ask, name, password)


@router.post("/users/{name}/totp")
def reset_step(ask: Acting, name: str) -> Response:
    """Take the second step from who lost phone and recovery codes."""
    return _act(
        ask, name, "step_reset", lambda: people.reset_step(ask.console.sessions, ask.session.user, name, ask.now_s)
    )


@router.post("/users/{name}/sessions")
def end_sessions(ask: Acting, name: str) -> Response:
    """End all its sessions."""
    return _act(
        ask, name, "sessions_ended",
        lambda: people.end_sessions(ask.console.sessions, ask.session.user, name, ask.now_s),
    )  # fmt: skip


def _act(ask: Ask, name: str, done: str, change: Callable[[], None]) -> Response:
    try:
        change()
    except NotChangedError as error:
        return _user(ask, name, 400, wrong=ask.t(error.key, **error.values))
    return RedirectResponse(f"/users/{quote(name, safe='')}?done={done}", 303)


def _places(ask: Ask, whole: str, places: list[int], name: str = "") -> frozenset[int]:
    """The nodes of a form; none for the whole tree. Raises NotChangedError when neither is said.

    A place that has left the inventory stays with the account until other places are chosen.
    """
    if whole == "1":
        return frozenset()
    known = reads.tree(ask.console.reader).places
    chosen = frozenset(node for node in places if node in known)
    gone = frozenset(node for one in _found(ask, name) for node in one.places if node not in known)
    if not chosen and not gone:
        raise NotChangedError("users.no_place")
    return chosen or gone


def _found(ask: Ask, name: str) -> list[Person]:
    return people.people(ask.console.reader, ask.now_s, name) if name else []


def _users(
    ask: Ask, status: int = 200, wrong: str = "", typed: dict[str, str] | None = None,
    ticked: frozenset[int] = frozenset(), whole: bool = True,
) -> Response:  # fmt: skip
    tree = reads.tree(ask.console.reader)
    listed = people.people(ask.console.reader, ask.now_s)
    return ask.page(
        "users.html", status, people=[(one, place_words(ask, tree, one)) for one in listed], wrong=wrong,
        typed=typed or {"name": "", "full_name": "", "role": "operator"}, roles=ROLES, whole=whole,
        ticked=ticked, branches=branches(tree), lax=not ask.console.sessions.totp_for_admins,
    )  # fmt: skip


def _user(ask: Ask, name: str, status: int = 200, *, done: str = "", wrong: str = "") -> Response:
    found = _found(ask, name)
    if not found:
        raise RefusedError(404, "users.gone")
    person, tree = found[0], reads.tree(ask.console.reader)
    standing = sessions_of(ask.console.reader, name, "", ask.now_s)
    return ask.page(
        "user.html", status, person=person, sessions=[(one, device_of(ask, one.agent)) for one in standing],
        done=done, wrong=wrong, roles=ROLES, whole=not person.places, ticked=person.places, branches=branches(tree),
        gone=len(person.places - tree.places.keys()), own=name == ask.session.user,
        place_words=place_words(ask, tree, person),
    )  # fmt: skip


def _given(ask: Ask, name: str, password: str) -> Response:
    return ask.page("given.html", name=name, password=password)


def branches(tree: reads.Tree) -> list[tuple[reads.Place, list[reads.Place]]]:
    """Clusters with their communes, and communes that are in none, for the form of places."""
    communes = tree.of_level("commune")
    made = [(one, [place for place in communes if place.parent == one.id]) for one in tree.of_level("cluster")]
    inside = {place.id for _, below in made for place in below}
    return made + [(place, []) for place in communes if place.id not in inside]


def place_words(ask: Ask, tree: reads.Tree, person: Person) -> str:
    """Where an account looks, in few words."""
    if not person.places:
        return ask.t("users.whole_tree")
    names = [tree.places[node].name if node in tree.places else "?" for node in sorted(person.places)]
    return ", ".join(names[:3]) + (f" +{len(names) - 3}" if len(names) > 3 else "")
