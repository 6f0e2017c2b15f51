"""The triggers: signals that teams act on before any model, each with what it reads, when it fires and what it says.

A trigger is one record of ``TRIGGERS``. The points rule of the bench, its settings and their page follow from it.
"""

import operator
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Trigger:
    """One signal about an account on a day.

    ``code`` names it, and its threshold in the settings (``[training.triggers]``). ``motion``: how an account expands
    of which it is true, by the glossary; None where it speaks against any. ``reads``: names of features. ``test``: from
    their values (one array each, one entry per account) and the threshold to whether it fires. ``threshold`` is the
    default, ``means`` what it is. ``points``: what it counts in the points rule. ``sentence``: what is said of an
    account where it fires, in the words of the playbook (``{feature:format}``).
    """

    code: str
    motion: str | None
    reads: tuple[str, ...]
    test: Callable[..., Any]
    threshold: float
    means: str
    points: int
    sentence: str

    def can_be_asked(self, features: Container[str]) -> bool:
        """Are all features there that it reads?"""
        return all(name in features for name in self.reads)

    def fires(self, values: Mapping[str, Any], threshold: float) -> np.ndarray:
        """Whether it fires, one entry per account; never where a value is missing. ``values``: by feature name."""
        read = [np.asarray(values[name], dtype=np.float64) for name in self.reads]
        return np.asarray(self.test(*read, threshold))


AT_LEAST, AT_MOST = operator.ge, operator.le

TRIGGERS = (
    Trigger(
        "seat_utilization",
        "seat",
        ("seat_utilization_28d",),
        AT_LEAST,
        0.8,
        "share of the seats in use that calls for more seats",
        2,
        "{seat_utilization_28d:percent} of the seats are in use, going by the last 28 days.",
    ),
    Trigger(
        "registered_users_per_seat",
        "seat",
        ("registered_users_per_seat",),
        AT_LEAST,
        1.0,
        "users invited for each seat bought",
        1,
        "{registered_users_per_seat:number} users are registered for each seat bought.",
    ),
    Trigger(
        "active_users_growth",
        "seat",
        ("active_users_growth_91d",),
        AT_LEAST,
        0.1,
        "growth of active users in a quarter",
        1,
        "Active users grew by {active_users_growth_91d:percent} on the quarter before.",
    ),
    Trigger(
        "usage_growth",
        "usage",
        ("events_growth_91d",),
        AT_LEAST,
        0.2,
        "growth of use in a quarter",
        1,
        "Use grew by {events_growth_91d:percent} on the quarter before.",
    ),
    Trigger(
        "limit_share",
        "upsell",
        ("limit_share_max_28d",),
        AT_LEAST,
        0.8,
        "share of a metered limit used",
        2,
        "Of the tightest limit {limit_share_max_28d:percent} is used, of a monthly one at the pace of 28 days.",
    ),
    Trigger(
        "gated_share",
        "upsell",
        ("gated_share_used_91d",),
        AT_LEAST,
        0.7,
        "share of the next tier's features already used",
        2,
        "{gated_share_used_91d:percent} of what the next tier adds was used in the last 91 days.",
    ),
    Trigger(
        "gated_requests",
        "upsell",
        ("gated_requests_182d",),
        AT_LEAST,
        1,
        "tickets that ask for features of the next tier",
        1,
        "{gated_requests_182d:count ticket/tickets} about features of the next tier in the last 182 days.",
    ),
    Trigger(
        "new_teams",
        "seat",
        ("teams_new_91d",),
        AT_LEAST,
        1,
        "new teams within a quarter",
        1,
        "{teams_new_91d:count team/teams} began within the last 91 days.",
    ),
    Trigger(
        "other_domain_users",
        "seat",
        ("other_domain_users_91d",),
        AT_LEAST,
        1,
        "users of other e-mail domains within a quarter",
        1,
        "{other_domain_users_91d:count user/users} of other e-mail domains came within the last 91 days.",
    ),
    Trigger(
        "champion_promoted",
        "upsell",
        ("champion_promoted_182d",),
        AT_LEAST,
        1,
        "champions promoted within half a year",
        1,
        "{champion_promoted_182d:count champion was/champions were} promoted in the last 182 days.",
    ),
    Trigger(
        "budget_opened",
        "cross_sell",
        ("budget_opened_182d",),
        AT_LEAST,
        1,
        "budgets opened within half a year",
        1,
        "{budget_opened_182d:count budget was/budgets were} opened in the last 182 days.",
    ),
    Trigger(
        "milestones",
        "upsell",
        ("milestones_365d",),
        AT_LEAST,
        1,
        "milestones reached within a year",
        1,
        "{milestones_365d:count milestone was/milestones were} reached in the last 365 days.",
    ),
    Trigger(
        "features_new",
        "cross_sell",
        ("features_new_91d",),
        AT_LEAST,
        2,
        "features first used within a quarter",
        1,
        "{features_new_91d:count feature was/features were} first used within the last 91 days.",
    ),
    Trigger(
        "usage_fall",
        None,
        ("events_growth_91d",),
        AT_MOST,
        -0.2,
        "fall of use in a quarter that speaks against",
        -2,
        "Use fell by {events_growth_91d:size} on the quarter before.",
    ),
    Trigger(
        "critical_tickets",
        None,
        ("critical_tickets_open",),
        AT_LEAST,
        1,
        "critical tickets open that speak against",
        -2,
        "{critical_tickets_open:count critical ticket is/critical tickets are} open.",
    ),
    Trigger(
        "overdue_invoices",
        None,
        ("invoices_overdue",),
        AT_LEAST,
        1,
        "overdue invoices that speak against",
        -2,
        "An invoice is overdue.",
    ),
    Trigger(
        "champion_left",
        None,
        ("champion_left_182d",),
        AT_LEAST,
        1,
        "champions gone within half a year that speak against",
        -1,
        "{champion_left_182d:count champion/champions} left in the last 182 days.",
    ),
    Trigger(
        "competitor_research",
        None,
        ("competitor_research_182d",),
        AT_LEAST,
        1,
        "signs of competitor research that speak against",
        -2,
        "{competitor_research_182d:count sign/signs} of competitor research in the last 182 days.",
    ),
)
"""In the order of the settings' page."""
