"""The shapes of the API. Fields are added, never renamed or reused: what reads them is not ours.

Moments are RFC 3339 in UTC, null for "not yet" or "not known". Words such as a verdict or a phase are open lists: a
newer room may send one that is not in the description.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from hub.console.words import LANGUAGES, words
from hub.core.incident import OUTCOMES
from hub.core.twin import Unseen
from hub.store.read.reads import VERDICTS
from wire.bounds import PERSON_MAX

Plain = bool | int | float | str | None
NUMBER_MAX = 2**53 - 1
"""The greatest whole number that every reader of JSON takes as it is (RFC 8259, 6)."""


def moment(at_s: float | None) -> datetime | None:
    """Unix seconds as a moment; None for 0 and for what no calendar holds: a room's clock may say anything."""
    try:
        return datetime.fromtimestamp(at_s, UTC) if at_s and at_s > 0 else None
    except (OverflowError, ValueError, OSError):
        return None


class Both(BaseModel):
    """A text for people in both languages."""

    vi: str
    en: str


def both(key: str, **values: Any) -> Both:
    """A text of the catalogues."""
    return Both(**{language: words(language)(key, **values) for language in LANGUAGES})


def named(kind: str, raw: str) -> Both:
    """The name of a rule, fact, remedy or reason; the raw word where the catalogues have none."""
    return Both(**{language: words(language).name(kind, raw) for language in LANGUAGES})


class FieldProblem(BaseModel):
    """One value that cannot be taken."""

    where: str = Field(description="Path of the value, e.g. `query.limit` or `body.why`.")
    why: str


class Problem(BaseModel):
    """Why a request was not served (RFC 9457). `type` is for programs, `detail` for people."""

    type: str = Field(examples=["urn:diemcau:problem:forbidden"])
    title: str = Field(description="The HTTP status in words.")
    status: int
    detail: str = Field(description="One sentence, Vietnamese / English.")
    reason: str | None = Field(None, description="For an order that was not sent: the word that says why not.")
    errors: list[FieldProblem] | None = Field(None, description="Each value that cannot be taken.")


class Place(BaseModel):
    """A node of the site tree."""

    id: int
    parent: int | None
    level: str = Field(examples=["province", "cluster", "commune", "site"])
    code: str = Field(description="Administrative code, unique within its level.")
    name: str


class PlacePage(BaseModel):
    """Some places."""

    items: list[Place]
    next: str | None = Field(description="`cursor` of the next page; null: this is the last.")


class RoomBrief(BaseModel):
    """A room as lists show it."""

    id: str = Field(description="The room's id for ever.")
    name: str
    site: int = Field(description="`id` of its node in the site tree.")
    verdict: str = Field(description=f"One of {', '.join(VERDICTS)}, worst first; more may come.")
    unknown_because: str = Field(
        description=f"Why the verdict is `unknown`: {', '.join(Unseen)}; more may come. Empty: it is another one."
    )
    online: bool
    in_call: bool | None = Field(description="null: not known.")
    version: str = Field(description="Of its agent; empty: not known.")
    heard_at: datetime | None = Field(description="When the hub last heard anything of it.")


class RoomPage(BaseModel):
    """Some rooms."""

    items: list[RoomBrief]
    next: str | None = Field(description="`cursor` of the next page; null: this is the last.")


class Fact(BaseModel):
    """The last good value of one fact, and how it stands now."""

    key: str = Field(examples=["codec.call"])
    name: Both
    value: Plain
    at: datetime | None = Field(description="When the value was good last, by the room's clock.")
    ok: bool = Field(description="Whether the last attempt gave a value.")
    reason: str = Field(description="Why it gave none.")


class Action(BaseModel):
    """Something the room may be ordered, and whether its interlock would refuse it just now."""

    action: str
    name: Both
    refused: str = Field(description="The reason; empty: it would pass.")


class RoomFull(RoomBrief):
    """One room with its twin: what it last said of itself."""

    contact: str
    phone: str
    mode: str = Field(examples=["normal", "maintenance", "safe"])
    secrecy: str = Field(
        description="`secret_meeting`: the room keeps its facts to itself; `not_told`: it does not know; else `open`."
        " Empty: the room did not say."
    )
    lost_since: datetime | None
    state_at: datetime | None = Field(description="When the room wrote the state below, by its clock.")
    facts: list[Fact]
    actions: list[Action]
    unsent_events: int = Field(description="Events that the hub has not acknowledged yet, as the room counts.")


