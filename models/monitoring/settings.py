"""From where on monitoring speaks: ``[monitor]`` of ``headroom.toml``."""

from pydantic import BaseModel, ConfigDict, Field


class MonitorSettings(BaseModel):
    """Thresholds of alarms, and who is asked to act on them.

    A test speaks only of what is both large and surely no accident: the thresholds say what is large, ``error_rate``
    what is sure. ``docs/monitoring.md`` says how many alarms they give on a base on which nothing happens.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    days: int = Field(400, ge=1, description="lists that are older are not looked at, in days before the run's day")
    compare_days: int = Field(
        28, ge=1, description="features and scores are also compared with the latest list so many days older, at least"
    )
    feature_psi: float = Field(
        0.25, gt=0, description="population stability index from which a single feature has moved (Siddiqi, 2006)"
    )
    feature_weighted_psi: float = Field(
        0.03,
        ge=0,
        description="and that index, 1 at most, times its share of all attributions: what hardly weighs is not told",
    )
    weighted_psi: float = Field(
        0.15, gt=0, description="the sum of that over all features, from which they have moved together"
    )
    score_psi: float = Field(
        0.25, gt=0, description="population stability index from which the propensities have moved"
    )
    volume_range: tuple[float, float] = Field(
        (0.4, 2.5), description="rows of a table's last period over those of its usual one"
    )
    null_share: float = Field(
        0.1, gt=0, le=1, description="change of the share of rows without a value, from which a column has changed"
    )
    rate_ratio: float = Field(
        1.75, gt=1, description="base rate of a matured list over that of an earlier one, or the reverse"
    )
    forecast_range: tuple[float, float] = Field(
        (0.6, 1.7), description="forecast over realised expansions of a matured list"
    )
    auc_loss: float = Field(
        0.05, ge=0, description="AUC that a matured list may lose against the backtest of its model"
    )
    error_rate: float = Field(
        0.0005, gt=0, lt=0.5, description="chance at which a single test may take an accident for a change"
    )
    answer_days: int = Field(
        28, ge=1, description="an alarm that was answered and goes on is said again after so many days"
    )
    data_owner: str = Field("data engineering", min_length=1, description="who is asked about tables and feeds")
    model_owner: str = Field("data science", min_length=1, description="who is asked about the model")
