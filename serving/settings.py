"""The settings of what people see: gates, reasons, ranking and pages."""

from datetime import date
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from data.shown.paths import LocalPath


class GateThresholds(BaseModel):
    """Thresholds of the gates; None, "off" in the file, switches a gate off."""

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
    lines_under_notice: int | None = Field(default=1, ge=1, description="1: a contract line under notice excludes")
    ended_contracts: int | None = Field(
        default=1, ge=1, description="1: contracts that all ended, with no bill since, exclude"
    )
    overdue_invoices: int | None = Field(default=1, ge=1, description="1: an overdue invoice excludes")
    churn_usage_fall: float | None = Field(
        default=-0.15, gt=-1, lt=0, description="fall of use that weighs with a champion gone"
    )
    competitor_research: int | None = Field(default=1, ge=1, description="signs of competitor research within 182 days")
    cooldown_days: int | None = Field(default=60, ge=1, description="pause after an expansion, or a play that was won")
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


class ReasonSettings(BaseModel):
    """How many reasons are kept for each account."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    keep_for: int = Field(default=5, ge=3, description="reasons that raise the propensity, at most")
    keep_against: int = Field(default=2, ge=0, description="reasons that lower it, at most (more where few raise it)")
    keep_contradicting: int = Field(
        default=2, ge=0, description="reasons kept that contradict a feature's declared direction; no list shows them"
    )
    at_least: int = Field(default=3, ge=3, description="reasons for each account")
    show_for: int = Field(default=3, ge=1, description="stories that speak for the account that a CSM sees, at most")
    min_shown_log_odds: float = Field(default=0.03, ge=0, description="a story that weighs less is not shown to a CSM")
    show_against: int = Field(
        default=1,
        ge=0,
        description="stories against it that a CSM sees beside `show_for` for it, at most, where they weigh as much; "
        "they also stand where fewer speak for it",
    )
    min_log_odds: float = Field(
        default=0.01, ge=0, description="beyond `at_least`, weaker reasons are left out; none is shown to a CSM"
    )
    most_alike: int | None = Field(
        default=3,
        ge=1,
        description="rows on a page of 20 of a short list that show the same stories, at most, where others have a "
        'spare one that is worth telling; "off": any number',
    )
    min_spare_share: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="a spare story is worth telling if its reason weighs at least this share of the one it replaces",
    )


class ServingSettings(BaseModel):
    """Everything that decides what the list shows, and in what order."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    rank_by: Literal["propensity", "expected_arr"] = Field(
        default="propensity", description="what the list is ranked by"
    )
    gates: GateThresholds = GateThresholds()
    reasons: ReasonSettings = ReasonSettings()
    playbook: LocalPath | None = Field(default=None, description="a playbook of your own, over the shipped one")
    currency: str = Field(default="$", max_length=8, description="what stands before an amount, e.g. `$` or `EUR `")
    min_motion_propensity: float = Field(
        default=0.02, ge=0, lt=1, description="a motion less likely than this is not shown: another, or a check-in"
    )
    top: int = Field(
        default=20, ge=1, le=200, description="rows of a short list: on the page, in Excel, in an owner's file"
    )
    min_expected_arr: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="least expected ARR of an account on a short list; it keeps its rank",
    )
    max_per_motion: int | None = Field(
        default=None, ge=1, description="accounts of one motion on a short list, at most; the others keep their rank"
    )
    one_per_group: bool = Field(
        default=False,
        description="a short list holds the best account of each group of companies; the others keep their rank",
    )
    clearly_ahead: float | None = Field(
        default=1.25,
        gt=1,
        allow_inf_nan=False,
        description="an account stays on its owner's short list until another that would take its place has so many "
        'times its odds (or its expected ARR, if ranked by that); "off": the first by rank, whoever was there before',
    )
    top_per_owner: int = Field(default=10, ge=1, le=100, description="rows of each owner's list on the page")
    page_exclusions: int = Field(
        default=50, ge=1, le=1000, description="excluded accounts that the page names, likeliest first"
    )
    workbook_rows: int = Field(
        default=10_000, ge=20, le=200_000, description="accounts of each kind in the Excel file, at most"
    )


class ExperimentSettings(BaseModel):
    """A share of the accounts is held out of every list, so that what the list earns can be told. Off without a name.

    Once lists were published with it, only ``end`` may change: another experiment has another name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str | None = Field(
        default=None, min_length=1, max_length=60, description="of the experiment; missing: there is none"
    )
    salt: str = Field(default="", description="drawn by it and the name: who knows both knows who is held out")
    held_out_share: float = Field(
        default=0.2, ge=0.01, le=0.5, description="share of the accounts that is held out of every list"
    )
    start: date | None = Field(default=None, description="first day whose list holds accounts out")
    end: date | None = Field(
        default=None, description="first day whose list holds nobody out any more; missing: it goes on"
    )
    clusters: Literal["group", "owner"] = Field(
        default="group",
        description="what counts as one draw in the intervals: a group of companies, as it is drawn, or a whole book "
        "of an owner (30 or more)",
    )

    @model_validator(mode="after")
    def _has_days(self) -> Self:
        if self.name is not None and self.start is None:
            raise ValueError("an experiment has a start: set start under [experiment]")
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise ValueError("the end of the experiment comes after its start: correct start or end under [experiment]")
        return self

    def holds_out_on(self, day: date) -> bool:
        """Does the list of that day hold accounts out?"""
        return self.has_begun_on(day) and (self.end is None or day < self.end)

    def has_begun_on(self, day: date) -> bool:
        """Is there an experiment, and has it begun by that day?"""
        return self.name is not None and self.start is not None and self.start <= day


NO_EXPERIMENT = ExperimentSettings()
"""Nobody is held out."""


class PublishSettings(BaseModel):
    """Where the tables of a list are published beside their files."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    url: str | None = Field(
        default=None,
        min_length=1,
        description="postgres://USER@HOST/DATABASE/SCHEMA (without a schema: `headroom`): the tables are published "
        "there too (missing: as files alone)",
    )


class OutcomeSettings(BaseModel):
    """Where it is kept what CSMs did with the rows of a list."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    url: str | None = Field(
        default=None,
        min_length=1,
        description="sqlite:///FILE, postgres://USER@HOST/DATABASE/SCHEMA (missing: outcomes.db in the folder `out`)",
    )


class RetentionSettings(BaseModel):
    """How many days what was published and recorded is kept; without one: for good."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    lists_days: int | None = Field(
        default=None,
        ge=1,
        description="published lists, but for the latest, the one that it is compared with, and those of which it is "
        "not yet known what came (the horizon and 30 days)",
    )
    outcomes_days: int | None = Field(
        default=None,
        ge=366,
        description="recorded outcomes, by when they were recorded; gates, tasks and features read them for a year",
    )
    messages_days: int | None = Field(
        default=None, ge=366, description="the notes of what was sent to whom; what is older may be told again"
    )
    runs_days: int | None = Field(
        default=None, ge=1, description="the runs of published lists in MLflow, which are deleted there as MLflow does"
    )


class ServeSettings(BaseModel):
    """The web pages over the published lists."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    title: str = Field(default="Headroom", min_length=1, max_length=60, description="what stands at the top of a page")
    page_rows: int = Field(default=50, ge=5, le=500, description="accounts on one page of a list")
    stale_days: int = Field(
        default=10, ge=1, description="a list that is older, in days against today's date (UTC), is said to be old"
    )
