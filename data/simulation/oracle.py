"""The truth: each account's probability to expand within 90 days, and the drivers that act on it.

A snapshot on the first of a month sees exactly three months of purchases in its 90 days, since purchases fall on days 2
to 28. What an account buys in a month depends on its state on the first of that month alone, and it buys at most once
in four months. So the chance of a purchase by motion is the mean, over ways the account may go *without* buying, of

    sum over the three months k:  chance_k(motion) * product over earlier months j: (1 - chance_j(any))

The first month's chance is exact; for the other two the state is carried forward ``continuations`` times by the
simulation's own step. Chances are averaged, no purchases counted, so few continuations are precise: with 48 of them the
error of ``p_any`` is about 0.02 where it is over 0.2, and 0.002 where it is under 0.01 (against 1,000).
Usage: the first two bills are simulated, the third is integrated as a lognormal.
"""

import math

import numpy as np

from data.simulation.drivers import World
from data.simulation.month import BILL_DRIFT, BILL_GROWTH_SPREAD, BILL_MEMORY, BILL_SPREAD, Month, step
from data.simulation.state import Floats, State

USAGE_UPLIFT, USAGE_FLOOR = 1.25, 100.0
NEXT_BILL_SPREAD = math.hypot(BILL_GROWTH_SPREAD, BILL_SPREAD)
"""Log spread of a bill two steps on, given the level and growth before it: growth and the bill's own noise."""

_erf = np.frompyfunc(math.erf, 1, 1)


def _normal_cdf(value: Floats) -> Floats:
    return 0.5 * (1 + np.asarray(_erf(value / math.sqrt(2)), dtype=float))


def _next_bill_reaches(state: State, needed: Floats, month_of_year: int, world: World) -> Floats:
    """Chance that the coming month's bill is at least ``needed``."""
    drift = BILL_MEMORY * state.messaging_growth + BILL_DRIFT if world.bills_grow else 0.0
    spread = NEXT_BILL_SPREAD if world.bills_grow else BILL_SPREAD
    above = (
        state.messaging_level + world.bill_season[month_of_year - 1] + drift - np.log(np.maximum(needed, 1e-9))
    ) / spread
    stays = 1 - world.leaving(state)[:, 0]
    return np.where(needed <= 0, 1.0, _normal_cdf(np.clip(above, -8, 8)) * stays)


def truth(state: State, coming: list[Month], world: World, rng: np.random.Generator, continuations: int) -> Floats:
    """Probabilities on the first day of ``coming[0]``: (n, 5) seat, upsell, cross-sell, usage, any."""
    result = np.zeros((state.size, 5))
    alive = np.flatnonzero(state.is_customer)
    if not len(alive):
        return result
    ways = state.take(alive).copies(continuations)
    before = ways.bills.sum(axis=1)
    needed = np.maximum(USAGE_UPLIFT * before, before + USAGE_FLOOR)
    still, by_motion = np.ones(ways.size), np.zeros((ways.size, 3))
    for index, month in enumerate(coming):
        chance = world.chances(ways, month.number, month.first_day.month)
        by_motion += still[:, None] * chance
        still *= 1 - chance.sum(axis=1)
        if index < len(coming) - 1:
            step(ways, month, world, rng, buys=False)
    billed = ways.bills[:, :2].sum(axis=1)
    bills = ways.has_messaging & (before > 0)
    usage = np.where(
        bills & ways.is_customer, _next_bill_reaches(ways, needed - billed, month.first_day.month, world), 0.0
    )
    usage = np.where(bills & (billed >= needed), 1.0, usage)
    any_motion = 1 - (1 - by_motion.sum(axis=1)) * (1 - usage)
    parts = np.column_stack([by_motion, usage, any_motion]).reshape(len(alive), continuations, 5).mean(axis=1)
    result[alive] = np.clip(parts, 0.0, 1.0)
    return result
