"""Land and expand: how the accounts of an acquisition quarter grew, quarter by quarter, by movement, and by the order
of their motions.
"""

import numpy as np
import pandas as pd

from data.contract.vocabulary import MOTIONS, MOVEMENT_CLASSES
from data.figures.accounts.calendar import QUARTER_MONTHS, first_days, month_of
from data.figures.accounts.moves import AccountMoves

DIGITS = len(MOVEMENT_CLASSES) + 1


def cohorts(moves: AccountMoves) -> pd.DataFrame:
    """One row per acquisition quarter and quarter of its life that is over, as the table ``cohorts`` is declared.

    ``quarter`` 0 is the one in which the accounts came. What they pay at the end of it is 100%.
    """
    landed = _quarter(moves.accounts["acquired_on"].to_numpy())
    rows = moves.rows
    cohort = landed[rows["account"].to_numpy()]
    now = int(_quarter(np.array([moves.day], "datetime64[D]"))[0])
    first, ages = int(landed.min()), now - int(landed.min())
    size = (ages, ages, len(MOVEMENT_CLASSES))
    moved = np.zeros(size, "int64")
    quarter = _quarter(rows["day"].to_numpy())
    is_over = quarter < now
    at = (cohort - first, quarter - cohort, rows["movement"].cat.codes.to_numpy())
    np.add.at(moved, tuple(part[is_over] for part in at), rows["delta_mrr_e4"].to_numpy()[is_over])
    return _table(moved, np.bincount(landed - first, minlength=ages), first)


def _table(moved: np.ndarray, accounts: np.ndarray, first: int) -> pd.DataFrame:
    """``moved``: cohort by age in quarters by movement class."""
    ages = moved.shape[0]
    cohort, age = np.divmod(np.arange(ages * ages), ages)
    mrr = np.cumsum(moved.sum(axis=2), axis=1)
    table = pd.DataFrame(
        {
            "acquisition_quarter": first_days((first + cohort) * QUARTER_MONTHS),
            "quarter": age,
            "accounts": accounts[cohort],
            **{f"{name}_e4": moved[:, :, code].reshape(-1) for code, name in enumerate(MOVEMENT_CLASSES)},
            "mrr_e4": mrr.reshape(-1),
        }
    )
    landed = mrr[:, :1].sum(axis=1)[cohort]  # of no quarter where none is over
    table["of_landed"] = table["mrr_e4"] / pd.Series(landed).where(landed > 0)
    return table[(cohort + age < ages) & (table["accounts"] > 0)].reset_index(drop=True)


def _quarter(days: np.ndarray) -> np.ndarray:
    """The quarters of days as whole numbers."""
    return month_of(days) // QUARTER_MONTHS


def motion_orders(moves: AccountMoves, orders: pd.Series) -> pd.DataFrame:
    """One row per acquisition quarter and order of motions, as the table ``motion_orders`` is declared.

    ``orders``: of each account, as ``motion_order`` gives them.
    """
    rows, count = moves.rows, len(moves.accounts)
    place, amounts = rows["account"].to_numpy(), rows["delta_mrr_e4"].to_numpy()
    landed = _quarter(moves.accounts["acquired_on"].to_numpy())[place] == _quarter(rows["day"].to_numpy())
    paid = {"landed_e4": amounts * landed, "mrr_e4": amounts}
    of_account = {name: np.zeros(count, "int64") for name in paid}
    for name, moved in paid.items():
        np.add.at(of_account[name], place, moved)
    key = ["acquisition_quarter", "motions"]
    accounts = moves.accounts[key[:1]].assign(motions=orders.to_numpy(), accounts=1, **of_account)
    table = accounts.groupby(key, dropna=False).sum().reset_index().sort_values(key, ignore_index=True)
    return table.assign(of_landed=table["mrr_e4"] / table["landed_e4"].where(table["landed_e4"] > 0))


def motion_order(moves: AccountMoves) -> pd.Series:
    """For each account the motions in the order in which it first made them, such as ``seat > upsell``; else null."""
    rows = moves.rows[moves.rows["movement"].isin(MOTIONS)]
    firsts = rows.drop_duplicates(["account", "movement"])  # by account and day
    place = firsts.groupby("account").cumcount().to_numpy()
    # An order as one number: there are few, and each is put into words once.
    orders = np.zeros(len(moves.accounts), "int64")
    np.add.at(
        orders, firsts["account"].to_numpy(), (firsts["movement"].cat.codes.to_numpy("int64") + 1) * DIGITS**place
    )
    there, which = np.unique(orders, return_inverse=True)
    return pd.Series([_in_words(int(order)) for order in there], dtype="str").take(which).reset_index(drop=True)


def _in_words(order: int) -> str | None:
    names = []
    while order:
        order, code = divmod(order, DIGITS)
        names.append(MOVEMENT_CLASSES[code - 1])
    return " > ".join(names) or None
