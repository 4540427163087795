"""A room's twin: what it last said of itself, and the one word a person wants of it.

Messages come late, twice and out of order: after a restart a broker may hand out a status of last week. So a message
changes the twin only when it is newer by the room's own reckoning: another boot that is not one of those already over,
or the same boot and a later monotonic time. Wall clocks decide nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hub.core.incident import OPEN_PHASES
from wire.messages import Stamp, State, Status

BOOTS_KEPT = 8
"""Past boots remembered a room: a broker does not hold older leftovers than the last few."""
_FAULTY = frozenset({"critical", "major"})


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
    )


def heard(twin: Twin, now_s: float) -> Twin:
    """The twin after any message that is no leftover and no last will: whoever speaks is there."""
    return replace(twin, heard_s=max(twin.heard_s, now_s), online=True, lost_since_s=0.0)


def verdict(twin: Twin, *, installed: bool, lost: bool) -> str:
    """One word: `not_installed`, `lost`, `maintenance`, `fault`, `check`, `unknown` or `ready`.

    No data is `unknown`, never `ready`. `safe` mode needs a look, since the room then heals nothing by itself.
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
    if twin.open_severities or twin.mode == "safe":
        return "check"
    return "ready"
