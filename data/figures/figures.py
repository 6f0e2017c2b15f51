"""All the company's figures of a base, as tables."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from data.errors import NotEnoughHistoryError
from data.figures.accounts.calendar import first_days, month_of, whole_months
from data.figures.accounts.moves import AccountMoves, account_moves
from data.figures.accounts.panel import panel_of
from data.figures.accounts.slices import slices_of
from data.figures.measures.after_expansion import after_expansion, ratings_of
from data.figures.measures.bridge import bridge, expansion
from data.figures.measures.cohorts import cohorts, motion_order, motion_orders
from data.figures.measures.plays import plays, plays_of
from data.figures.measures.retention import retention
from data.figures.measures.time_to_expansion import lives_of, speed, time_to_expansion
from data.figures.rebuilt import settled_before
from data.figures.tables import FIGURES
from data.ledger.rules import ExpansionRules
from data.sources.known import KnownBase


@dataclass(frozen=True)
class CompanyFigures:
    """What was known before ``day``: the ``tables`` by name, as ``data.figures.tables`` declares them, and the
    movements that they are made of.
    """

    day: date
    tables: dict[str, pd.DataFrame]
    moves: AccountMoves


def company_figures(base: KnownBase, rules: ExpansionRules, months: int) -> CompanyFigures:
    """The figures of the last ``months`` that are over, of a base as known before its day.

    Raises ``NotEnoughHistoryError`` where no month is over in which anybody paid.
    """
    moves = account_moves(base, rules)
    tables = figures_of(moves, rules, months, ratings_of(base.tables))
    return CompanyFigures(base.snapshot_date, tables | {"plays": plays(plays_of(base.tables))}, moves)


def figures_of(
    moves: AccountMoves, rules: ExpansionRules, months: int, ratings: pd.DataFrame | None = None
) -> dict[str, pd.DataFrame]:
    """The same from the movements of accounts; without what needs an earlier run, or other tables."""
    shown = whole_months(moves.rows["day"].to_numpy(), moves.day, months)
    if not len(shown):
        raise _nothing_to_tell(moves.day, "nobody paid in a month that is over.")
    slices, panel = slices_of(moves.accounts), panel_of(moves, shown)
    by_segment, lives, orders = slices_of(moves.accounts, ("segment",)), lives_of(moves), motion_order(moves)
    tables = {
        "bridge": bridge(panel, slices, settled_before(moves.day, rules)),
        "retention": retention(panel, slices),
        "expansion": expansion(panel, slices),
        "cohorts": cohorts(moves),
        "motion_orders": motion_orders(moves, orders),
        "time_to_expansion": time_to_expansion(lives, by_segment),
        "expansion_speed": speed(lives, by_segment),
        "after_expansion": after_expansion(panel, moves, ratings_of({}) if ratings is None else ratings),
        "account_movements": account_movements(moves),
        "figure_accounts": figure_accounts(moves, orders),
    }
    if tables["bridge"].empty:
        raise _nothing_to_tell(moves.day, f"nobody paid in the last {len(shown)} that are over.")
    return {name: table[list(FIGURES[name].names)] for name, table in tables.items()}


def _nothing_to_tell(day: date, why: str) -> NotEnoughHistoryError:
    todo = "Choose another day with --snapshot-date, more of them with --months, or load a longer history."
    return NotEnoughHistoryError(f"Compute the figures of the months before {day}.", why, todo)


def account_movements(moves: AccountMoves) -> pd.DataFrame:
    """What each account moved in each month by each class."""
    rows = moves.rows.assign(month=month_of(moves.rows["day"].to_numpy()))
    summed = rows.groupby(["account", "month", "movement"], observed=True).delta_mrr_e4.sum().reset_index(name="mrr_e4")
    return summed.assign(
        account_id=moves.accounts["account_id"].to_numpy()[summed["account"].to_numpy()],
        month=first_days(summed["month"].to_numpy()),
        movement=summed["movement"].astype("str"),
    ).sort_values(["account_id", "month", "movement"], ignore_index=True)


def figure_accounts(moves: AccountMoves, orders: pd.Series) -> pd.DataFrame:
    """Each account with its slices, the order of its motions, and what it pays now."""
    paid = np.zeros(len(moves.accounts), "int64")
    np.add.at(paid, moves.rows["account"].to_numpy(), moves.rows["delta_mrr_e4"].to_numpy())
    return moves.accounts.assign(motions=orders.to_numpy(), mrr_e4=paid)
