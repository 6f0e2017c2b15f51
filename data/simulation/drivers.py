"""What makes an account expand: the planted drivers, and the monthly chance of each motion.

Each motion has terms of its own, in log-odds. A term warms up and cools down over months (the way from trigger to
close), obstacles act at once. An account buys at most once in four months: in the three months after an expansion or a
contraction nothing is bought, nothing given back, and nobody leaves. That is what makes the truth exact.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from data.contract.vocabulary import LINE_MOTIONS
from data.simulation.state import CORE_FEATURES, GATED_FEATURES, Bools, Floats, Happened, State, chance_of

TERMS = (
    ("seat", "seats_in_use"),
    ("seat", "invitations"),
    ("seat", "new_teams"),
    ("seat", "other_domains"),
    ("seat", "user_growth"),
    ("upsell", "near_limit"),
    ("upsell", "next_tier_wanted"),
    ("upsell", "power_users"),
    ("cross_sell", "feature_breadth"),
    ("cross_sell", "milestones"),
    ("cross_sell", "champion_promoted"),
    ("cross_sell", "budget"),
)
"""(motion, reason code) of each driver, in the order of the columns of ``State.warm``."""

MEMORY = np.array([{"seat": 0.10, "upsell": 0.20, "cross_sell": 0.30}[motion] for motion, _ in TERMS])
BELONGS = np.array([[motion == of for of in LINE_MOTIONS] for motion, _ in TERMS], dtype=float)
BASE = np.array([-9.75, -8.15, -9.1])
"""Log-odds per month of seat, upsell and cross-sell for an account on which nothing acts."""

RANDOM_CHANCE = np.array([0.0175, 0.0105, 0.0070])
"""Chance per month in a world without drivers; what an account cannot buy any more goes to seats."""

LOCK_MONTHS = 3
FIRST_CROSS_SELL_MONTH = 2
"""Before, a product could still start within 30 days of the first one and be a new customer's."""

HIGHEST_CHANCE = 0.55
RANDOM_CHURN, RANDOM_CONTRACTION = 0.008, 0.004


def ramp(value: Floats, low: float, high: float) -> Floats:
    """0 up to ``low``, 1 from ``high``, straight between."""
    return np.clip((value - low) / (high - low), 0.0, 1.0)


def user_growth(state: State) -> Floats:
    """Active users of last month against the three months before, log; small accounts shrunk towards nought."""
    before = state.active_before.mean(axis=1)
    growth = np.log((state.active + 2.0) / (before + 2.0))
    return np.where(state.tenure >= 4, np.clip(growth, -0.6, 0.6), 0.0)


def terms(state: State) -> Floats:
    """The drivers as they act today, log-odds; one row per account, one column per entry of ``TERMS``."""
    in_use = state.active / state.seats
    growth = user_growth(state)
    healthy = (0.45 + 0.55 * ramp(state.csat, 2.0, 4.0)) * np.where(state.is_critical_open, 0.6, 1.0)
    growing = ramp(growth, -0.02, 0.12)
    limits = np.where(state.tier < 3, state.limit_share.max(axis=1), 0.0)
    gated = np.where(state.tier < 3, state.gated_used / GATED_FEATURES, 0.0)
    asked = (state.tier < 3) & (state.gated_request_age < 6)
    power = chance_of(state.power)
    breadth = state.breadth / CORE_FEATURES
    open_way = (state.adjacent_age < 12) & ~state.owns.all(axis=1)
    broad = ramp(breadth, 0.35, 0.75)
    return np.column_stack(
        [
            6.8 * ramp(in_use, 0.76, 0.95) * healthy,
            1.6 * ramp(state.registered / state.seats, 1.0, 1.3) * (0.4 + 0.6 * ramp(in_use, 0.6, 0.9)),
            1.5 * (state.new_team_age < 3),
            1.1 * (state.new_domain_age < 3),
            1.0 * growing * ramp(in_use, 0.5, 0.8),
            6.4 * ramp(limits, 0.58, 0.95) * (0.7 + 0.3 * growing),
            5.4 * ramp(gated, 0.15, 0.6) * healthy + 1.6 * asked,
            1.0 * ramp(power, 0.10, 0.35) * ramp(np.maximum(limits, gated), 0.2, 0.5),
            1.2 * broad,
            4.6 * open_way * (0.6 + 0.4 * broad),
            4.0 * (state.promoted_age < 6) * (0.7 + 0.3 * broad),
            1.5 * (state.budget_age < 6) * (0.4 + 0.6 * open_way),
        ]
    )


def obstacles(state: State) -> Floats:
    """What holds every motion back today, log-odds (nought or less)."""
    return (
        -1.2 * state.is_critical_open
        - 1.0 * (state.csat < 3)
        - 1.0 * ramp(-user_growth(state), 0.08, 0.30)
        - 1.0 * (state.left_age < 6)
        - 0.6 * state.is_overdue
        - 0.4 * (state.competitor_age < 6)
        - 2.0 * (state.tenure < 3)
        - 0.6 * (state.expansion_age < 7)
    )


