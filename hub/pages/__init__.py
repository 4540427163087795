"""The console's pages, one module a page. A new file with a `router` is found by itself; see docs/add-a-page.md."""

from __future__ import annotations

import importlib
import pkgutil

from fastapi import APIRouter


def routers() -> list[APIRouter]:
    """The router of every module here, by the module's name. No two pages have addresses that both fit one request.

    Raises AttributeError for a module without one: that is our bug, and it must show at start.
    """
    names = sorted(info.name for info in pkgutil.iter_modules(__path__))
    return [importlib.import_module(f"{__name__}.{name}").router for name in names]
