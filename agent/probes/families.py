"""Codec families, found by scanning `agent/devices/codec/`: a module is a family when it has these attributes.

`FAMILY` (its own file name), `PORT` (default TCP port), `BAUDS` (serial speeds in the order to try), `KEYS` (facts it
reports), `REMEDIES` (orders it takes) and `session(login, nonce)`; `SCHEMES` (URIs it can be reached by) when they are
other than `tcp` and `serial`. Only the module in use is imported.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass

import agent.devices.codec
from agent.devices.base import Login, Session

SCHEMES = ("tcp", "serial")


@dataclass(frozen=True, slots=True)
class Family:
    """The attributes of a family's module."""

    name: str
    port: int
    bauds: tuple[int, ...]
    keys: tuple[str, ...]
    remedies: frozenset[str]
    session: Callable[[Login, str], Session | None]
    schemes: tuple[str, ...] = SCHEMES


def load(name: str) -> Family:
    """The family of this name. Raises ValueError with one sentence for the technician."""
    if name not in _modules():
        raise ValueError(f"codec family {name!r} is not known; there are: {', '.join(names())}")
    module = importlib.import_module(f"agent.devices.codec.{name}")
    if getattr(module, "FAMILY", None) != name:
        raise ValueError(f"codec family {name!r} is not known; there are: {', '.join(names())}")
    return Family(
        name,
        module.PORT,
        tuple(module.BAUDS),
        tuple(module.KEYS),
        module.REMEDIES,
        module.session,
        tuple(getattr(module, "SCHEMES", SCHEMES)),
    )


def names() -> tuple[str, ...]:
    """All families. Imports every module of the folder: for messages, documents and tests."""
    modules = {name: importlib.import_module(f"agent.devices.codec.{name}") for name in _modules()}
    return tuple(sorted(name for name, module in modules.items() if getattr(module, "FAMILY", None) == name))


def _modules() -> list[str]:
    folder = agent.devices.codec.__path__
    return [info.name for info in pkgutil.iter_modules(folder) if not info.name.startswith("_")]
