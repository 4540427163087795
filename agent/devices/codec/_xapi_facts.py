"""Cisco xAPI statuses as facts of the catalogue. Paths: device facts, table under "Cisco / Tandberg xAPI"."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from agent.core.facts import NoReading, Reading
from agent.devices.base import number
from agent.devices.codec._xapi_replies import Values

Answers = Mapping[str, Values | NoReading]

TEAMS = "MicrosoftTeams Calling InCall"
UPGRADE = "Provisioning Software UpgradeStatus"
STATUSES = (
    "SystemUnit",
    "Call",
    TEAMS,
    "Standby",
    "Audio Microphones Mute",
    "Audio Volume",
    "Audio VolumeMute",
    "Audio Input Connectors",
    "SIP",
    "H323 Gatekeeper",
    "Video Output",
    "Cameras",
    UPGRADE,
)
"""SystemUnit first: its reply is never empty, so it shows that question and answer are in step."""

CRITICAL = frozenset({"SystemUnit", "Call", TEAMS, "Standby", UPGRADE})
"""Asked at every poll, whatever feedback is there: they decide what may be switched."""

CALLS = ("SystemUnit", "Call", TEAMS)
"""What `in_call` is made of."""

DECIDED_BY: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(
        (
            "codec.app_ready",
            "codec.temp_c",
            "codec.overheated",
            "codec.uptime_s",
            "codec.model",
            "codec.software",
        ),
        ("SystemUnit",),
    ),
    "codec.standby": ("Standby",),
    "codec.registered": ("SIP", "H323 Gatekeeper"),
    "codec.mic_muted": ("Audio Microphones Mute",),
    "codec.volume_pct": ("Audio Volume",),
    "codec.output_muted": ("Audio VolumeMute",),
    "codec.mic_connected": ("Audio Input Connectors",),
    "codec.display_out": ("Video Output",),
    "codec.camera": ("Cameras",),
    "codec.upgrading": (UPGRADE,),
}
"""Which statuses decide a fact."""

IDLE_SYSTEM_STATES = frozenset({"initialized", "initializing", "sleeping"})
"""`SystemUnit State System` when no call is up. `InCall` and `Multisite` are calls; anything else is not understood."""

COUNTS = ("NumberOfActiveCalls", "NumberOfInProgressCalls", "NumberOfSuspendedCalls")
"""Calls that are up, that are being set up, and that are on hold; TC tells the first alone."""

CALL_OVER = frozenset({"idle", "disconnected"})
"""`Call n Status` of a call that is gone. Every other one (Dialling, Ringing, OnHold, Disconnecting …) is a call."""

TEMPERATURES: Mapping[str, Reading] = {"normal": False, "high": True, "critical": True, "unknown": NoReading("absent")}
"""`SystemUnit Hardware Monitoring Temperature Status`, all that a RoomOS device tells: high is too hot for comfort, at
critical it protects itself. Source: Cisco's API reference, as public drivers quote it; device facts."""

ON = frozenset({"on", "true", "yes"})
OFF = frozenset({"off", "false", "no"})


def facts_of(answers: Answers, call_seen: bool) -> dict[str, Reading]:
    """Every fact of the family. `call_seen`: an event of this poll spoke of a call."""
    return {
        "codec.api": any(isinstance(a, Values) or a.reason in ("absent", "refused") for a in answers.values()),
        "codec.app_ready": _of(answers, "SystemUnit", _app_ready),
        "codec.in_call": True if call_seen else in_call(answers),
        "codec.standby": _of(answers, "Standby", _standby),
        "codec.registered": _registered(answers),
        "codec.mic_muted": _of(answers, "Audio Microphones Mute", lambda v: flag(v, "Audio", "Microphones", "Mute")),
        "codec.volume_pct": _of(answers, "Audio Volume", lambda v: _number(v, "Audio", "Volume")),
        "codec.output_muted": _of(answers, "Audio VolumeMute", lambda v: flag(v, "Audio", "VolumeMute")),
        "codec.mic_connected": _of(answers, "Audio Input Connectors", _mic_connected),
        "codec.display_out": _of(answers, "Video Output", _display_out),
        "codec.camera": _of(answers, "Cameras", _camera),
        "codec.upgrading": _of(answers, UPGRADE, _upgrading),
        "codec.temp_c": _of(answers, "SystemUnit", lambda v: _number(v, "SystemUnit", "Hardware", "Temperature")),
        "codec.overheated": _of(answers, "SystemUnit", _overheated),
        "codec.uptime_s": _of(answers, "SystemUnit", lambda v: _number(v, "SystemUnit", "Uptime")),
        "codec.model": _of(answers, "SystemUnit", lambda v: _text(v, "SystemUnit", "ProductId")),
        "codec.software": _of(answers, "SystemUnit", lambda v: _text(v, "SystemUnit", "Software", "Version")),
    }


