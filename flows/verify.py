"""``headroom verify``: does a published snapshot hold, and can every number of its sentences be derived again?"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from data.checks.report import Report, many
from data.errors import PublishError
from data.ledger.movements import ExpansionRules
from data.sources.known import KnownBase
from features.catalogue import full_catalogue
from flows.run.progress import say
from flows.run.settings import Settings, load
from flows.stages import inputs as steps
from flows.stages.dates import known_base
from flows.stages.warnings import RULES
from serving.changes.sentences import titles
from serving.reasons.choose import COLUMNS, feature_columns
from serving.reasons.playbook import digest
from serving.reasons.playbook import load as load_playbook
from serving.settings import ServingSettings
from serving.verify.files_and_sums import (
    Difference,
    Published,
    check_changes,
    check_counts,
    check_files,
    check_sums,
    check_tables,
    open_published,
)
from serving.verify.gates_and_changes import about_of, check_change_sentences, check_gates, previous_day
from serving.verify.reasons import check_sentences

NAMED = 20
"""Differences that are named; of the others it is said how many there are."""


@dataclass
class Verdict:
    """What was found: how much was read, the first differences and how many there are in all, what else to know."""

    accounts: int
    sentences: int = 0
    differences: list[Difference] = field(default_factory=list)
    differing: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return self.differing == 0

    def note(self, found: Iterable[Difference]) -> None:
        """Keep the first differences, count all."""
        found = iter(found)
        first = list(islice(found, NAMED - len(self.differences)))
        self.differences += first
        self.differing += len(first) + sum(1 for _ in found)

    def lines(self) -> Iterator[str]:
        """The verdict in words."""
        yield from self.notes
        yield from (f"different: {difference}" for difference in self.differences)
        if self.differing > len(self.differences):
            yield f"and {self.differing - len(self.differences):,} more"
        if not self.holds:
            count = "1 difference" if self.differing == 1 else f"{self.differing:,} differences"
            yield f"{count}: this list is not what its tables and its model say"
        elif self.sentences:
            yield f"{many(self.sentences, 'sentence')} of {many(self.accounts, 'account')}: every number derived"
        else:
            yield f"{many(self.accounts, 'account')}: files, counts and sums hold"


def verify(
    config: Path | str | None = None,
    source: str | None = None,
    snapshot_date: date | None = None,
    out: Path | str | None = None,
    *,
    reasons: bool = False,
) -> Verdict:
    """Read a published snapshot again: its files, counts and sums; with ``reasons`` also every sentence.

    The sentences are told again from feature rows that are built anew from the source, as known on the snapshot date.
    Raises PublishError for a snapshot that is not there or is damaged, or whose sentences another playbook told.
    """
    settings = load(config, source, out)
    published = open_published(settings.out_folder, snapshot_date)
    say(f"verifying {published.folder}: files, counts and sums")
    verdict = Verdict(accounts=published.manifest["rows_out"]["scores"])
    verdict.note(check_files(published))
    unreadable = list(check_tables(published))
    verdict.note(unreadable)
    if unreadable:
        verdict.notes.append("counts, sums and sentences were not checked: not all of the list can be read")
        return verdict
    for check in (check_counts, check_sums, check_changes):
        verdict.note(check(published))
    if reasons:
        _require_same_words(published, settings)
        _verify_sentences(published, settings, verdict)
    return verdict


def _require_same_words(published: Published, settings: Settings) -> None:
    """Raise PublishError where the sentences cannot be told again: another playbook, or an older form of the table."""
    asked = f"The sentences of the list of {published.snapshot_date} are to be told again."
    if not published.has("reasons", COLUMNS):
        raise PublishError(
            asked,
            "its reasons have no column for the numbers they rest on: an earlier version published it.",
            "Score that day again; `headroom verify` without --reasons checks files, counts and sums.",
        )
    stored, ours = published.manifest.get("playbook_sha256"), digest(settings.playbook_file)
    if stored != ours:
        raise PublishError(
            asked,
            f"another playbook told them (sha256 {str(stored)[:12]}; {settings.playbook_file or 'the shipped one'} "
            f"is {ours[:12]}).",
            "Give the playbook of that day (`playbook` under [serving]) and the version of Headroom that published it "
            f"({published.manifest['code_version']}).",
        )


def _verify_sentences(published: Published, settings: Settings, verdict: Verdict) -> None:
    manifest = published.manifest
    rules = ExpansionRules.model_validate(manifest["model"][RULES])
    settings = settings.model_copy(update={"expansion": rules})
    with steps.read_source(settings) as source:
        report = steps.check_source(source)
        _tell_again(published, settings, report, known_base(source, published.snapshot_date), verdict)


def _tell_again(published: Published, settings: Settings, report: Report, base: KnownBase, verdict: Verdict) -> None:
    """Every sentence of the list, from feature rows that are built anew."""
    manifest = published.manifest
    told = ServingSettings.model_validate(manifest["serving"])
    cards = full_catalogue() | steps.feature_cards(base)
    playbook = load_playbook(cards, settings.playbook_file, steps.likeness(base))
    features = feature_columns(pd.DataFrame(columns=pq.read_schema(published.path("attributions")).names))
    unknown = [name for name in features if name not in cards]
    verdict.note(Difference("(all)", f"feature {name}", "of the model", "not of this source") for name in unknown)
    features = [name for name in features if name in cards]
    verdicts = published.read("scores", ["account_id", "eligible", "not_eligible_because"])
    exclusions, peaks = published.read("exclusions"), manifest["users_are_daily_peaks"]
    scored = set(verdicts["account_id"])

    def parts() -> Iterator[pd.DataFrame]:
        """The recomputed rows, part by part; each is checked as it comes."""
        fresh = replace(base, state=None)  # nothing of an earlier build
        for shard in steps.shards(fresh, [published.snapshot_date], settings):
            rows = shard.rows.to_pandas()
            of = published.of("reasons", rows["account_id"])
            verdict.sentences += len(of)
            found = check_sentences(
                of, rows, features, cards, playbook, told.currency, users_are_daily_peaks=peaks
            )  # fmt: skip
            verdict.note(found)
            verdict.note(check_gates(verdicts, exclusions, rows, told.gates, users_are_daily_peaks=peaks))
            verdict.note(_strangers(rows, scored))
            yield rows

    now = steps.fingerprint(report, base, parts())
    verdict.note(Difference(name, "scores", "a customer", "none on that day") for name in sorted(scored))
    verdict.notes += list(_changes(manifest, now))
    _verify_changes(published, settings, titles(cards, playbook), verdict)
    say(f"{verdict.sentences:,} sentences told again, as known before {base.snapshot_date}")


def _verify_changes(published: Published, settings: Settings, titles_of: Mapping[str, str], verdict: Verdict) -> None:
    """The sentences about changes, where there are any and the list they compare with is still there."""
    if "changes" not in published.manifest["rows_out"]:
        return
    day, previous = previous_day(published), None
    if day is not None:
        try:
            previous = open_published(settings.out_folder, day)
        except PublishError as error:
            verdict.notes.append(f"why accounts changed was not told again: {error.found}")
            return
    verdict.note(check_change_sentences(published, previous, about_of(published, previous, titles_of)))


def _strangers(rows: pd.DataFrame, scored: set[str]) -> Iterator[Difference]:
    """Customers that were not scored; those that were are taken off ``scored``."""
    for account in rows["account_id"]:
        if account not in scored:
            yield Difference(account, "scores", "no row", "a customer on that day")
        scored.discard(account)


def _changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """What differs between the source as it was when the list was made, and as it is."""
    told = [
        f"{table}: {what} {now[name].get(table)} (was {before[name].get(table)})"
        for name, what in (("input_rows", "rows"), ("input_watermarks", "last day"))
        for table in sorted({*before[name], *now[name]})
        if before[name].get(table) != now[name].get(table)
    ]
    if told:
        yield f"the source has changed since this list was made: {'; '.join(told)}"
    if now["feature_rows_sha256"] != before["feature_rows_sha256"]:
        yield "the feature rows of that day are not those that were scored (feature_rows_sha256 differs)"
