"""The state of a simulated customer base: what is true of every account on the first day of a month.

One element of each array is one account. Nothing here knows of dates or tables; a month is a number.
"""

from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

LONG_AGO = 99
"""Months since something that has not happened."""

METERED = ("api_calls", "data_transfer_gb", "automation_runs")
CORE_FEATURES = 10
GATED_FEATURES = 5
ADD_ONS = ("Analytics", "Automation")
SEGMENTS = ("smb", "mid_market", "enterprise")
SEGMENT_SHARE = (0.60, 0.31, 0.09)
MEDIAN_SEATS = (8.0, 23.0, 85.0)
TIER_SHARE = ((0.72, 0.25, 0.03), (0.38, 0.50, 0.12), (0.12, 0.50, 0.38))
MEMORIES = 3
LIMIT_STEP = 4.0
"""Each tier's metered limits are this many times those of the tier below."""


def chance_of(log_odds: Floats) -> Floats:
    """The chance, or share, that has these log-odds."""
    return 1 / (1 + np.exp(-log_odds))


@dataclass
class State:
    """What is true on the first day of a month; ``*_age`` counts whole months since, ``LONG_AGO`` for never."""

    # --- who the account is: fixed ---
    segment: Ints
    start_month: Ints
    is_annual: Bools
    frailty: Floats  # log-odds that no table shows
    growth_mean: Floats
    csat_mean: Floats
    has_messaging: Bools
    group: Ints  # the place of the account at the top of its group of companies; its own where it has none above it
    # --- what it has bought ---
    is_customer: Bools
    tenure: Ints
    tier: Ints
    seats: Ints
    owns: Bools  # (n, 2): Analytics, Automation
    expansion_age: Ints
    contraction_age: Ints
    churn_age: Ints
    # --- who uses it ---
    demand: Floats  # people who would use the product
    growth: Floats  # monthly growth of demand, log
    active: Ints  # users active last month
    active_before: Ints  # (n, 3): the months before last
    registered: Ints
    invited_age: Ints
    new_team_age: Ints
    new_domain_age: Ints
    power: Floats  # log-odds of the share of power users
    # --- how it is used ---
    limit_share: Floats  # (n, 3): use of each metered feature against the tier's limit
    wants: Floats  # appetite for the next tier, 0-1
    gated_used: Ints
    gated_request_age: Ints
    breadth: Ints
    adjacent: Bools  # (n, 2): uses the feature that leads to the add-on
    adjacent_age: Ints  # months since the latest such milestone
    # --- how it feels ---
    satisfaction: Floats  # 1-5, latent
    csat: Floats  # the last rating given
    is_critical_open: Bools
    promoted_age: Ints
    left_age: Ints
    review_age: Ints
    budget_age: Ints
    competitor_age: Ints
    is_overdue: Bools
    is_opportunity_open: Bools
    # --- usage-priced product ---
    messaging_level: Floats  # log of the monthly bill
    messaging_growth: Floats
    bills: Floats  # (n, 3): the last three bills, newest first
    # --- driver terms in log-odds, smoothed over months: the way from trigger to close ---
    warm: Floats  # (n, terms)
    # --- what a world of another kind keeps of its own from month to month ---
    memory: Floats  # (n, MEMORIES)

    @property
    def size(self) -> int:
        return len(self.segment)

    def take(self, index: Bools | Ints) -> Self:
        """The accounts of an index or mask, as copies."""
        return replace(self, **{f.name: getattr(self, f.name)[index] for f in fields(self)})

    def copies(self, count: int) -> Self:
        """Every account ``count`` times, copies of one account side by side."""
        return self.take(np.repeat(np.arange(self.size), count))


