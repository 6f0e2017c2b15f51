"""The stages of a list: the champion; score, explain and add, shard by shard; rank and publish."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from data.checks.report import Report
from data.contract.cross_sell import CrossSellOptions
from data.errors import ModelError
from data.feeds.parts import SilentPart
from data.feeds.rhythm import Silence
from data.kept.store import ValueStore
from data.sources.known import KnownBase
from features.build.build import Shard
from features.build.past_signals import BaseSignals
from features.catalogue import full_catalogue
from features.missing_features import as_learnt, empty_columns_of
from features.muted import features_of_use, muted_features
from flows.run.progress import say
from flows.run.ready import require_model
from flows.run.runner import RETRIES, stage
from flows.run.settings import Settings
from flows.stages import freshness
from flows.stages import inputs as steps
from flows.stages.last_list import LastList, last_list
from flows.stages.shown import show_top
from flows.stages.warnings import require_no_hindsight, require_same_rules, warnings
from models.estimators.bundle import Bundle
from models.registry.champion import load_as_of
from models.registry.glance import AS_OF, RULE
from models.registry.mlflow_store import ModelRegistry
from models.scoring.drift import DriftCounter
from models.scoring.score import Scored, require_features, require_unchanged, score
from models.scoring.without import without
from serving.publish import Publisher, only_publisher, publish
from serving.published.assemble import assemble_batch
from serving.published.context import ListContext, known_people
from serving.published.layout import read_manifest
from serving.reasons.choose import References
from serving.reasons.playbook import load as load_playbook

ACCOUNTS_AT_A_TIME = 20_000
"""Put into words at a time: with all its sentences an account takes some ten kilobytes."""


@stage("champion", retries=RETRIES)
def load_model(settings: Settings, reference: str | None, base: KnownBase) -> tuple[Bundle, KnownBase]:
    """The champion, or the model asked for; where there is no champion and the settings allow it, the rule.

    With it the base as the model knows it (``as_learnt``). Raises ``ModelError`` where it learnt other expansions, asks
    for a feature that these tables do not give, or has seen what came after the day and was not asked for by name.
    """
    if reference is None:
        require_model(settings)
    registry = ModelRegistry(settings.mlruns_folder, settings.model)
    bundle = _asked_for(registry, reference, base.snapshot_date, settings)
    if reference is None:
        require_no_hindsight(bundle, base.snapshot_date)
    say(f"model {bundle.name} version {bundle.version}")
    require_same_rules(bundle, settings)
    known = as_learnt(base, bundle.feature_names)
    for warning in known.warnings[len(base.warnings) :]:
        say(f"warning: {warning}")
    if empty := empty_columns_of(known, bundle.feature_names):
        raise ModelError(
            "Score customers.",
            f"no row has a value in {', '.join(empty)}, which the model has learnt from.",
            "Fill it, or check the export or the SQL that makes it; to do without it, train again.",
        )
    require_features(bundle, steps.feature_cards(known))
    return bundle, known


def _asked_for(registry: ModelRegistry, reference: str | None, day: date, settings: Settings) -> Bundle:
    if reference == AS_OF:
        return load_as_of(registry, day)
    stands_in = reference is None and settings.training.without_model == "rule" and not registry.has_champion()
    return registry.load(f"{settings.model}@{RULE}" if stands_in else reference)


@dataclass(frozen=True)
class Models:
    """The model of the day, for accounts of which all is known that can be, and for those whose use is not."""

    whole: Bundle
    without_use: Bundle

    def of(self, context: ListContext) -> Bundle:
        """The one for a group of accounts."""
        return self.without_use if context.parts else self.whole


@stage("do without silent feeds")
def do_without(bundle: Bundle, base: KnownBase, settings: Settings) -> Models:
    """The models of the day: without the features of feeds that have fallen silent, if any has.

    What they say on average is that of the whole model on the last day on which all of them were known.
    """
    silent, muted = freshness.muted_feeds(base), muted_features(base, base.snapshot_date)
    whole = _without(bundle, muted, silent, base, settings)
    if not base.parts:
        return Models(whole, whole)
    return Models(whole, _without(bundle, muted | features_of_use(base), (*silent, *base.parts), base, settings))


def _without(
    bundle: Bundle,
    muted: frozenset[str],
    silent: Sequence[Silence | SilentPart],
    base: KnownBase,
    settings: Settings,
) -> Bundle:
    """The model without some features, levelled on the last day before any of these fell silent."""
    if not muted & set(bundle.feature_names):
        return bundle
    day = min(silence.last_day for silence in silent) + timedelta(days=1)
    say(f"the model does without what is not known; its level is that of {day}")
    # A shard is drawn by chance, so the first one stands for the base. Without a state no shard waits for another run.
    with closing(steps.shards(replace(base, state=None), [day], settings)) as shards:
        known = next(shards).rows.to_pandas()
    return without(bundle, muted, known)


class ListInTheMaking:
    """A list to which the accounts of a base are added shard by shard.

    ``publishing`` takes them; ``finish`` puts the list in its place.
    """

    def __init__(
        self,
        context: ListContext,
        models: Models,
        last: LastList,
        publishing: Publisher,
        finish: Callable[[], None],
        signals: BaseSignals,
    ) -> None:
        self.context, self.models, self.publishing, self._finish = context, models, publishing, finish
        self.fingerprint, self.explained_by = steps.Fingerprint(), ""
        self.drift = DriftCounter(models.whole)
        self._last, self._signals = last, signals
        self._references = References()

    @property
    def past_days(self) -> list[date]:
        """The days that are looked back to and made with that of the list."""
        return self._signals.to_make

    def groups(self, shard: Shard) -> Iterator[tuple[ListContext, pd.DataFrame]]:
        """The accounts of a shard by what is known of them: of each group what is the same for them, and their rows."""
        rows = self._signals.take(shard.rows).to_pandas()
        for context, is_own in self.context.groups(rows["account_id"].astype("str")):
            yield context, rows[is_own].reset_index(drop=True)

    def add(
        self,
        context: ListContext,
        rows: pd.DataFrame,
        scored: Scored,
        details: pd.DataFrame | None,
        facts: pa.Table | None = None,
    ) -> None:
        """Put the accounts of a group into words and keep them on disk, some at a time."""
        self.fingerprint.add(rows)
        if not context.parts:
            self.drift.add(rows, scored.scores)
        self.explained_by = scored.explained_by
        told = context.told(rows)
        references = self._references.of(context.reasons, scored.attributions, told)
        for start in range(0, len(rows), ACCOUNTS_AT_A_TIME):
            some = slice(start, start + ACCOUNTS_AT_A_TIME)
            accounts = scored.scores[some], scored.attributions[some]
            change = self._last.change(self.models.of(context), *accounts, rows[some], context)
            named = None if details is None else details[details["account_id"].isin(rows["account_id"][some])]
            known = None if facts is None else _of_accounts(facts, rows["account_id"][some])
            self.publishing.add(assemble_batch(context, *accounts, told[some], named, references, change, known))

    def finish(self) -> None:
        """All accounts were added: what was made beside them is kept, and the list takes its place."""
        self._signals.keep()
        self._finish()


def _of_accounts(facts: pa.Table, accounts: pd.Series) -> pd.DataFrame:
    """The facts of some accounts."""
    asked = pc.is_in(facts["account_id"], value_set=pa.array(accounts, pa.string()))
    some: pd.DataFrame = facts.filter(asked).to_pandas()
    return some


@contextmanager
def new_list(
    models: Models, base: KnownBase, settings: Settings, store: ValueStore | None = None
) -> Iterator[ListInTheMaking]:
    """A list of that day. Where anything is raised inside, nothing is published and an older list of that day stays.

    ``store``: what earlier runs have kept, if anything is.
    """
    with ExitStack() as opened:
        opened.enter_context(only_publisher(settings.out_folder, base.snapshot_date))
        # Another run may publish the last list until the folder is ours.
        last = last_list(settings, base.snapshot_date, models.whole)
        context = replace(context_of(models.whole, base, settings), replaced_by=last.replaced_by(models.whole))
        signals = BaseSignals(base, settings.expansion, store)
        publishing = opened.enter_context(publish(settings.out_folder, context, last.listing, signals))
        yield ListInTheMaking(context, models, last, publishing, opened.close, signals)


def context_of(bundle: Bundle, base: KnownBase, settings: Settings) -> ListContext:
    """What is the same for every account of the list."""
    cards = full_catalogue() | steps.feature_cards(base)
    return ListContext(
        snapshot_date=base.snapshot_date,
        people=known_people(steps.read_people(base.tables)),
        catalogue=cards,
        playbook=load_playbook(cards, settings.playbook_file, steps.likeness(base)),
        settings=settings.serving,
        experiment=settings.experiment,
        model_version=bundle.version,
        run_id=bundle.run_id,
        horizon_days=bundle.facts["horizon_days"],
        all_motions_modelled=bundle.all_motions_modelled,
        arr_doubt=None if bundle.expected_arr is None else bundle.expected_arr.doubt,
        users_are_daily_peaks=base.users_are_daily_peaks,
        silent=freshness.muted_feeds(base),
        muted=muted_features(base, base.snapshot_date),
        **steps.known_use(base),
    )


@stage("days to make")
def days_to_make(making: ListInTheMaking) -> list[date]:
    """The snapshots of which feature rows are made: that of the list, after past ones that it looks back to."""
    for day in making.past_days:
        say(f"features: {day}, which the list looks back to, is made with its day, and kept")
    return [*making.past_days, making.context.snapshot_date]


@stage("score and explain")
def score_and_explain(bundle: Bundle, rows: pd.DataFrame, options: CrossSellOptions | None) -> Scored:
    """Propensities, amounts and attributions of a group of a shard's accounts."""
    return score(bundle, rows, options)


