"""Products and tiers by depth of use, where use comes as counts by day and nobody knows the users."""

import numpy as np

from data.simulation.drivers import World, possible, ramp
from data.simulation.state import CORE_FEATURES, GATED_FEATURES, Floats, Happened, State, chance_of

DEPTH, TRIED = 0, 1
"""The columns of the memory: breadth as it lasts, and how long parts of the next tier have been in use (months)."""
KEPT = 0.7


def chances(state: State, month: int, month_of_year: int) -> Floats:  # noqa: ARG001
    """A product once its leading feature is a habit in a base that uses much; a tier after months of trying it."""
    depth = ramp(state.memory[:, DEPTH], 0.4, 0.9)
    habit = ramp(state.adjacent_age.astype(np.float64), 1.0, 3.0) * (state.adjacent_age < 9)
    log_odds = np.column_stack(
        [
            -6.2 + 2.2 * ramp(state.active / state.seats, 0.75, 1.0),
            -6.3 + 4.2 * ramp(state.memory[:, TRIED], 1.0, 4.0),
            -6.3 + 4.4 * habit * depth + 0.8 * depth,
        ]
    )
    return possible(state, chance_of(log_odds))


def deepen(state: State, happened: Happened, rng: np.random.Generator) -> None:  # noqa: ARG001
    depth = KEPT * state.memory[:, DEPTH] + (1 - KEPT) * state.breadth / CORE_FEATURES
    tries = (state.gated_used / GATED_FEATURES >= 0.2) & (state.tier < 3) & (happened.cause != 2)
    state.memory[:, DEPTH] = np.where(state.is_customer, depth, 0.0)
    state.memory[:, TRIED] = np.where(tries, state.memory[:, TRIED] + 1, 0.5 * state.memory[:, TRIED])


DAILY_COUNTS = World(
    "daily_counts",
    "Products and tiers by depth of use; counts by day, no users.",
    chances,
    remembers=deepen,
    is_counted=True,
)
