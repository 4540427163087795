"""A room's timeline: now is its right edge, and what is out of its frame is not drawn."""

from __future__ import annotations

import itertools
import re

import pytest

from hub.console import timeline
from hub.console.timeline import DAY, NEAR, Frame, Span
from hub.console.words import words

NOW_S = 1_796_000_000.0
HOUR_S = 3600.0


def drawn(frame: Frame, *spans: Span) -> str:
    return str(timeline.draw(words("vi"), list(spans), NOW_S, frame))


def fault(from_h: float, to_h: float) -> Span:
    """A fault, by how many hours ago it began and ended; 0: it goes on."""
    return Span("faults", "s-major", NOW_S - from_h * HOUR_S, NOW_S - to_h * HOUR_S if to_h else 0.0, "Máy bị treo")


def bars(svg: str) -> list[tuple[float, float]]:
    """Left and right edges."""
    found = re.findall(r'<rect class="s-\w+" x="([\d.]+)" y="\d+" width="([\d.]+)"', svg)
    return [(float(x), float(x) + float(width)) for x, width in found]


@pytest.mark.parametrize("frame", [DAY, NEAR])
def test_what_goes_on_reaches_the_right_edge_and_no_further(frame: Frame) -> None:
    for began_h in (0.0, 0.01, 2.0):
        [(left, right)] = bars(drawn(frame, fault(began_h, 0)))
        assert frame.width - 3 <= right <= frame.width
        assert left >= frame.left


@pytest.mark.parametrize("frame", [DAY, NEAR])
def test_the_middle_of_the_time_is_the_middle_of_the_frame(frame: Frame) -> None:
    hours = frame.span_s / HOUR_S
    [(left, right)] = bars(drawn(frame, fault(hours / 2, hours / 4)))
    width = frame.width - frame.left - 2
    assert (left - frame.left) / width == pytest.approx(0.5, abs=0.01)
    assert (right - frame.left) / width == pytest.approx(0.75, abs=0.01)


def test_what_was_before_is_neither_drawn_nor_counted() -> None:
    earlier, across = fault(9, 7), fault(9, 5)
    assert len(bars(drawn(DAY, earlier, across))) == 2
    svg = drawn(NEAR, earlier, across, Span("acts", "act", NOW_S - 8 * HOUR_S, 0, "Bật đèn"))
    [(left, _)] = bars(svg)
    assert left == NEAR.left
    assert "Dòng thời gian 6 giờ: 1 sự cố, 0 lần thao tác" in svg
    assert "Bật đèn" not in svg


@pytest.mark.parametrize("frame", [DAY, NEAR])
def test_hours_stand_apart_and_the_last_word_is_now(frame: Frame) -> None:
    for late_s in range(0, 3600, 300):
        svg = str(timeline.draw(words("vi"), [], NOW_S + late_s, frame))
        at = [float(x) for x in re.findall(r'<text class="hour" x="([\d.]+)"', svg)]
        assert all(later - one >= 36 for one, later in itertools.pairwise(at))
        assert at[-1] <= frame.width - 68
        assert f'<text class="hour end" x="{frame.width}"' in svg
