"""The pages that operators look at: overview, rooms, one room, health."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

from fastapi import APIRouter
from starlette.responses import Response

from hub.console import timeline, views
from hub.console.acting.dangers import apart
from hub.console.context import Ask, Asked, RefusedError
from hub.console.finding import search
from hub.console.present import present
from hub.console.words import Words, day_time
from hub.store.read import counts, read_incidents, read_security, reads, worklist
from hub.store.read.reads import RANK, VERDICTS, MeetingRow, Place, RoomRow, Tree
from wire.messages import BadMessageError, Event, decode
from wire.telling import Need

router = APIRouter(include_in_schema=False)
TOP_MAX, MENDING_MAX = 9, 2
"""On a wide screen; others show the first five of what needs a person."""
ROWS_MAX = 50
"""Rooms on a page of the list: some screens' height on a phone."""


@router.get("/")
def overview(ask: Asked) -> Response:
    """Next meeting, all rooms as tiles, the most urgent things, on a wide screen also what heals, liveness."""
    tree, rooms = reads.tree(ask.reader), reads.rooms(ask.reader)
    coming = reads.meetings(ask.reader, ask.now_s)
    work = worklist.open_work(ask.reader, ask.now_s)
    # What a room is healing by itself is no work for a person yet.
    open_now = worklist.in_tab(work, "open", "")
    urgent = views.make_rows(ask.t, [one for one in open_now if one.need in worklist.HANDS], rooms, tree, coming)
    mending = views.make_rows(ask.t, [one for one in open_now if one.need is Need.MACHINE], rooms, tree, coming)
    counters = counts.counters(ask.reader, ask.now_s, work)
    return ask.page(
        "overview.html",
        clusters=_clusters(tree, rooms),
        meeting=_meeting(coming, rooms, tree),
        top=views.with_lines(ask.t, urgent[:TOP_MAX], ask.now_s),
        urgent=len(urgent),
        mending=views.with_lines(ask.t, mending[:MENDING_MAX], ask.now_s),
        mending_all=len(mending),
        counters=counters,
        verdicts=VERDICTS,
    )


@dataclass(frozen=True, slots=True)
class Readiness:
    """A meeting and how many of its rooms are ready: of those invited, each is either ready, missing or foreign."""

    meeting: MeetingRow
    ready: int
    invited: int
    foreign: int
    """Invited, and in no list of rooms: nobody can say how they are."""
    missing: list[tuple[RoomRow, str]]
    """Rooms that are not ready with their communes, the worst first."""


def _meeting(coming: list[MeetingRow], rooms: list[RoomRow], tree: Tree) -> Readiness | None:
    if not coming:
        return None
    meeting = coming[0]
    invited = [room for room in rooms if room.room in meeting.rooms]
    missing = sorted((room for room in invited if room.verdict != "ready"), key=lambda room: RANK[room.verdict])
    named = [(room, commune.name if (commune := tree.up(room.node, "commune")) else "") for room in missing]
    foreign = len(meeting.rooms) - len(invited)
    return Readiness(meeting, len(invited) - len(missing), len(meeting.rooms), foreign, named)


Communes = list[tuple[str, list[RoomRow]]]


def _clusters(tree: Tree, rooms: list[RoomRow]) -> list[tuple[str, Communes]]:
    """Cluster to commune to rooms, each sorted for people. Rooms without a cluster stand under an empty name."""
    grouped: dict[int, dict[int, list[RoomRow]]] = {}
    places: dict[int, Place] = {}
    for room in rooms:
        commune = tree.up(room.node, "commune") or tree.places.get(room.node)
        cluster = tree.up(room.node, "cluster")
        for place in (commune, cluster):
            if place:
                places[place.id] = place
        inner = grouped.setdefault(cluster.id if cluster else 0, {})
        inner.setdefault(commune.id if commune else 0, []).append(room)

    def key(node: int) -> str:
        return places[node].sort_key if node in places else ""

    def name(node: int) -> str:
        return places[node].name if node in places else ""

    return [
        (
            name(cluster),
            [(_short(name(commune)), grouped[cluster][commune]) for commune in sorted(grouped[cluster], key=key)],
        )
        for cluster in sorted(grouped, key=key)
    ]


def _short(commune: str) -> str:
    """A commune's name on the map: nearly all are "xã", so only the others are told apart."""
    return commune.removeprefix("Xã ").replace("Phường ", "P. ", 1)


@dataclass(frozen=True, slots=True)
class Line:
    """One room in the table."""

    room: RoomRow
    commune: str
    cluster: str
    problem: str
    meeting: MeetingRow | None


def _lines(ask: Ask, query: str, verdict: str, cluster: str) -> tuple[list[Line], Tree]:
    """The rooms that match, the worst first, then by commune. Four queries, whatever matches."""
    tree = reads.tree(ask.reader)
    nearest = reads.next_by_room(reads.meetings(ask.reader, ask.now_s))
    problems: dict[str, str] = {}
    for incident in read_incidents.open_incidents(ask.reader):
        problems.setdefault(incident.room, ask.t.fault(incident.words))
    lines = []
    for room in search(reads.rooms(ask.reader), tree, query):
        of_cluster = tree.up(room.node, "cluster")
        if (verdict and room.verdict != verdict) or (cluster and (of_cluster is None or of_cluster.code != cluster)):
            continue
        commune = tree.up(room.node, "commune")
        lines.append(
            Line(
                room,
                commune.name if commune else "",
                of_cluster.name if of_cluster else "",
                problems.get(room.room, "") or _unseen(ask.t, room),
                nearest.get(room.room),
            )
        )
    lines.sort(key=lambda line: RANK[line.room.verdict])
    return lines, tree


def _unseen(t: Words, room: RoomRow) -> str:
    return views.why_unknown(t, room.unknown_why) if room.unknown_why else ""


