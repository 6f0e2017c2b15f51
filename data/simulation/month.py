"""One month in the life of every account: from the state on its first day to the state on the next month's first day.

The same step makes the tables and, run forward many times without purchases, the oracle.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.simulation.drivers import MEMORY, World, ramp, terms
from data.simulation.state import (
    CORE_FEATURES,
    GATED_FEATURES,
    LIMIT_STEP,
    LONG_AGO,
    Bools,
    Happened,
    Ints,
    State,
)

USE_BY_MONTH = (0.97, 1.0, 1.01, 1.0, 1.0, 0.99, 0.96, 0.90, 1.01, 1.02, 1.01, 0.91)
"""People take August and late December off."""

RAMP = np.array([0.45, 0.70, 0.90])
"""Share of the demand that uses the product in the first months."""

GRACE = 1.05
"""Users beyond the seats that a plan lets in."""

BILL_MEMORY, BILL_DRIFT = 0.96, 0.0003
BILL_GROWTH_SPREAD, BILL_SPREAD = 0.012, 0.02
"""The usage-priced bill, in logs: how long its monthly growth lasts, drift and spread of that, spread of the bill."""

STARTER_MONTHS = 3
"""The first bill of the usage-priced product is a starter package of that many months."""


@dataclass(frozen=True)
class Month:
    """A month of the simulation: ``number`` counts from the first month of the burn-in."""

    number: int
    first_day: date


def _age(age: Ints, again: Bools) -> Ints:
    return np.where(again, 0, np.minimum(age + 1, LONG_AGO))


def _round(value: NDArray[Any], rng: np.random.Generator) -> Ints:
    """Rounded up or down by chance, so that the mean is kept."""
    return np.floor(value + rng.random(value.shape)).astype(int)


def step(state: State, month: Month, world: World, rng: np.random.Generator, *, buys: bool = True) -> Happened:
    """Carry ``state`` through ``month`` in place and say what happened. With ``buys=False`` nobody expands."""
    count, chance = state.size, (lambda p: rng.random(count) < p)
    month_of_year = month.first_day.month
    odds = world.chances(state, month.number, month_of_year)
    leaving = world.leaving(state)
    cause = np.zeros(count, int)
    if buys:
        cause = (rng.random(count)[:, None] < np.cumsum(odds[:, ::-1], axis=1)[:, ::-1]).sum(axis=1)
    draw = rng.random(count)
    churns = (cause == 0) & (draw < leaving[:, 0])
    shrinks = (cause == 0) & ~churns & (draw < leaving.sum(axis=1))
    starts = state.start_month == month.number
    returns = ~state.is_customer & (state.churn_age >= 3) & (state.churn_age < 15) & chance(0.010)
    state.is_customer = state.is_customer | starts | returns
    state.tenure = np.where(starts | returns, 0, state.tenure)
    customer = state.is_customer & ~churns

    # --- the people ---
    state.growth = 0.80 * state.growth + 0.20 * state.growth_mean + rng.normal(0, 0.014, count)
    state.growth -= 0.02 * ramp(-state.satisfaction, -3.0, -2.2)
    state.demand = state.demand * np.exp(state.growth + rng.normal(0, 0.025, count))
    new_team = customer & chance(0.022 + 1.1 * np.clip(state.growth, 0, 0.06))
    joining = np.where(new_team, 1 + rng.poisson(0.06 * state.seats), 0)
    new_domain = np.where(customer & chance(0.014 + 0.7 * np.clip(state.growth, 0, 0.06)), rng.integers(1, 5, count), 0)
    state.demand += 0.7 * joining + 0.5 * new_domain
    state.demand = np.clip(state.demand, 1.0, np.minimum(1.45 * state.seats, 2_000.0))
    ramped = np.where(state.tenure < 3, RAMP[np.minimum(state.tenure, 2)], 1.0)
    using = state.demand * ramped * USE_BY_MONTH[month_of_year - 1]
    active = np.minimum(_round(np.minimum(using, GRACE * state.seats), rng), state.seats + (state.seats >= 8))
    active = np.where(customer | churns, np.maximum(active, 1), 0)
    leavers = _round(0.010 * state.registered, rng)
    leavers += np.where(state.registered > 1.6 * state.demand, state.registered // 12, 0)
    kept = np.maximum(state.registered - leavers, 0)
    wanted = np.maximum(np.ceil(1.06 * state.demand * ramped).astype(int), active)
    created = np.where(customer, np.maximum(wanted - kept, joining + new_domain), 0)
    deactivated = np.where(customer, leavers, state.registered)
    state.registered = np.where(customer, kept + created, 0)
    state.active_before = np.column_stack([state.active, state.active_before[:, :2]])
    state.active = active
    state.power = -2.1 + 0.92 * (state.power + 2.1) + rng.normal(0, 0.25, count)

    # --- how they use it ---
    state.limit_share *= np.exp(0.8 * state.growth[:, None] + 0.009 + rng.normal(0, 0.07, (count, 3)))
    state.limit_share = np.clip(state.limit_share, 0.02, 1.06)
    state.wants = np.clip(state.wants + rng.normal(0.001, 0.03, count), 0.02, 0.98)
    tries = rng.binomial(GATED_FEATURES - state.gated_used, 0.002 + 0.08 * state.wants**2)
    drops = rng.binomial(state.gated_used, 0.04)
    state.gated_used = np.where(customer & (state.tenure > 0), state.gated_used + tries - drops, 0)
    requests = rng.poisson(0.006 + 0.16 * ramp(state.wants, 0.25, 0.9) ** 2) * (customer & (state.tier < 3))
    state.gated_request_age = _age(state.gated_request_age, requests > 0)
    eager = 0.03 + 0.05 * ramp(state.power, -2.5, -1.0)
    state.breadth += rng.binomial(CORE_FEATURES - state.breadth, eager * 0.5) - rng.binomial(state.breadth, 0.008)
    state.breadth = np.maximum(state.breadth, 1)
    adopts = ~state.adjacent & (rng.random((count, 2)) < 0.020 * (state.breadth / CORE_FEATURES)[:, None])
    adopts[:, 1] &= ~adopts[:, 0]
    adopts &= (customer & (state.tenure >= 2))[:, None]
    state.adjacent = (state.adjacent | adopts) & ((rng.random((count, 2)) > 0.012) | adopts)
    milestone = np.where(adopts.any(axis=1), adopts.argmax(axis=1), -1)
    state.adjacent_age = _age(state.adjacent_age, milestone >= 0)

    # --- how it feels ---
    state.satisfaction += 0.12 * (state.csat_mean - state.satisfaction) + rng.normal(0, 0.22, count)
    tickets = rng.poisson(np.minimum(0.35 + 0.012 * state.seats, 3.0)) * customer
    rated = (tickets > 0) & chance(0.8)
    rating = np.clip(np.round(state.satisfaction + rng.normal(0, 0.3, count)), 1, 5)
    state.csat = np.where(rated, rating, state.csat)
    critical_closes = state.is_critical_open & (chance(0.55) | ~customer)
    critical_opens = ~state.is_critical_open & customer & chance(0.012 + 0.02 * (state.satisfaction < 3.2))
    state.is_critical_open = (state.is_critical_open & ~critical_closes) | critical_opens
    events = rng.random((count, 8)) < np.array(
        [0.013, 0.009, 0.14, 0.02, 0.035 if month_of_year in (9, 10, 11, 12, 1) else 0.008, 0.010, 0.014, 0.05]
    )
    events &= customer[:, None]
    promoted, left, reviewed, review_missed, budget, competitor, overdue, nps = events.T
    review_missed &= state.review_age > 6
    overdue &= ~state.is_overdue
    paid = state.is_overdue & chance(0.6)
    state.is_overdue = (state.is_overdue & ~paid) | overdue
    opportunity_won = state.is_opportunity_open & (cause > 0)
    opportunity_lost = state.is_opportunity_open & (chance(0.25) | churns) & (cause == 0)
    opens = chance(np.minimum(0.003 + 0.9 * odds.sum(axis=1), 0.5)) & customer
    opportunity_opens = ~state.is_opportunity_open & opens & (cause == 0)
    state.is_opportunity_open = (state.is_opportunity_open & ~opportunity_lost & (cause == 0)) | opportunity_opens

    # --- the usage-priced product ---
    if world.bills_grow:
        drift = BILL_MEMORY * state.messaging_growth + BILL_DRIFT
        state.messaging_growth = drift + rng.normal(0, BILL_GROWTH_SPREAD, count)
        state.messaging_level = np.clip(state.messaging_level + state.messaging_growth, 2.5, 9.5)
    bill = np.exp(state.messaging_level + world.bill_season[month_of_year - 1] + rng.normal(0, BILL_SPREAD, count))
    bill *= (customer & state.has_messaging) * np.where(starts | returns, STARTER_MONTHS, 1.0)
    state.bills = np.column_stack([bill, state.bills[:, :2]])

    add_on = _buy(state, cause, shrinks, rng)
    for name, again in (
        ("promoted", promoted), ("left", left), ("review", reviewed), ("budget", budget), ("competitor", competitor),
        ("new_team", new_team), ("new_domain", new_domain > 0), ("invited", created > 0), ("expansion", cause > 0),
        ("contraction", shrinks), ("churn", churns),
    ):  # fmt: skip
        setattr(state, f"{name}_age", _age(getattr(state, f"{name}_age"), again))
    state.is_customer = customer
    state.tenure = state.tenure + 1
    warm = MEMORY * state.warm + (1 - MEMORY) * terms(state)
    state.warm = np.where(((cause > 0) | ~customer)[:, None], 0.0, warm)
    happened = Happened(
        cause, add_on, starts, returns, churns, shrinks, created, deactivated, joining, new_domain, requests, tickets,
        rated, critical_opens, critical_closes, milestone, promoted, left, reviewed, review_missed, budget, competitor,
        overdue, paid, nps & customer, opportunity_opens, opportunity_lost, opportunity_won, bill,
    )  # fmt: skip
    world.remembers(state, happened, rng)
    return happened


def _buy(state: State, cause: Ints, shrinks: Bools, rng: np.random.Generator) -> Ints:
    """Change what is bought at the end of the month; return the add-on of a cross-sell, else -1."""
    room = rng.uniform(1.10, 1.32, state.size)
    more = np.ceil(np.maximum(np.maximum(state.active, 0.9 * state.registered) * room, 1.05 * state.seats))
    more = np.clip(more, state.seats + 1, np.maximum(2.0 * state.seats, state.seats + 2)).astype(int)
    some_more = (cause == 2) & (rng.random(state.size) < 0.35)
    fewer = np.maximum(np.minimum(np.ceil(np.maximum(1.15 * state.active, 0.6 * state.seats)), state.seats - 1), 1)
    state.seats = np.where((cause == 1) | some_more, more, np.where(shrinks, fewer, state.seats)).astype(int)
    state.limit_share = np.where((cause == 2)[:, None], state.limit_share / LIMIT_STEP, state.limit_share)
    state.gated_used = np.where(cause == 2, 0, state.gated_used)
    state.gated_request_age = np.where(cause == 2, LONG_AGO, state.gated_request_age)
    state.wants = np.where(cause == 2, 0.5 * state.wants, state.wants)
    state.tier = state.tier + (cause == 2)
    appeal = (1.0 + 4.0 * state.adjacent + 0.5 * rng.random((state.size, 2))) * ~state.owns
    add_on = np.where(cause == 3, appeal.argmax(axis=1), -1)
    state.owns = state.owns | (np.arange(2) == add_on[:, None])
    return add_on
