"""What the flows are made of: plain functions from one layer's tables to the next."""

import hashlib
import json
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import nullcontext
from datetime import date, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from data.atomic import whole_file
from data.checks.report import Report
from data.contract.feature_card import FeatureCard
from data.contract.likeness import LIKENESS
from data.contract.vocabulary import E4, MOVEMENT_CLASSES
from data.currency import in_reporting_currency
from data.errors import NotEnoughHistoryError
from data.feeds.accounts import stopped_dead
from data.feeds.use import use
from data.kept.store import ValueStore
from data.ledger.revenue import all_lines, reconcile
from data.sources import engine
from data.sources.known import KnownBase, Source, label_watermark, watermarks
from data.time_cut import Tables
from features.build.build import Shard, build
from features.build.kept import can_be_kept, kept_rows, of_day
from features.calendar import QUARTER_DAYS, month_starts
from features.catalogue import catalogue
from features.labels import held_for_labels, labels
from features.muted import features_of_use
from flows.run.progress import counting, say
from flows.run.settings import Settings
from flows.stages.dates import today_utc
from serving.reasons.playbook import digest as playbook_digest
from serving.reasons.playbook_file import PlaybookFile

MAKE_A_LIST = {"source", "expansion", "training", "serving", "experiment", "model"}
"""The settings that decide what is made. The others say where it lies, who may see it, and whom it is told."""
DIGITS = 12
"""Of the hash of a setting: enough to tell whether it is the same."""
LIBRARIES = (*engine.LIBRARIES, "lightgbm", "scikit-learn", "pandas", "mlflow", "prefect", "shap")


def build_rows(base: KnownBase, dates: list[date], settings: Settings) -> pd.DataFrame:
    """The feature rows of the base at each date: account_id, snapshot_date, one column per feature."""
    rows: pd.DataFrame = pa.concat_tables(shard.rows for shard in shards(base, dates, settings)).to_pandas()
    return rows


def shards(base: KnownBase, dates: list[date], settings: Settings, *, for_list: bool = False) -> Generator[Shard]:
    """The same rows, shard by shard; ``for_list`` with what a list of the last day names and its accounts could buy."""
    progress = counting("features: shard")
    return build(base, dates, settings.expansion, for_list=for_list, progress=progress)


def known_use(base: KnownBase) -> dict[str, Any]:
    """What a list says of accounts whose use had stopped: that of a part of them, or all of one's own."""
    is_silent = use(base.tables)[0] in base.silent
    stopped = {} if is_silent else stopped_dead(base.tables, base.snapshot_date)
    of_use = features_of_use(base) if base.parts else frozenset[str]()
    return {"parts": base.parts, "of_use": of_use, "stopped_dead": stopped}


def details_of(shard: Shard) -> pd.DataFrame | None:
    """What the sentences of a shard's accounts name; None where it was not asked for."""
    return None if shard.details is None else shard.details.to_pandas(date_as_object=False)


