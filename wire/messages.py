"""Every message on the wire, as msgspec structs in JSON.

Rules: add fields, never repurpose one; a field that is missing has a default; unknown fields are skipped by the decoder
and kept by the hub with the raw bytes. The wire is MQTT 3.1.1 (`wire.mqtt`): all that matters stands in the payload.
A major version other than `MAJOR` is set aside and shown, never guessed at.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

T = TypeVar("T", bound=msgspec.Struct)

MAJOR = 1
PAYLOAD_MAX_BYTES = 65_536
"""A larger payload is refused unread. The largest honest one, a full state, is below 16 kB."""

Value = bool | int | float | str
"""What a sensor can say. `None` stands for "no reading" wherever it is allowed."""


class Stamp(msgspec.Struct, frozen=True, kw_only=True):
    """Where and when a message was made. `(epoch, seq)` orders and identifies it; wall time is for people only."""

    epoch: str
    """Id of the outbox database: new whenever that file is new, so that a lost card cannot replay numbers."""
    seq: int
    """Counts up within the epoch, from 1. 0 for messages that need no identity."""
    boot: str
    """Kernel's boot id, 32 hex digits."""
    mono_s: float
    """Seconds since boot, unaffected by clock steps."""
    wall_s: float
    """Unix seconds, UTC. Only as good as `synced`."""
    synced: bool
    """Whether the clock was disciplined when this was made."""


class Words(msgspec.Struct, frozen=True):
    """What to tell a person, in one language. `wire.telling` decides which steps, at which moment."""

    title: str
    """The fault, and nothing of what is done about it."""
    steps: list[str] = []
    """By hand, while the room may not act by itself; none of them takes power away."""
    name: str = ""
    """The fault's own name, two or three words."""
    reasons: dict[str, str] = {}
    """Words of the reasons that this fault's events may give. A state's faults leave them out."""
    working: list[str] = []
    """What to do while the room acts by itself."""
    power: list[str] = []
    """Steps that take power away from something."""
    on: list[str] = []
    """Those of `steps` that switch something on."""


class Evidence(msgspec.Struct, frozen=True):
    """One observation a decision rests on. `value` None: it was asked, and did not answer for `reason`."""

    key: str
    value: Value | None
    age_s: float
    reason: str = ""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """`status`, retained, and also the last will (then `online` is false and `stamp` is that of the connection)."""

    v: int = MAJOR
    stamp: Stamp
    online: bool
    version: str = ""
    connection: int = 0
    """Counts connections within a boot: a session takeover publishes no will, so order by (boot, connection)."""
    nonce: str = ""
    """Random, new at connect and every 60 s. A command must carry a recent one: freshness without a wall clock."""
    counter: int = 0
    """The highest command counter obeyed so far: the hub's next must be above it."""


class FactNow(msgspec.Struct, frozen=True):
    """The last good value of one fact and how it stands now."""

    value: Value | None
    at_s: float
    """Wall time of the last good value; 0 when there was none."""
    ok: bool = True
    """Whether the last attempt gave a value."""
    reason: str = ""


class FaultNow(msgspec.Struct, frozen=True, kw_only=True):
    """One fault that is not clear."""

    fault_id: int
    rule: str
    phase: str
    severity: str
    since_s: float
    """Wall time of the first symptom."""
    rung: int = 0
    refused: str = ""
    """Why the next remedy waits: a refusal's name, or empty."""
    words: dict[str, Words] = {}
    act: str = ""
    """The remedy that is under way, whose effect is awaited, or that comes next; empty: there is none left."""
    acts: int = 0
    """How many the room has begun by itself in this episode."""
    takes_s: float = 0.0
    """How long that act takes until it has its effect, by the boot times measured in this room; 0: not known."""
    left_s: float = 0.0
    """Seconds from this state's moment until an act under way should have had its effect (below 0: it is late), or
    until what forbids the next one may end; 0: not known."""


