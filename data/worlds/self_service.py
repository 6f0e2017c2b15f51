"""Self-service: many tiny accounts that pay by the month; one colleague brings in the next, and buying takes a day."""

import numpy as np

from data.simulation.drivers import World, leaves, possible, ramp
from data.simulation.state import Floats, Happened, State, chance_of

INVITED = 0
"""The column of the memory: colleagues that came lately, as a share of all who are there."""
KEPT = 0.45
CHURN, IDLE_CHURN = 0.015, 0.06


def shrink_all(state: State, rng: np.random.Generator) -> None:
    """Nearly all are small, pay by the month and grow fast or not at all."""
    state.segment[:] = np.where(rng.random(state.size) < 0.96, 0, 1)
    state.seats[:] = 1 + rng.poisson(1.8, state.size)
    state.demand[:] = np.maximum(state.seats * rng.beta(5, 2.5, state.size), 1.0)
    state.is_annual[:] = rng.random(state.size) < 0.08
    state.growth_mean[:] = rng.normal(0.006, 0.022, state.size)
    state.tier[:] = np.where(rng.random(state.size) < 0.9, 1, 2)
    state.has_messaging[:] = rng.random(state.size) < 0.05


def chances(state: State, month: int, month_of_year: int) -> Floats:  # noqa: ARG001
    """Seats where colleagues came and none is free; the next tier where one asked for it or tried two of its parts."""
    invited, is_full = ramp(state.memory[:, INVITED], 0.05, 0.7), state.active >= state.seats
    log_odds = np.column_stack(
        [
            -6.0 + 2.6 * invited + 2.1 * is_full + 1.2 * invited * is_full,
            -6.2 + 2.6 * (state.gated_request_age < 2) + 1.9 * (state.gated_used >= 2) + 1.2 * invited,
            -6.4 + 2.4 * (state.adjacent_age < 3),
        ]
    )
    return possible(state, chance_of(log_odds))


def leaving(state: State) -> Floats:
    """Whoever is alone leaves easily."""
    churn = np.where(state.active <= 1, IDLE_CHURN, CHURN)
    return leaves(state, churn, np.full(state.size, 0.004))


def invite(state: State, happened: Happened, rng: np.random.Generator) -> None:
    """Colleagues who came bring others: the more came lately, the more want in."""
    share = happened.created / np.maximum(state.registered, 1)
    invited = np.where(happened.cause > 0, 0.0, KEPT * state.memory[:, INVITED] + share)
    state.memory[:, INVITED] = np.where(state.is_customer, invited, 0.0)
    brings = rng.random(state.size) < 0.25 * np.minimum(invited, 1.0)
    state.demand[:] = np.minimum(state.demand + brings, 1.45 * state.seats)


SELF_SERVICE = World(
    "self_service",
    "Many tiny accounts: colleagues bring in colleagues, and buy within days.",
    chances,
    leaving,
    begins=shrink_all,
    remembers=invite,
)
