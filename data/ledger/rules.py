"""What counts as an expansion, as far as it can be set (contract, section 3)."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class ExpansionRules(BaseModel):
    """What counts as an expansion (contract, section 3)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    horizon_days: int = Field(90, gt=0, description="Length of the label window [snapshot_date, snapshot_date + days).")
    renewal_gap_days: int = Field(30, ge=0, description="A gap of at most so many days is a late renewal, not a churn.")
    new_customer_days: int = Field(30, ge=0, description="Products begun so soon after the first one are `new`.")
    min_uplift: float = Field(0.01, ge=0, description="A change below this share of the MRR before it is rounding.")
    usage_uplift: float = Field(1.25, ge=1, description="Usage expands when billed at least so many times as before.")
    usage_floor: float = Field(100.0, ge=0, description="And at least so much more, in the reporting currency.")
    amount_only: bool = Field(
        False, description="Where neither seats nor plans tell: may a rise of MRR alone count as an `upsell`?"
    )
    amount_only_uplift: float = Field(
        0.1, ge=0, description="If so, from this share of the MRR before on; what is below is a price rise."
    )
    billed_and_subscribed: Literal["payments", "on_top"] | None = Field(
        None,
        description="A product both in subscriptions and in invoices: are the bills its payments, or usage on top?",
    )
    moved_within_days: int | None = Field(
        None,
        ge=0,
        description="A product that ends so many days before or after another one begins was moved to it; 0: only on "
        "the same day. Not set it is 0, and `check` asks where it matters.",
    )
    renewed_early_days: int | None = Field(
        None,
        ge=0,
        description="A line of which another one took the place begins at most so many days before it ends. Not set it "
        "is `renewal_gap_days`, and `check` asks where it matters.",
    )

    @property
    def early_days(self) -> int:
        """A line may be renewed so many days before it ends."""
        return self.renewal_gap_days if self.renewed_early_days is None else self.renewed_early_days
