"""Shapes that several pages show: a row to handle, a room's verdict in one sentence, facts and actions of a room."""

from __future__ import annotations

from dataclasses import dataclass, field

from hub.console.present import Present, lower_first, present
from hub.console.words import Words, local, short_time
from hub.store.read import reads, worklist
from hub.store.read.last_word import read_state as read
from hub.store.read.read_incidents import Incident
from hub.store.read.reads import MeetingRow, RoomDetail, RoomRow, Tree
from hub.store.read.worklist import Item
from wire.messages import ActionNow, FactNow, State
from wire.telling import Need


@dataclass
class Row:
    """One row to handle: an incident, or several of one cause."""

    incident: Incident
    need: Need
    title: str
    room: RoomRow | None
    commune: str
    cluster: str
    meeting: MeetingRow | None
    others: list[Row] = field(default_factory=list)
    communes: int = 1
    line: str = ""
    """What happens about it; see `with_lines`."""

    @property
    def members(self) -> str:
        """The other incidents' numbers, for the forms that act on all of them."""
        return ",".join(str(row.incident.id) for row in self.others)

    @property
    def count(self) -> int:
        """Rooms that the row stands for."""
        return 1 + len(self.others)


def title_of(t: Words, incident: Incident) -> str:
    """What the room called it when it told of it last; one without a name is said to have none."""
    return t.told(incident.words).title or t("incident.nameless")


def make_rows(t: Words, items: list[Item], rooms: list[RoomRow], tree: Tree, coming: list[MeetingRow]) -> list[Row]:
    """Rows in the given order, those of one cause folded into the first of them."""
    by_room = {room.room: room for room in rooms}
    nearest = reads.next_by_room(coming)
    singles = {one.incident.id: _row(t, one, by_room.get(one.incident.room), tree, nearest) for one in items}
    rows: list[Row] = []
    for alike in worklist.rows(items):
        same = [singles[one.incident.id] for one in alike]
        first = same[0]
        rows.append(first)
        if len(same) == 1:
            continue
        first.others = same[1:]
        first.communes = len({row.commune for row in same})
        first.meeting = min((row.meeting for row in same if row.meeting), key=lambda m: m.start_s, default=None)
        first.cluster = first.cluster if len({row.cluster for row in same}) == 1 else ""
    order = {incident: index for index, incident in enumerate(singles)}
    return sorted(rows, key=lambda row: order[row.incident.id])


@dataclass(frozen=True, slots=True)
class Group:
    """The rows of those who have to do something, and how many there are of them in all, shown or not."""

    need: Need
    count: int
    rows: list[Row]


def grouped(rows: list[Row], shown: int) -> list[Group]:
    """The rows by who has to do something; of all together, the first `shown` are shown."""
    found = []
    for need in (*worklist.GROUPS, Need.NONE):
        of_need = [row for row in rows if row.need == need]
        if of_need:
            found.append(Group(need, len(of_need), of_need[: max(0, shown)]))
            shown -= len(of_need)
    return found


def with_lines(t: Words, rows: list[Row], now_s: float) -> list[Row]:
    """The rows with what is told of them now. Rooms of one cause may stand at different stages."""
    for row in rows:
        now = present(t, row.incident, now_s)
        stands = {(one.incident.phase, one.incident.refused) for one in [row, *row.others]}
        row.title, row.line = now.title, now.line if len(stands) == 1 else t("now.differ")
    return rows


def _row(t: Words, item: Item, room: RoomRow | None, tree: Tree, nearest: dict[str, MeetingRow]) -> Row:
    incident = item.incident
    commune = tree.up(room.node, "commune") if room else None
    cluster = tree.up(room.node, "cluster") if room else None
    return Row(
        incident,
        item.need,
        title_of(t, incident),
        room,
        commune.name if commune else "",
        cluster.name if cluster else "",
        nearest.get(incident.room),
    )


def times(t: Words, incident: Incident, now_s: float) -> str:
    """How many-th time it is, where it has come before; else empty."""
    if incident.nth < 2:
        return ""
    if local(incident.first_s).date() == local(now_s).date():
        return t("again.today", n=incident.nth)
    return t("again.since", n=incident.nth, time=short_time(incident.first_s, now_s))


def verdict_sentence(t: Words, room: RoomDetail, worst: Present | None, now_s: float) -> str:
    """The room's state in one sentence, and what happens about its worst incident in a second."""
    if room.verdict == "lost":
        since_s = room.lost_since_s or room.heard_s
        return t("verdict.lost", time=short_time(since_s, now_s)) if since_s else t("verdict.lost_never")
    if room.verdict in ("fault", "check"):
        if worst is None:
            return t(f"verdict.{room.verdict}_plain")
        return f"{t(f'verdict.{room.verdict}', title=lower_first(worst.title))} {worst.line}"
    if room.verdict == "unknown" and room.unknown_why:
        said = t("verdict.unknown_because", why=why_unknown(t, room.unknown_why))
        return f"{said} {worst.title}. {worst.line}" if worst else said
    return t(f"verdict.{room.verdict}")


def why_unknown(t: Words, why: str) -> str:
    """The reason as it reads after a colon; one of a newer hub's data is not shown by its raw name."""
    return t.name("unseen", why if t.has(f"unseen.{why}") else "no_data")


@dataclass(frozen=True, slots=True)
class FactLine:
    """One fact ready to show. `state` is `ok`, `silent` (asked, no answer) or `never`."""

    name: str
    value: str
    age: str
    state: str


GROUPS = {
    "codec": "codec", "display": "display", "camera": "camera", "mains": "power", "ups": "power", "room": "power",
    "net": "net", "mcu": "mcu", "env": "env", "sound": "sound", "amp": "sound", "pc": "pc", "self": "self",
}  # fmt: skip
_ORDER = ("codec", "display", "camera", "sound", "pc", "power", "net", "mcu", "env", "self", "other")


def read_state(room: RoomDetail) -> State | None:
    """The room's own state message, or None when it sent none that can be read."""
    return read(room.state_raw)


def fact_groups(t: Words, state: State | None, now_s: float) -> list[tuple[str, list[FactLine]]]:
    """All facts of a room by device group, in a fixed order. What the device cannot tell at all is left out."""
    groups: dict[str, list[FactLine]] = {}
    for key, fact in state.facts.items() if state else ():
        if fact.reason == "absent":
            continue
        group = GROUPS.get(key.split(".")[0], "other")
        groups.setdefault(group, []).append(_fact_line(t, key, fact, now_s))
    return [(group, groups[group]) for group in _ORDER if group in groups]


def _fact_line(t: Words, key: str, fact: FactNow, now_s: float) -> FactLine:
    name, age = t.name("fact", key), t.age(now_s - fact.at_s) if fact.at_s else ""
    if fact.ok and fact.value is not None:
        return FactLine(name, t.value(key, fact.value), age, "ok")
    said = t.name("silent", fact.reason or "never")
    if fact.value is not None and fact.at_s:
        said += f" ({t('room.last_good', value=t.value(key, fact.value), age=age)})"
        return FactLine(name, said, "", "silent")
    return FactLine(name, said, age, "silent" if fact.at_s else "never")


def actions(state: State | None) -> list[ActionNow]:
    """The guarded actions that the room offers, with the refusal each would meet just now."""
    return list(state.actions) if state else []