def past_and_today(
    base: KnownBase, dates: list[date], settings: Settings, store: ValueStore | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The feature rows of past snapshots, and those of the day of the base, each sorted by snapshot and account.

    Those that the ``store`` holds are not built again. It is given those of the month starts in between, too, whose
    labels have not matured: lists look back to them, and later trainings learn from them. A long history is gigabytes:
    it is handed over column by column, so that there is never a second copy of it.
    """
    past, today = [], []

    def made(days: list[date]) -> Iterator[pa.Table]:
        return (shard.rows for shard in shards(base, days, settings))

    in_between = month_starts(dates[-1] + timedelta(days=1), base.snapshot_date - timedelta(days=1))
    waiting = in_between if can_be_kept(base, store) else []
    for part in kept_rows(base, [*dates, *waiting, base.snapshot_date], settings.expansion, store, made, say):
        past.append(part.filter(pc.less_equal(pc.cast(part["snapshot_date"], pa.date32()), pa.scalar(dates[-1]))))
        today.append(of_day(part, base.snapshot_date))
    both = pa.concat_tables(past)
    del past
    rows = both.to_pandas(self_destruct=True, split_blocks=True)
    del both
    return in_order(rows), in_order(pa.concat_tables(today).to_pandas())


def in_order(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows sorted by snapshot and account: the same frame, one column after the other."""
    accounts, _ = pd.factorize(rows["account_id"], sort=True)
    order = np.lexsort((accounts, pd.to_datetime(rows["snapshot_date"]).to_numpy()))
    for name in rows.columns:
        rows[name] = rows[name].array.take(order)
    return rows


def require_customers(count: int, base: KnownBase) -> None:
    """Raise ``NotEnoughHistoryError`` if there is nobody."""
    if not count:
        raise NotEnoughHistoryError(
            f"Score the customers of {base.snapshot_date}.",
            "no account has an open line (or was billed within 90 days) on that day.",
            "Choose a day within the history, or check `valid_from` and `valid_to` of the subscriptions.",
        )


def add_labels(
    rows: pd.DataFrame, base: KnownBase, dates: list[date], settings: Settings, held: Tables | None = None
) -> pd.DataFrame:
    """The rows with what came of them: expanded, expanded_<motion> (0 or 1) and expansion_arr (currency per year).

    ``rows`` are sorted by snapshot and account, and all of the base on these dates. ``held``: what
    ``held_for_labels`` gives of these dates, where somebody holds it already.
    """
    say("labels: expansions within the horizon, from the movements ledger")
    rules = settings.expansion
    holding = held_for_labels(base.engine, base.tables, dates, rules) if held is None else nullcontext(held)
    with holding as of_dates:
        came = labels(base.tables, of_dates["cohort"], rules, of_dates["lines"]).to_pyarrow().to_pandas()
    came["expansion_arr"] = came.pop("expansion_arr_e4") / E4
    came = in_order(came)
    assert len(came) == len(rows), "every feature row has a label"
    for name in ("account_id", "snapshot_date"):
        assert (came[name].to_numpy(object) == rows[name].to_numpy(object)).all(), "every feature row has a label"
    return pd.concat([rows, came.drop(columns=["account_id", "snapshot_date"])], axis=1)


def feature_cards(base: KnownBase) -> dict[str, FeatureCard]:
    """The model's columns in order, with their words."""
    return catalogue(base.tables, absent=base.absent)


def read_people(tables: Tables) -> pd.DataFrame:
    """One row per account: account_id, name, owner, segment."""
    people: pd.DataFrame = tables["accounts"].select("account_id", "name", "owner", "segment").to_pyarrow().to_pandas()
    return people


class Fingerprint:
    """A hash of feature rows that come in parts; neither the parts nor the order of the rows matter."""

    def __init__(self) -> None:
        self._rows: list[np.ndarray] = []

    def add(self, rows: pd.DataFrame) -> None:
        self._rows.append(pd.util.hash_pandas_object(rows, index=False).to_numpy())

    @property
    def count(self) -> int:
        """The rows so far."""
        return sum(map(len, self._rows))

    def told(self) -> dict[str, Any]:
        """How many rows there were, and their hash."""
        hashes = np.sort(np.concatenate([np.zeros(0, np.uint64), *self._rows]))
        return {"feature_rows": len(hashes), "feature_rows_sha256": hashlib.sha256(hashes.tobytes()).hexdigest()}


def inputs(report: Report, base: KnownBase) -> dict[str, Any]:
    """What the data was: rows of each table, its last day known at the snapshot, and what was read beside it."""
    days = watermarks(base.tables, base.snapshot_date)
    return {
        "input_rows": dict(report.row_counts),
        "input_watermarks": {name: day.isoformat() if day else None for name, day in days.items()},
        **base.beside,
    }


def input_hashes(base: KnownBase) -> dict[str, str]:
    """What the data was, table by table, as known on the day: its rows and their hash, where the engine has one."""
    hashes = {name: base.fingerprint(name) for name in sorted(base.tables)}
    return {name: told for name, told in hashes.items() if told is not None}


def fingerprint(report: Report, base: KnownBase, parts: Iterable[pd.DataFrame]) -> dict[str, Any]:
    """What the data was: ``inputs``, and a hash of the feature rows."""
    rows_hash = Fingerprint()
    for rows in parts:
        rows_hash.add(rows)
    return inputs(report, base) | rows_hash.told()


def likeness(base: KnownBase) -> tuple[str, ...]:
    """The words for what the base knows of its accounts, of ``LIKENESS``: of how many of them does not matter."""
    accounts = base.tables["accounts"]
    known = accounts.aggregate(**{part.word: accounts[part.column].count() for part in LIKENESS}).to_pyarrow()
    return tuple(part.word for part in LIKENESS if known[part.word][0].as_py())


def require_playbook(settings: Settings) -> None:
    """Raise SettingsError for a playbook of one's own that cannot be read: before a run takes long."""
    if settings.playbook_file is not None:
        PlaybookFile.read(settings.playbook_file)


def provenance(settings: Settings) -> dict[str, Any]:
    """What produced an output besides the data: settings, code and library versions."""
    return {
        "playbook_sha256": playbook_digest(settings.playbook_file),
        "config_hash": _digest(_chosen(settings)),
        "code_version": version("headroom"),
        "library_versions": {name: version(name) for name in LIBRARIES},
    }


def setting_hashes(settings: Settings) -> dict[str, str]:
    """A short hash of each setting that ``config_hash`` is of, by its place in the file: they say which one changed."""
    return {place: _digest(value)[:DIGITS] for place, value in _flat(_chosen(settings))}


def _chosen(settings: Settings) -> dict[str, Any]:
    """The settings that decide what is made: not where its tables lie, and how fast they are read."""
    elsewhere = {"source": {"url", "threads", "memory_limit"}}
    chosen = settings.model_dump(mode="json", include=MAKE_A_LIST, exclude=elsewhere)
    chosen["playbook"] = settings.playbook_file.read_text(encoding="utf-8") if settings.playbook_file else None
    return chosen


def _flat(values: Mapping[str, Any], *place: str) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, *place, name)
        else:
            yield ".".join((*place, name)), value


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def write_page(folder: Path, name: str, text: str) -> Path:
    """Write one page into the folder, whole or not at all."""
    with whole_file(folder / name) as file:
        file.write_text(text, encoding="utf-8")
    return folder / name