def in_call(answers: Answers) -> Reading:
    """True as soon as one witness says so; False only when *every* witness was read and denies it.

    A Teams call has no `Call` node, a call being set up is not yet counted as active, and codecs without Teams do not
    know its path: hence all four, and `absent` only for Teams counts as a denial.
    """
    witnesses = [_witness_state(answers), _witness_calls(answers), _witness_teams(answers)]
    if any(witness is True for witness in witnesses):
        return True
    return next((witness for witness in witnesses if isinstance(witness, NoReading)), False)


def _witness_state(answers: Answers) -> Reading:
    unit = answers.get("SystemUnit", NoReading("timeout"))
    if isinstance(unit, NoReading):
        return unit
    system = (unit.get("SystemUnit", "State", "System") or "").lower()
    if system in ("incall", "multisite"):
        return True
    counts = [count for name in COUNTS if (count := unit.get("SystemUnit", "State", name)) is not None]
    if any(_is_number(count) and int(count[:9]) > 0 for count in counts):
        return True
    if unit.get("SystemUnit", "State", COUNTS[0]) is None:
        return _missing(unit)
    if not all(_is_number(count) for count in counts):
        return NoReading("garbled")
    understood = not system or system in IDLE_SYSTEM_STATES
    return False if understood and not unit.tainted else NoReading("garbled")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _witness_calls(answers: Answers) -> Reading:
    calls = answers.get("Call", NoReading("timeout"))
    if isinstance(calls, NoReading):
        return False if calls.reason == "absent" else calls
    nodes = {path[1] for path in calls.values if len(path) > 1 and path[0] == "call"}
    # A value that belongs to no call is nothing that a codec says.
    strange = calls.tainted or not calls.only_below(("Call",)) or any(len(path) < 3 for path in calls.values)
    verdict: Reading = NoReading("garbled") if strange else False
    for node in nodes:
        status = calls.get("Call", node, "Status")
        if status is not None and status.lower() not in CALL_OVER:
            return True
        if status is None and "ghost=true" not in (calls.get("Call", node, "(attributes)") or "").lower():
            verdict = NoReading("garbled")
    return verdict


def _witness_teams(answers: Answers) -> Reading:
    teams = answers.get("MicrosoftTeams Calling InCall", NoReading("timeout"))
    if isinstance(teams, NoReading):
        return False if teams.reason == "absent" else teams
    if not teams.values:
        return NoReading("garbled") if teams.tainted else False
    return flag(teams, "MicrosoftTeams", "Calling", "InCall")


def speaks_of_call(event: Values) -> bool:
    """Whether an event alone proves a call. Events never prove the absence of one."""
    answers: Answers = {"SystemUnit": event, "Call": event, "MicrosoftTeams Calling InCall": event}
    return in_call(answers) is True


def _of(answers: Answers, key: str, read: Callable[[Values], Reading]) -> Reading:
    values = answers.get(key, NoReading("timeout"))
    return values if isinstance(values, NoReading) else read(values)


def _missing(values: Values) -> NoReading:
    return NoReading("garbled" if values.tainted else "absent")


def _text(values: Values, *path: str) -> Reading:
    found = values.get(*path)
    return found[:100] if found else _missing(values)


