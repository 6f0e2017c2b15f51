"""The first stage of every run: the base as it was known before the day, and what earlier runs have kept."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date

from data.checks.check import check
from data.checks.report import Report, gravest_first, require
from data.kept.store import ValueStore
from data.ledger.rules import ExpansionRules
from data.sources.connect import open_source
from data.sources.engine import closed_on_error
from data.sources.known import KnownBase, Source
from features.catalogue import own_findings
from flows.run.progress import say
from flows.run.runner import RETRIES, runner, stage
from flows.run.settings import Settings
from flows.stages.dates import known_base, today_utc
from flows.stages.outcomes import read_outcomes


@stage("base known before the day", retries=RETRIES)
def read_base(settings: Settings, snapshot_date: date | str | None) -> tuple[KnownBase, Report]:
    """Read and check the source, as known before the day (default: the day after the data ends), which names the run.

    The base is the caller's to close. Raises what is wrong with the source, the tables or the day.
    """
    source = read_source(settings)
    with closed_on_error(source.engine):
        report = check_source(source, settings.expansion)
        base = read_outcomes(known_base(source, snapshot_date), settings)
        runner().name_run(base.snapshot_date)
        return base, report


def read_source(settings: Settings) -> Source:
    """Open the source of the settings."""
    settings.address.require()  # before it is told, for it may hold a password
    say(f"reading {settings.address.shown}")
    return open_source(settings.address)


def check_source(source: Source, rules: ExpansionRules) -> Report:
    """Check the tables; raise ``ContractError`` if they have errors. Warnings are told and do not stop the run.

    Whether a feed has stopped is asked as of the snapshot instead, of the base.
    """
    report = report_on(source, rules, for_run=True)
    require(report)
    for finding in report.warnings:
        say(f"warning: {finding.message}")
    return report


def report_on(source: Source, rules: ExpansionRules, *, for_run: bool = False) -> Report:
    """What is found in the tables, and in the names of the team's own features."""
    report = check(source, today_utc(), rules, for_run=for_run)
    findings = gravest_first([*report.findings, *own_findings(source.tables)])
    return replace(report, findings=findings)


@contextmanager
def opened_store(settings: Settings) -> Iterator[ValueStore | None]:
    """What earlier runs have kept, None where the settings want nothing kept; what is old goes at the end of a run."""
    if not settings.store.use:
        yield None
        return
    store = settings.value_store(say)
    yield store
    store.trim()
