"""The figures of a drawn base, written as ``headroom figures`` writes them."""

from dataclasses import replace
from datetime import date
from pathlib import Path

from data.currency import in_reporting_currency
from data.figures.headline import headline
from flows.pipelines.figures import compute_figures, read_earlier, write_figures
from flows.pipelines.readiness import compute_readiness
from flows.run.settings import Settings
from tests.drawn import base as drawn_base
from tests.drawn import known


def write_drawn_figures(folder: Path, settings: Settings, day: date, **tables: str) -> None:
    """Write the figures as known before a day into ``folder``, on top of those that an earlier run left there."""
    base = known(in_reporting_currency(drawn_base(**tables), day), day)
    made = compute_figures(base, settings, 12, read_earlier(folder))
    ready, readiness_tables = compute_readiness(base, made.moves, None, settings)
    made = replace(made, tables=made.tables | readiness_tables)
    write_figures(made, headline(made.tables), ready, settings, folder)
