"""What a room can know: the catalogue of facts, and what was last seen of each.

A fact is one named quantity, such as `codec.in_call`. Devices produce readings of facts; rules and the interlock
consult them. The last *good* value stays beside the last *attempt*: a time-out that overwrote "in call" would
authorise cutting a call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import isfinite

Value = bool | int | float | str


@dataclass(frozen=True, slots=True)
class Instant:
    """A moment. Logic uses `mono_s` alone; `wall_s` is for people and for what must outlive a boot."""

    mono_s: float
    """Seconds on the boot's monotonic clock."""
    wall_s: float
    """Unix seconds, UTC; may step at any time."""
    synced: bool = True
    """Whether the wall clock was disciplined."""


@dataclass(frozen=True, slots=True)
class NoReading:
    """It was asked and gave no value. The reason separates a fault of our link from one of the device.

    Reasons in use: `timeout`, `slow` (it answers, but this answer did not come within the look: it is asked first at
    the next), `busy` (it says itself that it has no time for us now, or a question would end what it does), `link`
    (adapter or socket gone), `refused`,
    `denied` (password), `full` (the device has no session left for us), `garbled`, `absent` (the device has no such
    quantity), `stale` (the source says its own data is old), `certificate_changed` and `host_key_changed` (who answers
    may not be the device: a person decides), `old_tls` (it speaks a TLS that is not taken unasked), `failed` (the
    device says that it is out of order), `warming` (it was switched on too lately), `end_of_range` (the sensor shows
    the most that it can), `two_answer` (so many devices answer one question), `secret_meeting` and `not_told` (it may
    not be measured: `agent.core.secrecy`), `bug` (ours).
    """

    reason: str


Reading = Value | NoReading
SLOW = NoReading("slow")
BUSY = NoReading("busy")


@dataclass(frozen=True, slots=True)
class FactSpec:
    """One row of the catalogue. `low`..`high` is the plausible range: a value outside is `NoReading("garbled")`."""

    key: str
    unit: str
    meaning: str
    good: Value
    """What a good room reads that has everything and is in no call: the example of documents, and of tests."""
    fresh_s: float = 35.0
    """How long a reading may support a decision: three polls and a margin."""
    low: float | None = None
    high: float | None = None


def _catalogue(*specs: FactSpec) -> dict[str, FactSpec]:
    return {spec.key: spec for spec in specs}


