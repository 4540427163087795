"""A new version on its way through the province: 1, 6, 31, 155 rooms of 621, then the rest. Pure.

Each wave is held against the rooms that were not touched: what goes wrong everywhere (a storm, a dead carrier) is no
fault of the version. A room whose agent cannot live with a version undoes it by itself (agent/fleet): it is bad.
A room that could not be reached is neither pass nor fail; it is shown, and taken up whenever it comes back.

    RUNNING → SOAKING → next wave … → DONE
       └── bad rooms ──→ ROLLING_BACK → ROLLED_BACK      a person may pause, resume or roll back at any time
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

SHARES = (0.0, 0.01, 0.05, 0.25)
"""Of all rooms, wave by wave; the first is one room, the last is the rest (pi facts, fleet roll-out)."""
SOAK_S = (86_400.0, 86_400.0, 21_600.0, 21_600.0, 86_400.0)
"""How long a wave is watched once its rooms have the version. At least a day for the first two."""
BAD_SHARE = 0.03
"""More bad rooms than this, beyond what the untouched rooms show, end a roll-out."""
WELL_SHARE = 0.95
"""So many of the rooms that could be reached must be well on the new version before the next wave."""
REACHED_SHARE = 0.5
"""Of a wave's rooms, below which nothing can be said of it."""
LOST_S = 1800.0
"""A room silent for this long after it took the version counts as bad; until then it is waited for."""
UNTOUCHED_MIN = 10
"""With fewer untouched rooms than this the share they showed last is kept."""
BUSY_BEFORE_S = 3600.0
"""A room is left alone from this long before a meeting until its end."""


class Phase(enum.StrEnum):
    """Where a roll-out stands."""

    RUNNING = "running"
    SOAKING = "soaking"
    PAUSED = "paused"
    ROLLING_BACK = "rolling_back"
    ROLLED_BACK = "rolled_back"
    DONE = "done"


OVER = frozenset({Phase.ROLLED_BACK, Phase.DONE})
START = "diemcau-hub rollout start"
"""The command that begins one."""


@dataclass(frozen=True, slots=True)
class RoomNow:
    """What the hub knows of a room at this moment."""

    version: str = ""
    online: bool = False
    well: bool = False
    """No fault that the hub knows of."""
    silent_s: float = 0.0
    undid: str = ""
    """The version that its agent went back from last, as it said itself."""
    busy: bool = False
    """A meeting is on or near: it is left alone."""


