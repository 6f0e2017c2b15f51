"""The page of the company's figures: self-contained HTML, nothing from elsewhere, everything escaped."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from data.contract.vocabulary import E4, MOVEMENT_CLASSES
from data.figures.accounts.calendar import YEAR_MONTHS
from data.figures.accounts.slices import DIMENSIONS, WHOLE, of_slice
from data.figures.benchmarks import comparisons
from data.figures.headline import NOT_KNOWN, Headline, headline
from data.figures.measures.tables import SATISFACTION
from data.figures.readiness.verdict import Readiness, in_unit
from data.figures.tables import FIGURES
from models.report.drawing import address
from models.report.templating import environment

MOST_SLICES = 30
"""Slices of a dimension on the page, those with the most MRR; the tables have all."""
MOST_REBUILT = 50
MOST_SIGNALS = 20
MOST_ORDERS = 12
"""Orders of motions on the page, those of the most accounts; the table has all, by quarter."""


def figures_page(
    title: str,
    tables: Mapping[str, pd.DataFrame],
    leading: Headline,
    ready: Readiness,
    rules: Sequence[tuple[str, str]],
    drawings: Mapping[str, bytes],
    currency: str,
) -> str:
    """The page. ``drawings``: SVG by name; ``rules`` are told beside the figures."""
    made = environment()
    made.filters.update(
        money=lambda e4: money(e4, currency),
        share=share,
        slice=_slice,
        number=_number,
        p_value=_p_value,
        auc=_auc,
        in_unit=in_unit,
        outcome=_outcome,
    )
    return made.get_template("figures.html.j2").render(
        title=title,
        leading=leading,
        ready=ready,
        signals=_strongest(tables["signals"]).to_dict("records"),
        after=tables["after_expansion"].query("matched > 0").to_dict("records"),
        plays=tables["plays"].to_dict("records"),
        worth=tables["table_worth"].to_dict("records"),
        comparisons=comparisons(headline(tables)),
        rules=rules,
        plots={name: address(drawing, "svg+xml") for name, drawing in drawings.items()},
        classes=MOVEMENT_CLASSES,
        year=of_slice(tables["bridge"]).tail(YEAR_MONTHS).to_dict("records"),
        dimensions=[(name, _of_slices(tables, name)) for name in (WHOLE, *DIMENSIONS)],
        most=MOST_SLICES,
        most_orders=MOST_ORDERS,
        orders=_most_frequent(tables["motion_orders"]),
        speed=tables["expansion_speed"].to_dict("records"),
        rebuilt=tables["rebuilt"].head(MOST_REBUILT).to_dict("records"),
        rebuilt_count=len(tables["rebuilt"]),
        files=FIGURES,
    )


def _of_slices(tables: Mapping[str, pd.DataFrame], dimension: str) -> list[dict[str, float]]:
    """The retention of the last year of each slice of a dimension, the largest first, with its expansion ARR."""
    last, key = tables["bridge"]["month"].max(), ["dimension", "slice"]
    retained, expanded = (
        table[(table["dimension"] == dimension) & (table["month"] == last) & (table["months"] == YEAR_MONTHS)]
        for table in (tables["retention"], tables["expansion"])
    )
    columns = [*key, "expansion_arr_e4", "kept_arr_e4", "kept_share"]
    slices = retained.merge(expanded[columns], on=key, how="left")
    return slices.sort_values("end_e4", ascending=False, kind="stable").head(MOST_SLICES).to_dict("records")


def _most_frequent(orders: pd.DataFrame) -> list[dict[str, Any]]:
    """The orders of motions of all quarters together, that of the most accounts first."""
    sums = orders.groupby("motions", dropna=False)[["accounts", "landed_e4", "mrr_e4"]].sum().reset_index()
    sums["of_landed"] = sums["mrr_e4"] / sums["landed_e4"].where(sums["landed_e4"] > 0)
    most = sums.sort_values("accounts", ascending=False, kind="stable").head(MOST_ORDERS)
    return [{str(name): value for name, value in row.items()} for row in most.to_dict("records")]


def _strongest(signals: pd.DataFrame) -> pd.DataFrame:
    """The strongest feature of each signal, the strongest first; those that went with past expansions before others."""
    ranked = signals.sort_values(["is_signal", "auc"], ascending=False, kind="stable")
    return ranked.drop_duplicates("story").head(MOST_SIGNALS)


def money(e4: float, currency: str) -> str:
    """An amount to the cent."""
    return "–" if pd.isna(e4) else f"{'-' if e4 < 0 else ''}{currency}{abs(e4) / E4:,.2f}"


def share(value: float | None) -> str:
    """A share as a percentage; a dash where nothing can be told."""
    return "–" if value is None or pd.isna(value) else f"{value:.1%}"


def _slice(name: str | float) -> str:
    return NOT_KNOWN if pd.isna(name) else str(name)


def _number(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:,.0f}"


def _outcome(value: float, outcome: str) -> str:
    """A share, or a rating."""
    return f"{value:.2f}" if outcome == SATISFACTION else share(value)


def _auc(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:.3f}"


def _p_value(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:.3f}" if value >= 0.001 else "< 0.001"
