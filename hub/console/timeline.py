"""The last 24 hours of a room as one SVG, drawn at the server: incidents, lost contact, acts and meetings."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup, escape

from hub.console.words import Words, local

WIDTH = 960
_LEFT = 96
_LANE = 22
_TOP = 6
SPAN_S = 86400.0


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time on a lane; `kind` is its CSS class. `end_s` 0: still going on."""

    lane: str
    kind: str
    start_s: float
    end_s: float
    title: str


def draw(t: Words, spans: list[Span], now_s: float) -> Markup:
    """The SVG. Lanes are `faults`, `lost`, `acts` and `meetings`; the words of the spans are its tooltips."""
    lanes = ("faults", "lost", "acts", "meetings")
    start_s = now_s - SPAN_S
    bottom = _TOP + _LANE * len(lanes)
    faults = sum(span.lane == "faults" for span in spans)
    acts = sum(span.lane == "acts" for span in spans)
    summary = t("timeline.some", n=faults, m=acts) if faults or acts else t("timeline.none")
    parts = [
        Markup('<svg class="timeline" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(
            WIDTH, bottom + 22, t("timeline.label", summary=summary)
        )
    ]
    parts += _grid(now_s, start_s, bottom)
    for index, lane in enumerate(lanes):
        y = _TOP + index * _LANE
        parts.append(
            Markup(
                '<text class="lane" x="0" y="{}">{}</text><line class="rail" x1="{}" x2="{}" y1="{}" y2="{}"/>'
            ).format(y + 15, t(f"timeline.{lane}"), _LEFT, WIDTH, y + 11, y + 11)
        )
        parts += [_bar(span, y, start_s, now_s) for span in spans if span.lane == lane]
    parts.append(Markup("</svg>"))
    return Markup("").join(parts)


def _x(at_s: float, start_s: float) -> float:
    share = min(1.0, max(0.0, (at_s - start_s) / SPAN_S))
    return round(_LEFT + share * (WIDTH - _LEFT - 2), 1)


def _bar(span: Span, y: int, start_s: float, now_s: float) -> Markup:
    x1, x2 = _x(span.start_s, start_s), _x(span.end_s or now_s, start_s)
    if span.lane == "acts":
        return Markup('<path class="act {}" d="M{} {}l5 8h-10z"><title>{}</title></path>').format(
            span.kind, x1, y + 6, span.title
        )
    # Three units wide at least: an incident healed within a minute must still be seen.
    return Markup('<rect class="{}" x="{}" y="{}" width="{}" height="12" rx="2"><title>{}</title></rect>').format(
        span.kind, x1, y + 5, round(max(3.0, x2 - x1), 1), escape(span.title)
    )


def _grid(now_s: float, start_s: float, bottom: int) -> list[Markup]:
    """A line every three hours of the wall clock."""
    first = int(start_s // 3600 + 1) * 3600
    parts = []
    for at_s in range(first, int(now_s), 3600):
        hour = local(at_s).hour
        if hour % 3:
            continue
        x = _x(at_s, start_s)
        parts.append(
            Markup(
                '<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/><text class="hour" x="{}" y="{}">{:02d}:00</text>'
            ).format(x, x, _TOP, bottom, min(x, WIDTH - 18), bottom + 15, hour)
        )
    return parts
