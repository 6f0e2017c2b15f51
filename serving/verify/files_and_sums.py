"""A published snapshot, read again by a stranger: files, counts and sums.

Nothing here trusts what was published: hashes are taken again, rows counted again, attributions added up again. Each
check yields what does not hold, account by account. The sentences are checked in ``serving.verify.reasons``.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from data.contract.score_change import PARTS
from data.contract.vocabulary import ADDITIVITY
from serving.changes.ranks import CHANGE_REASON_COLUMNS, RANK_PARTS, not_exact
from serving.publish import folder_of, published_day
from serving.published import tables
from serving.published.layout import MANIFEST, cannot_be_read, read_manifest
from serving.reasons.choose import feature_columns
from serving.reasons.render import AGAINST, FOR, NEUTRAL

ROWS_AT_ONCE = 50_000
OF_REASONS = ["account_id", "reason_code", "features", "shap_log_odds", "effect"]
NEEDED: dict[str, Sequence[str]] = {
    "scores": ["account_id", "eligible", "rank", "log_odds", "base_log_odds"],
    "exclusions": ["account_id"],
    "attributions": ["account_id", "base_log_odds"],
    "reasons": OF_REASONS,
}
NEEDED_OF_CHANGES: dict[str, Sequence[str]] = {
    "changes": [
        "account_id",
        "change_log_odds",
        *(f"{part}_log_odds" for part in PARTS),
        "because",
        "rank_change",
        *RANK_PARTS,
    ],
    "change_reasons": CHANGE_REASON_COLUMNS,
}
"""The columns that the checks ask for; lists of earlier versions have no tables of changes."""


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


@dataclass(frozen=True)
class Published:
    """The folder of one published snapshot, and its manifest. Tables are read in pieces."""

    folder: Path
    snapshot_date: date
    manifest: Mapping[str, Any]

    def path(self, table: str) -> Path:
        return self.folder / f"{table}.parquet"

    def read(self, table: str, columns: list[str] | None = None) -> pd.DataFrame:
        with self._reading(table):
            frame: pd.DataFrame = pq.ParquetFile(self.path(table)).read(columns).to_pandas()
        return frame

    def batches(self, table: str) -> Iterator[pd.DataFrame]:
        """All rows, some at a time."""
        with self._reading(table):
            for batch in pq.ParquetFile(self.path(table)).iter_batches(ROWS_AT_ONCE):
                yield batch.to_pandas()

    def of(self, table: str, accounts: pd.Series, columns: list[str] | None = None) -> pd.DataFrame:
        """The rows of some accounts."""
        return tables.read(self.path(table), accounts, columns)

    def has(self, table: str, columns: tuple[str, ...]) -> bool:
        return set(columns) <= set(pq.read_schema(self.path(table)).names)

    @contextmanager
    def _reading(self, table: str) -> Iterator[None]:
        try:
            yield
        except (OSError, pa.ArrowException) as error:
            raise cannot_be_read(self.path(table), error) from error


def open_published(out: Path, snapshot_date: date | None) -> Published:
    """The snapshot of a day, the latest where none is given. Raises PublishError where it is not there."""
    day = published_day(out, snapshot_date, "Verify")
    folder = folder_of(out, day)
    return Published(folder, day, read_manifest(folder, day))


def check_tables(published: Published) -> Differences:
    """Tables that are not there, cannot be read, or have not the columns that the other checks ask for."""
    told = published.manifest["rows_out"]
    wanted = NEEDED | NEEDED_OF_CHANGES if "changes" in told else NEEDED
    for table in sorted({*told, *wanted}):
        try:
            there = pq.read_schema(published.path(table)).names
        except (OSError, pa.ArrowException) as error:
            yield Difference("(all)", f"table {table}", "a table", cannot_be_read(published.path(table), error).found)
            continue
        for name in wanted.get(table, ()):
            if name not in there:
                yield Difference("(all)", f"table {table}", f"a column {name}", "no such column")


def check_files(published: Published) -> Differences:
    """Files that are not those which the manifest was written for."""
    hashes: dict[str, str] = published.manifest["files_sha256"]
    for name, digest in hashes.items():
        path = published.folder / name
        if not path.is_file():
            yield Difference("(all)", f"file {name}", f"sha256 {digest[:12]}", "no such file")
            continue
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != digest:
            yield Difference("(all)", f"file {name}", f"sha256 {digest[:12]}", f"sha256 {found[:12]}: it was changed")
    there = {path.name for path in published.folder.iterdir()} - {MANIFEST}
    for name in sorted(there - hashes.keys()):
        yield Difference("(all)", f"file {name}", "not in the manifest", "it is there")


def check_counts(published: Published) -> Differences:
    """Row counts of the manifest; ranked + excluded = the base, each account once."""
    manifest, scores = published.manifest, published.read("scores", ["account_id", "eligible", "rank"])
    excluded = published.read("exclusions", ["account_id"])["account_id"]
    for table, stated in manifest["rows_out"].items():
        rows = pq.ParquetFile(published.path(table)).metadata.num_rows
        if rows != stated:
            yield Difference("(all)", f"rows of {table}", str(stated), str(rows))
    for account in scores.loc[scores["account_id"].duplicated(), "account_id"]:
        yield Difference(account, "scores", "more than one row", "one")
    ranked = scores.loc[scores["eligible"], "account_id"]
    for name, count in (("ranked", len(ranked)), ("excluded", len(excluded))):
        if count != manifest[name]:
            yield Difference("(all)", name, str(manifest[name]), str(count))
    for account in sorted({*ranked, *excluded} ^ {*scores["account_id"]} | {*ranked} & {*excluded}):
        yield Difference(account, "ranked + excluded = base", "not in one of them", "exactly one")
    places = np.sort(scores["rank"].dropna().to_numpy(np.float64))
    if not np.array_equal(places, np.arange(1, len(ranked) + 1)):
        yield Difference("(all)", "ranks", "with gaps or ties", f"1 to {len(ranked)}")


def check_sums(published: Published) -> Differences:
    """Base + attributions = log-odds for each account; each reason weighs what its features weigh.

    The attributions are read some accounts at a time.
    """
    scores = published.read("scores", ["account_id", "log_odds", "base_log_odds"]).set_index("account_id")
    scores = scores[~scores.index.duplicated()]  # the others are told by the counts
    seen = 0
    for parts in published.batches("attributions"):
        features = feature_columns(parts)
        known = parts["account_id"].isin(scores.index)
        for account in parts.loc[~known, "account_id"]:
            yield Difference(account, "attributions", "a row", "the account is not scored")
        twice = parts["account_id"].duplicated()
        for account in parts.loc[twice, "account_id"]:
            yield Difference(account, "attributions", "more than one row", "one")
        parts = parts[known & ~twice].reset_index(drop=True)
        seen += len(parts)
        yield from _off(parts, scores.loc[parts["account_id"]], features)
        yield from _reasons_off(published.of("reasons", parts["account_id"], OF_REASONS), parts, features)
    if seen != len(scores):
        yield Difference("(all)", "attributions", f"{seen} accounts", f"{len(scores)} scored")


def check_changes(published: Published) -> Differences:
    """The parts of each account's change since the last list sum to it, and so do those of its rank."""
    if "changes" not in published.manifest["rows_out"]:
        return
    for changes in published.batches("changes"):
        for account, found in not_exact(changes, published.of("change_reasons", changes["account_id"])):
            yield Difference(account, "changes", "a change and its parts", found)


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