class ActionNow(msgspec.Struct, frozen=True, kw_only=True):
    """A guarded action this room offers, and whether its interlock would let it pass just now."""

    remedy: str
    load: str = ""
    """Empty where it concerns no single load, such as `clear_latches`."""
    refused: str = ""


class State(msgspec.Struct, frozen=True, kw_only=True):
    """`state`, retained: the full snapshot, on change (at least 1 s apart) and every 10 min."""

    v: int = MAJOR
    stamp: Stamp
    facts: dict[str, FactNow]
    faults: list[FaultNow] = []
    actions: list[ActionNow] = []
    loads: dict[str, str] = {}
    """Load to `on`, `off`, `cycling` or `settling`."""
    in_call: bool | None = None
    """None: not known, which the interlock takes as yes."""
    mode: str = "normal"
    """`normal`, `maintenance` or `safe`."""
    secrecy: str = ""
    """`open`, `secret_meeting` (then facts are left out and `in_call` is null), or `not_told`: the room does not know
    whether a secret meeting is on, and measures no sound."""
    hands_off: str = ""
    """Why people should take power from nothing here and switch nothing on: a refusal's name, as `condensation`."""
    version: str = ""
    time_scale: float = 1.0
    outbox: int = 0
    """Events not yet acknowledged by the hub."""
    dropped: int = 0
    """Events and metric batches the room had to drop since its epoch began, because its outbox was full."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """`event`: something that happened, kept in the room until the hub acknowledges it."""

    v: int = MAJOR
    stamp: Stamp
    floor: int = 1
    """Lowest seq still in the room's outbox: everything below was acknowledged or, counted, dropped."""
    hub: str = ""
    """Epoch of the hub's database that `floor` has in mind, empty before the room has heard of one. A hub that was
    brought back from an older copy has not got what another epoch acknowledged."""
    kind: str
    """An `EventKind`, or one of a newer release, which the hub stores and shows as it came."""
    fault_id: int = 0
    """Numbers the episode within the epoch; 0 when no fault is meant."""
    rule: str = ""
    severity: str = ""
    phase: str = ""
    reason: str = ""
    """Name of the verdict's reason, the refusal or the failure."""
    since_s: float = 0.0
    evidence: list[Evidence] = []
    act_id: int = 0
    remedy: str = ""
    load: str = ""
    outcome: str = ""
    """Of a remedy: `done`, `failed` or `interrupted`."""
    proof: dict[str, Value] = {}
    """Measured effect of a remedy, e.g. `off_s`, `draw_before_w`, `draw_off_w`."""
    command: str = ""
    by: str = ""
    """Account name of the operator who ordered it; empty when the room acted for itself."""
    words: dict[str, Words] = {}
    """By language, `vi` and `en`."""
    detail: dict[str, Any] = {}


class MetricBatch(msgspec.Struct, frozen=True, kw_only=True):
    """`metric`: samples of one period, by fact: lists of [seconds since `stamp.wall_s`, value]."""

    v: int = MAJOR
    stamp: Stamp
    samples: dict[str, list[tuple[float, float]]]


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """`reply/{id}`: what became of a command. `accepted`, then `done` or `failed` with proof; or `refused`."""

    v: int = MAJOR
    stamp: Stamp
    outcome: str
    reason: str = ""
    act_id: int = 0
    proof: dict[str, Value] = {}


class Confirmed(msgspec.Struct, frozen=True, kw_only=True):
    """What a person in the room has said to the operator: it may let an order act in the middle of a meeting."""

    person: str
    """The name of the one who said it, for the log: at most 64 letters."""
    what: str
    """`no_picture_no_sound`, and nothing else so far."""
    at_s: float
    """Unix seconds by the hub's clock when the operator heard it. It goes for 180 s."""


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """`command/{id}`, in an envelope: one order. Bound to its id, room, boot, nonce and counter; never retained."""

    v: int = MAJOR
    id: str = ""
    """The id of its topic; it goes for no other."""
    room: str
    boot: str
    nonce: str
    counter: int
    action: str
    """A remedy's name as offered in `state.actions`, or `recheck`."""
    by: str
    reason: str = ""
    expires_s: float = 60.0
    """Seconds it stays good after the nonce it names was issued, at most 120."""
    confirmed: Confirmed | None = None
    """Null: nobody in the room has said anything, and between start and end of a meeting nothing in the way of a call
    is restarted."""