@dataclass
class Happened:
    """What happened in one month; one element per account. Counts unless said otherwise."""

    cause: Ints  # 0 nothing, 1 seat, 2 upsell, 3 cross-sell
    add_on: Ints  # which add-on was bought, else -1
    starts: Bools
    returns: Bools
    churns: Bools
    shrinks: Bools
    created: Ints  # users
    deactivated: Ints
    joining: Ints  # users of a new team
    new_domain: Ints  # users from another domain
    requests: Ints  # tickets for gated features
    tickets: Ints  # other tickets
    rated: Bools
    critical_opens: Bools
    critical_closes: Bools
    milestone: Ints  # which add-on's leading feature was adopted, else -1
    promoted: Bools
    left: Bools
    reviewed: Bools
    review_missed: Bools
    budget: Bools
    competitor: Bools
    overdue: Bools
    paid: Bools
    nps: Bools
    opportunity_opens: Bools
    opportunity_lost: Bools
    opportunity_won: Bools
    bill: Floats  # currency


def begin(count: int, months: int, burn_in_months: int, terms: int, rng: np.random.Generator) -> State:
    """Accounts before their first month: half of them start during the burn-in, half while the tables are kept."""
    segment = rng.choice(3, count, p=SEGMENT_SHARE)
    seats = np.maximum(2, np.round(np.take(MEDIAN_SEATS, segment) * np.exp(rng.normal(0, 0.62, count)))).astype(int)
    seats = np.minimum(seats, 900)
    tier_edges = np.cumsum(np.array(TIER_SHARE), axis=1)[segment]
    is_early = rng.random(count) < 0.58
    early = np.floor(burn_in_months * rng.random(count) ** 1.3)
    late = burn_in_months + np.floor(max(months - 1, 1) * rng.random(count))
    csat_mean = np.clip(rng.normal(4.05, 0.45, count), 2.4, 4.8)
    never = np.full(count, LONG_AGO)
    return State(
        segment=segment,
        start_month=np.where(is_early, early, late).astype(int),
        is_annual=rng.random(count) < np.take((0.55, 0.85, 0.97), segment),
        frailty=rng.normal(0, 0.10, count),
        growth_mean=rng.normal(-0.001, 0.011, count),
        csat_mean=csat_mean,
        has_messaging=rng.random(count) < 0.18,
        group=np.arange(count),
        is_customer=np.zeros(count, bool),
        tenure=np.zeros(count, int),
        tier=1 + (rng.random(count)[:, None] > tier_edges).sum(axis=1).clip(0, 2),
        seats=seats,
        owns=rng.random((count, 2)) < (0.10, 0.07),
        expansion_age=never.copy(),
        contraction_age=never.copy(),
        churn_age=never.copy(),
        demand=seats * rng.beta(6, 4.2, count),
        growth=rng.normal(0.002, 0.015, count),
        active=np.zeros(count, int),
        active_before=np.zeros((count, 3), int),
        registered=np.zeros(count, int),
        invited_age=never.copy(),
        new_team_age=never.copy(),
        new_domain_age=never.copy(),
        power=rng.normal(-2.1, 0.7, count),
        limit_share=np.exp(rng.normal(-1.75, 0.55, (count, 3))).clip(0.02, 0.8),
        wants=rng.beta(1.2, 3.0, count),
        gated_used=np.zeros(count, int),
        gated_request_age=never.copy(),
        breadth=rng.integers(2, 6, count),
        adjacent=np.zeros((count, 2), bool),
        adjacent_age=never.copy(),
        satisfaction=csat_mean.copy(),
        csat=np.round(csat_mean),
        is_critical_open=np.zeros(count, bool),
        promoted_age=never.copy(),
        left_age=never.copy(),
        review_age=never.copy(),
        budget_age=never.copy(),
        competitor_age=never.copy(),
        is_overdue=np.zeros(count, bool),
        is_opportunity_open=np.zeros(count, bool),
        messaging_level=rng.normal(5.6, 0.7, count),
        messaging_growth=rng.normal(0.008, 0.045, count),
        bills=np.zeros((count, 3)),
        warm=np.zeros((count, terms)),
        memory=np.zeros((count, MEMORIES)),
    )