@dataclass(frozen=True, slots=True)
class Rollout:
    """One roll-out, as it is kept. Times are Unix seconds of the hub."""

    version: str
    before: str
    """The version to go back to."""
    waves: tuple[tuple[str, ...], ...]
    wave: int = 0
    phase: Phase = Phase.RUNNING
    since_s: float = 0.0
    """When this phase began."""
    soaked_s: float = 0.0
    """How much of the soak had passed when it was paused."""
    were_well: frozenset[str] = frozenset()
    """Rooms that were online and well when the wave began: only these can become bad."""
    usual_bad: float = 0.0
    """The share of untouched rooms that went bad meanwhile, as last seen."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Count:
    """A wave in numbers. Every room of it is in exactly one of the last five."""

    targeted: int = 0
    good: int = 0
    bad: int = 0
    waiting: int = 0
    """Reachable, and still on another version."""
    sick_before: int = 0
    """On the version, not well, and not well before either: says nothing of the version."""
    unreachable: int = 0

    @property
    def reached(self) -> int:
        """Rooms of which something can be said."""
        return self.targeted - self.unreachable


def well(rooms: Mapping[str, RoomNow]) -> frozenset[str]:
    """Rooms that can be reached and have no fault: only these can become bad."""
    return frozenset(room for room, now in rooms.items() if now.online and now.well)


def plan(rooms: Mapping[str, str], version: str, before: str, now_s: float, well: Iterable[str]) -> Rollout:
    """A roll-out over these rooms (room → commune), each in one wave. `well`: rooms without a fault now.

    The order follows from the version alone, and each commune gives one room before any gives its second: a bad version
    does not take all rooms of a place. Raises ValueError for no rooms or equal versions.
    """
    if not rooms or version == before:
        raise ValueError("a roll-out needs rooms, and another version than the one they have")

    def key(name: str) -> str:
        return hashlib.sha256(f"{version}|{name}".encode()).hexdigest()

    by_commune: dict[str, list[str]] = {}
    for room in sorted(rooms, key=key):
        by_commune.setdefault(rooms[room], []).append(room)
    rounds = sorted(
        ((place, key(commune), room) for commune, members in by_commune.items() for place, room in enumerate(members))
    )
    order = [room for _, _, room in rounds]
    waves = []
    for share in SHARES:
        size = max(1, int(share * len(rooms)))
        waves.append(tuple(order[:size]))
        order = order[size:]
    waves.append(tuple(order))
    return Rollout(version, before, tuple(wave for wave in waves if wave), since_s=now_s, were_well=frozenset(well))


def touched(r: Rollout) -> frozenset[str]:
    """Rooms of this wave and those before it."""
    return frozenset(room for wave in r.waves[: r.wave + 1] for room in wave)


def wanted(r: Rollout, rooms: Mapping[str, RoomNow], frozen: str = "") -> dict[str, str]:
    """Which version each room shall have now. A room that must be left alone is not in the answer.

    `frozen` names the window in which nothing is changed; what is well must not be hurried.
    """
    going_back = r.phase in (Phase.ROLLING_BACK, Phase.ROLLED_BACK)
    goal = r.before if going_back else r.version
    found = {}
    # A room that was installed after the plan was made belongs to no wave; it is taken up when the others are done.
    for room in touched(r) if r.phase is not Phase.DONE else touched(r) | rooms.keys():
        now = rooms.get(room, RoomNow())
        if now.version == goal and goal:
            found[room] = goal
        elif now.busy or (not going_back and (frozen or r.phase is Phase.PAUSED or now.undid == r.version)):
            continue
        else:
            found[room] = goal
    return found


def why_not(r: Rollout | None, room: str, rooms: Mapping[str, RoomNow], version: str = "", frozen: str = "") -> str:
    """Why this room may not be changed now; empty when it may.

    `version`: the release that is to come; empty: settings alone. `rooms`: those that the hub has installed. One that
    it has never heard a version of has nothing to lose, and waits for nobody. `frozen` names the window in which
    nothing is changed.
    """
    now = rooms.get(room, RoomNow())
    if not now.version or now.version == version:
        return ""
    if frozen:
        return f"không thay đổi gì lúc này / frozen: {frozen}"
    if now.busy:
        return "có họp trong vòng một giờ, hoặc đang họp / a meeting is on, or begins within the hour"
    return _not_its_turn(r, room, now, version) if version else ""


def _not_its_turn(r: Rollout | None, room: str, now: RoomNow, version: str) -> str:
    if r is None:
        return f"chưa có đợt cập nhật nào / there is no roll-out: {START}"
    goal = r.before if r.phase in (Phase.ROLLING_BACK, Phase.ROLLED_BACK) else r.version
    if version != goal:
        return f"đợt cập nhật đưa phòng về bản / the roll-out brings rooms to {goal}, not to {version}: {START}"
    if goal == r.version and now.undid == version:
        return f"phòng đã tự bỏ bản này / this room went back from {version} by itself"
    if r.phase is Phase.PAUSED:
        return f"đợt cập nhật đang tạm dừng / the roll-out is paused: {r.reason}"
    if room not in touched(r) and r.phase not in OVER:
        of = next((number for number, wave in enumerate(r.waves, 1) if room in wave), len(r.waves))
        return f"chưa đến lượt: đợt {of}, đang đợt {r.wave + 1} / its wave is {of}, and {r.wave + 1} is under way"
    return ""


def count(r: Rollout, rooms: Mapping[str, RoomNow], wave: int) -> Count:
    """How a wave stands."""
    numbers = dict.fromkeys(("good", "bad", "waiting", "sick_before", "unreachable"), 0)
    for room in r.waves[wave]:
        numbers[_standing(r, room, rooms.get(room, RoomNow()))] += 1
    return Count(targeted=len(r.waves[wave]), **numbers)


def _standing(r: Rollout, room: str, now: RoomNow) -> str:
    if now.undid == r.version:
        return "bad"
    if not now.online:
        fell = now.version == r.version and room in r.were_well and now.silent_s >= LOST_S
        return "bad" if fell else "unreachable"
    if now.version != r.version:
        return "waiting"
    if now.well:
        return "good"
    return "bad" if room in r.were_well else "sick_before"


def usual(r: Rollout, rooms: Mapping[str, RoomNow]) -> float:
    """The share of untouched rooms that were well when the wave began and are not now."""
    apart = (r.were_well - touched(r)) & rooms.keys()
    if len(apart) < UNTOUCHED_MIN:
        return r.usual_bad
    fallen = sum(not rooms[room].well if rooms[room].online else rooms[room].silent_s >= LOST_S for room in apart)
    return fallen / len(apart)


def step(r: Rollout, rooms: Mapping[str, RoomNow], now_s: float, frozen: str = "") -> Rollout:
    """The roll-out a moment later: as it was, in its next phase, or on its way back. Called once a minute."""
    if r.phase in OVER or r.phase is Phase.PAUSED:
        return r
    if r.phase is Phase.ROLLING_BACK:
        left = [room for room in touched(r) if rooms.get(room, RoomNow()).version == r.version and rooms[room].online]
        return r if left else replace(r, phase=Phase.ROLLED_BACK, since_s=now_s)
    r = replace(r, usual_bad=usual(r, rooms))
    ended = _bad_enough(r, rooms)
    if ended:
        return replace(r, phase=Phase.ROLLING_BACK, since_s=now_s, reason=ended)
    here = count(r, rooms, r.wave)
    if r.phase is Phase.RUNNING:
        settled = here.waiting == 0 and here.reached >= REACHED_SHARE * here.targeted
        return replace(r, phase=Phase.SOAKING, since_s=now_s) if settled else r
    if r.soaked_s + now_s - r.since_s < soak_s(r) or frozen:
        return r
    judged = here.reached - here.sick_before
    if not judged or here.good < WELL_SHARE * judged:
        return r  # not bad enough to go back, not good enough to go on: it is shown, and a person decides
    if r.wave + 1 == len(r.waves):
        return replace(r, phase=Phase.DONE, since_s=now_s)
    return replace(r, wave=r.wave + 1, phase=Phase.RUNNING, since_s=now_s, soaked_s=0.0, were_well=well(rooms))


def soak_s(r: Rollout) -> float:
    """How long this wave is watched: the last one as the table's last, whatever their number."""
    return SOAK_S[-1] if r.wave + 1 == len(r.waves) else SOAK_S[min(r.wave, len(SOAK_S) - 1)]


