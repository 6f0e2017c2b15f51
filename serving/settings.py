"""The settings of what people see: gates, reasons, ranking and pages."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from serving.thresholds import GateThresholds


class ReasonSettings(BaseModel):
    """How many reasons are kept for each account."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    keep_for: int = Field(default=5, ge=3, description="reasons that raise the propensity, at most")
    keep_against: int = Field(default=2, ge=0, description="reasons that lower it, at most (more where few raise it)")
    keep_contradicting: int = Field(
        default=2, ge=0, description="reasons kept that contradict a feature's declared direction; no list shows them"
    )
    at_least: int = Field(default=3, ge=3, description="reasons for each account")
    min_log_odds: float = Field(default=0.01, ge=0, description="beyond `at_least`, weaker reasons are left out")


class ServingSettings(BaseModel):
    """Everything that decides what the list shows, and in what order."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    rank_by: Literal["propensity", "expected_arr"] = Field(
        default="propensity", description="what the list is ranked by"
    )
    gates: GateThresholds = GateThresholds()
    reasons: ReasonSettings = ReasonSettings()
    playbook: Path | None = Field(default=None, description="a playbook of your own, over the shipped one")
    currency: str = Field(default="$", max_length=8, description="what stands before an amount, e.g. `$` or `EUR `")
    top: int = Field(default=20, ge=1, le=200, description="rows of the top list on the page")
    top_per_owner: int = Field(default=10, ge=1, le=100, description="rows of each owner's list on the page")
    page_exclusions: int = Field(
        default=50, ge=1, le=1000, description="excluded accounts that the page names, likeliest first"
    )
    workbook_rows: int = Field(
        default=10_000, ge=20, le=200_000, description="accounts of each kind in the Excel file, at most"
    )
