"""A published list, read again by a stranger: files, counts and sums.

Nothing here trusts what was published: hashes are taken again, rows counted again, attributions added up again. Each
check yields what does not hold, account by account. The sentences are checked in ``serving.verify.reasons``.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from data.contract.outputs import AGAINST, ATTRIBUTIONS, CRM_WRITEBACK, FOR, NEUTRAL, TABLES
from data.contract.vocabulary import ADDITIVITY, LIKELIHOOD
from data.digests import sha256_of_file
from data.errors import PublishError
from serving.changes.ranks import not_exact
from serving.crm.table import crm_rows
from serving.published import tables
from serving.published.checks import out_of_range
from serving.published.layout import HELD_OUT, MANIFEST
from serving.published.read import PublishedList

OF_REASONS = ("account_id", "reason_code", "features", "shap_log_odds", "effect")


@dataclass(frozen=True)
class Difference:
    """Something published that does not hold: whose, which reason or check, what is there and what is derived."""

    account_id: str
    where: str
    published: str
    derived: str

    def __str__(self) -> str:
        return f"{self.account_id}, {self.where}: published {self.published}, derived {self.derived}"


Differences = Iterator[Difference]


def check_tables(listing: PublishedList) -> Differences:
    """Tables that are not there, cannot be read, or have not the columns that a list of any version has."""
    stated = listing.manifest["rows_out"]
    for table in TABLES.values():
        if table.later and table.name not in stated:
            continue
        try:
            there = listing.columns(table.name)
        except PublishError as error:
            yield Difference("(all)", f"table {table.name}", "a table", error.clause)
            continue
        for name in table.required:
            if name not in there:
                yield Difference("(all)", f"table {table.name}", f"a column {name}", "no such column")


def check_files(listing: PublishedList) -> Differences:
    """Files that are not those which the manifest was written for."""
    hashes: dict[str, str] = listing.manifest["files_sha256"]
    for name, stated in hashes.items():
        path = listing.folder / name
        if not path.is_file():
            yield Difference("(all)", f"file {name}", f"sha256 {stated[:12]}", "no such file")
            continue
        there = sha256_of_file(path)
        if there != stated:
            yield Difference("(all)", f"file {name}", f"sha256 {stated[:12]}", f"sha256 {there[:12]}: it was changed")
    files = {path.relative_to(listing.folder).as_posix() for path in listing.folder.rglob("*") if path.is_file()}
    for name in sorted(files - {MANIFEST} - hashes.keys()):
        yield Difference("(all)", f"file {name}", "not in the manifest", "it is there")


def check_counts(listing: PublishedList) -> Differences:
    """Row counts of the manifest; ranked + excluded + held out = the base, each account once.

    Who is held out is among the exclusions, under no heading; older lists have it nowhere but in the scores.
    """
    manifest, scores = listing.manifest, listing.scores("account_id", "eligible", "rank")
    held_out, apart = listing.held_out(), listing.exclusions("account_id", "shown_under")
    excluded = apart.loc[apart["shown_under"] != "", "account_id"]
    for table, stated in manifest["rows_out"].items():
        rows = tables.count_of(listing.path(table))
        if rows != stated:
            yield Difference("(all)", f"rows of {table}", str(stated), str(rows))
    for account in scores.loc[scores["account_id"].duplicated(), "account_id"]:
        yield Difference(account, "scores", "more than one row", "one")
    ranked = scores.loc[scores["eligible"] & ~scores["account_id"].isin(held_out), "account_id"]
    for name, count in (("ranked", len(ranked)), ("excluded", len(excluded)), (HELD_OUT, len(held_out))):
        if count != manifest.get(name, 0):
            yield Difference("(all)", name, str(manifest.get(name, 0)), str(count))
    places_of = Counter([*ranked, *excluded, *held_out])
    base = {*scores["account_id"]}
    for account in sorted((base ^ places_of.keys()) | {name for name, count in places_of.items() if count > 1}):
        yield Difference(account, "ranked + excluded + held out = base", "not in one of them", "exactly one")
    places = np.sort(scores["rank"].dropna().to_numpy(np.int64))
    last = len(ranked) + listing.erased_ranks
    if len(np.unique(places)) < len(ranked) or not np.isin(places, np.arange(1, last + 1)).all():
        yield Difference("(all)", "ranks", "with gaps or ties", f"1 to {last}")


def check_sums(listing: PublishedList) -> Differences:
    """Base + attributions = log-odds for each account; each reason weighs what its features weigh.

    The attributions are read some accounts at a time.
    """
    scores = listing.scores("account_id", "log_odds", "base_log_odds").set_index("account_id")
    scores = scores[~scores.index.duplicated()]  # the others are told by the counts
    seen = 0
    for parts in listing.batches("attributions"):
        features = ATTRIBUTIONS.features_of(parts)
        known = parts["account_id"].isin(scores.index)
        for account in parts.loc[~known, "account_id"]:
            yield Difference(account, "attributions", "a row", "the account is not scored")
        twice = parts["account_id"].duplicated()
        for account in parts.loc[twice, "account_id"]:
            yield Difference(account, "attributions", "more than one row", "one")
        parts = parts[known & ~twice].reset_index(drop=True)
        seen += len(parts)
        yield from _off(parts, scores.loc[parts["account_id"]], features)
        yield from _reasons_off(listing.of("reasons", parts["account_id"], OF_REASONS), parts, features)
    if seen != len(scores):
        yield Difference("(all)", "attributions", f"{seen} accounts", f"{len(scores)} scored")


def check_ranges(listing: PublishedList) -> Differences:
    """Each propensity lies in its range."""
    scores = listing.scores("account_id", *LIKELIHOOD)
    for row in scores[out_of_range(scores)].itertuples(index=False):
        there = f"{row.propensity:.9g} in {row.propensity_low:.9g} to {row.propensity_high:.9g}"
        yield Difference(str(row.account_id), "propensity", there, "in its range")


def check_likelihoods(listing: PublishedList, told: Callable[[np.ndarray], Mapping[str, np.ndarray]]) -> Differences:
    """Propensities and their ranges are what the model gives; ``told``: what it says of log-odds, by column."""
    scores = listing.scores("account_id", "log_odds", *LIKELIHOOD)
    for name, derived in told(scores["log_odds"].to_numpy(np.float64)).items():
        there = scores[name].to_numpy(np.float64)
        alike = (np.abs(there - derived) <= ADDITIVITY) | (np.isnan(there) & np.isnan(derived))
        for place in np.flatnonzero(~alike):
            yield Difference(scores["account_id"].iloc[place], name, f"{there[place]:.9g}", f"{derived[place]:.9g}")


def check_changes(listing: PublishedList) -> Differences:
    """The parts of each account's change since the last list sum to it, and so do those of its rank."""
    if "changes" not in listing.manifest["rows_out"]:
        return
    for changes in listing.batches("changes"):
        for account, gap in not_exact(changes, listing.of("change_reasons", changes["account_id"])):
            yield Difference(account, "changes", "a change and its parts", gap)


