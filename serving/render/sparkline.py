"""Use by week as a line so small that it stands in a row, and the same in words."""

from collections.abc import Sequence

WIDTH, HEIGHT, MARGIN = 104, 22, 2
"""Of the drawing, in its own units."""
CHANGED = 0.1
"""Use that differs by less is steady."""


def points(weeks: Sequence[float], is_area: bool = False) -> str:
    """The corners of the line as SVG has them: the oldest week first, no use at all at the bottom.

    ``is_area``: those of what is under it.
    """
    most, step = max(weeks, default=0.0) or 1.0, (WIDTH - 2 * MARGIN) / max(len(weeks) - 1, 1)
    bottom, height = HEIGHT - MARGIN, HEIGHT - 2 * MARGIN
    corners = [(MARGIN + step * place, bottom - height * max(week, 0.0) / most) for place, week in enumerate(weeks)]
    if is_area:
        corners = [(corners[0][0], bottom), *corners, (corners[-1][0], bottom)]
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)


def say_use(weeks: Sequence[float]) -> str:
    """Where use went: the mean of the last third of the weeks against that of the first."""
    third = max(len(weeks) // 3, 1)
    before, now = sum(weeks[:third]), sum(weeks[-third:])
    over = f"over the last {len(weeks)} weeks"
    if not any(weeks):
        return f"use: none {over}"
    if abs(now - before) < CHANGED * max(before, now):
        return f"use: steady {over}"
    return f"use: {'up' if now > before else 'down'} {over}"
