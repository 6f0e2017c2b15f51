"""What must hold of a snapshot before it is published. Each check names itself and the first account that fails it."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import NoReturn, TypeVar

import numpy as np

from data.contract.vocabulary import ADDITIVITY, MOTIONS
from data.errors import PublishError
from serving.published.assemble import Part, Snapshot
from serving.ranking.rank import EXCLUSION_COLUMNS, OF_THE_BASE, SCORE_COLUMNS
from serving.reasons.choose import COLUMNS as REASON_COLUMNS
from serving.reasons.choose import feature_columns

TOP, TOP_REASONS, SHORTEST_TEXT = 20, 3, 10
ROUNDING = 1e-9
"""Propensities of one account that differ by less are equal."""

Checked = TypeVar("Checked", Part, Snapshot)
Problems = Iterator[tuple[str, str]]
"""Account and what is wrong with it."""


def check_part(part: Part) -> None:
    """Raise PublishError for the first check of single accounts that fails; return None where all hold."""
    _check(part, PART_CHECKS)


def check_base(snapshot: Snapshot) -> None:
    """Raise PublishError for the first check of the whole base that fails; return None where all hold."""
    _check(snapshot, BASE_CHECKS)


def _check(checked: Checked, rules: Mapping[str, Callable[[Checked], Problems]]) -> None:
    for name, rule in rules.items():
        for account, found in rule(checked):
            refuse(checked.snapshot_date, name, account, found)


def refuse(snapshot_date: date, check: str, account: str, found: str) -> NoReturn:
    """Raise PublishError for an account that fails a check."""
    raise PublishError(
        f"Publish the list of {snapshot_date}.",
        f"check `{check}` failed for account {account}: {found}",
        "This is a fault of the pipeline, not of your tables; nothing was written. Please report it.",
    )


def _columns(part: Part) -> Problems:
    for frame, wanted in (
        (part.scores, [name for name in SCORE_COLUMNS if name not in OF_THE_BASE]),
        (part.reasons, REASON_COLUMNS),
        (part.exclusions, EXCLUSION_COLUMNS),
    ):
        missing = [column for column in wanted if column not in frame]
        if missing:
            yield "(any)", f"no column {', '.join(missing)}"


def _one_row_per_account(checked: Part | Snapshot) -> Problems:
    for account in checked.scores.loc[checked.scores["account_id"].duplicated(), "account_id"]:
        yield account, "it is in the scores more than once"
    if checked.scores.empty:
        yield "(any)", "there is no account"


def _one_day(part: Part) -> Problems:
    for frame in (part.scores, part.reasons, part.exclusions, part.attributions):
        for account in frame.loc[frame["snapshot_date"] != part.snapshot_date, "account_id"]:
            yield account, f"a row is not of {part.snapshot_date}"


def _propensity(part: Part) -> Problems:
    scores = part.scores
    for account in scores.loc[~scores["propensity"].between(0, 1), "account_id"]:
        yield account, "the propensity is not between 0 and 1"
    for account in scores.loc[~np.isfinite(scores["log_odds"].to_numpy(float)), "account_id"]:
        yield account, "the log-odds are not finite"


def _motions(part: Part) -> Problems:
    """No motion is likelier than any expansion; where all are modelled, together they are at least as likely."""
    scores = part.scores
    motions = scores[[f"propensity_{motion}" for motion in MOTIONS]]
    whole = scores["propensity"]
    for account in scores.loc[motions.max(axis=1) > whole + ROUNDING, "account_id"]:
        yield account, "a motion is likelier than any expansion"
    known = motions.notna().any(axis=1) & part.all_motions_modelled
    for account in scores.loc[known & (motions.sum(axis=1) < whole - ROUNDING), "account_id"]:
        yield account, "its motions together are less likely than any expansion"


def _parts_add_up(part: Part) -> Problems:
    parts = part.attributions.set_index("account_id")
    scores = part.scores.set_index("account_id")
    if parts.index.has_duplicates or set(parts.index) != set(scores.index):
        yield "(any)", "scores and attributions are not of the same accounts"
        return
    parts = parts.loc[scores.index]
    total = parts["base_log_odds"] + parts[feature_columns(parts)].sum(axis=1)
    gap = (total - scores["log_odds"]).abs()
    gap = gap.where((parts["base_log_odds"] - scores["base_log_odds"]).abs() <= ADDITIVITY, np.inf)
    worst = gap.sort_values(ascending=False, kind="stable").index
    for account in worst[~(gap.loc[worst] <= ADDITIVITY)]:
        yield account, f"base + attributions = {total[account]:.9g}, log-odds = {scores.loc[account, 'log_odds']:.9g}"


def _total_order(snapshot: Snapshot) -> Problems:
    scores = snapshot.scores
    for account in scores.loc[scores["eligible"] != scores["rank"].notna(), "account_id"]:
        yield account, "it has a rank and is not eligible, or the other way round"
    ranks = scores.dropna(subset="rank").sort_values("rank")
    for place, (account, found) in enumerate(zip(ranks["account_id"], ranks["rank"], strict=True), start=1):
        if place != found:
            yield account, f"its rank is {found} where {place} is due"


def _ranked_and_excluded(snapshot: Snapshot) -> Problems:
    ranked = set(snapshot.scores.loc[snapshot.scores["eligible"], "account_id"])
    excluded = snapshot.exclusions["account_id"]
    for account in excluded[excluded.duplicated()]:
        yield account, "it is excluded twice"
    for account in sorted(ranked & set(excluded)):
        yield account, "it is both ranked and excluded"
    for account in sorted((ranked | set(excluded)) ^ set(snapshot.scores["account_id"])):
        yield account, "it is neither ranked nor excluded, or not of the base"
    silent = snapshot.exclusions
    for account in silent.loc[(silent["not_eligible_because"] == "") | (silent["text"] == ""), "account_id"]:
        yield account, "it is excluded without a reason"


def _reasons(part: Part) -> Problems:
    reasons, scores = part.reasons, part.scores
    lengths = reasons["text"].str.len().fillna(0)
    for account in reasons.loc[lengths < SHORTEST_TEXT, "account_id"]:
        yield account, f"a reason has fewer than {SHORTEST_TEXT} letters"
    for account in reasons.loc[~reasons["account_id"].isin(scores["account_id"]), "account_id"]:
        yield account, "it has reasons and no score"
    for account in reasons.loc[reasons.duplicated(["account_id", "position"]), "account_id"]:
        yield account, "two reasons have one position"


def _top_has_reasons(snapshot: Snapshot) -> Problems:
    top = snapshot.scores.loc[snapshot.scores["rank"] <= TOP, "account_id"]
    counts = snapshot.reasons_of(list(top))["account_id"].value_counts().reindex(top, fill_value=0)
    for account in counts.index[counts < TOP_REASONS]:
        yield account, f"it is in the top {TOP} with {counts[account]} reasons where {TOP_REASONS} are due"


PART_CHECKS: dict[str, Callable[[Part], Problems]] = {
    "columns": _columns,
    "one row per account": _one_row_per_account,
    "one day": _one_day,
    "propensity": _propensity,
    "motions": _motions,
    "parts add up": _parts_add_up,
    "reasons": _reasons,
}
BASE_CHECKS: dict[str, Callable[[Snapshot], Problems]] = {
    "one row per account": _one_row_per_account,
    "total order": _total_order,
    "ranked + excluded = base": _ranked_and_excluded,
    "top reasons": _top_has_reasons,
}
