"""What is known of the company before it builds an expansion motion: one number for each thing that is asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from data.contract.vocabulary import E4, MOTIONS
from data.figures.accounts.calendar import QUARTER_MONTHS, YEAR_MONTHS, first_days, month_of
from data.figures.accounts.moves import AccountMoves
from data.figures.accounts.panel import panel_of
from data.figures.measures.bridge import LOSSES, kept_e4
from data.figures.measures.retention import ends, with_rates
from data.figures.readiness.coverage import Seen
from data.figures.settings import FiguresSettings

DAYS_OF_MONTH = 365 / 12
IN_USE_DAYS = 91
PLAY_DAYS = 182
"""A play that was opened so long before the year may still have brought an expansion in it."""


@dataclass(frozen=True)
class CompanyState:
    """What was known before ``day``; None where it cannot be told.

    Shares are of 1. The year is the one that ends with the last month that is over. ``expansions``: by motion the
    accounts x quarters in which an account gained more by it than it lost. ``reactive_share``: the expansion ARR that
    the year kept of accounts without a play, of all ARR. ``signals``: how many went with past expansions, if
    ``signals_asked`` (None all the same: too little happened to tell). ``customers_a_year_ago``: those of whom
    ``yearly_churn`` is a share.
    """

    day: date
    customers: int
    tenured_customers: int
    median_tenure_months: float | None
    history_months: float
    in_use: float
    yearly_churn: float | None
    nrr: float | None
    grr: float | None
    expansions: Mapping[str, int]
    reactive_share: float | None
    payback_months: float | None
    expansion_cac: float | None
    customers_a_year_ago: int
    signals: int | None = None
    signals_asked: bool = False


def state_of(moves: AccountMoves, seen: Seen, settings: FiguresSettings) -> CompanyState:
    """The state of a company by the movements of its accounts and what its other tables know of them."""
    year = _Year(moves)
    pays = paid_before(moves, moves.day) > 0
    came = moves.accounts["acquired_on"].to_numpy("datetime64[D]")
    tenure = (np.datetime64(moves.day, "D") - came[pays]).astype("int64") / DAYS_OF_MONTH
    ids = set(moves.accounts["account_id"].to_numpy()[pays])
    return CompanyState(
        day=moves.day,
        customers=int(pays.sum()),
        tenured_customers=int((tenure >= settings.readiness.tenure_months).sum()),
        median_tenure_months=float(np.median(tenure)) if len(tenure) else None,
        history_months=_known_days(came, seen, moves.day) / DAYS_OF_MONTH,
        in_use=len(ids & seen.users_since(IN_USE_DAYS)) / max(1, len(ids)),
        yearly_churn=year.churn,
        nrr=year.nrr,
        grr=year.grr,
        expansions=expansions_of(moves),
        reactive_share=year.reactive_share(seen.plays),
        payback_months=year.payback_months(settings),
        expansion_cac=year.expansion_cac(settings),
        customers_a_year_ago=year.accounts_then,
    )


def _known_days(came: np.ndarray, seen: Seen, day: date) -> int:
    """So many days of both lines and use; 0 where one is not there."""
    if not len(came) or seen.first_use is None:
        return 0
    return min((day - pd.Timestamp(came.min()).date()).days, (day - seen.first_use).days)


def paid_before(moves: AccountMoves, day: date) -> np.ndarray:
    """What each account paid when a day began, in ten-thousandths a month."""
    is_before = moves.rows["day"].to_numpy("datetime64[D]") < np.datetime64(day, "D")
    total = np.zeros(len(moves.accounts), "int64")
    np.add.at(total, moves.rows["account"].to_numpy()[is_before], moves.rows["delta_mrr_e4"].to_numpy()[is_before])
    return total


class _Year:
    """The year that ends with the last month that is over, by the measures of the figures.

    ``churn``: the share of the ``accounts_then``, those of its beginning, that pay nothing at its end; None of none.
    """

    def __init__(self, moves: AccountMoves) -> None:
        self.accounts = moves.accounts["account_id"]
        end = month_of(np.array([moves.day], "datetime64[D]"))[0]
        self.begin, self.end = first_days(np.array([end - YEAR_MONTHS, end]))
        self.panel = panel_of(moves, np.array([end - 1]))
        self.kept_e4 = kept_e4(self.panel, YEAR_MONTHS)[:, 0]
        cohort = ends(self.panel, YEAR_MONTHS)
        rates = with_rates(pd.DataFrame({name: [values.sum()] for name, values in cohort.items()})).iloc[0]
        self.accounts_then = int(rates["accounts"])
        is_there = self.accounts_then > 0
        self.nrr, self.grr = (float(rates[name]) if is_there else None for name in ("nrr", "grr"))
        self.churn = float((cohort["churn_e4"] > 0).sum() / self.accounts_then) if is_there else None

    def reactive_share(self, plays: pd.DataFrame) -> float | None:
        """The expansion that was kept of accounts with which no play was opened before or in the year, of ARR."""
        opened = plays["opened_on"].to_numpy("datetime64[D]")
        in_time = (opened >= self.begin - np.timedelta64(PLAY_DAYS, "D")) & (opened < self.end)
        played = self.accounts.isin(plays["account_id"][in_time]).to_numpy()
        total = int(np.maximum(self.panel.end_e4, 0).sum())
        return float(self.kept_e4[~played].sum() / total) if total else None

    def payback_months(self, settings: FiguresSettings) -> float | None:
        """Months until what new customers pay has paid back what winning them cost."""
        won = self.panel.moved_e4["new"][:, -YEAR_MONTHS:].sum() / E4 * settings.gross_margin
        return None if settings.new_customer_cost is None or won <= 0 else float(settings.new_customer_cost / won)

    def expansion_cac(self, settings: FiguresSettings) -> float | None:
        """What 1 of expansion ARR that the year kept has cost."""
        kept = YEAR_MONTHS * self.kept_e4.sum() / E4
        return None if settings.expansion_cost is None or kept <= 0 else float(settings.expansion_cost / kept)


def expansions_of(moves: AccountMoves) -> dict[str, int]:
    """By motion: accounts x quarters in which an account gained by it, and all in all more than it lost.

    Use that rises and falls within a quarter counts once, or not at all.
    """
    rows = moves.rows[moves.rows["movement"].isin((*MOTIONS, *LOSSES))]
    quarter = month_of(rows["day"].to_numpy("datetime64[D]")) // QUARTER_MONTHS
    key = [rows["account"].to_numpy(), quarter]
    names = rows["movement"].astype("str")
    amounts = rows["delta_mrr_e4"]
    kept = amounts.groupby(key).transform("sum") > 0
    gained = amounts[kept].groupby([names[kept], *(part[kept.to_numpy()] for part in key)]).sum()
    counts = (gained > 0).groupby(level=0).sum()
    return {motion: int(counts.get(motion, 0)) for motion in MOTIONS}