FACTS: dict[str, FactSpec] = _catalogue(
    FactSpec("codec.ping", "", "the codec answers an ICMP echo", True),
    FactSpec("codec.tcp", "", "a TCP port of the codec accepts a connection", True),
    FactSpec("codec.sip", "", "the codec answers a SIP OPTIONS; any reply counts, 404 too", True),
    FactSpec("codec.snmp", "", "the codec answers a question over SNMP", True, fresh_s=95),
    FactSpec("codec.api", "", "the codec's control interface answers a command properly", True),
    FactSpec("codec.app_ready", "", "the codec's application has finished starting", True),
    FactSpec("codec.in_call", "", "a call is connected, being set up or being torn down", False),
    FactSpec("codec.standby", "", "the codec sleeps: it sends no picture to the display", False),
    FactSpec("codec.registered", "", "registered with the SIP registrar or H.323 gatekeeper", True),
    FactSpec("codec.mic_muted", "", "the microphones are muted", True),
    FactSpec("codec.volume_pct", "%", "loudspeaker volume", 60.0, low=0, high=100),
    FactSpec("codec.display_out", "", "a display is connected to the first video output", True),
    FactSpec("codec.camera", "", "a camera is connected", True),
    FactSpec("codec.mic_connected", "", "at least one microphone is connected", True),
    FactSpec("codec.output_muted", "", "the loudspeaker output is muted", False),
    FactSpec(
        "codec.rx_loss_pct", "%", "packets of the call lost on the way here since the last look", 0.0, low=0, high=100
    ),
    FactSpec(
        "codec.tx_loss_pct", "%", "packets of the call lost on the way there since the last look", 0.0, low=0, high=100
    ),
    FactSpec("codec.jitter_ms", "ms", "largest jitter of what the call brings here", 2.0, low=0),
    FactSpec("codec.settings_ok", "", "its settings are those that the room's baseline wants", True),
    FactSpec("codec.settings_off", "", "settings that differ from the baseline, `none` when none does", "none"),
    FactSpec("codec.upgrading", "", "the codec is taking new firmware: losing power now may destroy it", False),
    FactSpec("codec.temp_c", "°C", "temperature inside the codec", 48.0, fresh_s=95, low=-20, high=130),
    FactSpec("codec.overheated", "", "the codec says that it is too hot", False, fresh_s=95),
    FactSpec("codec.uptime_s", "s", "seconds since the codec started", 86400.0, fresh_s=95, low=0),
    FactSpec("codec.model", "", "model name as the codec gives it", "SX20", fresh_s=900),
    FactSpec("codec.software", "", "software version as the codec gives it", "ce9.15.3", fresh_s=900),
    FactSpec("codec.draw_w", "W", "power the codec draws: second witness of on and of in call", 31.0, low=0, high=2500),
    FactSpec("display.draw_w", "W", "power the display draws", 95.0, low=0, high=2500),
    FactSpec("display.api", "", "the display's control line answers properly", True),
    FactSpec("display.power", "", "off, on, cooling or warming: the display's own word", "on"),
    FactSpec("display.input", "", "the input it shows, in the words of its protocol", "hdmi1"),
    FactSpec("display.input_right", "", "it shows the input that the settings want", True),
    FactSpec("display.picture_muted", "", "the picture is blanked at the display", False),
    FactSpec("display.signal", "", "a picture arrives at the input it shows", True),
    FactSpec("display.fault", "", "what the display itself complains of, `none` when of nothing", "none", fresh_s=95),
    FactSpec("display.temp_c", "°C", "temperature inside the display", 38.0, fresh_s=95, low=-20, high=130),
    FactSpec("display.lamp_h", "h", "hours of use of the projector's lamp", 1200.0, fresh_s=900, low=0, high=1_000_000),
    FactSpec("display.model", "", "model name as the display gives it", "UM5N", fresh_s=900),
    FactSpec("camera.api", "", "the camera's control line answers properly", True),
    FactSpec("camera.power", "", "off or on: the camera's own word", "on"),
    FactSpec("camera.model", "", "vendor and model numbers as the camera gives them", "0001 0513", fresh_s=900),
    FactSpec("amp.draw_w", "W", "power the amplifier draws", 12.0, low=0, high=2500),
    FactSpec("room.draw_w", "W", "power all equipment of the room draws", 190.0, low=0, high=25000),
    FactSpec("mains.voltage_v", "V", "mains voltage", 224.0, low=0, high=500),
    FactSpec("mains.frequency_hz", "Hz", "mains frequency", 50.0, low=0, high=100),
    FactSpec("ups.on_battery", "", "the UPS runs from its battery", False),
    FactSpec("ups.low_battery", "", "the UPS will switch off soon", False),
    FactSpec("ups.replace_battery", "", "the UPS asks for a new battery", False, fresh_s=95),
    FactSpec("ups.output_on", "", "the UPS gives power to what hangs on it", True),
    FactSpec("ups.fault", "", "what the UPS itself complains of, `none` when of nothing", "none", fresh_s=95),
    FactSpec("ups.charge_pct", "%", "battery charge", 100.0, fresh_s=95, low=0, high=100),
    FactSpec("ups.runtime_s", "s", "how long the battery will last", 900.0, fresh_s=95, low=0),
    FactSpec("ups.input_v", "V", "mains voltage as the UPS sees it", 224.0, low=0, high=500),
    FactSpec("net.link", "", "the room's own network port has a carrier", True),
    FactSpec("net.gateway", "", "the room's gateway answers", True),
    FactSpec("net.hub", "", "the path to the hub answers", True),
    FactSpec("net.beyond", "", "something beyond the media converter answers that is not the hub", True),
    FactSpec("mcu.ping", "", "the MCU or registrar answers an ICMP echo", True, fresh_s=185),
    FactSpec("mcu.tcp", "", "a TCP port of the MCU accepts a connection", True, fresh_s=185),
    FactSpec("mcu.sip", "", "the MCU answers a SIP OPTIONS; any reply counts, 404 too", True, fresh_s=185),
    FactSpec("mcu.h323", "", "the MCU takes a connection of H.323's call signalling", True, fresh_s=185),
    FactSpec("mcu.web", "", "the MCU's web page answers", True, fresh_s=185),
    FactSpec("mcu.snmp", "", "the MCU answers a question over SNMP", True, fresh_s=185),
    FactSpec("net.dns", "", "names resolve", True, fresh_s=95),
    FactSpec(
        "net.port_up", "", "the switch's port that the room hangs on is up, by the switch's own word", True, fresh_s=95
    ),
    FactSpec("net.port_speed_mbps", "Mbit/s", "speed of that port", 1000.0, fresh_s=95, low=0),
    FactSpec("net.port_error_pct", "%", "frames that port lost since the last look", 0.0, fresh_s=95, low=0, high=100),
    FactSpec("net.loss_pct", "%", "packets lost on the way to the hub", 0.0, fresh_s=95, low=0, high=100),
    FactSpec("net.rtt_ms", "ms", "round trip to the hub", 12.0, fresh_s=95, low=0),
    FactSpec("net.jitter_ms", "ms", "mean difference of successive round trips", 2.0, fresh_s=95, low=0),
    FactSpec("net.clock_synced", "", "the clock is disciplined by a time server", True, fresh_s=95),
    FactSpec("net.clock_offset_s", "s", "distance from the time server's clock", 0.002, fresh_s=95),
    FactSpec("net.neighbour", "", "switch and port that the network cable leads to, by LLDP", "sw-1 Gi0/5", fresh_s=95),
    FactSpec("env.temp_c", "°C", "air temperature in the room", 27.0, fresh_s=95, low=-20, high=80),
    FactSpec("env.rack_temp_c", "°C", "temperature at the equipment", 34.0, fresh_s=95, low=-20, high=110),
    FactSpec("sound.level_dbc", "dBC", "sound level; the sound itself is never kept", 46.0, low=0, high=140),
    FactSpec("pc.alive", "", "the conference PC answers", True),
    FactSpec("pc.app_running", "", "the conference software runs on the PC", True),
    FactSpec("env.humidity_pct", "%", "relative humidity", 70.0, fresh_s=95, low=0, high=100),
    FactSpec("env.light_lx", "lx", "light on the table", 400.0, fresh_s=95, low=0, high=200_000),
    FactSpec("env.co2_ppm", "ppm", "carbon dioxide in the air of the room", 650.0, fresh_s=95, low=300, high=10_000),
    FactSpec("hub.session", "", "the agent is connected to the hub's broker", True),
    FactSpec("room.attended", "", "somebody works at the equipment and has asked it to hold still", False),
    FactSpec("self.cpu_pct", "%", "processor load of the whole board", 7.0, fresh_s=185, low=0, high=100),
    FactSpec("self.mem_pct", "%", "memory in use", 50.0, fresh_s=185, low=0, high=100),
    FactSpec("self.rss_mb", "MB", "memory this agent uses", 60.0, fresh_s=185, low=0),
    FactSpec("self.disk_pct", "%", "card space in use", 40.0, fresh_s=185, low=0, high=100),
    FactSpec("self.disk_readonly", "", "the card has fallen back to read-only", False, fresh_s=185),
    FactSpec("self.soc_temp_c", "°C", "temperature of the processor", 54.0, fresh_s=185, low=-20, high=130),
    FactSpec("self.undervoltage", "", "the board's supply is too low now", False, fresh_s=185),
)


