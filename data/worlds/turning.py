"""The rules change: for a while full seats sell, then the vendor sells on value, and what held holds no longer."""

import numpy as np

from data.simulation.drivers import World, possible, ramp
from data.simulation.life import BURN_IN_MONTHS
from data.simulation.state import CORE_FEATURES, Floats, State, chance_of

TURNS = BURN_IN_MONTHS + 15
"""The month (from the first of the burn-in) from which value sells: half-way through a base of 30 months; one of 15 or
less never sees it."""


def chances(state: State, month: int, month_of_year: int) -> Floats:  # noqa: ARG001
    """Before: seats by their use. After: tiers and products where support is rated well and much is used."""
    in_use = ramp(state.active / state.seats, 0.7, 1.0)
    content = ramp(state.csat, 3.0, 4.8) * np.where(state.is_critical_open, 0.3, 1.0)
    broad = ramp(state.breadth / CORE_FEATURES, 0.35, 0.8)
    if month < TURNS:
        log_odds = np.column_stack([-6.6 + 4.6 * in_use, -6.4 + 1.5 * in_use, np.full(state.size, -6.6)])
    else:
        value = content * broad + 0.5 * (state.adjacent_age < 6) + 0.4 * (state.promoted_age < 6)
        log_odds = np.column_stack([-5.6 + 0.8 * in_use, -6.4 + 3.4 * value, -6.6 + 3.6 * value])
    return possible(state, chance_of(log_odds))


TURNING = World("turning", "The rules change after 15 months: first full seats sell, then value.", chances)