def no_history(base: KnownBase, settings: Settings) -> NoReturn:
    """Raise ``NotEnoughHistoryError``: not one snapshot has matured."""
    horizon_days = settings.expansion.horizon_days
    raise NotEnoughHistoryError(
        f"Train a model as if today were {base.snapshot_date}.",
        f"no month start has {QUARTER_DAYS} days of usage before it and {horizon_days} days of contracts after it.",
        "Load a longer history, or choose a later snapshot date.",
    )


def ledger_line(base: Source, settings: Settings) -> str:
    """The ledger of the last year in one line: MRR at its start, every class of movement, MRR at its end.

    Raises ``AssertionError`` if the classes do not sum to the change of MRR, which is a fault of the ledger.
    """
    last = label_watermark(base.tables, today_utc()) + timedelta(days=1)
    first = last - timedelta(days=365)
    tables = in_reporting_currency(base.tables, last)
    with base.engine.cached({"lines": all_lines(tables, settings.expansion, last)}) as held:
        year = reconcile(held["lines"], settings.expansion, [first, last]).iloc[0]
    assert year["difference_e4"] == 0, f"the ledger does not reconcile: {year.to_dict()}"
    moves = "".join(
        f" {'+' if year[name] >= 0 else '-'} {abs(year[name]) / E4:,.2f} {name}" for name in MOVEMENT_CLASSES
    )
    return (
        f"ledger: MRR {year['mrr_start_e4'] / E4:,.2f} on {first}{moves} = {year['mrr_end_e4'] / E4:,.2f} on {last}: "
        "reconciles"
    )
