"""Each feature by itself: did it tell who would expand, on days after those that its direction was read from?

The earlier half of the snapshots says whether more or less of a feature goes with expansions; the later half says how
well it orders accounts (AUC: of two accounts the chance that the one that expanded stands first; 0.5 is chance).
Intervals are from resamples of accounts; p-values from their spread, one-sided since the direction is known before. Of
many features some look good by chance: p-values are adjusted (Benjamini and Hochberg 1995). Features that tell one
story are one signal; what an account is, and not what it does, is none.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control, norm

from data.contract.feature_card import FeatureCard
from data.contract.stories import story_of
from data.figures.settings import ReadinessSettings
from models.evaluation.baselines import Rule, single_columns
from models.evaluation.bootstrap import interval
from models.signals.days import SignalDays

CHANCE = 0.5
NO_SIGNALS = ("size", "contract", "history", "pipeline")
"""Stories of what an account is, how old it is, how it expanded before, and what sales knows already."""
SIZE_REASONS = ("billing_level",)
"""Reason codes of other stories that tell how large an account is: where use is paid for, by what it is billed."""


def strengths(days: SignalDays, cards: Mapping[str, FeatureCard], settings: ReadinessSettings) -> pd.DataFrame:
    """One row per feature that is a number and varies, as the table ``signals`` is declared."""
    early = days.rows.iloc[days.early]
    names = [name for name in cards if _varies(early[name])]
    directions = single_columns(early, names, days.expanded[days.early])
    rules = {
        name: Rule(name, name, first) for name, first in zip(directions["column"], directions["first"], strict=True)
    }
    order = days.order(lambda day: {name: rule.ranking(days.rows.iloc[day]) for name, rule in rules.items()})
    last = days.rows.iloc[days.late[-1]]
    table = pd.DataFrame(
        {
            "feature": name,
            "label": cards[name].label,
            "story": story_of(cards[name].reason_code),
            "tables": ", ".join(cards[name].tables),
            "coverage": float(last[name].notna().mean()),
            "more": rule.first == "highest",
            "auc": float(order[name][0]),
            **dict(zip(("auc_low", "auc_high"), interval(order[name]), strict=True)),
            "p": _p_value(order[name]),
        }
        for name, rule in rules.items()
    )
    table["p_adjusted"] = false_discovery_control(table["p"])
    is_sure = table["p_adjusted"] <= settings.false_discoveries
    is_size = table["feature"].map(lambda name: cards[name].reason_code in SIZE_REASONS)
    is_told = ~table["story"].isin(NO_SIGNALS) & ~is_size
    table["is_signal"] = is_told & is_sure & (table["auc"] >= settings.signal_auc)
    return table.sort_values("feature", ignore_index=True)


def signals_in(table: pd.DataFrame) -> int:
    """How many signals went with past expansions: the stories of the features that did."""
    return int(table.loc[table["is_signal"], "story"].nunique())


def _varies(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and column.nunique(dropna=False) > 1


def _p_value(values: np.ndarray) -> float:
    """The chance of so high an AUC where the feature tells nothing, by the spread of its resamples."""
    spread = float(np.nanstd(values[1:]))
    return float(norm.sf((values[0] - CHANCE) / spread)) if spread > 0 else 1.0