def _bad_enough(r: Rollout, rooms: Mapping[str, RoomNow]) -> str:
    """Why the roll-out must end, or empty. The wave is judged by itself, so that many good rooms hide no bad ones."""
    for wave in range(r.wave + 1):
        here = count(r, rooms, wave)
        if here.bad and here.bad / here.targeted - r.usual_bad >= BAD_SHARE:
            return f"wave {wave + 1}: {here.bad} of {here.targeted} rooms bad, {r.usual_bad:.1%} is usual"
    return ""


def pause(r: Rollout, now_s: float, why: str) -> Rollout:
    """Held by a person: no further room gets the version. What has it keeps it."""
    if r.phase not in (Phase.RUNNING, Phase.SOAKING):
        return r
    soaked_s = r.soaked_s + (now_s - r.since_s if r.phase is Phase.SOAKING else 0.0)
    return replace(r, phase=Phase.PAUSED, since_s=now_s, soaked_s=soaked_s, reason=why)


def resume(r: Rollout, now_s: float) -> Rollout:
    """Go on: the wave is looked at anew, and what had been soaked counts."""
    return replace(r, phase=Phase.RUNNING, since_s=now_s, reason="") if r.phase is Phase.PAUSED else r


def roll_back(r: Rollout, now_s: float, why: str) -> Rollout:
    """Ordered by a person, also when it is done already."""
    if r.phase in (Phase.ROLLING_BACK, Phase.ROLLED_BACK):
        return r
    return replace(r, phase=Phase.ROLLING_BACK, since_s=now_s, reason=why)


def frozen_by(windows: Iterable[tuple[float, float, str]], now_s: float) -> str:
    """The name of the window that is open now, or empty."""
    return next((name for start_s, end_s, name in windows if start_s <= now_s < end_s), "")
