"""The first thing an agent does: give power back to a load whose cycle a crash has cut short.

Before the configuration is read, since that may take seconds (pydantic in a child process) or fail; before MQTT and the
probes, since their libraries take long to load on a small board. It needs two files only, the database and the relay
table of the last good configuration, and does nothing when either is missing: claiming the lines with the new
configuration gives power as well.
"""

from __future__ import annotations

import logging
import sqlite3
import tomllib
from pathlib import Path

import msgspec

from agent.config.channel import RelayConfig
from agent.core.remedies import LOADS
from agent.ports import RelayError
from agent.power.gpio import GpioRelays
from agent.power.relays import light_up
from agent.store.reading import ACT, EVERY, load_of, sound_act

log = logging.getLogger(__name__)

DATABASE = "room.db"
CACHE = "room.cache.json"
STATE_DIR = "/var/lib/diemcau"
TRIES = 3
OUTLETS_S = 3.0


class _Table(msgspec.Struct):
    """Of the cached configuration, what is needed here."""

    relays: tuple[RelayConfig, ...] = ()


def state_dir(config: Path) -> Path:
    """Where the room keeps its files: as room.toml says, or the usual place when it cannot be read."""
    try:
        room = tomllib.loads(config.read_text("utf-8-sig"))["room"]
        return Path(str(room.get("state_dir", STATE_DIR)))
    except (OSError, KeyError, AttributeError, TypeError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return Path(STATE_DIR)


def open_cycles(database: Path) -> frozenset[str]:
    """Loads whose power cycle was begun and not ended, or may have been, as far as the journal can be read. `EVERY` for
    all equipment, where it cannot."""
    if not database.exists():
        return frozenset()
    try:
        # Not read-only: a journal that a crash has left needs its recovery, and a read-only card still answers.
        db = sqlite3.connect(database, timeout=2)
        db.text_factory = lambda raw: raw.decode("utf-8", "replace")
        try:
            # Not by their index, which may be spoilt where the rows are not.
            acts = db.execute(f"SELECT {ACT}, sum FROM acts NOT INDEXED").fetchall()  # noqa: S608  columns of ours
            meta = dict(db.execute("SELECT key, value FROM meta NOT INDEXED"))
        finally:
            db.close()
    except Exception as error:  # whatever it is: no file may keep a load dark
        log.warning("the journal cannot be asked for interrupted cycles: %s; all equipment is given power", error)
        return frozenset({EVERY})
    cycles = {str(load) for _, _, load, method, *_, outcome, _ in acts if outcome == "" and method == "cycle"}
    doubted = {load_of(row[2], row[1]) for *row, kept_sum in acts if not sound_act(tuple(row), kept_sum)}
    # A start before this one may have dropped such an act, and have ended before it gave power.
    told = {EVERY} if meta.get("lost") else set(str(meta.get("doubted", "")).split())
    return frozenset(cycles | doubted | told)


def table(cache: Path) -> tuple[RelayConfig, ...]:
    """The relays of the last good configuration, whatever has become of room.toml since; empty when there is none."""
    try:
        return msgspec.json.decode(cache.read_bytes().partition(b"\n")[2], type=_Table).relays
    except (OSError, msgspec.DecodeError):
        return ()


def power_up(config: Path) -> frozenset[str]:
    """Give power back where a cycle was interrupted. Returns the loads that got it. Raises nothing."""
    folder = state_dir(config)
    loads = open_cycles(folder / DATABASE)
    wanted = [relay for relay in table(folder / CACHE) if relay.load in loads or (EVERY in loads and _rests_on(relay))]
    given = _lines([relay for relay in wanted if not relay.networked])
    given |= _outlets([relay for relay in wanted if relay.networked])
    if given:
        log.warning("power was given back to %s: its cycle had been interrupted", ", ".join(sorted(given)))
    return given


def _rests_on(relay: RelayConfig) -> bool:
    """Whether a load is equipment, which has power whenever nothing else is known."""
    return relay.load not in LOADS or not LOADS[relay.load].may_stay_off


def _lines(wanted: list[RelayConfig]) -> frozenset[str]:
    """The board's own relays, at once."""
    if not wanted:
        return frozenset()
    for _ in range(TRIES):
        try:
            # Claiming a line with its level at rest is what gives power; letting go of it moves nothing.
            GpioRelays(wanted).close()
        except RelayError as error:
            log.error("could not give power back to %s: %s", ", ".join(r.load for r in wanted), error)
            continue
        return frozenset(relay.load for relay in wanted)
    return frozenset()


def _outlets(wanted: list[RelayConfig]) -> frozenset[str]:
    """Outlets of the network: tried for `OUTLETS_S` only, since the agent that starts next goes on with them."""
    if not wanted:
        return frozenset()
    from agent.config.room import ConfigError
    from agent.config.secrets import with_password

    ready = []
    for relay in wanted:
        try:
            ready.append(with_password(relay))
        except ConfigError as error:  # the others do not wait for it
            log.error("could not give power back to %s: %s", relay.load, error)
    try:
        return light_up(ready, OUTLETS_S)
    except RelayError as error:
        log.error("could not give power back to %s: %s", ", ".join(r.load for r in ready), error)
        return frozenset()