def _number(values: Values, *path: str) -> Reading:
    found = values.get(*path)
    return _missing(values) if found is None else number(found)


def flag(values: Values, *path: str) -> Reading:
    """On/Off, True/False; anything else is garbled."""
    found = values.get(*path)
    if found is None:
        return _missing(values)
    word = found.lower()
    return True if word in ON else False if word in OFF else NoReading("garbled")


def _app_ready(values: Values) -> Reading:
    application = values.get("SystemUnit", "State", "Subsystem", "Application")
    if application is not None:
        return application.lower() == "initialized"
    system = values.get("SystemUnit", "State", "System")
    if not system:
        return _missing(values)
    return system.lower() != "initializing"


def _upgrading(values: Values) -> Reading:
    """`Status` is None, InProgress, InstallationPending, Failed or Succeeded [M]: any word but an ending one counts."""
    status = values.get("Provisioning", "Software", "UpgradeStatus", "Status")
    return _missing(values) if status is None else status.lower() not in ("none", "failed", "succeeded", "aborted", "")


def _overheated(values: Values) -> Reading:
    """Whether it is too hot in its own word; TC and early CE tell degrees instead."""
    status = values.get("SystemUnit", "Hardware", "Monitoring", "Temperature", "Status")
    return _missing(values) if status is None else TEMPERATURES.get(status.lower(), NoReading("garbled"))


def _standby(values: Values) -> Reading:
    """CE says `State` (`On` in ICD's tests), TC says `Active`.

    In half-wake the display shows the welcome picture: that is no sleep.
    """
    state = values.get("Standby", "State")
    if state is None:
        return flag(values, "Standby", "Active")
    word = state.lower()
    if word in ("off", "halfwake", "enteringstandby"):
        return False
    return True if word in ("standby", "on") else NoReading("garbled")


def _registered(answers: Answers) -> Reading:
    """Registered anywhere is registered. Not configured anywhere (`Inactive`) is absent: the room dials by address."""
    states: list[str] = []
    silent: list[NoReading] = []
    for key in ("SIP", "H323 Gatekeeper"):
        answer = answers.get(key, NoReading("timeout"))
        if isinstance(answer, NoReading):
            silent.append(answer)
        else:
            states += [v.lower() for p, v in answer.values.items() if p[-2:] == ("gatekeeper", "status") or _sip(p)]
    if "registered" in states:
        return True
    unread = [reading for reading in silent if reading.reason != "absent"]
    if unread:
        return unread[0]
    return False if any(state not in ("inactive", "") for state in states) else NoReading("absent")


def _sip(path: tuple[str, ...]) -> bool:
    return path[0] == "sip" and path[-1] == "status" and "registration" in path


def _mic_connected(values: Values) -> Reading:
    """`Audio Input Connectors Microphone n ConnectionStatus`: Connected, NotConnected, Unknown."""
    states = [v.lower() for p, v in values.values.items() if p[-1] == "connectionstatus" and p[3:4] == ("microphone",)]
    if "connected" in states:
        return True
    if any(state != "notconnected" for state in states):
        return NoReading("garbled")
    return False if states else _missing(values)


def _display_out(values: Values) -> Reading:
    """CE `Video Output Connector 1 Connected`, TC `Video Output HDMI 1 Connected`: the lowest number is the first."""
    ports = sorted(
        (int(path[3]), path[2])
        for path in values.values
        if len(path) == 5 and path[4] == "connected" and path[3].isascii() and path[3].isdigit() and len(path[3]) < 4
    )
    if not ports:
        return _missing(values)
    return flag(values, "Video", "Output", ports[0][1], str(ports[0][0]), "Connected")


def _camera(values: Values) -> Reading:
    flags = [flag(values, *path) for path in values.values if path[:2] == ("cameras", "camera") and _is_camera(path)]
    if not flags:
        return _missing(values)
    if True in flags:
        return True
    return next((reading for reading in flags if isinstance(reading, NoReading)), False)


def _is_camera(path: tuple[str, ...]) -> bool:
    return len(path) == 4 and path[3] == "connected"
