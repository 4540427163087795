"""Who may do what: the one table of rights, roles and routes. What does not stand here is refused.

Where an account may do it is a matter of its scope (`hub/store/read/scope.py`): rooms outside are as if they
did not exist.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Right(StrEnum):
    """What a request needs."""

    LOOK = "look"
    MARK = "mark"
    """Take, shelve, note an incident."""
    ORDER = "order"
    """Order a room to do something; the room's interlock still decides."""
    SCHEDULE = "schedule"
    """Mark a meeting as secret: it reaches all of its rooms."""
    INSTALL = "install"
    """Give a new board its room, and hand a room over."""
    AUDIT = "audit"
    """Read the log of who did what."""
    ACCOUNTS = "accounts"
    """Add, change and lock accounts."""
    OWN = "own"
    """One's own account: password, sessions, language."""
    PUBLIC = "public"
    """Before anyone is signed in."""


_LOOKS = frozenset({Right.LOOK, Right.OWN})
_ACTS = _LOOKS | {Right.MARK, Right.ORDER, Right.SCHEDULE, Right.INSTALL}
ROLES: dict[str, frozenset[Right]] = {
    "viewer": _LOOKS,
    "operator": _ACTS,
    "technician": _ACTS,
    "admin": _ACTS | {Right.AUDIT, Right.ACCOUNTS},
}
ADMIN = "admin"
"""The role that may be asked for a second step."""
HELD = frozenset({Right.OWN})
"""What is left to someone who must first change a given password or set up the second step."""
WHOLE_TREE = frozenset({Right.SCHEDULE, Right.AUDIT, Right.ACCOUNTS})
"""Rights that reach beyond every node: an account that is bound to a part of the tree never has them."""


class Tab(NamedTuple):
    """A page that stands in the navigation; it is called `nav.<name>` in the catalogues, and seen by whom it serves."""

    path: str
    name: str
    right: Right = Right.LOOK


NAVIGATION = (
    Tab("/", "overview"),
    Tab("/triage", "triage"),
    Tab("/rooms", "rooms"),
    Tab("/health", "health"),
)
ROUTES: dict[tuple[str, str], Right] = {
    **{("GET", tab.path): tab.right for tab in NAVIGATION},
    ("GET", "/login"): Right.PUBLIC,
    ("POST", "/login"): Right.PUBLIC,
    ("GET", "/login/code"): Right.PUBLIC,
    ("POST", "/login/code"): Right.PUBLIC,
    ("GET", "/login/oidc"): Right.PUBLIC,
    ("GET", "/login/oidc/callback"): Right.PUBLIC,
    ("POST", "/logout"): Right.OWN,
    ("POST", "/language"): Right.OWN,
    ("GET", "/account"): Right.OWN,
    ("POST", "/account/password"): Right.OWN,
    ("POST", "/account/totp/start"): Right.OWN,
    ("POST", "/account/totp/confirm"): Right.OWN,
    ("POST", "/account/totp/codes"): Right.OWN,
    ("POST", "/account/totp/off"): Right.OWN,
    ("POST", "/account/sessions/end"): Right.OWN,
    ("POST", "/account/sessions/end-others"): Right.OWN,
    ("GET", "/rooms.csv"): Right.LOOK,
    ("GET", "/rooms/{room_id}"): Right.LOOK,
    ("GET", "/incidents/{incident_id}"): Right.LOOK,
    ("GET", "/meetings"): Right.LOOK,
    ("POST", "/meetings/{meeting}/secret"): Right.SCHEDULE,
    ("POST", "/meetings/checked"): Right.SCHEDULE,
    ("GET", "/versions"): Right.LOOK,
    ("GET", "/api/search"): Right.LOOK,
    ("GET", "/api/stream"): Right.LOOK,
    ("POST", "/incidents/{incident_id}/ack"): Right.MARK,
    ("POST", "/incidents/{incident_id}/unack"): Right.MARK,
    ("POST", "/incidents/{incident_id}/shelve"): Right.MARK,
    ("POST", "/incidents/{incident_id}/unshelve"): Right.MARK,
    ("POST", "/incidents/{incident_id}/note"): Right.MARK,
    ("POST", "/incidents/{incident_id}/recheck"): Right.ORDER,
    ("GET", "/rooms/{room_id}/act/{action}"): Right.LOOK,
    ("POST", "/rooms/{room_id}/act/{action}"): Right.ORDER,
    ("POST", "/enrol/ask"): Right.PUBLIC,
    ("GET", "/enrol/answer/{fingerprint}"): Right.PUBLIC,
    ("GET", "/enrol"): Right.LOOK,
    ("POST", "/enrol"): Right.INSTALL,
    ("GET", "/rooms/{room_id}/handover"): Right.LOOK,
    ("POST", "/rooms/{room_id}/handover"): Right.INSTALL,
    ("GET", "/users"): Right.ACCOUNTS,
    ("POST", "/users"): Right.ACCOUNTS,
    ("POST", "/users/open"): Right.ACCOUNTS,
    ("GET", "/users/{name}"): Right.ACCOUNTS,
    ("POST", "/users/{name}/change"): Right.ACCOUNTS,
    ("POST", "/users/{name}/lock"): Right.ACCOUNTS,
    ("POST", "/users/{name}/unlock"): Right.ACCOUNTS,
    ("POST", "/users/{name}/password"): Right.ACCOUNTS,
    ("POST", "/users/{name}/totp"): Right.ACCOUNTS,
    ("POST", "/users/{name}/sessions"): Right.ACCOUNTS,
    ("GET", "/audit"): Right.AUDIT,
    ("GET", "/audit.csv"): Right.AUDIT,
}
API: dict[tuple[str, str], Right] = {
    ("GET", "/api/v1/rooms"): Right.LOOK,
    ("GET", "/api/v1/rooms/{room_id}"): Right.LOOK,
    ("GET", "/api/v1/incidents"): Right.LOOK,
    ("GET", "/api/v1/incidents/{incident_id}"): Right.LOOK,
    ("POST", "/api/v1/incidents/{incident_id}/ack"): Right.MARK,
    ("POST", "/api/v1/rooms/{room_id}/orders"): Right.ORDER,
    ("GET", "/api/v1/orders/{order_id}"): Right.LOOK,
    ("GET", "/api/v1/sites"): Right.LOOK,
    ("GET", "/api/v1/versions"): Right.LOOK,
    ("GET", "/api/v1/health"): Right.LOOK,
    ("GET", "/api/v1/openapi.json"): Right.LOOK,
}
"""The same for other systems, which ask with a token or as an account."""


def rights(role: str, *, scoped: bool) -> frozenset[Right]:
    """What a role may do; nothing when it is unknown."""
    found = ROLES.get(role, frozenset())
    return found - WHOLE_TREE if scoped else found


def needed(method: str, path: str) -> Right | None:
    """The right that a route needs, by its template; None: no such route stands in the table."""
    asked = ("GET" if method == "HEAD" else method, path)
    return ROUTES.get(asked) or API.get(asked)