@dataclass(frozen=True, slots=True)
class Observation:
    """What one probe saw in one go. One observation is one strike at most, however many facts it carries."""

    source: str
    """Name of the probe, e.g. `codec`, `mains`, `network`."""
    readings: Mapping[str, Reading]
    asked_s: Mapping[str, float] = field(default_factory=dict)
    """By fact: monotonic moment at which its question was sent. A fact that is not here was asked just now."""
    ended_s: float | None = None
    """Monotonic moment at which the look ended; None: just now. Silence is known only then."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of one fact: the last good value, and the last attempt."""

    good: Value | None = None
    good_at: Instant | None = None
    attempt: Reading = NoReading("never")
    attempt_at_s: float = float("-inf")
    """Monotonic: when the question of the last attempt was sent."""
    alike: int = 0
    """So many attempts in a row have given what the last one gave."""
    alike_since_s: float = float("-inf")
    """Monotonic: when the first of them was asked."""
    heard_s: float = float("-inf")
    """Monotonic: when the answer to the last attempt was there, or its silence certain."""

    def with_reading(self, reading: Reading, asked: Instant, heard_s: float = float("-inf")) -> Seen:
        """The same after one more attempt, whose question was sent at that moment and whose answer heard at `heard_s`.

        Answers may arrive in another order than their questions were sent: an older one never hides a newer one.
        """
        good, good_at = self.good, self.good_at
        if not isinstance(reading, NoReading) and (good_at is None or asked.mono_s >= good_at.mono_s):
            good, good_at = reading, asked
        if asked.mono_s < self.attempt_at_s:
            return replace(self, good=good, good_at=good_at)
        again = reading == self.attempt
        alike, since_s = (self.alike + 1, self.alike_since_s) if again else (1, asked.mono_s)
        return Seen(good, good_at, reading, asked.mono_s, alike, since_s, heard_s)


