"""Whether, where and how long values are kept: ``[store]`` of ``headroom.toml``."""

from pydantic import BaseModel, ConfigDict, Field

from data.shown.paths import LocalPath


class StoreSettings(BaseModel):
    """What a run has made and the next one need not make again: feature rows of past snapshots, trees of past days."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    use: bool = Field(default=True, description="false: every run makes everything anew, and nothing is kept")
    path: LocalPath | None = Field(
        default=None, description="folder of the store (missing: `kept`, beside the MLflow folder)"
    )
    max_gb: float = Field(
        default=5.0, gt=0, allow_inf_nan=False, description="above it what was not used for longest is removed"
    )
    max_days: int = Field(default=100, ge=1, description="what was not used for so many days is removed")