def check_crm(listing: PublishedList) -> Differences:
    """What a CRM shows of each account follows from the other tables; what it showed before is not asked."""
    if CRM_WRITEBACK.name not in listing.manifest["rows_out"]:
        return
    shown, plays = listing.shown(), listing.manifest["plays"]
    scores = shown.scores("account_id", "play")
    unseen, unknown = set(scores["account_id"]), set(scores.loc[~scores["play"].isin(plays), "account_id"])
    for account in sorted(unknown):
        yield Difference(account, CRM_WRITEBACK.name, "a row", "no such play in the manifest")
    for rows in listing.batches(CRM_WRITEBACK.name):
        known = rows["account_id"][~rows["account_id"].isin(unknown)]
        derived = crm_rows(shown, known).drop_duplicates("account_id").set_index("account_id")
        for account in rows["account_id"]:
            if account not in unseen:
                yield Difference(account, CRM_WRITEBACK.name, "a row", "not scored, or more than one row")
            unseen.discard(account)
        rows = rows.drop_duplicates("account_id").set_index("account_id")
        yield from _shown_otherwise(rows[rows.index.isin(derived.index)], derived)
    for account in sorted(unseen):
        yield Difference(account, CRM_WRITEBACK.name, "no row", "a scored account")


def _shown_otherwise(rows: pd.DataFrame, derived: pd.DataFrame) -> Differences:
    """Values of accounts that are not the derived ones; both frames by account."""
    accounts, derived = rows.index.tolist(), derived.loc[rows.index]
    for name in derived.columns:
        there, due = rows[name].astype("object"), derived[name].astype("object")
        differ = ~((there == due) | (there.isna() & due.isna())).to_numpy(bool)
        for place in np.flatnonzero(differ):
            where = f"{name} of {CRM_WRITEBACK.name}"
            yield Difference(accounts[place], where, str(there.iloc[place]), str(due.iloc[place]))


def _off(parts: pd.DataFrame, scores: pd.DataFrame, features: list[str]) -> Differences:
    total = parts["base_log_odds"].to_numpy() + parts[features].to_numpy(np.float64).sum(axis=1)
    off = ~(np.abs(total - scores["log_odds"].to_numpy()) <= ADDITIVITY)
    off |= ~(np.abs(parts["base_log_odds"].to_numpy() - scores["base_log_odds"].to_numpy()) <= ADDITIVITY)
    for place in np.flatnonzero(off):
        log_odds = scores["log_odds"].iloc[place]
        yield Difference(
            parts["account_id"][place], "log_odds", f"{log_odds:.9g}", f"base + parts = {total[place]:.9g}"
        )


def _reasons_off(reasons: pd.DataFrame, parts: pd.DataFrame, features: list[str]) -> Differences:
    row = pd.Index(parts["account_id"]).get_indexer(pd.Index(reasons["account_id"]))
    values, place = parts[features].to_numpy(np.float64), {name: number for number, name in enumerate(features)}
    total = np.full(len(reasons), np.nan)
    for listed, at in reasons.groupby("features").indices.items():
        names = str(listed).split(",")
        if all(name in place for name in names):
            total[at] = values[np.ix_(row[at], [place[name] for name in names])].sum(axis=1)
    stated, effect = reasons["shap_log_odds"].to_numpy(), reasons["effect"].to_numpy(object)
    for number in np.flatnonzero(~(np.abs(total - stated) <= ADDITIVITY)):
        where = f"{reasons['reason_code'].iloc[number]} (shap_log_odds)"
        yield Difference(reasons["account_id"].iloc[number], where, f"{stated[number]:.9g}", f"{total[number]:.9g}")
    wrong = (effect == FOR) & (total <= 0) | (effect == AGAINST) & (total >= 0) | (effect == NEUTRAL) & (total != 0)
    for number in np.flatnonzero(wrong):
        where = f"{reasons['reason_code'].iloc[number]} (effect)"
        yield Difference(reasons["account_id"].iloc[number], where, str(effect[number]), f"{total[number]:.9g}")
