"""Answers of Poly VideoOS as facts of the catalogue. Sources as in `poly_videoos`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from agent.core.facts import BUSY, SLOW, NoReading, Reading
from agent.devices.codec._call_loss import LossSinceLook, Stream, Way
from agent.devices.codec._json_web import amount, entry, flag, text

SYSTEM, STATUS, AUDIO = "/rest/system", "/rest/system/status", "/rest/audio"
CONFERENCES, APPS, DEVICE_MODE = "/rest/conferences", "/rest/system/apps/state", "/rest/system/mode/device"
CONFIG = "/rest/config"
MEDIA_END = "/mediastats"
STREAMS_MAX = 64
"""Streams of a call that are looked at: sound, picture and content, both ways, of a few far ends."""

CALLS = (SYSTEM, STATUS, CONFERENCES, APPS, DEVICE_MODE)
"""What `in_call` is made of."""

DECIDED_BY: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(
        (
            "codec.app_ready", "codec.standby", "codec.upgrading", "codec.uptime_s", "codec.model", "codec.software",
        ),
        (SYSTEM,),
    ),
    **dict.fromkeys(("codec.registered", "codec.camera"), (STATUS,)),
    **dict.fromkeys(("codec.mic_muted", "codec.volume_pct", "codec.mic_connected"), (AUDIO,)),
}  # fmt: skip
"""Which paths decide a fact."""

Answers = Mapping[str, Any]
"""The JSON of each answer or why there is none, by path."""
SILENT = NoReading("timeout")
UNHEARD = (SILENT, SLOW, BUSY, NoReading("garbled"))

NO_CALL = frozenset({"off", "down"})
"""Words of `system.status.inacall` without a call."""
STATES = {
    "INITIALIZING": (False, False), "READY": (True, False), "ASLEEP": (True, True), "UPDATING": (None, False),
    "SHUTTING_DOWN": (False, False), "DOWN": (False, False),
}  # fmt: skip
"""Word of `state`: whether the application runs (None: the word does not say), whether it sleeps."""


def facts_of(answers: Answers) -> dict[str, Reading]:
    """Every fact of the family but those of the call's streams (`Quality`)."""
    system, audio = answers.get(SYSTEM, SILENT), answers.get(AUDIO, SILENT)
    return {
        "codec.api": any(not isinstance(answer, NoReading) for answer in answers.values()),
        "codec.app_ready": _state(system, 0),
        "codec.in_call": in_call(answers),
        "codec.standby": _state(system, 1),
        "codec.registered": _registered(answers.get(STATUS, SILENT)),
        "codec.mic_muted": flag(entry(audio, "muted")),
        "codec.volume_pct": amount(entry(audio, "volume")),
        "codec.mic_connected": _some(amount(entry(audio, "numOfMicsConnected"))),
        "codec.camera": _camera(answers.get(STATUS, SILENT)),
        "codec.upgrading": _upgrading(system),
        "codec.uptime_s": amount(entry(system, "uptime")),
        "codec.model": text(entry(system, "model")),
        "codec.software": text(entry(system, "softwareVersion")),
    }


def in_call(answers: Answers) -> Reading:
    """True as soon as one witness says so: a conference, a meeting of an app (Teams, Zoom), the status of the system.

    False only when the list of conferences is empty, no app is in a meeting, and the system itself was understood. As
    the camera of a PC (device mode) it does not know of the PC's calls. Firmware may lack the pages of status and mode,
    or keep them to itself; one that may still answer may still speak of a call, and so may one in words we do not know.
    """
    status = answers.get(STATUS, SILENT)
    witnesses = [_conferences(answers.get(CONFERENCES, SILENT), status), _apps(answers.get(APPS, SILENT))]
    if True in witnesses or _states(status, "inacall") & {"on", "up"}:
        return True
    mode = answers.get(DEVICE_MODE, SILENT)
    if entry(mode, "result") is True:
        return NoReading("absent")
    known = text(entry(answers.get(SYSTEM, SILENT), "model"))
    unheard = [said for said in (status, mode) if isinstance(said, NoReading) and said in UNHEARD]
    if not (isinstance(status, NoReading) or (isinstance(status, list) and _states(status, "inacall") <= NO_CALL)):
        unheard.append(NoReading("garbled"))
    if not (isinstance(mode, NoReading) or entry(mode, "result") is False):
        unheard.append(NoReading("garbled"))
    return next((reason for reason in (*witnesses, known, *unheard) if isinstance(reason, NoReading)), False)


def conference_ids(answer: Any) -> list[str]:
    """The conferences whose streams can be asked for."""
    names = [str(entry(row, "id")) for row in answer] if isinstance(answer, list) else []
    return [name for name in names if name.isascii() and name.isalnum() and name != "PENDING"]


def _conferences(answer: Any, status: Any) -> Reading:
    """Any row is a call, also one that is being set up; so is a single conference instead of a list.

    But for the place that a Group keeps for the next one: it is none where the system's status says so, too.
    """
    if isinstance(answer, NoReading):
        return answer
    rows = [answer] if isinstance(answer, dict) and "id" in answer else answer
    if not isinstance(rows, list) or not all(isinstance(row, dict) and "id" in row for row in rows):
        return NoReading("garbled")
    if rows and all(_is_kept_place(row) for row in rows):
        return False if _states(status, "inacall") in ({"off"}, {"down"}) else NoReading("garbled")
    return bool(rows)


