"""The tables of docs/devices.md: family × capability × line × tested against what, from each device file's `ABOUT`.

The words around the tables are written by hand; what stands between the marks is replaced.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import agent.devices
from agent.devices.about import About
from tools import judges

PAGE = Path(__file__).parents[1] / "docs/devices.md"
BLOCK = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)

RECORDINGS = Path(__file__).parents[1] / "tests/devices/recordings"
ORIGIN = re.compile(r"^# origin (\w+): ", re.MULTILINE)
EXPECTED = re.compile(r"^# expect (\S+) = (?!absent)", re.MULTILINE)
STRENGTH = ("transcript", "driver", "paper", "invented")
"""Where the strings of a recording come from, the strongest first."""

CAPABILITIES = {
    "alive": ("codec.api",),
    "in call": ("codec.in_call",),
    "mute": ("codec.mic_muted",),
    "volume": ("codec.volume_pct",),
    "standby": ("codec.standby",),
    "registered": ("codec.registered",),
    "temperature": ("codec.temp_c",),
    "camera": ("codec.camera",),
    "microphones": ("codec.mic_connected",),
    "display": ("codec.display_out",),
    "call quality": ("codec.rx_loss_pct", "codec.tx_loss_pct"),
    "restart": ("codec_restart",),
    "wake": ("codec_wake",),
    "set volume": ("codec_volume_restore",),
    "settings": ("codec.settings_ok",),
}
"""Columns of the codecs' table: any of these facts, remedies or abilities."""


def modules(kind: str) -> dict[str, ModuleType]:
    """The public files of `agent/devices/<kind>/`, by name."""
    package = importlib.import_module(f"agent.devices.{kind}")
    names = sorted(info.name for info in pkgutil.iter_modules(package.__path__) if not info.name.startswith("_"))
    return {name: importlib.import_module(f"agent.devices.{kind}.{name}") for name in names}


def kinds() -> list[str]:
    """Folders of `agent/devices/`: codec, display, power …"""
    return sorted(info.name for info in pkgutil.iter_modules(agent.devices.__path__) if info.ispkg)


class NothingSaidError(ValueError):
    """A file that does not say what it is. Its text is one sentence for whoever wrote it."""


def about(module: ModuleType) -> About:
    """What a file says of itself, completed from what it does. Raises NothingSaidError."""
    found = getattr(module, "ABOUT", None)
    if not isinstance(found, About):
        raise NothingSaidError(f"{module.__name__.replace('.', '/')}.py has no ABOUT: see docs/add-a-device.md, step 5")
    keys, remedies = tuple(getattr(module, "KEYS", ())), tuple(sorted(getattr(module, "REMEDIES", ())))
    return replace(found, facts=found.facts or keys, orders=found.orders or remedies)


def _rows(kind: str) -> dict[str, About]:
    return {name: about(module) for name, module in modules(kind).items()}


def _table(head: list[str], rows: list[list[str]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows])


def capabilities() -> str:
    """Codec families × capabilities."""
    rows = []
    for name, row in _rows("codec").items():
        has = {*row.facts, *row.orders}
        rows.append([f"`{name}`", *("●" if has & set(any_of) else "–" for any_of in CAPABILITIES.values())])
    return _table(["family", *CAPABILITIES], rows)


def origins() -> str:
    """Codec families × capabilities: what the recordings that show a capability rest on, at best."""
    rows = []
    for name in _rows("codec"):
        shown: dict[str, set[str]] = {}
        for path in RECORDINGS.glob(f"{name}/*.txt"):
            text = path.read_text("utf-8")
            for fact in EXPECTED.findall(text):
                shown.setdefault(fact, set()).update(ORIGIN.findall(text))
        bases = [set().union(*(shown.get(one, set()) for one in any_of)) for any_of in CAPABILITIES.values()]
        if shown:
            rows.append([f"`{name}`", *map(_strongest, bases)])
    used = [n for n, _ in enumerate(CAPABILITIES, 1) if any(row[n] != "–" for row in rows)]
    head = ["family", *CAPABILITIES]
    return _table([head[n] for n in (0, *used)], [[row[n] for n in (0, *used)] for row in rows])


def _strongest(found: set[str]) -> str:
    return next((one for one in STRENGTH if one in found), "–")


def families(kind: str) -> str:
    """One kind's families: what each is, reports and takes, and who judged each of its lines."""
    rows = []
    for name, row in _rows(kind).items():
        lines = "<br>".join(f"**{t.line}**: {t.against} ([test](../{t.test}))" for t in row.tested)
        words = [f"{row.title}", lines]
        if kind != "codec":
            words += [_codes(row.facts), _codes(row.orders)]
        rows.append([f"`{name}`", *words, row.unseen or "–"])
    facts = [] if kind == "codec" else ["reports", "takes"]
    return _table(["file", "devices", "line, and tested against", *facts, "not yet seen on hardware"], rows)


def _codes(words: tuple[str, ...]) -> str:
    return ", ".join(f"`{word}`" if re.fullmatch(r"[\w.]+", word) else word for word in words) or "–"


OTHERS = {"capabilities": capabilities, "origins": origins, "judges": judges.table}
"""Tables that are no kind's."""


def page() -> str:
    """The page with fresh tables."""

    def fresh(match: re.Match[str]) -> str:
        what = match[2]
        table = OTHERS.get(what, lambda: families(what))
        return match[1] + table() + "\n" + match[3]

    return BLOCK.sub(fresh, PAGE.read_text("utf-8"))
