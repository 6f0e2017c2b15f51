"""Why the scores changed since the last published snapshot: each account's change, split exactly.

What is split is the change of the calibrated log-odds, h(c) - g(a), where ``a`` are the raw log-odds as published then,
``b`` those of the old model on today's rows, ``c`` those of today's model, and ``g`` and ``h`` the old and the new map
from raw to calibrated log-odds:

    data         g(b) - g(a)   the account's own facts, per reason code by the old model's attributions then and today
    model        g(c) - g(b)   another model on the same rows
    calibration  h(c) - g(c)   another map to propensities

As long as the old model is there, log-odds are never taken back from propensities, which are rounded next to 0 and 1.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from data.contract.score_change import (
    LEAST_LOG_ODDS,
    REST,
    RETRAINED,
    Change,
    NotSplit,
    first_list,
    long_reasons,
    not_split,
    wide_accounts,
)
from data.errors import ModelError, some
from features.missing_features import say_missing
from models.changes.previous_scores import (
    PreviousScores,
    calibrated,
    check_base,
    check_map,
    check_published,
    of_accounts,
)
from models.estimators.bundle import Bundle
from models.estimators.categories import other_kind
from models.scoring.score import score

ROUNDING = 1e-12
"""A rest smaller than that, in log-odds, is nothing but the rounding of the sums."""

AS_BEFORE = ["account_id", "log_odds", "propensity", "expected_arr"]


def split(
    old: Bundle | None,
    new: Bundle,
    published: PreviousScores | None,
    rows: pd.DataFrame,
    scores: pd.DataFrame,
    reason_codes: Mapping[str, str],
    *,
    attributions: pd.DataFrame | None = None,
    least_log_odds: float = LEAST_LOG_ODDS,
) -> Change:
    """Split the change of the accounts of one shard.

    ``old`` is the model that was served then (None: it is no longer there), ``new`` that of ``scores`` (account_id,
    log_odds, base_log_odds, propensity, expected_arr), which are of the accounts of the feature ``rows``. ``published``
    is None where nothing was published before. ``reason_codes``: feature to reason code. ``attributions`` are those of
    ``scores``: where the model is the same they are taken instead of asking it again. Raises PublishError for what was
    published with another model than ``old`` or does not add up, and for scores that are not of ``rows`` or ``new``.
    """
    ids = pd.Index(rows["account_id"].astype("str"), name="account_id")
    today = of_accounts(ids, scores, "new scores")
    check_map(new, today, "today's")
    if published is None:
        return first_list(ids)
    stayed = ids.isin(pd.Index(published.scores["account_id"].astype("str")))
    then = of_accounts(ids[stayed], published.scores, "published scores")
    parts_then = of_accounts(ids[stayed], published.attributions, "published attributions")
    mapped_by = None if published.refused else old  # what did without features had another map
    if mapped_by is not None:
        check_published(mapped_by, then, parts_then)
    before = _spread(calibrated(mapped_by, then), stayed)
    change = calibrated(new, today) - before
    refused = "the model of the last list is no longer there" if old is None else _cannot_ask(old, rows)
    refused = published.refused or refused
    if old is None or refused:
        why = NotSplit.MODEL_NOT_FOUND if old is None else NotSplit.FEATURES_MISSING
        return not_split(ids, change, np.where(stayed, why.value, NotSplit.NEW.value), refused)
    asked, parts = _ask(old, new, rows, ids, today, attributions)
    check_base(old, then, asked.loc[stayed, "base_log_odds"])
    same_map, other_model = calibrated(old, asked), calibrated(old, today)
    accounts = wide_accounts(ids.to_numpy(), change, np.where(stayed, "", NotSplit.NEW.value)).assign(
        data=same_map - before,
        model=np.where(stayed, other_model - same_map, np.nan),
        calibration=np.where(stayed, calibrated(new, today) - other_model, np.nan),
    )
    features = list(old.feature_names)
    slopes = old.any_expansion.calibrator.slopes(
        then["log_odds"].to_numpy(np.float64), asked.loc[stayed, "log_odds"].to_numpy(np.float64)
    )
    moved = (parts[stayed] - parts_then[features].to_numpy(np.float64)) * slopes[:, None]
    data = accounts.loc[stayed, "data"].to_numpy()
    reasons = _by_reason(ids[stayed], moved, _members(features, reason_codes), data, least_log_odds)
    as_before = None if same_model(old, new) else asked[AS_BEFORE].reset_index(drop=True)
    return Change(accounts, reasons, as_before)


def same_model(old: Bundle, new: Bundle) -> bool:
    """Is it the same trained model, not one trained again?"""
    return old is new or (bool(old.run_id) and old.run_id == new.run_id)


def replacement(old: Bundle | None, new: Bundle) -> str:
    """What took the old model's place, as a sentence calls it; empty if nothing did or it is not known."""
    if old is None or same_model(old, new):
        return ""
    rules = "rule" in old.facts, "rule" in new.facts
    if any(rules):
        words = {(True, True): "the other rule", (True, False): "the model that replaced the rule"}
        return words.get(rules, "the rule that replaced the model")
    if old.name != new.name:
        return "the other model"
    versions = old.version, new.version
    went_back = all(version.isdecimal() for version in versions) and int(new.version) < int(old.version)
    return "the earlier model" if went_back else RETRAINED


