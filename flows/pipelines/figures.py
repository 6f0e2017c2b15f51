"""The pipeline ``figures``: what the company's ledger comes to, as tables, plots and a page."""

import json
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from data.atomic import whole_folder
from data.errors import PublishError
from data.figures.figures import CompanyFigures, company_figures
from data.figures.headline import Headline, headline, rules_in_words
from data.figures.readiness.verdict import Readiness
from data.figures.rebuilt import account_rows, late_accounts, rebuilt, rewritten_accounts
from data.figures.tables import ACCOUNT_MOVEMENTS, ACCOUNT_ROWS, FIGURES, MANIFEST, PAGE, REBUILT
from data.sources.known import KnownBase
from flows.pipelines.readiness import compute_readiness, find_signals
from flows.run.progress import say
from flows.run.runner import RETRIES, pipeline, stage
from flows.run.settings import Settings, load
from flows.stages.base import read_base
from models.report.company.figures_page import figures_page
from models.report.company.plots_of_figures import plots_of
from models.report.drawing import svg
from serving.published.tables import to_arrow, write

MONTHS = 36
"""That are told where nobody says how many."""


@dataclass(frozen=True)
class EarlierFigures:
    """What an earlier run wrote: the day that it stood on, its ``account_movements`` and ``account_rows`` (None: it is
    older than those), and what it found ``rebuilt``.
    """

    day: date
    movements: pd.DataFrame
    rebuilt: pd.DataFrame
    rows: pd.DataFrame | None


@stage("figures", retries=RETRIES)
def compute_figures(base: KnownBase, settings: Settings, months: int, earlier: EarlierFigures | None) -> CompanyFigures:
    """Every table of the figures; ``rebuilt`` has no rows where no run stood on an earlier day.

    A run of the same day that found the same movements is said again: what it was held against is gone.
    """
    say("figures: the movements of accounts, from the ledger")
    computed = company_figures(base, settings.expansion, months)
    changed, movements = pd.DataFrame(columns=list(REBUILT.names)), computed.tables[ACCOUNT_MOVEMENTS.name]
    if earlier is not None and earlier.day < base.snapshot_date:
        late, rewritten = late_accounts(base, earlier.day), set[str]()
        if earlier.rows is not None:
            rewritten = rewritten_accounts(earlier.rows, account_rows(base, earlier.day))
        changed = rebuilt(earlier.movements, movements, earlier.day, late, settings.expansion, rewritten)
    elif earlier is not None and earlier.day == base.snapshot_date and _are_same(earlier.movements, movements):
        changed = earlier.rebuilt
    read = account_rows(base, base.snapshot_date)
    return replace(computed, tables=computed.tables | {REBUILT.name: changed, ACCOUNT_ROWS.name: read})


def _are_same(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    return to_arrow(one, ACCOUNT_MOVEMENTS).equals(to_arrow(other, ACCOUNT_MOVEMENTS))


def read_earlier(folder: Path) -> EarlierFigures | None:
    """What the last run wrote there; None where there is nothing.

    The folder is replaced as a whole: raises ``PublishError`` where it holds anything else, or cannot be read.
    """
    if not (folder / MANIFEST).is_file():
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise PublishError(
                f"Write the figures to {folder}.",
                f"it holds something else: there is no {MANIFEST} in it, and all of it would be replaced.",
                "Give another folder with --out.",
            )
        return None
    try:
        day = date.fromisoformat(json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["day"])
        tables = {
            table.name: pq.read_table(folder / f"{table.name}.parquet").to_pandas(date_as_object=False)
            for table in (ACCOUNT_MOVEMENTS, REBUILT, ACCOUNT_ROWS)
            if table is not ACCOUNT_ROWS or (folder / f"{table.name}.parquet").is_file()
        }
    except (OSError, ValueError, KeyError) as error:
        raise PublishError(
            f"Read the figures of the last run in {folder}.", f"{error}.", "Move that folder away, and run it again."
        ) from error
    return EarlierFigures(day, tables[ACCOUNT_MOVEMENTS.name], tables[REBUILT.name], tables.get(ACCOUNT_ROWS.name))


@stage("write figures")
def write_figures(
    figures: CompanyFigures, leading: Headline, ready: Readiness, settings: Settings, folder: Path
) -> Path:
    """Write the tables, the drawings and the page, whole or not at all. Returns the page."""
    drawings = {name: svg(plot) for name, plot in plots_of(figures.tables).items()}
    title = f"The company's figures, as known before {figures.day}"
    rules = rules_in_words(settings.expansion)
    page = figures_page(title, figures.tables, leading, ready, rules, drawings, settings.serving.currency)
    with whole_folder(folder) as new:
        for name, table in FIGURES.items():
            write(new / f"{name}.parquet", to_arrow(figures.tables[name], table))
        for name, drawing in drawings.items():
            (new / f"{name}.svg").write_bytes(drawing)
        (new / PAGE).write_text(page, encoding="utf-8")
        said = {"day": figures.day.isoformat(), "ready": ready.verdict, "because": ready.because}
        (new / MANIFEST).write_text(json.dumps(said), encoding="utf-8")
    return folder / PAGE


@pipeline("figures")
def figures(
    config: Path | str | None = None,
    source: str | None = None,
    snapshot_date: date | str | None = None,
    out: Path | str | None = None,
    segment: str | None = None,
    months: int | None = None,
    signals: bool = True,
) -> dict[str, Any]:
    """Compute the figures of the last ``months`` that were over on ``snapshot_date`` (default: the day after the data).

    ``out``: the folder to write (default: ``figures`` in that of the reports). ``segment`` leads on the page and in the
    terminal. ``signals``: count those that went with past expansions, which takes a build of features. Returns the
    page, the day, the leading figures, the verdict, how many rows of the last run changed, and the currency.
    """
    settings = load(config, source)
    folder = Path.cwd() / out if out is not None else settings.figures_folder
    earlier = read_earlier(folder)
    base, _ = read_base(settings, snapshot_date)
    with base:
        computed = compute_figures(base, settings, months or MONTHS, earlier)
        leading = headline(computed.tables, segment)
        found = find_signals(base, settings) if signals else None
        ready, tables = compute_readiness(base, computed.moves, found, settings)
    computed = replace(computed, tables=computed.tables | tables)
    page = write_figures(computed, leading, ready, settings, folder)
    return {
        "page": page,
        "day": computed.day,
        "leading": leading,
        "ready": ready,
        "rebuilt": len(computed.tables["rebuilt"]),
        "currency": settings.serving.currency,
    }
