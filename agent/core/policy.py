"""What a room is and how it wants to be treated: thresholds, loads, guards, meetings. Set once, replaced as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.core.facts import FACTS, FactSpec
from agent.core.remedies import LOADS, OFF_MAX_S, REMEDIES, Load, Remedy


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Limits of the rules (rooms-vn, thresholds). Each can be set per room; [J] is our own judgement."""

    mains_low_v: float = 198.0
    """Below this the mains is weak."""
    mains_high_v: float = 242.0
    """Above this it is too high."""
    mains_recover_low_v: float = 205.0
    """From here on the mains is no longer weak."""
    mains_recover_high_v: float = 238.0
    """Up to here it is no longer too high."""
    mains_absent_v: float = 90.0
    """Below this the mains counts as lost rather than weak [J]."""
    room_hot_c: float = 35.0
    """Air in the room: hotter than this is too hot."""
    room_cool_c: float = 32.0
    """Down to here it is cool again."""
    rack_hot_c: float = 50.0
    """Air at the equipment: hotter than this is too hot."""
    rack_cool_c: float = 45.0
    """Down to here it is cool again."""
    codec_hot_c: float = 78.0
    """Inside the codec: hotter than this is too hot. The SX20's own threshold is 85 °C, where it shuts itself down.
    """
    codec_cool_c: float = 72.0
    """Down to here it is cool again."""
    dark_lx: float = 150.0
    """Less light than this on the table is too dark."""
    light_enough_lx: float = 200.0
    """From here on it is light enough."""
    codec_alive_w: float = 5.0
    """A codec that draws less has no power; one in standby draws more [J]."""
    call_draw_w: float = 0.0
    """The codec draws at least this in a call. **0: not calibrated; a hung codec is then never restarted by itself**,
    because nothing can witness that no call is under way.
    """
    display_on_w: float = 15.0
    """A display that draws more is on."""
    amp_on_w: float = 3.0
    """An amplifier that draws more is on."""
    loss_high_pct: float = 5.0
    """Packets lost: from here on it is too many."""
    loss_good_pct: float = 1.0
    """Down to here it is good again."""
    jitter_high_ms: float = 40.0
    """Jitter: from here on it is too much."""
    jitter_good_ms: float = 30.0
    """Down to here it is good again."""
    rtt_high_ms: float = 150.0
    """Round trip: from here on it is too long."""
    rtt_good_ms: float = 120.0
    """Down to here it is good again."""
    ups_short_s: float = 300.0
    """A full battery that lasts less than this is weak [J]."""
    humid_pct: float = 85.0
    """Relative humidity: from here on the air is too humid."""
    dry_pct: float = 80.0
    """Down to here it is dry again."""
    dew_margin_c: float = 3.0
    """A surface this close above the dew point counts as condensing."""
    card_full_pct: float = 95.0
    """Space in use on the board's card: from here on it is full [J]."""
    card_room_pct: float = 90.0
    """Down to here there is room again [J]."""
    memory_full_pct: float = 95.0
    """Memory in use on the board: from here on it is used up [J]."""
    memory_room_pct: float = 85.0
    """Down to here there is enough again [J]."""
    howl_dbc: float = 85.0
    """A level no speech reaches at the table [J]; the noise limit itself is 50 dBC."""


@dataclass(frozen=True, slots=True)
class Meeting:
    """One meeting this room is invited to, in Unix seconds."""

    id: str
    title: str
    start_s: float
    end_s: float
    trial: bool = False
    """A trial connection: nobody listens in earnest yet, and the room may unmute itself."""
    secret: bool = False
    """What is said there is secret: no sound is measured, and nothing but signs of life is told."""


@dataclass(frozen=True, slots=True)
class Guards:
    """Limits of the interlock, in seconds and counts (rooms-vn, guards on automation; pi, requirements)."""

    meeting_near_s: float = 900.0
    """Shortly before a meeting the room is its people's (rooms-vn, procedure)."""
    meeting_margin_s: float = 300.0
    """What is restarted before a meeting serves again this long before its start [J]."""
    mains_calm_s: float = 60.0
    """The mains must have been good for this long before anything is switched."""
    call_grace_s: float = 60.0
    """After a stale "in call", the draw must have its say for this long before it is believed."""
    witness_s: float = 5.0
    """What denies a call must have been seen within this before an act that would disturb one [J]."""
    stagger_s: float = 2.0
    """Between any two relay movements of the room, for the inrush."""
    refused_escalate_s: float = 120.0
    """A remedy that waits longer for permission makes the fault a person's."""
    rearm_s: float = 1800.0
    """An escalated fault is tried again after this."""
    upgrade_max_s: float = 3600.0
    """A codec that has fallen silent while it took new firmware counts as taking it for this long."""
    attended_max_s: float = 7200.0
    """The word of somebody at the equipment holds for this long at most when nothing more is heard."""
    return_calm_s: float = 120.0
    """The mains must have been good for this long before the room comes back after an outage (rooms-vn, catalogue)."""
    return_spread_s: float = 60.0
    """Rooms spread their return over this window, by their name: a feeder is not loaded by all at once."""
    shed_max_s: float = 14_400.0
    """What was switched off for the UPS comes back after this, whatever is known of the mains."""
    maintenance_blind_s: float = 43_200.0
    """With a clock that is not disciplined a maintenance window counts as open for so long: a working day [J]."""
    lease_wait_s: float = 20.0
    """A connected hub has this long to grant or deny an act of the room's own; silent, the room's own limits hold.
    0: the hub is not asked."""
    lease_s: float = 300.0
    """A granted lease is used within this, and a denied one asked for again after it."""