def _is_kept_place(row: Mapping[str, Any]) -> bool:
    """`PENDING` without a connection: a management server's fixture of an idle Group 500, 6.2.2.8."""
    return row["id"] == "PENDING" and row.get("connections") == [] and row.get("isActive") is False


def _apps(answer: Any) -> Reading:
    """Whether an app is in a meeting. A 404 is no denial: a proxy, or a page that moved, answers so too."""
    if isinstance(answer, NoReading):
        return NoReading("refused") if answer.reason == "absent" else answer
    if not isinstance(answer, list):
        return NoReading("garbled")
    meetings = [flag(entry(app, "inMeeting")) for app in answer]
    if True in meetings:
        return True
    return next((reason for reason in meetings if isinstance(reason, NoReading)), False)


def _state(system: Any, column: int) -> Reading:
    word = text(entry(system, "state"))
    if isinstance(word, NoReading):
        return word
    known = STATES.get(str(word).upper(), (NoReading("garbled"), NoReading("garbled")))[column]
    return NoReading("absent") if known is None else known


def _upgrading(system: Any) -> Reading:
    word = text(entry(system, "state"))
    if isinstance(word, NoReading):
        return word
    return str(word).upper() == "UPDATING" if str(word).upper() in STATES else NoReading("garbled")


def _states(status: Any, name: str) -> set[str]:
    """The words that the system's status has for one of its parts."""
    words: set[str] = set()
    for row in status if isinstance(status, list) else []:
        if isinstance(row, dict) and row.get("name") == f"system.status.{name}":
            # Older firmware writes `state`, VideoOS `stateList`.
            said = row.get("stateList", row.get("state"))
            words |= {str(word).lower() for word in (said if isinstance(said, list) else [said])}
    return words


def _registered(status: Any) -> Reading:
    """One registrar is enough. `off` and `unknown` are one that is not set up: a room that dials by address."""
    if isinstance(status, NoReading):
        return status
    if not isinstance(status, list):
        return NoReading("garbled")
    words = _states(status, "sipserver") | _states(status, "gatekeeper")
    return True if "up" in words else False if "down" in words else NoReading("absent")


def _camera(status: Any) -> Reading:
    if isinstance(status, NoReading):
        return status
    if not isinstance(status, list):
        return NoReading("garbled")
    words = _states(status, "mr.camera") | _states(status, "trackablecamera") | _states(status, "camera")
    if words & {"up", "all_up", "some_up"}:
        return True
    return False if words & {"down", "none_up"} else NoReading("absent")


def _some(count: Reading) -> Reading:
    return count if isinstance(count, NoReading | str) else count > 0


class Quality:
    """How well the call's streams arrive, from look to look (`LossSinceLook`)."""

    def __init__(self) -> None:
        self._loss = LossSinceLook()

    def look(self, answers: Answers) -> dict[str, Reading]:
        """The three facts of one poll."""
        replies = [(path, answer) for path, answer in answers.items() if path.endswith(MEDIA_END)]
        reasons = [answer for _, answer in replies if isinstance(answer, NoReading)]
        if answers.get(CONFERENCES) == SLOW:
            reasons = [SLOW]
        none = reasons[0] if reasons else NoReading("absent")
        rows = [
            (f"{path} {index}", row)
            for path, answer in replies
            for index, row in enumerate(answer[:STREAMS_MAX] if isinstance(answer, list) else [])
        ]
        loss = self._loss.look([_stream(place, row) for place, row in rows if _way(row)], none)
        jitters = [amount(entry(row, "jitter")) for _, row in rows if _way(row) == "RX"]
        return {
            "codec.rx_loss_pct": loss["RX"],
            "codec.tx_loss_pct": loss["TX"],
            "codec.jitter_ms": max((jitter for jitter in jitters if isinstance(jitter, float)), default=none),
        }


def _way(row: Any) -> Way | None:
    word = entry(row, "mediaDirection")
    return "RX" if word == "RX" else "TX" if word == "TX" else None


def _stream(place: str, row: Any) -> Stream:
    name = f"{place} {entry(row, 'mediaType')}"
    way: Way = "RX" if _way(row) == "RX" else "TX"
    return Stream(way, name, amount(entry(row, "packetLoss")), amount(entry(row, "percentPacketLoss")))


def config_of(answer: Any, names: Iterable[str]) -> dict[str, Any]:
    """The settings of these names as the device types them, or why there is none."""
    rows = entry(answer, "vars")
    if isinstance(rows, NoReading) or not isinstance(rows, list):
        return dict.fromkeys(names, rows if isinstance(rows, NoReading) else NoReading("garbled"))
    found = {str(row.get("name")): row.get("value") for row in rows if isinstance(row, dict) and _went_well(row)}
    return {name: NoReading("absent") if found.get(name) is None else found[name] for name in names}


def all_written(answer: Any) -> bool:
    """Whether no setting was refused in what an order was answered with."""
    rows = entry(answer, "vars")
    return not isinstance(rows, list) or all(isinstance(row, dict) and _went_well(row) for row in rows)


def _went_well(row: Mapping[str, Any]) -> bool:
    return bool(row.get("result", "NOERROR") == "NOERROR")
