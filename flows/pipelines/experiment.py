"""The pipeline ``experiment``: what an experiment could show, and what it has shown so far."""

from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from data.atomic import whole_file
from data.contract.outputs import ASSIGNMENTS
from data.contract.vocabulary import folded
from data.errors import ExperimentError
from data.groups import groups
from data.sources.known import KnownBase
from flows.experiments.windows import PAST_WINDOWS, before, matured
from flows.run.progress import say
from flows.run.runner import RETRIES, pipeline, stage
from flows.run.settings import Settings, load
from flows.stages.base import read_base
from models.experiment.known import MEASURES, ExperimentState, state_of
from models.experiment.power import PlannedLook, planned
from models.report.experiment_page import PAGE, experiment_page
from serving.experiment.record import EXPERIMENT, goes_on
from serving.published.layout import published_dates
from serving.published.read import PublishedList, open_list


@pipeline("experiment")
def experiment(
    config: Path | str | None = None,
    source: str | None = None,
    snapshot_date: date | str | None = None,
    out: Path | str | None = None,
) -> dict[str, Any]:
    """What is known of the experiment of the settings before ``snapshot_date`` (default: the day after the data).

    Writes the page and returns it with the state, the day and the settings. Raises ExperimentError where no experiment
    is set or has begun, and where its arms are not as they were drawn; SettingsError where it was set otherwise.
    """
    settings = load(config, source, out)
    asked = _asked(settings)
    base, _ = read_base(settings, snapshot_date)
    with base:
        listing = _last_list(settings, base.snapshot_date, asked)
        rows = outcomes_of(listing, base, settings)
    state = state_of_rows(rows, listing, settings, asked)
    page = write_page(state, base.snapshot_date, settings)
    return {"state": state, "day": base.snapshot_date, "settings": settings, "page": page}


def plan(
    config: Path | str | None = None, source: str | None = None, snapshot_date: date | str | None = None
) -> dict[str, Any]:
    """What an experiment with the share of the settings could show, by what the same accounts did before.

    Returns the looks by measure, the accounts, the settings and the day.
    """
    settings = load(config, source)
    base, _ = read_base(settings, snapshot_date)
    with base:
        rows = before_now(base, settings)
        units = _units(base)
    rows = rows.assign(unit=[units.get(account, account) for account in rows["account_id"]])
    share = settings.experiment.held_out_share
    looks: dict[str, list[PlannedLook]] = {measure: planned(rows, measure, share) for measure in MEASURES if len(rows)}
    if not any(looks.values()):
        raise ExperimentError(
            f"Plan an experiment by what is known before {base.snapshot_date}.",
            f"no expansion is known in {PAST_WINDOWS * settings.expansion.horizon_days} days before it.",
            "Give a day with more history, or wait.",
        )
    return {
        "looks": looks,
        "accounts": rows["account_id"].nunique(),
        "settings": settings,
        "day": base.snapshot_date,
    }


@stage("what came of the accounts", retries=RETRIES)
def outcomes_of(listing: PublishedList, base: KnownBase, settings: Settings) -> pd.DataFrame:
    """One row per account of the experiment and window that is over."""
    rows = matured(listing, base, settings.expansion, settings.experiment.end)
    say(f"{len(rows):,} windows of accounts are over")
    return rows


@stage("what came before", retries=RETRIES)
def before_now(base: KnownBase, settings: Settings) -> pd.DataFrame:
    """One row per account and window of the year before."""
    return before(base, settings.expansion)


@stage("write the page of the experiment")
def write_page(state: ExperimentState, day: date, settings: Settings) -> Path:
    """Replace the page of the last run."""
    settings.reports_folder.mkdir(parents=True, exist_ok=True)
    page = settings.reports_folder / PAGE
    text = experiment_page(
        str(settings.experiment.name), day, state, settings.expansion.horizon_days, settings.serving.currency
    )
    with whole_file(page) as file:
        file.write_text(text, encoding="utf-8")
    return page


def state_of_rows(rows: pd.DataFrame, listing: PublishedList, settings: Settings, asked: str) -> ExperimentState:
    """The state. The confidence sequence is narrowest when the accounts of the first list were in it for a year.

    That is known at the start and stays: were it to follow ``end``, or the accounts of today, it would hold on no day.
    """
    if rows.empty:
        raise ExperimentError(
            asked,
            f"no window of {settings.expansion.horizon_days} days is over yet for any of its accounts, as the tables "
            "know it.",
            "Wait until one is; `headroom experiment --plan` says what can be seen when.",
        )
    chosen = settings.experiment
    came_in = listing.of_all(ASSIGNMENTS.name)["assigned_on"]
    by = "owner" if chosen.clusters == "owner" else "unit"
    planned_rows = PAST_WINDOWS * int((came_in == came_in.min()).sum())
    rows = rows.assign(owner=rows["owner"].map(folded, na_action="ignore"))  # each list has a spelling of its own
    return state_of(rows, chosen.held_out_share, by, planned_rows, asked)


def _asked(settings: Settings) -> str:
    name = settings.experiment.name
    if name is None:
        raise ExperimentError(
            "Say what an experiment has shown.",
            "none is set.",
            "Set name and start under [experiment]; `headroom experiment --plan` says what it could show.",
        )
    return f"Say what the experiment {name} has shown."


def _last_list(settings: Settings, day: date, asked: str) -> PublishedList:
    """The latest list up to a day, if the experiment has begun with it.

    Raises SettingsError where it was set otherwise when it began.
    """
    days = [of for of in published_dates(settings.out_folder) if of <= day]
    listing = open_list(settings.out_folder, days[-1]) if days else None
    horizon_days = settings.expansion.horizon_days
    if listing is None or not goes_on(settings.experiment, listing.snapshot_date, horizon_days, listing.manifest):
        there = (listing.manifest.get(EXPERIMENT) or {}).get("name") if listing else None
        found = "no list" if listing is None else f"the list of {listing.snapshot_date} (of {there or 'none'})"
        raise ExperimentError(
            asked,
            f"it has not begun: the latest up to {day} is {found}.",
            f"Run `headroom score` for a day from {settings.experiment.start} on.",
        )
    return listing


def _units(base: KnownBase) -> dict[str, str]:
    """The group of companies of each account that is in one."""
    accounts = base.tables["accounts"]
    if "parent_id" not in accounts.columns:
        return {}
    known = groups(accounts).to_pyarrow().to_pandas()
    return dict(zip(known["account_id"], known["group_id"], strict=True))
