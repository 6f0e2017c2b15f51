"""The trigger rules of the field as a points score: what teams rank by once a spreadsheet is not enough.

Each rule that fires gives its points; the list is ranked by their sum. A rule whose column is missing never fires.
"""

import operator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field


class TriggerThresholds(BaseModel):
    """Where a signal becomes a trigger."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seat_utilization: float = Field(default=0.8, description="share of the seats in use that calls for more seats")
    registered_users_per_seat: float = Field(default=1.0, description="users invited for each seat bought")
    active_users_growth: float = Field(default=0.1, description="growth of active users in a quarter")
    usage_growth: float = Field(default=0.2, description="growth of use in a quarter")
    limit_share: float = Field(default=0.8, description="share of a metered limit used")
    gated_share: float = Field(default=0.7, description="share of the next tier's features already used")
    gated_requests: float = Field(default=1, description="tickets that ask for features of the next tier")
    new_teams: float = Field(default=1, description="new teams within a quarter")
    other_domain_users: float = Field(default=1, description="users of other e-mail domains within a quarter")
    champion_promoted: float = Field(default=1, description="champions promoted within half a year")
    budget_opened: float = Field(default=1, description="budgets opened within half a year")
    milestones: float = Field(default=1, description="milestones reached within a year")
    features_new: float = Field(default=2, description="features first used within a quarter")
    usage_fall: float = Field(default=-0.2, description="fall of use in a quarter that speaks against")
    critical_tickets: float = Field(default=1, description="critical tickets open that speak against")
    overdue_invoices: float = Field(default=1, description="overdue invoices that speak against")
    champion_left: float = Field(default=1, description="champions gone within half a year that speak against")
    competitor_research: float = Field(default=1, description="signs of competitor research that speak against")


@dataclass(frozen=True)
class Trigger:
    """``points`` for an account whose ``column`` is at least (``rises``) or at most the threshold of that name."""

    threshold: str
    column: str
    points: int
    rises: bool = True


TRIGGERS = (
    Trigger("seat_utilization", "seat_utilization_28d", 2),
    Trigger("registered_users_per_seat", "registered_users_per_seat", 1),
    Trigger("active_users_growth", "active_users_growth_91d", 1),
    Trigger("usage_growth", "events_growth_91d", 1),
    Trigger("limit_share", "limit_share_max_28d", 2),
    Trigger("gated_share", "gated_share_used_91d", 2),
    Trigger("gated_requests", "gated_requests_182d", 1),
    Trigger("new_teams", "teams_new_91d", 1),
    Trigger("other_domain_users", "other_domain_users_91d", 1),
    Trigger("champion_promoted", "champion_promoted_182d", 1),
    Trigger("budget_opened", "budget_opened_182d", 1),
    Trigger("milestones", "milestones_365d", 1),
    Trigger("features_new", "features_new_91d", 1),
    Trigger("usage_fall", "events_growth_91d", -2, rises=False),
    Trigger("critical_tickets", "critical_tickets_open", -2),
    Trigger("overdue_invoices", "invoices_overdue", -2),
    Trigger("champion_left", "champion_left_182d", -1),
    Trigger("competitor_research", "competitor_research_182d", -2),
)


def columns(rows: pd.DataFrame) -> list[str]:
    """The columns of the triggers that these rows have."""
    return list(dict.fromkeys(trigger.column for trigger in TRIGGERS if trigger.column in rows))


def points(rows: pd.DataFrame, thresholds: TriggerThresholds) -> np.ndarray:
    """The points of each row; a missing value fires nothing."""
    total = np.zeros(len(rows))
    for trigger in TRIGGERS:
        if trigger.column in rows:
            reached = operator.ge if trigger.rises else operator.le
            limit = getattr(thresholds, trigger.threshold)
            total += trigger.points * reached(rows[trigger.column].to_numpy(np.float64), limit)
    return total
