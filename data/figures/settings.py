"""What can be set about the company's figures: its costs, and from where on it is ready for an expansion motion.

The thresholds are those of expansion practice (2026; it names no survey) unless they say otherwise.
"""

from pydantic import BaseModel, ConfigDict, Field


class ReadinessSettings(BaseModel):
    """From where on a company is ready for an expansion motion."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    history_months: float = Field(12, gt=0, description="of lines and use it takes to tell a yearly churn")
    in_use: float = Field(
        0.5, ge=0, le=1, description="share of the paying accounts whose use of the last quarter is known, at least"
    )
    fewest_customers: int = Field(
        30, ge=1, description="paying accounts, now and a year ago, below which it is too early"
    )
    median_tenure_months: float = Field(4, ge=0, description="median tenure of the paying accounts, at least")
    yearly_churn: float = Field(
        0.08, ge=0, le=1, description="share of the accounts of a year ago that pay nothing now, at most"
    )
    tenure_months: float = Field(6, ge=0, description="tenure from which on a paying account is an old one")
    tenured_customers: int = Field(50, ge=1, description="old paying accounts it takes")
    signals: int = Field(3, ge=1, description="signals that went with past expansions it takes")
    signal_auc: float = Field(
        0.55, ge=0.5, le=1, description="AUC below which a signal tells too little to count, however sure it is"
    )
    false_discoveries: float = Field(
        0.05, gt=0, lt=1, description="share of the signals that may be there by chance (Benjamini and Hochberg 1995)"
    )
    nrr: float = Field(1.1, gt=0, description="NRR of the year below which there is room to grow")
    grr: float = Field(
        0.82, ge=0, le=1, description="GRR of the year from which on health is good (KBCM 2024: lowest quarter below)"
    )
    reactive_share: float = Field(
        0.05, ge=0, description="expansion of the year that came without a play, of ARR, above which customers ask"
    )
    payback_months: float = Field(18, gt=0, description="payback of new customers above which they are dear")


class FiguresSettings(BaseModel):
    """The costs that figures need, in the reporting currency, and what readiness asks for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    new_customer_cost: float | None = Field(
        None, gt=0, description="what winning new customers cost in the last year; missing: no payback is told"
    )
    expansion_cost: float | None = Field(
        None, gt=0, description="what expanding customers cost in the last year; missing: no expansion CAC is told"
    )
    gross_margin: float = Field(1.0, gt=0, le=1, description="share of MRR that is left to pay costs back")
    readiness: ReadinessSettings = ReadinessSettings()
