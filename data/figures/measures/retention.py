"""NRR and GRR of closed cohorts: by the SaaS Metrics Standards Board, and of the motions alone, price apart.

The cohort of a window are the accounts that paid when it began; whoever came or came back later is in neither part.
Each account is compared with itself, all its products together, at the two ends of the window:

    NRR = sum of end / sum of start                GRR = sum of min(end, start) / sum of start

so GRR is at most 100% and at most NRR, account by account. More is expansion (a price rise too, as the standard has
it), less is contraction, nothing left is churn. *Motions alone* is the same with the end of an account less what its
price movements within the window left of it, which is told as one amount, ``price``.
"""

from functools import partial

import numpy as np
import pandas as pd

from data.figures.accounts.calendar import WINDOWS, YEAR_MONTHS, first_days
from data.figures.accounts.panel import Panel
from data.figures.accounts.slices import Slices


def retention(panel: Panel, slices: Slices) -> pd.DataFrame:
    """One row per slice, month and window with a cohort, as the table ``retention`` is declared."""
    tables = []
    for window in WINDOWS:
        table = slices.table(first_days(panel.months), **slices.sums_of(partial(_of_some, panel, window)))
        table.insert(3, "months", window)
        tables.append(table[table["accounts"] > 0])
    return with_rates(pd.concat(tables, ignore_index=True))


def _of_some(panel: Panel, window: int, accounts: slice) -> dict[str, np.ndarray]:
    return ends(panel.of(accounts), window)


def ends(panel: Panel, window: int) -> dict[str, np.ndarray]:
    """What each account of the cohort comes to at the end of each month, accounts by months; 0 for all others."""
    columns = slice(YEAR_MONTHS + 1 - window, panel.mrr_e4.shape[1] - window)
    start = np.maximum(panel.mrr_e4[:, columns], 0)
    end = np.where(start > 0, np.maximum(panel.end_e4, 0), 0)
    moved = panel.price_e4[:, YEAR_MONTHS + 1 :] - panel.price_e4[:, columns]
    price = np.where(end > 0, np.minimum(moved, end), 0)
    return {
        "accounts": (start > 0).astype("int64"),
        "start_e4": start,
        "expansion_e4": np.maximum(end - start, 0),
        "contraction_e4": np.where(end > 0, np.maximum(start - end, 0), 0),
        "churn_e4": np.where(end > 0, 0, start),
        "end_e4": end,
        "price_e4": price,
        "kept_of_motions_e4": np.minimum(end - price, start),
    }


def with_rates(table: pd.DataFrame) -> pd.DataFrame:
    """The table with its rates: shares of what the cohort paid when the window began, which is above 0."""
    start, end, price = table["start_e4"], table["end_e4"], table["price_e4"]
    return table.assign(
        nrr=end / start,
        nrr_motions=(end - price) / start,
        nrr_price=price / start,
        grr=(start - table["contraction_e4"] - table["churn_e4"]) / start,
        grr_motions=table["kept_of_motions_e4"] / start,
    )