def _ask(
    old: Bundle, new: Bundle, rows: pd.DataFrame, ids: pd.Index, today: pd.DataFrame, attributions: pd.DataFrame | None
) -> tuple[pd.DataFrame, np.ndarray]:
    """What the old model says of today's rows: its scores and its attributions (accounts x its features)."""
    features = list(old.feature_names)
    if same_model(old, new) and attributions is not None:
        return today, of_accounts(ids, attributions, "new attributions")[features].to_numpy(np.float64)
    scored = score(old, rows)
    return of_accounts(ids, scored.scores, "scores of the old model"), scored.attributions[features].to_numpy(
        np.float64
    )


def _cannot_ask(old: Bundle, rows: pd.DataFrame) -> str:
    """Why the old model cannot be asked about these rows; empty if it can."""
    gone = [name for name in old.feature_names if name not in rows.columns]
    if gone:
        return f"the source no longer gives all that the earlier model asks for, {say_missing(old.feature_names, gone)}"
    other = list(other_kind(rows, old.feature_names, old.categories))
    return f"{some(other)} changed between text and numbers since the earlier model" if other else ""


def _spread(values: np.ndarray, stayed: np.ndarray) -> np.ndarray:
    """Values of the accounts that stayed, among all; missing for the others."""
    spread = np.full(len(stayed), np.nan)
    spread[stayed] = values
    return spread


def _members(features: list[str], reason_codes: Mapping[str, str]) -> dict[str, list[int]]:
    """The column numbers of each reason code."""
    unknown = [name for name in features if name not in reason_codes]
    if unknown:
        raise ModelError(
            "Say why the scores changed.",
            f"the earlier model has features without a reason code: {some(unknown)}.",
            "Score with the features that the model was trained on, or train again.",
        )
    members: dict[str, list[int]] = {}
    for number, name in enumerate(features):
        members.setdefault(reason_codes[name], []).append(number)
    return members


def _by_reason(
    ids: pd.Index, moved: np.ndarray, members: Mapping[str, list[int]], data: np.ndarray, least_log_odds: float
) -> pd.DataFrame:
    """The long table: what is kept by its code, largest first, then the rest, which makes the sum exact."""
    sums = np.column_stack([moved[:, numbers].sum(axis=1) for numbers in members.values()])
    kept = np.abs(sums) >= least_log_odds
    rest = data - np.where(kept, sums, 0.0).sum(axis=1)
    row, group = np.nonzero(kept)
    value, small = sums[row, group], np.flatnonzero(np.abs(rest) > ROUNDING)
    row, value = np.concatenate([row, small]), np.concatenate([value, rest[small]])
    group = np.concatenate([group, np.full(len(small), len(members))])
    order = np.lexsort((group, -np.abs(value), group == len(members), row))
    codes = np.array([*members, REST], dtype=object)
    return long_reasons(ids[row[order]].to_numpy(), codes[group[order]], value[order])