@dataclass(frozen=True, slots=True)
class Waits:
    """How long the engine waits where no guard, load, rule or remedy says so. In seconds; no room sets them."""

    strike_gap_s: float = 3.0
    """Between two looks that count as two: a blip seen three times within a second is still a blip [J]."""
    suspicion_s: float = 120.0
    """A suspicion without a further strike for this long is dropped: it must not hold back other rules for ever."""
    longest_hold_s: float = 600.0
    """A hold that lasts longer is a person's: nobody should wait for it in silence."""
    journal_pause_s: float = 10.0
    """After an intent that could not be written down: what each try tells waits in memory."""
    look_s: float = 10.0
    """Between two looks at a device (the probes' default)."""
    ask_again_s: float = 2.0
    """Between two requests for a look before an act: a look takes about as long."""
    order_s: float = 15.0
    """An operator's order waits this long for the look, and is then refused: longer than any probe's deadline."""
    last_look_s: float = 15.0
    """How long an act is held for a last look: longer than any witness may take."""
    stage_min_s: float = 60.0
    """Shortest time a stage of the return is given: three polls have to fit in."""
    by_itself_s: float = 600.0
    """What may mend itself is waited for this long: a ring that the carrier closes, a hub that starts anew, a cable
    that somebody has in hand [J]."""
    by_itself_before_meeting_s: float = 180.0
    """The same when the room is wanted within the hour: that leaves time for people [J]."""


WAITS = Waits()


@dataclass(frozen=True, slots=True)
class Policy:
    """All the engine may know besides what is seen: among it every duration that it measures."""

    loads: Mapping[str, Load] = field(default_factory=dict)
    """Loads this room has, by name; those without a relay can still be restarted by their API."""
    relays: frozenset[str] = frozenset()
    """Names of loads that hang on a relay of ours."""
    apis: frozenset[str] = frozenset()
    """Names of API remedies that the fitted devices can perform, e.g. `codec_restart`."""
    thresholds: Thresholds = field(default_factory=Thresholds)
    guards: Guards = field(default_factory=Guards)
    waits: Waits = WAITS
    remedies: Mapping[str, Remedy] = field(default_factory=lambda: REMEDIES)
    facts: Mapping[str, FactSpec] = field(default_factory=lambda: FACTS)
    """How long a reading of each may support a decision."""
    meetings: tuple[Meeting, ...] = ()
    maintenance_until_s: float = 0.0
    """Unix seconds; while it lasts the room tells, and does not act."""
    disabled: frozenset[str] = frozenset()
    """Names of rules switched off for this room."""
    phones: Mapping[str, str] = field(default_factory=dict)
    """Numbers for the operator's words: `centre`, `carrier`, `power`."""
    safe_mode: bool = False
    utc_offset_s: float = 25_200.0
    """Local time, for what is done at night: UTC+7."""
    room_hash: float = 0.0
    """0 to 1, from the room's name: where in a window shared by all rooms this one stands."""

    def load_of(self, remedy: Remedy) -> Load:
        """The remedy's load, with the catalogue's values where the room gives none."""
        return self.loads.get(remedy.load) or LOADS[remedy.load]

    def phone(self, who: str) -> str:
        """A number to call; empty when none is configured."""
        return self.phones.get(who, "")


def make_policy(
    loads: Mapping[str, Load] | None = None,
    *,
    relays: frozenset[str] = frozenset(),
    apis: frozenset[str] = frozenset(),
    thresholds: Thresholds | None = None,
    guards: Guards | None = None,
    disabled: frozenset[str] = frozenset(),
    phones: Mapping[str, str] | None = None,
    room_hash: float = 0.0,
) -> Policy:
    """A policy with all loads of the catalogue. Raises ValueError for an off time that is unsafe."""
    every = {**LOADS, **(loads or {})}
    for load in every.values():
        if not 1.0 <= load.off_s <= OFF_MAX_S:
            raise ValueError(f"load {load.name}: off_s {load.off_s} is outside 1 to {OFF_MAX_S:.0f}")
        if load.on_relay and load.off_s < load.min_off_s:
            raise ValueError(f"load {load.name}: off_s {load.off_s} is below its min_off_s {load.min_off_s}")
    return Policy(
        loads=every,
        relays=relays,
        apis=apis,
        thresholds=thresholds or Thresholds(),
        guards=guards or Guards(),
        disabled=disabled,
        phones=dict(phones or {}),
        room_hash=room_hash,
    )
