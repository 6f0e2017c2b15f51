"""``headroom verify``: does a published snapshot hold, and can every number of its sentences be derived again?"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd

from data.checks.report import Report, many
from data.contract.outputs import ATTRIBUTIONS, REASONS
from data.errors import ModelError, PublishError
from data.ledger.rules import ExpansionRules
from data.sources.known import KnownBase
from features.build.past_signals import BaseSignals
from features.catalogue import full_catalogue
from features.missing_features import as_learnt
from features.muted import muted_features
from flows.run.progress import say
from flows.run.settings import Settings, load
from flows.stages import inputs as steps
from flows.stages.base import check_source, read_source
from flows.stages.dates import known_base
from flows.stages.freshness import muted_feeds
from flows.stages.outcomes import LAST, READ, read_outcomes
from flows.stages.warnings import RULES
from serving.changes.sentences import titles
from serving.published.context import ListContext, known_people
from serving.published.read import PublishedList, open_list
from serving.published.row_context import with_product
from serving.reasons.choose import BaseReferences, References
from serving.reasons.playbook import digest
from serving.reasons.playbook import load as load_playbook
from serving.settings import ServingSettings
from serving.verify.account_facts import check_facts
from serving.verify.choice_and_context import check_choice, check_context
from serving.verify.files_and_sums import (
    Difference,
    check_changes,
    check_counts,
    check_crm,
    check_files,
    check_likelihoods,
    check_ranges,
    check_sums,
    check_tables,
)
from serving.verify.gates_and_changes import about_of, check_change_sentences, check_gates
from serving.verify.origin import check_origin, not_compared
from serving.verify.reasons import check_sentences
from serving.verify.signals import check_signals
from serving.verify.triggers import check_since, check_triggers
from serving.verify.words import check_plays, check_words

NAMED = 20
"""Differences that are named; of the others it is said how many there are."""


@dataclass
class Verification:
    """What was found: how much was read, the first differences and how many there are in all, what else to know."""

    accounts: int
    sentences: int = 0
    differences: list[Difference] = field(default_factory=list)
    differing: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return self.differing == 0

    def note(self, differences: Iterable[Difference]) -> None:
        """Keep the first differences, count all."""
        others = iter(differences)
        first = list(islice(others, NAMED - len(self.differences)))
        self.differences += first
        self.differing += len(first) + sum(1 for _ in others)

    def lines(self) -> Iterator[str]:
        """It in words."""
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
    words: bool = False,
    origin: bool = False,
) -> Verification:
    """Read a published snapshot again: its files, counts and sums; with ``reasons`` also every sentence.

    The sentences are told again from feature rows that are built anew from the source, as known on the snapshot date;
    so are motions and plays. ``words``: whether a CSM can read it, row by row (``serving.verify.words``). ``origin``:
    whether source, model, settings and code are those that it was made from.
    Raises PublishError for a snapshot that is not there or is damaged, or whose sentences another playbook told.
    """
    settings = load(config, source, out)
    listing = open_list(settings.out_folder, snapshot_date, "Verify")
    say(f"verifying {listing.folder}: files, counts and sums")
    verification = Verification(accounts=listing.manifest["rows_out"]["scores"])
    verification.note(check_files(listing))
    unreadable = list(check_tables(listing))
    verification.note(unreadable)
    if unreadable:
        verification.notes.append("counts, sums and sentences were not checked: not all of the list can be read")
        return verification
    for check in (check_counts, check_sums, check_ranges, check_changes):
        verification.note(check(listing))
    if words:
        say("reading every row as a CSM does")
        verification.note(check_words(listing))
    if origin:
        _verify_origin(listing, settings, verification)
    untold = None
    if reasons or words:
        untold = _untold(listing, settings)
        if untold is None:
            _verify_sentences(listing, settings, verification)
    verification.note(check_crm(listing))  # last: what is wrong there is mostly wrong in another table, too
    if untold is not None:
        if verification.holds:
            raise untold
        verification.notes.append(f"the sentences were not told again: {untold.clause}")
    return verification


def _untold(listing: PublishedList, settings: Settings) -> PublishError | None:
    """Why the sentences cannot be told again: another playbook, or an older form of the table; None if they can."""
    asked = f"Derive the sentences of the list of {listing.snapshot_date} again."
    if not set(REASONS.names) <= set(listing.columns(REASONS.name)):
        return PublishError(
            asked,
            "its reasons have no column for the numbers they rest on: an earlier version published it.",
            "Score that day again; `headroom verify` without --reasons checks files, counts and sums.",
        )
    stored, ours = listing.manifest.get("playbook_sha256"), digest(settings.playbook_file)
    if stored != ours:
        return PublishError(
            asked,
            f"another playbook told them (sha256 {str(stored)[:12]}; {settings.playbook_file or 'the shipped one'} "
            f"is {ours[:12]}).",
            "Give the playbook of that day (`playbook` under [serving]) and the version of Headroom that published it "
            f"({listing.manifest['code_version']}).",
        )
    return None


def _verify_sentences(listing: PublishedList, settings: Settings, verification: Verification) -> None:
    rules = ExpansionRules.model_validate(listing.manifest["model"][RULES])
    settings = settings.model_copy(update={"expansion": rules})
    with read_source(settings) as source:
        report = check_source(source, settings.expansion)
        last = listing.manifest.get(READ, {}).get(LAST) or 0  # older lists read no store
        known = read_outcomes(known_base(source, listing.snapshot_date), settings, up_to=last)
        base = as_learnt(known, listing.features())
        _tell_again(listing, settings, report, base, verification)


def _verify_origin(listing: PublishedList, settings: Settings, verification: Verification) -> None:
    """What the list was made from, against what is there: the tables as known on its day, and the model of its run."""
    from models.registry.mlflow_store import ModelRegistry  # here, since the other checks ask no model

    say("comparing source, model, settings and code with those that it was made from")
    manifest = listing.manifest
    try:
        bundle = ModelRegistry(settings.mlruns_folder, settings.model).load(manifest["run_id"])
    except ModelError as error:
        model_sha256 = error.clause
    else:
        model_sha256 = bundle.sha256
        if listing.silent:
            verification.notes.append(
                f"propensities were not derived again: their model did without {', '.join(listing.silent)}"
            )
        else:
            verification.note(check_likelihoods(listing, bundle.any_expansion.told))
    with read_source(settings) as source:
        last = manifest.get(READ, {}).get(LAST) or 0
        base = read_outcomes(known_base(source, listing.snapshot_date), settings, up_to=last)
        made = {"model_sha256": model_sha256, "setting_hashes": steps.setting_hashes(settings)}
        now = {**made, **steps.provenance(settings), "input_hashes": steps.input_hashes(base)}
    verification.note(check_origin(manifest, now))
    others = not_compared(manifest, now)
    if others:
        verification.notes.append(f"not compared, since another engine took their hashes: {', '.join(others)}")


def _tell_again(
    listing: PublishedList, settings: Settings, report: Report, base: KnownBase, verification: Verification
) -> None:
    """Every sentence of the list, from feature rows that are built anew."""
    manifest = listing.manifest
    serving = ServingSettings.model_validate(manifest["serving"])
    cards = full_catalogue() | steps.feature_cards(base)
    playbook = load_playbook(cards, settings.playbook_file, steps.likeness(base))
    context = ListContext(
        snapshot_date=listing.snapshot_date,
        people=known_people(steps.read_people(base.tables)),
        catalogue=cards,
        playbook=playbook,
        settings=serving,
        model_version=manifest["model_version"],
        run_id=manifest["run_id"],
        horizon_days=manifest["horizon_days"],
        users_are_daily_peaks=manifest["users_are_daily_peaks"],
        silent=muted_feeds(base),
        muted=muted_features(base, base.snapshot_date),
        **steps.known_use(base),
    )
    unknown = [name for name in listing.features() if name not in cards]
    verification.note(Difference("(all)", f"feature {name}", "of the model", "not of this source") for name in unknown)
    scored = set(listing.scores("account_id")["account_id"])

    def parts() -> Iterator[pd.DataFrame]:
        """The recomputed rows, part by part; each is checked as it comes."""
        fresh, references = replace(base, state=None), References()  # nothing of an earlier build
        for shard in steps.shards(fresh, [listing.snapshot_date], settings, for_list=True):
            rows = shard.rows.to_pandas()
            known = rows.loc[rows["account_id"].isin(scored), "account_id"].astype("str").tolist()
            verification.note(_strangers(rows, scored))
            details = steps.details_of(shard)
            for own, is_own in context.groups(rows["account_id"].astype("str")):
                told = own.told(rows[is_own].reset_index(drop=True))
                measured = _references(listing, told, own, references)
                verification.sentences += _check_shard(listing, told, details, own, measured, verification)
            if shard.facts is not None:
                verification.note(check_facts(listing, known, shard.facts.to_pandas()))
            yield rows

    now = steps.fingerprint(report, base, parts())
    verification.note(Difference(name, "scores", "a customer", "none on that day") for name in sorted(scored))
    verification.note(check_signals(listing, BaseSignals(base, settings.expansion)))
    verification.notes += list(_changes(manifest, now))
    _verify_changes(listing, titles(cards, playbook), verification)
    say(f"{verification.sentences:,} sentences told again, as known before {base.snapshot_date}")


def _check_shard(
    listing: PublishedList,
    rows: pd.DataFrame,
    details: pd.DataFrame | None,
    context: ListContext,
    references: BaseReferences,
    verification: Verification,
) -> int:
    """What is told of some accounts and chosen for them, from recomputed rows; how many sentences are told."""
    there = rows["account_id"].isin(listing.scores("account_id")["account_id"]).to_numpy()
    rows = rows[there].reset_index(drop=True)
    accounts = rows["account_id"].astype("str").tolist()
    scores = listing.of("scores", accounts, ("account_id", "cross_sell_product")).set_index("account_id").loc[accounts]
    if details is not None:
        details = with_product(details.set_index("account_id").loc[accounts].reset_index(), scores)
    reasons = listing.of("reasons", accounts)
    attributions = _attributions(listing, rows, context)
    told_with = replace(context.reasons, figures=references.figures)
    verification.note(check_sentences(reasons, rows, attributions, told_with, details))
    verification.note(check_gates(listing, rows, details, context))
    verification.note(check_plays(listing, rows, reasons, details, context))
    verification.note(check_context(listing, rows, details, context))
    verification.note(check_triggers(listing, rows, details, context))
    if len(ATTRIBUTIONS.features_of(attributions)) == len(listing.features()):
        verification.note(check_choice(reasons, rows, attributions, context, references, details))
    return len(reasons)


def _references(
    listing: PublishedList, rows: pd.DataFrame, context: ListContext, references: References
) -> BaseReferences:
    """What attributions are compared with, from those of the first shard: as the list was made."""
    there = rows[rows["account_id"].isin(listing.scores("account_id")["account_id"])]
    return references.of(context.reasons, _attributions(listing, there, context), there)


def _attributions(listing: PublishedList, rows: pd.DataFrame, context: ListContext) -> pd.DataFrame:
    """The published attributions of the accounts of these rows, in their order; of features that the source gives."""
    accounts = rows["account_id"].astype("str").tolist()
    parts = listing.of("attributions", accounts).drop_duplicates("account_id").set_index("account_id", drop=False)
    unknown = [name for name in listing.features() if name not in context.catalogue]
    return parts.reindex(accounts).drop(columns=unknown).reset_index(drop=True)


def _verify_changes(listing: PublishedList, titles_of: Mapping[str, str], verification: Verification) -> None:
    """What is said against the list before, where there are changes and that list is still there."""
    if "changes" not in listing.manifest["rows_out"]:
        return
    try:
        previous = listing.previous
    except PublishError as error:
        verification.notes.append(f"why accounts changed was not told again: {error.clause}")
        return
    verification.note(check_change_sentences(listing, previous, about_of(listing, previous, titles_of)))
    verification.note(check_since(listing, previous))


def _strangers(rows: pd.DataFrame, scored: set[str]) -> Iterator[Difference]:
    """Customers that were not scored; those that were are taken off ``scored``."""
    for account in rows["account_id"]:
        if account not in scored:
            yield Difference(account, "scores", "no row", "a customer on that day")
        scored.discard(account)


def _changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """What differs between the source as it was when the list was made, and as it is."""
    changed = [
        f"{table}: {what} {now[name].get(table)} (was {before[name].get(table)})"
        for name, what in (("input_rows", "rows"), ("input_watermarks", "last day"))
        for table in sorted({*before[name], *now[name]})
        if before[name].get(table) != now[name].get(table)
    ]
    if changed:
        yield f"the source has changed since this list was made: {'; '.join(changed)}"
    if now["feature_rows_sha256"] != before["feature_rows_sha256"]:
        yield "the feature rows of that day are not those that were scored (feature_rows_sha256 differs)"