class IncidentBrief(BaseModel):
    """One episode of a fault."""

    id: int
    room: str
    rule: str
    title: Both
    severity: str = Field(examples=["critical", "major", "warning", "info"])
    phase: str
    needs_person: bool
    opened_at: datetime | None
    confirmed_at: datetime | None
    escalated_at: datetime | None
    closed_at: datetime | None = Field(description="null: it is open.")
    outcome: str = Field(
        description=f"What ended it: {', '.join(OUTCOMES)}, or `superseded` by a new card. Empty: it is open."
    )
    needless_acts: int = Field(description="Acts of the room, where it ended `with_cause` or by `itself`.")
    acked_by: str = Field(description="Who has taken it; empty: nobody.")
    acked_at: datetime | None
    shelved_until: datetime | None
    group: str = Field(description="Shared by incidents of one cause; empty: it stands alone.")


class IncidentPage(BaseModel):
    """Some incidents."""

    items: list[IncidentBrief]
    next: str | None = Field(description="`cursor` of the next page; null: this is the last.")


class Evidence(BaseModel):
    """One reading behind a step, as people read it."""

    name: Both
    value: Both


class Step(BaseModel):
    """One line of an incident's story."""

    at: datetime | None
    tone: str = Field(examples=["symptom", "bad", "act", "wait", "good", "person", "plain"])
    title: Both
    detail: Both
    evidence: list[Evidence]
    quote: str = Field(description="What a person wrote; empty: nothing.")


class IncidentFull(IncidentBrief):
    """One incident with its story."""

    now: Both = Field(description="What happens about it at this moment.")
    to_do: list[Both] = Field(description="What somebody in the room can do now; nothing that takes power away.")
    story: list[Step]


class ConfirmedIn(BaseModel):
    """What a person in the room has said just now. With it a restart may be ordered in the middle of a meeting; the
    room refuses it all the same in a call, or while it does not know whether there is one."""

    model_config = ConfigDict(extra="forbid")

    person: str = Field(min_length=1, max_length=PERSON_MAX, description="Name of the person in the room, for the log.")
    what: Literal["no_picture_no_sound"] = Field(description="There is no picture and no sound.")


class OrderIn(BaseModel):
    """An order to a room. Whether it is safe is for the room's own interlock."""

    model_config = ConfigDict(extra="forbid")

    action: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$", examples=["codec_restart", "recheck"])
    why: str = Field("", max_length=500, description="For colleagues and the log; may be empty for `recheck` alone.")
    incident: int | None = Field(None, ge=1, le=NUMBER_MAX, description="The incident that it is for.")
    confirmed: ConfirmedIn | None = Field(
        None, description="Needed for a restart between start and end of a meeting. It goes for three minutes."
    )


class Order(BaseModel):
    """An order and what became of it."""

    id: str
    room: str
    action: str
    by: str = Field(description="An account, `token:NAME`, or `hub` itself.")
    why: str
    incident: int | None
    confirmed_by: str = Field(description="Who in the room said that there was no picture and no sound; empty: nobody.")
    outcome: str = Field(examples=["waiting", "sent", "accepted", "done", "failed", "refused", "expired"])
    ended: bool = Field(description="Whether the outcome is final.")
    reason: str
    proof: dict[str, Any] = Field(description="What the room measured of its effect.")
    created_at: datetime | None
    sent_at: datetime | None
    ended_at: datetime | None


class Version(BaseModel):
    """One version of the agent and the rooms that have it."""

    name: str
    rooms: int
    online: int


class Wave(BaseModel):
    """One wave of a roll-out; the counts are null while it has not begun."""

    number: int
    rooms: int
    good: int | None
    bad: int | None
    waiting: int | None
    unreachable: int | None


class Rollout(BaseModel):
    """The newest roll-out."""

    version: str
    before: str
    phase: str = Field(examples=["running", "soaking", "paused", "rolling_back", "rolled_back", "done"])
    wave: int = Field(description="Number of the present wave, from 1.")
    since: datetime | None = Field(description="When this phase began.")
    reason: str
    waves: list[Wave]


class Versions(BaseModel):
    """Versions in use and the newest roll-out."""

    versions: list[Version]
    rollout: Rollout | None
    frozen: str = Field(description="Name of the window in which nothing is rolled out; empty: none is open.")


class Health(BaseModel):
    """How the hub is."""

    version: str
    started_at: datetime | None
    broker_connected: bool
    last_message_age_s: float | None
    rooms_expected: int
    rooms_heard: int
    queue: int = Field(description="Messages waiting to be committed.")
    set_aside: int = Field(description="Messages that could not be read, since the database began.")
    commit_ms: float
    verdicts: dict[str, int] = Field(description="Rooms by verdict.")
    unhandled: int = Field(description="Rows that need a hand nobody has offered; none put away or a day old.")
