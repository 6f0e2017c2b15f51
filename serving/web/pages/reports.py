"""The model behind the list, and how it did on past days: what the manifest says, and the report beside it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from html import unescape
from pathlib import Path
from typing import Any

from markupsafe import Markup

from serving.experiment.record import EXPERIMENT
from serving.published.layout import HELD_OUT
from serving.published.read import PublishedList

CARD, BACKTEST, EXPERIMENT_PAGE = "model_card.html", "backtest.html", "experiment.html"
"""The reports that training, backtest and experiment write."""
_BODY = re.compile(r"<body>(.*)</body>", re.DOTALL)
_TITLE = re.compile(r"<title>(.*?)</title>", re.DOTALL)
_WITHOUT = "It is not there: {name} is not in the folder of the reports. `headroom {command}` writes it."
_UNREADABLE = "{name} in the folder of the reports is no report that this page knows; it is not shown."


@dataclass(frozen=True)
class WrittenReport:
    """A report as it was written. ``body`` is None where there is none, and ``why_not`` says so.

    ``of_another``: which model it is of, where that is another than the one of the list; empty where it is the same or
    does not say.
    """

    body: Markup | None
    written_on: date | None
    of_another: str
    why_not: str


@dataclass(frozen=True)
class ReportPage:
    """``facts``: what the manifest of the list says of its model, under a name each."""

    facts: tuple[tuple[str, str], ...]
    report: WrittenReport


def model_page(listing: PublishedList, reports: Path) -> ReportPage:
    """The model card."""
    return ReportPage(tuple(_facts(listing.manifest)), read_report(reports, CARD, "train", listing.manifest))


def backtest_page(listing: PublishedList, reports: Path) -> ReportPage:
    """The last backtest, or the one of the last training."""
    return ReportPage(tuple(_figures(listing.manifest)), read_report(reports, BACKTEST, "backtest", listing.manifest))


def experiment_page(listing: PublishedList, reports: Path) -> ReportPage:
    """What the list has earned, as the last run of `headroom experiment` has it."""
    facts = tuple(_of_experiment(listing.manifest))
    return ReportPage(facts, read_report(reports, EXPERIMENT_PAGE, "experiment", listing.manifest))


def read_report(folder: Path, name: str, command: str, manifest: Mapping[str, Any]) -> WrittenReport:
    """A report of ours, without its own style: it stands on a page that has one."""
    file = folder / name
    if not file.is_file():
        return WrittenReport(None, None, "", _WITHOUT.format(name=name, command=command))
    text = file.read_text(encoding="utf-8", errors="replace")
    body, title = _BODY.search(text), _TITLE.search(text)
    if body is None or title is None:
        return WrittenReport(None, None, "", _UNREADABLE.format(name=name))
    written_on = datetime.fromtimestamp(file.stat().st_mtime, UTC).date()
    # Written by our own templates, which escape everything; no script could run under the policy of these pages.
    return WrittenReport(Markup(body[1]), written_on, _of_another(unescape(title[1]), manifest), "")  # noqa: S704


def _of_another(title: str, manifest: Mapping[str, Any]) -> str:
    model = manifest.get("model") or {}
    ours = f"{model.get('name')}, version {model.get('version')}"
    return title if model and ", version " in title and title != ours else ""


def _facts(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    model: Mapping[str, Any] = manifest.get("model") or {}
    yield "Model version", f"{model['name']} {model['version']}" if model else str(manifest["model_version"])
    yield "Run", manifest["run_id"]
    yield "It says", f"how likely an expansion is within {manifest['horizon_days']} days"
    if model:
        yield "Learnt from", f"{model['snapshots']} days, {model['first_snapshot']} to {model['last_snapshot']}"
        yield "Accounts", f"{model['accounts']:,} in {model['rows']:,} rows, {model['expansions']:,} expansions"
        yield "Verdict of the training", model["verdict"]
    for motion, why in manifest.get("withheld", {}).items():
        yield f"Without {motion.replace('_', ' ')}", why
    for name, words in (("code_version", "Code"), ("config_hash", "Settings"), ("feature_rows_sha256", "Rows")):
        if name in manifest:
            yield words, str(manifest[name])
    versions = manifest.get("library_versions", {})
    if versions:
        yield "Libraries", ", ".join(f"{name} {version}" for name, version in versions.items())


def _of_experiment(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    experiment = manifest.get(EXPERIMENT)
    if experiment is None:
        yield "Experiment", "the list has none"
        return
    yield "Experiment", experiment["name"]
    yield "Began", f"with the first list from {experiment['start']} on"
    yield (
        "Held out",
        f"{manifest[HELD_OUT]:,} accounts of this list; {experiment['held_out_share']:.0%} were to be drawn",
    )


_FIGURES = {
    "auc": "AUC on past days",
    "best_rule_auc": "AUC of the best single rule",
    "brier_skill": "Brier skill",
    "forecast_over_realised": "Expansions: forecast over what came",
    "arr_forecast_over_realised": "ARR: forecast over what came",
}


def _figures(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    model: Mapping[str, Any] = manifest.get("model") or {}
    for name, words in _FIGURES.items():
        if isinstance(model.get(name), int | float):
            yield words, f"{model[name]:.2f}"
    if not model:
        yield "Figures", "the manifest of this list has none"
