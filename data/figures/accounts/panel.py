"""What accounts paid, month by month: the panel that bridge and retention are read from.

MRR *on* the first day of a month is what was open when it began: the day's own movements belong to the month.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from data.contract.vocabulary import MOVEMENT_CLASSES
from data.figures.accounts.calendar import YEAR_MONTHS, month_of
from data.figures.accounts.moves import AccountMoves

PRICE = MOVEMENT_CLASSES.index("price")


@dataclass(frozen=True)
class Panel:
    """``months`` are whole numbers, those that figures are told of. The matrices have one row per account.

    ``mrr_e4`` and ``price_e4`` have a column for the beginning of every month from a year before the first of
    ``months`` up to the end of the last: what the account pays, and all that its price moved since it came.
    ``moved_e4[class]`` has a column for each of these months but the last: what moved within it. ``first`` is the
    month of the first movement of all.
    """

    months: np.ndarray
    first: int
    mrr_e4: np.ndarray
    price_e4: np.ndarray
    moved_e4: dict[str, csr_array]

    @property
    def start_e4(self) -> np.ndarray:
        """What each account paid when each of the months began."""
        return self.mrr_e4[:, YEAR_MONTHS:-1]

    @property
    def end_e4(self) -> np.ndarray:
        """What each account paid when each of the months was over."""
        return self.mrr_e4[:, YEAR_MONTHS + 1 :]

    def of(self, accounts: slice) -> "Panel":
        """Those of some accounts."""
        moved = {name: amounts[accounts] for name, amounts in self.moved_e4.items()}
        return Panel(self.months, self.first, self.mrr_e4[accounts], self.price_e4[accounts], moved)

    def within_e4(self, movement: str) -> csr_array:
        """What moved within each of the months."""
        return self.moved_e4[movement][:, YEAR_MONTHS:]


def panel_of(moves: AccountMoves, months: np.ndarray) -> Panel:
    """The panel of some consecutive months."""
    rows, count = moves.rows, len(moves.accounts)
    of_month = month_of(rows["day"].to_numpy())
    first, end = months[0] - YEAR_MONTHS, months[-1] + 1
    # A column holds what moved before its month began; the first of them all that came before.
    column = np.maximum(of_month + 1 - first, 0)
    is_by_then = column <= end - first
    is_price = rows["movement"].cat.codes.to_numpy() == PRICE
    amounts = rows["delta_mrr_e4"].to_numpy()

    def before(which: np.ndarray) -> np.ndarray:
        at = (rows["account"].to_numpy()[which], column[which])
        moved = csr_array((amounts[which], at), shape=(count, end - first + 1), dtype="int64")
        return np.cumsum(moved.toarray(), axis=1)

    moved = _moved(rows, of_month, np.arange(first, end), count)
    return Panel(months, int(of_month.min(initial=end)), before(is_by_then), before(is_by_then & is_price), moved)


def _moved(rows: pd.DataFrame, of_month: np.ndarray, months: np.ndarray, count: int) -> dict[str, csr_array]:
    """By class what each account moved in each of the months."""
    is_inside = (of_month >= months[0]) & (of_month <= months[-1])
    inside, column = rows[is_inside], of_month[is_inside] - months[0]
    moved = {}
    for code, name in enumerate(MOVEMENT_CLASSES):
        of_class = inside["movement"].cat.codes.to_numpy() == code
        at = (inside["account"].to_numpy()[of_class], column[of_class])
        amounts = inside["delta_mrr_e4"].to_numpy()[of_class]
        moved[name] = csr_array((amounts, at), shape=(count, len(months)), dtype="int64")
    return moved