@router.get("/rooms")
def rooms_page(ask: Asked, q: str = "", state: str = "", cluster: str = "", page: int = 1) -> Response:
    """All rooms as a table, filtered, a page at a time. A page that there is not becomes the nearest one."""
    lines, tree = _lines(ask, q, state, cluster)
    pages = max(1, -(-len(lines) // ROWS_MAX))
    page = min(max(1, page), pages)
    return ask.page(
        "rooms.html",
        lines=lines[(page - 1) * ROWS_MAX : page * ROWS_MAX],
        total=len(lines),
        page=page,
        pages=pages,
        clusters=tree.of_level("cluster"),
        q=q,
        state=state,
        cluster=cluster,
        verdicts=VERDICTS,
    )


@router.get("/rooms.csv")
def rooms_csv(ask: Asked, q: str = "", state: str = "", cluster: str = "") -> Response:
    """The same rooms for a spreadsheet: UTF-8 with BOM and semicolons, as Vietnamese settings of Excel expect."""
    lines, _ = _lines(ask, q, state, cluster)
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    columns = ("id", "room", "commune", "cluster", "state", "problem", "heard", "meeting", "contact", "phone")
    writer.writerow([ask.t(f"rooms.col.{column}") for column in columns])
    for line in lines:
        writer.writerow(_plain(cell) for cell in _cells(ask.t, line))
    name = f"phong-hop-{day_time(ask.now_s)[:10].replace('/', '-')}.csv"
    return Response(
        "\ufeff" + out.getvalue(),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _cells(t: Words, line: Line) -> tuple[str, ...]:
    room, meeting = line.room, line.meeting
    return (
        room.room,
        room.name,
        line.commune,
        line.cluster,
        t(f"state.{room.verdict}"),
        line.problem,
        day_time(room.heard_s) if room.heard_s else "",
        day_time(meeting.start_s) if meeting else "",
        room.contact,
        room.phone,
    )


def _plain(cell: str) -> str:
    """A cell that a spreadsheet takes as text: a leading '=' or '+' would be a formula, and words come from rooms."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


@router.get("/rooms/{room_id}")
def room_page(ask: Asked, room_id: str) -> Response:
    """One room: verdict, what to say, devices, faults, timeline, history, contacts, actions."""
    room = reads.room(ask.reader, room_id)
    if room is None:
        raise RefusedError(404, "error.not_found_room", id=room_id[:40])
    incidents = read_incidents.of_room(ask.reader, room_id)
    tree, state = reads.tree(ask.reader), views.read_state(room)
    touching = reads.meetings_of_room(ask.reader, room_id, ask.now_s - timeline.SPAN_S, ask.now_s + reads.WEEK_S)
    opened = [incident for incident in incidents if incident.is_open]
    told = [(one, present(ask.t, one, ask.now_s)) for one in opened]
    worst = told[0][1] if told else None
    return ask.page(
        "room.html",
        room=room,
        commune=tree.up(room.node, "commune"),
        cluster=tree.up(room.node, "cluster"),
        site=tree.up(room.node, "site"),
        verdict=views.verdict_sentence(ask.t, room, worst, ask.now_s),
        opened=told,
        history=[incident for incident in incidents if not incident.is_open],
        now=worst,
        title_of=views.title_of,
        state=state,
        groups=views.fact_groups(ask.t, state, ask.now_s),
        secret=state is not None and state.secrecy == "secret_meeting",
        actions=apart(views.actions(state)),
        orders=read_incidents.orders_of_room(ask.reader, room_id),
        security=read_security.security(ask.reader, 5, room_id),
        timelines=_timelines(ask, room, incidents, touching),
        meeting=next((meeting for meeting in touching if meeting.end_s > ask.now_s), None),
    )


def _timelines(
    ask: Ask, room: reads.RoomDetail, incidents: list[read_incidents.Incident], meetings: list[MeetingRow]
) -> list[str]:
    """A day for a desk, some hours for a phone."""
    start_s = ask.now_s - timeline.SPAN_S
    spans = [
        timeline.Span("faults", f"s-{i.severity}", i.opened_s, i.closed_s, views.title_of(ask.t, i))
        for i in incidents
        if (i.is_open or i.closed_s > start_s) and not (i.epoch == "hub" and room.verdict == "lost")
    ]
    spans += [
        timeline.Span("meetings", "s-meeting", m.start_s, m.end_s, m.title) for m in meetings if m.start_s < ask.now_s
    ]
    if room.verdict == "lost":
        spans.append(timeline.Span("lost", "s-lost", room.lost_since_s or start_s, 0, ask.t("state.lost")))
    spans += [
        timeline.Span("lost", "s-lost", i.opened_s, i.closed_s, ask.t("state.lost"))
        for i in incidents
        if i.epoch == "hub" and i.closed_s > start_s
    ]
    for row in read_incidents.room_acts(ask.reader, room.room, start_s):
        spans.append(timeline.Span("acts", "act", row["at_s"], 0, _act_title(ask.t, row["raw"])))
    return [timeline.draw(ask.t, spans, ask.now_s, frame) for frame in (timeline.DAY, timeline.NEAR)]


def _act_title(t: Words, raw: bytes) -> str:
    try:
        return t.name("remedy", decode(Event, bytes(raw)).remedy)
    except BadMessageError:
        return t("timeline.acts")


@router.get("/health")
def health_page(ask: Asked) -> Response:
    """Hub, broker, and messages that were set aside."""
    live = ask.request.app.state.live
    return ask.page(
        "health.html",
        counters=counts.counters(ask.reader, ask.now_s),
        aside=reads.set_aside(ask.reader),
        security=read_security.security(ask.reader),
        live=live,
        verdicts=VERDICTS,
    )