@stage("add to the list")
def add_to_list(
    making: ListInTheMaking,
    context: ListContext,
    rows: pd.DataFrame,
    scored: Scored,
    details: pd.DataFrame | None = None,
    facts: pa.Table | None = None,
) -> None:
    """Reasons, plays, changes and facts of a group of a shard's accounts, checked and kept on disk."""
    making.add(context, rows, scored, details, facts)
    require_unchanged(making.models.of(context), rows, scored)
    say(f"scored and explained {making.fingerprint.count:,} accounts")


@stage("rank and publish")
def rank_and_publish(making: ListInTheMaking, report: Report, base: KnownBase, settings: Settings) -> Path:
    """Rank the base, write the list with what it was made of, and put it in place of an older one of that day."""
    steps.require_customers(making.fingerprint.count, base)
    bundle, publishing = making.models.whole, making.publishing
    publishing.describe(
        **steps.inputs(report, base),
        input_hashes=steps.input_hashes(base),
        **making.fingerprint.told(),
        stopped_feeds=sorted(base.silent),
        model=_described(bundle, making.explained_by),
        withheld=dict(bundle.withheld),
        warnings=[*freshness.sentences(base), *warnings(bundle, base, settings.training.promotion)],
        **steps.provenance(settings),
        setting_hashes=steps.setting_hashes(settings),
    )
    say("ranking, and writing the list")
    making.finish()
    if publishing.is_unchanged:
        say("unchanged: this list is there already, byte for byte")
    say(read_manifest(publishing.place, base.snapshot_date)["changes"]["text"])
    show_top(settings.out_folder, base.snapshot_date)
    return publishing.place


def _described(bundle: Bundle, explained_by: str) -> dict[str, Any]:
    """What the manifest says of the model."""
    named = {"name": bundle.name, "version": bundle.version, "run_id": bundle.run_id}
    learnt = {"learnt_until": bundle.learnt_until, "sha256": bundle.sha256}
    return {**named, "explained_by": explained_by, **learnt, **bundle.facts}