def is_locked(state: State) -> Bools:
    return np.minimum(state.expansion_age, state.contraction_age) < LOCK_MONTHS


def can_buy(state: State) -> Bools:
    """What is left for an account to buy by each motion, (n, 3)."""
    next_product = ~state.owns.all(axis=1) & (state.tenure >= FIRST_CROSS_SELL_MONTH)
    return np.column_stack([np.ones(state.size, bool), state.tier < 3, next_product])


def possible(state: State, chance: Floats) -> Floats:
    """A chance of each motion, as far as an account can buy: a customer that has not just bought or given back."""
    chance = chance * can_buy(state)
    chance *= np.minimum(1.0, HIGHEST_CHANCE / np.maximum(chance.sum(axis=1), 1e-12))[:, None]
    return chance * (state.is_customer & ~is_locked(state))[:, None]


def chances(state: State, month: int, month_of_year: int) -> Floats:
    """Chance of each motion within the month, (n, 3); at most one of them happens."""
    in_budget_window = month_of_year in (10, 11, 12, 1, 2, 3)
    season = np.array([0.12, 0.15, 0.35]) * in_budget_window + 0.004 * (month - 24)
    near_renewal = 0.4 * (state.is_annual & (state.tenure % 12 >= 10))
    shared = obstacles(state) + state.frailty + near_renewal + 1.0 * state.is_opportunity_open
    log_odds = BASE + season + state.warm @ BELONGS + shared[:, None]
    return possible(state, chance_of(log_odds))


def leaving_chances(state: State) -> Floats:
    """Chance of churn and of contraction within the month for an account that does not expand in it, (n, 2)."""
    unhappy = (
        1.0 * (state.csat < 3) + 0.8 * state.is_critical_open + 0.9 * (state.left_age < 6)
        + 1.2 * ramp(-user_growth(state), 0.05, 0.3) + 0.7 * (state.competitor_age < 6)
        - 0.5 * (state.segment == 2) + 0.5 * (state.segment == 0)
    )  # fmt: skip
    unused = ramp(-state.active / state.seats, -0.60, -0.30)
    is_renewal = state.is_annual & (state.tenure % 12 == 0) & (state.tenure > 0)
    term = np.where(state.is_annual, np.where(is_renewal, 8.0, 0.12), 1.0)
    churn = np.minimum(0.0060 * np.exp(unhappy) * term, 0.6)
    shrink = np.minimum((0.0020 + 0.015 * unused) * term, 0.4)
    return leaves(state, churn, shrink)


def leaves(state: State, churn: Floats, shrink: Floats) -> Floats:
    """The two chances, (n, 2), of those who can leave."""
    is_free = state.is_customer & ~is_locked(state)
    return np.column_stack([churn, shrink]) * is_free[:, None]


def _chances_by_luck(state: State, month: int, month_of_year: int) -> Floats:  # noqa: ARG001
    chance = np.where(can_buy(state), RANDOM_CHANCE, 0.0)
    chance[:, 0] += RANDOM_CHANCE.sum() - chance.sum(axis=1)
    return chance * state.is_customer[:, None]


def _leaving_by_luck(state: State) -> Floats:
    return leaves(state, np.full(state.size, RANDOM_CHURN), np.full(state.size, RANDOM_CONTRACTION))


def _as_they_are(state: State, rng: np.random.Generator) -> None:
    """The accounts begin as those of the simulator do."""


def _nothing_more(state: State, happened: Happened, rng: np.random.Generator) -> None:
    """All that lasts is in the state."""


@dataclass(frozen=True)
class World:
    """How a base works: what makes its accounts buy and leave.

    ``chances``: of each motion within a month, (n, 3), from the state, the number of the month and the month of the
    year. ``leaving``: of churn and contraction for who does not expand, (n, 2). ``begins`` changes the accounts before
    their first month, ``remembers`` the state at the end of each, both in place. ``has_drivers``: do the terms of
    ``TERMS`` act? ``bills_grow``: does the usage-priced bill move of itself? ``bill_season``: its log by month of the
    year. ``is_counted``: use is handed over as counts by day, and nobody knows the users.
    """

    name: str
    words: str
    chances: Callable[[State, int, int], Floats]
    leaving: Callable[[State], Floats] = leaving_chances
    begins: Callable[[State, np.random.Generator], None] = _as_they_are
    remembers: Callable[[State, Happened, np.random.Generator], None] = _nothing_more
    has_drivers: bool = False
    bills_grow: bool = True
    bill_season: tuple[float, ...] = (0.0,) * 12
    is_counted: bool = False


DRIVEN = World("driven", "Seats, limits and products, by what accounts do and feel.", chances, has_drivers=True)
RANDOM = World("random", "Expansions that nothing foretells.", _chances_by_luck, _leaving_by_luck, bills_grow=False)
