"""What nothing calls is no part of the product: functions, methods and classes that only tests know, or nobody."""

from __future__ import annotations

import re

from vulture.core import Vulture

from tests.house.source import PACKAGES, ROOT

KINDS = {"function", "method", "class", "property"}
CALLED_BY = {
    "_read_file": "pydantic-settings, of a source of ours",
    "settings_customise_sources": "pydantic-settings",
    "_new_conn": "urllib3, of a connection of ours",
    "output_with_state": "lgpio's pins, by gpiozero",
    "HoldingFactory": "gpiozero, by the entry point diemcau_lgpio",
    "diemcau": "the console script of that name",
    "_get_state": "gpiozero, of a simulated pin",
    "datagram_received": "asyncio",
    "_Set": "the Shelly's web methods, by their name in a request",
    "_GetStatus": "the same",
    "_GetConfig": "the same",
    "do_POST": "http.server",
    "log_message": "http.server",
    "begin_auth": "asyncssh",
    "password_auth_supported": "asyncssh",
    "validate_password": "asyncssh",
    "buffered": "the devices' test kit: what a hostile line can make a family hold",
    "pytest_addoption": "pytest",
    "pytest_runtestloop": "pytest",
    "pytest_runtest_logreport": "pytest",
    "pytest_collection_finish": "pytest",
    "sure": "tests of the lock: whether this file system gave one",
}
"""Name to who calls it from outside of these packages."""
FOUND_BY_SCANNING = re.compile(r"agent/devices/|sim/servers/")
"""Classes there are found by their folder and base."""
ROUTES = ["@*.get", "@*.post", "@*.put", "@*.delete", "@*.exception_handler", "@*validator*", "@*.middleware"]


def test_every_function_is_called() -> None:
    look = Vulture(ignore_decorators=ROUTES)
    look.scavenge([str(ROOT / name) for name in (*PACKAGES, "tools")])
    templates = "\n".join(path.read_text("utf-8") for path in (ROOT / "hub/console/templates").glob("*.html"))
    dead = {
        f"{item.filename.relative_to(ROOT)}:{item.first_lineno} {item.name}"
        for item in look.get_unused_code(min_confidence=60)
        if item.typ in KINDS
        and item.name not in CALLED_BY
        and not re.search(rf"\b{item.name}\b", templates)
        and not (item.typ == "class" and FOUND_BY_SCANNING.search(str(item.filename)))
    }
    assert not dead, f"nothing calls this: remove it, or say in {__name__} who does: {sorted(dead)}"


def test_the_reasons_are_needed() -> None:
    look = Vulture(ignore_decorators=ROUTES)
    look.scavenge([str(ROOT / name) for name in (*PACKAGES, "tools")])
    assert CALLED_BY.keys() <= {item.name for item in look.get_unused_code(min_confidence=60)}
