"""A room's twin: what it last said of itself, and the one word a person wants of it.

Messages come late, twice and out of order: after a restart a broker may hand out a status of last week. So a message
changes the twin only when it is newer by the room's own reckoning: another boot that is not one of those already over,
or the same boot and a later monotonic time. Wall clocks decide nothing.

Ready is what somebody has seen: a control interface that answers, or the conference software that runs on a PC. An
echo, an open port, a SIP answer and a meter tell that a codec is there, and tell the same of one that hangs.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from hub.core.incident import OPEN_PHASES
from wire.messages import FactNow, Stamp, State, Status

STALE_S = 120.0
"""An answer this old, when its room wrote its state, is no sight: several rounds of every probe lie between."""
BOOTS_KEPT = 8
"""Past boots remembered a room: a broker does not hold older leftovers than the last few."""
_FAULTY = frozenset({"critical", "major"})


class Unseen(enum.StrEnum):
    """Why nobody can say whether a room is able to meet."""

    NO_DATA = "no_data"  # the room has never said how it is
    NOT_HEARD = "not_heard"  # its line is gone just now; it may be back in a moment
    NO_CODEC = "no_codec"  # nothing that meets is watched there
    CODEC_PINGED = "codec_pinged"  # the codec is there; nobody can ask it how it is
    CODEC_SILENT = "codec_silent"  # it does not answer what it is asked
    CODEC_STARTING = "codec_starting"  # it answers, and its application is not up yet
    CODEC_STALE = "codec_stale"  # it has not been asked for too long
    PC_SILENT = "pc_silent"  # the same of the conference PC, or its software is not running
    HUSHED = "secret_meeting"  # it keeps to itself what it sees


OF_FITTING = frozenset({Unseen.NO_CODEC, Unseen.CODEC_PINGED, Unseen.HUSHED})
"""What says how a room is fitted or what it may tell, and nothing of how it is."""


@dataclass(frozen=True, slots=True)
class Twin:
    """The table's row, and of the state what the verdict needs. Times are Unix seconds by the hub's clock."""

    room: str
    heard_s: float = 0.0
    """Last message that was not a leftover of the broker; 0: none yet."""
    online: bool = False
    lost_since_s: float = 0.0
    """Since when the room is silent, as far as known; 0: it is heard."""
    boot: str = ""
    connection: int = 0
    version: str = ""
    nonce: str = ""
    nonce_heard_s: float = 0.0
    """When the nonce arrived fresh; 0: it came as a leftover, so its age is unknown."""
    counter: int = 0
    in_call: bool | None = None
    mode: str = ""
    state_mono_s: float = -1.0
    state_s: float = 0.0
    state_raw: bytes | None = None
    outbox: int = 0
    dropped: int = 0
    status_mono_s: float = -1.0
    past_boots: tuple[str, ...] = ()
    open_severities: frozenset[str] = field(default_factory=frozenset)
    """Severities of the faults in the state that are open."""
    escalated: bool = False
    unseen: str = ""
    """Why the state does not show whether the room can meet, an `Unseen`; empty: it does."""


def _on_boot(twin: Twin, stamp: Stamp) -> Twin | None:
    """The twin on the message's boot; None when that boot is over. A new boot knows nothing of the old one's nonce."""
    if stamp.boot == twin.boot:
        return twin
    if stamp.boot in twin.past_boots:
        return None
    past = (*twin.past_boots, twin.boot)[-BOOTS_KEPT:] if twin.boot else twin.past_boots
    return replace(
        twin, boot=stamp.boot, past_boots=past, connection=0, status_mono_s=-1.0, state_mono_s=-1.0, nonce="",
        nonce_heard_s=0.0,
    )  # fmt: skip


def apply_status(twin: Twin, status: Status, now_s: float, *, leftover: bool) -> Twin:
    """The twin after a status. `leftover`: the broker kept it, so it proves nothing about the present.

    The last will carries the stamp of its connection's beginning. It counts when it is of the present connection; that
    of a connection which was taken over by the next one changes nothing. The broker sends it at once, so a room that is
    back in a moment must not look gone in between: a will notes the silence, and only its age (`hub.core.liveness`)
    makes the room lost. A room that ends on purpose says so with a newer stamp, and is believed.
    """
    base = _on_boot(twin, status.stamp)
    if base is None:
        return twin
    newer = status.stamp.mono_s > base.status_mono_s
    will_of_this = not status.online and status.connection == base.connection and base.status_mono_s >= 0
    if not newer and not will_of_this:
        return twin
    fresh = replace(
        base,
        online=status.online if newer else base.online,
        version=status.version or base.version,
        counter=max(base.counter, status.counter),
        lost_since_s=_silence_s(base, status, now_s, leftover),
    )
    if newer:
        fresh = replace(fresh, connection=status.connection, status_mono_s=status.stamp.mono_s)
    if status.online and status.nonce and status.nonce != base.nonce:
        fresh = replace(fresh, nonce=status.nonce, nonce_heard_s=0.0 if leftover else now_s)
    return fresh


def _silence_s(base: Twin, status: Status, now_s: float, leftover: bool) -> float:
    if not status.online:
        return base.lost_since_s or now_s
    return base.lost_since_s if leftover else 0.0


def apply_state(twin: Twin, state: State, raw: bytes, at_s: float) -> Twin:
    """The twin after a full state; `raw` is the message as it came, `at_s` when it was made."""
    base = _on_boot(twin, state.stamp)
    if base is None or state.stamp.mono_s <= base.state_mono_s:
        return twin
    opened = [fault for fault in state.faults if fault.phase in OPEN_PHASES]
    return replace(
        base,
        in_call=state.in_call,
        mode=state.mode,
        version=state.version or base.version,
        state_mono_s=state.stamp.mono_s,
        state_s=at_s,
        state_raw=raw,
        outbox=state.outbox,
        dropped=state.dropped,
        open_severities=frozenset(fault.severity for fault in opened),
        escalated=any(fault.phase == "escalated" for fault in opened),
        unseen=_unseen(twin, state),
    )


def _unseen(twin: Twin, state: State) -> str:
    """In a secret meeting a room still tells its faults: what was seen of it before goes on."""
    found = unseen(state)
    went_on = found == Unseen.HUSHED and twin.boot == state.stamp.boot and twin.state_raw is not None
    return "" if went_on and not twin.unseen else found


def heard(twin: Twin, now_s: float) -> Twin:
    """The twin after any message that is no leftover and no last will: whoever speaks is there."""
    return replace(twin, heard_s=max(twin.heard_s, now_s), online=True, lost_since_s=0.0)


def verdict(twin: Twin, *, installed: bool, lost: bool) -> str:
    """One word: `not_installed`, `lost`, `maintenance`, `fault`, `check`, `unknown` or `ready`.

    What nobody sees is `unknown`, never `ready`, and not `check` either, which says that the room can meet. `safe` mode
    needs a look, since the room then heals nothing by itself.
    """
    if not installed:
        return "not_installed"
    if lost:
        return "lost"
    if twin.mode == "maintenance":
        return "maintenance"
    if twin.state_raw is None:
        return "unknown"
    if twin.escalated or twin.open_severities & _FAULTY:
        return "fault"
    if why_unknown(twin):
        return "unknown"
    if twin.open_severities or twin.mode == "safe":
        return "check"
    return "ready"


def why_unknown(twin: Twin) -> str:
    """Why nobody can say whether the room is able to meet, an `Unseen`; empty: somebody can."""
    if twin.state_raw is None:
        return Unseen.NO_DATA
    if twin.lost_since_s > 0 or not twin.online:
        return Unseen.NOT_HEARD
    return twin.unseen


def unseen(state: State) -> str:
    """Why the state does not show whether the room can meet; empty: it does."""
    facts = state.facts
    if not facts and state.secrecy == Unseen.HUSHED:
        return Unseen.HUSHED
    if "codec.api" in facts:
        return _of_codec(facts, state.stamp.wall_s)
    if "pc.app_running" in facts:
        return "" if _says(facts["pc.app_running"], state.stamp.wall_s) is True else Unseen.PC_SILENT
    return Unseen.CODEC_PINGED if any(key.startswith("codec.") for key in facts) else Unseen.NO_CODEC


def _of_codec(facts: Mapping[str, FactNow], wall_s: float) -> str:
    api = facts["codec.api"]
    if api.ok and api.value is True and wall_s - api.at_s > STALE_S:
        return Unseen.CODEC_STALE
    if not (api.ok and api.value is True):
        return Unseen.CODEC_SILENT
    started = facts.get("codec.app_ready")
    return Unseen.CODEC_STARTING if started is not None and started.ok and started.value is False else ""


def _says(fact: FactNow, wall_s: float) -> object:
    return fact.value if fact.ok and wall_s - fact.at_s <= STALE_S else None