def plausible(key: str, reading: Reading) -> Reading:
    """The reading, or `NoReading("garbled")` where it lies outside the catalogue's range or is not finite."""
    spec = FACTS.get(key)
    if isinstance(reading, NoReading | bool | str) or spec is None:
        return reading
    finite = isfinite(reading)
    low_ok = spec.low is None or reading >= spec.low
    high_ok = spec.high is None or reading <= spec.high
    return reading if finite and low_ok and high_ok else NoReading("garbled")


@dataclass(frozen=True, slots=True)
class Evidence:
    """One fact as it stood when a decision was taken."""

    key: str
    value: Value | None
    age_s: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """The facts at one moment, as rules and the interlock may consult them. Stale is the same as unknown."""

    facts: Mapping[str, Seen]
    now: Instant
    specs: Mapping[str, FactSpec] = field(default_factory=lambda: FACTS)
    """How long a reading of each is fresh."""
    _never: Seen = field(default_factory=Seen)

    def seen(self, key: str) -> Seen:
        """All that is known of a fact."""
        return self.facts.get(key, self._never)

    def fitted(self, key: str) -> bool:
        """Whether this room has ever been asked for the fact: a room without a meter has no draw."""
        return key in self.facts

    def _is_fresh(self, key: str, seen: Seen) -> bool:
        """By when it was heard: what a silent device is waited for does not make its silence old."""
        return self.now.mono_s - max(seen.heard_s, seen.attempt_at_s) <= self.specs[key].fresh_s

    def value(self, key: str) -> Value | None:
        """The value, if the last attempt gave one and it is fresh; else None."""
        seen = self.seen(key)
        if isinstance(seen.attempt, NoReading) or not self._is_fresh(key, seen):
            return None
        return seen.attempt

    def is_true(self, key: str) -> bool:
        """Freshly and certainly true."""
        return self.value(key) is True

    def is_false(self, key: str) -> bool:
        """Freshly and certainly false."""
        return self.value(key) is False

    def stays_false(self, key: str, looks: int, gap_s: float) -> bool:
        """Freshly false, and so at so many looks in a row; looks closer than `gap_s` to each other count as one."""
        seen = self.seen(key)
        lasted_s = seen.attempt_at_s - seen.alike_since_s
        return self.is_false(key) and seen.alike >= looks and lasted_s >= (looks - 1) * gap_s

    def number(self, key: str) -> float | None:
        """The fresh value as a number; None for flags, texts and anything stale."""
        value = self.value(key)
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    def silent(self, key: str) -> str:
        """Why the fact freshly gave no reading, or empty when it did or when nothing was tried lately."""
        seen = self.seen(key)
        if isinstance(seen.attempt, NoReading) and self._is_fresh(key, seen):
            return seen.attempt.reason
        return ""

    def good_age_s(self, key: str) -> float:
        """Seconds since the last good value; infinity when there was none."""
        at = self.seen(key).good_at
        return self.now.mono_s - at.mono_s if at else float("inf")

    def evidence(self, *keys: str) -> tuple[Evidence, ...]:
        """The named facts for the record; of silent ones the reason, and the age of the last good value."""
        rows = []
        for key in keys:
            seen = self.seen(key)
            if not self.fitted(key):
                continue
            if isinstance(seen.attempt, NoReading):
                age_s = round(self.good_age_s(key), 1) if seen.good_at else -1.0
                rows.append(Evidence(key, None, age_s, seen.attempt.reason))
            else:
                rows.append(Evidence(key, seen.attempt, round(self.now.mono_s - seen.attempt_at_s, 1)))
        return tuple(rows)
