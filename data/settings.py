"""What can be set about the data: where the tables come from, and what counts as an expansion."""

from pydantic import BaseModel, ConfigDict, Field


class SourceSettings(BaseModel):
    """Where the tables come from: ``[source]`` of ``headroom.toml``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(
        "parquet://./warehouse",
        description="a folder (parquet://, csv://), duckdb://FILE, "
        "postgres://USER@HOST/DATABASE/SCHEMA, "
        "or spark://FOLDER or spark://DATABASE",
    )
    tables: dict[str, str] = Field(default_factory=dict, description="one SQL query per table whose shape differs")
    threads: int | None = Field(None, ge=1, description="threads of DuckDB or a local Spark; missing: all cores")
    memory_limit: str | None = Field(
        None,
        pattern=r"^\d+(\.\d+)? ?[KMGT]i?B$",
        description="memory of DuckDB (missing: 80% of the machine's) or of a local Spark (missing: 2GB), as '4GB'",
    )


class ExpansionRules(BaseModel):
    """What counts as an expansion (contract, section 3)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    horizon_days: int = Field(90, gt=0, description="Length of the label window [snapshot_date, snapshot_date + days).")
    renewal_gap_days: int = Field(30, ge=0, description="A gap of at most so many days is a late renewal, not a churn.")
    new_customer_days: int = Field(30, ge=0, description="Products begun so soon after the first one are `new`.")
    min_uplift: float = Field(0.01, ge=0, description="A change below this share of the MRR before it is rounding.")
    usage_uplift: float = Field(1.25, ge=1, description="Usage expands when billed at least so many times as before.")
    usage_floor: float = Field(100.0, ge=0, description="And at least so much more, in the reporting currency.")
