"""The matured scoreboard: what came of the accounts of a published list, by the same label and the same metrics.

A list is frozen when it is published. Once its horizon has passed in the tables its accounts are joined with what came
of them. One row of what is judged: an account of the list with ``expanded``, ``expanded_<motion>`` (0 or 1) and
``expansion_arr`` (currency per year).
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from data.contract.vocabulary import MOTIONS
from models.evaluation.measures import LIST_LENGTH
from models.evaluation.metrics import AMOUNT, ORDER, PROBABILITY, JudgedRows, figures, figures_by_chance
from models.monitoring.intervals import share_interval

MODEL, LIST = "model", "list"
"""What a figure is of: all customers by propensity, as the backtest judges a model; the ranked ones by their rank."""
OWNER, MOTION, PLAY, STORY = "owner", "motion", "play", "story"
SLICES = (OWNER, MOTION, PLAY, STORY)
"""What the accounts of a list are put together by; ``story`` is that of the strongest reason that a CSM sees."""
EDGES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
"""The bins of the calibration, the same for every list: a propensity is in the bin whose upper end it does not pass."""


def list_figures(rows: pd.DataFrame) -> dict[str, Any]:
    """Counts and sums of one matured list, by their columns of the table ``lists``."""
    expanded, is_ranked, is_first = rows["expanded"], rows["rank"].notna(), first_of_books(rows)
    low, high = share_interval(expanded.sum(), len(rows))
    return {
        "expansions": int(expanded.sum()),
        "rate": float(expanded.mean()),
        "rate_low": low,
        "rate_high": high,
        "ranked_expansions": int(expanded[is_ranked].sum()),
        "hits_at_20": int(expanded[rows["rank"] <= LIST_LENGTH].sum()),
        "first_of_books": int(is_first.sum()),
        "hits_in_books": int(expanded[is_first].sum()),
        "expected_expansions": float(rows["propensity"].sum()),
        "expected_arr": float(rows["expected_arr"].sum(min_count=1)),
        "realised_arr": float(rows["expansion_arr"].sum()),
    }


def first_of_books(rows: pd.DataFrame) -> pd.Series:
    """Which accounts stand among the first twenty of their owner's book."""
    return (rows["owner_rank"] <= LIST_LENGTH).fillna(False).astype(bool)


def metric_rows(rows: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """The metrics of one matured list: of the model, and of the list that was made of it."""
    by_propensity = _judged(rows, rows["propensity"].to_numpy(np.float64))
    yield from _metrics(MODEL, by_propensity, ORDER, PROBABILITY, AMOUNT)
    ranked = rows[rows["rank"].notna()]
    if len(ranked):
        yield from _metrics(LIST, _judged(ranked, -ranked["rank"].to_numpy(np.float64)), ORDER)


def _metrics(of: str, judged: JudgedRows, *kinds: Any) -> Iterator[dict[str, Any]]:
    by_chance = figures_by_chance(judged)
    for name, values in figures(judged, *kinds).items():
        chance = float(by_chance[name][0]) if name in by_chance else np.nan
        yield {"of": of, "metric": name, "value": float(values[0]), "by_chance": chance}


def _judged(rows: pd.DataFrame, p: np.ndarray) -> JudgedRows:
    """The rows as the metrics take them, each counting once."""
    came, expected = rows["expansion_arr"].to_numpy(np.float64), rows["expected_arr"].to_numpy(np.float64)
    ends = [rows[f"arr_if_expands_{end}"].to_numpy(np.float64) for end in ("low", "high")]
    owners = pd.factorize(rows["owner"])[0]
    return JudgedRows(
        rows["expanded"].to_numpy(np.float64),
        p,
        np.ones((1, len(rows))),
        arr=came,
        owners=owners if (owners >= 0).any() else None,
        expected=None if np.isnan(expected).all() else expected,
        inside=None if np.isnan(ends[0]).all() else (ends[0] <= came) & (came <= ends[1]),
    )


def slice_rows(rows: pd.DataFrame, no_owner: str) -> Iterator[dict[str, Any]]:
    """What came of each owner's, motion's, play's and story's accounts. ``no_owner``: what stands for none."""
    judged = rows.assign(is_first=first_of_books(rows), is_ranked=rows["rank"].notna())
    judged[OWNER] = judged[OWNER].fillna(no_owner)
    for by in SLICES:
        known = judged[judged[by].notna()]
        for value, part in known.groupby(known[by].astype(str), sort=True):
            of_motion = int(part[f"expanded_{value!s}"].sum()) if by == MOTION and value in MOTIONS else None
            yield {"by": by, "value": str(value), **_slice(part), "of_that_motion": of_motion}


def _slice(part: pd.DataFrame) -> Mapping[str, Any]:
    return {
        "accounts": len(part),
        "ranked": int(part["is_ranked"].sum()),
        "first": int(part["is_first"].sum()),
        "first_expansions": int(part.loc[part["is_first"], "expanded"].sum()),
        "expansions": int(part["expanded"].sum()),
        "expected_expansions": float(part["propensity"].sum()),
        "expected_arr": float(part["expected_arr"].sum(min_count=1)),
        "realised_arr": float(part["expansion_arr"].sum()),
    }


def calibration_rows(rows: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """What was forecast and what came, by bins of propensity; a bin without an account is not told."""
    bins = np.searchsorted(EDGES[1:-1], rows["propensity"].to_numpy(np.float64), side="left")
    for place in np.unique(bins).tolist():
        part = rows[bins == place]
        low, high = share_interval(part["expanded"].sum(), len(part))
        yield {
            "above": EDGES[place],
            "up_to": EDGES[place + 1],
            "accounts": len(part),
            "expected_expansions": float(part["propensity"].sum()),
            "expansions": int(part["expanded"].sum()),
            "rate_low": low,
            "rate_high": high,
        }
