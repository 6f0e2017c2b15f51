"""Few large accounts: a sponsor builds a case over months, and it is signed when budgets are given."""

import numpy as np

from data.simulation.drivers import World, possible, ramp
from data.simulation.state import CORE_FEATURES, Floats, Happened, State

SPONSOR, CASE = 0, 1
"""The columns of the memory: how strong the sponsor is, and how far the case has come (1: ready)."""
BUDGET_MONTHS = (1, 4, 7, 10, 12)
KEPT = 0.93


def enlarge(state: State, rng: np.random.Generator) -> None:
    """Nearly all are large and sign for a year."""
    state.segment[:] = np.where(rng.random(state.size) < 0.75, 2, 1)
    state.seats[:] = np.clip(np.round(70 * np.exp(rng.normal(0, 0.7, state.size))), 12, 900)
    state.demand[:] = state.seats * rng.beta(6, 3.4, state.size)
    state.is_annual[:] = True
    state.memory[:, SPONSOR] = rng.random(state.size)


def chances(state: State, month: int, month_of_year: int) -> Floats:  # noqa: ARG001
    """A case that is ready is signed in a month of budgets; which motion it is, is where value is wanted most."""
    ready = ramp(state.memory[:, CASE], 0.5, 1.2)
    level = np.where(month_of_year in BUDGET_MONTHS, -4.4 + 4.6 * ready, -7.0 + 2.4 * ready)
    wanted = np.column_stack(
        [
            0.3 + ramp(state.active / state.seats, 0.5, 0.9),
            0.2 + ramp(state.wants, 0.2, 0.7),
            0.2 + 0.8 * state.adjacent.any(axis=1),
        ]
    )
    return possible(state, (wanted / wanted.sum(axis=1)[:, None]) / (1 + np.exp(-level))[:, None])


def build_case(state: State, happened: Happened, rng: np.random.Generator) -> None:
    """A sponsor who is strong and served well carries the case on; one who leaves takes it away."""
    sponsor = KEPT * state.memory[:, SPONSOR] + 0.8 * happened.promoted + 0.25 * happened.reviewed
    sponsor = np.where(happened.left, 0.0, np.minimum(sponsor, 1.5))
    content = ramp(state.csat, 2.5, 4.5) * np.where(state.is_critical_open, 0.2, 1.0)
    step = 0.22 * ramp(sponsor, 0.2, 1.0) * content * ramp(state.breadth / CORE_FEATURES, 0.3, 0.8)
    case = 0.9 * state.memory[:, CASE] + step + np.abs(rng.normal(0, 0.02, state.size))
    case = np.where((happened.cause > 0) | ~state.is_customer, 0.0, np.where(happened.left, 0.4 * case, case))
    state.memory[:, SPONSOR], state.memory[:, CASE] = sponsor, case


ENTERPRISE = World(
    "enterprise",
    "Few large accounts: a sponsor's case, signed in the months of budgets.",
    chances,
    begins=enlarge,
    remembers=build_case,
)
