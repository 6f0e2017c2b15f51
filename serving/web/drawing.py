"""Where the marks of a drawing are, in its own units; the templates draw them as SVG, the style sheet colours them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

WIDTH, HEIGHT, MARGIN = 600, 120, 6
"""Of a line over the lists."""
SMALL_WIDTH, SMALL_HEIGHT, SMALL_MARGIN = 104, 22, 2
"""Of a line that stands in a row."""
MONTH_DAYS = 31
Corners = tuple[tuple[float, float], ...]
ACROSS = 100.0
"""The width that the bars of a waterfall share."""


@dataclass(frozen=True)
class Bar:
    """One step of a waterfall: its words and its size, and where its bar begins and how wide it is, 0 to ACROSS.

    ``way``: ``up``, ``down``, or ``sum`` for the two that stand for a whole.
    """

    words: str
    size: float
    way: str
    left: float
    width: float


def waterfall(base: tuple[str, float], parts: Sequence[tuple[str, float]], total: tuple[str, float]) -> tuple[Bar, ...]:
    """The steps from a base over its parts to the total. The parts have to add up to it; the caller sees to that."""
    ends, at = [], base[1]
    for _, size in parts:
        ends.append((at, at + size))
        at += size
    sums = [(0.0, base[1]), *ends, (0.0, total[1])]
    low, high = min(map(min, sums)), max(map(max, sums))
    scale = ACROSS / (high - low or 1.0)
    ways = ["sum", *("down" if size < 0 else "up" for _, size in parts), "sum"]
    return tuple(
        Bar(words, size, way, round((min(ends_of) - low) * scale, 2), round(abs(ends_of[1] - ends_of[0]) * scale, 2))
        for (words, size), way, ends_of in zip([base, *parts, total], ways, sums, strict=True)
    )


def line(days: Sequence[date], shares: Sequence[float], most: float | None = None) -> list[tuple[float, float]]:
    """The corners of a line over time: the first day at the left, 0 at the bottom, the largest share at the top.

    ``most``: what is at the top instead, where lines share a scale.
    """
    if not days:
        return []
    span, most = max((days[-1] - days[0]).days, 1), most or max(shares) or 1.0
    across, up = WIDTH - 2 * MARGIN, HEIGHT - 2 * MARGIN
    return [
        (round(MARGIN + across * (day - days[0]).days / span, 1), round(HEIGHT - MARGIN - up * share / most, 1))
        for day, share in zip(days, shares, strict=True)
    ]


def spark(days: Sequence[date], values: Sequence[float]) -> tuple[Corners, ...]:
    """The corners of a small line over a year, in runs: where a month is not known, it is broken off.

    The first day at the left; at the bottom 0, or the smallest value where that is below it. A day that stands alone
    is a line without length.
    """
    low, high = min(0.0, *values), max(0.0, *values)
    span, scale = max((days[-1] - days[0]).days, 1), high - low or 1.0
    across, up = SMALL_WIDTH - 2 * SMALL_MARGIN, SMALL_HEIGHT - 2 * SMALL_MARGIN
    runs: list[list[tuple[float, float]]] = []
    for place, (day, value) in enumerate(zip(days, values, strict=True)):
        if not place or (day - days[place - 1]).days > MONTH_DAYS:
            runs.append([])
        x = SMALL_MARGIN + across * (day - days[0]).days / span
        runs[-1].append((round(x, 1), round(SMALL_HEIGHT - SMALL_MARGIN - up * (value - low) / scale, 1)))
    return tuple(tuple(run if len(run) > 1 else run * 2) for run in runs)
