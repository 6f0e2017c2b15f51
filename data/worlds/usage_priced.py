"""Priced by use: bills follow the season, and a new use case lifts them for months."""

import numpy as np

from data.simulation.drivers import World, possible
from data.simulation.state import Floats, Happened, State

SEASON = (-0.06, -0.10, -0.06, -0.02, 0.0, 0.02, 0.0, -0.04, 0.03, 0.06, 0.12, 0.05)
"""The log of the bill by month: a vendor whose customers sell most at the end of the year."""
LIFT = 0.11
"""How much faster (log, a month) a bill grows once a use case was added; it fades with the bill's own memory."""
ELSE = (0.003, 0.002, 0.002)


def meter(state: State, rng: np.random.Generator) -> None:
    """Everyone is billed by use."""
    state.has_messaging[:] = True
    state.messaging_level[:] = rng.normal(6.0, 0.9, state.size)
    state.messaging_growth[:] = rng.normal(0.0, 0.02, state.size)


def chances(state: State, month: int, month_of_year: int) -> Floats:  # noqa: ARG001
    return possible(state, np.tile(ELSE, (state.size, 1)))


def add_use_cases(state: State, happened: Happened, rng: np.random.Generator) -> None:
    """A team or a milestone may bring a use case; growth that is high fades faster than it came."""
    chance = 0.004 + 0.22 * (happened.joining > 0) + 0.30 * (happened.milestone >= 0)
    adds = (rng.random(state.size) < chance) & state.is_customer
    fades = np.where(state.messaging_growth > 0.04, 0.80, 1.0)
    state.messaging_growth[:] = fades * state.messaging_growth + LIFT * adds


USAGE_PRICED = World(
    "usage_priced",
    "Billed by use, with seasons; a new use case lifts the bill for months.",
    chances,
    begins=meter,
    remembers=add_use_cases,
    bill_season=SEASON,
)
