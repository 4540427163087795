"""What is settled about accounts when the hub starts, before anybody can sign in."""

from __future__ import annotations

import logging
import sqlite3

from hub.access.step.seeds import Seeds, settle
from hub.settings import HubSettings
from hub.store.db import TOTP_FOR_ADMINS, transaction

log = logging.getLogger(__name__)


def prepare(db: sqlite3.Connection, settings: HubSettings, now_s: float) -> None:
    """Decide what the settings leave open, seal secrets, and let temporary passwords of before end, too.

    Raises SettingsError when the key of the secrets cannot be read.
    """
    settle(db, Seeds(settings.seed_key()))
    if settings.web.require_totp_for_admins is None:
        new = db.execute("SELECT 1 FROM meta WHERE key = ?", (TOTP_FOR_ADMINS,)).fetchone() is not None
        settings.web = settings.web.model_copy(update={"require_totp_for_admins": new})
        if not new:
            log.warning(
                "administrators may do without a second step, since this hub was set up before that was the default: "
                "set web.require_totp_for_admins"
            )
    with transaction(db):  # given before anybody noted when: they have their three days from now
        db.execute("UPDATE users SET given_s = ? WHERE must_change = 1 AND given_s = 0", (now_s,))
