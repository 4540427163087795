"""Passwords from their files: `room.toml` names a file for each, and never holds one."""

from __future__ import annotations

import logging
import stat
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar

from agent.config.channel import RelayConfig
from agent.config.room import AgentConfig, ConfigError
from agent.uplink.trust import BadRootError, read_root

T = TypeVar("T")
SECRET_MAX_BYTES = 4096
log = logging.getLogger(__name__)


def warn(sentence: str) -> None:
    """What a running room does about an empty file: it goes on, since its other devices need it."""
    log.warning("%s", sentence)


def refuse(sentence: str) -> None:
    """What a check does about it."""
    raise ConfigError([sentence])


def with_secrets(config: AgentConfig, empty: Callable[[str], None] = warn) -> AgentConfig:
    """The configuration with every secret read from its file. `empty` is told of each file that holds none.

    Raises ConfigError for an open or missing file.
    """
    parts: dict[str, Any] = {}
    for name in (item.name for item in fields(config.probes)):
        part = getattr(config.probes, name)
        several = isinstance(part, tuple)
        parts[name] = tuple(_revealed(name, one, empty) for one in part) if several else _revealed(name, part, empty)
    devices = replace(config.probes, **parts)
    if config.root_key:
        try:
            read_root(config.root_key)
        except BadRootError as error:
            raise ConfigError([f"commands.root_key: {error}"]) from None
    relays = tuple(with_password(relay, empty) for relay in config.relays)
    return replace(config, broker=_revealed("broker", config.broker, empty), probes=devices, relays=relays)


def with_password(relay: RelayConfig, empty: Callable[[str], None] = warn) -> RelayConfig:
    """A relay with its outlet's password read from its file. Raises ConfigError."""
    return _revealed(f"relays.{relay.load}", relay, empty)


def _revealed(place: str, part: T, empty: Callable[[str], None]) -> T:
    """A section with its secret read from the file that it names."""
    name = getattr(part, "password", "")
    if not name:
        return part
    secret = read_secret(f"{place}.password_file", name)
    if not secret:
        empty(f"{place}.password_file: {name} trống / is empty: write the password into its first line")
    return replace(part, password=secret)  # type: ignore[type-var]


def read_secret(place: str, name: str) -> str:
    """The first line of a secret's file, which nobody but its owner may read; without the mark that editors of Windows
    put before it."""
    path = Path(name)
    try:
        mode = path.stat().st_mode
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ConfigError([f"{place}: {path} ai cũng đọc được / is open to others: run chmod 600 {path}"])
        text = path.read_text("utf-8-sig")[:SECRET_MAX_BYTES]
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{place}: không đọc được {path} / cannot be read: {error}"]) from None
    return text.splitlines()[0].strip() if text.strip() else ""
