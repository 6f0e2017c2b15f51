"""A window of thirteen equal tiles, such as 13 weeks: its slope and its volatility, in whole numbers until the end.

Tile 0 is the latest. Empty tiles are tiles of 0.
"""

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from features.definition import ratio

TILES = 13


def slope(leaning: ir.IntegerValue, total: ir.IntegerValue, *, unit: int = 1) -> ir.FloatingValue:
    """The least-squares slope of the tiles x_0 .. x_12, per tile and relative to their mean.

    Missing where the mean is not above 0. ``total`` is the sum of the tiles, ``leaning`` is ``unit`` times the sum of
    x_i * (12 - 2i). The slope is sum(x_i * (6 - i)) / 182, since the squares of -6 .. 6 add up to 182, and the mean is
    total / 13; the one over the other is leaning / (28 * unit * total).
    """
    return ratio(leaning, _positive(total) * (28 * unit))


def slope_by_age(amount: ir.IntegerColumn, age: ir.IntegerColumn, tile_days: int) -> ir.FloatingValue:
    """The slope of amounts by their ``age`` in days."""
    inside = age <= TILES * tile_days
    back = age - 1
    begun = back - back % tile_days  # tile_days * i, without a division
    leaning = (amount * ((TILES - 1) * tile_days - begun * 2)).sum(where=inside)
    return slope(leaning, amount.sum(where=inside), unit=tile_days)


def slope_of(tiles: Sequence[ir.IntegerValue]) -> ir.FloatingValue:
    """The slope of finished tiles, the latest first."""
    return slope(_sum([tile * (TILES - 1 - 2 * i) for i, tile in enumerate(tiles)]), _sum(tiles))


def volatility(tiles: Sequence[ir.IntegerValue]) -> ir.FloatingValue:
    """The mean absolute deviation of the tiles from their mean, relative to it; missing where it is not above 0."""
    total = _sum(tiles)
    return ratio(_sum([(tile * TILES - total).abs() for tile in tiles]), _positive(total) * TILES)


def _sum(values: Sequence[ir.IntegerValue]) -> ir.IntegerValue:
    first, *others = values
    for value in others:
        first = first + value
    return first


def _positive(total: ir.IntegerValue) -> ir.IntegerValue:
    return (total > 0).ifelse(total, ibis.null("int64"))
