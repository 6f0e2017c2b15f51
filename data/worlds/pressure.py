"""Seats by sustained pressure: who is short of seats for months asks for more, and signs when purchasing is done."""

import numpy as np

from data.simulation.drivers import World, possible, ramp
from data.simulation.state import Floats, Happened, State

STOCK, WAIT = 0, 1
"""The columns of the memory: unmet demand that piled up (in shares of the seats), months until an order is signed."""
KEPT = 0.75
"""The share of the pressure that is left a month later."""
ASKS = 0.45
"""The chance that an account under full pressure asks within a month."""
PROCUREMENT_MONTHS = (1, 4)
SIGNS = 0.9
ELSE = (0.002, 0.004, 0.003)
"""The monthly chance of each motion without an order."""


def chances(state: State, month: int, month_of_year: int) -> Floats:  # noqa: ARG001
    """An order that is due is signed; all else is rare."""
    is_due = state.memory[:, WAIT] == 1
    chance = np.where(is_due[:, None], (SIGNS, 0.0, 0.0), ELSE)
    return possible(state, chance)


def press(state: State, happened: Happened, rng: np.random.Generator) -> None:
    """Demand that finds no seat piles up; a customer that feels it long enough asks, once."""
    short = np.maximum(state.demand / state.seats - 0.94, 0.0)
    bought = happened.cause > 0
    stock = np.where(bought | ~state.is_customer, 0.0, KEPT * state.memory[:, STOCK] + short)
    wait = np.maximum(state.memory[:, WAIT] - 1, 0)
    asks = (wait == 0) & state.is_customer & (rng.random(state.size) < ASKS * ramp(stock, 0.25, 1.1))
    wait = np.where(asks, rng.integers(*PROCUREMENT_MONTHS, state.size), wait)
    state.memory[:, STOCK], state.memory[:, WAIT] = stock, np.where(bought, 0, wait)


PRESSURE = World(
    "pressure", "Seats, by pressure that lasts, signed after a delay of purchasing.", chances, remembers=press
)
