"""Groups of companies: what one of them has bought, its sisters buy after it."""

import numpy as np

from data.simulation.drivers import World, possible, ramp
from data.simulation.state import Floats, Happened, State, chance_of

TOLD, HEARD, FOLLOWS = 0, 1, 2
"""The columns of the memory: purchases of sisters last month, in the month before it, and all earlier ones, fading.

A sister hears of a purchase in the third month after it. So nothing that is bought within 90 days acts on anybody else
within them, and the truth, which carries each account on by itself, is exact.
"""
KEPT = 0.8
LARGEST = 6
IN_GROUPS = 0.7
"""The share of the accounts that are of a group."""


def found_groups(state: State, rng: np.random.Generator) -> None:
    """Most are of a group of two to six, one after the other in the base; the first is at its top."""
    size = state.size
    groups = np.repeat(np.arange(size), rng.integers(2, LARGEST + 1, size))[:size]
    of_group = rng.random(groups.max() + 1) < IN_GROUPS
    top = np.flatnonzero(np.diff(groups, prepend=-1))
    state.group[:] = np.where(of_group[groups], top[groups], np.arange(size))


def chances(state: State, month: int, month_of_year: int) -> Floats:  # noqa: ARG001
    """What sisters have bought is bought next; full seats help."""
    follows = np.minimum(state.memory[:, FOLLOWS], 1.5)
    in_use = ramp(state.active / state.seats, 0.7, 1.0)
    log_odds = np.column_stack(
        [-5.8 + 2.2 * follows + 1.2 * in_use, -6.2 + 2.2 * follows, -6.2 + 2.8 * follows],
    )
    return possible(state, chance_of(log_odds))


def tell_sisters(state: State, happened: Happened, rng: np.random.Generator) -> None:  # noqa: ARG001
    """Who buys is heard of by the rest of its group; who has bought follows nobody for the time being."""
    bought = (happened.cause > 0).astype(float)
    of_sisters = np.bincount(state.group, weights=bought)[state.group] - bought
    follows = np.where(bought > 0, 0.0, KEPT * state.memory[:, FOLLOWS] + state.memory[:, HEARD])
    state.memory[:, FOLLOWS], state.memory[:, HEARD], state.memory[:, TOLD] = follows, state.memory[:, TOLD], of_sisters


GROUPS = World(
    "groups",
    "Groups of companies: what one has bought, its sisters buy after it.",
    chances,
    begins=found_groups,
    remembers=tell_sisters,
)