class Meeting(msgspec.Struct, frozen=True):
    """One meeting that this room is invited to, in Unix seconds."""

    id: str
    title: str
    start_s: float
    end_s: float
    trial: bool = False
    """A trial connection rather than a real meeting."""
    secret: bool = False
    """A secret meeting ("họp mật"): from a quarter of an hour before it until it is over the room measures no sound,
    and sends signs of life and faults only."""


class Has(msgspec.Struct, frozen=True, kw_only=True):
    """How far the hub has a room's events, under its signature. An `ack` has none: whoever holds the broker can forge
    one, and a room would forget what the hub never had."""

    hub: str
    """Epoch of the hub's database, as in `fleet`."""
    epoch: str
    """Of the room's events."""
    seq: int
    """Every event of that epoch up to here was committed when this was said; 0: none."""
    at_s: float
    """Unix seconds by the hub's clock when it was said: every day anew."""


class Desired(msgspec.Struct, frozen=True, kw_only=True):
    """`desired`, in an envelope, retained: what the hub wants of the room. A version below the last one is refused."""

    v: int = MAJOR
    room: str
    version: int
    meetings: list[Meeting] = []
    maintenance_until_s: float = 0.0
    has: Has | None = None
    """A room whose own mark is above it sends what lies between again. Null while the hub knows none of them."""


class Ack(msgspec.Struct, frozen=True, kw_only=True):
    """`ack`: the hub has committed every event of `epoch` up to `seq`. Cumulative."""

    v: int = MAJOR
    epoch: str
    seq: int
    hub: str = ""
    """Epoch of the hub's database that has them, as in `fleet`: a room goes by the word of no other."""


class Fleet(msgspec.Struct, frozen=True, kw_only=True):
    """`diemcau/1/fleet`, retained: what holds for all rooms."""

    v: int = MAJOR
    hub_epoch: str
    """New whenever the hub's database is new: rooms then send their state and unacknowledged events again."""
    reconnect_window_s: float = 30.0
    """Rooms spread their reconnect evenly over this window after a common loss. 5 to 600."""
    rate_per_s: float = 20.0
    """Most messages a second a room may send while it drains its outbox."""


class _Version(msgspec.Struct):
    v: int = MAJOR


class BadMessageError(ValueError):
    """The payload is no message of ours. The text says what and where, in one sentence."""


class NewerVersionError(BadMessageError):
    """A major version this program does not speak. Set the message aside and show it."""


_encoder = msgspec.json.Encoder()
_version = msgspec.json.Decoder(_Version)
_decoders: dict[type[Any], msgspec.json.Decoder[Any]] = {}


def encode(message: msgspec.Struct) -> bytes:
    """The message as JSON bytes."""
    return _encoder.encode(message)


def decode(kind: type[T], payload: bytes) -> T:
    """Read one message of a known kind. Raises BadMessageError or NewerVersionError; never anything else."""
    if len(payload) > PAYLOAD_MAX_BYTES:
        raise BadMessageError(f"payload of {len(payload)} bytes is over the limit of {PAYLOAD_MAX_BYTES}")
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.json.Decoder(kind)
    try:
        message: T = decoder.decode(payload)
        version = message.v  # type: ignore[attr-defined]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        version = _peek_version(payload)
        if version == MAJOR:
            raise BadMessageError(f"not a {kind.__name__}: {error}") from None
    if version != MAJOR:
        raise NewerVersionError(f"{kind.__name__} of version {version}, this program speaks {MAJOR}")
    return message


def _peek_version(payload: bytes) -> int:
    try:
        return _version.decode(payload).v
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return MAJOR
