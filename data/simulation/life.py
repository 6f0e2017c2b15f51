"""The life of a chunk of accounts, month by month, with the truth on the way."""

from dataclasses import dataclass, fields
from datetime import date
from typing import Any

import numpy as np

from data.simulation.drivers import TERMS, World
from data.simulation.month import Month, step
from data.simulation.oracle import truth
from data.simulation.state import Bools, Floats, Happened, Ints, begin

BURN_IN_MONTHS = 24
"""Months before the tables' first one, in which early customers start, buy and leave; their contracts are kept."""

CONTINUATIONS = 48
FIRST_DAY, LAST_DAY = 2, 28
"""Purchases fall on these days of a month, so that 90 days from the first of a month hold exactly three months."""

DURING = ("active", "registered", "power", "limit_share", "gated_used", "breadth", "adjacent", "owns", "seats", "tier")


def month_after(day: date, months: int) -> date:
    """The first of the month so many months later (or earlier)."""
    index = day.year * 12 + day.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)


@dataclass
class Life(Happened):
    """Everything that happened to a chunk of accounts; arrays are (months, accounts), state is at the month's end."""

    months: list[Month]
    end: date
    start_month: Ints
    is_annual: Bools
    segment: Ints
    group: Ints  # as in State
    day: Ints  # the day of the month on which its purchase, start, return or end falls
    moves: Bools  # something was bought, given back, ended or begun again
    # --- the state at the end of the month ---
    active: Ints
    registered: Ints
    power: Floats
    limit_share: Floats
    gated_used: Ints
    breadth: Ints
    adjacent: Bools
    owns: Bools
    seats: Ints
    tier: Ints
    csat: Floats
    satisfaction: Floats
    is_customer: Bools
    # --- the oracle on the first day of each kept month and on the end: (snapshots, accounts, ...) ---
    probability: Floats
    warm: Floats
    is_scored: Bools


def live(accounts: int, months: int, end: date, world: World, rng: np.random.Generator) -> Life:
    """Simulate ``accounts`` for a burn-in and ``months`` months up to ``end``."""
    total = BURN_IN_MONTHS + months
    first = month_after(end, -total)
    calendar = [Month(number, month_after(first, number)) for number in range(total + 3)]
    state = begin(accounts, months, BURN_IN_MONTHS, len(TERMS), rng)
    world.begins(state, rng)
    oracle_rng = rng.spawn(1)[0]
    logs: dict[str, list[np.ndarray]] = {}
    for number in range(total + 1):
        if number >= BURN_IN_MONTHS:
            coming = calendar[number : number + 3]
            _log(logs, "probability", truth(state, coming, world, oracle_rng, CONTINUATIONS))
            _log(logs, "warm", state.warm * world.has_drivers)
            _log(logs, "is_scored", state.is_customer | (state.bills.sum(axis=1) > 0))
        if number < total:
            for name, values in _month(step(state, calendar[number], world, rng)).items():
                _log(logs, name, values)
            for name in (*DURING, "csat", "satisfaction", "is_customer"):
                _log(logs, name, getattr(state, name).copy())
    arrays: dict[str, Any] = {name: np.stack(values) for name, values in logs.items()}
    arrays["day"] = rng.integers(FIRST_DAY, LAST_DAY + 1, (total, accounts))
    fixed = {name: getattr(state, name) for name in ("start_month", "is_annual", "segment", "group")}
    return Life(months=calendar[:total], end=end, **fixed, **arrays)


def _log(logs: dict[str, list[np.ndarray]], name: str, values: np.ndarray) -> None:
    logs.setdefault(name, []).append(values)


def _month(happened: Happened) -> dict[str, np.ndarray]:
    values = {f.name: getattr(happened, f.name) for f in fields(happened)}
    values["moves"] = (happened.cause > 0) | happened.churns | happened.shrinks | happened.returns
    return values
