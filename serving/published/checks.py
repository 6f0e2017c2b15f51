"""What must hold of a snapshot before it is published. Each check names itself and the first account that fails it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from typing import NoReturn, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa

from data.contract.outputs import ATTRIBUTIONS, MOST_FACTS, TABLES, OutputTable
from data.contract.vocabulary import ADDITIVITY, LIKELIHOOD, MOTIONS
from data.errors import PublishError
from serving.published import tables
from serving.published.assemble import AccountBatch
from serving.published.read import PublishedList
from serving.reasons.fallback import SHORTEST_SENTENCE

TOP, TOP_REASONS = 20, 3
ROUNDING = 1e-9
"""Propensities of one account that differ by less are equal."""

Checked = TypeVar("Checked", AccountBatch, PublishedList)
Problems = Iterator[tuple[str, str]]
"""Account and what is wrong with it."""


def check_batch(batch: AccountBatch) -> dict[str, pa.Table]:
    """The rows of a batch as they are published, by table. Raises PublishError for the first check that fails."""
    rows = {
        name: fitted(batch.snapshot_date, frame, TABLES[name], TABLES[name].of_accounts)
        for name, frame in batch.tables().items()
    }
    _check(batch, BATCH_CHECKS)
    return rows


def check_base(listing: PublishedList) -> None:
    """Raise PublishError for the first check of the whole base that fails; return None where all hold."""
    _check(listing, BASE_CHECKS)


def _check(checked: Checked, rules: Mapping[str, Callable[[Checked], Problems]]) -> None:
    for name, rule in rules.items():
        for account, problem in rule(checked):
            refuse(checked.snapshot_date, name, account, problem)


def refuse(snapshot_date: date, check: str, account: str, problem: str) -> NoReturn:
    """Raise PublishError for an account that fails a check."""
    raise PublishError(
        f"Publish the list of {snapshot_date}.",
        f"check `{check}` failed for account {account}: {problem}.",
        "This is a fault of the pipeline, not of your tables; nothing was written. Please report it.",
    )


def fitted(
    snapshot_date: date, frame: pd.DataFrame, table: OutputTable, names: Iterable[str] | None = None
) -> pa.Table:
    """The rows of a table as the contract has them, or ``names`` of its columns.

    Raises PublishError for a column that is not there, or has what the contract does not allow.
    """
    asked = list(table.names if names is None else names)
    for account, problem in _columns_and_kinds(frame, table, asked):
        refuse(snapshot_date, "columns and types", account, problem)
    try:
        return tables.to_arrow(frame, table, asked)
    except (pa.ArrowException, TypeError, ValueError) as error:
        refuse(snapshot_date, "columns and types", "(any)", f"{table.name}: {error}")


def _columns_and_kinds(frame: pd.DataFrame, table: OutputTable, names: list[str]) -> Problems:
    missing = [name for name in names if name not in frame]
    if missing:
        yield "(any)", f"no column {', '.join(missing)} in the {table.name}"
        return
    for column in map(table.column, names):
        values = frame[column.name]
        if not column.nullable:
            for account in frame.loc[values.isna(), "account_id"]:
                yield account, f"{column.name} of the {table.name} is null"
        if column.words:
            for account, word in frame.loc[~values.isin(column.words), ["account_id", column.name]].to_numpy():
                yield account, f"{column.name} of the {table.name} is `{word}`, not one of {', '.join(column.words)}"


def _keys(batch: AccountBatch) -> Problems:
    for name, frame in batch.tables().items():
        key = list(TABLES[name].key)
        for account in frame.loc[frame.duplicated(key), "account_id"]:
            yield account, f"two rows of the {name} have one {', '.join(key)}"


def _one_row_per_account(listing: PublishedList) -> Problems:
    accounts = listing.scores("account_id")["account_id"]
    for account in accounts[accounts.duplicated()]:
        yield account, "it is in the scores more than once"


def _one_day(batch: AccountBatch) -> Problems:
    for frame in batch.tables().values():
        for account in frame.loc[frame["snapshot_date"] != batch.snapshot_date, "account_id"]:
            yield account, f"a row is not of {batch.snapshot_date}"


def _propensity(batch: AccountBatch) -> Problems:
    scores = batch.scores
    for account in scores.loc[~scores["propensity"].between(0, 1), "account_id"]:
        yield account, "the propensity is not between 0 and 1"
    for account in scores.loc[~np.isfinite(scores["log_odds"].to_numpy(float)), "account_id"]:
        yield account, "the log-odds are not finite"
    for account in scores.loc[out_of_range(scores), "account_id"]:
        yield account, "the propensity is not in its range, or the range not between 0 and 1"


def out_of_range(scores: pd.DataFrame) -> pd.Series:
    """The rows whose propensity does not lie in its range; a range may be unknown, but not one end of it."""
    propensity, low, high = (scores[name].astype("float64") for name in LIKELIHOOD)
    holds = (low >= 0) & (low <= propensity) & (propensity <= high) & (high <= 1)
    return ~(holds | (low.isna() & high.isna()))


def _motions(batch: AccountBatch) -> Problems:
    """No motion is likelier than any expansion; where all are modelled, together they are at least as likely."""
    scores = batch.scores
    motions = scores[[f"propensity_{motion}" for motion in MOTIONS]]
    whole = scores["propensity"]
    for account in scores.loc[motions.max(axis=1) > whole + ROUNDING, "account_id"]:
        yield account, "a motion is likelier than any expansion"
    known = motions.notna().any(axis=1) & batch.context.all_motions_modelled
    for account in scores.loc[known & (motions.sum(axis=1) < whole - ROUNDING), "account_id"]:
        yield account, "its motions together are less likely than any expansion"


def _parts_add_up(batch: AccountBatch) -> Problems:
    parts = batch.attributions.set_index("account_id")
    scores = batch.scores.set_index("account_id")
    if parts.index.has_duplicates or set(parts.index) != set(scores.index):
        yield "(any)", "scores and attributions are not of the same accounts"
        return
    parts = parts.loc[scores.index]
    total = parts["base_log_odds"] + parts[ATTRIBUTIONS.features_of(parts)].sum(axis=1)
    gap = (total - scores["log_odds"]).abs()
    gap = gap.where((parts["base_log_odds"] - scores["base_log_odds"]).abs() <= ADDITIVITY, np.inf)
    worst = gap.sort_values(ascending=False, kind="stable").index
    for account in worst[~(gap.loc[worst] <= ADDITIVITY)]:
        yield account, f"base + attributions = {total[account]:.9g}, log-odds = {scores.loc[account, 'log_odds']:.9g}"


def _total_order(listing: PublishedList) -> Problems:
    scores = listing.scores("account_id", "eligible", "held_out", "rank")
    for account in scores.loc[scores["eligible"] & scores["held_out"], "account_id"]:
        yield account, "it is eligible and held out"
    for account in scores.loc[scores["eligible"] != scores["rank"].notna(), "account_id"]:
        yield account, "it has a rank and is not eligible, or the other way round"
    ranks = scores.dropna(subset="rank").sort_values("rank")
    for place, (account, rank) in enumerate(zip(ranks["account_id"], ranks["rank"], strict=True), start=1):
        if place != rank:
            yield account, f"its rank is {rank} where {place} is due"


def _ranked_and_excluded(listing: PublishedList) -> Problems:
    scores = listing.scores("account_id", "rank", "held_out")
    apart = listing.exclusions("account_id", "not_eligible_because", "text", "shown_under")
    ranked, excluded = set(scores.loc[scores["rank"].notna(), "account_id"]), apart["account_id"]
    for account in excluded[excluded.duplicated()]:
        yield account, "it is excluded twice"
    for account in sorted(ranked & set(excluded)):
        yield account, "it is both ranked and excluded"
    for account in sorted((ranked | set(excluded)) ^ set(scores["account_id"])):
        yield account, "it is neither ranked nor excluded, or not of the base"
    for account in apart.loc[(apart["not_eligible_because"] == "") | (apart["text"] == ""), "account_id"]:
        yield account, "it is excluded without a reason"
    held_out = scores.loc[scores["held_out"], "account_id"]
    for account in sorted(set(held_out) ^ set(apart.loc[apart["shown_under"] == "", "account_id"])):
        yield account, "it is held out and stands under a heading, or is not and stands under none"


def _reasons(batch: AccountBatch) -> Problems:
    reasons, scores = batch.reasons, batch.scores
    lengths = reasons["text"].str.len().fillna(0)
    for account in reasons.loc[lengths < SHORTEST_SENTENCE, "account_id"]:
        yield account, f"a reason has fewer than {SHORTEST_SENTENCE} letters"
    for account in reasons.loc[~reasons["account_id"].isin(scores["account_id"]), "account_id"]:
        yield account, "it has reasons and no score"


def _triggers(batch: AccountBatch) -> Problems:
    triggers = batch.triggers
    for account in triggers.loc[~triggers["account_id"].isin(batch.scores["account_id"]), "account_id"]:
        yield account, "a trigger fires for it, and it has no score"
    if list(batch.account_plays["account_id"]) != list(batch.scores["account_id"]):
        yield "(any)", "scores and plays are not of the same accounts"


def _facts(batch: AccountBatch) -> Problems:
    """Of each kind the first come first, no more than are published; what began or ended has happened."""
    facts = batch.account_facts
    for account in facts.loc[~facts["account_id"].isin(batch.scores["account_id"]), "account_id"]:
        yield account, "it has facts and no score"
    of_kind = facts.groupby(["account_id", "kind"], sort=False)["position"]
    due = of_kind.cumcount() + 1
    for account in facts.loc[(facts["position"] != due) | (due > MOST_FACTS), "account_id"]:
        yield account, "its facts are not numbered one by one, or there are too many"
    counted = np.minimum(facts["of_kind"].astype("float64"), MOST_FACTS)
    for account in facts.loc[counted != of_kind.transform("size"), "account_id"]:
        yield account, "it has more or fewer facts than are said to be there"
    for name in ("began_on", "ended_on", "notice_on"):
        days = facts.loc[facts[name].notna(), ["account_id", name]]
        for account in days.loc[(days[name] >= batch.snapshot_date).astype(bool), "account_id"]:
            yield account, f"{name} is not before the day of the list"


def _top_has_reasons(listing: PublishedList) -> Problems:
    scores = listing.scores("account_id", "rank")
    top = scores.loc[scores["rank"] <= TOP, "account_id"]
    reasons = listing.of("reasons", list(top), ["account_id"])
    counts = reasons["account_id"].value_counts().reindex(top, fill_value=0)
    for account in counts.index[counts < TOP_REASONS]:
        yield account, f"it is in the top {TOP} with {counts[account]} reasons where {TOP_REASONS} are due"


BATCH_CHECKS: dict[str, Callable[[AccountBatch], Problems]] = {
    "keys": _keys,
    "one day": _one_day,
    "propensity": _propensity,
    "motions": _motions,
    "parts add up": _parts_add_up,
    "reasons": _reasons,
    "triggers and plays": _triggers,
    "facts": _facts,
}
BASE_CHECKS: dict[str, Callable[[PublishedList], Problems]] = {
    "one row per account": _one_row_per_account,
    "total order": _total_order,
    "ranked + excluded = base": _ranked_and_excluded,
    "top reasons": _top_has_reasons,
}
