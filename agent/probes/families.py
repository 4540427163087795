"""Families of codecs, displays and cameras, found by scanning `agent/devices/KIND/`.

A module is a family when it has these attributes: `FAMILY` (its own file name), `PORT` (default port), `BAUDS` (serial
speeds in the order to try), `KEYS` (facts it reports), `REMEDIES` (orders it takes) and `session(login, nonce)`, for
displays and cameras `session(setup, nonce)`; `SCHEMES` (URIs it can be reached by) when they are other than `tcp` and
`serial`; `KEEPS_LINE = False` when a network connection is made anew for every look; `HANGS_UP`, orders upon which the
device closes the connection instead of answering; `HTTP_LOGIN = True`
when name and password are HTTP's own; `DEFAULT_PASSWORDS` that its maker has published; `SETTINGS`, the names of those
that it reads and writes (`codec_settings_restore`). Only the module in use is imported.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from agent.devices.base import Session
from agent.devices.codec._baseline import Naming
from agent.devices.web import HttpSession

SCHEMES = ("tcp", "serial")
WEB_SCHEMES = frozenset({"http", "https"})


@dataclass(frozen=True, slots=True)
class Family:
    """The attributes of a family's module."""

    name: str
    port: int
    bauds: tuple[int, ...]
    keys: tuple[str, ...]
    remedies: frozenset[str]
    session: Callable[..., Session | HttpSession[Any] | None]
    """Of a codec: `session(login, nonce)`."""
    schemes: tuple[str, ...] = SCHEMES
    kind: str = "codec"
    """Folder of `agent/devices/`, and the first word of its facts."""
    keeps_line: bool = True
    """Whether a network connection stays open between two looks; a serial line always does."""

    http_login: bool = False
    """Whether name and password are HTTP's own (Basic, Digest), and not a log-in of the device's."""

    settings: Naming | None = None
    """The names of the settings that it reads and writes, None when it does neither."""

    hangs_up: frozenset[str] = frozenset()
    """Orders that count as taken, too, when the device closes the connection upon them."""

    default_passwords: tuple[str, ...] = ()
    """What devices come with, as everybody can read: a room must not keep it."""

    @property
    def is_web(self) -> bool:
        """Whether its session is a web interface's (`agent.devices.web`) instead of a stream's."""
        return bool(WEB_SCHEMES.intersection(self.schemes))

    @property
    def telnet(self) -> bool:
        """Whether Telnet's options are taken out of a network connection: on other lines 0xFF is a byte like any."""
        return self.kind == "codec"


def load(name: str, kind: str = "codec") -> Family:
    """The family of this name. Raises ValueError with one sentence for the technician."""
    unknown = f"{kind} family {name!r} is not known; there are: "
    if name not in _modules(kind):
        raise ValueError(unknown + ", ".join(names(kind)))
    module = importlib.import_module(f"agent.devices.{kind}.{name}")
    if (said := getattr(module, "FAMILY", name)) != name:
        raise ValueError(f"agent/devices/{kind}/{name}.py: FAMILY is {said!r} and must be the file's name, {name!r}")
    if not hasattr(module, "FAMILY"):
        raise ValueError(unknown + ", ".join(names(kind)))
    return Family(
        name,
        module.PORT,
        tuple(module.BAUDS),
        tuple(module.KEYS),
        module.REMEDIES,
        module.session,
        tuple(getattr(module, "SCHEMES", SCHEMES)),
        kind,
        getattr(module, "KEEPS_LINE", True),
        bool(getattr(module, "HTTP_LOGIN", False)),
        getattr(module, "SETTINGS", None),
        frozenset(getattr(module, "HANGS_UP", ())),
        tuple(getattr(module, "DEFAULT_PASSWORDS", ())),
    )


def names(kind: str = "codec") -> tuple[str, ...]:
    """All families of a kind. Imports every module of the folder: for messages, documents and tests."""
    modules = {name: importlib.import_module(f"agent.devices.{kind}.{name}") for name in _modules(kind)}
    return tuple(sorted(name for name, module in modules.items() if getattr(module, "FAMILY", None) == name))


def _modules(kind: str) -> list[str]:
    folder = importlib.import_module(f"agent.devices.{kind}").__path__
    return [info.name for info in pkgutil.iter_modules(folder) if not info.name.startswith("_")]
