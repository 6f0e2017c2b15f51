"""What can be set about learning. Every default says where it comes from."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from data.contract.trigger_tables import OF_POINTS_RULE

LEAVES, POSITIVES_A_LEAF = (4, 15), 200
"""Fewest and most leaves of a tree, and the rows with an expansion that one more leaf takes."""


class Params(BaseModel):
    """LightGBM settings: small trees, slow learning, strong sampling of columns, for some hundred expansions.

    Chosen on a third-party base (17,000 rows, 53 columns, six later months): AUC moved by less than 0.005 between 15
    and 31 leaves, 20 and 100 rows a leaf, a learning rate of 0.03 to 0.08 and 200 to 600 trees. How leaves follow the
    expansions was chosen on simulated worlds of 300 to 2,000 accounts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    learning_rate: float = Field(default=0.04, gt=0, le=1)
    num_leaves: int | None = Field(
        default=None,
        ge=2,
        description=f"leaves of a tree; none: one for each {POSITIVES_A_LEAF} rows with an expansion to learn from, "
        f"{LEAVES[0]} to {LEAVES[1]} (docs/ablation.md says why)",
    )
    min_child_samples: int = Field(default=40, ge=1, description="rows in a leaf")
    feature_fraction: float = Field(default=0.6, gt=0, le=1, description="share of the columns that a tree may use")
    bagging_fraction: float = Field(default=0.8, gt=0, le=1, description="share of the rows that a tree sees")
    bagging_freq: int = Field(default=1, ge=0)
    lambda_l2: float = Field(default=5.0, ge=0)

    def leaves(self, positives: int) -> int:
        """Leaves of a tree that learns from so many rows with an expansion."""
        few, many = LEAVES
        return self.num_leaves or min(max(positives // POSITIVES_A_LEAF, few), many)

    def for_lightgbm(self, seed: int, positives: int) -> dict[str, object]:
        """The parameters of a booster that learns from so many rows with an expansion.

        One thread per booster: threads of one booster wait for each other by spinning, and on busy cores two of them
        took twenty times as long as one. Whole boosters run side by side instead. With one thread the trees are the
        same bits by columns as by rows, and by columns those that a tree does not use are left out.
        """
        fixed = {
            "objective": "binary",
            "num_threads": 1,
            "deterministic": True,
            "force_col_wise": True,
            "verbosity": -1,
        }
        return {**self.model_dump(), **fixed, "num_leaves": self.leaves(positives), "seed": seed}


_THRESHOLDS: dict[str, Any] = {
    code: (float, Field(default=table["threshold"], description=table["means"]))
    for code, table in OF_POINTS_RULE.items()
}
TriggerThresholds = create_model(
    "TriggerThresholds",
    __doc__="Where a signal becomes a trigger: one threshold for each trigger of the points rule.",
    __config__=ConfigDict(frozen=True, extra="forbid"),
    **_THRESHOLDS,
)


class PromotionSettings(BaseModel):
    """What a challenger must keep to replace the champion."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    auc_margin: float = Field(default=0.01, ge=0, description="AUC that it may lose against the champion")
    min_list_overlap: float = Field(
        default=0.1, ge=0, le=1, description="share of the champion's first 20 that must stay on the list"
    )
    max_ece: float = Field(default=0.05, gt=0, description="expected calibration error, at most")
    forecast_range: tuple[float, float] = Field(
        default=(0.8, 1.25), description="forecast over realised expansions of the past snapshots"
    )
    arr_forecast_range: tuple[float, float] = Field(
        default=(0.9, 1.1),
        description="forecast over realised ARR of the past snapshots; outside it a model is served all the same, and "
        "its list says that expected ARR is an order and no amount",
    )


class TrainSettings(BaseModel):
    """How the model is trained and tested."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = Field(default=0, ge=0, description="every random choice follows from it")
    origins: int = Field(
        default=6, gt=0, description="past snapshots that are scored as if each were today, and reported"
    )
    warm_up_origins: int = Field(
        default=12,
        ge=0,
        description="snapshots before those, replayed only to choose the rounds, to calibrate the reported ones and to "
        "correct their expected ARR: a year, so that every season is among them",
    )
    min_train_dates: int = Field(
        default=3, gt=0, description="snapshots to learn from before the first past snapshot is scored"
    )
    min_expansions: int = Field(
        default=50,
        ge=2,
        description="distinct past expansions it takes to train: ten per effective parameter (Peduzzi et al. 1996), "
        "and a model as regularised as this one spends about five",
    )
    min_expansions_motion: int = Field(
        default=30,
        ge=2,
        description="distinct past expansions it takes for a propensity of one motion; below, it is withheld",
    )
    min_accounts: int = Field(
        default=30, gt=0, description="accounts it takes to train; fewer are better known by heart"
    )
    min_calibration_positives: int = Field(
        default=20, ge=2, description="later expansions it takes to calibrate; below, log-odds are taken as they are"
    )
    default_rounds: int = Field(
        default=200, gt=0, description="trees where no matured earlier snapshot can say how many"
    )
    max_rounds: int = Field(default=400, gt=0, description="most trees")
    motion_default_rounds: int = Field(default=80, gt=0, description="the same for one motion")
    motion_max_rounds: int = Field(default=150, gt=0, description="the same for one motion")
    max_rows: int = Field(
        default=400_000,
        ge=0,
        description="rows that a booster is fitted on, at most; above it every row with an expansion is kept, those "
        "without are sampled, and the log-odds are corrected by the share kept; rivals learn from a quarter of it; "
        "0: no limit",
    )
    workers: int = Field(default=0, ge=0, description="past snapshots trained at a time; 0: one per core")
    resamples: int = Field(
        default=300,
        ge=10,
        description="resamplings of the accounts for every interval; without intervals no verdict can be given",
    )
    leak_auc: float = Field(
        default=0.9, gt=0.5, le=1, description="a single column that ranks better than this blocks the training"
    )
    id_auc: float = Field(
        default=0.55,
        gt=0.5,
        le=1,
        description="ids that rank accounts of like tenure better than this, and surely than chance, block it",
    )
    shuffled_auc: float = Field(
        default=0.75, gt=0.5, le=1, description="below this AUC the features of other months prove nothing"
    )
    shuffled_margin: float = Field(
        default=0.005, ge=0, description="the right month must be better than other months by this AUC"
    )
    drift_distance: float = Field(
        default=0.3,
        gt=0,
        le=1,
        description="a column that moved farther between train and score, and twice as far as ever, blocks it",
    )
    signed_off: tuple[str, ...] = Field(
        default=(),
        description="features (or `account_id`, `shuffled_time`) that a probe named and somebody found right",
    )
    without_model: Literal["refuse", "rule"] = Field(
        default="refuse",
        description="where no model is usable: refuse to score, or rank by the best rule that reads no suspected leak, "
        "and say so",
    )
    tune_trials: int = Field(
        default=0,
        ge=0,
        description="hyperparameters that Optuna tries before the replay; 0: none (docs/ablation.md says why)",
    )
    tune_seconds: float = Field(default=300, gt=0, description="time after which no further trial begins")
    triggers: TriggerThresholds = TriggerThresholds()
    promotion: PromotionSettings = PromotionSettings()
    boosting: Params = Field(default=Params(), description="of the propensity of any expansion")
    motion_boosting: Params = Field(default=Params(learning_rate=0.08), description="of the propensities per motion")


class EvaluationSettings(TrainSettings):
    """The settings of one training: those of ``[training]``, and the horizon of its labels, which they do not set."""

    horizon_days: int = Field(
        gt=0, description="length of the label window; no label window of a train row may reach the test day"
    )
