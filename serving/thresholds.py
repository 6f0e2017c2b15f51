"""The thresholds of the gates, as settings."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class GateThresholds(BaseModel):
    """Thresholds of the gates; null switches a gate off."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    onboarding_days: int | None = Field(
        default=90, ge=1, description="onboarding lasts this long after the first contract"
    )
    first_value: Literal["use", "milestone"] | None = Field(
        default="use",
        description="first value is reached with a milestone or first use (`use`), or with a milestone only",
    )
    min_seat_utilization: float | None = Field(
        default=0.25, gt=0, le=1, description="least share of seats in use in 28 days"
    )
    min_features_share: float | None = Field(
        default=0.10, gt=0, le=1, description="least share of the plan's features used"
    )
    usage_fall: float | None = Field(default=-0.40, gt=-1, lt=0, description="events of 91 days against the 91 before")
    critical_tickets: int | None = Field(default=1, ge=1, description="critical tickets open")
    min_csat: float | None = Field(default=3.0, ge=1, le=5, description="least mean rating of 182 days, 1-5")
    overdue_invoices: int | None = Field(default=1, ge=1, description="1: an overdue invoice excludes")
    churn_usage_fall: float | None = Field(
        default=-0.15, gt=-1, lt=0, description="fall of use that weighs with a champion gone"
    )
    competitor_research: int | None = Field(default=1, ge=1, description="signs of competitor research within 182 days")
    cooldown_days: int | None = Field(default=60, ge=1, description="pause after an expansion")
    open_opportunity: int | None = Field(default=1, ge=1, description="1: an open expansion opportunity excludes")
    not_now_days: int | None = Field(default=90, ge=1, description="pause after the account said `not now`")
    open_plays: int | None = Field(default=1, ge=1, description="plays under way")
    cross_sell_seat_utilization: float | None = Field(
        default=0.5,
        gt=0,
        le=1,
        description="cross-sell waits below this share of seats in use (the motion, not the account)",
    )
    cross_sell_features_share: float | None = Field(
        default=0.3, gt=0, le=1, description="cross-sell waits below this share of the plan's features used"
    )
