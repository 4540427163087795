"""The last hours of a room as one SVG, drawn at the server: incidents, lost contact, acts and meetings."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup, escape

from hub.console.words import Words, local

SPAN_S = 86400.0
_LANE = 22
_TOP = 6
_LANES = ("faults", "lost", "acts", "meetings")
_NOW = 34
"""Room for the word under the right edge, to either side of which no hour is written."""


@dataclass(frozen=True, slots=True)
class Frame:
    """How much time is drawn, and how wide: a phone is given less of it instead of smaller letters."""

    name: str
    """The CSS class; `timeline.label.<name>` in the catalogues."""
    span_s: float
    width: int
    left: int
    """Where time begins, right of the lanes' names."""
    every_h: int
    """Hours of the wall clock between two lines."""


DAY = Frame("day", SPAN_S, 960, 96, 3)
NEAR = Frame("near", 6 * 3600.0, 332, 82, 1)
"""As wide as a card on a phone of 390 pixels."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time on a lane; `kind` is its CSS class. `end_s` 0: still going on."""

    lane: str
    kind: str
    start_s: float
    end_s: float
    title: str


def draw(t: Words, spans: list[Span], now_s: float, frame: Frame = DAY) -> Markup:
    """The SVG; now is its right edge. Lanes are `faults`, `lost`, `acts` and `meetings`; the words of the spans are its
    tooltips."""
    start_s = now_s - frame.span_s
    shown = [span for span in spans if (span.start_s if span.lane == "acts" else span.end_s or now_s) > start_s]
    bottom = _TOP + _LANE * len(_LANES)
    faults = sum(span.lane == "faults" for span in shown)
    acts = sum(span.lane == "acts" for span in shown)
    summary = t("timeline.some", n=faults, m=acts) if faults or acts else t("timeline.none")
    parts = [
        Markup('<svg class="timeline {}" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(
            frame.name, frame.width, bottom + 22, t(f"timeline.label.{frame.name}", summary=summary)
        )
    ]
    parts += _grid(t, now_s, frame, bottom)
    for index, lane in enumerate(_LANES):
        y = _TOP + index * _LANE
        parts.append(
            Markup(
                '<text class="lane" x="0" y="{}">{}</text><line class="rail" x1="{}" x2="{}" y1="{}" y2="{}"/>'
            ).format(y + 15, t(f"timeline.{lane}"), frame.left, frame.width, y + 11, y + 11)
        )
        parts += [_bar(span, y, now_s, frame) for span in shown if span.lane == lane]
    parts.append(Markup("</svg>"))
    return Markup("").join(parts)


def _x(at_s: float, now_s: float, frame: Frame) -> float:
    share = min(1.0, max(0.0, 1.0 - (now_s - at_s) / frame.span_s))
    return round(frame.left + share * (frame.width - frame.left - 2), 1)


def _bar(span: Span, y: int, now_s: float, frame: Frame) -> Markup:
    x1, x2 = _x(span.start_s, now_s, frame), _x(span.end_s or now_s, now_s, frame)
    if span.lane == "acts":
        return Markup('<path class="act {}" d="M{} {}l5 8h-10z"><title>{}</title></path>').format(
            span.kind, x1, y + 6, span.title
        )
    # Three units wide at least, and within the edge: an incident healed within a minute must still be seen.
    return Markup('<rect class="{}" x="{}" y="{}" width="{}" height="12" rx="2"><title>{}</title></rect>').format(
        span.kind, min(x1, frame.width - 3), y + 5, round(max(3.0, x2 - x1), 1), escape(span.title)
    )


def _grid(t: Words, now_s: float, frame: Frame, bottom: int) -> list[Markup]:
    """A line every few hours of the wall clock, and the word for now."""
    first = int((now_s - frame.span_s) // 3600 + 1) * 3600
    word = Markup('<text class="hour end" x="{}" y="{}">{}</text>')
    parts = [word.format(frame.width, bottom + 15, t("timeline.now"))]
    for at_s in range(first, int(now_s), 3600):
        hour = local(at_s).hour
        if hour % frame.every_h:
            continue
        x = _x(at_s, now_s, frame)
        parts.append(Markup('<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(x, x, _TOP, bottom))
        if x < frame.width - 2 * _NOW:
            parts.append(Markup('<text class="hour" x="{}" y="{}">{:02d}:00</text>').format(x, bottom + 15, hour))
    return parts
