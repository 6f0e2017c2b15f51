"""What became of accounts in the half year after they expanded, against like accounts that did not.

Who expands is larger, older or of another segment than who does not, so the two are compared within cells: of one
month, segment, band of tenure and band of MRR (coarsened exact matching: Iacus, King and Porro 2012). The others of a
cell count as often as there are expansions in it. Only what was known when the month ended tells who is compared: all
paid when it began and when it was over, and had not expanded in the half year before; the others may expand later.

An account stands in several cells, so intervals take all that comes of one account as one (cluster-robust variance).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm

from data.contract.vocabulary import MOTIONS
from data.figures.accounts.calendar import YEAR_MONTHS, month_of
from data.figures.accounts.moves import AccountMoves
from data.figures.accounts.panel import Panel
from data.figures.measures.bridge import LOSSES
from data.figures.measures.tables import AFTER_EXPANSION, ANY, CHURN, CONTRACTION, OUTCOMES, SATISFACTION
from data.time_cut import Tables

AFTER_MONTHS, MOST_MONTHS = 6, 24
"""How long it is looked at, and after the expansions of how many months: the last whose half year is over."""
TENURE_MONTHS, MRR_BANDS = (6, 12, 24, 48), 5
"""Where bands of tenure end; bands of MRR hold as many accounts each, month by month."""
QUANTILE = float(norm.ppf(0.975))
"""Of intervals of 95%."""


@dataclass(frozen=True)
class ComparedMonth:
    """The accounts that are compared in one month, by ``place``, and the ``cell`` of each.

    ``expanded``: by motion, which did in that month. ``came``: by outcome, what followed (NaN: not known).
    """

    place: np.ndarray
    cell: np.ndarray
    expanded: dict[str, np.ndarray]
    came: dict[str, np.ndarray]


def ratings_of(tables: Tables) -> pd.DataFrame:
    """One row per ticket that was rated, as known: ``account_id``, ``day`` on which it was closed, ``rating``."""
    if "tickets" not in tables:
        return pd.DataFrame({"account_id": [], "day": np.zeros(0, "datetime64[D]"), "rating": np.zeros(0)})
    tickets = tables["tickets"]
    rated = tickets.filter(tickets.csat.notnull() & tickets.closed_on.notnull())
    return rated.select("account_id", day="closed_on", rating="csat").to_pyarrow().to_pandas(date_as_object=False)


def after_expansion(panel: Panel, moves: AccountMoves, ratings: pd.DataFrame) -> pd.DataFrame:
    """One row per motion and outcome, as the table ``after_expansion`` is declared.

    ``ratings``: ``account_id``, ``day`` and ``rating`` of the tickets that were rated.
    """
    count = len(moves.accounts)
    sums = {(motion, outcome): _Comparison(count) for motion in (ANY, *MOTIONS) for outcome in OUTCOMES}
    for month in compared_months(panel, moves, ratings):
        for (motion, outcome), comparison in sums.items():
            is_asked = month.expanded[motion] | ~month.expanded[ANY]  # who expanded otherwise is nobody's like
            comparison.add(month, motion, outcome, is_asked)
    rows = [{"motion": motion, "outcome": outcome, **sums[motion, outcome].row()} for motion, outcome in sums]
    numbers = dict.fromkeys(("expanded", "alike", "difference", "low", "high"), "float64")
    return pd.DataFrame(rows).astype(numbers).sort_values(list(AFTER_EXPANSION.order), ignore_index=True)


def compared_months(panel: Panel, moves: AccountMoves, ratings: pd.DataFrame) -> Iterator[ComparedMonth]:
    """The months whose half year is over, oldest first, with whoever is compared in them."""
    gained = {motion: panel.moved_e4[motion] for motion in MOTIONS}
    total = sum(gained.values())
    kept = ((total + sum(panel.moved_e4[name] for name in LOSSES)) > 0).multiply(total > 0).toarray()
    by_motion = {motion: (of_motion > 0).toarray() & kept for motion, of_motion in gained.items()} | {ANY: kept}
    segment, _ = pd.factorize(moves.accounts["segment"], use_na_sentinel=False)
    came_on = month_of(moves.accounts["acquired_on"].to_numpy("datetime64[D]"))
    who = pd.Index(moves.accounts["account_id"]).get_indexer(ratings["account_id"])
    rated_by = ratings.assign(account=who)[who >= 0]
    last = len(panel.months) - AFTER_MONTHS
    for at in range(max(0, last - MOST_MONTHS), last):
        column = YEAR_MONTHS + at
        quiet = ~kept[:, column - AFTER_MONTHS : column].any(axis=1)
        start, end, later = panel.start_e4[:, at], panel.end_e4[:, at], panel.end_e4[:, at + AFTER_MONTHS]
        place = np.flatnonzero((start > 0) & (end > 0) & quiet)
        tenure = np.digitize(panel.months[at] - came_on[place], TENURE_MONTHS)
        cells = pd.DataFrame({"segment": segment[place], "tenure": tenure, "mrr": _bands(start[place])})
        rated = _mean_rating(rated_by, len(moves.accounts), panel.months[at])
        yield ComparedMonth(
            place,
            cells.groupby(list(cells)).ngroup().to_numpy(),
            {motion: of_motion[place, column] for motion, of_motion in by_motion.items()},
            {
                CHURN: (later[place] <= 0).astype("float64"),
                CONTRACTION: ((later[place] > 0) & (later[place] < end[place])).astype("float64"),
                SATISFACTION: rated[place],
            },
        )


def _bands(mrr_e4: np.ndarray) -> np.ndarray:
    """The band of each amount: as many in each, equal amounts in one."""
    if not len(mrr_e4):
        return np.zeros(0, "int64")
    edges = np.quantile(mrr_e4, np.arange(1, MRR_BANDS) / MRR_BANDS)
    return np.digitize(mrr_e4, edges, right=True)


def _mean_rating(ratings: pd.DataFrame, accounts: int, month: int) -> np.ndarray:
    """The mean rating of each account in the half year after a month; NaN where it gave none."""
    of_month = month_of(ratings["day"].to_numpy("datetime64[D]"))
    inside = ratings[(of_month > month) & (of_month <= month + AFTER_MONTHS)]
    means = inside.groupby("account").rating.mean()
    rated = np.full(accounts, np.nan)
    rated[means.index.to_numpy("int64")] = means
    return rated


class _Comparison:
    """The sums of one outcome after one motion: of all, and each account's part of them."""

    def __init__(self, accounts: int) -> None:
        self.expansions, self.expanded_sum, self.alike_sum = 0, 0.0, 0.0
        self.parts, self.matched = np.zeros(accounts), np.zeros(accounts)

    def add(self, month: ComparedMonth, motion: str, outcome: str, is_asked: np.ndarray) -> None:
        """What came of those of a month that are asked about, cell by cell."""
        self.expansions += int(month.expanded[motion].sum())
        is_asked = is_asked & ~np.isnan(month.came[outcome])
        place, cell = month.place[is_asked], month.cell[is_asked]
        expanded, came = month.expanded[motion][is_asked], month.came[outcome][is_asked]
        count = int(cell.max(initial=-1)) + 1
        mine, others = (np.bincount(cell[which], minlength=count) for which in (expanded, ~expanded))
        is_both = (mine > 0) & (others > 0)
        alike = np.bincount(cell[~expanded], came[~expanded], count) / np.maximum(others, 1)
        weight = np.where(expanded, 1.0, -(mine / np.maximum(others, 1))[cell]) * is_both[cell]
        self.expanded_sum += float(came[expanded & is_both[cell]].sum())
        self.alike_sum += float((alike * mine)[is_both].sum())
        # An account is in a month once, so no place comes twice.
        self.parts[place] += weight * (came - alike[cell])
        self.matched[place] += expanded & is_both[cell]

    def row(self) -> dict[str, float | int | None]:
        """What it comes to; only counts where no expansion has its like.

        No interval where nothing differs, or of one account: how far others would lie from it is not known.
        """
        count = int(self.matched.sum())
        counts: dict[str, float | int | None] = {"expansions": self.expansions, "matched": count}
        if not count:
            return counts | dict.fromkeys(("expanded", "alike", "difference", "low", "high"))
        difference = (self.expanded_sum - self.alike_sum) / count
        spread = float(np.sqrt(((self.parts - difference * self.matched) ** 2).sum())) / count
        is_known = np.count_nonzero(self.matched) > 1 and spread > 0
        return counts | {
            "expanded": self.expanded_sum / count,
            "alike": self.alike_sum / count,
            "difference": difference,
            "low": difference - QUANTILE * spread if is_known else None,
            "high": difference + QUANTILE * spread if is_known else None,
        }
