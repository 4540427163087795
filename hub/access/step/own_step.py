"""Switching one's own second step on and off. The password is asked for each time: an open page is not enough."""

from __future__ import annotations

from hub.access import permissions
from hub.access.auth import Session, Sessions
from hub.access.outcomes import SignedIn
from hub.access.own import NotChangedError, check_password
from hub.access.step import second_step
from hub.store import audit


def start(sessions: Sessions, session: Session, password: str, now_s: float) -> str:
    """A new secret for the app, which counts once a code confirms it. Raises NotChangedError and BusyError."""
    check_password(sessions, session, password, now_s)
    with sessions.writing() as db:
        secret = second_step.offer(db, sessions.seeds, session.user)
        if secret:
            audit.append(db, now_s, session.user, "totp_offered", {})
    if not secret:
        raise NotChangedError("totp.on_already")
    return secret


def offered(sessions: Sessions, session: Session) -> str:
    """The secret that waits to be confirmed; empty when none does."""
    return second_step.offered(sessions.reading(), sessions.seeds, session.user)


def confirm(
    sessions: Sessions, session: Session, code: str, device: str, now_s: float
) -> tuple[list[str], SignedIn]:  # fmt: skip
    """Switch it on and end the other sessions, which began without it, and copies of this one's cookie.

    Gives the recovery codes, to be shown once. Raises NotChangedError when the code is wrong, and ChangedError.
    """
    with sessions.writing() as db:
        codes = second_step.confirm(db, sessions.seeds, session.user, code, now_s)
        if not codes:
            raise NotChangedError("login.code_wrong")
        made, ended = sessions.move(db, session, device)
        audit.append(db, now_s, session.user, "totp_on", {"sessions_ended": ended})
    return codes, made


def renew_codes(sessions: Sessions, session: Session, password: str, code: str, now_s: float) -> list[str]:
    """Recovery codes in place of those of before. Raises NotChangedError and BusyError."""
    check_password(sessions, session, password, now_s)
    _check_code(sessions, session, code, now_s)
    with sessions.writing() as db:
        audit.append(db, now_s, session.user, "recovery_codes_renewed", {})
        return second_step.new_codes(db, session.user)


def switch_off(
    sessions: Sessions, session: Session, password: str, code: str, device: str, now_s: float
) -> SignedIn:  # fmt: skip
    """Take the second step away; the other sessions end, and copies of this one's cookie.

    Raises NotChangedError, also where administrators must have one, BusyError and ChangedError.
    """
    if not may_switch_off(sessions, session):
        raise NotChangedError("totp.needed")
    check_password(sessions, session, password, now_s)
    _check_code(sessions, session, code, now_s)
    with sessions.writing() as db:
        second_step.remove(db, session.user)
        made, ended = sessions.move(db, session, device)
        audit.append(db, now_s, session.user, "totp_off", {"sessions_ended": ended})
    return made


def may_switch_off(sessions: Sessions, session: Session) -> bool:
    """Whether this account may do without."""
    return not (sessions.totp_for_admins and session.role == permissions.ADMIN)


def _check_code(sessions: Sessions, session: Session, code: str, now_s: float) -> None:
    key = (f"own:{session.user} code",)
    wait_s = sessions.limiter.wait_s(key, now_s)
    if wait_s > 0:
        raise NotChangedError("login.limited", n=int(wait_s) + 1)
    with sessions.writing() as db:
        taken = second_step.take(db, sessions.seeds, session.user, code, now_s)
        if not taken:
            audit.append(db, now_s, session.user, "second_step_failed", {})
    if not taken:
        sessions.limiter.failed(key, now_s)
        raise NotChangedError("login.code_wrong")
    sessions.limiter.succeeded(key)
